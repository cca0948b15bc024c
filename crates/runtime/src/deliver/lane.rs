//! The async half of a sink stage: one lane per partition takes a batch, asks the receipts, calls the target, and hands
//! back what became of every document.
//!
//! Upholds invariants 1 (nothing is recorded as done before the target has it), 3 (every document ends, or its batch
//! is held) and 7 (`sending` receipts are durable before a call that cannot be fenced).

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use weir_kafka::Lease;
use weir_model::{
    document::{Document, Verdict},
    names::FlowName,
    outcome::{Code, Outcome, Refusal},
    tally::Counts,
    target::{Batch, Claim, Delivery, Ownership, Target, TargetError},
    time::Clock,
};
use weir_schemas::CollectionRow;

use super::{
    decide::{Decision, Settled, decide, known_key},
    ending::{Ending, sending},
    intake::LaneTask,
    link::{Entries, Job, LaneLost, Link, Queued, Traced},
    refusals::is_live,
    treatment::Treatment,
};
use crate::{
    backoff::Backoff,
    telemetry::{Metrics, join},
};

const KEY_CHANGED: Code = Code::new("KEY-CHANGED");
/// How long to wait for the group to confirm that a partition is still ours.
const LEASE_CHECK: Duration = Duration::from_millis(50);

/// Works for one partition, for one assignment of it.
pub(super) struct Lane {
    pub(super) flow: FlowName,
    pub(super) partition: i32,
    pub(super) link: Link,
    /// Whether the partition is surely still ours; asked before every call.
    pub(super) lease: Lease,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    /// Cancelled when the partition is to be given up: finish the call in flight, start no other.
    pub(super) stop: CancellationToken,
}

/// A partition that a target has given to us.
struct Claimed {
    /// The flow version whose target it is.
    ordinal: u32,
    target: Arc<dyn Target>,
    claim: Claim,
}

/// Why a lane ends.
enum LaneEnd {
    /// Told to, or its partition is another's now.
    Stopped,
    /// The flow cannot go on.
    Halted(Refusal),
}

impl From<LaneLost> for LaneEnd {
    fn from(_: LaneLost) -> Self {
        Self::Stopped
    }
}

impl Lane {
    /// Works until it is stopped or the jobs end.
    ///
    /// It begins when the former lane of its partition has ended: that one may still be in a call, and two calls for one
    /// partition at once could write a document twice (invariant 7).
    pub(super) async fn run(self, former: Option<LaneTask>, mut jobs: mpsc::Receiver<Job>) {
        let last_word = self.link.last_word();
        if let Some(mut former) = former {
            tokio::select! {
                // However it ended, it calls no more.
                _ = &mut former => {}
                () = self.stop.cancelled() => {
                    drop(last_word);
                    // The next lane waits for this one, and so for the one before.
                    let _ = former.await;
                    return;
                }
            }
        }
        let mut claimed = None;
        if let Err(LaneEnd::Halted(refusal)) = self.work(&mut jobs, &mut claimed).await {
            self.link.halt(refusal);
        }
        if let Some(claimed) = claimed {
            claimed.target.release(self.partition).await;
        }
    }

    async fn work(
        &self,
        jobs: &mut mpsc::Receiver<Job>,
        claimed: &mut Option<Claimed>,
    ) -> Result<(), LaneEnd> {
        loop {
            let job = tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                job = jobs.recv() => job,
            };
            let Some(job) = job else { return Ok(()) };
            let claimed = self.claim_for(&job, claimed).await?;
            let documents = job.documents.len();
            let span = tracing::info_span!(parent: None, "deliver batch", flow = %self.flow, partition = self.partition, documents);
            join(&span, job.documents.iter().filter_map(|queued| queued.traceparent.as_deref()));
            self.deliver(claimed, &job).instrument(span).await?;
        }
    }

    /// Claims the partition at the target of the job's flow version, and gives up that of another version.
    async fn claim_for<'c>(
        &self,
        job: &Job,
        claimed: &'c mut Option<Claimed>,
    ) -> Result<&'c Claimed, LaneEnd> {
        let other = claimed.take_if(|held| held.ordinal != job.ordinal);
        if let Some(other) = other {
            other.target.release(self.partition).await;
        }
        match claimed {
            Some(held) => Ok(held),
            None => {
                let target = Arc::clone(&job.treatment.target);
                let claim = self.claim(&*target).await?;
                Ok(claimed.insert(Claimed { ordinal: job.ordinal, target, claim }))
            }
        }
    }

    async fn claim(&self, target: &dyn Target) -> Result<Claim, LaneEnd> {
        let mut backoff = Backoff::patient();
        loop {
            match target.claim(self.partition).await {
                Ok(claim) => return Ok(claim),
                Err(error) => self.pause_or_end(error, &mut backoff).await?,
            }
        }
    }

    /// Brings every document of a batch to its end and moves the offset.
    async fn deliver(&self, claimed: &Claimed, job: &Job) -> Result<(), LaneEnd> {
        let mut open = sort(&claimed.claim, job);
        self.announce(&open, job).await?;
        let ended = self.settle(&mut open, job).await;
        // What was written is remembered also when the batch did not end; its offset then stays where it is (invariant 2).
        let entries = self.entries(&open.endings, job, ended.is_ok());
        let recorded = self.link.record(entries).await;
        ended?;
        Ok(recorded?)
    }

    /// Calls the target until every document has ended.
    async fn settle(&self, open: &mut Open, job: &Job) -> Result<(), LaneEnd> {
        let mut backoff = Backoff::patient();
        let is_ours = || self.lease.holds();
        while !open.deliveries.is_empty() {
            self.await_lease().await?;
            let batch = Batch {
                partition: self.partition,
                deliveries: &open.deliveries,
                settled: &open.settled,
                next_offset: job.next_offset,
                ownership: Ownership::new(&is_ours),
            };
            let span = tracing::info_span!("target call", documents = open.deliveries.len());
            let round = match job.treatment.target.deliver(batch).instrument(span).await {
                Ok(outcomes) => open.take(outcomes),
                Err(error) => {
                    self.pause_or_end(error, &mut backoff).await?;
                    continue;
                }
            };
            match round {
                Round::Done => {}
                Round::Again { after, cause } => {
                    let documents = u64::try_from(open.deliveries.len()).unwrap_or(u64::MAX);
                    self.metrics.deliveries_put_off(&self.flow, &cause.code, documents);
                    tracing::warn!(flow = %self.flow, partition = self.partition, %cause, documents, "target asks to wait");
                    self.pause(backoff.next_delay(after)).await?;
                }
                Round::Halt(refusal) => return Err(LaneEnd::Halted(refusal)),
            }
        }
        Ok(())
    }

    /// Makes `sending` receipts durable before the call, where the target cannot fence.
    async fn announce(&self, open: &Open, job: &Job) -> Result<(), LaneEnd> {
        if !job.treatment.target.announces() || open.deliveries.is_empty() {
            return Ok(());
        }
        let at = self.clock.now();
        let to_send: HashSet<i64> = open.deliveries.iter().map(|delivery| delivery.offset).collect();
        let receipts = job
            .documents
            .iter()
            .filter(|queued| to_send.contains(&queued.offset))
            .map(|queued| Traced {
                value: sending(&queued.document, queued.receipt.as_ref(), at),
                traceparent: queued.traceparent.clone(),
            })
            .collect();
        let entries = Entries {
            receipts,
            letters: Vec::new(),
            rows: Vec::new(),
            collection: None,
            left: 0,
            next_offset: job.first_offset,
            live: 0,
            finished: None,
        };
        Ok(self.link.record(entries).await?)
    }

    /// What the endings leave behind; with `finished`, the whole batch has ended.
    fn entries(&self, endings: &BTreeMap<i64, Ending>, job: &Job, finished: bool) -> Entries {
        let at = self.clock.now();
        let collection = job.treatment.target.collection().map(str::to_owned);
        let (mut receipts, mut letters, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        let (mut counts, mut live, mut left) = (Counts::default(), Counts::default(), 0);
        for queued in &job.documents {
            let Some(ending) = endings.get(&queued.offset) else { continue };
            // With the offset, or not at all: what is read again is not lettered twice.
            if !finished && ending.is_lettered() {
                continue;
            }
            ending.count(&mut counts);
            if is_live(queued.document.reason, &queued.document.job) {
                ending.count(&mut live);
            }
            left += u64::from(*ending == Ending::Settled(Settled::Left));
            let trace = ending.trace(&queued.document, queued.receipt.as_ref(), at);
            let traceparent = &queued.traceparent;
            receipts.extend(trace.receipt.map(|value| Traced { value, traceparent: traceparent.clone() }));
            letters.extend(trace.letter.map(|value| Traced { value, traceparent: traceparent.clone() }));
            if collection.is_some() && matches!(ending, Ending::Delivered(_)) {
                rows.push(Traced { value: row(&queued.document), traceparent: traceparent.clone() });
            }
        }
        let next_offset = if finished { job.next_offset } else { job.first_offset };
        let live = if finished { live.delivered + live.dead } else { 0 };
        let finished = finished.then_some(counts);
        Entries { receipts, letters, rows, collection, left, next_offset, live, finished }
    }

    async fn await_lease(&self) -> Result<(), LaneEnd> {
        while !self.lease.holds() {
            self.pause(LEASE_CHECK).await?;
        }
        Ok(())
    }

    /// A target that is away is waited for; one that refuses ends the lane (no dead letter: no document is at
    /// fault).
    async fn pause_or_end(&self, error: TargetError, backoff: &mut Backoff) -> Result<(), LaneEnd> {
        match error {
            TargetError::Away(cause) => {
                let delay = backoff.next_delay(Duration::ZERO);
                tracing::warn!(flow = %self.flow, partition = self.partition, %cause, ?delay, "target is away, waiting");
                self.pause(delay).await
            }
            TargetError::Halted(refusal) => Err(LaneEnd::Halted(refusal)),
            TargetError::Fenced(cause) => {
                tracing::warn!(flow = %self.flow, partition = self.partition, %cause, "partition was taken over");
                Err(LaneEnd::Stopped)
            }
        }
    }

    async fn pause(&self, delay: Duration) -> Result<(), LaneEnd> {
        tokio::select! {
            () = self.stop.cancelled() => Err(LaneEnd::Stopped),
            () = sleep(delay) => Ok(()),
        }
    }
}

/// Decides each document from the receipts, and from what the target stored beside its offset.
fn sort(claim: &Claim, job: &Job) -> Open {
    let mut open = Open::default();
    for queued in &job.documents {
        let Queued { offset, document, receipt, .. } = queued;
        let is_durable = claim.stored_next.is_some_and(|stored| *offset < stored);
        match decide(document, receipt.as_ref(), job.treatment.rules) {
            Decision::Settle(settled) => open.settle(*offset, Ending::Settled(settled)),
            Decision::Refuse(refusal) => open.settle(*offset, Ending::Refused(refusal)),
            Decision::Tell(refusal) => open.settle(*offset, Ending::Told(refusal)),
            Decision::Deliver { .. } | Decision::Remove { .. } if is_durable => {
                let stored = claim.outcomes.get(offset).cloned();
                open.end_durable(*offset, stored, document.number.clone());
            }
            Decision::Remove { previous } => open.deliveries.push(Delivery {
                document: Document { verdict: Verdict::Mapped, deleted: true, ..document.clone() },
                offset: *offset,
                previous: Some(previous),
                unresolved: false,
            }),
            Decision::Deliver { previous, unresolved } => match changed_key(queued, &job.treatment) {
                Some(known) => {
                    open.settle(*offset, Ending::Refused(key_changed(known, &document.key)));
                }
                None => open.deliveries.push(Delivery {
                    document: document.clone(),
                    offset: *offset,
                    previous,
                    unresolved,
                }),
            },
        }
    }
    open
}

/// The key that the record has, or may have, at the target, where the document has another: what was written under it would
/// be left behind. A table deletes the rows that a record has lost by itself.
fn changed_key<'q>(queued: &'q Queued, treatment: &Treatment) -> Option<&'q str> {
    let keys_stay = treatment.target.announces() || treatment.target.collection().is_some();
    let known = queued.receipt.as_ref().and_then(known_key).filter(|_| keys_stay)?;
    (known != queued.document.key).then_some(known)
}

/// A batch on its way: what is still to be sent, and how the others ended.
#[derive(Default)]
struct Open {
    deliveries: Vec<Delivery>,
    settled: Vec<(i64, Outcome)>,
    endings: BTreeMap<i64, Ending>,
}

/// What a round with the target came to.
enum Round {
    Done,
    Again { after: Duration, cause: Refusal },
    Halt(Refusal),
}

impl Open {
    fn settle(&mut self, offset: i64, ending: Ending) {
        if let Ending::Refused(refusal) | Ending::Told(refusal) = &ending {
            self.settled.push((offset, Outcome::Reject(refusal.clone())));
        }
        self.endings.insert(offset, ending);
    }

    /// A document that the target stored, with its offset, before a crash kept the receipt from being written.
    fn end_durable(&mut self, offset: i64, stored: Option<Outcome>, number: String) {
        let ending = match stored {
            Some(Outcome::Reject(refusal)) => Ending::Rejected(refusal),
            Some(Outcome::Unchanged) => Ending::Unchanged,
            Some(Outcome::Superseded) => Ending::Superseded,
            Some(Outcome::Delivered(written)) => {
                Ending::Delivered(weir_model::outcome::Written { id: written.id, number })
            }
            _ => Ending::Delivered(weir_model::outcome::Written { id: String::new(), number }),
        };
        self.endings.insert(offset, ending);
    }

    /// Takes the target's answers in; what is to be sent again stays.
    fn take(&mut self, outcomes: Vec<Outcome>) -> Round {
        let mut again: Option<(Duration, Refusal)> = None;
        let mut halt = None;
        let mut left = Vec::new();
        let silent =
            || Outcome::Unknown(Refusal::new(Code::new("T-NO-OUTCOME"), "the target gave no outcome"));
        let outcomes = outcomes.into_iter().chain(std::iter::repeat_with(silent));
        for (mut delivery, outcome) in self.deliveries.drain(..).zip(outcomes) {
            let ending = match outcome {
                Outcome::Delivered(written) => Ending::Delivered(written),
                Outcome::Unchanged => Ending::Unchanged,
                Outcome::Superseded => Ending::Superseded,
                Outcome::Reject(refusal) => Ending::Rejected(refusal),
                Outcome::Incomplete { written, refusal } => Ending::Incomplete(written, refusal),
                Outcome::Halt(refusal) => {
                    halt = Some(refusal);
                    continue;
                }
                Outcome::Retry { after, cause } => {
                    let longest = again.as_ref().map_or(Duration::ZERO, |(so_far, _)| *so_far);
                    again = Some((longest.max(after), cause));
                    left.push(delivery);
                    continue;
                }
                Outcome::Unknown(cause) => {
                    delivery.unresolved = true;
                    again.get_or_insert((Duration::ZERO, cause));
                    left.push(delivery);
                    continue;
                }
            };
            self.endings.insert(delivery.offset, ending);
        }
        self.deliveries = left;
        match (halt, again) {
            (Some(refusal), _) => Round::Halt(refusal),
            (None, Some((after, cause))) => Round::Again { after, cause },
            (None, None) => Round::Done,
        }
    }
}

/// The row that a document of a collection is; its key is the row's id.
fn row(document: &Document) -> CollectionRow {
    CollectionRow {
        id: document.key.clone(),
        row: document.body.clone(),
        digest: document.digest,
        version: document.version,
    }
}

fn key_changed(before: &str, now: &str) -> Refusal {
    let message = format!(
        "the record was delivered under the key {before:?} and now maps to {now:?}; correct the source or the target \
         by hand, then resend"
    );
    Refusal::new(KEY_CHANGED, message)
}
