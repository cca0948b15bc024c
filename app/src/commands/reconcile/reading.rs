//! Reading the sides of a comparison: what was polled, what a census found, what became of each record, and what the target
//! holds. Everything but the records of the days that are compared is passed over as it is read, so that memory is bounded by
//! those days.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    ops::ControlFlow,
    sync::Arc,
};

use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use weir_kafka::{
    Admin, Isolation, Message, StartOffset, TopicPartition,
    reader::{offsets_for_time, read_to_end, watermarks},
};
use weir_model::{
    document::{Document, Verdict},
    flow::ReconcileSpec,
    lookup::field_of,
    names::RecordId,
    receipt::{AttemptState, Receipt, Standing},
    record::{RawRecord, Version},
    target::{Holding, ReadBack, TargetError},
};
use weir_runtime::stage::chain;
use weir_schemas::{JOB_HEADER, ParkedRecord, Wire};

use super::{
    compare::{Counted, Delivered, Fate, Fates, Records, Sides},
    given_up::given_up,
};
use crate::{commands::control::Desk, exit::Failure, project::Flow};

/// What is compared, and how its sides are read.
pub struct Reading<'d> {
    /// The way to the topics.
    pub desk: &'d Desk,
    /// The flow.
    pub flow: &'d Flow,
    /// What counts.
    pub spec: &'d ReconcileSpec,
    /// The zone of the source.
    pub zone: TimeZone,
    /// The first day.
    pub from: Date,
    /// The day after the last.
    pub until: Date,
    /// The way to the target.
    pub target: Arc<dyn ReadBack>,
}

/// What was polled.
#[derive(Default)]
pub struct Polled {
    /// The newest states.
    pub records: Records,
    /// Whether the topic begins later than the days that are compared.
    pub is_trimmed: bool,
    /// Records that tell no number where one is counted, or cannot be read: the first few, as they complain.
    pub complaints: Vec<String>,
}

/// Fates by the id of the document.
type OfDocuments = HashMap<RecordId, Fate>;

/// Complaints that are kept.
const COMPLAINTS: usize = 5;

impl Reading<'_> {
    /// The beginning of the first day.
    pub fn start(&self) -> Result<Timestamp, Failure> {
        self.midnight(self.from)
    }

    /// The beginning of a day.
    pub fn midnight(&self, day: Date) -> Result<Timestamp, Failure> {
        let at = day.to_zoned(self.zone.clone());
        at.map(|at| at.timestamp()).map_err(|error| Failure::invalid(error.to_string()))
    }

    /// A record can be polled no earlier than its day; clocks differ by less than a day.
    fn polled_since(&self) -> Result<i64, Failure> {
        let before = self.from.checked_sub(Span::new().days(1));
        let before = before.map_err(|error| Failure::invalid(error.to_string()))?;
        Ok(self.midnight(before)?.as_millisecond())
    }

    /// The newest states of the days' records in the raw topic.
    pub fn polled(&self) -> Result<Polled, Failure> {
        let topic = self.desk.topics.raw(&self.flow.spec.source.name);
        let mut polled = Polled::default();
        polled.is_trimmed = self.read_since::<RawRecord>(&topic, |record, message| {
            let version = Version {
                modified_us: record.modified.map_or(0, Timestamp::as_microsecond),
                appended_ms: message.timestamp_ms.unwrap_or_default(),
                offset: message.offset,
            };
            self.take(&mut polled.records, &mut polled.complaints, &record, version);
        })?;
        Ok(polled)
    }

    /// What a census job read from the source since it was announced.
    pub fn census(&self, job: &str, announced: Timestamp) -> Result<(Records, Vec<String>), Failure> {
        let topic = self.desk.topics.census();
        let (mut records, mut complaints) = (Records::new(), Vec::new());
        let since = announced.as_millisecond() - 60_000;
        self.read_from::<RawRecord>(&topic, Some(since), |record, message| {
            if message.header(JOB_HEADER).is_some_and(|id| &**id == job.as_bytes()) {
                let version = Version { offset: message.offset, ..Version::default() };
                self.take(&mut records, &mut complaints, &record, version);
            }
        })?;
        Ok((records, complaints))
    }

    /// Takes a state of a record, unless a newer one is there; one of another day takes the older one away.
    fn take(
        &self,
        records: &mut Records,
        complaints: &mut Vec<String>,
        record: &RawRecord,
        version: Version,
    ) {
        if records.get(&record.id).is_some_and(|known| known.version > version) {
            return;
        }
        let mut complain = |why: String| {
            if complaints.len() < COMPLAINTS {
                complaints.push(format!("{}: {why}", record.id));
            }
        };
        let payload = match serde_json::from_slice(&record.payload) {
            Ok(payload) => payload,
            Err(error) => {
                complain(error.to_string());
                return;
            }
        };
        let figures = self.spec.source.of_json(&payload, &self.zone).unwrap_or_else(|error| {
            complain(error.to_string());
            let bare = weir_model::figures::Paths { pieces: None, amount: None, ..self.spec.source.clone() };
            bare.of_json(&payload, &self.zone).unwrap_or_default()
        });
        if !figures.day.is_some_and(|day| (self.from..self.until).contains(&day)) {
            records.remove(&record.id);
            return;
        }
        let number = field_of(&payload, &self.flow.spec.source.metadata.number).unwrap_or_default();
        let counted = Counted {
            digest: record.digest,
            version,
            modified: record.modified,
            number,
            figures,
            deleted: record.deleted,
        };
        records.insert(record.id.clone(), counted);
    }

    /// Everything that is compared, and what else should be known; `source` is what a census found.
    pub async fn sides(
        &self,
        source: Option<Records>,
        topic: Records,
    ) -> Result<(Sides, Option<String>), Failure> {
        let listed = self.target.list(self.from, self.until).await.map_err(|error| away(&error))?;
        let mut held = listed.unwrap_or_default();
        let mut known: HashSet<String> = held.iter().map(|holding| holding.key.clone()).collect();
        let (mut fates, of_others) = self.receipts(&topic, &known)?;
        self.documents(&topic, &mut fates)?;
        let note = note_given_up(self, &mut fates).await?;
        let delivered = fates.values().filter_map(|fate| fate.delivered.as_ref());
        let keys: Vec<String> = delivered
            .flat_map(|delivered| match &delivered.expected {
                Some(expected) => expected.iter().map(|holding: &Holding| holding.key.clone()).collect(),
                None => vec![delivered.key.clone()],
            })
            .filter(|key| known.insert(key.clone()))
            .collect();
        held.extend(self.target.find(&keys).await.map_err(|error| away(&error))?);
        let fates = by_record(&topic, fates, self.waits(&topic)?);
        Ok((Sides { source, settled_until: None, topic, fates, held, of_others }, note))
    }

    /// What the sink remembers of the records; and of what is held, the keys that belong to other records.
    fn receipts(
        &self,
        topic: &Records,
        held: &HashSet<String>,
    ) -> Result<(OfDocuments, HashSet<String>), Failure> {
        let mut fates = OfDocuments::new();
        let mut of_others = HashSet::new();
        let name = self.desk.topics.receipt(&self.flow.spec.name);
        self.read_from::<Receipt>(&name, None, |receipt, _| {
            if base(topic, &receipt.record_id).is_some() {
                fates.insert(receipt.record_id.clone(), self.fate(receipt));
            } else {
                let key = receipt.delivered.map(|delivered| self.target.holding_key(&delivered.key));
                of_others.extend(key.filter(|key| held.contains(key)));
            }
        })?;
        Ok((fates, of_others))
    }

    fn fate(&self, receipt: Receipt) -> Fate {
        let delivered = receipt.delivered.map(|delivered| Delivered {
            source_digest: delivered.source_digest,
            document_digest: delivered.document_digest,
            key: self.target.holding_key(&delivered.key),
            repaired: delivered.repaired,
            is_held: delivered.standing != Standing::Removed,
            is_kept: matches!(delivered.standing, Standing::Kept | Standing::Lettered),
            expected: None,
        });
        let is_sending =
            receipt.attempt.as_ref().is_some_and(|attempt| attempt.state == AttemptState::Sending);
        let refused = receipt.attempt.and_then(|attempt| match attempt.state {
            AttemptState::Refused { code, message, .. } => Some((attempt.source_digest, code, message)),
            AttemptState::Sending => None,
        });
        Fate { delivered, version: Some(receipt.version), refused, is_sending, ..Fate::default() }
    }

    /// What each record waits for: the collection and the row.
    fn waits(&self, topic: &Records) -> Result<HashMap<RecordId, (String, String)>, Failure> {
        let name = self.desk.topics.wait(&self.flow.spec.name);
        let mut waiting: HashMap<RecordId, (String, String)> = HashMap::new();
        self.read_values(&name, None, |message| {
            let Some(key) = message.key.as_deref() else { return };
            let id = RecordId::from(String::from_utf8_lossy(key).into_owned());
            match message.value.as_ref().map(|value| self.desk.codec.decode::<ParkedRecord>(value)) {
                Some(Ok(parked)) if topic.contains_key(&id) => {
                    waiting.insert(id, (parked.collection, parked.reference));
                }
                _ => {
                    waiting.remove(&id);
                }
            }
        })?;
        Ok(waiting)
    }

    /// What the delivered documents are to be held as, and which rule left a record out.
    fn documents(&self, topic: &Records, fates: &mut OfDocuments) -> Result<(), Failure> {
        let name = self.desk.topics.doc(&self.flow.spec.name);
        self.read_since::<Document>(&name, |document, _| {
            if base(topic, &document.record_id).is_none() {
                return;
            }
            let fate = fates.entry(document.record_id.clone()).or_default();
            match (&document.verdict, &mut fate.delivered) {
                (Verdict::Filtered(rule), _) => {
                    let newest =
                        fate.filtered.as_ref().is_none_or(|(version, _)| *version <= document.version);
                    if newest {
                        fate.filtered = Some((document.version, rule.clone()));
                    }
                }
                (Verdict::Mapped, Some(delivered))
                    if delivered.expected.is_none() && delivered.document_digest == document.digest =>
                {
                    delivered.expected = self.target.expected(&document).ok();
                }
                _ => {}
            }
        })?;
        Ok(())
    }

    /// Reads the values of a topic from the first day on; tells whether the topic begins later than that.
    fn read_since<T: Wire>(&self, topic: &str, on_value: impl FnMut(T, &Message)) -> Result<bool, Failure> {
        let since = self.polled_since()?;
        self.read_from(topic, Some(since), on_value)
    }

    fn read_from<T: Wire>(
        &self,
        topic: &str,
        since_ms: Option<i64>,
        mut on_value: impl FnMut(T, &Message),
    ) -> Result<bool, Failure> {
        let mut failure = None;
        let is_trimmed = self.read_values(topic, since_ms, |message| {
            match message.value.as_ref().map(|value| self.desk.codec.decode::<T>(value)) {
                Some(Ok(value)) => on_value(value, message),
                Some(Err(error)) => {
                    let place = format!("{topic}/{} offset {}", message.partition, message.offset);
                    failure.get_or_insert(format!("{place}: {}", chain(&error)));
                }
                None => {}
            }
        })?;
        failure.map_or(Ok(is_trimmed), |failure| Err(Failure::runtime(failure)))
    }

    /// Hands out every committed record of a topic, of one appended at `since_ms` or later when that is given.
    fn read_values(
        &self,
        topic: &str,
        since_ms: Option<i64>,
        mut on_message: impl FnMut(&Message),
    ) -> Result<bool, Failure> {
        let cluster = &self.desk.cluster;
        let counts = Admin::open(cluster)?.partition_counts()?;
        let count = counts.get(topic).copied().ok_or_else(|| {
            let zh = "不存在；用 `weir topics apply` 创建";
            let en = "does not exist; create it with `weir topics apply`";
            Failure::missing(format!("{topic} {}", self.desk.say(zh, en)))
        })?;
        let partitions: Vec<TopicPartition> =
            (0..count).map(|number| TopicPartition::new(topic, number)).collect();
        let starts: HashMap<TopicPartition, i64> = match since_ms {
            Some(since) => offsets_for_time(cluster, &partitions, since)?.into_iter().collect(),
            None => HashMap::new(),
        };
        let mut is_trimmed = false;
        for partition in &partitions {
            let start = starts.get(partition).copied();
            let low = watermarks(cluster, partition, Isolation::Committed)?.low;
            is_trimmed |= start == Some(low) && low > 0;
            let from = start.map_or(StartOffset::Beginning, |start| StartOffset::At(start.max(low)));
            read_to_end(cluster, partition, from, Isolation::Committed, |message| {
                on_message(&message);
                ControlFlow::Continue(())
            })?;
        }
        Ok(is_trimmed)
    }
}

/// Marks the refusals that a person gave up. The ledger is asked only when something was refused.
async fn note_given_up(reading: &Reading<'_>, fates: &mut OfDocuments) -> Result<Option<String>, Failure> {
    if !fates.values().any(|fate| fate.refused.is_some()) {
        return Ok(None);
    }
    let (given_up, note) = given_up(reading).await?;
    for (id, fate) in fates {
        fate.is_given_up = given_up.contains(id);
    }
    Ok(note)
}

/// The fates of each record's documents. A record waits as a whole: that is told of the first of them.
fn by_record(topic: &Records, fates: OfDocuments, mut waiting: HashMap<RecordId, (String, String)>) -> Fates {
    let mut of_records = Fates::new();
    for (id, mut fate) in fates {
        let Some(base) = base(topic, &id) else { continue };
        fate.waiting = waiting.remove(&base);
        match of_records.entry(base) {
            // Nearly every record is one document: room for no more is taken.
            Entry::Vacant(vacant) => {
                vacant.insert(vec![fate]);
            }
            Entry::Occupied(occupied) => occupied.into_mut().push(fate),
        }
    }
    let alone = waiting.into_iter().map(|(id, what)| (id, Fate { waiting: Some(what), ..Fate::default() }));
    of_records.extend(alone.map(|(id, fate)| (id, vec![fate])));
    of_records
}

/// The record that a document's id belongs to: itself, or of the part of a split record the whole one (contract
/// qeasy-metadata §7).
fn base(records: &Records, id: &RecordId) -> Option<RecordId> {
    if records.contains_key(id) {
        return Some(id.clone());
    }
    let (base, part) = id.as_str().rsplit_once('-')?;
    part.parse::<u32>().ok()?;
    let base = RecordId::from(base);
    records.contains_key(&base).then_some(base)
}

fn away(error: &TargetError) -> Failure {
    Failure::environment("read the target back", error)
}
