//! What one source record becomes at a target.

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    digest::Digest,
    names::{FlowName, RecordId},
    outcome::Refusal,
    record::{Position, Reason, Version},
};

/// The version of a flow's text: its ordinal grows with each published change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowVersion {
    /// 1 for the first text of this name.
    pub ordinal: u32,
    /// Digest of the flow's text.
    pub digest: Digest,
}

/// One source record mapped by one flow version, all its rows together.
///
/// Every record that is not parked becomes one, also those that are filtered or refused: only the sink remembers
/// what became of a record before, so only the sink decides (design §6).
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The flow that made it.
    pub flow: FlowName,
    /// The version of that flow.
    pub flow_version: FlowVersion,
    /// The source record's id; the Kafka key.
    pub record_id: RecordId,
    /// The business key at the target (`FNumber`, `FBillNo`, the key columns), empty when there is no body.
    pub key: String,
    /// The number shown to people.
    pub number: String,
    /// What the mapping made of the record.
    pub verdict: Verdict,
    /// JSON text for the target: a model for an ERP, `{"rows":[[…]]}` for a SQL table,
    /// `{"main_params":{…},"extend_params_1":[{…}],"extend_params_2":{…}}` for SQL `execute`, where a value that is
    /// absent is NULL. Empty unless `verdict` is [`Verdict::Mapped`], or [`Verdict::Filtered`] by a flow with
    /// `on_leave: delete`: then it names the rows to delete, should they have been delivered.
    pub body: Bytes,
    /// Digest of `body`.
    pub digest: Digest,
    /// The source record's bytes, for a whole dead letter.
    pub payload: Bytes,
    /// Digest of the source record; of a removed one [`Digest::of_removed`].
    pub source_digest: Digest,
    /// The source record's version.
    pub version: Version,
    /// Where the source record stands.
    pub origin: Position,
    /// Why it was read.
    pub reason: Reason,
    /// When it was polled.
    pub polled_at: Timestamp,
    /// Whether the record was removed at its source, as the mapping tells ([`crate::processor::Mapped::deleted`]).
    pub deleted: bool,
    /// Which part of the source record it is, from 1; 0 for all of it. The id of a part ends in `-` and its number.
    pub part: u32,
    /// Whether a person changed the payload; `source_digest` is still that of the bytes the source sent.
    pub repaired: bool,
    /// The job that brought the record, empty when none did.
    pub job: String,
}

/// Joins the parts of a business key as [`Document::key`] holds them: by `|`, with `\` before one that a part holds.
pub fn join_key<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let escaped: Vec<String> =
        parts.into_iter().map(|part| part.replace('\\', "\\\\").replace('|', "\\|")).collect();
    escaped.join("|")
}

/// The parts of a business key that [`join_key`] joined.
pub fn split_key(key: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut is_escaped = false;
    for c in key.chars() {
        match c {
            '\\' if !is_escaped => {
                is_escaped = true;
                continue;
            }
            '|' if !is_escaped => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
        is_escaped = false;
    }
    parts.push(part);
    parts
}

/// What the mapping made of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// There is a body to deliver.
    Mapped,
    /// A filter of the flow left it out; the text names the rule.
    Filtered(String),
    /// The mapping refused it.
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_key_come_back() {
        for (parts, key) in [
            (&["x|y", "z"][..], "x\\|y|z"),
            (&["x\\", "y|z"], "x\\\\|y\\|z"),
            (&["x", ""], "x|"),
            (&["TK1"], "TK1"),
        ] {
            assert_eq!(join_key(parts.iter().copied()), key);
            assert_eq!(split_key(key), parts, "{key}");
        }
    }
}
