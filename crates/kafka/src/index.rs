//! A topic of reference rows kept on local disk and found by its fields: the newest value of each key, with indexes.
//!
//! As [`crate::table::Table`] the file is a cache: it is made anew at every start and goes with its process. One store
//! holds all partitions of a topic. What a row is found by is the caller's to say, see [`Indexer`].

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase as _, ReadableTableMetadata as _, StorageBackend,
    TableDefinition, backends::FileBackend,
};

use crate::error::Error;

type Key = &'static [u8];

const ROWS: TableDefinition<'_, Key, Key> = TableDefinition::new("rows");
/// An index's number, the values, the row's id: sorted, so that rows of equal values stand together by their ids.
const INDEX: TableDefinition<'_, Key, ()> = TableDefinition::new("index");
/// Pages of the file kept in memory.
const CACHE_BYTES: usize = 32 << 20;
/// The store reuses freed pages only after what it calls a durable commit; one for so many changes keeps the file from
/// growing.
const CHANGES_PER_CHECKPOINT: usize = 50_000;

/// Says by what a row is found.
pub trait Indexer: Send + Sync {
    /// Calls `entry` with the number of each index that holds the row, and the row's values for it. The same row
    /// always gives the same entries.
    fn entries(&self, row: &[u8], entry: &mut dyn FnMut(u16, &[&str]));
}

/// A change of one row: its id, and its content, or nothing when it is removed.
pub type RowChange = (Bytes, Option<Bytes>);

/// The rows of one topic. Reads run beside writes.
pub struct IndexedTable {
    database: Database,
    path: PathBuf,
    indexer: Box<dyn Indexer>,
    unsaved: AtomicUsize,
}

impl IndexedTable {
    /// Makes an empty table at `path`, which must not exist. The file is removed with the table.
    ///
    /// # Errors
    /// [`Error::Table`] and [`Error::File`] for the disk.
    pub fn create(path: &Path, indexer: Box<dyn Indexer>) -> Result<Self, Error> {
        let attempted = || format!("make the table {}", path.display());
        let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|source| Error::File { attempted: attempted(), source })?;
        let database = FileBackend::new(file)
            .and_then(|file| {
                Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(Unsynced(file))
            })
            .map_err(|source| failed(attempted(), source.into()))?;
        let table = Self { database, path: path.to_owned(), indexer, unsaved: AtomicUsize::new(0) };
        table.apply(Vec::new())?;
        Ok(table)
    }

    /// Sets and removes rows, all or nothing. Of several changes of one id the last one counts.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn apply(&self, changes: Vec<RowChange>) -> Result<(), Error> {
        let unsaved = self.unsaved.fetch_add(changes.len(), Ordering::Relaxed) + changes.len();
        let durable = unsaved >= CHANGES_PER_CHECKPOINT;
        if durable {
            self.unsaved.store(0, Ordering::Relaxed);
        }
        self.write(newest_by_id(changes), durable)
            .map_err(|source| failed(format!("write rows of {}", self.path.display()), source))
    }

    fn write(&self, changes: Vec<RowChange>, durable: bool) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(if durable { Durability::Immediate } else { Durability::None })?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            let (mut gone, mut come) = (Vec::new(), Vec::new());
            for (id, row) in changes {
                let before = match &row {
                    Some(row) => rows.insert(&*id, &**row)?,
                    None => rows.remove(&*id)?,
                };
                let before = before.as_ref().map(redb::AccessGuard::value);
                if before == row.as_deref() {
                    continue;
                }
                self.entries(&id, before, &mut gone);
                self.entries(&id, row.as_deref(), &mut come);
            }
            // In the order of the file, so that each of its pages is written once.
            gone.sort_unstable();
            come.sort_unstable();
            let mut index = transaction.open_table(INDEX)?;
            for entry in &gone {
                index.remove(entry.as_slice())?;
            }
            for entry in &come {
                index.insert(entry.as_slice(), ())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn entries(&self, id: &[u8], row: Option<&[u8]>, entries: &mut Vec<Vec<u8>>) {
        let Some(row) = row else { return };
        self.indexer.entries(row, &mut |index, values| {
            let mut entry = prefix(index, values.iter().copied());
            entry.extend_from_slice(id);
            entries.push(entry);
        });
    }

    /// One state of the rows; changes that come later do not show in it.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let open = || {
            let transaction = self.database.begin_read()?;
            Ok(Snapshot { rows: transaction.open_table(ROWS)?, index: transaction.open_table(INDEX)? })
        };
        open().map_err(|source| failed(format!("read {}", self.path.display()), source))
    }
}

impl Drop for IndexedTable {
    fn drop(&mut self) {
        // What stays behind is removed at the next start.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// One state of a table's rows.
pub struct Snapshot {
    rows: ReadOnlyTable<Key, Key>,
    index: ReadOnlyTable<Key, ()>,
}

/// A row that was found by its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The row.
    pub row: Vec<u8>,
    /// Whether other rows have the same values.
    pub several: bool,
}

impl Snapshot {
    /// The row with these values in an index; the one with the smallest id when there are several.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn find<'v>(
        &self,
        index: u16,
        values: impl IntoIterator<Item = &'v str>,
    ) -> Result<Option<Match>, Error> {
        let prefix = prefix(index, values);
        let search = || {
            let mut entries = self.index.range(prefix.as_slice()..)?;
            let mut next_id = || -> Result<Option<Vec<u8>>, redb::Error> {
                let Some(entry) = entries.next().transpose()? else { return Ok(None) };
                Ok(entry.0.value().strip_prefix(prefix.as_slice()).map(<[u8]>::to_vec))
            };
            let Some(id) = next_id()? else { return Ok(None) };
            let several = next_id()?.is_some();
            let Some(row) = self.rows.get(id.as_slice())? else { return Ok(None) };
            Ok(Some(Match { row: row.value().to_vec(), several }))
        };
        search().map_err(|source| failed("look a row up".to_owned(), source))
    }

    /// The row with an id.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn get(&self, id: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let row = self.rows.get(id).map_err(|source| failed("look a row up".to_owned(), source.into()))?;
        Ok(row.map(|row| row.value().to_vec()))
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn len(&self) -> Result<u64, Error> {
        self.rows.len().map_err(|source| failed("count the rows".to_owned(), source.into()))
    }

    /// Whether there is no row.
    ///
    /// # Errors
    /// [`Error::Table`] for the disk.
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.len()? == 0)
    }
}

/// A file that nobody waits for the disk to have: after a crash it is made anew.
#[derive(Debug)]
struct Unsynced(FileBackend);

impl StorageBackend for Unsynced {
    fn len(&self) -> Result<u64, std::io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        self.0.write(offset, data)
    }

    fn close(&self) -> Result<(), std::io::Error> {
        self.0.close()
    }
}

/// The last change of each id, in the order of the ids: neighbours share pages of the file.
fn newest_by_id(mut changes: Vec<RowChange>) -> Vec<RowChange> {
    changes.reverse();
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    changes.dedup_by(|later, kept| later.0 == kept.0);
    changes
}

/// What the entries of all rows with these values begin with, and no other entry does: each value follows its length.
fn prefix<'v>(index: u16, values: impl IntoIterator<Item = &'v str>) -> Vec<u8> {
    let mut bytes = index.to_be_bytes().to_vec();
    for value in values {
        // A row is a Kafka record, far below four gigabytes.
        bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    bytes
}

fn failed(attempted: String, source: redb::Error) -> Error {
    Error::Table { attempted, source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are texts such as `red,large`; index 0 is the first part, index 1 both.
    struct Parts;

    impl Indexer for Parts {
        fn entries(&self, row: &[u8], entry: &mut dyn FnMut(u16, &[&str])) {
            let text = std::str::from_utf8(row).unwrap();
            if let Some((first, second)) = text.split_once(',') {
                entry(0, &[first]);
                entry(1, &[first, second]);
            }
        }
    }

    fn change(id: &str, row: Option<&str>) -> RowChange {
        (Bytes::copy_from_slice(id.as_bytes()), row.map(|row| Bytes::copy_from_slice(row.as_bytes())))
    }

    fn table(folder: &Path) -> IndexedTable {
        IndexedTable::create(&folder.join("rows.redb"), Box::new(Parts)).unwrap()
    }

    fn found(table: &IndexedTable, index: u16, values: &[&str]) -> Option<(String, bool)> {
        let found = table.snapshot().unwrap().find(index, values.iter().copied()).unwrap()?;
        Some((String::from_utf8(found.row).unwrap(), found.several))
    }

    #[test]
    fn rows_are_found_by_any_index_the_smallest_id_first() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path());
        table.apply(vec![change("b", Some("red,small")), change("a", Some("red,large"))]).unwrap();
        assert_eq!(found(&table, 0, &["red"]), Some(("red,large".into(), true)));
        assert_eq!(found(&table, 1, &["red", "small"]), Some(("red,small".into(), false)));
        for (index, value) in [(0, "re"), (0, "redd"), (2, "red")] {
            assert_eq!(found(&table, index, &[value]), None, "{index} {value}");
        }
        assert_eq!(table.snapshot().unwrap().get(b"b").unwrap().as_deref(), Some(&b"red,small"[..]));
    }

    #[test]
    fn changed_and_removed_rows_leave_no_entry_behind() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path());
        table.apply(vec![change("a", Some("red,large")), change("b", Some("red,small"))]).unwrap();
        let before = table.snapshot().unwrap();
        let changes = [change("a", Some("blue,x")), change("a", Some("blue,large")), change("b", None)];
        table.apply(changes.into()).unwrap();
        assert_eq!(found(&table, 0, &["red"]), None);
        assert_eq!(found(&table, 0, &["blue"]), Some(("blue,large".into(), false)));
        assert_eq!(found(&table, 1, &["blue", "x"]), None);
        assert_eq!(table.snapshot().unwrap().len().unwrap(), 1);
        assert_eq!(before.find(0, ["red"]).unwrap().map(|found| found.several), Some(true), "one state");
    }

    #[test]
    fn values_never_run_into_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let table = table(folder.path());
        table.apply(vec![change("a", Some("x,yz")), change("b", Some("xy,z"))]).unwrap();
        assert_eq!(found(&table, 1, &["xy", "z"]), Some(("xy,z".into(), false)));
        assert_eq!(found(&table, 0, &["x"]), Some(("x,yz".into(), false)));
    }

    #[test]
    fn the_file_goes_with_the_table() {
        let folder = tempfile::tempdir().unwrap();
        drop(table(folder.path()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
