//! The jobs of one flow, one after the other in the order of their announcement; each a chunk at a time.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use weir_kafka::{Class, Error, Inspector, OutRecord, TransactionalProducer};
use weir_model::{
    letter::Stage,
    names::{FlowName, SourceName},
    outcome::{Code, Refusal},
};
use weir_schemas::{Control, Job, JobKind, JobProgress, JobState};

use super::{
    chunk::{Chunk, UNSENDABLE},
    gate::{Gate, Patience, Rest},
    refused::{Refused, is_too_much, told},
    repair::Repair,
    replay::Replay,
    track::Track,
};
use crate::{
    control::{self, Known},
    map::Intake,
    stage::{Deployment, chain},
    transaction::transact,
};

/// Another job of the same flow comes first.
pub const QUEUED: Code = Code::new("J-QUEUED");
/// Kafka does not take a chunk.
pub const PUBLISH: Code = Code::new("J-PUBLISH");

/// How often a job that has to wait is looked at.
const PAUSE: Duration = Duration::from_millis(200);
/// How long the last letters of a job are waited for, after all of it was dealt with.
const LAST_LETTERS: Duration = Duration::from_millis(500);

/// Where a job works.
pub(super) struct Place<'a> {
    pub deployment: &'a Deployment,
    pub inspector: &'a Inspector,
    pub flow: &'a FlowName,
    pub intake: &'a Intake,
}

impl Place<'_> {
    /// The source whose records the flow reads.
    pub(super) fn source(&self) -> &SourceName {
        match self.intake {
            Intake::Raw(source) | Intake::Receipts { source, .. } => source,
        }
    }
}

/// What the lanes of a process share while it owns the jobs.
pub(super) struct Desk<'a> {
    pub deployment: &'a Deployment,
    pub inspector: Inspector,
    pub producer: TransactionalProducer,
    /// How far jobs have come. Nobody but us writes that, so this is newer than what control tells.
    pub progress: BTreeMap<String, JobProgress>,
}

impl Desk<'_> {
    fn state(&self, job: &Job) -> JobState {
        control::state(job, self.progress.get(&job.id))
    }

    /// Publishes records and the progress that says so, all of it or nothing (invariants 1 and 7).
    fn publish(&mut self, records: &[OutRecord], progress: JobProgress) -> Result<(), Error> {
        let Deployment { topics, codec, metrics, .. } = self.deployment;
        let entry = Control::JobProgress(progress.clone());
        let told = OutRecord::new(topics.control(), entry.key(), codec.encode(&entry)).to_partition(0);
        transact(&mut self.producer, metrics, Stage::Processor, "jobs", |open| {
            records.iter().try_for_each(|record| open.send(record))?;
            open.send(&told)
        })?;
        self.progress.insert(progress.job.clone(), progress);
        Ok(())
    }
}

/// The jobs of a flow.
pub(super) struct Lane {
    flow: FlowName,
    intake: Intake,
    gate: Gate,
    work: Option<Work>,
    /// When it is worth looking again.
    due: Instant,
}

impl Lane {
    pub(super) fn new(flow: FlowName, intake: Intake, gate: Gate) -> Self {
        Self { flow, intake, gate, work: None, due: Instant::now() }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// What was read ahead is forgotten, and read again from what is committed.
    pub(super) fn start_over(&mut self, delay: Duration) {
        self.work = None;
        self.due = Instant::now() + delay;
    }

    /// Does what is to be done now, at most one chunk.
    pub(super) fn step(&mut self, desk: &mut Desk<'_>, known: &Known) -> Result<(), Error> {
        let jobs = self.jobs(known);
        for job in jobs.iter().filter(|job| job.cancelled.is_some()) {
            let former = desk.progress.get(&job.id).filter(|former| !control::is_over(former.state));
            if let Some(former) = former.cloned() {
                let told = JobProgress { state: JobState::Cancelled, cause: None, ..former };
                desk.publish(&[], signed(told, desk.deployment))?;
            }
        }
        let open: Vec<&Arc<Job>> =
            jobs.iter().filter(|job| !control::is_over(desk.state(job))).copied().collect();
        let Some((current, later)) = open.split_first() else {
            self.work = None;
            self.due = Instant::now() + PAUSE;
            return Ok(());
        };
        for job in later {
            if desk.progress.contains_key(&job.id) {
                continue;
            }
            let why = Refusal::new(QUEUED, format!("it waits for the end of job {}", current.id));
            desk.publish(&[], queued(job, why, desk.deployment))?;
        }
        if self.work.as_ref().is_none_or(|work| work.job.id != current.id) {
            self.work = None;
            self.begin(current, desk)?;
        }
        self.go_on(desk)
    }

    /// The jobs of this flow that are carried on here, in the order of their announcement.
    fn jobs<'k>(&self, known: &'k Known) -> Vec<&'k Arc<Job>> {
        let is_own = |job: &&Arc<Job>| {
            matches!(job.kind, JobKind::Replay | JobKind::Repair) && job.subject == self.flow.as_str()
        };
        let mut jobs: Vec<&Arc<Job>> = known.jobs().filter(is_own).collect();
        jobs.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        jobs
    }

    /// Takes a job up, where it was left.
    fn begin(&mut self, job: &Arc<Job>, desk: &mut Desk<'_>) -> Result<(), Error> {
        let place = place(desk.deployment, &desk.inspector, &self.flow, &self.intake);
        let former = desk.progress.get(&job.id);
        let mut track = former.and_then(|former| Track::parse(&former.position)).unwrap_or_default();
        let done = former.map_or(0, |former| former.done);
        let refused = Refused::open(&place, &job.id, &mut track)?;
        let copy = match job.kind {
            JobKind::Repair => match Repair::open(&place, job, &mut track)? {
                Ok(repair) => Copy::Repair(repair),
                Err(refusal) => {
                    let mut failed = queued(job, refusal, desk.deployment);
                    failed.state = JobState::Failed;
                    return desk.publish(&[], failed);
                }
            },
            _ => Copy::Replay(Replay::open(&place, job, &mut track)?),
        };
        let job = Arc::clone(job);
        tracing::info!(job = job.id, flow = %self.flow, done, "job is taken up");
        let work = Work { job, track, done, copy, refused, patience: Patience::default(), rest: None };
        desk.publish(&[], work.progress(JobState::Running, None, desk.deployment))?;
        self.work = Some(work);
        Ok(())
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let place = place(desk.deployment, &desk.inspector, &self.flow, &self.intake);
        work.track.refused = work.refused.count(&place, Duration::ZERO)?;
        if let Some(cause) = work.too_much() {
            let progress = work.progress(JobState::Failed, Some(cause), desk.deployment);
            return self.end(desk, progress);
        }
        if let Some(why) = self.gate.look()? {
            self.due = Instant::now() + PAUSE;
            if work.patience.is_news(&why, Instant::now()) {
                tracing::info!(job = work.job.id, why = %why, "job has to wait");
                let held = work.progress(JobState::Held, Some(why), desk.deployment);
                desk.publish(&[], held)?;
            }
            return Ok(());
        }
        if work.rest.is_some() || work.copy.is_done(&work.track) {
            return self.settle(desk);
        }
        work.patience = Patience::default();
        let (former, mut track) = ((work.track.clone(), work.done), work.track.clone());
        let chunk = work.copy.next(&place, &work.job, &mut track)?;
        work.take(&chunk, track);
        let progress = work.progress(JobState::Running, None, desk.deployment);
        match desk.publish(&chunk.records, progress) {
            Ok(()) => {
                let Work { job, .. } = work;
                desk.deployment.metrics.records_redone(&self.flow, job.kind, chunk.records.len() as u64);
                self.due = Instant::now();
                Ok(())
            }
            Err(error) if error.class() == Class::Refused && desk.producer.is_usable() => {
                let refusal = Refusal::new(PUBLISH, chain(&error));
                (work.track, work.done) = former;
                let progress = work.progress(JobState::Failed, Some(refusal), desk.deployment);
                self.end(desk, progress)
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the flow has dealt with all of the job, so that its end tells what became of it.
    fn settle(&mut self, desk: &mut Desk<'_>) -> Result<(), Error> {
        let Some(work) = &mut self.work else { return Ok(()) };
        let rest = match &mut work.rest {
            Some(rest) => rest,
            None => work.rest.insert(self.gate.rest()?),
        };
        if !self.gate.is_at_rest(rest)? {
            self.due = Instant::now() + PAUSE;
            return Ok(());
        }
        let place = place(desk.deployment, &desk.inspector, &self.flow, &self.intake);
        work.track.refused = work.refused.count(&place, LAST_LETTERS)?;
        let (state, cause) = work.outcome();
        let progress = work.progress(state, cause, desk.deployment);
        self.end(desk, progress)
    }

    fn end(&mut self, desk: &mut Desk<'_>, progress: JobProgress) -> Result<(), Error> {
        tracing::info!(job = progress.job, state = ?progress.state, done = progress.done, "job is over");
        self.work = None;
        self.due = Instant::now();
        desk.publish(&[], progress)
    }
}

/// A job at work.
struct Work {
    job: Arc<Job>,
    track: Track,
    /// Records or letters that were dealt with.
    done: u64,
    copy: Copy,
    refused: Refused,
    patience: Patience,
    /// Where the flow has to come to; known when all is published.
    rest: Option<Rest>,
}

enum Copy {
    Replay(Replay),
    Repair(Repair),
}

impl Copy {
    fn next(&mut self, place: &Place<'_>, job: &Job, track: &mut Track) -> Result<Chunk, Error> {
        match self {
            Self::Replay(replay) => replay.next(place, job, track),
            Self::Repair(repair) => repair.next(place, job, track),
        }
    }

    fn is_done(&self, track: &Track) -> bool {
        match self {
            Self::Replay(_) => track.left() == 0,
            Self::Repair(repair) => repair.is_done(track),
        }
    }
}

impl Work {
    /// Counts a chunk.
    fn take(&mut self, chunk: &Chunk, track: Track) {
        self.track = track;
        self.done += chunk.looked_at;
        self.track.sent += chunk.records.len() as u64;
        self.track.unsent += chunk.unsent;
        if let Some(because) = &chunk.unsent_because {
            self.track.unsent_because = because.message.clone();
        }
    }

    fn progress(&self, state: JobState, cause: Option<Refusal>, deployment: &Deployment) -> JobProgress {
        let total = match &self.copy {
            Copy::Repair(repair) => repair.total(),
            // Markers of transactions count until they are passed.
            Copy::Replay(_) => self.done + self.track.left(),
        };
        let position = self.track.text();
        let (done, total, job) = (self.done, Some(total), self.job.id.clone());
        let (instance, at) = (deployment.instance.to_string(), deployment.clock.now());
        JobProgress { job, state, cause, done, total, position, instance, at }
    }

    /// Why it is not worth going on, if it is not. A letter that is refused once more is its own answer, so a repair
    /// always goes on.
    fn too_much(&self) -> Option<Refusal> {
        let Track { refused, sent, .. } = &self.track;
        if self.job.kind != JobKind::Replay || !is_too_much(*refused, *sent) {
            return None;
        }
        Some(told(*refused, *sent, self.refused.last()))
    }

    /// How it ended, now that all of it was dealt with.
    fn outcome(&self) -> (JobState, Option<Refusal>) {
        if let Some(cause) = self.too_much() {
            return (JobState::Failed, Some(cause));
        }
        let Track { unsent, unsent_because, .. } = &self.track;
        let said = || format!("{unsent} could not be sent; the last: {unsent_because}");
        (JobState::Finished, (*unsent > 0).then(|| Refusal::new(UNSENDABLE, said())))
    }
}

fn place<'a>(
    deployment: &'a Deployment,
    inspector: &'a Inspector,
    flow: &'a FlowName,
    intake: &'a Intake,
) -> Place<'a> {
    Place { deployment, inspector, flow, intake }
}

/// The progress of a job that has not begun.
fn queued(job: &Job, why: Refusal, deployment: &Deployment) -> JobProgress {
    let progress = JobProgress {
        job: job.id.clone(),
        state: JobState::Held,
        cause: Some(why),
        done: 0,
        total: None,
        position: String::new(),
        instance: String::new(),
        at: deployment.clock.now(),
    };
    signed(progress, deployment)
}

/// The same progress as told by this process now.
fn signed(progress: JobProgress, deployment: &Deployment) -> JobProgress {
    JobProgress { instance: deployment.instance.to_string(), at: deployment.clock.now(), ..progress }
}
