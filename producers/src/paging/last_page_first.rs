//! Last page first: records that are modified leave a settled window and shift later ones towards page 1, so whoever reads
//! towards page 1 meets the shifted ones again and passes none by.

use super::{PageSeen, Reading, Step, Strategy, Unrest};

impl Reading {
    /// Page 1 was read for the total.
    pub(super) fn after_counting_page(&mut self, page: &PageSeen) -> Step {
        let one_answer = !page.says_more(self.open.page_size);
        match page.total {
            // Not asked to count (contract jushuitan §6): has_next is trusted first.
            None | Some(0) if one_answer => Step::Whole,
            None | Some(0) => self.after_forward_page(1, page),
            Some(total) if one_answer && total == page.len() => Step::Whole,
            Some(total) => {
                self.open.total = Some(total);
                self.open.next_page = Some(last_page(total, self.open.page_size));
                // Page 1 is read again at the end, and only what the way down reads proves anything.
                self.ids.clear();
                self.open.rows_read = 0;
                self.open.ids_read = 0;
                Step::More
            }
        }
    }

    /// A page on the way down was read.
    pub(super) fn after_counted_page(&mut self, total: u64, page: &PageSeen) -> Step {
        let number = self.open.next_page.unwrap_or(1);
        if number >= last_page(total, self.open.page_size) && page.says_more(self.open.page_size) {
            // More than was counted: the way down begins further up.
            let at_least = u64::from(number) * u64::from(self.open.page_size) + 1;
            self.open.total = Some(total.max(at_least));
            self.open.next_page = Some(number.saturating_add(1));
            return Step::More;
        }
        if number > 1 {
            self.open.next_page = Some(number - 1);
            return Step::More;
        }
        self.after_last_counted_page(total, page.total.unwrap_or(total))
    }

    /// Page 1 was read again: is what was read all there is?
    fn after_last_counted_page(&mut self, from: u64, to: u64) -> Step {
        let read = self.ids.accounted_for();
        if self.ids.are_partial() && (to != from || self.open.rows_read != read) {
            // Ids of the interrupted part and ours may be the same ones, so their sum proves nothing.
            self.again(Unrest::Interrupted)
        } else if to > from {
            self.again(Unrest::Grew { from, to })
        } else if self.strategy == Strategy::LastPageFirstUntilStill && !self.ids.as_before() {
            self.again(Unrest::Differs)
        } else if to <= read {
            Step::Whole
        } else if self.ids.as_before() {
            Step::WholeBut { total: to, read }
        } else {
            self.again(Unrest::Short { total: to, read })
        }
    }
}

/// The page that the last of `total` records is on, from 1.
fn last_page(total: u64, page_size: u32) -> u32 {
    let pages = total.div_ceil(u64::from(page_size.max(1))).max(1);
    u32::try_from(pages).unwrap_or(u32::MAX)
}
