//! Writes what a batch says, and how far it was read, in one transaction.
//!
//! Whoever writes takes a turn first, so there is one writer at a time in both dialects, and then looks how far the
//! ledger really is: a running ledger and a command may follow the same topics, and what the other has taken in already is
//! left out (exactly once: invariant 7).

use std::{collections::BTreeMap, sync::Arc};

use weir_kafka::{Message, TopicPartition};
use weir_model::tally::Counts;

use crate::{
    database::{Database, Session, Value, full_chunks},
    error::Error,
    event,
    facts::{Change, Facts, HourKey, LETTER, PROCESS, RecordKey, WAITING, WINDOW},
    record::{COLUMNS, Record},
    scope::Scope,
};

/// Keys looked for by one statement.
const KEYS: usize = 500;
const PROGRESS: &str = "topic, part, next_offset, at_us";
const TALLY: &str = "stage, subject, hour_us, part, first_offset, next_offset, polled, mapped, filtered, delivered, \
     unchanged, superseded, waiting, dead";

/// How far partitions were read.
pub(crate) type Offsets = BTreeMap<TopicPartition, i64>;

/// What is to be written.
pub(crate) struct Batch<'a> {
    /// In the order of each partition.
    pub(crate) messages: &'a [Message],
    /// Where the reader went on from in each partition that moved.
    pub(crate) from: &'a Offsets,
    /// Where it goes on from now.
    pub(crate) to: &'a Offsets,
    /// Now, in microseconds.
    pub(crate) now_us: i64,
    /// Whether nothing more is there for now.
    pub(crate) is_caught_up: bool,
}

/// What came of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It stands in the tables.
    Done,
    /// A rebuild has begun: what the reader has read is to be read again.
    SetBack,
}

/// Takes the turn to write; others wait until the transaction has ended.
pub(crate) async fn take_turn(database: &Database) -> Result<Session, Error> {
    let mut session = database.begin().await?;
    session.execute("UPDATE turn SET taken = taken + 1 WHERE id = 1", &[]).await?;
    Ok(session)
}

/// How far the ledger is.
pub(crate) async fn progress(session: &mut Session) -> Result<Offsets, Error> {
    let mut offsets = Offsets::new();
    for row in session.fetch("SELECT topic, part, next_offset FROM progress", &[]).await? {
        let partition = i32::try_from(row.plain_integer("part")?).unwrap_or(i32::MAX);
        let partition = TopicPartition::new(row.plain_text("topic")?, partition);
        offsets.insert(partition, row.plain_integer("next_offset")?);
    }
    Ok(offsets)
}

/// Notes how far partitions were read.
pub(crate) async fn note_progress(
    session: &mut Session,
    offsets: &Offsets,
    now_us: i64,
) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = offsets
        .iter()
        .map(|(partition, next)| {
            vec![
                Arc::clone(&partition.topic).into(),
                partition.partition.into(),
                (*next).into(),
                now_us.into(),
            ]
        })
        .collect();
    session.replace("progress", PROGRESS, &rows).await
}

/// Writes a batch.
pub(crate) async fn apply(database: &Database, scope: &Scope, batch: &Batch<'_>) -> Result<Written, Error> {
    // Before the turn: reading a batch takes as long as writing it.
    let mut facts = read(scope, batch.messages.iter())?;
    let mut session = take_turn(database).await?;
    let known = progress(&mut session).await?;
    let is_set_back =
        |(partition, from): (&TopicPartition, &i64)| known.get(partition).is_none_or(|known| known < from);
    if batch.from.iter().any(is_set_back) {
        return Ok(Written::SetBack);
    }
    if batch.from.iter().any(|(partition, from)| known.get(partition) != Some(from)) {
        let is_new = |message: &&Message| {
            known.get(&message.topic_partition()).is_some_and(|known| message.offset >= *known)
        };
        facts = read(scope, batch.messages.iter().filter(is_new))?;
    }
    write(&mut session, scope, facts).await?;
    let ahead = batch.to.iter().filter(|(partition, to)| known.get(partition) < Some(to));
    let moved = ahead.map(|(partition, to)| (partition.clone(), *to)).collect();
    note_progress(&mut session, &moved, batch.now_us).await?;
    if batch.is_caught_up {
        let now = [batch.now_us.into()];
        session.execute("UPDATE turn SET caught_up_us = ? WHERE id = 1", &now).await?;
    }
    session.commit().await?;
    Ok(Written::Done)
}

fn read<'a>(scope: &Scope, messages: impl Iterator<Item = &'a Message>) -> Result<Facts, Error> {
    let mut facts = Facts::default();
    for message in messages {
        facts.take(scope, message)?;
    }
    Ok(facts)
}

async fn write(session: &mut Session, scope: &Scope, facts: Facts) -> Result<(), Error> {
    let flows: Vec<Arc<str>> = scope.flows.iter().map(|flow| Arc::from(flow.name.as_str())).collect();
    write_records(session, &flows, facts.changes).await?;
    let flow_of = |index: usize| flows.get(index).cloned().unwrap_or_else(|| Arc::from(""));
    let numbers: Vec<Vec<Value>> = facts
        .numbers
        .into_iter()
        .map(|(number, flow, record_id)| vec![number.into(), flow_of(flow).into(), record_id.into()])
        .collect();
    session.replace("number", "number, flow, record_id", &numbers).await?;
    let mut events = facts.events;
    // In the order of the primary key: neighbours go to one page.
    events.sort_by(|one, other| event::order(one).cmp(&event::order(other)));
    session.replace("event", event::COLUMNS, &events).await?;
    session.replace("letter", LETTER, &facts.letters).await?;
    session.replace("window_fact", WINDOW, &facts.windows).await?;
    let mut rows = Vec::new();
    let mut released: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for ((flow, record_id), row) in facts.waiting {
        match row {
            Some(row) => rows.push(row),
            None => released.entry(flow).or_default().push(record_id),
        }
    }
    session.replace("waiting", WAITING, &rows).await?;
    for (flow, ids) in released {
        delete(session, "DELETE FROM waiting WHERE flow = ? AND record_id IN", &flow_of(flow), &ids).await?;
    }
    write_tallies(session, facts.tallies).await?;
    for (instance, row) in facts.processes {
        match row {
            Some(row) => session.replace("process", PROCESS, &[row]).await?,
            None => {
                session.execute("DELETE FROM process WHERE instance = ?", &[instance.into()]).await?;
            }
        }
    }
    Ok(())
}

async fn write_records(
    session: &mut Session,
    flows: &[Arc<str>],
    changes: BTreeMap<RecordKey, Vec<Change>>,
) -> Result<(), Error> {
    let mut of_flow: BTreeMap<usize, BTreeMap<String, Vec<Change>>> = BTreeMap::new();
    for ((flow, record_id), changes) in changes {
        of_flow.entry(flow).or_default().insert(record_id, changes);
    }
    for (flow, changes) in of_flow {
        let Some(flow) = flows.get(flow) else { continue };
        let mut known = records(session, flow, changes.keys()).await?;
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for (record_id, changes) in changes {
            let mut record = known.remove(&record_id).unwrap_or_default();
            for change in changes {
                match change {
                    Change::Document(new) => record.take_document(*new),
                    Change::Receipt(new) => record.take_receipt(*new),
                    Change::Wait(new) => record.take_wait(new),
                }
            }
            if record.is_empty() {
                gone.push(record_id);
            } else {
                rows.push(record.values(flow, &record_id));
            }
        }
        session.replace("record", COLUMNS, &rows).await?;
        delete(session, "DELETE FROM record WHERE flow = ? AND record_id IN", flow, &gone).await?;
    }
    Ok(())
}

/// The rows of these records.
async fn records(
    session: &mut Session,
    flow: &Arc<str>,
    ids: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, Record>, Error> {
    let ids: Vec<&String> = ids.collect();
    let mut found = BTreeMap::new();
    for ids in full_chunks(&ids, KEYS) {
        let marks = vec!["?"; ids.len()].join(",");
        let sql = format!("SELECT {COLUMNS} FROM record WHERE flow = ? AND record_id IN ({marks})");
        let values: Vec<Value> =
            std::iter::once(Arc::clone(flow).into()).chain(ids.iter().map(|id| id.as_str().into())).collect();
        for row in session.fetch(&sql, &values).await? {
            found.insert(row.plain_text("record_id")?, Record::read(&row)?);
        }
    }
    Ok(found)
}

async fn delete(session: &mut Session, sql: &str, flow: &Arc<str>, ids: &[String]) -> Result<(), Error> {
    for ids in full_chunks(ids, KEYS) {
        let marks = vec!["?"; ids.len()].join(",");
        let values: Vec<Value> =
            std::iter::once(Arc::clone(flow).into()).chain(ids.iter().map(|id| id.as_str().into())).collect();
        session.execute(&format!("{sql} ({marks})"), &values).await?;
    }
    Ok(())
}

/// Adds counts to their hours, but for those that a row holds already: a rebuild keeps the rows of which the topic has
/// lost a part, and reads the rest of them again.
async fn write_tallies(
    session: &mut Session,
    tallies: BTreeMap<HourKey, Vec<(i64, Counts)>>,
) -> Result<(), Error> {
    let mut rows = Vec::new();
    for ((stage, subject, hour_us, part), tallies) in tallies {
        let key: [Value; 4] = [Value::Known(stage), subject.into(), hour_us.into(), part.into()];
        let sql =
            format!("SELECT {TALLY} FROM tally WHERE stage = ? AND subject = ? AND hour_us = ? AND part = ?");
        let found = session.fetch(&sql, &key).await?;
        let (mut counts, mut first, mut next) = (Counts::default(), None, 0);
        if let Some(row) = found.first() {
            let number = |column| row.plain_integer(column);
            let count = |column| number(column).map(|number| u64::try_from(number).unwrap_or(0));
            counts = Counts {
                polled: count("polled")?,
                mapped: count("mapped")?,
                filtered: count("filtered")?,
                delivered: count("delivered")?,
                unchanged: count("unchanged")?,
                superseded: count("superseded")?,
                waiting: number("waiting")?,
                dead: count("dead")?,
            };
            first = Some(number("first_offset")?);
            next = number("next_offset")?;
        }
        let known = next;
        for (offset, new) in tallies.into_iter().filter(|(offset, _)| *offset >= known) {
            counts.add(&new);
            first = first.or(Some(offset));
            next = next.max(offset + 1);
        }
        let mut row = key.to_vec();
        row.extend([first.unwrap_or(next).into(), next.into()]);
        let ended = [counts.polled, counts.mapped, counts.filtered, counts.delivered];
        row.extend(ended.map(Value::from));
        row.extend([
            counts.unchanged.into(),
            counts.superseded.into(),
            counts.waiting.into(),
            counts.dead.into(),
        ]);
        rows.push(row);
    }
    session.replace("tally", TALLY, &rows).await
}
