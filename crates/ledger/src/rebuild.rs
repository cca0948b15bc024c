//! Makes the projection anew of what the topics hold.
//!
//! One transaction throws away the rows that will come again and sets the progress back; reading on is the follower's
//! usual work. So a rebuild that is killed has either not begun, or goes on with whoever follows next. Rows of what the
//! topics hold no more stay: they cannot come again. The book is not touched.

use std::sync::Arc;

use weir_kafka::{Sweep, TopicPartition, Watermarks};

use crate::{
    Error, Follower,
    database::{Session, Value},
    record::{COLUMNS, Record},
    scope::Stream,
    write::{Offsets, note_progress, take_turn},
};

/// Rows whose state is worked out anew at once.
const CHUNK: usize = 2_000;

/// A condition on partition and offset, and its values.
type Condition = (String, Vec<Value>);

impl Follower {
    /// Throws away what the topics still hold and sets the progress back to their beginnings; following brings it back.
    ///
    /// # Errors
    /// Kafka or the ledger cannot be reached, or a topic is missing. Nothing has changed then.
    pub async fn begin_rebuild(&self) -> Result<(), Error> {
        let follower = self.clone();
        // Kafka's calls block.
        let looking = tokio::task::spawn_blocking(move || {
            let sweep = Sweep::open(&follower.cluster)?;
            follower.find(&sweep)
        });
        let found = looking.await.map_err(|error| Error::Thread { source: error.into() })??;
        let mut session = take_turn(&self.ledger.projection).await?;
        for (topic, stream) in self.scope.streams() {
            let partitions: Vec<&(TopicPartition, Watermarks)> =
                found.partitions.iter().filter(|(partition, _)| &*partition.topic == topic).collect();
            if !partitions.is_empty() {
                self.drop_rows(&mut session, stream, &partitions).await?;
            }
        }
        for flow in &self.scope.flows {
            let flow = Arc::from(flow.name.as_str());
            put_together(&mut session, &flow).await?;
        }
        let beginnings: Offsets =
            found.partitions.into_iter().map(|(partition, ends)| (partition, ends.low)).collect();
        note_progress(&mut session, &beginnings, self.now_us()).await?;
        session.commit().await
    }

    async fn drop_rows(
        &self,
        session: &mut Session,
        stream: &Stream,
        partitions: &[&(TopicPartition, Watermarks)],
    ) -> Result<(), Error> {
        let name =
            |flow: usize| -> Value { self.scope.flow(flow).map_or("", |flow| flow.name.as_str()).into() };
        match stream {
            Stream::Doc(flow) => {
                forget(session, "doc", &name(*flow), partitions).await?;
                drop_events(session, "doc", &name(*flow), partitions).await
            }
            // A compacted topic holds the newest only: what was before is in no topic, and the events of it stay.
            Stream::Receipt(flow) => forget(session, "receipt", &name(*flow), partitions).await,
            Stream::Wait(flow) => {
                forget(session, "wait", &name(*flow), partitions).await?;
                drop_from(session, "waiting WHERE flow = ? AND", Some(name(*flow)), "log_offset", partitions)
                    .await
            }
            Stream::Dead(owner) => {
                let owner = Value::from(Arc::clone(owner));
                drop_events(session, "dead", &owner, partitions).await?;
                drop_from(session, "letter WHERE owner = ? AND", Some(owner), "log_offset", partitions).await
            }
            Stream::Window => drop_from(session, "window_fact WHERE", None, "log_offset", partitions).await,
            // Hours of which the topic has lost a part stay whole: their later counts are known by their offsets.
            Stream::Tally => drop_from(session, "tally WHERE", None, "first_offset", partitions).await,
            Stream::Status => drop_from(session, "process WHERE", None, "log_offset", partitions).await,
        }
    }
}

/// That a row was made of a record which its topic still holds.
fn is_held(part: &str, offset: &str, partitions: &[&(TopicPartition, Watermarks)]) -> Condition {
    let condition = vec![format!("({part} = ? AND {offset} >= ?)"); partitions.len()].join(" OR ");
    let values = partitions
        .iter()
        .flat_map(|(partition, ends)| [Value::from(partition.partition), Value::from(ends.low)])
        .collect();
    (format!("({condition})"), values)
}

async fn drop_from(
    session: &mut Session,
    rows: &str,
    owner: Option<Value>,
    offset: &str,
    partitions: &[&(TopicPartition, Watermarks)],
) -> Result<(), Error> {
    let (condition, held) = is_held("part", offset, partitions);
    let values: Vec<Value> = owner.into_iter().chain(held).collect();
    session.execute(&format!("DELETE FROM {rows} {condition}"), &values).await.map(|_| ())
}

async fn drop_events(
    session: &mut Session,
    stream: &'static str,
    owner: &Value,
    partitions: &[&(TopicPartition, Watermarks)],
) -> Result<(), Error> {
    let (condition, held) = is_held("part", "log_offset", partitions);
    let values: Vec<Value> = [owner.clone(), Value::Known(stream)].into_iter().chain(held).collect();
    let sql = format!("DELETE FROM event WHERE flow = ? AND stream = ? AND {condition}");
    session.execute(&sql, &values).await.map(|_| ())
}

/// Forgets the document, the receipt or the parking of records, and marks them.
async fn forget(
    session: &mut Session,
    what: &str,
    flow: &Value,
    partitions: &[&(TopicPartition, Watermarks)],
) -> Result<(), Error> {
    let (condition, held) = is_held(&format!("{what}_part"), &format!("{what}_offset"), partitions);
    let values: Vec<Value> = std::iter::once(flow.clone()).chain(held).collect();
    let sql = format!("UPDATE record SET {what}_offset = NULL, state = '' WHERE flow = ? AND {condition}");
    session.execute(&sql, &values).await.map(|_| ())
}

/// Removes the records of which nothing is known any more, and works out anew how the marked ones stand.
async fn put_together(session: &mut Session, flow: &Arc<str>) -> Result<(), Error> {
    let of_flow = [Value::from(Arc::clone(flow))];
    let gone = "DELETE FROM record WHERE flow = ? AND doc_offset IS NULL AND receipt_offset IS NULL AND wait_offset IS NULL";
    session.execute(gone, &of_flow).await?;
    let marked = format!("SELECT {COLUMNS} FROM record WHERE flow = ? AND state = '' LIMIT {CHUNK}");
    loop {
        let found = session.fetch(&marked, &of_flow).await?;
        if found.is_empty() {
            break;
        }
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push(Record::read(row)?.values(flow, &row.plain_text("record_id")?));
        }
        session.replace("record", COLUMNS, &rows).await?;
    }
    let numbers = "DELETE FROM number WHERE flow = ? AND NOT EXISTS (SELECT 1 FROM record WHERE record.flow = number.flow \
         AND record.record_id = number.record_id)";
    session.execute(numbers, &of_flow).await.map(|_| ())
}
