//! How far a job has come: the text of its progress that only its owner needs, and that commands show.
//!
//! It stands in `weir.control` in the transaction of each chunk, so whoever takes the job over goes on exactly where the
//! last committed chunk ended (invariant 7).

use serde::{Deserialize, Serialize};
use weir_kafka::Stretch;

/// Where a replay or a repair stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// Of a replay: what is left of each partition. Both ends are fixed when the job begins.
    pub stretches: Vec<Span>,
    /// Of a repair: how many of the letters to send were dealt with.
    pub letters: usize,
    /// Where the job began to look for letters of its own records.
    pub watched: Vec<Mark>,
    /// Records that were sent into the flow.
    pub sent: u64,
    /// Letters or records that could not be sent.
    pub unsent: u64,
    /// Why the last one of those could not.
    pub unsent_because: String,
    /// Of a repair: letters that were left out since a newer one of the same record is sent.
    pub older: u64,
    /// Letters that were written of records of this job.
    pub refused: u64,
    /// Of a replay: when the oldest record came that is still kept, when older ones were asked for as well.
    pub kept_since: String,
}

/// What is left of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
    /// The offset before which it ends.
    pub until: i64,
}

/// A place in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub next: i64,
}

impl Track {
    /// Reads the text of a progress; none for an empty one, or one that other software wrote.
    pub fn parse(position: &str) -> Option<Self> {
        serde_json::from_str(position).ok()
    }

    /// The text.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// How many offsets are left to read.
    pub fn left(&self) -> u64 {
        let left = |span: &Span| u64::try_from(span.until.saturating_sub(span.next)).unwrap_or(0);
        self.stretches.iter().map(left).sum()
    }
}

impl From<Span> for Stretch {
    fn from(Span { partition, next, until }: Span) -> Self {
        Self { partition, next, until }
    }
}

impl From<Stretch> for Span {
    fn from(Stretch { partition, next, until }: Stretch) -> Self {
        Self { partition, next, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_newer_text_as_far_as_it_is_known() {
        let track = Track {
            stretches: vec![
                Span { partition: 0, next: 5, until: 9 },
                Span { partition: 3, next: 9_007_199_254_740_993, until: 9_007_199_254_740_994 },
            ],
            sent: 12,
            unsent_because: "无法读取".to_owned(),
            ..Track::default()
        };
        assert_eq!(Track::parse(&track.text()), Some(track.clone()));
        assert_eq!(track.left(), 5);
        assert_eq!(Track::parse(r#"{"sent": 3, "later": []}"#).unwrap().sent, 3);
        assert_eq!(Track::parse(""), None);
    }
}
