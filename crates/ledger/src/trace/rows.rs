//! Rows of the tables as the parts of a life.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Action, Delivered, Event, Letter, Place, Record, Waiting};
use crate::{Error, Row};

pub(super) fn record(row: &Row) -> Result<Record, Error> {
    let standing = row.plain_text("standing")?;
    let delivered = Delivered {
        id: row.plain_text("target_id")?,
        number: row.plain_text("target_number")?,
        key: row.plain_text("delivered_key")?,
        at: time(row, "delivered_at_us")?,
        flow_ordinal: row.integer("delivered_ordinal")?,
        repaired: row.plain_integer("delivered_repaired")? != 0,
        standing,
    };
    Ok(Record {
        state: row.plain_text("state")?,
        code: row.plain_text("code")?,
        message: row.plain_text("message")?,
        source: row.plain_text("source")?,
        number: row.plain_text("number")?,
        doc_key: row.plain_text("doc_key")?,
        flow_ordinal: row.integer("flow_ordinal")?,
        repaired: row.plain_integer("repaired")? != 0,
        deleted: row.plain_integer("deleted")? != 0,
        polled_at: time(row, "polled_at_us")?,
        raw: place(row, "raw_part", "raw_offset")?,
        document: place(row, "doc_part", "doc_offset")?,
        changed_at: time(row, "changed_at_us")?.unwrap_or_default(),
        delivered: (!delivered.standing.is_empty()).then_some(delivered),
    })
}

pub(super) fn event(row: &Row) -> Result<Event, Error> {
    Ok(Event {
        at: time(row, "at_us")?.unwrap_or_default(),
        stream: row.plain_text("stream")?,
        place: place(row, "part", "log_offset")?.unwrap_or(Place { partition: 0, offset: 0 }),
        kind: row.plain_text("kind")?,
        reason: row.plain_text("reason")?,
        job: row.plain_text("job")?,
        flow_ordinal: row.integer("flow_ordinal")?,
        code: row.plain_text("code")?,
        detail: serde_json::from_str(&row.plain_text("detail")?).unwrap_or(Json::Null),
    })
}

pub(super) fn letter(row: &Row) -> Result<Letter, Error> {
    Ok(Letter {
        owner: row.plain_text("owner")?,
        place: place(row, "part", "log_offset")?.unwrap_or(Place { partition: 0, offset: 0 }),
        stage: row.plain_text("stage")?,
        code: row.plain_text("code")?,
        message: row.plain_text("message")?,
        field: row.plain_text("field")?,
        at: time(row, "at_us")?.unwrap_or_default(),
        job: row.plain_text("job")?,
        actions: Vec::new(),
    })
}

pub(super) fn action(row: &Row) -> Result<Action, Error> {
    Ok(Action {
        at: time(row, "at_us")?.unwrap_or_default(),
        by: row.plain_text("by_whom")?,
        kind: row.plain_text("kind")?,
        reason: row.plain_text("reason")?,
    })
}

pub(super) fn waiting_of(row: &Row) -> Result<Waiting, Error> {
    Ok(Waiting {
        collection: row.plain_text("collection")?,
        reference: row.plain_text("reference")?,
        since: time(row, "since_us")?.unwrap_or_default(),
    })
}

fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.integer(column)?.and_then(|us| Timestamp::from_microsecond(us).ok()))
}

fn place(row: &Row, partition: &str, offset: &str) -> Result<Option<Place>, Error> {
    let (partition, offset) = (row.integer(partition)?, row.integer(offset)?);
    Ok(partition.zip(offset).map(|(partition, offset)| Place { partition, offset }))
}
