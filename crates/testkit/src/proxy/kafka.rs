//! Kafka's protocol as far as a proxy needs it: frames, the head of a request, and the four requests of a transaction.
//!
//! Layouts: Kafka protocol guide. A request begins with its kind, version, correlation id and client id; from some
//! version on a kind is "flexible": texts and lists have compact lengths, and tagged fields may follow.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead};
use std::sync::{Mutex, PoisonError};

use super::Call;
use super::pump::Frame;

/// A longer frame is not Kafka speaking.
const LONGEST_FRAME: usize = 100 << 20;

const PRODUCE: i16 = 0;
const ADD_PARTITIONS: i16 = 24;
const END_TRANSACTION: i16 = 26;
const TXN_OFFSET_COMMIT: i16 = 28;
/// From here on a request of brokers that speaks of many transactions.
const ADD_PARTITIONS_OF_BROKERS: i16 = 4;

/// The topics of open transactions, by transactional id.
#[derive(Debug, Default)]
pub(super) struct Transactions(Mutex<HashMap<String, BTreeSet<String>>>);

/// The next request; none when the client has closed.
pub(super) fn read_request(
    from: &mut impl BufRead,
    transactions: &Transactions,
) -> io::Result<Option<Frame>> {
    let Some(bytes) = read_frame(from)? else { return Ok(None) };
    let mut fields = Fields { rest: bytes.get(4..).unwrap_or_default(), is_flexible: false };
    let (pairing, is_answered, call) = read_call(&mut fields, transactions).unwrap_or((0, true, None));
    Ok(Some(Frame { bytes, pairing, call, is_answered }))
}

/// The next answer; none when the server has closed.
pub(super) fn read_answer(from: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(bytes) = read_frame(from)? else { return Ok(None) };
    let pairing = Fields { rest: bytes.get(4..).unwrap_or_default(), is_flexible: false }.i32().unwrap_or(0);
    Ok(Some(Frame { bytes, pairing, ..Frame::default() }))
}

/// A frame with its length.
fn read_frame(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut head = [0; 4];
    from.read_exact(&mut head)?;
    let length = usize::try_from(i32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if length > LONGEST_FRAME {
        return Err(io::Error::other(format!("a frame of {length} bytes is not from Kafka")));
    }
    let mut bytes = head.to_vec();
    bytes.resize(head.len() + length, 0);
    from.read_exact(bytes.get_mut(head.len()..).unwrap_or_default())?;
    Ok(Some(bytes))
}

type Read3 = (i32, bool, Option<(Call, Option<String>)>);

/// Correlation id, whether it is answered, and what can be met. None for what is shorter than its layout.
fn read_call(fields: &mut Fields<'_>, transactions: &Transactions) -> Option<Read3> {
    let (kind, version, correlation) = (fields.i16()?, fields.i16()?, fields.i32()?);
    let client = fields.text()?;
    let flexible_from = match kind {
        PRODUCE => 9,
        ADD_PARTITIONS | END_TRANSACTION | TXN_OFFSET_COMMIT => 3,
        _ => return Some((correlation, true, None)),
    };
    if version >= flexible_from {
        fields.is_flexible = true;
        fields.tags()?;
    }
    let mut is_answered = true;
    let call = match kind {
        PRODUCE => {
            fields.text()?; // transactional id
            is_answered = fields.i16()? != 0; // without acknowledgement there is no answer
            fields.i32()?; // timeout
            (fields.length()? > 0).then(|| fields.text()).flatten().map(|topic| Call::Produce { topic })
        }
        ADD_PARTITIONS if version < ADD_PARTITIONS_OF_BROKERS => {
            let id = fields.text()?;
            fields.producer()?;
            transactions.add(id, fields)?;
            None
        }
        END_TRANSACTION => {
            let transactional_id = fields.text()?;
            fields.producer()?;
            let topics = transactions.end(&transactional_id);
            (fields.byte()? != 0).then_some(Call::EndTransaction { transactional_id, topics })
        }
        TXN_OFFSET_COMMIT => Some(Call::OffsetsInTransaction { transactional_id: fields.text()? }),
        _ => None,
    };
    Some((correlation, is_answered, call.map(|call| (call, Some(client)))))
}

impl Transactions {
    /// Reads the list of topics with their partitions.
    fn add(&self, transactional_id: String, fields: &mut Fields<'_>) -> Option<()> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let topics = open.entry(transactional_id).or_default();
        for _topic in 0..fields.length()? {
            topics.insert(fields.text()?);
            for _partition in 0..fields.length()? {
                fields.i32()?;
            }
            fields.tags()?;
        }
        Some(())
    }

    fn end(&self, transactional_id: &str) -> BTreeSet<String> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(transactional_id).unwrap_or_default()
    }
}

/// What is left of a request.
struct Fields<'a> {
    rest: &'a [u8],
    is_flexible: bool,
}

impl Fields<'_> {
    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn i16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Producer id and epoch.
    fn producer(&mut self) -> Option<()> {
        self.take(10).map(|_| ())
    }

    fn varint(&mut self) -> Option<usize> {
        let (mut value, mut shift) = (0_usize, 0_u32);
        loop {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7F).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
    }

    /// The length of a list.
    fn length(&mut self) -> Option<usize> {
        if self.is_flexible { self.varint()?.checked_sub(1) } else { usize::try_from(self.i32()?).ok() }
    }

    /// A text; one that is null is empty. The client id keeps its old form in flexible requests too.
    fn text(&mut self) -> Option<String> {
        let length = if self.is_flexible {
            self.varint()?.saturating_sub(1)
        } else {
            usize::try_from(self.i16()?).unwrap_or(0)
        };
        Some(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// Tagged fields, passed over.
    fn tags(&mut self) -> Option<()> {
        if self.is_flexible {
            for _tag in 0..self.varint()? {
                self.varint()?;
                let size = self.varint()?;
                self.take(size)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Vec<u8> {
        let mut bytes = i16::try_from(value.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend(value.as_bytes());
        bytes
    }

    fn compact(value: &str) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(value.len() + 1).unwrap()];
        bytes.extend(value.as_bytes());
        bytes
    }

    fn request(kind: i16, version: i16, flexible: bool, body: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend(version.to_be_bytes());
        bytes.extend(77_i32.to_be_bytes());
        bytes.extend(text("sinks-1"));
        bytes.extend(flexible.then_some(0)); // no tags
        bytes.extend(body.concat());
        let mut framed = i32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(bytes);
        framed
    }

    fn read(bytes: &[u8], transactions: &Transactions) -> Frame {
        let mut from = bytes;
        let frame = read_request(&mut from, transactions).unwrap().unwrap();
        assert_eq!((frame.bytes.as_slice(), from.len(), frame.pairing), (bytes, 0, 77));
        frame
    }

    #[test]
    fn a_commit_names_the_topics_of_its_transaction_once() {
        let open = Transactions::default();
        let add = |name: &str| {
            let counts = [vec![0, 0, 0, 1], text(name), vec![0, 0, 0, 1], vec![0, 0, 0, 4]].concat();
            request(ADD_PARTITIONS, 0, false, &[text("t"), vec![0; 10], counts])
        };
        assert_eq!(read(&add("weir.tally"), &open).call, None);
        read(&add("weir.receipt.f"), &open);
        let commit = request(END_TRANSACTION, 1, false, &[text("t"), vec![0; 10], vec![1]]);
        let topics = BTreeSet::from(["weir.receipt.f".to_owned(), "weir.tally".to_owned()]);
        let expected = |topics| {
            let transactional_id = "t".to_owned();
            Some((Call::EndTransaction { transactional_id, topics }, Some("sinks-1".to_owned())))
        };
        assert_eq!(read(&commit, &open).call, expected(topics));
        assert_eq!(read(&commit, &open).call, expected(BTreeSet::new()));
        let abort = request(END_TRANSACTION, 3, true, &[compact("t"), vec![0; 10], vec![0]]);
        assert_eq!(read(&abort, &open).call, None);
    }

    #[test]
    fn flexible_requests_and_others_are_read_alike() {
        let open = Transactions::default();
        let offsets = request(TXN_OFFSET_COMMIT, 3, true, &[compact("t"), compact("group")]);
        let by = Some("sinks-1".to_owned());
        let call = Call::OffsetsInTransaction { transactional_id: "t".to_owned() };
        assert_eq!(read(&offsets, &open).call, Some((call, by.clone())));
        let call = Call::Produce { topic: "weir.receipt.f".to_owned() };
        let flexible = [compact("t"), vec![0xFF, 0xFF], vec![0; 4], vec![2], compact("weir.receipt.f")];
        assert_eq!(
            read(&request(PRODUCE, 10, true, &flexible), &open).call,
            Some((call.clone(), by.clone()))
        );
        let other = [text("t"), vec![0, 0], vec![0; 4], vec![0, 0, 0, 1], text("weir.receipt.f")];
        let unanswered = read(&request(PRODUCE, 7, false, &other), &open);
        assert_eq!((unanswered.call, unanswered.is_answered), (Some((call, by)), false));
        assert_eq!(read(&request(1, 11, false, &[]), &open).call, None, "a fetch");
    }
}
