//! A remote system in memory that keeps local times, commits records late, moves old ones to an archive, and whose clock
//! may be wrong; and an account that polls it under Tokio's clock, process after process.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{Committed, Death, no_jobs, services};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use weir_model::{
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    settings::Problems,
    target::ProbeReport,
    time::{Clock, local_text},
    token::SealedToken,
};
use weir_producers::{
    account::{Account, Remote},
    feed::{Answer, Ask, Feed, FeedError, PageAt},
    paging::Strategy,
    poll::{History, Settings, SourcePoller},
};
use weir_runtime::poll::{Inheritance, JobBoard, Poller as _, Publisher, Takeover};

const PAGE_SIZE: u32 = 10;

/// Tokio's clock as the time of day.
#[derive(Clone, Copy)]
pub struct TestClock {
    begun: Instant,
    at: Timestamp,
}

impl TestClock {
    pub fn beginning(at: &str) -> Self {
        Self { begun: Instant::now(), at: at.parse().unwrap() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.at + SignedDuration::try_from(self.begun.elapsed()).unwrap()
    }
}

/// A record of the remote system; one that is never modified again.
pub struct Record {
    pub id: u32,
    /// Its time by the remote system's clock.
    pub modified: Timestamp,
    /// When it can first be listed.
    pub listed_at: Timestamp,
    /// When it is moved to the archive.
    pub archived_at: Option<Timestamp>,
}

/// The remote system, and what it was asked.
pub struct Memory {
    pub records: Vec<Record>,
    pub clock: TestClock,
    pub zone: TimeZone,
    pub asks: Mutex<Vec<(Timestamp, Ask)>>,
}

impl Memory {
    pub fn new(records: Vec<Record>, clock: TestClock, zone: &str) -> Arc<Self> {
        Arc::new(Self { records, clock, zone: TimeZone::get(zone).unwrap(), asks: Mutex::default() })
    }

    fn text(&self, record: &Record) -> String {
        format!(r#"{{"id":{},"modified":"{}"}}"#, record.id, local_text(record.modified, &self.zone))
    }

    /// The records since `begin` that could be listed up to now and of which `committed` has not the newest state.
    pub fn missing(&self, committed: &Committed, begin: Timestamp) -> Vec<u32> {
        let (now, newest) = (self.clock.now(), committed.newest("s"));
        let due = self.records.iter().filter(|record| record.listed_at <= now && record.modified >= begin);
        let is_missing = |record: &&Record| {
            newest.get(&record.id.to_string()) != Some(&Digest::of(self.text(record).as_bytes()))
        };
        due.filter(is_missing).map(|record| record.id).collect()
    }

    /// Whether the list that is asked holds the record; the remote system compares local texts, both ends included.
    fn lists(&self, ask: &Ask, record: &Record, now: Timestamp) -> bool {
        let [from, to, at] = [ask.from, ask.to, record.modified].map(|at| local_text(at, &self.zone));
        let archived = record.archived_at.is_some_and(|at| at <= now);
        record.listed_at <= now && archived == ask.archived && (from..=to).contains(&at)
    }
}

#[async_trait]
impl Feed for Memory {
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = self.clock.now();
        self.asks.lock().unwrap().push((now, ask.clone()));
        let mut listed: Vec<_> = self.records.iter().filter(|record| self.lists(ask, record, now)).collect();
        listed.sort_by_key(|record| (record.modified, record.id));
        let PageAt::Number(page) = ask.at else { panic!("its pages are numbered") };
        let total = Some(listed.len() as u64);
        let size = ask.page_size as usize;
        let rows = listed.into_iter().skip((page as usize - 1) * size).take(size);
        let rows = rows.map(|record| Bytes::from(self.text(record))).collect();
        Ok(Answer { rows, total, ..Answer::default() })
    }
}

struct NoQuota;

#[async_trait]
impl Remote for NoQuota {
    async fn taken_over(&self, _: Takeover, _: &Publisher, _: Option<SealedToken>) {}

    async fn probe(&self) -> Result<ProbeReport, FeedError> {
        Ok(ProbeReport::default())
    }
}

/// How the source `s` is polled.
pub struct Polling {
    /// The flow's `poll`.
    pub poll: &'static str,
    /// Lines of the flow's `metadata`.
    pub metadata: &'static str,
    /// The longest window of the API.
    pub longest_window: Option<Duration>,
    /// When records are archived.
    pub history: Option<Duration>,
}

impl Polling {
    fn spec(&self) -> SourceSpec {
        let text = format!(
            "version: 1\nflow: f\nsource:\n  name: s\n  system: x\n  modified: modified\n  poll: {}\n  metadata:\n    \
             api: /x\n    id: id\n{}target:\n  system: mysql\n  key: [id]\n  metadata: {{api: execute}}\n",
            self.poll, self.metadata
        );
        let mut problems = Problems::new("f.yaml");
        let flow = FlowSpec::parse(&text, &mut problems).unwrap();
        assert!(!problems.has_errors(), "{:?}", problems.list());
        flow.source
    }

    fn settings(&self, zone: TimeZone) -> Settings {
        let history = |after| History { after, request_digest: Digest::of(b"archive") };
        Settings {
            strategy: Strategy::LastPageFirst,
            page_size: PAGE_SIZE,
            request_digest: Digest::of(b"list"),
            longest_window: self.longest_window,
            reach_before: Duration::ZERO,
            row_cursor: None,
            zone,
            history: self.history.map(history),
        }
    }

    /// A process polls until `done`, or until it dies.
    pub async fn run(
        &self,
        memory: &Arc<Memory>,
        committed: &mut Committed,
        death: Option<Death>,
        done: impl Fn(&Committed) -> bool,
    ) {
        self.work(memory, committed, death, no_jobs(), done).await;
    }

    /// The same, and carries on what is announced.
    pub async fn work(
        &self,
        memory: &Arc<Memory>,
        committed: &mut Committed,
        death: Option<Death>,
        jobs: Arc<dyn JobBoard>,
        done: impl Fn(&Committed) -> bool,
    ) {
        let services = services(Arc::new(memory.clock));
        let settings = self.settings(memory.zone.clone());
        let source = SourcePoller::new(&self.spec(), settings, memory.clone(), &services).unwrap();
        let account = Arc::new(Account::new("shop".into(), Arc::new(NoQuota), vec![source]));
        let (publisher, requests) = Publisher::channel(1);
        let stop = CancellationToken::new();
        let inheritance = Inheritance { cursors: committed.cursors(), token: None };
        let polled = account.run(inheritance, publisher, Takeover::Alone, jobs, stop.clone());
        let (halts, ()) = tokio::join!(polled, committed.serve(requests, death, &stop, done));
        assert!(halts.is_empty(), "{halts:?}");
    }
}
