//! What is to be done and by which text: flow states, flow versions and jobs, the values of `weir.control`.

use bytes::Bytes;
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
    /// How far a job has come.
    JobProgress(JobProgress),
}

impl Control {
    /// The Kafka key (design §4): the flow, `flow@ordinal`, `job:id`, `job:id:progress` or `all:reload`. Names of flows hold neither `@` nor
    /// `:`, so no entry ever replaces one of another kind.
    pub fn key(&self) -> String {
        match self {
            Self::FlowState(state) => state.flow.to_string(),
            Self::FlowText(text) => format!("{}@{}", text.flow, text.version.ordinal),
            Self::Job(job) => format!("job:{}", job.id),
            Self::Reload(_) => "all:reload".to_owned(),
            Self::JobProgress(progress) => format!("job:{}:progress", progress.job),
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

/// A job, as a person announced it; carried on by the owner of its source or flow. Only persons write it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job's id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// The source (backfill, remedy, fix, census) or flow (replay, repair) it works on.
    pub subject: String,
    /// Start of its range of time, inclusive.
    pub from: Option<Timestamp>,
    /// End of its range of time, exclusive.
    pub until: Option<Timestamp>,
    /// The records it is limited to; empty for all.
    pub only: Vec<RecordId>,
    /// The stretches of time it is limited to; empty for all of its range.
    pub ranges: Vec<TimeRange>,
    /// The letters that it sends again.
    pub letters: Vec<JobLetter>,
    /// The rule, as JSON text, by which each letter's payload is repaired; empty for none.
    pub edit: String,
    /// What the person said about it.
    pub note: String,
    /// The person who wants it.
    pub by: String,
    /// When it was announced.
    pub at: Timestamp,
    /// Who called it off.
    pub cancelled: Option<Cancelled>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// Inclusive start.
    pub from: Timestamp,
    /// Exclusive end.
    pub until: Timestamp,
}

/// A dead letter that is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLetter {
    /// `partition:offset` in the flow's dead letters.
    pub place: String,
    /// The payload to send instead of the letter's; none for the letter's own.
    pub payload: Option<Bytes>,
}

/// That a person called a job off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// The person.
    pub by: String,
    /// What the person said about it; empty when nothing.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// How far a job has come. Only its owner writes it, in the transaction of each chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct JobProgress {
    /// The job's id.
    pub job: String,
    /// How it stands.
    pub state: JobState,
    /// What holds it or made it fail.
    pub cause: Option<Refusal>,
    /// Records it has dealt with.
    pub done: u64,
    /// Records it will have dealt with at the end, when that is known.
    pub total: Option<u64>,
    /// Where its owner goes on, as JSON text of the owner's own.
    pub position: String,
    /// The process that carries it on. Named otherwise than in a reload, for Avro tells the branches of a union apart by their
    /// fields.
    pub instance: String,
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
    /// Polls records again in which a reconciliation found a difference.
    Fix,
    /// Reads what a source holds, for a reconciliation; nothing is published to be mapped.
    Census,
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
            Self::JobProgress(progress) => {
                out.long(4);
                progress.write(out);
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.long()? {
            0 => Layout::read(from).map(Self::FlowState),
            1 => Layout::read(from).map(Self::FlowText),
            2 => Layout::read(from).map(Self::Job),
            3 => Layout::read(from).map(Self::Reload),
            4 => Layout::read(from).map(Self::JobProgress),
            _ => from.fail("no branch of the entry"),
        }
    }
}

record_layout!(FlowState { flow, state, cause, reason, by, at });
record_layout!(FlowText { flow, version, text, by, at });
record_layout!(Reload { by, at });
record_layout!(Job { id, kind, subject, from, until, only, ranges, letters, edit, note, by, at, cancelled });
record_layout!(TimeRange { from, until });
record_layout!(JobLetter { place, payload });
record_layout!(Cancelled { by, note, at });
record_layout!(JobProgress { job, state, cause, done, total, position, instance, at });
enum_layout!(RunState { Running, Paused, Halted });
enum_layout!(JobKind { Backfill, Replay, Remedy, Repair, Fix, Census });
enum_layout!(JobState { Announced, Running, Held, Finished, Failed, Cancelled });
