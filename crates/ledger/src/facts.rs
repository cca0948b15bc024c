//! What a batch of topic records says, read and laid out for the tables. Nothing is written here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;
use weir_kafka::Message;
use weir_model::{
    cursor::WindowFact,
    document::{Document, Verdict},
    letter::DeadLetter,
    numbers::numbers_of,
    receipt::{AttemptState, Delivered, Receipt, Standing},
    tally::{Counts, Tally},
};
use weir_schemas::{ParkedRecord, Status, Wire};

use crate::{
    cause,
    database::Value,
    error::Error,
    event::Event,
    record::{AttemptPart, DeliveredPart, DocPart, ReceiptPart, WaitPart},
    scope::{FlowScope, Scope, Stream},
    text::{MESSAGE_WIDTH, fit, key},
};

const HOUR_US: i64 = 3_600_000_000;

/// A record in a flow.
pub(crate) type RecordKey = (usize, String);

/// What is new of a record, in the order of its partitions.
#[derive(Debug)]
pub(crate) enum Change {
    Document(Box<DocPart>),
    Receipt(Box<ReceiptPart>),
    Wait(Option<WaitPart>),
}

/// Stage, subject, hour and partition.
pub(crate) type HourKey = (&'static str, String, i64, i32);

/// What a batch says.
#[derive(Default)]
pub(crate) struct Facts {
    /// By record, in the order in which they were read.
    pub(crate) changes: BTreeMap<RecordKey, Vec<Change>>,
    pub(crate) numbers: BTreeSet<(String, usize, String)>,
    pub(crate) events: Vec<Vec<Value>>,
    pub(crate) letters: Vec<Vec<Value>>,
    /// By record: the row, or that it waits no more.
    pub(crate) waiting: BTreeMap<RecordKey, Option<Vec<Value>>>,
    pub(crate) windows: Vec<Vec<Value>>,
    /// Offset and counts of each tally: those that were counted already are only known once the row is read.
    pub(crate) tallies: BTreeMap<HourKey, Vec<(i64, Counts)>>,
    /// By instance: the row, or that it said goodbye.
    pub(crate) processes: BTreeMap<String, Option<Vec<Value>>>,
}

pub(crate) const LETTER: &str = "owner, part, log_offset, stage, record_id, source_part_no, number, doc_key, code, \
     message, field, cause, cause_id, at_us, version_modified_us, version_appended_ms, version_offset, source_digest, \
     flow_ordinal, reason, job, repaired, deleted, origin_topic, origin_part, origin_offset, payload_bytes";
pub(crate) const WAITING: &str = "flow, record_id, part, log_offset, collection, reference, number, since_us";
pub(crate) const WINDOW: &str = "part, log_offset, source, lane, job, from_us, to_us, pages, passes, total, \
     distinct_ids, published, late, lateness_ms, at_us";
pub(crate) const PROCESS: &str = "instance, part, log_offset, software, started_at_us, at_us, stages";

impl Facts {
    /// Reads one record.
    pub(crate) fn take(&mut self, scope: &Scope, message: &Message) -> Result<(), Error> {
        let Some(stream) = scope.stream(&message.topic) else { return Ok(()) };
        let Some(id) = message.key.as_ref().map(|key| String::from_utf8_lossy(key)) else { return Ok(()) };
        match stream {
            Stream::Doc(flow) => {
                if let Some(document) = decode(scope, message)? {
                    self.document(scope, *flow, &document, message);
                }
            }
            Stream::Receipt(flow) => {
                if let Some(receipt) = decode(scope, message)? {
                    self.receipt(scope, *flow, &receipt, message);
                }
            }
            Stream::Wait(flow) => {
                let parked: Option<ParkedRecord> = decode(scope, message)?;
                self.wait(scope, *flow, &key(&id), parked.as_ref(), message);
            }
            Stream::Dead(owner) => {
                if let Some(letter) = decode(scope, message)? {
                    self.letter(owner, &letter, message);
                }
            }
            Stream::Window => {
                if let Some(fact) = decode(scope, message)? {
                    self.windows.push(window(&fact, message));
                }
            }
            Stream::Tally => {
                if let Some(tally) = decode::<Tally>(scope, message)? {
                    let hour = tally.at.as_microsecond().div_euclid(HOUR_US) * HOUR_US;
                    let row = (tally.stage.as_str(), tally.subject, hour, message.partition);
                    self.tallies.entry(row).or_default().push((message.offset, tally.counts));
                }
            }
            Stream::Status => {
                let status: Option<Status> = decode(scope, message)?;
                self.processes
                    .insert(fit(&id, 80).to_owned(), status.map(|status| process(&status, message)));
            }
        }
        Ok(())
    }

    fn change(&mut self, flow: usize, record_id: &str, change: Change) {
        self.changes.entry((flow, key(record_id).into_owned())).or_default().push(change);
    }

    fn number(&mut self, number: &str, flow: usize, record_id: &str) {
        if !number.is_empty() {
            self.numbers.insert((key(number).into_owned(), flow, key(record_id).into_owned()));
        }
    }

    fn event(&mut self, owner: &Arc<str>, record_id: &str, message: &Message, event: &Event<'_>) {
        self.events.push(event.values(owner, record_id, message));
    }

    fn document(&mut self, scope: &Scope, flow: usize, document: &Document, message: &Message) {
        let Some(of_flow) = scope.flow(flow) else { return };
        // Where the broker keeps no times, in the demo's, the poll's time stands in (design §10).
        let polled_at_us = document.polled_at.as_microsecond();
        let at_us = appended_us(message).max(polled_at_us);
        let (verdict, kind, code, text) = match &document.verdict {
            Verdict::Mapped => ("mapped", "mapped", None, None),
            Verdict::Filtered(rule) => ("filtered", "filtered", None, Some(rule)),
            Verdict::Refused(refusal) => {
                ("refused", "refused-by-mapping", Some(refusal.code.as_str()), Some(&refusal.message))
            }
        };
        let id = document.record_id.as_str();
        self.name(flow, of_flow, document);
        let detail = json!({
            "key": document.key,
            "number": document.number,
            "raw": format!("{}:{}", document.origin.partition, document.origin.offset),
            "polled_at_us": polled_at_us,
            "text": text,
            "repaired": document.repaired,
            "deleted": document.deleted,
        });
        let event = Event {
            stream: "doc",
            kind,
            at_us,
            reason: Some(document.reason.as_str()),
            job: &document.job,
            ordinal: Some(document.flow_version.ordinal),
            code,
            detail,
        };
        self.event(&Arc::from(of_flow.name.as_str()), id, message, &event);
        let part = DocPart {
            part: message.partition.into(),
            offset: message.offset,
            at_us,
            // The document does not name its source; its origin's topic does.
            source: document.origin.topic.split_once(".raw.").map(|(_, source)| source.to_owned()),
            number: key(&document.number).into_owned(),
            key: key(&document.key).into_owned(),
            ordinal: document.flow_version.ordinal.into(),
            version: document.version,
            source_digest: document.source_digest.to_string(),
            document_digest: document.digest.to_string(),
            repaired: document.repaired,
            deleted: document.deleted,
            reason: document.reason.as_str().to_owned(),
            job: fit(&document.job, 120).to_owned(),
            polled_at_us,
            raw_part: document.origin.partition.into(),
            raw_offset: document.origin.offset,
            verdict: verdict.to_owned(),
            code: code.map(|code| fit(code, 80).to_owned()),
            text: text.map(|text| fit(text, MESSAGE_WIDTH).to_owned()),
        };
        self.change(flow, id, Change::Document(Box::new(part)));
    }

    /// Every number by which people may ask for the record.
    fn name(&mut self, flow: usize, of_flow: &FlowScope, document: &Document) {
        let id = document.record_id.as_str();
        let whole = Some(document.part)
            .filter(|part| *part > 0)
            .and_then(|part| id.strip_suffix(&part.to_string()).and_then(|rest| rest.strip_suffix('-')));
        for number in [Some(id), whole, Some(&document.number), Some(&document.key)].into_iter().flatten() {
            self.number(number, flow, id);
        }
        for number in numbers_of(&document.payload, &of_flow.numbers) {
            self.number(&number, flow, id);
        }
    }

    fn receipt(&mut self, scope: &Scope, flow: usize, receipt: &Receipt, message: &Message) {
        let Some(of_flow) = scope.flow(flow) else { return };
        let id = receipt.record_id.as_str();
        let delivered = receipt.delivered.as_ref();
        let attempt = receipt.attempt.as_ref();
        let known_us = delivered
            .map(|delivered| delivered.at)
            .max(attempt.map(|attempt| attempt.at))
            .map(|at| at.as_microsecond());
        let at_us = appended_us(message).max(known_us.unwrap_or(0));
        self.number(id, flow, id);
        if let Some(delivered) = delivered {
            for number in [&delivered.written.number, &delivered.written.id, &delivered.key] {
                self.number(number, flow, id);
            }
        }
        self.event(&Arc::from(of_flow.name.as_str()), id, message, &Event::of_receipt(receipt, at_us));
        let part = ReceiptPart {
            part: message.partition.into(),
            offset: message.offset,
            at_us,
            version: receipt.version,
            delivered: delivered.map(delivered_part),
            attempt: attempt.map(|attempt| {
                let (state, code, text) = match &attempt.state {
                    AttemptState::Sending => ("sending", None, None),
                    AttemptState::Refused { code, message, .. } => (
                        "refused",
                        Some(fit(code, 80).to_owned()),
                        Some(fit(message, MESSAGE_WIDTH).to_owned()),
                    ),
                };
                AttemptPart {
                    state: state.to_owned(),
                    at_us: attempt.at.as_microsecond(),
                    source_digest: attempt.source_digest.to_string(),
                    code,
                    text,
                }
            }),
        };
        self.change(flow, id, Change::Receipt(Box::new(part)));
    }

    fn wait(
        &mut self,
        scope: &Scope,
        flow: usize,
        id: &str,
        parked: Option<&ParkedRecord>,
        message: &Message,
    ) {
        let Some(of_flow) = scope.flow(flow) else { return };
        let owner: Arc<str> = Arc::from(of_flow.name.as_str());
        let appended_us = appended_us(message);
        let at_us =
            parked.map_or(appended_us, |parked| appended_us.max(parked.record.polled_at.as_microsecond()));
        let row = parked.map(|parked| {
            let numbers = numbers_of(&parked.record.payload, &of_flow.numbers);
            self.number(id, flow, id);
            numbers.iter().for_each(|number| self.number(number, flow, id));
            vec![
                Arc::clone(&owner).into(),
                id.into(),
                message.partition.into(),
                message.offset.into(),
                fit(&parked.collection, 80).into(),
                key(&parked.reference).into_owned().into(),
                key(numbers.first().map_or(id, String::as_str)).into_owned().into(),
                parked.parked_since.as_microsecond().into(),
            ]
        });
        self.waiting.insert((flow, id.to_owned()), row);
        let event = match parked {
            Some(parked) => Event {
                reason: Some(parked.record.reason.as_str()),
                job: &parked.job,
                detail: json!({
                    "collection": parked.collection,
                    "reference": parked.reference,
                    "since_us": parked.parked_since.as_microsecond(),
                    "raw": format!("{}:{}", parked.origin.partition, parked.origin.offset),
                    "polled_at_us": parked.record.polled_at.as_microsecond(),
                }),
                ..Event::plain("wait", "parked", at_us)
            },
            None => Event::plain("wait", "released", at_us),
        };
        self.event(&owner, id, message, &event);
        let part = parked.map(|parked| WaitPart {
            part: message.partition.into(),
            offset: message.offset,
            at_us,
            version: parked.version,
        });
        self.change(flow, id, Change::Wait(part));
    }

    fn letter(&mut self, owner: &Arc<str>, letter: &DeadLetter, message: &Message) {
        let cause = cause::of(&letter.refusal.message);
        let code = letter.refusal.code.as_str();
        let at_us = letter.at.as_microsecond();
        let event = Event {
            stream: "dead",
            kind: "lettered",
            at_us,
            reason: Some(letter.reason.as_str()),
            job: &letter.job,
            ordinal: Some(letter.flow_ordinal),
            code: Some(code),
            detail: json!({
                "message": fit(&letter.refusal.message, 500),
                "field": letter.refusal.field,
                "stage": letter.stage.as_str(),
                "repaired": letter.repaired,
            }),
        };
        self.event(owner, &letter.record_id, message, &event);
        self.letters.push(vec![
            Arc::clone(owner).into(),
            message.partition.into(),
            message.offset.into(),
            Value::Known(letter.stage.as_str()),
            key(&letter.record_id).into_owned().into(),
            letter.part.into(),
            key(&letter.number).into_owned().into(),
            key(&letter.key).into_owned().into(),
            fit(code, 80).into(),
            fit(&letter.refusal.message, MESSAGE_WIDTH).into(),
            letter.refusal.field.as_deref().map(|field| key(field).into_owned()).into(),
            cause.as_str().into(),
            cause::id(owner, code, &cause).into(),
            at_us.into(),
            letter.version.modified_us.into(),
            letter.version.appended_ms.into(),
            letter.version.offset.into(),
            letter.source_digest.to_string().into(),
            letter.flow_ordinal.into(),
            Value::Known(letter.reason.as_str()),
            fit(&letter.job, 120).into(),
            letter.repaired.into(),
            letter.deleted.into(),
            letter.origin.as_ref().map(|origin| fit(&origin.topic, 249)).into(),
            letter.origin.as_ref().map(|origin| origin.partition).into(),
            letter.origin.as_ref().map(|origin| origin.offset).into(),
            i64::try_from(letter.payload.len()).unwrap_or(i64::MAX).into(),
        ]);
    }
}

fn delivered_part(delivered: &Delivered) -> DeliveredPart {
    let standing = match delivered.standing {
        Standing::Held => "held",
        Standing::Incomplete => "incomplete",
        Standing::Kept => "kept",
        Standing::Lettered => "lettered",
        Standing::Removed => "removed",
    };
    DeliveredPart {
        standing: standing.to_owned(),
        id: key(&delivered.written.id).into_owned(),
        number: key(&delivered.written.number).into_owned(),
        key: key(&delivered.key).into_owned(),
        at_us: delivered.at.as_microsecond(),
        ordinal: delivered.flow_ordinal.into(),
        source_digest: delivered.source_digest.to_string(),
        repaired: delivered.repaired,
    }
}

fn window(fact: &WindowFact, message: &Message) -> Vec<Value> {
    vec![
        message.partition.into(),
        message.offset.into(),
        fact.source.as_str().into(),
        Value::Known(fact.lane.as_str()),
        fit(&fact.job, 120).into(),
        fact.from.as_microsecond().into(),
        fact.to.as_microsecond().into(),
        fact.pages.into(),
        fact.passes.into(),
        fact.total.into(),
        fact.distinct_ids.into(),
        fact.published.into(),
        fact.late.into(),
        fact.lateness_ms.into(),
        fact.at.as_microsecond().into(),
    ]
}

fn process(status: &Status, message: &Message) -> Vec<Value> {
    let stages: Vec<_> = status
        .stages
        .iter()
        .map(|stage| {
            json!({
                "stage": stage.stage.as_str(),
                "subject": stage.subject,
                "condition": format!("{:?}", stage.condition).to_lowercase(),
                "why": fit(&stage.why, 500),
                "flow_ordinal": stage.flow_ordinal,
                "partitions": stage.partitions,
            })
        })
        .collect();
    vec![
        fit(status.instance.as_str(), 80).into(),
        message.partition.into(),
        message.offset.into(),
        fit(&status.software, 80).into(),
        status.started_at.as_microsecond().into(),
        status.at.as_microsecond().into(),
        serde_json::Value::from(stages).to_string().into(),
    ]
}

/// The broker's time of a record, in microseconds.
fn appended_us(message: &Message) -> i64 {
    message.timestamp_ms.unwrap_or(0).max(0).saturating_mul(1_000)
}

/// The value of a record; none for a tombstone.
fn decode<T: Wire>(scope: &Scope, message: &Message) -> Result<Option<T>, Error> {
    message.value.as_ref().map(|value| scope.codec.decode(value)).transpose().map_err(|source| {
        Error::Unreadable {
            place: format!("{} offset {}", message.topic_partition(), message.offset),
            source,
        }
    })
}
