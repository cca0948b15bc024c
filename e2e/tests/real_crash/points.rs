//! The points at which a process can be met, each a kind of request that crosses a wire at one of three moments.

use std::fmt;

use weir_testkit::proxy::{Call, Moment};

use self::Step::{
    AskSource, CommitDatabase, CommitDocuments, CommitOutcomes, CommitRecords, CommitSending, PutOffsets,
    SaveGalaxy, SaveWise, WriteReceipts,
};

/// A step of the way of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A producer asks a source.
    AskSource,
    /// A producer commits records and their cursor.
    CommitRecords,
    /// A processor commits documents and the offsets of their records.
    CommitDocuments,
    /// A sink commits `sending` receipts.
    CommitSending,
    /// A sink calls Kingdee Galaxy to save.
    SaveGalaxy,
    /// A sink calls K/3 WISE to save.
    SaveWise,
    /// A sink commits rows.
    CommitDatabase,
    /// A sink writes receipts of either kind.
    WriteReceipts,
    /// A sink puts offsets into its transaction.
    PutOffsets,
    /// A sink commits outcomes: receipts, letters, tally, offsets.
    CommitOutcomes,
}

/// All steps.
pub const STEPS: [Step; 10] = [
    AskSource,
    CommitRecords,
    CommitDocuments,
    CommitSending,
    SaveGalaxy,
    SaveWise,
    CommitDatabase,
    WriteReceipts,
    PutOffsets,
    CommitOutcomes,
];

/// Before the server gets it, between its answer and the sender, and after.
pub const MOMENTS: [Moment; 3] = [Moment::Sent, Moment::Answered, Moment::Heard];

/// A step at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub step: Step,
    pub moment: Moment,
}

impl Point {
    /// All points.
    pub fn all() -> impl Iterator<Item = Self> {
        STEPS.into_iter().flat_map(|step| MOMENTS.map(|moment| Self { step, moment }))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}/{:?}", self.step, self.moment)
    }
}

impl Step {
    /// The stage whose processes take it.
    pub fn stage(self) -> &'static str {
        match self {
            AskSource | CommitRecords => "producers",
            CommitDocuments => "processors",
            _ => "sinks",
        }
    }

    /// Whether a request is this step.
    pub fn is(self, sender: &str, call: &Call) -> bool {
        sender.starts_with(self.stage())
            && match call {
                Call::Http { path } => match self {
                    AskSource => true,
                    SaveGalaxy => path.starts_with("/k3cloud/") && path.contains("Save"),
                    SaveWise => path.starts_with("/K3API/") && path.contains("Save"),
                    _ => false,
                },
                Call::DatabaseCommit => self == CommitDatabase,
                Call::Produce { topic } => self == WriteReceipts && topic.contains(".receipt."),
                Call::OffsetsInTransaction { .. } => self == PutOffsets,
                Call::EndTransaction { topics, .. } => {
                    let writes = |kind: &str| topics.iter().any(|topic| topic.contains(kind));
                    match self {
                        CommitRecords => writes(".raw."),
                        CommitDocuments => writes(".doc."),
                        // What is to become of a batch is counted when it is known.
                        CommitSending => writes(".receipt.") && !writes(".tally"),
                        CommitOutcomes => writes(".tally"),
                        _ => false,
                    }
                }
            }
    }
}
