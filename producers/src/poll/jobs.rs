//! The jobs of a source, one after the other, beside its regular poll: backfills, fixes and censuses (design §5).
//!
//! Whoever owns the account carries them on. One that was begun goes first, then the one that was announced first; the
//! others say that they wait. A job that a person must help is held and tried again; one that was called off ends between
//! two pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weir_model::{cursor::Cursor, outcome::Refusal};
use weir_runtime::{
    control::{Known, is_over},
    jobs::QUEUED,
    poll::{JobBoard, Publisher},
};
use weir_schemas::{Job, JobKind, JobProgress, JobState};

use super::{
    Ended, SourcePoller,
    errand::Errand,
    windows::{Opened, Progress, Session},
};
use crate::{code, window::Window};

/// How long a job rests that cannot go on before a person acts; then it is tried again.
const HELD_REST: Duration = Duration::from_secs(300);
/// How often the clock is looked at while the end of a job's time is not settled yet.
const LOOK: Duration = Duration::from_secs(15);

impl SourcePoller {
    /// Carries the jobs of the source on until `stop`, or until nobody can announce one any more. `cursors` are those of
    /// its jobs that were begun.
    pub async fn run_jobs(
        &self,
        cursors: Vec<Cursor>,
        board: &dyn JobBoard,
        publisher: &Publisher,
        stop: &CancellationToken,
    ) {
        let begun = cursors.into_iter().map(|cursor| (cursor.job.clone(), cursor)).collect();
        let control = board.control();
        let mut desk = Desk { source: self, board, publisher, stop, control, begun, ended: BTreeSet::new() };
        // Why it ends makes no difference: a halt of a job is told in its progress.
        let _ = desk.run().await;
    }
}

/// Where the jobs of a source are kept.
struct Desk<'a> {
    source: &'a SourcePoller,
    board: &'a dyn JobBoard,
    publisher: &'a Publisher,
    stop: &'a CancellationToken,
    control: watch::Receiver<Arc<Known>>,
    /// Cursors that a former owner left.
    begun: BTreeMap<String, Cursor>,
    /// Jobs whose end was written down; control may say so later.
    ended: BTreeSet<String>,
}

impl Desk<'_> {
    async fn run(&mut self) -> Result<(), Ended> {
        loop {
            let known = Arc::clone(&self.control.borrow_and_update());
            let Some(job) = self.due(&known).into_iter().next() else {
                match self.stop.run_until_cancelled(self.control.changed()).await {
                    Some(Ok(())) => continue,
                    // Stopped, or nobody can announce a job any more.
                    Some(Err(_)) | None => return Ok(()),
                }
            };
            self.carry_on(&job).await?;
            self.begun.remove(&job.id);
            self.ended.insert(job.id.clone());
        }
    }

    /// The jobs that are to be carried on here, in order.
    fn due(&self, known: &Known) -> Vec<Arc<Job>> {
        let is_begun = |job: &Job| self.begun.contains_key(&job.id);
        let mut due: Vec<Arc<Job>> = known
            .jobs()
            .filter(|job| job.subject == self.source.name.as_str() && is_ours(job.kind))
            .filter(|job| !self.ended.contains(&job.id))
            .filter(|job| !known.progress(&job.id).is_some_and(has_ended))
            .filter(|job| job.cancelled.is_none() || is_begun(job))
            .cloned()
            .collect();
        due.sort_by_key(|job| (!is_begun(job), job.at, job.id.clone()));
        due
    }

    /// Carries a job to its end. An error means that the account is no longer ours.
    async fn carry_on(&self, job: &Job) -> Result<(), Ended> {
        let progress = self.stop.run_until_cancelled(self.board.progress(&job.id)).await;
        let progress = progress.ok_or(Ended::Stopped)?;
        if progress.as_ref().is_some_and(has_ended) {
            return Ok(());
        }
        let cursor = self.begun.get(&job.id).cloned();
        // Without a cursor it never began, whatever was said of it while it waited.
        let progress = progress.filter(|_| cursor.is_some());
        let is_begun = cursor.is_some();
        tracing::info!(source = %self.source.name, job = job.id, kind = ?job.kind, is_begun, "job is carried on");
        let errand = Errand::new(self.source, job, self.board, cursor, progress.as_ref());
        let calling_off = self.stop.child_token();
        let mut session = Session::of_job(errand, self.publisher, &calling_off);
        let ended = tokio::select! {
            ended = session.do_job(is_begun) => ended,
            never = self.watch(job, &calling_off) => match never {},
        };
        match ended {
            Err(Ended::Stopped) if calling_off.is_cancelled() && !self.stop.is_cancelled() => {
                tracing::info!(source = %self.source.name, job = job.id, "job is called off");
                session.end_job(JobState::Cancelled, None).await
            }
            other => other,
        }
    }

    /// Stops the job when it is called off, and tells those that are announced meanwhile that they wait.
    async fn watch(&self, job: &Job, calling_off: &CancellationToken) -> Infallible {
        let mut control = self.board.control();
        let mut told = BTreeSet::new();
        loop {
            let known = Arc::clone(&control.borrow_and_update());
            if known.job(&job.id).is_some_and(|known| known.cancelled.is_some()) {
                calling_off.cancel();
            }
            for waiting in self.due(&known) {
                if waiting.id != job.id
                    && !self.begun.contains_key(&waiting.id)
                    && told.insert(waiting.id.clone())
                {
                    let message =
                        format!("job {} of the same source comes first; this one begins by itself", job.id);
                    let why = Refusal::new(QUEUED, message);
                    let errand = Errand::new(self.source, &waiting, self.board, None, None);
                    // What ends the publishing ends the job as well.
                    let _ = errand.tell(JobState::Held, Some(why), self.publisher).await;
                }
            }
            if control.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Session<'_> {
    /// Reads what is left of the job, until everything was read; a halt holds it for a while.
    async fn do_job(&mut self, mut is_begun: bool) -> Result<(), Ended> {
        if self.errand.as_ref().is_some_and(|errand| !errand.has_ranges()) {
            let message = "the job does not say from when until when to read".to_owned();
            return self.end_job(JobState::Failed, Some(Refusal::new(code::NO_RANGE, message))).await;
        }
        while let Err(ended) = self.read_on(is_begun).await {
            is_begun = true;
            let refusal = match ended {
                Ended::Stopped => return Err(Ended::Stopped),
                Ended::Refused(refusal) => return self.end_job(JobState::Failed, Some(refusal)).await,
                Ended::Halted(refusal) => refusal,
            };
            tracing::error!(source = %self.source.name, job = self.job(), code = %refusal.code, reason = refusal.message, "job is held, and tried again later");
            if let Some(errand) = &self.errand {
                errand.tell(JobState::Held, Some(refusal), self.publisher).await?;
            }
            self.rest(HELD_REST).await?;
        }
        tracing::info!(source = %self.source.name, job = self.job(), "job is finished");
        let shortfall = self.errand.as_ref().and_then(Errand::shortfall);
        self.end_job(JobState::Finished, shortfall).await
    }

    async fn read_on(&mut self, is_begun: bool) -> Result<(), Ended> {
        let Some((mut settled_until, mut open)) = self.errand.as_ref().map(Errand::standing) else {
            return Ok(());
        };
        if let (false, Some(errand)) = (is_begun, &self.errand) {
            let cursor = self.cursor(Progress { settled_until, window: None });
            errand.begin(self.publisher, cursor).await?;
        }
        loop {
            let window = match open.take() {
                Some(open) => self.resume(open, self.lane()),
                None => match self.next_of_job(settled_until).await? {
                    Some(window) => window,
                    None => return Ok(()),
                },
            };
            let to = window.to();
            self.read_window(window, settled_until, Progress { settled_until: to, window: None }).await?;
            settled_until = to;
        }
    }

    /// The next window, once it is settled.
    async fn next_of_job(&self, settled_until: Timestamp) -> Result<Option<Opened>, Ended> {
        let Some(range) = self.errand.as_ref().and_then(|errand| errand.next_range(settled_until)) else {
            return Ok(None);
        };
        let end = self.planner.after_fold(range.until);
        while end > self.planner.settled(self.source.clock.now()) {
            self.rest(LOOK).await?;
        }
        let window = self.planner.next_up_to(range.from, end, self.source.clock.now());
        let lane = self.lane();
        Ok(window.map(|window| self.begin(Window { lane, ..window })))
    }

    async fn end_job(&self, state: JobState, cause: Option<Refusal>) -> Result<(), Ended> {
        match &self.errand {
            Some(errand) => errand.end(state, cause, self.publisher).await,
            None => Ok(()),
        }
    }
}

fn is_ours(kind: JobKind) -> bool {
    matches!(kind, JobKind::Backfill | JobKind::Fix | JobKind::Census)
}

fn has_ended(progress: &JobProgress) -> bool {
    is_over(progress.state)
}
