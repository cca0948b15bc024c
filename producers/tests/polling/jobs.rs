//! Jobs of a source: a backfill beside the regular poll goes on wherever the process dies, waits for flows that have no
//! room, and ends when it is called off; a fix brings the records it names, a census only looks.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use weir_model::{
    cursor::Lane,
    names::{RecordId, SourceName},
    record::{RawRecord, Reason},
    time::Clock as _,
};
use weir_schemas::{Cancelled, Job, JobKind, JobState, TimeRange};

use crate::{
    memory::{Memory, Polling, Record, TestClock},
    support::{Announced, Committed, Death},
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

const POLLING: Polling = Polling {
    poll: "{every: 10m, start_from: -1d, look_back: 5m}",
    metadata: "",
    longest_window: Some(Duration::from_secs(3 * 86_400)),
    history: None,
};

/// A record every hour for the last twenty days, and for two to come.
fn hourly() -> Arc<Memory> {
    let clock = TestClock::beginning("2024-01-21T12:00:00Z");
    let begin = clock.now() - DAY * 20;
    let record = |id: u32| {
        let modified = begin + HOUR * i32::try_from(id).unwrap();
        Record { id, modified, listed_at: modified, archived_at: None }
    };
    Memory::new((0..22 * 24).map(record).collect(), clock, "Asia/Shanghai")
}

/// A job over days before the beginning of the test.
fn job(id: &str, kind: JobKind, memory: &Memory, days: std::ops::Range<i32>) -> Job {
    let begin = memory.records[0].modified;
    Job {
        id: id.to_owned(),
        kind,
        subject: "s".to_owned(),
        from: Some(begin + DAY * days.start),
        until: Some(begin + DAY * days.end),
        only: Vec::new(),
        ranges: Vec::new(),
        letters: Vec::new(),
        edit: String::new(),
        note: String::new(),
        by: "周敏".to_owned(),
        at: memory.clock.now(),
        cancelled: None,
    }
}

fn state(committed: &Committed, job: &str) -> Option<JobState> {
    committed.progress(job).map(|told| told.state)
}

fn finished(committed: &Committed, job: &str) -> bool {
    state(committed, job) == Some(JobState::Finished)
}

fn ids<'a>(records: impl IntoIterator<Item = &'a RawRecord>) -> Vec<&'a str> {
    records.into_iter().map(|record| record.id.as_str()).collect()
}

fn brought(committed: &Committed, reason: Reason) -> impl Iterator<Item = &RawRecord> {
    committed.records.iter().filter(move |record| record.reason == reason)
}

/// The job's last word comes after the live poll's: all that was ever due has arrived.
fn assert_nothing_is_missing(memory: &Memory, committed: &Committed, begin: Timestamp) {
    let settled = committed.cursors[&(SourceName::from("s"), Lane::Live)].settled_until;
    let mut missing = memory.missing(committed, begin);
    missing.retain(|id| memory.records[*id as usize].modified < settled);
    assert_eq!(missing, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_backfill_reads_the_past_beside_the_regular_poll() {
    let memory = hourly();
    let announced = Announced::new([job("b", JobKind::Backfill, &memory, 2..19)]);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    POLLING.work(&memory, &mut committed, None, board, |committed| finished(committed, "b")).await;

    assert_nothing_is_missing(&memory, &committed, memory.records[2 * 24].modified);
    let backfilled = ids(brought(&committed, Reason::Backfill));
    assert_eq!(backfilled.iter().collect::<BTreeSet<_>>().len(), backfilled.len(), "each once");
    assert_eq!(backfilled.len(), 17 * 24 + 1, "both ends are read");
    let facts: Vec<_> = committed.windows.iter().filter(|fact| fact.job == "b").collect();
    assert_eq!(facts.len(), 6, "17 days in windows of three");
    assert!(facts.windows(2).all(|pair| pair[0].to == pair[1].from), "no hole and no overlap");
    let told = committed.progress("b").unwrap();
    assert_eq!((told.done, told.cause.as_ref()), (backfilled.len() as u64, None));
    assert!(told.position.contains(r#""percent":100"#), "{}", told.position);
    assert!(committed.begun.is_empty(), "its cursor is removed");
    let live = &committed.cursors[&(SourceName::from("s"), Lane::Live)];
    assert!(live.settled_until > memory.records[19 * 24].modified, "not moved back: {live:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backfill_goes_on_wherever_its_process_dies() {
    let whole = {
        let memory = hourly();
        let mut committed = Committed::default();
        let board = Announced::new([job("b", JobKind::Backfill, &memory, 2..19)]).board(&committed);
        POLLING.work(&memory, &mut committed, None, board, |committed| finished(committed, "b")).await;
        committed
    };
    for index in (0..whole.publications).step_by(3) {
        for death in [Death::Before(index), Death::After(index)] {
            let memory = hourly();
            let announced = Announced::new([job("b", JobKind::Backfill, &memory, 2..19)]);
            let mut committed = Committed::default();
            let done = |committed: &Committed| finished(committed, "b");
            let board = announced.board(&committed);
            POLLING.work(&memory, &mut committed, Some(death), board, done).await;
            if !done(&committed) {
                let board = announced.board(&committed);
                POLLING.work(&memory, &mut committed, None, board, done).await;
            }
            assert_nothing_is_missing(&memory, &committed, memory.records[2 * 24].modified);
            let count = committed.windows.iter().filter(|fact| fact.job == "b").count();
            assert_eq!(count, 6, "no window is read again: {death:?}");
            let published = brought(&committed, Reason::Backfill).count() as u64;
            assert_eq!(committed.progress("b").unwrap().done, published, "{death:?}");
            assert!(committed.begun.is_empty(), "{death:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_backfill_that_is_called_off_ends_between_two_pages_for_good() {
    let memory = hourly();
    let backfill = job("b", JobKind::Backfill, &memory, 2..19);
    let announced = Announced::new([backfill.clone()]);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    let call_off = |committed: &Committed| {
        if committed.progress("b").is_some_and(|told| told.done > 0) {
            let (by, note, at) = ("周敏".to_owned(), String::new(), memory.clock.now());
            announced.announce(Job { cancelled: Some(Cancelled { by, note, at }), ..backfill.clone() });
        }
        state(committed, "b") == Some(JobState::Cancelled)
    };
    POLLING.work(&memory, &mut committed, None, board, call_off).await;
    let (done, count) = (committed.progress("b").unwrap().done, committed.windows.len());
    assert!(done > 0 && done < 17 * 24, "{done}");
    assert!(committed.begun.is_empty());

    let board = announced.board(&committed);
    let later = |committed: &Committed| committed.windows.len() >= count + 3;
    POLLING.work(&memory, &mut committed, None, board, later).await;
    assert_eq!(brought(&committed, Reason::Backfill).count() as u64, done, "another process leaves it be");
}

#[tokio::test(start_paused = true)]
async fn a_backfill_waits_for_flows_without_room_and_says_so() {
    let memory = hourly();
    let announced = Announced::new([job("b", JobKind::Backfill, &memory, 2..19)]);
    announced.give_room(false);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    let held =
        |committed: &Committed| state(committed, "b") == Some(JobState::Held) && committed.windows.len() >= 3;
    POLLING.work(&memory, &mut committed, None, board, held).await;
    assert_eq!(brought(&committed, Reason::Backfill).count(), 0);
    assert!(brought(&committed, Reason::Poll).count() > 0, "the regular poll goes on");
    let cause = committed.progress("b").unwrap().cause.clone().unwrap();
    assert_eq!(cause.code.as_str(), "J-STANDSTILL");

    announced.give_room(true);
    let board = announced.board(&committed);
    POLLING.work(&memory, &mut committed, None, board, |committed| finished(committed, "b")).await;
    assert_nothing_is_missing(&memory, &committed, memory.records[2 * 24].modified);
}

#[tokio::test(start_paused = true)]
async fn a_backfill_whose_records_are_refused_ends_by_itself() {
    let memory = hourly();
    let announced = Announced::new([job("b", JobKind::Backfill, &memory, 2..19)]);
    announced.refuse_after(100);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    let failed = |committed: &Committed| state(committed, "b") == Some(JobState::Failed);
    POLLING.work(&memory, &mut committed, None, board, failed).await;
    let told = committed.progress("b").unwrap();
    assert_eq!(told.cause.as_ref().unwrap().code.as_str(), "J-REFUSED");
    assert!((100..150).contains(&told.done), "{}", told.done);
    assert!(committed.begun.is_empty(), "its cursor is removed");
}

#[tokio::test(start_paused = true)]
async fn a_fix_brings_the_named_records_and_tells_which_are_not_there() {
    let memory = hourly();
    let modified = |id: u32| memory.records[id as usize].modified;
    let around = |id: u32| TimeRange { from: modified(id) - HOUR, until: modified(id) + HOUR };
    let fix = Job {
        only: ["30", "470", "9999"].map(RecordId::from).to_vec(),
        ranges: vec![around(470), around(30)],
        ..job("f", JobKind::Fix, &memory, 0..0)
    };
    let announced = Announced::new([fix]);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    POLLING.work(&memory, &mut committed, None, board, |committed| finished(committed, "f")).await;
    assert_eq!(ids(brought(&committed, Reason::Fix)), ["30", "470"], "also what the poll has just published");
    let told = committed.progress("f").unwrap();
    let cause = told.cause.clone().unwrap();
    assert_eq!((told.done, cause.code.as_str()), (2, "P-NOT-FOUND"));
    assert!(cause.message.contains("1 of 3") && cause.message.ends_with(": 9999"), "{cause}");
    assert!(committed.windows.iter().all(|fact| fact.job.is_empty()), "a fix covers nothing");
}

#[tokio::test(start_paused = true)]
async fn a_census_looks_and_publishes_nothing_to_be_mapped_and_jobs_come_one_after_the_other() {
    let memory = hourly();
    let jobs = [job("c1", JobKind::Census, &memory, 3..5), job("c2", JobKind::Census, &memory, 6..7)];
    let announced = Announced::new(jobs);
    let mut committed = Committed::default();
    let board = announced.board(&committed);
    POLLING.work(&memory, &mut committed, None, board, |committed| finished(committed, "c2")).await;
    assert_eq!(committed.census.len(), 49 + 25);
    assert!(committed.records.iter().all(|record| record.reason == Reason::Poll));
    assert!(committed.windows.iter().all(|fact| fact.job.is_empty()), "a census covers nothing");
    let told: Vec<_> = committed.progress.iter().filter(|told| told.job == "c2").collect();
    let cause = told[0].cause.clone().unwrap();
    assert_eq!((told[0].state, cause.code.as_str()), (JobState::Held, "J-QUEUED"));
    assert!(cause.message.contains("c1"), "{cause}");
    let ends = committed.progress.iter().filter(|told| told.state == JobState::Finished);
    assert_eq!(ends.map(|told| told.job.as_str()).collect::<Vec<_>>(), ["c1", "c2"]);
}
