//! Orders that were read one by one, by the row of the list that led to them: as long as the row is the same, so is the
//! order, and no call is spent on it (design §5).
//!
//! In memory and bounded: what is forgotten, or was read by another process, costs a call again and nothing else.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use weir_model::digest::Digest;

/// Bytes of orders that are kept.
const CAPACITY: usize = 64 * 1024 * 1024;

/// The orders, oldest first.
#[derive(Debug)]
pub(super) struct Details {
    known: HashMap<String, Known>,
    order: VecDeque<String>,
    bytes: usize,
    capacity: usize,
}

#[derive(Debug)]
struct Known {
    row: Digest,
    detail: Bytes,
}

impl Default for Details {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new(), bytes: 0, capacity: CAPACITY }
    }
}

impl Details {
    /// The order `id`, if its row was `row` when it was read.
    pub fn of(&self, id: &str, row: Digest) -> Option<Bytes> {
        self.known.get(id).filter(|known| known.row == row).map(|known| known.detail.clone())
    }

    /// Takes in an order and forgets the oldest ones beyond the bound.
    pub fn remember(&mut self, id: String, row: Digest, detail: Bytes) {
        self.bytes += detail.len();
        match self.known.insert(id.clone(), Known { row, detail }) {
            Some(former) => self.bytes -= former.detail.len(),
            None => self.order.push_back(id),
        }
        while self.bytes > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            let forgotten = self.known.remove(&oldest);
            self.bytes -= forgotten.map_or(0, |known| known.detail.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_while_its_row_is_the_same_and_there_is_room() {
        let mut details = Details { capacity: 8, ..Details::default() };
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        details.remember("1".to_owned(), old, Bytes::from_static(b"one"));
        assert_eq!(details.of("1", old).unwrap(), "one");
        assert_eq!(details.of("1", new), None);
        details.remember("1".to_owned(), new, Bytes::from_static(b"uno"));
        details.remember("2".to_owned(), old, Bytes::from_static(b"two"));
        assert_eq!((details.of("1", new).unwrap(), details.bytes), (Bytes::from_static(b"uno"), 6));
        details.remember("3".to_owned(), old, Bytes::from_static(b"three"));
        assert_eq!(details.of("1", new), None);
        assert_eq!((details.of("2", old).is_some(), details.bytes, details.order.len()), (true, 8, 2));
    }
}
