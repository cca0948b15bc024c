//! The seam between polling and a remote system: one call for one page.
//!
//! What lies above it (windows, paging, retries, progress) knows no system; what lies below (signing, envelopes, quotas)
//! knows no window. Tests put a changing source in memory below it.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use weir_model::{
    cursor::Lane,
    outcome::{Code, Refusal},
};

/// Which page of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageAt {
    /// By its number; the first is 1 whatever the API calls it.
    Number(u32),
    /// What follows this row, by the API's own cursor; `None` for the beginning.
    After(Option<String>),
}

impl fmt::Display for PageAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "page {number}"),
            Self::After(None) => f.write_str("the first rows"),
            Self::After(Some(row)) => write!(f, "the rows after {row}"),
        }
    }
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Inclusive begin of the window.
    pub from: Timestamp,
    /// Inclusive end.
    pub to: Timestamp,
    /// Which page of it.
    pub at: PageAt,
    /// Rows per page.
    pub page_size: u32,
    /// Whose turn it is when the quota is short.
    pub lane: Lane,
    /// Whether the list of archived records is asked, instead of the live one.
    pub archived: bool,
}

impl Ask {
    /// The cheapest call there is: one row of the last minute before `now`.
    pub fn probing(now: Timestamp) -> Self {
        let from = now.checked_sub(SignedDuration::from_mins(1)).unwrap_or(now);
        let at = PageAt::Number(1);
        Self { from, to: now, at, page_size: 1, lane: Lane::Reconcile, archived: false }
    }
}

/// What a call brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The rows, each as the bytes that came (invariant 6).
    pub rows: Vec<Bytes>,
    /// Rows of records that the remote system removed, as they came.
    pub deleted: Vec<Bytes>,
    /// Rows that cannot become records.
    pub unfit: Vec<Unfit>,
    /// Records of the whole window by the API's count; `None` when it did not count.
    pub total: Option<u64>,
    /// Whether more pages follow, where the API says so.
    pub has_next: Option<bool>,
}

/// A row that cannot become a record; it is counted as read, and explained in a letter (invariant 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Its bytes.
    pub bytes: Bytes,
    /// Why.
    pub refusal: Refusal,
}

/// What to do after a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It passes by itself: call again after a rest, without end.
    Repeat,
    /// Nobody knows: call again a few times, then halt.
    RepeatBounded,
    /// Only a person can mend it.
    Halt,
}

/// A call that brought no page.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {at}")]
pub struct FeedError {
    /// What was asked for.
    pub at: PageAt,
    /// What to do.
    pub reaction: Reaction,
    /// Its code, should the source halt on it.
    pub code: Code,
    /// The rest the vendor asks for.
    pub rest: Option<Duration>,
    /// The answer's bytes when there was one that cannot be read.
    pub unreadable: Option<Bytes>,
    /// What the user can do about it.
    pub remedy: &'static str,
    /// What failed, in the vendor's words where it has any.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl FeedError {
    /// The cause and all that caused it, for a halt or a letter.
    pub fn explanation(&self) -> String {
        let mut text = self.to_string();
        let mut cause: Option<&dyn std::error::Error> = Some(self.source.as_ref());
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        if self.remedy.is_empty() { text } else { format!("{text}; {}", self.remedy) }
    }
}

/// One API of one account.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Calls for one page. Waits for its place in the quota; repeats nothing.
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError>;
}
