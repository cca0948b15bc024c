//! The rows at hand for one batch of records.
//!
//! A batch asks the same few questions again and again, so answers are kept, and it sees one state of each collection.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use weir_kafka::index::Snapshot;
use weir_model::{
    Json,
    lookup::{Found, LookupError, Lookups, Query, field_of},
};

use super::Collections;

/// Answers that are kept; more than a batch has records.
const ANSWERS: usize = 4_096;

/// Rows of the collections as they were when each was first asked.
pub struct Reader {
    collections: Collections,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    snapshots: BTreeMap<String, Arc<Snapshot>>,
    /// By collection, index and values.
    answers: HashMap<(String, u16, Vec<String>), Option<Arc<Answer>>>,
}

struct Answer {
    row: Json,
    several: bool,
}

impl Reader {
    pub(super) fn new(collections: Collections) -> Self {
        Self { collections, seen: Mutex::default() }
    }

    fn answer(&self, query: &Query<'_>) -> Result<Option<Arc<Answer>>, LookupError> {
        let unreadable = |text: String| LookupError::Unreadable(text);
        let Some(shelf) = self.collections.0.shelves.get(query.collection) else {
            return Err(unreadable(format!("the collection {} is not followed", query.collection)));
        };
        let Some((fields, values)) = sorted(query) else { return Ok(None) };
        let is_index = |by: &Vec<String>| by.iter().map(String::as_str).eq(fields.iter().copied());
        let index = shelf.indexes.iter().position(is_index).and_then(|at| u16::try_from(at).ok());
        let Some(index) = index else {
            let (collection, fields) = (query.collection, fields.join(", "));
            return Err(unreadable(format!("the collection {collection} is not indexed by {fields}")));
        };
        let key = (query.collection.to_owned(), index, values);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = seen.answers.get(&key) {
            return Ok(answer.clone());
        }
        let snapshot = match seen.snapshots.get(query.collection) {
            Some(snapshot) => Arc::clone(snapshot),
            None => {
                let table = shelf.table().ok_or_else(|| {
                    unreadable(format!("the collection {} has not been read yet", query.collection))
                })?;
                let snapshot =
                    Arc::new(table.snapshot().map_err(|error| unreadable(crate::stage::chain(&error)))?);
                seen.snapshots.insert(query.collection.to_owned(), Arc::clone(&snapshot));
                snapshot
            }
        };
        let found = snapshot
            .find(index, key.2.iter().map(String::as_str))
            .map_err(|error| unreadable(crate::stage::chain(&error)))?;
        let answer = match found {
            None => None,
            Some(found) => {
                let row = serde_json::from_slice(&found.row).map_err(|error| {
                    unreadable(format!("a row of the collection {} is no JSON: {error}", query.collection))
                })?;
                Some(Arc::new(Answer { row, several: found.several }))
            }
        };
        if seen.answers.len() >= ANSWERS {
            seen.answers.clear();
        }
        seen.answers.insert(key, answer.clone());
        Ok(answer)
    }
}

impl Lookups for Reader {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        let Some(answer) = self.answer(query)? else { return Ok(None) };
        let text = field_of(&answer.row, query.field).unwrap_or_default();
        Ok(Some(Found { text, several: answer.several }))
    }
}

/// The fields of a question in the order of an index, and their values. `None` when no row can match: one field
/// would have two values.
fn sorted<'q>(query: &Query<'q>) -> Option<(Vec<&'q str>, Vec<String>)> {
    let mut conditions: Vec<(&str, &String)> =
        query.conditions.iter().map(|(field, value)| (*field, value)).collect();
    conditions.sort_unstable();
    conditions.dedup();
    let (fields, values): (Vec<&str>, Vec<String>) =
        conditions.into_iter().map(|(field, value)| (field, value.clone())).unzip();
    let twice = fields.windows(2).any(|pair| pair.first() == pair.last());
    (!twice).then_some((fields, values))
}
