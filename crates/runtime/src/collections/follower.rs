//! The thread that reads the collections' topics into tables, from their beginning and as they grow.
//!
//! Upholds invariant 3 for records that wait: what arrived is told after it can be found, and nothing that arrived is
//! left untold.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Class, IndexedTable, Message, StartOffset, Tail, Tailed, index::RowChange};
use weir_model::{Json, lookup::reference_of};
use weir_schemas::CollectionRow;

use super::{Collections, FOLDER, Shelf, rows::FieldIndexes};
use crate::{
    health::{Condition, Part},
    outage::Outage,
    stage::{Deployment, StageError, chain, wait},
};

/// Changes per write: many while a topic is read for the first time, since neighbours share pages of the file.
const CHANGES: usize = 50_000;
const BYTES: usize = 16 << 20;
/// How long to sleep when no topic has anything new.
const IDLE: Duration = Duration::from_millis(25);

/// Follows the topics of a process's collections.
pub(super) struct Follower {
    deployment: Deployment,
    collections: Collections,
    stop: CancellationToken,
    attempts: u64,
}

impl Follower {
    pub(super) fn new(deployment: Deployment, collections: Collections, stop: CancellationToken) -> Self {
        Self { deployment, collections, stop, attempts: 0 }
    }

    /// Reads all topics from their beginning, then as they grow, until told to stop. While an attempt reads anew, rows
    /// are found in the tables of the one before.
    pub(super) fn attempt(&mut self) -> Result<(), StageError> {
        let folder = self.folder()?;
        let mut followed = Vec::new();
        for (name, shelf) in &self.collections.0.shelves {
            followed.push(self.open(name, shelf, &folder.join(format!("{name}-{}.redb", self.attempts)))?);
        }
        let mut outage = Outage::default();
        let mut ready = false;
        while !self.stop.is_cancelled() {
            let mut at_rest = true;
            for one in &mut followed {
                match one.step() {
                    Ok(rested) => at_rest &= rested,
                    Err(StageError::Kafka(error)) if error.class() == Class::Retriable => {
                        if outage.is_to_be_said(Instant::now()) {
                            tracing::warn!(
                                collection = one.name,
                                error = chain(&error),
                                "Kafka is away, waiting"
                            );
                            self.report(Condition::Waiting(chain(&error)));
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
            if outage.is_over(Instant::now()) && ready {
                self.report(Condition::Ready);
            }
            if !ready && followed.iter().all(Followed::is_current) {
                ready = true;
                self.report(Condition::Ready);
            }
            if at_rest {
                wait(&self.stop, IDLE);
            }
        }
        Ok(())
    }

    fn report(&self, condition: Condition) {
        self.deployment.health.report(&Part::Collections, condition);
    }

    /// The folder of the tables; what a former process left there is removed first.
    fn folder(&mut self) -> Result<PathBuf, StageError> {
        let folder = self.deployment.state_dir.join(FOLDER);
        let attempted = || format!("make the folder {}", folder.display());
        let made = |result: std::io::Result<()>| {
            result.map_err(|source| weir_kafka::Error::File { attempted: attempted(), source })
        };
        if self.attempts == 0 && folder.exists() {
            made(std::fs::remove_dir_all(&folder))?;
        }
        made(std::fs::create_dir_all(&folder))?;
        self.attempts += 1;
        Ok(folder)
    }

    fn open<'a>(&'a self, name: &'a str, shelf: &'a Shelf, path: &Path) -> Result<Followed<'a>, StageError> {
        let Deployment { cluster, topics, .. } = &self.deployment;
        let tail = Tail::open(cluster, &topics.collection(name), StartOffset::Beginning)?;
        // A former attempt may have failed after it made the file.
        let _ = std::fs::remove_file(path);
        let table = IndexedTable::create(path, Box::new(FieldIndexes(Arc::clone(&shelf.indexes))))?;
        Ok(Followed {
            follower: self,
            name,
            shelf,
            behind: tail.partitions().iter().copied().collect(),
            tail,
            table: Arc::new(table),
            changes: Vec::new(),
            bytes: 0,
            records: 0,
            since: Instant::now(),
        })
    }
}

/// One collection as it is followed.
struct Followed<'a> {
    follower: &'a Follower,
    name: &'a str,
    shelf: &'a Shelf,
    tail: Tail,
    /// Partitions that have not been read to the end they had.
    behind: BTreeSet<i32>,
    table: Arc<IndexedTable>,
    /// Read and not yet in the table.
    changes: Vec<RowChange>,
    bytes: usize,
    /// Records read so far.
    records: u64,
    since: Instant,
}

impl Followed<'_> {
    /// Whether rows are found in this table.
    fn is_current(&self) -> bool {
        self.behind.is_empty()
    }

    /// Takes in what is there; whether nothing more was.
    fn step(&mut self) -> Result<bool, StageError> {
        let was_behind = !self.behind.is_empty();
        let rested = self.gather()?;
        let full = self.changes.len() >= CHANGES || self.bytes >= BYTES;
        if was_behind {
            if full || self.behind.is_empty() {
                let changes = self.take_changes();
                self.table.apply(changes)?;
            }
            if self.behind.is_empty() {
                self.begin_to_serve();
            }
        } else if !self.changes.is_empty() {
            self.apply_and_tell()?;
        }
        Ok(rested)
    }

    fn take_changes(&mut self) -> Vec<RowChange> {
        self.bytes = 0;
        std::mem::take(&mut self.changes)
    }

    /// Lets rows be found in this table. Whoever began to wait while an attempt before this one was followed looks
    /// again: what came meanwhile was not told.
    fn begin_to_serve(&self) {
        self.shelf.put(Arc::clone(&self.table));
        let (collection, records) = (self.name, self.records);
        tracing::info!(collection, records, elapsed = ?self.since.elapsed(), "collection read");
        self.follower.collections.0.watches.tell_all(self.name);
    }

    /// Puts what was read into the table and tells whom it concerns. Who waits is asked after the write: whoever begins
    /// to wait later finds the rows.
    fn apply_and_tell(&mut self) -> Result<(), StageError> {
        let changes = self.take_changes();
        self.table.apply(changes.clone())?;
        let watches = &self.follower.collections.0.watches;
        if !watches.wants(self.name) {
            return Ok(());
        }
        for row in changes.iter().filter_map(|(_, row)| row.as_ref()) {
            let Ok(row) = serde_json::from_slice::<Json>(row) else { continue };
            let references = self.shelf.indexes.iter().filter_map(|fields| reference_of(&row, fields));
            watches.tell(self.name, &references.collect::<Vec<_>>());
        }
        Ok(())
    }

    /// Reads until nothing is there, or enough for one write.
    fn gather(&mut self) -> Result<bool, StageError> {
        while self.changes.len() < CHANGES && self.bytes < BYTES {
            match self.tail.next(Duration::ZERO)? {
                Tailed::Record(message) => self.take(&message)?,
                Tailed::End(partition) => {
                    self.behind.remove(&partition);
                }
                Tailed::Idle => return Ok(true),
            }
        }
        Ok(false)
    }

    fn take(&mut self, message: &Message) -> Result<(), StageError> {
        let place = || format!("{}/{} offset {}", message.topic, message.partition, message.offset);
        let Some(id) = &message.key else { return Err(StageError::Foreign { place: place() }) };
        let row = match &message.value {
            None => None,
            Some(value) => {
                let decoded: Result<CollectionRow, _> = self.follower.deployment.codec.decode(value);
                Some(decoded.map_err(|source| StageError::Unreadable { place: place(), source })?.row)
            }
        };
        self.bytes += id.len() + row.as_ref().map_or(0, Bytes::len);
        self.records += 1;
        self.changes.push((id.clone(), row));
        Ok(())
    }
}
