//! HTTP/1.1 as far as a proxy needs it: a head, and a body whose length the head tells.

use std::io::{self, BufRead, Read};

use super::Call;
use super::pump::Frame;

/// A longer head is not HTTP.
const LONGEST_HEAD: usize = 64 << 10;

/// The next request; none when the client has closed.
pub(super) fn read_request(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(mut bytes) = read_head(from)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    read_body(from, &text, &mut bytes)?;
    Ok(Some(Frame { bytes, pairing: 0, call: Some((Call::Http { path }, None)), is_answered: true }))
}

/// The next answer; none when the server has closed.
pub(super) fn read_answer(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(mut bytes) = read_head(from)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    read_body(from, &text, &mut bytes)?;
    Ok(Some(Frame { bytes, ..Frame::default() }))
}

fn read_head(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let before = head.len();
        if from.read_until(b'\n', &mut head)? == 0 || head.len() > LONGEST_HEAD {
            return if before == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
    }
    Ok(Some(head))
}

/// No body unless a length is told, which the clients and servers of these tests do.
fn read_body(from: &mut impl BufRead, head: &str, bytes: &mut Vec<u8>) -> io::Result<()> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    let wanted = length.unwrap_or(0);
    let read = from.take(wanted).read_to_end(bytes)?;
    if u64::try_from(read).is_ok_and(|read| read == wanted) {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_cut_where_they_end() {
        let text = b"POST /a/b?c=1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyzGET /d HTTP/1.1\r\n\r\n";
        let mut from = &text[..];
        let first = read_request(&mut from).unwrap().unwrap();
        assert!(first.bytes.ends_with(b"\r\n\r\nxyz"));
        assert_eq!(first.call, Some((Call::Http { path: "/a/b?c=1".to_owned() }, None)));
        let second = read_request(&mut from).unwrap().unwrap();
        assert_eq!(second.call, Some((Call::Http { path: "/d".to_owned() }, None)));
        assert_eq!(read_request(&mut from).unwrap(), None);
        let mut cut_short = &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"[..];
        assert!(read_answer(&mut cut_short).is_err());
    }
}
