//! A table: a compacted topic's partition kept on local disk, the newest value of each key.
//!
//! Receipts, collections and waiting records are all of this one kind. The file is a cache: it is made anew by every
//! restore, so its writes need not survive a crash, and memory stays small however many keys there are.

use std::ops::ControlFlow;
use std::path::Path;

use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _,
    TableDefinition,
};

use crate::cluster::Cluster;
use crate::error::Error;
use crate::reader::{Isolation, read_to_end};
use crate::record::{StartOffset, TopicPartition};

const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
/// Pages of the file kept in memory. Little, for a process has a table for each partition of each flow; what is not here
/// is in the system's own cache.
const CACHE_BYTES: usize = 512 << 10;
/// Records per write while restoring.
const RESTORE_ROWS: usize = 4_096;
/// The store reuses freed pages only after a durable commit; one in so many keeps the file from growing.
const COMMITS_PER_CHECKPOINT: u32 = 256;

/// The newest value of every key of one partition.
pub struct Table {
    database: Database,
    partition: TopicPartition,
    next_offset: i64,
    commits: u32,
}

impl Table {
    /// Builds the table at `path` from the partition, from its beginning to the end a reader of this isolation sees.
    /// Whatever was at `path` is replaced.
    ///
    /// # Errors
    /// Those of [`read_to_end`]; [`Error::Table`] and [`Error::File`] for the disk.
    pub fn restore(
        cluster: &Cluster,
        partition: &TopicPartition,
        path: &Path,
        isolation: Isolation,
    ) -> Result<Self, Error> {
        let mut table = Self::empty(partition, path)?;
        let mut pending: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::with_capacity(RESTORE_ROWS);
        let mut failure = None;
        let end = read_to_end(cluster, partition, StartOffset::Beginning, isolation, |message| {
            let Some(key) = message.key else { return ControlFlow::Continue(()) };
            pending.push((key.to_vec(), message.value.map(|value| value.to_vec())));
            if pending.len() < RESTORE_ROWS {
                return ControlFlow::Continue(());
            }
            let written = table.apply(pending.iter().map(|(key, value)| (key.as_slice(), value.as_deref())));
            pending.clear();
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        table.apply(pending.iter().map(|(key, value)| (key.as_slice(), value.as_deref())))?;
        table.next_offset = end.next_offset;
        Ok(table)
    }

    fn empty(partition: &TopicPartition, path: &Path) -> Result<Self, Error> {
        match std::fs::remove_file(path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let attempted = format!("remove the old table {}", path.display());
                return Err(Error::File { attempted, source });
            }
            _ => {}
        }
        let failed = |source| store_error(format!("make the table {}", path.display()), source);
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|source| failed(source.into()))?;
        let mut table = Self { database, partition: partition.clone(), next_offset: 0, commits: 0 };
        table.apply(std::iter::empty())?;
        Ok(table)
    }

    /// The partition this is a copy of.
    #[must_use]
    pub fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    /// The offset of the partition from which on the restore has not read.
    #[must_use]
    pub fn next_offset(&self) -> i64 {
        self.next_offset
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.read("look up a key", |rows| Ok(rows.get(key)?.map(|value| value.value().to_vec())))
    }

    /// The values of many keys, in their order, from one state of the table.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn get_many<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<Vec<Option<Vec<u8>>>, Error> {
        self.read("look up keys", |rows| {
            keys.into_iter().map(|key| Ok(rows.get(key)?.map(|value| value.value().to_vec()))).collect()
        })
    }

    /// How many keys have a value.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn len(&self) -> Result<u64, Error> {
        self.read("count the keys", |rows| Ok(rows.len()?))
    }

    /// Whether no key has a value.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }

    /// Calls `visit` with every key and value in the order of the keys' bytes, until it breaks off.
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn for_each(&self, mut visit: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>) -> Result<(), Error> {
        self.read("go through the rows", |rows| {
            for row in rows.iter()? {
                let (key, value) = row?;
                if visit(key.value(), value.value()).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Sets keys, or removes those without a value, all or nothing. Call it after the transaction that carried the
    /// same records has committed: the topic is the truth, this its shadow (invariant 1).
    ///
    /// # Errors
    /// [`Error::Table`].
    pub fn apply<'a>(
        &mut self,
        changes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<(), Error> {
        self.commits = self.commits.wrapping_add(1);
        let durable = self.commits.is_multiple_of(COMMITS_PER_CHECKPOINT);
        self.write(changes, durable).map_err(|source| self.failed("write rows", source))
    }

    fn write<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        durable: bool,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if durable { Durability::Immediate } else { Durability::None })?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for (key, value) in changes {
                match value {
                    Some(value) => rows.insert(key, value)?,
                    None => rows.remove(key)?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read<T>(
        &self,
        attempted: &str,
        query: impl FnOnce(&redb::ReadOnlyTable<&'static [u8], &'static [u8]>) -> Result<T, redb::Error>,
    ) -> Result<T, Error> {
        let run = || query(&self.database.begin_read()?.open_table(ROWS)?);
        run().map_err(|source| self.failed(attempted, source))
    }

    fn failed(&self, attempted: &str, source: redb::Error) -> Error {
        store_error(format!("{attempted} of the local copy of {}", self.partition), source)
    }
}

fn store_error(attempted: String, source: redb::Error) -> Error {
    Error::Table { attempted, source: Box::new(source) }
}
