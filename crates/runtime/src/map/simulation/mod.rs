//! The waiting room under everything that can happen to it, by chance: records that wait, newer and older states, rows
//! that come and go at bad moments, waits that end, crashes before and after a commit, rebalances.
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
use weir_schemas::{Codec, ParkedRecord};

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
    raw: BTreeMap<i32, Vec<Message>>,
    committed: BTreeMap<i32, usize>,
    documents: Vec<Document>,
    parked: BTreeMap<Slot, ParkedRecord>,
    counts: Counts,
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
            0..30 => self.publish(),
            30..42 => self.row_comes_or_goes(),
            42..50 => self.time_passes(),
            50..75 => {
                let end = self.end();
                self.map(end);
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
        let kind = ["m", "m", "m", "f", "p"][self.dice.random_range(0..5)];
        let rows: Vec<String> = (0..self.dice.random_range(0..3))
            .map(|_| self.dice.random_range(0..ROWS.len()).to_string())
            .collect();
        let payload = Bytes::from(format!("{kind}{}", rows.join(",")));
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
        let raw = self.truth.raw.entry(partition).or_default();
        raw.push(Message {
            topic: Arc::from("raw"),
            partition,
            offset: i64::try_from(raw.len()).unwrap(),
            timestamp_ms: None,
            key: Some(Bytes::from(record.id.to_string())),
            value: Some(Bytes::from(self.mapper.codec.encode(&record))),
            headers: Vec::new(),
        });
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

    /// A batch of one instance's partitions.
    fn map(&mut self, end: End) -> bool {
        let instance = self.dice.random_range(0..2);
        let mut batch = Vec::new();
        for (partition, owner) in &self.owners {
            let raw = self.truth.raw.get(partition).map_or(&[][..], Vec::as_slice);
            let from = self.truth.committed.get(partition).copied().unwrap_or(0);
            if *owner == instance {
                batch.extend(raw[from..].iter().take(self.dice.random_range(1..6)).cloned());
            }
        }
        let room = &self.rooms[instance];
        let mut draft = Draft::new(self.mapper, room.parking(), room.references(), self.clock.now());
        batch.iter().for_each(|message| draft.take(message).unwrap());
        let (watched, drafted) = draft.finish();
        self.close(instance, drafted, &batch, end);
        self.rooms[instance].tidy(&watched);
        !batch.is_empty()
    }

    /// Some of those of an instance that are due.
    fn look_again(&mut self, end: End) {
        let instance = self.dice.random_range(0..2);
        let due = self.rooms[instance].take_due(self.dice.random_range(1..4), usize::MAX).unwrap();
        let room = &self.rooms[instance];
        let mut draft = Draft::new(self.mapper, room.parking(), room.references(), self.clock.now());
        due.into_iter().for_each(|(slot, parked)| draft.look_again(&slot, parked, None).unwrap());
        let (watched, drafted) = draft.finish();
        self.close(instance, drafted, &[], end);
        self.rooms[instance].tidy(&watched);
    }

    fn close(&mut self, instance: usize, drafted: Drafted, batch: &[Message], end: End) {
        if matches!(end, End::Committed | End::CrashedAfter) {
            self.commit(&drafted);
            batch.iter().for_each(|message| *self.truth.committed.entry(message.partition).or_default() += 1);
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
        let left = |truth: &Truth| -> usize {
            let all: usize = truth.raw.values().map(Vec::len).sum();
            all - truth.committed.values().sum::<usize>()
        };
        while left(&self.truth) > 0 {
            self.map(End::Committed);
        }
        self.shelf.lock().unwrap().late = None;
        for _ in 0..200 {
            self.look_again(End::Committed);
        }
    }

    fn check_end(&self) {
        let Truth { raw, documents, parked, counts, .. } = &self.truth;
        let raw: Vec<&Message> = raw.values().flatten().collect();
        assert_eq!(counts.polled, raw.len() as u64);
        assert_eq!(
            counts.parts(),
            documents.iter().filter(|document| is_second_part(document)).count() as i128
        );
        let mut newest: BTreeMap<RecordId, Version> = BTreeMap::new();
        for message in raw {
            let input = self.mapper.entry(message).unwrap().unwrap().input;
            let version = newest.entry(input.record.id).or_default();
            *version = input.version.max(*version);
        }
        for (id, version) in &newest {
            let states: Vec<&Document> =
                documents.iter().filter(|document| source_id(document) == *id).collect();
            let waits =
                parked.iter().filter(|(slot, held)| slot.id == *id && held.version == *version).count();
            let ended =
                states.iter().filter(|document| document.version == *version && !is_second_part(document));
            assert_eq!(ended.count() + waits, 1, "{id}: the newest state ends, or waits, once");
            for (earlier, later) in states.iter().zip(states.iter().skip(1)) {
                let in_order =
                    earlier.version <= later.version || earlier.origin.offset < later.origin.offset;
                assert!(in_order, "{id}: {:?} after {:?}", later.version, earlier.version);
            }
            let mut once: Vec<_> =
                states.iter().map(|document| (document.version, &document.record_id)).collect();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), states.len(), "{id}: a state is documented twice");
        }
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
