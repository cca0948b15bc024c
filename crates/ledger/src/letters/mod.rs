//! Dead letters: which there are, what they have in common, and how each stands.
//!
//! A letter's state is made of two things: what the projection knows came of its record since, and what the book knows
//! a person decided about it. So a rebuild of the projection changes no state, and nobody has to keep one up to date.

mod query;
mod standing;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use jiff::Timestamp;
use weir_model::record::{Position, Version};

pub use query::Group;
pub(crate) use query::{decision, id, of_letter, time};

pub use crate::trace::Place;

/// A letter, by where it stands among its owner's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterId {
    /// The flow or source whose letter it is; names the topic.
    pub owner: String,
    /// Where it stands in that topic.
    pub place: Place,
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (partition, offset) = text.split_once(':').ok_or(())?;
        Ok(Self { partition: partition.parse().map_err(|_| ())?, offset: offset.parse().map_err(|_| ())? })
    }
}

/// How a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Nothing came of it, and nobody decided about it.
    Open,
    /// It was sent again, and there is no answer yet.
    Resent,
    /// Its record, or a newer state of it, came to its end since.
    Solved,
    /// A person gave it up, for a reason.
    GivenUp,
    /// A newer letter of the same record took its place: it was refused again.
    FailedAgain,
}

impl State {
    /// All of them, in the order in which they are counted.
    pub const ALL: [Self; 5] = [Self::Open, Self::Resent, Self::Solved, Self::GivenUp, Self::FailedAgain];

    /// The state's name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resent => "resent",
            Self::Solved => "solved",
            Self::GivenUp => "given-up",
            Self::FailedAgain => "failed-again",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Which letters are meant. What is empty or `None` limits nothing.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Flows and sources.
    pub owners: Vec<String>,
    /// Single letters.
    pub places: Vec<Place>,
    /// The refusal's code.
    pub code: Option<String>,
    /// What they have in common, [`Letter::cause_id`].
    pub cause: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// The record's id, its number, or its business key.
    pub number: Option<String>,
    /// `producer`, `processor` or `sink`.
    pub stage: Option<String>,
    /// A part of the message.
    pub text: Option<String>,
    /// How they stand.
    pub states: Vec<State>,
}

/// The little that is known of every letter without reading its words.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Which letter.
    pub id: LetterId,
    /// The record's id.
    pub record_id: String,
    /// `producer`, `processor` or `sink`: what a producer refused never became a record.
    pub stage: String,
    /// The refusal's code.
    pub code: String,
    /// What letters of one cause have in common, a short digest.
    pub cause_id: String,
    /// When it was refused.
    pub at: Timestamp,
    /// How it stands.
    pub state: State,
    /// What a person decided about it last.
    pub decision: Option<Decision>,
    /// Whether a person edited its payload.
    pub is_edited: bool,
}

/// A letter, without its payload: that stands in its topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// What is known of every letter.
    pub head: Head,
    /// The number shown to people.
    pub number: String,
    /// The business key at the target.
    pub key: String,
    /// Which part of its record it is about; 0 for the whole.
    pub part: i64,
    /// Why it was refused, in the target's own words.
    pub message: String,
    /// The field concerned; empty when none was named.
    pub field: String,
    /// The message without what differs from letter to letter.
    pub cause: String,
    /// The record's version.
    pub version: Version,
    /// Ordinal of the flow's version; 0 when no document was made.
    pub flow_ordinal: i64,
    /// Why the record was on its way.
    pub reason: String,
    /// The job that brought it; empty for none.
    pub job: String,
    /// Whether its payload was repaired by a person before it was refused.
    pub repaired: bool,
    /// Whether the source said that the record was removed.
    pub deleted: bool,
    /// Where the record stands in its raw topic.
    pub origin: Option<Position>,
    /// Length of the payload in bytes.
    pub payload_bytes: i64,
}

/// What a person decided about a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What was decided.
    pub verdict: Verdict,
    /// The entry in the book.
    pub action: String,
    /// The job that sends it again; empty when it is given up.
    pub job: String,
    /// When.
    pub at: Timestamp,
}

/// A person's decision about a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it again.
    Resend,
    /// Give it up.
    GiveUp,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Resend => "resent",
            Self::GiveUp => "given-up",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Resend, Self::GiveUp].into_iter().find(|verdict| verdict.as_str() == text)
    }
}
