//! What is to be done and by which text: flow states, flow versions and jobs, the values of `weir.control`.

use jiff::Timestamp;
use weir_model::{
    document::FlowVersion,
    names::{FlowName, RecordId},
    outcome::Refusal,
};

use super::{Layout, enum_layout, record_layout};
use crate::{
    binary::{Decoder, Encoder},
    error::Malformed,
};

/// A value of `weir.control`.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// Whether a flow runs.
    FlowState(FlowState),
    /// One version of a flow.
    FlowText(FlowText),
    /// A job.
    Job(Job),
    /// Configuration is to be read anew.
    Reload(Reload),
}

impl Control {
    /// The Kafka key (design §4): the flow, `flow@ordinal`, `job:id` or `all:reload`. Names of flows hold neither `@` nor
    /// `:`, so no entry ever replaces one of another kind.
    pub fn key(&self) -> String {
        match self {
            Self::FlowState(state) => state.flow.to_string(),
            Self::FlowText(text) => format!("{}@{}", text.flow, text.version.ordinal),
            Self::Job(job) => format!("job:{}", job.id),
            Self::Reload(_) => "all:reload".to_owned(),
        }
    }
}

/// Whether a flow runs.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowState {
    /// The flow.
    pub flow: FlowName,
    /// Whether it runs.
    pub state: RunState,
    /// Why it was halted.
    pub cause: Option<Refusal>,
    /// What the person who decided said about it; empty when nothing.
    pub reason: String,
    /// The person or instance that decided.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Whether a flow runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It runs.
    Running,
    /// A person stopped it.
    Paused,
    /// It stopped itself, for the cause given.
    Halted,
}

/// One version of a flow with its whole text; never removed, so that any document can be explained.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowText {
    /// The flow.
    pub flow: FlowName,
    /// Which version this is.
    pub version: FlowVersion,
    /// The flow's file, as it was published.
    pub text: String,
    /// The person or instance that published it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A job: announced by whoever wants it, carried on by the owner of its source or flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job's id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// The source (backfill, remedy) or flow (replay, repair) it works on.
    pub subject: String,
    /// Start of its range of time, inclusive.
    pub from: Option<Timestamp>,
    /// End of its range of time, exclusive.
    pub until: Option<Timestamp>,
    /// The records it is limited to; empty for all.
    pub only: Vec<RecordId>,
    /// How it stands.
    pub state: JobState,
    /// What holds it or made it fail.
    pub cause: Option<Refusal>,
    /// Records it has dealt with.
    pub done: u64,
    /// Records it will have dealt with at the end, when that is known.
    pub total: Option<u64>,
    /// The person who wants it.
    pub by: String,
    /// When this was written.
    pub at: Timestamp,
}

/// Every process reads its own configuration anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// The person who wants it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Polls a range of the past.
    Backfill,
    /// Maps raw records again.
    Replay,
    /// Reads an older window again to find what was omitted.
    Remedy,
    /// Sends dead letters again.
    Repair,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Nobody has taken it yet.
    Announced,
    /// Its owner works on it.
    Running,
    /// It waits for the cause given to go away.
    Held,
    /// Done.
    Finished,
    /// Given up by its owner, for the cause given.
    Failed,
    /// Called off by a person.
    Cancelled,
}

impl Layout for Control {
    fn write(&self, out: &mut Encoder) {
        match self {
            Self::FlowState(state) => {
                out.long(0);
                state.write(out);
            }
            Self::FlowText(text) => {
                out.long(1);
                text.write(out);
            }
            Self::Job(job) => {
                out.long(2);
                job.write(out);
            }
            Self::Reload(reload) => {
                out.long(3);
                reload.write(out);
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.long()? {
            0 => Layout::read(from).map(Self::FlowState),
            1 => Layout::read(from).map(Self::FlowText),
            2 => Layout::read(from).map(Self::Job),
            3 => Layout::read(from).map(Self::Reload),
            _ => from.fail("no branch of the entry"),
        }
    }
}

record_layout!(FlowState { flow, state, cause, reason, by, at });
record_layout!(FlowText { flow, version, text, by, at });
record_layout!(Reload { by, at });
record_layout!(Job { id, kind, subject, from, until, only, state, cause, done, total, by, at });
enum_layout!(RunState { Running, Paused, Halted });
enum_layout!(JobKind { Backfill, Replay, Remedy, Repair });
enum_layout!(JobState { Announced, Running, Held, Finished, Failed, Cancelled });
