//! One job of a source: what it asks for, how far it has come, and what of it is published with each page.
//!
//! Its cursor and its progress go out with the page they speak of, in one transaction: a process that dies goes on where
//! the last durable page ended, and counts nothing twice (invariants 1 and 7). A page is handed out only while the flows
//! that read the source have room for it, so live records never queue behind a job (design §5).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use weir_model::{
    cursor::{Cursor, OpenWindow},
    names::RecordId,
    outcome::Refusal,
    record::RawRecord,
};
use weir_runtime::poll::{JobBoard, Publication, Publisher};
use weir_schemas::{Job, JobKind, JobProgress, JobState, TimeRange};

use super::{
    Ended, SourcePoller,
    windows::{Progress, publish},
};
use crate::code;

/// Ids that a message names at most.
const MOST_NAMED: usize = 10;

/// How far a job is, durably.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    /// Everything of its ranges before this was read.
    settled_until: Timestamp,
    /// The window that is being read.
    window: Option<OpenWindow>,
    /// Records it has published.
    done: u64,
    /// The records it was asked for and has not found.
    missing: BTreeSet<RecordId>,
}

/// A job and how far it is.
pub(super) struct Errand<'a> {
    pub(super) source: &'a SourcePoller,
    pub(super) job: &'a Job,
    board: &'a dyn JobBoard,
    /// What it reads, in order and disjoint.
    ranges: Vec<TimeRange>,
    standing: Standing,
    /// Records that a former owner of the account has published.
    done_before: u64,
    /// How far it will be once the page at hand is durable.
    next: Option<Standing>,
}

impl<'a> Errand<'a> {
    /// A job at its beginning, or where `cursor` and the progress that was written with it say.
    pub(super) fn new(
        source: &'a SourcePoller,
        job: &'a Job,
        board: &'a dyn JobBoard,
        cursor: Option<Cursor>,
        progress: Option<&JobProgress>,
    ) -> Self {
        let ranges = ranges_of(job);
        let begin = ranges.first().map_or(job.at, |range| range.from);
        let (settled_until, window) =
            cursor.map_or((begin, None), |cursor| (cursor.settled_until, cursor.window));
        let position = progress.and_then(|told| serde_json::from_str::<Value>(&told.position).ok());
        let missing = position.as_ref().and_then(|position| position.get("not_found")?.as_array());
        let missing = match missing {
            Some(ids) => ids.iter().filter_map(Value::as_str).map(RecordId::from).collect(),
            None => job.only.iter().cloned().collect(),
        };
        let done = progress.map_or(0, |told| told.done);
        let standing = Standing { settled_until, window, done, missing };
        Self { source, job, board, ranges, standing, done_before: done, next: None }
    }

    /// Everything before this was read, and the window that is being read.
    pub(super) fn standing(&self) -> (Timestamp, Option<OpenWindow>) {
        (self.standing.settled_until, self.standing.window.clone())
    }

    /// The stretch that is read next after everything before `settled_until` was.
    pub(super) fn next_range(&self, settled_until: Timestamp) -> Option<TimeRange> {
        let left = self.ranges.iter().find(|range| range.until > settled_until)?;
        Some(TimeRange { from: left.from.max(settled_until), until: left.until })
    }

    /// Whether it says what is to be read.
    pub(super) fn has_ranges(&self) -> bool {
        !self.ranges.is_empty()
    }

    /// Whether the windows it reads count as covered: all of them is published.
    pub(super) fn covers(&self) -> bool {
        self.job.kind == JobKind::Backfill && self.job.only.is_empty()
    }

    /// Whether a record is one that it is to bring.
    pub(super) fn asks_for(&self, id: &RecordId) -> bool {
        self.job.only.is_empty() || self.job.only.contains(id)
    }

    /// Waits until the flows have room for `records`, and says meanwhile why it waits; false when it was stopped. Too many
    /// refusals end the job.
    pub(super) async fn has_room(
        &mut self,
        records: &[RawRecord],
        publisher: &Publisher,
        stop: &CancellationToken,
    ) -> Result<bool, Ended> {
        if records.is_empty() || self.job.kind == JobKind::Census {
            return Ok(true);
        }
        let published = self.standing.done - self.done_before;
        if let Some(refusal) = self.board.refused(&self.source.name, &self.job.id, published).await {
            return Err(Ended::Refused(refusal));
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        let room = self.board.has_room(&self.source.name, stop, tell);
        tokio::pin!(room);
        loop {
            tokio::select! {
                has_room = &mut room => return Ok(has_room),
                Some(why) = told.recv() => {
                    tracing::info!(source = %self.source.name, job = self.job.id, why = %why, "the job waits");
                    self.tell(JobState::Held, Some(why), publisher).await?;
                }
            }
        }
    }

    /// What a page's publication becomes; `progress` is where it leads to.
    pub(super) fn bring(&mut self, publication: Publication, progress: &Progress) -> Publication {
        let mut next = self.standing.clone();
        next.settled_until = progress.settled_until;
        next.window.clone_from(&progress.window);
        next.done += u64::try_from(publication.records.len()).unwrap_or(u64::MAX);
        for record in &publication.records {
            next.missing.remove(&record.id);
        }
        let progress = vec![self.progress(&next, JobState::Running, None)];
        self.next = Some(next);
        let (records, census) = match self.job.kind {
            JobKind::Census => (Vec::new(), publication.records),
            _ => (publication.records, Vec::new()),
        };
        Publication { job: self.job.id.clone(), records, census, progress, ..publication }
    }

    /// The page is durable.
    pub(super) fn kept(&mut self) {
        if let Some(next) = self.next.take() {
            self.standing = next;
        }
    }

    /// Says how the job is, without moving it.
    pub(super) async fn tell(
        &self,
        state: JobState,
        cause: Option<Refusal>,
        publisher: &Publisher,
    ) -> Result<(), Ended> {
        let progress = vec![self.progress(&self.standing, state, cause)];
        publish(publisher, Publication { progress, ..self.nothing() }).await
    }

    /// Writes its beginning down.
    pub(super) async fn begin(&self, publisher: &Publisher, cursor: Cursor) -> Result<(), Ended> {
        let progress = vec![self.progress(&self.standing, JobState::Running, None)];
        publish(publisher, Publication { progress, cursors: vec![cursor], ..self.nothing() }).await
    }

    /// Writes its end down, and removes its cursor.
    pub(super) async fn end(
        &self,
        state: JobState,
        cause: Option<Refusal>,
        publisher: &Publisher,
    ) -> Result<(), Ended> {
        let progress = vec![self.progress(&self.standing, state, cause)];
        let ended = vec![(self.source.name.clone(), self.job.id.clone())];
        publish(publisher, Publication { progress, ended, ..self.nothing() }).await
    }

    /// Why the job did less than it was asked for, at its end.
    pub(super) fn shortfall(&self) -> Option<Refusal> {
        let missing = &self.standing.missing;
        if missing.is_empty() {
            return None;
        }
        let named: Vec<&str> = missing.iter().take(MOST_NAMED).map(RecordId::as_str).collect();
        let more = if missing.len() > MOST_NAMED { ", …" } else { "" };
        let message = format!(
            "{} of {} records were not found in the stretches of time that were read: {}{more}",
            missing.len(),
            self.job.only.len(),
            named.join(", ")
        );
        Some(Refusal::new(code::NOT_FOUND, message))
    }

    fn nothing(&self) -> Publication {
        Publication { job: self.job.id.clone(), ..Publication::default() }
    }

    fn progress(&self, at: &Standing, state: JobState, cause: Option<Refusal>) -> JobProgress {
        let mut position = json!({
            "read_until": at.settled_until.to_string(),
            "percent": self.percent(at.settled_until),
        });
        if !self.job.only.is_empty()
            && let Some(fields) = position.as_object_mut()
        {
            fields.insert("not_found".to_owned(), at.missing.iter().map(RecordId::as_str).collect());
        }
        JobProgress {
            job: self.job.id.clone(),
            state,
            cause,
            done: at.done,
            total: None,
            position: position.to_string(),
            instance: self.board.instance(),
            at: self.source.clock.now(),
        }
    }

    /// How much of its time was read.
    fn percent(&self, settled_until: Timestamp) -> i128 {
        let length = |range: &TimeRange| range.until.duration_since(range.from).as_millis();
        let read =
            |range: &TimeRange| TimeRange { until: settled_until.clamp(range.from, range.until), ..*range };
        let whole: i128 = self.ranges.iter().map(length).sum();
        let done: i128 = self.ranges.iter().map(read).map(|range| length(&range)).sum();
        if whole == 0 { 100 } else { done * 100 / whole }
    }
}

/// What a job reads, in order; stretches that touch or overlap are one.
fn ranges_of(job: &Job) -> Vec<TimeRange> {
    let mut ranges = job.ranges.clone();
    if let (true, Some(from), Some(until)) = (ranges.is_empty(), job.from, job.until) {
        ranges.push(TimeRange { from, until });
    }
    ranges.retain(|range| range.from < range.until);
    ranges.sort_by_key(|range| range.from);
    let mut merged: Vec<TimeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.from <= last.until => last.until = last.until.max(range.until),
            _ => merged.push(range),
        }
    }
    merged
}
