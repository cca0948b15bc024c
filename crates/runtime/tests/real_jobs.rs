//! Jobs on a real Apache Kafka: every record is sent once however often their owner changes, the gate closes before a
//! flow is swamped, letters are sent mended, and a job can be held, queued and called off (invariants 1, 4, 7).
//!
//! Relies on `WEIR_KAFKA` (bootstrap servers; `cargo xtask test` sets it).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use jiff::Timestamp;
use support::{Bench, FakeTarget, Running, wait_for};
use tokio_util::sync::CancellationToken;
use weir_model::record::Reason;
use weir_runtime::{
    control::{self, Known},
    jobs::{JobStage, Track},
    map::Intake,
    stage::{Deployment, StageThread},
    topics::FLOW_PARTITIONS,
};
use weir_schemas::{
    Cancelled, Control, FlowState, Job, JobKind, JobLetter, JobProgress, JobState, RedoRecord, RunState,
};

/// A process that carries jobs on.
struct Carrier {
    stop: CancellationToken,
    stage: StageThread,
    follower: StageThread,
}

impl Carrier {
    fn start(bench: &Bench, deployment: Deployment) -> Self {
        let stop = CancellationToken::new();
        let (control, follower) = control::follow(&deployment, Known::default(), &stop).unwrap();
        let flows = BTreeMap::from([(bench.flow.clone(), Intake::Raw(bench.source.clone()))]);
        let stage = JobStage { deployment, flows, control, stop: stop.clone() }.start().unwrap();
        Self { stop, stage, follower }
    }

    fn end(self) {
        self.stop.cancel();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.stage.ended()).unwrap();
        runtime.block_on(self.follower.ended()).unwrap();
    }
}

/// A flow at work.
fn flow(bench: &Bench) -> (Arc<FakeTarget>, [Running; 2]) {
    let target = Arc::new(FakeTarget::new(500));
    let stages = [bench.map(), bench.deliver(&target)];
    (target, stages)
}

fn job(id: &str, kind: JobKind) -> Job {
    Job {
        id: id.to_owned(),
        kind,
        subject: "flow".to_owned(),
        from: None,
        until: None,
        only: Vec::new(),
        ranges: Vec::new(),
        letters: Vec::new(),
        edit: String::new(),
        note: String::new(),
        by: "周敏".to_owned(),
        at: Timestamp::now(),
        cancelled: None,
    }
}

fn announce(bench: &Bench, job: &Job) {
    let Deployment { cluster, topics, codec, .. } = &bench.deployment;
    control::announce(cluster, topics, codec, job).unwrap();
}

fn known(bench: &Bench) -> Known {
    let Deployment { cluster, topics, codec, .. } = &bench.deployment;
    control::read(cluster, topics, codec).unwrap()
}

fn wait_for_state(bench: &Bench, id: &str, state: JobState) -> (JobProgress, Track) {
    let progress = wait_for(&format!("{id} {state:?}"), || {
        known(bench).progress(id).filter(|progress| progress.state == state).cloned()
    });
    let track = Track::parse(&progress.position).unwrap_or_default();
    (progress, track)
}

fn sent_again(bench: &Bench) -> Vec<RedoRecord> {
    let messages = bench.messages(&bench.deployment.topics.redo(&bench.flow), FLOW_PARTITIONS);
    let value = |message: &weir_kafka::Message| {
        assert!(message.header("weir-job").is_some());
        let record: RedoRecord = bench.deployment.codec.decode(message.value.as_ref().unwrap()).unwrap();
        assert_eq!(record.origin.partition, message.partition, "beside its newer states");
        record
    };
    messages.iter().map(value).collect()
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("a{number}")).collect()
}

#[test]
fn a_replay_sends_each_record_once_however_often_its_owner_changes() {
    const RECORDS: usize = 3_000;
    let bench = Bench::real("replay");
    bench.send_raw(&ids(0..RECORDS));
    let (target, stages) = flow(&bench);
    bench.wait_for_ended(RECORDS as i128);
    announce(&bench, &job("replay-1", JobKind::Replay));
    // What comes after the announcement is not part of it, whenever the job is taken up.
    let until = Timestamp::now();
    announce(&bench, &Job { until: Some(until), ..job("replay-2", JobKind::Replay) });
    for process in ["a", "a", "b"] {
        let before = sent_again(&bench).len();
        let carrier = Carrier::start(&bench, bench.instance(process));
        wait_for("some progress", || (sent_again(&bench).len() >= before + 500).then_some(()));
        carrier.end();
    }
    let carrier = Carrier::start(&bench, bench.instance("b"));
    let (progress, track) = wait_for_state(&bench, "replay-1", JobState::Finished);
    assert_eq!(
        (progress.done, track.sent, track.refused, track.unsent),
        (RECORDS as u64, RECORDS as u64, 0, 0)
    );
    assert_eq!(progress.cause, None);
    let (_, second) = wait_for_state(&bench, "replay-2", JobState::Finished);
    assert_eq!(second.sent, RECORDS as u64);
    carrier.end();
    let records = sent_again(&bench);
    for id in ["replay-1", "replay-2"] {
        let of: Vec<_> = records.iter().filter(|record| record.job == id).collect();
        let origins: BTreeSet<_> =
            of.iter().map(|record| (record.origin.partition, record.origin.offset)).collect();
        assert_eq!((of.len(), origins.len()), (RECORDS, RECORDS), "each record once");
    }
    assert!(records.iter().all(|record| record.record.reason == Reason::Replay && !record.repaired));
    let counts = bench.wait_for_ended(3 * RECORDS as i128);
    stages.into_iter().for_each(|stage| stage.stop().unwrap());
    assert_eq!((counts.delivered, counts.unchanged), (RECORDS as u64, 2 * RECORDS as u64));
    assert!(target.writes().values().all(|writes| *writes == 1), "nothing is written twice");
}

#[test]
fn a_job_is_limited_to_records_waits_for_its_flow_and_is_called_off() {
    let bench = Bench::real("held");
    bench.send_raw(&ids(0..50));
    let Deployment { cluster, topics, codec, .. } = &bench.deployment;
    let state = |state| {
        let entry = FlowState {
            flow: bench.flow.clone(),
            state,
            cause: None,
            reason: "月结".to_owned(),
            by: "周敏".to_owned(),
            at: Timestamp::now(),
        };
        let said = control::change(cluster, topics, codec, |_| {
            Ok::<_, weir_runtime::stage::StageError>(vec![Control::FlowState(entry.clone())])
        });
        said.unwrap();
    };
    state(RunState::Paused);
    let carrier = Carrier::start(&bench, bench.deployment.clone());
    let only = ["a3", "a7", "nobody"].map(Into::into).to_vec();
    announce(&bench, &Job { only, ..job("one", JobKind::Replay) });
    let (held, _) = wait_for_state(&bench, "one", JobState::Held);
    let why = held.cause.unwrap().to_string();
    assert!(why.starts_with("J-STANDSTILL") && why.contains("月结"), "{why}");
    announce(&bench, &job("two", JobKind::Replay));
    let (queued, _) = wait_for_state(&bench, "two", JobState::Held);
    assert!(queued.cause.unwrap().to_string().contains("J-QUEUED"));
    let cancelled = Cancelled { by: "周敏".to_owned(), note: String::new(), at: Timestamp::now() };
    control::cancel(cluster, topics, codec, "two", &cancelled).unwrap();
    wait_for_state(&bench, "two", JobState::Cancelled);
    assert!(control::cancel(cluster, topics, codec, "two", &cancelled).is_err());
    assert!(control::cancel(cluster, topics, codec, "three", &cancelled).is_err());
    assert_eq!(sent_again(&bench), []);

    let (_, stages) = flow(&bench);
    state(RunState::Running);
    let (progress, track) = wait_for_state(&bench, "one", JobState::Finished);
    assert_eq!((progress.done, track.sent), (50, 2));
    let sent: BTreeSet<String> =
        sent_again(&bench).iter().map(|record| record.record.id.to_string()).collect();
    assert_eq!(sent, BTreeSet::from(["a3".to_owned(), "a7".to_owned()]));
    carrier.end();
    stages.into_iter().for_each(|stage| stage.stop().unwrap());
}

#[test]
fn letters_are_sent_mended_and_only_the_newest_of_a_record() {
    let bench = Bench::real("repair");
    let refused: Vec<String> = (0..20).map(|number| format!("r{number}")).collect();
    bench.send_raw(&refused);
    let (target, stages) = flow(&bench);
    bench.wait_for_ended(20);
    let topic = bench.deployment.topics.dead(bench.flow.as_str());
    let place = |message: &weir_kafka::Message| format!("{}:{}", message.partition, message.offset);
    let letters: Vec<JobLetter> = bench
        .messages(&topic, 3)
        .iter()
        .map(|message| {
            let id = String::from_utf8(message.key.clone().unwrap().to_vec()).unwrap();
            // One is sent as it was, and is refused again: that is its answer.
            let payload = (id != "r7").then(|| Bytes::from(format!("mended {id}")));
            JobLetter { place: place(message), payload }
        })
        .chain([JobLetter { place: "0:999999".to_owned(), payload: None }])
        .collect();
    let carrier = Carrier::start(&bench, bench.deployment.clone());
    announce(&bench, &Job { letters, ..job("repair-1", JobKind::Repair) });
    let (progress, track) = wait_for_state(&bench, "repair-1", JobState::Finished);
    assert_eq!((track.sent, track.unsent, track.refused), (20, 1, 1));
    let cause = progress.cause.unwrap().to_string();
    assert!(cause.contains("J-UNSENDABLE") && cause.contains("999999"), "{cause}");
    let stored = target.stored();
    assert_eq!(stored.len(), 19);
    assert_eq!(stored["r3"], "mended r3");

    // The second letter of r7 stands for the first; the look-back brings nothing back of what was mended.
    let letters: Vec<JobLetter> = bench
        .messages(&topic, 3)
        .iter()
        .filter(|message| message.key.as_deref() == Some(b"r7"))
        .map(|message| JobLetter { place: place(message), payload: Some(Bytes::from_static(b"at last")) })
        .collect();
    assert_eq!(letters.len(), 2, "its history stays");
    announce(&bench, &Job { letters, ..job("repair-2", JobKind::Repair) });
    let (_, track) = wait_for_state(&bench, "repair-2", JobState::Finished);
    assert_eq!((track.sent, track.older, track.refused), (1, 1, 0));
    bench.send_raw(&refused);
    announce(&bench, &job("replay-1", JobKind::Replay));
    wait_for_state(&bench, "replay-1", JobState::Finished);
    carrier.end();
    stages.into_iter().for_each(|stage| stage.stop().unwrap());
    assert_eq!(target.stored()["r7"], "at last");
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());
    assert_eq!(bench.letters().len(), 21);
}
