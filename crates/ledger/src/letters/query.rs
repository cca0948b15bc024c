//! The questions about letters.
//!
//! Projection and book are two databases, so what both know is joined here. Few columns are read of all letters that a
//! filter lets through, everything of those that are shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use weir_model::record::{Position, Version};

use super::{
    Decision, Filter, Head, Letter, LetterId, Place, State, Verdict,
    standing::{self, Facts, RecordFacts},
};
use crate::{Error, Ledger, Row, Value, book::Marks};

/// Letters that are asked for in one statement.
const PAGE: usize = 100;

/// Letters that have one cause.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The flow or source.
    pub owner: String,
    /// What they have in common, see [`crate::cause`].
    pub cause_id: String,
    /// The refusal's code.
    pub code: String,
    /// The message without what differs from letter to letter.
    pub cause: String,
    /// How many there are.
    pub count: usize,
    /// How many of them are in each state, in the order of [`State::ALL`].
    pub states: [usize; State::ALL.len()],
    /// The oldest.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// The newest, whole.
    pub sample: Letter,
}

impl Ledger {
    /// The letters that a filter lets through, the newest first, without their words. `ended_early` tells of a job whether
    /// nothing more comes of it though it was not finished: what it did not send is open again.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn letter_heads(
        &self,
        filter: &Filter,
        ended_early: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Head>, Error> {
        let marks = self.marks(&filter.owners).await?;
        let (condition, values) = condition(filter);
        let statement =
            format!("{HEADS} WHERE {condition} ORDER BY l.at_us DESC, l.part DESC, l.log_offset DESC");
        let rows = self.projection.fetch(&statement, &values).await?;
        let newest = self.newest(&rows).await?;
        let mut heads = Vec::with_capacity(rows.len());
        for row in &rows {
            let head = head(row, &newest, &marks, ended_early)?;
            if filter.states.is_empty() || filter.states.contains(&head.state) {
                heads.push(head);
            }
        }
        Ok(heads)
    }

    /// The newest letters of the records that these letters are about. A question of its own: as a part of the other one,
    /// MariaDB reads all letters of the owner for every row.
    async fn newest(&self, letters: &[Row]) -> Result<Newest, Error> {
        let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in letters {
            records.entry(row.plain_text("owner")?).or_default().push(row.plain_text("record_id")?);
        }
        let mut newest = Newest::new();
        for (owner, records) in records {
            let mut values = vec![Value::from(owner.as_str())];
            // Of many letters all are read, which is one pass.
            let some = if records.len() <= PAGE {
                values.extend(records.iter().map(|record| Value::from(record.as_str())));
                format!(" AND record_id IN ({})", vec!["?"; records.len()].join(", "))
            } else {
                String::new()
            };
            let statement = format!(
                "SELECT record_id, MAX(log_offset) AS newest FROM letter WHERE owner = ?{some} GROUP BY record_id"
            );
            for row in self.projection.fetch(&statement, &values).await? {
                newest.insert((owner.clone(), row.plain_text("record_id")?), row.plain_integer("newest")?);
            }
        }
        Ok(newest)
    }

    /// These letters, whole, in the order in which they are given; those that are gone are left out.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn letters(&self, heads: &[Head]) -> Result<Vec<Letter>, Error> {
        let mut found: BTreeMap<LetterId, Letter> = BTreeMap::new();
        for page in heads.chunks(PAGE) {
            let condition = vec!["(owner = ? AND part = ? AND log_offset = ?)"; page.len()].join(" OR ");
            let values: Vec<Value> = page.iter().flat_map(|head| of_letter(&head.id)).collect();
            let statement = format!("SELECT * FROM letter WHERE {condition}");
            let heads: BTreeMap<&LetterId, &Head> = page.iter().map(|head| (&head.id, head)).collect();
            for row in self.projection.fetch(&statement, &values).await? {
                let id = id(&row)?;
                if let Some(head) = heads.get(&id) {
                    found.insert(id, letter(&row, Head::clone(head))?);
                }
            }
        }
        Ok(heads.iter().filter_map(|head| found.remove(&head.id)).collect())
    }

    /// The letters that a filter lets through, by cause: the most frequent first.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn letter_groups(
        &self,
        filter: &Filter,
        ended_early: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Group>, Error> {
        let heads = self.letter_heads(filter, ended_early).await?;
        let mut groups: BTreeMap<(&str, &str), Vec<&Head>> = BTreeMap::new();
        for head in &heads {
            groups.entry((&head.id.owner, &head.cause_id)).or_default().push(head);
        }
        // The heads come newest first.
        let newest: Vec<Head> = groups.values().filter_map(|heads| heads.first().copied().cloned()).collect();
        let mut samples: BTreeMap<LetterId, Letter> =
            self.letters(&newest).await?.into_iter().map(|letter| (letter.head.id.clone(), letter)).collect();
        let mut found = Vec::with_capacity(groups.len());
        for heads in groups.values() {
            let (Some(newest), Some(oldest)) = (heads.first(), heads.last()) else { continue };
            let Some(sample) = samples.remove(&newest.id) else { continue };
            found.push(Group {
                owner: newest.id.owner.clone(),
                cause_id: newest.cause_id.clone(),
                code: newest.code.clone(),
                cause: sample.cause.clone(),
                count: heads.len(),
                states: State::ALL.map(|state| heads.iter().filter(|head| head.state == state).count()),
                first: oldest.at,
                last: newest.at,
                sample,
            });
        }
        found.sort_by_key(|group| std::cmp::Reverse((group.count, group.last)));
        Ok(found)
    }

    /// All letters of a letter's record, the oldest first: what became of it when it was sent again.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn letters_of_record(
        &self,
        owner: &str,
        record_id: &str,
        ended_early: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<Letter>, Error> {
        let marks = self.marks(&[owner.to_owned()]).await?;
        let statement =
            format!("{HEADS} WHERE l.owner = ? AND l.record_id = ? ORDER BY l.part, l.log_offset");
        let rows = self.projection.fetch(&statement, &[owner.into(), record_id.into()]).await?;
        let newest = self.newest(&rows).await?;
        let heads: Vec<Head> =
            rows.iter().map(|row| head(row, &newest, &marks, ended_early)).collect::<Result<_, _>>()?;
        self.letters(&heads).await
    }
}

/// What a letter's state is made of, but for the newer letters of its record.
const HEADS: &str = "SELECT l.owner, l.part, l.log_offset, l.record_id, l.stage, l.code, l.cause_id, l.at_us, \
    l.version_modified_us, l.version_appended_ms, l.version_offset, l.source_digest, \
    r.state, r.job AS record_job, r.standing, r.delivered_at_us, r.delivered_source_digest, r.receipt_at_us, \
    r.receipt_modified_us, r.receipt_appended_ms, r.receipt_version_offset \
    FROM letter l LEFT JOIN record r ON r.flow = l.owner AND r.record_id = l.record_id";

/// The newest letter of each record, by owner and record id. All letters of a record stand in one partition.
type Newest = BTreeMap<(String, String), i64>;

/// The filter as a condition, but for the states.
fn condition(filter: &Filter) -> (String, Vec<Value>) {
    let mut parts: Vec<String> = vec!["1 = 1".to_owned()];
    let mut values: Vec<Value> = Vec::new();
    if !filter.owners.is_empty() {
        parts.push(format!("l.owner IN ({})", vec!["?"; filter.owners.len()].join(", ")));
        values.extend(filter.owners.iter().map(|owner| Value::from(owner.as_str())));
    }
    if !filter.places.is_empty() {
        let places = vec!["(l.part = ? AND l.log_offset = ?)"; filter.places.len()].join(" OR ");
        parts.push(format!("({places})"));
        let places = filter.places.iter();
        values.extend(places.flat_map(|place| [Value::from(place.partition), Value::from(place.offset)]));
    }
    let mut equal = |column: &str, value: Option<&str>| {
        if let Some(value) = value {
            parts.push(format!("l.{column} = ?"));
            values.push(value.into());
        }
    };
    equal("code", filter.code.as_deref());
    equal("cause_id", filter.cause.as_deref());
    equal("stage", filter.stage.as_deref());
    if let Some(number) = &filter.number {
        parts.push("(l.record_id = ? OR l.number = ? OR l.doc_key = ?)".to_owned());
        let number = crate::text::key(number).into_owned();
        values.extend([number.as_str(), &number, &number].map(Value::from));
    }
    for (time, comparison) in [(filter.since, ">="), (filter.until, "<")] {
        if let Some(time) = time {
            parts.push(format!("l.at_us {comparison} ?"));
            values.push(time.as_microsecond().into());
        }
    }
    if let Some(text) = &filter.text {
        parts.push("l.message LIKE ? ESCAPE '!'".to_owned());
        let text = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
        values.push(format!("%{text}%").into());
    }
    (parts.join(" AND "), values)
}

pub(crate) fn of_letter(id: &LetterId) -> [Value; 3] {
    [Value::from(id.owner.as_str()), id.place.partition.into(), id.place.offset.into()]
}

pub(crate) fn id(row: &Row) -> Result<LetterId, Error> {
    let place = Place { partition: row.plain_integer("part")?, offset: row.plain_integer("log_offset")? };
    Ok(LetterId { owner: row.plain_text("owner")?, place })
}

fn head(
    row: &Row,
    newest: &Newest,
    marks: &Marks,
    ended_early: &dyn Fn(&str) -> bool,
) -> Result<Head, Error> {
    let id = id(row)?;
    let record_id = row.plain_text("record_id")?;
    let newest = newest.get(&(id.owner.clone(), record_id.clone())).copied();
    let decision = marks.decision(&id).cloned();
    let facts = Facts {
        at: time(row, "at_us")?.unwrap_or_default(),
        version: version(row, ["version_modified_us", "version_appended_ms", "version_offset"])?
            .unwrap_or_default(),
        source_digest: row.plain_text("source_digest")?,
        is_newest: newest.is_none_or(|newest| newest <= id.place.offset),
        record: record(row)?,
        decision,
    };
    Ok(Head {
        record_id,
        stage: row.plain_text("stage")?,
        code: row.plain_text("code")?,
        cause_id: row.plain_text("cause_id")?,
        at: facts.at,
        state: standing::state(&facts, ended_early),
        is_edited: marks.is_edited(&id),
        decision: facts.decision,
        id,
    })
}

fn record(row: &Row) -> Result<Option<RecordFacts>, Error> {
    let Some(state) = row.text("state")? else { return Ok(None) };
    Ok(Some(RecordFacts {
        state,
        job: row.plain_text("record_job")?,
        standing: row.plain_text("standing")?,
        delivered_at: time(row, "delivered_at_us")?,
        delivered_digest: row.plain_text("delivered_source_digest")?,
        receipt_at: time(row, "receipt_at_us")?,
        decided: version(row, ["receipt_modified_us", "receipt_appended_ms", "receipt_version_offset"])?,
    }))
}

fn version(row: &Row, [modified, appended, offset]: [&str; 3]) -> Result<Option<Version>, Error> {
    let (modified, appended, offset) = (row.integer(modified)?, row.integer(appended)?, row.integer(offset)?);
    Ok(modified.zip(appended).zip(offset).map(|((modified_us, appended_ms), offset)| Version {
        modified_us,
        appended_ms,
        offset,
    }))
}

fn letter(row: &Row, head: Head) -> Result<Letter, Error> {
    let origin =
        row.text("origin_topic")?.zip(row.integer("origin_part")?).zip(row.integer("origin_offset")?);
    Ok(Letter {
        head,
        number: row.plain_text("number")?,
        key: row.plain_text("doc_key")?,
        part: row.plain_integer("source_part_no")?,
        message: row.plain_text("message")?,
        field: row.plain_text("field")?,
        cause: row.plain_text("cause")?,
        version: version(row, ["version_modified_us", "version_appended_ms", "version_offset"])?
            .unwrap_or_default(),
        flow_ordinal: row.plain_integer("flow_ordinal")?,
        reason: row.plain_text("reason")?,
        job: row.plain_text("job")?,
        repaired: row.plain_integer("repaired")? != 0,
        deleted: row.plain_integer("deleted")? != 0,
        origin: origin.map(|((topic, partition), offset)| Position {
            topic,
            partition: i32::try_from(partition).unwrap_or(-1),
            offset,
        }),
        payload_bytes: row.plain_integer("payload_bytes")?,
    })
}

pub(crate) fn time(row: &Row, column: &str) -> Result<Option<Timestamp>, Error> {
    Ok(row.integer(column)?.and_then(|us| Timestamp::from_microsecond(us).ok()))
}

/// The decision that a row of the book tells.
pub(crate) fn decision(row: &Row) -> Result<Option<Decision>, Error> {
    let Some(verdict) = Verdict::parse(&row.plain_text("state")?) else { return Ok(None) };
    Ok(Some(Decision {
        verdict,
        action: row.plain_text("action_id")?,
        job: row.plain_text("job")?,
        at: time(row, "at_us")?.unwrap_or_default(),
    }))
}
