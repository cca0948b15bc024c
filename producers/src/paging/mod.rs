//! How a window is read whole although its records change meanwhile (design §5, contract decisions "All sources").
//!
//! A pure machine: [`Reading::next`] says which page to call for, [`Reading::accept`] takes its rows and says how it goes
//! on. Its state is the cursor's [`OpenWindow`], so a crash resumes in mid-window; what it knows beyond that (the ids of
//! this pass) is only used to trust a pass, and a resumed pass is trusted less.
//!
//! | Strategy | Pages | The window is whole when |
//! | --- | --- | --- |
//! | last page first | page 1 for the total, then from the last page down to page 1 | page 1 tells a total that neither grew nor exceeds the ids read |
//! | last page first, until still | the same | two passes read the same rows besides |
//! | row cursor | on from the largest row id read | a page is not full |
//! | forward | page 1 up to the last | two passes read the same rows |
//!
//! A window of one page is whole at once: one answer is one state of the remote system. An API that tells no total is
//! read forward, and so are rows without the id that the cursor goes by.

mod ids;
mod last_page_first;
mod sequential;

#[cfg(test)]
mod tests;

use weir_model::{cursor::OpenWindow, digest::Digest};

use crate::feed::PageAt;
use ids::PassIds;

/// Passes over one window, by one process, before a person has to look.
pub const MOST_PASSES: u32 = 20;
/// Passes that may end at a repeated page, before a person has to look.
const MOST_REPETITIONS: u32 = 3;

/// How an API's pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// It counts its records: [the last page first](self).
    LastPageFirst,
    /// It counts its records, and some come into old windows: an archive. For each that comes another may leave, so that
    /// no count shows it; two passes must read the same.
    LastPageFirstUntilStill,
    /// It has a cursor over its rows, which are never changed.
    RowCursor,
    /// It has neither.
    Forward,
}

impl Strategy {
    /// Whether the API's total leads through the pages.
    const fn counts(self) -> bool {
        matches!(self, Self::LastPageFirst | Self::LastPageFirstUntilStill)
    }

    /// How the archive of such a list is read.
    pub const fn of_archive(self) -> Self {
        match self {
            Self::LastPageFirst => Self::LastPageFirstUntilStill,
            other => other,
        }
    }
}

/// What a page told, as far as paging looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageSeen {
    /// Digests of id and content, for each row that has an id.
    pub rows: Vec<(Digest, Digest)>,
    /// Rows without an id.
    pub unidentified: u64,
    /// Value of the API's own cursor for each row, in the order of the page.
    pub row_cursors: Vec<Option<String>>,
    /// Records of the whole window by the API's count.
    pub total: Option<u64>,
    /// Whether the API says that more follow.
    pub has_next: Option<bool>,
}

impl PageSeen {
    /// All rows, those without an id too.
    fn len(&self) -> u64 {
        as_count(self.rows.len()) + self.unidentified
    }

    /// Whether rows follow, as far as this page can tell. An empty page is the end even when it claims more.
    fn says_more(&self, page_size: u32) -> bool {
        self.len() > 0 && self.has_next.unwrap_or(self.len() >= u64::from(page_size))
    }
}

/// How a window goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// With [`Reading::next`].
    More,
    /// With [`Reading::next`], from its beginning.
    Again(Unrest),
    /// It was read whole.
    Whole,
    /// Two passes read the same rows, though the API tells a larger total: whole as far as the API gives it.
    WholeBut {
        /// The API's count.
        total: u64,
        /// What both passes read.
        read: u64,
    },
    /// It did not come to rest within [`MOST_PASSES`].
    Unquiet(Unrest),
}

/// Why a pass is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrest {
    /// Records came into the window while it was read.
    #[error("the total grew from {from} to {to} while the window was read")]
    Grew {
        /// At the begin of the pass.
        from: u64,
        /// At its end.
        to: u64,
    },
    /// A record was passed by.
    #[error("the API tells {total} records, and {read} were read")]
    Short {
        /// The API's count.
        total: u64,
        /// Rows read.
        read: u64,
    },
    /// Records changed in a pass of which another process read a part.
    #[error("records changed in a pass that was interrupted")]
    Interrupted,
    /// A forward pass is only trusted when a second one reads the same.
    #[error("two passes are compared, and the last one differs from the one before it")]
    Differs,
    /// Rows came without the id that the API's cursor goes by, or not in its order.
    #[error("the API's own cursor does not lead through its rows")]
    NoRowCursor,
    /// A page was answered with the rows of the page before it.
    #[error("a page was answered with the rows of the page before it")]
    RepeatedPage,
}

/// One window being read.
#[derive(Debug)]
pub struct Reading {
    open: OpenWindow,
    strategy: Strategy,
    ids: PassIds,
    /// Passes that this process began.
    passes_here: u32,
    /// How many of them ended at a repeated page.
    repetitions: u32,
    /// Pages that this process was given.
    pages: u32,
}

impl Reading {
    /// Reads a window from its beginning.
    pub fn begin(strategy: Strategy, mut open: OpenWindow) -> Self {
        open.pass = open.pass.max(1);
        restart(&mut open, strategy);
        Self { open, strategy, ids: PassIds::default(), passes_here: 1, repetitions: 0, pages: 0 }
    }

    /// Goes on with a window where the cursor says. When page size or request are not what the window was begun with, its
    /// pages lie elsewhere, and it starts over.
    pub fn resume(strategy: Strategy, open: OpenWindow, page_size: u32, request_digest: Digest) -> Self {
        if open.page_size != page_size || open.request_digest != request_digest {
            return Self::begin(
                strategy,
                OpenWindow { page_size, request_digest, pass: open.pass + 1, ..open },
            );
        }
        let ids = if open.rows_read > 0 { PassIds::interrupted(open.ids_read) } else { PassIds::default() };
        Self { open, strategy, ids, passes_here: 1, repetitions: 0, pages: 0 }
    }

    /// The window's state, for the cursor that is published with the page just accepted.
    pub fn open(&self) -> &OpenWindow {
        &self.open
    }

    /// Pages this process was given for the window.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// Whether another process read a part of the last pass.
    pub fn was_interrupted(&self) -> bool {
        self.ids.are_partial()
    }

    /// Which page to call for.
    pub fn next(&self) -> PageAt {
        match self.open.next_page {
            Some(page) => PageAt::Number(page),
            None => PageAt::After(self.open.continue_after.clone()),
        }
    }

    /// Takes the page that [`Reading::next`] named.
    pub fn accept(&mut self, page: &PageSeen) -> Step {
        self.pages = self.pages.saturating_add(1);
        self.ids.take(page);
        self.open.rows_read += page.len();
        self.open.ids_read = self.ids.count();
        match (self.open.next_page, self.open.total, self.strategy) {
            (None, _, _) => self.after_cursor_page(page),
            (Some(_), Some(total), strategy) if strategy.counts() => self.after_counted_page(total, page),
            (Some(1), None, strategy) if strategy.counts() => self.after_counting_page(page),
            (Some(number), _, _) => self.after_forward_page(number, page),
        }
    }

    /// Reads the window again because a page was a repetition that does not go away.
    pub fn repeated(&mut self) -> Step {
        self.pages = self.pages.saturating_add(1);
        self.repetitions += 1;
        let step = self.again(Unrest::RepeatedPage);
        if self.repetitions < MOST_REPETITIONS { step } else { Step::Unquiet(Unrest::RepeatedPage) }
    }

    fn again(&mut self, why: Unrest) -> Step {
        self.open.pass = self.open.pass.saturating_add(1);
        self.passes_here += 1;
        self.ids.next_pass();
        let by_number = self.open.next_page.is_some() || why == Unrest::NoRowCursor;
        restart(&mut self.open, self.strategy);
        if by_number {
            self.open.next_page = Some(1);
        }
        if self.passes_here > MOST_PASSES { Step::Unquiet(why) } else { Step::Again(why) }
    }
}

/// Puts the window to the beginning of a pass.
fn restart(open: &mut OpenWindow, strategy: Strategy) {
    open.total = None;
    open.next_page = match strategy {
        Strategy::LastPageFirst | Strategy::LastPageFirstUntilStill | Strategy::Forward => Some(1),
        Strategy::RowCursor => None,
    };
    open.continue_after = None;
    open.rows_read = 0;
    open.ids_read = 0;
}

fn as_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
