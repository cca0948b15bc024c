//! The waiting room under everything that can happen to it, by chance: records that wait, newer and older states, some that
//! re-enter as they were or repaired, rows that come and go at bad moments, waits that end, crashes before and after a
//! commit, rebalances.
//!
//! What is committed goes to the broker inside the process, from which rooms are really restored; a transaction that is
//! cut off leaves nothing. The truth is kept beside it and compared after every commit and in the end.

mod world;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Cluster, Message, OutRecord, Publisher};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    names::{FlowName, InstanceName, RecordId, SourceName},
    record::{RawRecord, Reason, Version},
    tally::Counts,
    time::Clock,
};
use weir_schemas::{Codec, ParkedRecord, RedoRecord};

use self::world::{NeedsRows, SetClock, Shelf, WAIT_MAX, Watching};
use super::{
    batch::{Draft, Drafted, WAITED},
    intake::Intake,
    mapper::Mapper,
    parking::{Reference, Slot},
    room::Room,
};
use crate::{health::Health, stage::Deployment, telemetry::Metrics, topics::Topics};

const SEEDS: u64 = 5;
const STEPS: usize = 160;
const PARTITIONS: i32 = 2;
const IDS: usize = 6;
const ROWS: [&str; 4] = ["no=0", "no=1", "no=2", "no=3"];

/// What became durable.
#[derive(Default)]
struct Truth {
    raw: Log,
    redo: Log,
    documents: Vec<Document>,
    parked: BTreeMap<Slot, ParkedRecord>,
    counts: Counts,
}

/// The records of a topic, and how many of each partition were acknowledged.
#[derive(Default)]
struct Log {
    records: BTreeMap<i32, Vec<Message>>,
    committed: BTreeMap<i32, usize>,
}

impl Log {
    fn push(&mut self, partition: i32, value: Vec<u8>, id: &RecordId) {
        let records = self.records.entry(partition).or_default();
        records.push(Message {
            topic: Arc::from("in"),
            partition,
            offset: i64::try_from(records.len()).unwrap(),
            timestamp_ms: None,
            key: Some(Bytes::from(id.to_string())),
            value: Some(Bytes::from(value)),
            headers: Vec::new(),
        });
    }

    fn unread(&self, partition: i32) -> &[Message] {
        let from = self.committed.get(&partition).copied().unwrap_or(0);
        self.records.get(&partition).map_or(&[], |records| &records[from..])
    }

    fn acknowledge(&mut self, batch: &[Message]) {
        batch.iter().for_each(|message| *self.committed.entry(message.partition).or_default() += 1);
    }

    fn is_read(&self) -> bool {
        self.records.keys().all(|partition| self.unread(*partition).is_empty())
    }

    fn all(&self) -> impl Iterator<Item = &Message> {
        self.records.values().flatten()
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Committed,
    Aborted,
    CrashedBefore,
    CrashedAfter,
}

struct Simulation<'a> {
    dice: StdRng,
    deployments: &'a [Deployment],
    mapper: &'a Mapper,
    clock: &'a SetClock,
    publisher: &'a mut Publisher,
    stop: &'a CancellationToken,
    shelf: Arc<Mutex<Shelf>>,
    rooms: Vec<Room<'a, Watching>>,
    owners: BTreeMap<i32, usize>,
    truth: Truth,
    versions: i64,
}

impl<'a> Simulation<'a> {
    fn room(&self, instance: usize) -> Room<'a, Watching> {
        self.shelf.lock().unwrap().watched.remove(&instance);
        self.shelf.lock().unwrap().arrived.remove(&instance);
        let watching = Watching(instance, Arc::clone(&self.shelf));
        Room::new(&self.deployments[instance], self.mapper.processor.flow(), watching, self.stop)
    }

    fn step(&mut self) {
        match self.dice.random_range(0..100) {
            0..24 => self.publish(),
            24..30 => self.publish_again(),
            30..42 => self.row_comes_or_goes(),
            42..50 => self.time_passes(),
            50..75 => {
                let (end, again) = (self.end(), self.dice.random_range(0..4) == 0);
                self.map(end, again);
            }
            75..94 => {
                let end = self.end();
                self.look_again(end);
            }
            _ => self.rebalance(),
        }
    }

    fn end(&mut self) -> End {
        match self.dice.random_range(0..12) {
            0 => End::Aborted,
            1 => End::CrashedBefore,
            2 => End::CrashedAfter,
            _ => End::Committed,
        }
    }

    /// A record in a newer state, or now and then in an older one.
    fn publish(&mut self) {
        let id = self.dice.random_range(0..IDS);
        let partition = i32::try_from(id).unwrap() % PARTITIONS;
        self.versions += 1;
        let back = if self.dice.random_range(0..6) == 0 { 4 } else { 0 };
        let payload = self.payload();
        let record = RawRecord {
            source: SourceName::from("source"),
            id: RecordId::from(&format!("r{id}")),
            digest: Digest::of(&payload),
            payload,
            modified: Some(Timestamp::from_second(self.versions - back).unwrap()),
            polled_at: Timestamp::UNIX_EPOCH,
            reason: Reason::Poll,
            deleted: false,
        };
        self.truth.raw.push(partition, self.mapper.codec.encode(&record), &record.id);
    }

    fn payload(&mut self) -> Bytes {
        let kind = ["m", "m", "m", "f", "p"][self.dice.random_range(0..5)];
        let rows: Vec<String> = (0..self.dice.random_range(0..3))
            .map(|_| self.dice.random_range(0..ROWS.len()).to_string())
            .collect();
        Bytes::from(format!("{kind}{}", rows.join(",")))
    }

    /// A state of a record that was published before: replayed, or repaired by a person.
    fn publish_again(&mut self) {
        let count = self.truth.raw.all().count();
        if count == 0 {
            return;
        }
        let nth = self.dice.random_range(0..count);
        let message = self.truth.raw.all().nth(nth).unwrap();
        let (partition, input) = (message.partition, self.mapper.entry(message).unwrap().unwrap().input);
        let repaired = self.dice.random_range(0..2) == 0;
        let mut record = RawRecord { reason: Reason::Replay, ..input.record };
        if repaired {
            record = RawRecord { payload: self.payload(), reason: Reason::Retry, ..record };
        }
        let (version, origin, id) = (input.version, input.origin, record.id.clone());
        let redo = RedoRecord { record, version, origin, repaired, job: String::new() };
        self.truth.redo.push(partition, self.mapper.codec.encode(&redo), &id);
    }

    fn row_comes_or_goes(&mut self) {
        let reference = Reference::new("c", ROWS[self.dice.random_range(0..ROWS.len())]);
        let mut shelf = self.shelf.lock().unwrap();
        match self.dice.random_range(0..4) {
            0 => shelf.late = Some(reference),
            1 => shelf.arrive(&reference),
            _ => {
                shelf.present.remove(&reference);
            }
        }
    }

    fn time_passes(&mut self) {
        let mut now = self.clock.0.lock().unwrap();
        *now += SignedDuration::from_secs(self.dice.random_range(1..60));
    }

    fn rebalance(&mut self) {
        let partition = self.dice.random_range(0..PARTITIONS);
        let former = self.owners[&partition];
        let next = 1 - former;
        self.rooms[former].give_up(partition);
        self.owners.insert(partition, next);
        self.rooms[next].take_over(partition).unwrap();
    }

    /// A batch of one instance's partitions, of those records that re-enter or of the others.
    fn map(&mut self, end: End, again: bool) {
        let instance = self.dice.random_range(0..2);
        let log = if again { &self.truth.redo } else { &self.truth.raw };
        let mut batch = Vec::new();
        for (partition, _) in self.owners.iter().filter(|(_, owner)| **owner == instance) {
            batch.extend(log.unread(*partition).iter().take(self.dice.random_range(1..6)).cloned());
        }
        let room = &self.rooms[instance];
        let mut draft = Draft::new(self.mapper, room.parking(), room.references(), self.clock.now());
        for message in &batch {
            if again { draft.take_again(message).unwrap() } else { draft.take(message).unwrap() }
        }
        let (watched, drafted) = draft.finish();
        if self.close(instance, drafted, end) {
            let log = if again { &mut self.truth.redo } else { &mut self.truth.raw };
            log.acknowledge(&batch);
        }
        self.rooms[instance].tidy(&watched);
    }

    /// Some of those of an instance that are due.
    fn look_again(&mut self, end: End) {
        let instance = self.dice.random_range(0..2);
        let due = self.rooms[instance].take_due(self.dice.random_range(1..4), usize::MAX).unwrap();
        let room = &self.rooms[instance];
        let mut draft = Draft::new(self.mapper, room.parking(), room.references(), self.clock.now());
        due.into_iter().for_each(|(slot, parked)| draft.look_again(&slot, parked, None).unwrap());
        let (watched, drafted) = draft.finish();
        self.close(instance, drafted, end);
        self.rooms[instance].tidy(&watched);
    }

    /// Ends a transaction; whether it was committed.
    fn close(&mut self, instance: usize, drafted: Drafted, end: End) -> bool {
        let is_committed = matches!(end, End::Committed | End::CrashedAfter);
        if is_committed {
            self.commit(&drafted);
        }
        match end {
            End::Committed => self.rooms[instance].apply(drafted.changes).unwrap(),
            End::Aborted => {}
            End::CrashedBefore | End::CrashedAfter => {
                // The tables of the dead process are let go first, as the operating system would.
                let room = self.room(instance);
                self.rooms[instance] = room;
                for partition in 0..PARTITIONS {
                    if self.owners[&partition] == instance {
                        self.rooms[instance].take_over(partition).unwrap();
                    }
                }
            }
        }
        is_committed
    }

    fn commit(&mut self, drafted: &Drafted) {
        self.publisher.publish(&drafted.records).unwrap();
        for record in &drafted.records {
            let id = RecordId::from(std::str::from_utf8(record.key.as_ref().unwrap()).unwrap());
            let slot = Slot { partition: record.partition.unwrap(), id };
            match &record.value {
                None => assert!(self.truth.parked.remove(&slot).is_some(), "a tombstone of nothing"),
                Some(value) if record.topic == self.mapper.wait_topic => {
                    let parked: ParkedRecord = self.mapper.codec.decode(value).unwrap();
                    // A state in between that did not wait ended the former wait.
                    if let Some(former) = self.truth.parked.get(&slot)
                        && !drafted.records.iter().any(|record| is_document_of(record, &slot))
                    {
                        assert_eq!(parked.parked_since, former.parked_since, "the wait began anew");
                    }
                    self.truth.parked.insert(slot, parked);
                }
                Some(value) => {
                    let document: Document = self.mapper.codec.decode(value).unwrap();
                    self.check_wait(&slot, &document);
                    self.truth.documents.push(document);
                }
            }
        }
        self.truth.counts.add(&drafted.counts);
        assert_eq!(self.truth.counts.waiting, i64::try_from(self.truth.parked.len()).unwrap());
    }

    /// A record is given up only after it waited as long as it may.
    fn check_wait(&self, slot: &Slot, document: &Document) {
        if let Verdict::Refused(refusal) = &document.verdict {
            assert_eq!(refusal.code, WAITED);
            let parked = &self.truth.parked[slot];
            assert!(self.clock.now() >= parked.parked_since + WAIT_MAX, "{refusal}");
            assert!(refusal.message.contains("no="), "{refusal}");
        }
    }

    fn settle(&mut self) {
        while !self.truth.raw.is_read() {
            self.map(End::Committed, false);
        }
        while !self.truth.redo.is_read() {
            self.map(End::Committed, true);
        }
        self.shelf.lock().unwrap().late = None;
        for _ in 0..200 {
            self.look_again(End::Committed);
        }
    }

    fn check_end(&self) {
        let Truth { raw, redo, documents, parked, counts } = &self.truth;
        assert_eq!(counts.polled, raw.all().count() as u64);
        let second = documents.iter().filter(|document| is_second_part(document)).count();
        assert_eq!(counts.parts(), (second + redo.all().count()) as i128, "each comes to one end");
        let mut newest: BTreeMap<RecordId, (Version, Digest)> = BTreeMap::new();
        for message in raw.all() {
            let input = self.mapper.entry(message).unwrap().unwrap().input;
            let known = newest.entry(input.record.id).or_default();
            *known = (input.version, input.record.digest).max(*known);
        }
        for (id, (version, digest)) in &newest {
            let states: Vec<&Document> =
                documents.iter().filter(|document| source_id(document) == *id).collect();
            let waits =
                parked.iter().filter(|(slot, held)| slot.id == *id && held.version == *version).count();
            let ended = states.iter().any(|document| document.version == *version);
            // A repair of the same bytes stands for it.
            let is_repaired =
                states.iter().any(|document| document.repaired && document.source_digest == *digest)
                    || parked
                        .iter()
                        .any(|(slot, held)| slot.id == *id && held.repaired && held.record.digest == *digest);
            assert!(ended || waits == 1 || is_repaired, "{id}: the newest state is lost");
            self.check_polled(id, &states);
        }
        self.check_parked();
    }

    /// What comes of the source alone is documented once, in its order.
    fn check_polled(&self, id: &RecordId, states: &[&Document]) {
        let polled: Vec<_> = states.iter().filter(|document| document.reason == Reason::Poll).collect();
        for (earlier, later) in polled.iter().zip(polled.iter().skip(1)) {
            let in_order = earlier.version <= later.version || earlier.origin.offset < later.origin.offset;
            assert!(in_order, "{id}: {:?} after {:?}", later.version, earlier.version);
        }
        let mut once: Vec<_> =
            polled.iter().map(|document| (document.version, &document.record_id)).collect();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), polled.len(), "{id}: a state is documented twice");
        assert!(states.iter().all(|document| document.repaired == (document.reason == Reason::Retry)));
    }

    fn check_parked(&self) {
        let parked = &self.truth.parked;
        let shelf = self.shelf.lock().unwrap();
        for (slot, held) in parked {
            let reference = Reference::new(&held.collection, &held.reference);
            assert!(!shelf.present.contains(&reference), "{slot:?} waits for what is there");
            assert!(self.clock.now() < held.parked_since + WAIT_MAX, "{slot:?} waits for ever");
            let room = &self.rooms[self.owners[&slot.partition]];
            assert_eq!(room.parking().get(slot).unwrap().version, held.version);
        }
    }
}

fn is_document_of(record: &OutRecord, slot: &Slot) -> bool {
    let key = std::str::from_utf8(record.key.as_ref().unwrap()).unwrap();
    record.topic.contains(".doc.") && key.split('-').next() == Some(slot.id.as_str())
}

/// The source record of a document, whose own id may carry the number of a part.
fn source_id(document: &Document) -> RecordId {
    RecordId::from(document.record_id.as_str().split('-').next().unwrap())
}

fn is_second_part(document: &Document) -> bool {
    document.record_id.as_str().ends_with("-2")
}

#[test]
fn whatever_happens_nothing_is_lost_doubled_overtaken_or_forgotten() {
    let topics = Topics::new("weir");
    let source = SourceName::from("source");
    let flows: Vec<FlowName> = (0..SEEDS).map(|seed| FlowName::from(&format!("f{seed}"))).collect();
    let cluster = Cluster::in_process(&topics.specs([&source], &flows)).unwrap();
    let mut publisher = Publisher::open(&cluster).unwrap();
    let dir = TempDir::new().unwrap();
    let (mut parked, mut documents, mut superseded) = (0, 0, 0);
    for (seed, flow) in (0..SEEDS).zip(&flows) {
        let clock = Arc::new(SetClock(Mutex::new(Timestamp::UNIX_EPOCH)));
        let deployments: Vec<Deployment> = (0..2)
            .map(|instance| {
                let state_dir = dir.path().join(instance.to_string());
                std::fs::create_dir_all(&state_dir).unwrap();
                Deployment {
                    cluster: cluster.clone(),
                    topics: topics.clone(),
                    codec: Codec::single_object(),
                    instance: InstanceName::from(&instance.to_string()),
                    state_dir,
                    clock: Arc::clone(&clock) as Arc<dyn Clock>,
                    health: Health::default(),
                    metrics: Metrics::default(),
                }
            })
            .collect();
        let mapper = Mapper {
            intake: Intake::Raw(source.clone()),
            processor: Arc::new(NeedsRows(flow.clone())),
            flow_version: FlowVersion::default(),
            codec: Codec::single_object(),
            doc_topic: topics.doc(flow).into(),
            wait_topic: topics.wait(flow).into(),
            has_append_times: false,
        };
        let stop = CancellationToken::new();
        let mut simulation = Simulation {
            dice: StdRng::seed_from_u64(seed),
            deployments: &deployments,
            mapper: &mapper,
            clock: &clock,
            publisher: &mut publisher,
            stop: &stop,
            shelf: Arc::default(),
            rooms: Vec::new(),
            owners: (0..PARTITIONS).map(|partition| (partition, 0)).collect(),
            truth: Truth::default(),
            versions: 10,
        };
        simulation.rooms = vec![simulation.room(0), simulation.room(1)];
        (0..STEPS).for_each(|_| simulation.step());
        simulation.settle();
        simulation.check_end();
        parked += simulation.truth.parked.len();
        documents += simulation.truth.documents.len();
        superseded += simulation.truth.counts.superseded;
    }
    // Chance made something of everything.
    assert!(parked > 0 && documents > 100 && superseded > 10, "{parked} {documents} {superseded}");
}
