//! MySQL's protocol as far as a proxy needs it: packets of the client, and the answer to a `COMMIT`.
//!
//! The answer to `COMMIT` is one small packet, and a client asks nothing before it has it: what the server sends next is
//! the answer. Everything else the server says is passed on as it comes.

use std::io::{self, BufRead};

use super::Call;
use super::pump::Frame;

const COM_QUERY: u8 = 3;

/// The client's next packet; none when it has closed.
pub(super) fn read_request(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let [low, middle, high, _sequence] = head;
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    let mut bytes = head.to_vec();
    bytes.resize(head.len() + length, 0);
    from.read_exact(bytes.get_mut(head.len()..).unwrap_or_default())?;
    let body = bytes.get(head.len()..).unwrap_or_default();
    let is_commit = body.split_first().is_some_and(|(command, text)| {
        *command == COM_QUERY && text.trim_ascii().eq_ignore_ascii_case(b"COMMIT")
    });
    let call = is_commit.then_some((Call::DatabaseCommit, None));
    Ok(Some(Frame { bytes, pairing: 0, call, is_answered: true }))
}

/// What the server has sent by now; none when it has closed.
pub(super) fn read_answer(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let bytes = from.fill_buf()?.to_vec();
    from.consume(bytes.len());
    Ok((!bytes.is_empty()).then(|| Frame { bytes, ..Frame::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_told_from_other_statements() {
        let mut sent = Vec::new();
        for text in ["BEGIN", "commit", "SELECT 'COMMIT'"] {
            sent.extend([u8::try_from(text.len() + 1).unwrap(), 0, 0, 0, COM_QUERY]);
            sent.extend(text.as_bytes());
        }
        let mut from = sent.as_slice();
        let mut commits = Vec::new();
        while let Some(frame) = read_request(&mut from).unwrap() {
            commits.push(frame.call == Some((Call::DatabaseCommit, None)));
        }
        assert_eq!(commits, [false, true, false]);
    }
}
