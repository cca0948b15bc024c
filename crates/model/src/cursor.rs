//! How far a source was read: the cursor in `weir.cursor`, and the fact that a window was finished.

use jiff::Timestamp;

use crate::{digest::Digest, names::SourceName};

/// Which of a source's readers a cursor belongs to; live goes first when the quota is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The regular poll.
    Live,
    /// A source that was off works through what it missed.
    CatchUp,
    /// A backfill job, or the omission remedy.
    Backfill,
    /// A reconciliation.
    Reconcile,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Live, Self::CatchUp, Self::Backfill, Self::Reconcile];

    /// The lane's name in keys and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::CatchUp => "catch-up",
            Self::Backfill => "backfill",
            Self::Reconcile => "reconcile",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text)
    }
}

/// How far one reader of one source has come. Written in the transaction that publishes a page's records
/// (invariants 1 and 7).
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The source.
    pub source: SourceName,
    /// The reader.
    pub lane: Lane,
    /// Everything before this moment was read in finished windows.
    pub settled_until: Timestamp,
    /// The window that is being read, so that a crash resumes in its middle.
    pub window: Option<OpenWindow>,
    /// When this was written.
    pub at: Timestamp,
    /// The job whose it is; empty for the regular poll and the remedy.
    pub job: String,
    /// How late records have come of late, in milliseconds: from their modification to the poll that first saw them.
    pub lateness_ms: u64,
}

/// A window that is being read.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenWindow {
    /// Inclusive start of the window.
    pub from: Timestamp,
    /// Inclusive end.
    pub to: Timestamp,
    /// Rows per page; when it changes the window starts over.
    pub page_size: u32,
    /// Digest of the request's other parameters; when it changes the window starts over.
    pub request_digest: Digest,
    /// Which pass over the window this is, from 1; a window whose total grew is read again.
    pub pass: u32,
    /// What the API said the total was at the start of this pass.
    pub total: Option<u64>,
    /// The page to read next, when the API counts pages.
    pub next_page: Option<u32>,
    /// The API's own cursor to go on from, when it has one.
    pub continue_after: Option<String>,
    /// Rows read in this pass.
    pub rows_read: u64,
    /// Distinct ids read in this pass.
    pub ids_read: u64,
}

/// A finished window: a fact from which coverage is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowFact {
    /// The source.
    pub source: SourceName,
    /// The reader.
    pub lane: Lane,
    /// Inclusive start.
    pub from: Timestamp,
    /// Inclusive end.
    pub to: Timestamp,
    /// Calls made for pages, all passes together.
    pub pages: u32,
    /// Passes that were needed.
    pub passes: u32,
    /// The API's own count at the end, where it tells one.
    pub total: Option<u64>,
    /// Distinct ids read in the last pass.
    pub distinct_ids: u64,
    /// Records published from it.
    pub published: u64,
    /// Records that lie in the overlap and had not been seen there before.
    pub late: u64,
    /// When it was finished.
    pub at: Timestamp,
    /// The job that read it; empty for the regular poll and the remedy.
    pub job: String,
    /// The largest lateness of the late records, in milliseconds; 0 when none was late.
    pub lateness_ms: u64,
}
