//! The life of a record: found by any of its numbers, told in the order in which it happened (design §8).
//!
//! Relies on the projection for what the topics told and on the book for what people did. Payloads are not here: the
//! places of documents and letters lead to them.

mod rows;

use jiff::Timestamp;
use serde_json::Value as Json;

use self::rows::{action, event, letter, record, waiting_of};
use crate::{Database, Error, Ledger, Value};

/// The most events of one record that are told; a record that is read again every minute keeps its first and last ones.
const MOST_EVENTS: usize = 400;
/// The fewest characters of a number by whose end it is looked for.
const SHORTEST_ENDING: usize = 4;

/// A record in a flow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The flow.
    pub flow: String,
    /// The record's id, with `-1`, `-2` … for its parts.
    pub record_id: String,
}

/// Where something stands in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: i64,
    /// The offset.
    pub offset: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

/// All that is known of a record in a flow.
#[derive(Clone, Debug)]
pub struct Life {
    /// Which record.
    pub key: Key,
    /// How it stands.
    pub record: Record,
    /// Every number by which it is known, sorted.
    pub numbers: Vec<String>,
    /// What happened, the oldest first.
    pub events: Vec<Event>,
    /// How many events in the middle were left out.
    pub left_out: usize,
    /// Its dead letters, the oldest first.
    pub letters: Vec<Letter>,
    /// What it waits for.
    pub waiting: Option<Waiting>,
}

/// How a record stands: its newest document and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// `mapped`, `sending`, `delivered`, `incomplete`, `refused`, `filtered`, `left`, `removed` or `waiting`.
    pub state: String,
    /// Why it is refused.
    pub code: String,
    /// The words for it: the target's own, or the rule that filtered.
    pub message: String,
    /// The source it came from; empty when only a receipt is left.
    pub source: String,
    /// The number shown to people.
    pub number: String,
    /// The business key of its newest document.
    pub doc_key: String,
    /// Ordinal of the flow version that made the newest document.
    pub flow_ordinal: Option<i64>,
    /// Whether the newest document was made of a repaired payload.
    pub repaired: bool,
    /// Whether its source says that it was removed there.
    pub deleted: bool,
    /// When it was polled.
    pub polled_at: Option<Timestamp>,
    /// Where the source's bytes stand in the raw topic.
    pub raw: Option<Place>,
    /// Where the newest document stands.
    pub document: Option<Place>,
    /// When it came to be as it is.
    pub changed_at: Timestamp,
    /// What the target holds; none when nothing was delivered.
    pub delivered: Option<Delivered>,
}

/// What a target holds of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// `held`, `incomplete`, `kept`, `lettered` or `removed`.
    pub standing: String,
    /// The target's id.
    pub id: String,
    /// The target's number.
    pub number: String,
    /// The business key it was written under.
    pub key: String,
    /// When the sink learned that it was stored.
    pub at: Option<Timestamp>,
    /// Ordinal of the flow version that made it.
    pub flow_ordinal: Option<i64>,
    /// Whether it was made of a repaired payload.
    pub repaired: bool,
}

/// Something that happened to a record.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The topic's kind: `doc`, `receipt`, `dead` or `wait`.
    pub stream: String,
    /// Where it stands there.
    pub place: Place,
    /// `mapped`, `filtered`, `refused-by-mapping`; `sending`, `delivered`, `incomplete`, `refused`, `left`, `removed`,
    /// `decided`; `lettered`; `parked`, `released`.
    pub kind: String,
    /// Why the record was on its way: `poll`, `replay`, …
    pub reason: String,
    /// The job that brought it; empty for none.
    pub job: String,
    /// Ordinal of the flow's version; none where no mapping was involved.
    pub flow_ordinal: Option<i64>,
    /// Code of a refusal.
    pub code: String,
    /// The rest: a small object.
    pub detail: Json,
}

impl Event {
    /// A text of the detail; empty where it has none.
    pub fn text(&self, key: &str) -> String {
        match self.detail.get(key) {
            Some(Json::String(text)) => text.clone(),
            Some(Json::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// A number of the detail.
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.detail.get(key).and_then(Json::as_i64)
    }

    /// Whether the detail says so.
    pub fn flag(&self, key: &str) -> bool {
        self.detail.get(key).and_then(Json::as_bool) == Some(true)
    }

    /// Where the raw record stands that a document or a parked record was made of.
    pub fn raw(&self) -> Option<Place> {
        let (partition, offset) = self.detail.get("raw")?.as_str()?.split_once(':')?;
        Some(Place { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    }

    /// A time of the detail, in microseconds of Unix time there.
    pub fn time(&self, key: &str) -> Option<Timestamp> {
        self.integer(key).and_then(|us| Timestamp::from_microsecond(us).ok())
    }
}

/// A dead letter of a record.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The flow or source whose letter it is.
    pub owner: String,
    /// Where it stands: `PARTITION:OFFSET` names it for `weir dlq`.
    pub place: Place,
    /// `producer`, `processor` or `sink`.
    pub stage: String,
    /// Why.
    pub code: String,
    /// The words: the target's own where it was asked.
    pub message: String,
    /// The field concerned.
    pub field: String,
    /// When.
    pub at: Timestamp,
    /// The job that brought the record; empty for none.
    pub job: String,
    /// What people did with it, the oldest first.
    pub actions: Vec<Action>,
}

/// What a person did with a letter.
#[derive(Clone, Debug)]
pub struct Action {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// `edit`, `replay` or `drop`.
    pub kind: String,
    /// Why, in their words.
    pub reason: String,
}

/// What a record waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The collection.
    pub collection: String,
    /// The row, such as `company_id=7`.
    pub reference: String,
    /// Since when.
    pub since: Timestamp,
}

/// What an example is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Example {
    /// A record that stands so: `delivered`, `refused`, …
    State(&'static str),
    /// A record to which this happened: `released`, …
    Event(&'static str),
}

impl Ledger {
    /// The records that a number belongs to, in all flows or in one; at most `limit`.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn find_number(&self, number: &str, flow: Option<&str>, limit: u32) -> Result<Vec<Key>, Error> {
        let number = crate::text::key(number).into_owned();
        let mut values = vec![Value::from(number)];
        let of_flow = flow.map_or("", |flow| {
            values.push(Value::from(flow));
            " AND flow = ?"
        });
        let statement = format!(
            "SELECT flow, record_id FROM number WHERE number = ?{of_flow} ORDER BY flow, record_id LIMIT {limit}"
        );
        let rows = self.projection.fetch(&statement, &values).await?;
        rows.iter()
            .map(|row| Ok(Key { flow: row.plain_text("flow")?, record_id: row.plain_text("record_id")? }))
            .collect()
    }

    /// Numbers that are like one that is not known: those that it begins, those that it begins with, those that end like
    /// it; at most `limit`.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn similar_numbers(&self, number: &str, limit: usize) -> Result<Vec<String>, Error> {
        let number = number.trim();
        if number.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let longer = [Value::from(number), Value::from(format!("{number}\u{10FFFF}"))];
        let begun = format!(
            "SELECT DISTINCT number FROM number WHERE number >= ? AND number < ? ORDER BY number LIMIT {limit}"
        );
        self.add_numbers(&begun, &longer, limit, &mut found).await?;
        let ends: Vec<usize> = number.char_indices().map(|(at, _)| at).skip(SHORTEST_ENDING).collect();
        let shorter: Vec<Value> = ends.iter().filter_map(|end| number.get(..*end)).map(Value::from).collect();
        if !shorter.is_empty() {
            let marks = vec!["?"; shorter.len()].join(", ");
            let begins = format!(
                "SELECT DISTINCT number FROM number WHERE number IN ({marks}) ORDER BY number DESC LIMIT {limit}"
            );
            self.add_numbers(&begins, &shorter, limit, &mut found).await?;
        }
        // No index helps here: the ledger's list of numbers is read until enough are found.
        if found.is_empty() && number.chars().count() >= SHORTEST_ENDING {
            let pattern = number.replace('!', "!!").replace('%', "!%").replace('_', "!_");
            let ending =
                format!("SELECT DISTINCT number FROM number WHERE number LIKE ? ESCAPE '!' LIMIT {limit}");
            self.add_numbers(&ending, &[Value::from(format!("%{pattern}"))], limit, &mut found).await?;
        }
        Ok(found)
    }

    async fn add_numbers(
        &self,
        statement: &str,
        values: &[Value],
        limit: usize,
        found: &mut Vec<String>,
    ) -> Result<(), Error> {
        for row in self.projection.fetch(statement, values).await? {
            let number = row.plain_text("number")?;
            if found.len() < limit && !found.contains(&number) {
                found.push(number);
            }
        }
        Ok(())
    }

    /// All that is known of a record; none when the flow never had it.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn life(&self, key: &Key) -> Result<Option<Life>, Error> {
        let of_record = [Value::from(key.flow.as_str()), Value::from(key.record_id.as_str())];
        let select = |what: &str| format!("SELECT * FROM {what} WHERE flow = ? AND record_id = ?");
        let rows = self.projection.fetch(&select("record"), &of_record).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let record = record(row)?;
        let sorted = format!("{} ORDER BY number", select("number"));
        let numbers = self.projection.fetch(&sorted, &of_record).await?;
        let numbers = numbers.iter().map(|row| row.plain_text("number")).collect::<Result<_, _>>()?;
        let (events, left_out) = events(&self.projection, key).await?;
        let waiting = self.projection.fetch(&select("waiting"), &of_record).await?;
        let waiting = waiting.first().map(waiting_of).transpose()?;
        let letters = self.letters_about(std::slice::from_ref(&key.flow), &key.record_id).await?;
        Ok(Some(Life { key: key.clone(), record, numbers, events, left_out, letters, waiting }))
    }

    /// The letters of some flows or sources about a record, the oldest first: an answer of a source that never became a
    /// record has only these.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn letters_about(&self, owners: &[String], record_id: &str) -> Result<Vec<Letter>, Error> {
        let mut letters = Vec::new();
        for owner in owners {
            let of_record = [Value::from(owner.as_str()), Value::from(record_id)];
            let statement =
                "SELECT * FROM letter WHERE owner = ? AND record_id = ? ORDER BY at_us, part, log_offset";
            for row in self.projection.fetch(statement, &of_record).await? {
                let mut letter = letter(&row)?;
                letter.actions = self.actions_on(&letter).await?;
                letters.push(letter);
            }
        }
        Ok(letters)
    }

    async fn actions_on(&self, letter: &Letter) -> Result<Vec<Action>, Error> {
        let statement = "SELECT action.at_us, action.by_whom, action.kind, action.reason FROM action \
             JOIN action_letter ON action_letter.action_id = action.id \
             WHERE action_letter.owner = ? AND action_letter.part = ? AND action_letter.log_offset = ? \
             ORDER BY action.at_us, action.id";
        let of_letter = [
            Value::from(letter.owner.as_str()),
            Value::from(letter.place.partition),
            Value::from(letter.place.offset),
        ];
        let rows = self.book.fetch(statement, &of_letter).await?;
        rows.iter().map(action).collect()
    }

    /// How far each partition of a flow's raw topic is mapped, as far as the ledger's documents tell: partition, and the
    /// offset behind the newest.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn mapped_up_to(&self, flow: &str) -> Result<Vec<(i64, i64)>, Error> {
        let statement = "SELECT raw_part, MAX(raw_offset) AS raw_offset FROM record \
             WHERE flow = ? AND raw_part IS NOT NULL GROUP BY raw_part";
        let rows = self.projection.fetch(statement, &[flow.into()]).await?;
        rows.iter()
            .map(|row| Ok((row.plain_integer("raw_part")?, row.plain_integer("raw_offset")? + 1)))
            .collect()
    }

    /// A record of a flow that stands so, or to which this happened: one to show.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn example(&self, flow: &str, what: Example) -> Result<Option<String>, Error> {
        let (statement, value) = match what {
            Example::State(state) => (
                "SELECT number AS name, record_id FROM record WHERE flow = ? AND state = ? \
                 ORDER BY changed_at_us LIMIT 1",
                state,
            ),
            Example::Event(kind) => (
                "SELECT record.number AS name, record.record_id AS record_id FROM event \
                 JOIN record ON record.flow = event.flow AND record.record_id = event.record_id \
                 WHERE event.flow = ? AND event.kind = ? LIMIT 1",
                kind,
            ),
        };
        let rows = self.projection.fetch(statement, &[flow.into(), value.into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let name = row.plain_text("name")?;
        if name.is_empty() { row.plain_text("record_id").map(Some) } else { Ok(Some(name)) }
    }

    /// How many records of each flow there are, by flow.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn record_counts(&self) -> Result<Vec<(String, i64)>, Error> {
        let counts = "SELECT flow, COUNT(*) AS records FROM record GROUP BY flow ORDER BY flow";
        let rows = self.projection.fetch(counts, &[]).await?;
        rows.iter().map(|row| Ok((row.plain_text("flow")?, row.plain_integer("records")?))).collect()
    }
}

/// The events of a record; of very many the first and the last ones, and how many lie between.
async fn events(projection: &Database, key: &Key) -> Result<(Vec<Event>, usize), Error> {
    let of_record = [Value::from(key.flow.as_str()), Value::from(key.record_id.as_str())];
    let half = MOST_EVENTS / 2;
    let statement = |order: &str| {
        let order = ["at_us", "stream", "part", "log_offset"].map(|column| format!("{column}{order}"));
        let order = order.join(", ");
        format!("SELECT * FROM event WHERE flow = ? AND record_id = ? ORDER BY {order} LIMIT {MOST_EVENTS}")
    };
    let rows = projection.fetch(&statement(""), &of_record).await?;
    let mut events = rows.iter().map(event).collect::<Result<Vec<Event>, Error>>()?;
    let mut left_out = 0;
    if events.len() == MOST_EVENTS {
        let count = "SELECT COUNT(*) AS events FROM event WHERE flow = ? AND record_id = ?";
        let rows = projection.fetch(count, &of_record).await?;
        let count = rows.first().map(|row| row.plain_integer("events")).transpose()?.unwrap_or(0);
        left_out = usize::try_from(count).unwrap_or(0).saturating_sub(MOST_EVENTS);
        if left_out > 0 {
            let rows = projection.fetch(&statement(" DESC"), &of_record).await?;
            let last = rows.iter().take(half).map(event).collect::<Result<Vec<Event>, Error>>()?;
            events.truncate(half);
            events.extend(last);
        }
    }
    put_in_order(&mut events);
    Ok((events, left_out))
}

/// By time; of one instant by the way that a record goes. A tombstone has no time but the broker's, which the demo's
/// broker does not keep: what ended is never before what began.
fn put_in_order(events: &mut [Event]) {
    let mut waits: Vec<&mut Event> = events.iter_mut().filter(|event| event.stream == "wait").collect();
    waits.sort_by_key(|event| event.place);
    let mut latest = Timestamp::MIN;
    for event in waits {
        latest = latest.max(event.at);
        event.at = latest;
    }
    events.sort_by_key(order);
}

fn order(event: &Event) -> (Timestamp, u8, i64) {
    let step = match event.kind.as_str() {
        "parked" => 0,
        "released" => 1,
        "sending" => 3,
        "delivered" | "incomplete" | "refused" | "left" | "removed" | "decided" => 4,
        "lettered" => 5,
        _ => 2,
    };
    (event.at, step, event.place.offset)
}

#[cfg(test)]
mod tests;
