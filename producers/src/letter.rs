//! Letters for `weir.dead.<source>`: answers and rows that could not become a record, whole and with the cause.

use bytes::{BufMut as _, Bytes, BytesMut};
use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    letter::{DeadLetter, Stage},
    names::SourceName,
    outcome::Refusal,
    record::{Reason, Version},
};

/// A letter about `payload`, the bytes of an answer or row; its digest identifies it.
pub fn letter(source: &SourceName, refusal: Refusal, payload: Bytes, at: Timestamp) -> DeadLetter {
    let digest = Digest::of(&payload);
    DeadLetter {
        owner: source.to_string(),
        stage: Stage::Producer,
        record_id: digest.to_string(),
        key: String::new(),
        number: String::new(),
        refusal,
        payload,
        body: Bytes::new(),
        origin: None,
        version: Version::default(),
        source_digest: digest,
        flow_ordinal: 0,
        reason: Reason::Poll,
        at,
        part: 0,
        deleted: false,
        repaired: false,
        job: String::new(),
    }
}

/// The rows of an answer as one JSON array, each as it came.
pub fn array_of<'a>(rows: impl IntoIterator<Item = &'a Bytes>) -> Bytes {
    let mut text = BytesMut::from(&b"["[..]);
    for row in rows {
        if text.len() > 1 {
            text.put_u8(b',');
        }
        text.extend_from_slice(row);
    }
    text.put_u8(b']');
    text.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;

    #[test]
    fn a_letter_is_identified_by_its_bytes() {
        let rows = [Bytes::from_static(b"{\"a\":1}"), Bytes::from_static(b"2")];
        let payload = array_of(&rows);
        assert_eq!(payload.as_ref(), b"[{\"a\":1},2]");
        let at = Timestamp::UNIX_EPOCH;
        let letter = letter(&"s".into(), Refusal::new(code::NO_ID, "x"), payload.clone(), at);
        assert_eq!((letter.record_id, letter.owner.as_str()), (Digest::of(&payload).to_string(), "s"));
        assert_eq!(array_of(&[]).as_ref(), b"[]");
    }
}
