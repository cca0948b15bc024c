//! How the ledger is: how far behind each topic, how many rows, how large.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_kafka::Sweep;

use crate::{Database, Error, Follower, Ledger};

/// Tables of the projection.
const PROJECTION: [&str; 9] =
    ["record", "number", "event", "letter", "waiting", "window_fact", "tally", "process", "progress"];
/// Tables of the book.
const BOOK: [&str; 4] = ["action", "action_letter", "letter_state", "repair"];

/// How the ledger is.
#[derive(Clone, Debug)]
pub struct LedgerStatus {
    /// What happened before this moment is told; none before the topics were first read to their end.
    pub as_of: Option<Timestamp>,
    /// The projection.
    pub projection: SchemaStatus,
    /// The book.
    pub book: SchemaStatus,
    /// By topic.
    pub topics: BTreeMap<String, TopicStatus>,
}

/// How a schema is.
#[derive(Clone, Debug)]
pub struct SchemaStatus {
    /// Where it lies.
    pub place: String,
    /// Bytes on disk, as far as the database tells.
    pub bytes: u64,
    /// Rows by table.
    pub rows: BTreeMap<&'static str, u64>,
}

/// How far the ledger is in a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TopicStatus {
    /// Offsets read, over all partitions; markers of transactions count as well.
    pub read: i64,
    /// Offsets that are left; none when Kafka did not tell.
    pub left: Option<i64>,
}

impl Ledger {
    /// How it is, without a word from Kafka.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn status(&self) -> Result<LedgerStatus, Error> {
        let mut topics: BTreeMap<String, TopicStatus> = BTreeMap::new();
        for row in self.projection.fetch("SELECT topic, next_offset FROM progress", &[]).await? {
            topics.entry(row.plain_text("topic")?).or_default().read += row.plain_integer("next_offset")?;
        }
        let noted = self.projection.fetch("SELECT caught_up_us FROM turn WHERE id = 1", &[]).await?;
        let noted = noted.first().map(|row| row.plain_integer("caught_up_us")).transpose()?;
        Ok(LedgerStatus {
            as_of: noted.filter(|at| *at > 0).and_then(|at| Timestamp::from_microsecond(at).ok()),
            projection: schema(&self.projection, &PROJECTION).await?,
            book: schema(&self.book, &BOOK).await?,
            topics,
        })
    }
}

impl Follower {
    /// How far the ledger is behind, by topic.
    ///
    /// # Errors
    /// Kafka or the ledger cannot be reached, or a topic is missing.
    pub async fn behind(&self) -> Result<BTreeMap<String, i64>, Error> {
        let follower = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let sweep = Sweep::open(&follower.cluster)?;
            follower.find(&sweep)
        });
        let found = looking.await.map_err(|error| Error::Thread { source: error.into() })??;
        let mut session = self.ledger.projection.begin().await?;
        let known = crate::write::progress(&mut session).await?;
        let mut left: BTreeMap<String, i64> = BTreeMap::new();
        for (partition, ends) in found.partitions {
            let read = known.get(&partition).copied().unwrap_or(ends.low);
            *left.entry(partition.topic.to_string()).or_default() += (ends.high - read).max(0);
        }
        Ok(left)
    }
}

async fn schema(database: &Database, tables: &[&'static str]) -> Result<SchemaStatus, Error> {
    let mut rows = BTreeMap::new();
    for table in tables {
        let found = database.fetch(&format!("SELECT COUNT(*) AS n FROM {table}"), &[]).await?;
        let count = found.first().map(|row| row.plain_integer("n")).transpose()?.unwrap_or(0);
        rows.insert(*table, u64::try_from(count).unwrap_or(0));
    }
    Ok(SchemaStatus { place: database.place().to_owned(), bytes: database.bytes().await?, rows })
}
