//! What polling tests share: a stand-in for Kafka that keeps committed publications and can die at any of them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{
    mpsc::{self, UnboundedSender},
    watch,
};
use tokio_util::sync::CancellationToken;
use weir_model::{
    cursor::{Cursor, Lane, WindowFact},
    digest::Digest,
    letter::DeadLetter,
    names::SourceName,
    outcome::{Code, Refusal},
    record::RawRecord,
    time::Clock,
    token::SealedToken,
};
use weir_producers::Services;
use weir_runtime::{
    control::Known,
    health::Health,
    poll::{JobBoard, PublishError, PublishRequest},
    telemetry::Metrics,
};
use weir_schemas::{Control, Job, JobProgress};

/// What a process hands to its accounts, under a clock of the test's.
pub fn services(clock: Arc<dyn Clock>) -> Services {
    Services { clock, metrics: Metrics::default(), health: Health::default() }
}

/// Where a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Instead of committing the publication of this index.
    Before(usize),
    /// After committing it, before anybody hears of it.
    After(usize),
}

/// Everything that was committed, over all processes of a test.
#[derive(Debug, Default)]
pub struct Committed {
    pub records: Vec<RawRecord>,
    pub letters: Vec<DeadLetter>,
    pub windows: Vec<WindowFact>,
    /// By source and reader.
    pub cursors: BTreeMap<(SourceName, Lane), Cursor>,
    /// Of jobs, by their ids.
    pub begun: BTreeMap<String, Cursor>,
    /// What was said of each job, the newest last.
    pub progress: Vec<JobProgress>,
    /// What censuses read.
    pub census: Vec<RawRecord>,
    /// The newest token.
    pub token: Option<SealedToken>,
    pub publications: usize,
}

impl Committed {
    /// The newest published state of each record of a source, by arrival, as sinks would hold it.
    pub fn newest(&self, source: &str) -> BTreeMap<String, Digest> {
        let own = self.records.iter().filter(|record| record.source.as_str() == source);
        own.map(|record| (record.id.to_string(), record.digest)).collect()
    }

    /// The cursors that a new process is given.
    pub fn cursors(&self) -> Vec<Cursor> {
        self.cursors.values().chain(self.begun.values()).cloned().collect()
    }

    /// How far a job is.
    pub fn progress(&self, job: &str) -> Option<&JobProgress> {
        self.progress.iter().rev().find(|told| told.job == job)
    }

    /// Commits what comes until the poller ends, `death` strikes, or `done` is satisfied, which stops the poller.
    pub async fn serve(
        &mut self,
        mut requests: mpsc::Receiver<PublishRequest>,
        death: Option<Death>,
        stop: &CancellationToken,
        done: impl Fn(&Self) -> bool,
    ) {
        while let Some(PublishRequest { publication, done: answer }) = requests.recv().await {
            let index = self.publications;
            self.publications += 1;
            let dies = matches!(death, Some(Death::Before(at) | Death::After(at)) if at == index);
            if death == Some(Death::Before(index)) {
                let _ = answer.send(Err(PublishError::Lost));
                return;
            }
            self.records.extend(publication.records);
            self.letters.extend(publication.letters);
            self.windows.extend(publication.windows);
            self.token = publication.token.or(self.token.take());
            self.census.extend(publication.census);
            self.progress.extend(publication.progress);
            for cursor in publication.cursors {
                if cursor.job.is_empty() {
                    self.cursors.insert((cursor.source.clone(), cursor.lane), cursor);
                } else {
                    self.begun.insert(cursor.job.clone(), cursor);
                }
            }
            for (_, job) in publication.ended {
                self.begun.remove(&job);
            }
            if dies {
                let _ = answer.send(Err(PublishError::Lost));
                return;
            }
            let _ = answer.send(Ok(()));
            if done(self) {
                stop.cancel();
            }
        }
    }
}

/// What people announce, and whether the flows have room for it.
pub struct Announced {
    control: watch::Sender<Arc<Known>>,
    has_room: watch::Sender<bool>,
    /// From so many records of a job on, flows refuse too many of them.
    refuse_after: watch::Sender<u64>,
}

impl Announced {
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        let announced = Self {
            control: watch::Sender::default(),
            has_room: watch::Sender::new(true),
            refuse_after: watch::Sender::new(u64::MAX),
        };
        jobs.into_iter().for_each(|job| announced.announce(job));
        announced
    }

    /// Announces a job, or says something else of it.
    pub fn announce(&self, job: Job) {
        self.control.send_modify(|known| Arc::make_mut(known).take(Control::Job(job)));
    }

    /// Opens or closes the gate.
    pub fn give_room(&self, has_room: bool) {
        self.has_room.send_replace(has_room);
    }

    /// Lets flows refuse too much of a job that has published so many records.
    pub fn refuse_after(&self, records: u64) {
        self.refuse_after.send_replace(records);
    }

    /// The board of a process that begins now.
    pub fn board(&self, committed: &Committed) -> Arc<dyn JobBoard> {
        let progress = committed.progress.iter().map(|told| (told.job.clone(), told.clone())).collect();
        Arc::new(Board {
            control: self.control.subscribe(),
            has_room: self.has_room.subscribe(),
            refuse_after: self.refuse_after.subscribe(),
            progress,
        })
    }
}

/// The board where nobody announces anything.
pub fn no_jobs() -> Arc<dyn JobBoard> {
    Announced::new([]).board(&Committed::default())
}

struct Board {
    control: watch::Receiver<Arc<Known>>,
    has_room: watch::Receiver<bool>,
    refuse_after: watch::Receiver<u64>,
    progress: BTreeMap<String, JobProgress>,
}

#[async_trait]
impl JobBoard for Board {
    fn control(&self) -> watch::Receiver<Arc<Known>> {
        self.control.clone()
    }

    fn instance(&self) -> String {
        "test".to_owned()
    }

    async fn progress(&self, job: &str) -> Option<JobProgress> {
        self.progress.get(job).cloned()
    }

    async fn has_room(
        &self,
        _: &SourceName,
        stop: &CancellationToken,
        held: UnboundedSender<Refusal>,
    ) -> bool {
        let mut told = false;
        while !*self.has_room.borrow() {
            if !std::mem::replace(&mut told, true) {
                held.send(Refusal::new(Code::new("J-STANDSTILL"), "paused")).unwrap();
            }
            if stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(200))).await.is_none() {
                return false;
            }
        }
        true
    }

    async fn refused(&self, _: &SourceName, _: &str, published: u64) -> Option<Refusal> {
        let is_too_much = published >= *self.refuse_after.borrow();
        is_too_much.then(|| Refusal::new(Code::new("J-REFUSED"), "refused"))
    }
}
