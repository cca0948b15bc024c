//! The ids that a pass over a window has read, and those of the pass before it.

use std::collections::HashMap;

use weir_model::digest::Digest;

use super::{PageSeen, as_count};

/// The first bytes of an id's digest: enough to tell the ids of a window apart, and a window may have a million.
type Id = [u8; 12];
/// The first bytes of a row's digest: enough to tell two states of one row apart.
type State = [u8; 4];

/// Distinct ids of a pass, with what tells the states of their rows apart.
#[derive(Debug, Default)]
pub(super) struct PassIds {
    rows: HashMap<Id, State>,
    /// Rows without an id; each page counts its own, a page read twice counts twice.
    unidentified: u64,
    /// The whole pass before this one.
    former: Option<HashMap<Id, State>>,
    /// How many ids another process read in this pass; which ones is not known.
    carried: Option<u64>,
}

impl PassIds {
    /// A pass in which another process has read `carried` ids.
    pub fn interrupted(carried: u64) -> Self {
        Self { carried: Some(carried), ..Self::default() }
    }

    pub fn take(&mut self, page: &PageSeen) {
        self.rows.extend(page.rows.iter().map(|(id, row)| (first(*id), first(*row))));
        self.unidentified += page.unidentified;
    }

    /// Distinct ids; those of another process are taken to be others than ours, which [`PassIds::are_partial`] warns of.
    pub fn count(&self) -> u64 {
        self.carried.unwrap_or(0) + as_count(self.rows.len())
    }

    /// What is held against the API's total: rows without an id are in it too.
    pub fn accounted_for(&self) -> u64 {
        self.count() + self.unidentified
    }

    pub fn are_partial(&self) -> bool {
        self.carried.is_some()
    }

    /// Whether the pass before this one was whole and read the same rows.
    pub fn as_before(&self) -> bool {
        !self.are_partial() && self.former.as_ref() == Some(&self.rows)
    }

    pub fn next_pass(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        self.former = (!self.are_partial()).then_some(rows);
        self.carried = None;
        self.unidentified = 0;
    }

    /// Forgets what this pass has read: it begins only now.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.carried = None;
        self.unidentified = 0;
    }
}

fn first<const N: usize>(digest: Digest) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
    bytes
}
