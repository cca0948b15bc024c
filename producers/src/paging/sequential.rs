//! Forward through the pages: by the API's own cursor over rows that never change, or by page numbers until two passes
//! read the same.

use std::cmp::Ordering;

use super::{PageSeen, Reading, Step, Unrest};

impl Reading {
    /// A page by page number, of an API that tells no total.
    pub(super) fn after_forward_page(&mut self, number: u32, page: &PageSeen) -> Step {
        if page.says_more(self.open.page_size) {
            self.open.next_page = Some(number.saturating_add(1));
            return Step::More;
        }
        let one_answer = number == 1 && !self.ids.are_partial();
        if one_answer || self.ids.as_before() { Step::Whole } else { self.again(Unrest::Differs) }
    }

    /// A page by the API's own cursor.
    pub(super) fn after_cursor_page(&mut self, page: &PageSeen) -> Step {
        let more = page.says_more(self.open.page_size);
        if !more && self.open.continue_after.is_none() {
            return Step::Whole;
        }
        // That the cursor leads through all rows in order is an assumption (contract jushuitan §5): each page must bear
        // it out, or the window is read by page numbers.
        let Some(last) = last_in_order(self.open.continue_after.as_deref(), &page.row_cursors) else {
            return if page.len() == 0 { Step::Whole } else { self.again(Unrest::NoRowCursor) };
        };
        if !more {
            return Step::Whole;
        }
        self.open.continue_after = Some(last.to_owned());
        Step::More
    }
}

/// The last of the row cursors when all are there and each is larger than the one before it.
fn last_in_order<'a>(after: Option<&str>, cursors: &'a [Option<String>]) -> Option<&'a str> {
    let mut before = after;
    for cursor in cursors {
        let cursor = cursor.as_deref()?;
        if before.is_some_and(|before| by_number(before, cursor) != Ordering::Less) {
            return None;
        }
        before = Some(cursor);
    }
    cursors.last()?.as_deref()
}

/// Orders whole numbers of any length by their digits.
fn by_number(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
