//! The loop of one source: plan a settled window, read its pages, publish each page with the cursor that says so, and
//! go on; never a retry storm, and a halt only where a person must act.
//!
//! | Module | Does |
//! | --- | --- |
//! | [`source`](SourcePoller) | one source's settings, put together once |
//! | `windows` | window after window: publications, cursors, facts |
//! | `pages` | one page: calls again after failures, looks at what came, writes letters |
//! | `sample` | one page to look at, outside of the loop |

mod pages;
mod sample;
mod source;
mod windows;

pub use sample::Sample;
pub use source::{History, Settings, SourcePoller};

use weir_model::outcome::Refusal;

/// Why a source is no longer polled.
#[derive(Debug)]
enum Ended {
    /// The stage stops, or another process owns the account now.
    Stopped,
    /// A person must act.
    Halted(Refusal),
}
