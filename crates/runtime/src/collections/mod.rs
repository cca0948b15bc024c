//! Collections: reference rows of `weir.collection.<name>`, kept on disk and found by what flows look up (design §6).
//!
//! One follower per process reads the topics from their beginning and applies what comes within a tenth of a second;
//! mapping stages read beside it.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `follower` | the thread that reads topics into tables |
//! | `reader` | the rows at hand for one batch |
//! | `watch` | who wants to hear of which reference |
//! | `rows` | what a row is found by |

mod follower;
mod reader;
mod rows;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use tokio_util::sync::CancellationToken;
use weir_kafka::IndexedTable;
use weir_model::lookup::LookupIndex;

use self::{follower::Follower, watch::Watches};
pub use self::{reader::Reader, watch::Watch};
use crate::{
    health::Part,
    stage::{Deployment, StageThread, Supervisor},
};

/// The folder of the tables.
const FOLDER: &str = "collections";

/// The collections that a process follows. Cheap to clone.
#[derive(Clone)]
pub struct Collections(Arc<Shared>);

struct Shared {
    shelves: BTreeMap<String, Shelf>,
    watches: Watches,
}

/// One collection.
struct Shelf {
    /// The fields of each index, by its number.
    indexes: Arc<[Vec<String>]>,
    /// The rows, once they have been read to the end the topic had.
    table: RwLock<Option<Arc<IndexedTable>>>,
}

impl Shelf {
    fn table(&self) -> Option<Arc<IndexedTable>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, table: Arc<IndexedTable>) {
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Some(table);
    }
}

impl Collections {
    /// Begins to follow the topics of the collections that `indexes` name, on a thread of its own. Tables lie under
    /// `collections` in the deployment's state folder and are made anew at every start.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn follow(
        deployment: &Deployment,
        indexes: Vec<LookupIndex>,
        stop: &CancellationToken,
    ) -> std::io::Result<(Self, StageThread)> {
        let collections = Self::shelved(indexes);
        let supervisor =
            Supervisor { part: Part::Collections, health: deployment.health.clone(), stop: stop.clone() };
        let mut follower = Follower::new(deployment.clone(), collections.clone(), stop.clone());
        let thread = supervisor.start(move || follower.attempt())?;
        Ok((collections, thread))
    }

    /// None of them: for flows without lookups.
    pub fn none() -> Self {
        Self::shelved(Vec::new())
    }

    fn shelved(indexes: Vec<LookupIndex>) -> Self {
        let mut fields: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
        for LookupIndex { collection, fields: by } in indexes {
            fields.entry(collection).or_default().insert(by);
        }
        let shelf =
            |by: BTreeSet<Vec<String>>| Shelf { indexes: by.into_iter().collect(), table: RwLock::default() };
        let shelves = fields.into_iter().map(|(collection, by)| (collection, shelf(by))).collect();
        Self(Arc::new(Shared { shelves, watches: Watches::default() }))
    }

    /// Whether each of these collections has been read to the end it had when following began. Nothing that needs them
    /// is mapped before (design §6). Once it is so it stays so.
    pub fn is_ready(&self, collections: &[LookupIndex]) -> bool {
        self.unread(collections).is_empty()
    }

    /// Those of the collections that have not been read to their end yet.
    pub fn unread<'i>(&self, collections: &'i [LookupIndex]) -> BTreeSet<&'i str> {
        let is_read = |name: &str| self.0.shelves.get(name).is_some_and(|shelf| shelf.table().is_some());
        collections
            .iter()
            .map(|index| index.collection.as_str())
            .filter(|collection| !is_read(collection))
            .collect()
    }

    /// The rows at hand for one batch. What arrives after a collection was first asked does not show in it; whoever
    /// [watches](Self::watch) a reference looks it up again with a new reader.
    pub fn reader(&self) -> Reader {
        Reader::new(self.clone())
    }

    /// Someone who wants to hear of references that arrive.
    ///
    /// Add a reference first and look it up with a new [`Reader`] afterwards: a row that the look-up does not find is
    /// told as arrived, whenever it comes (invariant 3).
    pub fn watch(&self) -> Watch {
        self.0.watches.open()
    }
}
