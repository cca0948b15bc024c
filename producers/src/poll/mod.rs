//! The loop of one source: plan a settled window, read its pages, publish each page with the cursor that says so, and
//! go on; never a retry storm, and a halt only where a person must act.
//!
//! | Module | Does |
//! | --- | --- |
//! | [`source`](SourcePoller) | one source's settings, put together once |
//! | `live` | the regular poll: from the cursor to the settled present |
//! | `remedy` | the omission remedy beside it |
//! | `jobs` | the jobs of a source, one after the other |
//! | `errand` | one job: what it asks for, how far it is, what it publishes |
//! | `windows` | one window: publications, cursors, facts |
//! | `pages` | one page: calls again after failures, looks at what came, writes letters |
//! | `survey` | how a stretch of time would be read, how far the poll reaches back |
//! | `sample` | one page to look at, outside of the loop |

mod errand;
mod jobs;
mod live;
mod pages;
mod remedy;
mod sample;
mod source;
mod survey;
mod windows;

pub use sample::Sample;
pub use source::{History, Settings, SourcePoller};
pub use survey::{Outline, Rate, Reach};

use weir_model::{cursor::Lane, outcome::Refusal, record::Reason};
use weir_schemas::JobKind;

/// Why a source is no longer polled.
#[derive(Debug)]
enum Ended {
    /// The stage stops, or another process owns the account now.
    Stopped,
    /// A person must act.
    Halted(Refusal),
    /// Flows refuse what a job brings: going on would only make more dead letters.
    Refused(Refusal),
}

/// Who reads a source. Each has a cursor of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// The regular poll.
    Live,
    /// The omission remedy.
    Remedy,
    /// A job.
    Job(JobKind),
}

impl Reader {
    /// The lane of its cursor.
    fn lane(self) -> Lane {
        match self {
            Self::Live => Lane::Live,
            Self::Job(JobKind::Census) => Lane::Reconcile,
            Self::Remedy | Self::Job(_) => Lane::Backfill,
        }
    }

    /// Why its records are published.
    fn reason(self) -> Reason {
        match self {
            Self::Live => Reason::Poll,
            Self::Remedy => Reason::Remedy,
            Self::Job(JobKind::Fix) => Reason::Fix,
            Self::Job(_) => Reason::Backfill,
        }
    }
}
