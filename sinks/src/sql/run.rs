//! Claiming a partition and delivering a batch: one database transaction for rows, offset and outcomes.
//!
//! The transaction's first statement moves the offset only if the partition is still ours and stands where we left
//! it. That one condition fences a stale owner (invariant 7), and it answers a COMMIT whose reply was lost: when the
//! batch is tried again, the offset has moved already, and what was stored is read instead of being written twice.

use std::{collections::BTreeMap, time::Duration};

use tracing::{debug, warn};
use weir_model::{
    outcome::{Outcome, Refusal, Written},
    target::{Batch, Claim, Delivery, TargetError},
};

use super::{
    SqlTarget,
    classify::{Failure, codes},
    form::Prepared,
    state::Stored,
    write::Caution,
};

/// Tries of a transaction that meets a lock or an unclear error.
const ATTEMPTS: u32 = 4;
/// Tries with a broken connection: the second finds out whether the server is there, and what it stored.
const ATTEMPTS_WHEN_AWAY: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// A transaction that takes longer counts as a broken connection.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(120);

/// What this process holds of a partition.
#[derive(Debug)]
pub(super) struct Held {
    stored: Stored,
    /// Start of the last batch: documents from here to `stored.next` may be asked for again, earlier ones never.
    floor: Option<i64>,
    caution: Caution,
}

/// How an attempt went.
enum Attempt {
    Committed(Vec<Outcome>),
    /// An earlier attempt had been committed after all, at least in part.
    Moved(Stored),
}

impl SqlTarget {
    /// Raises the partition's epoch in a transaction of its own.
    pub(super) async fn claim_partition(&self, partition: i32) -> Result<(Held, Claim), TargetError> {
        let mut attempt = 1;
        let stored = loop {
            match in_time(self.try_claim(partition)).await {
                Ok(stored) => break stored,
                Err(failure) => pause(failure, partition, &mut attempt).await?,
            }
        };
        let claim = Claim { stored_next: stored.next, outcomes: stored.outcomes.clone() };
        Ok((Held { floor: stored.next, stored, caution: Caution::default() }, claim))
    }

    async fn try_claim(&self, partition: i32) -> Result<Stored, Failure> {
        let mut session = self.database.begin().await?;
        let stored = self.state.claim(&mut session, partition).await?;
        session.commit().await?;
        Ok(stored)
    }

    /// Writes a batch, or finds that it was written.
    pub(super) async fn deliver_batch(
        &self,
        held: &mut Held,
        batch: &Batch<'_>,
        packet: usize,
    ) -> Result<Vec<Outcome>, TargetError> {
        held.check_order(batch)?;
        let prepared = self.form.prepare(batch.deliveries, packet);
        let mut attempt = 1;
        loop {
            if held.stored.next.is_some_and(|stored| batch.next_offset <= stored) {
                return Ok(batch.deliveries.iter().map(|delivery| held.stored_outcome(delivery)).collect());
            }
            match in_time(self.try_deliver(held, batch, &prepared, packet)).await {
                Ok(Attempt::Committed(outcomes)) => return Ok(outcomes),
                Ok(Attempt::Moved(stored)) => {
                    debug!(partition = batch.partition, "an unanswered commit was found stored");
                    held.stored = stored;
                }
                Err(failure) => pause(failure, batch.partition, &mut attempt).await?,
            }
        }
    }

    async fn try_deliver(
        &self,
        held: &mut Held,
        batch: &Batch<'_>,
        prepared: &Prepared<'_>,
        packet: usize,
    ) -> Result<Attempt, Failure> {
        let Batch { partition, next_offset, .. } = *batch;
        let mut session = self.database.begin().await?;
        if !self.state.advance(&mut session, partition, &held.stored, next_offset).await? {
            let stored = self.state.look(&mut session, partition, held.stored.epoch).await?;
            return Ok(Attempt::Moved(stored));
        }
        // Receipts of former batches are out; a batch that was stored in part by an unanswered commit begins earlier.
        let start = batch_start(batch).into_iter().chain(held.stored.next).min();
        if let Some(start) = start.filter(|start| held.stored.outcomes.keys().any(|offset| offset < start)) {
            self.state.purge(&mut session, partition, start).await?;
        }
        let is_open: Vec<bool> =
            batch.deliveries.iter().map(|delivery| !held.is_stored(delivery.offset)).collect();
        let mut written =
            self.form.write(&mut session, prepared, &is_open, packet, &mut held.caution).await?.into_iter();
        // In the order of the deliveries; those of an earlier, unanswered commit as they were stored.
        let outcomes: Vec<Outcome> = batch
            .deliveries
            .iter()
            .filter_map(|delivery| match held.is_stored(delivery.offset) {
                true => Some(held.stored_outcome(delivery)),
                false => written.next(),
            })
            .collect();
        let kept = kept_outcomes(held, batch, &outcomes);
        self.state.keep(&mut session, partition, &kept).await?;
        session.commit().await?;
        held.floor = start;
        held.stored.next = Some(next_offset);
        held.stored.outcomes.retain(|offset, _| start.is_some_and(|start| *offset >= start));
        held.stored.outcomes.extend(kept);
        Ok(Attempt::Committed(outcomes))
    }
}

impl Held {
    fn is_stored(&self, offset: i64) -> bool {
        self.stored.next.is_some_and(|next| offset < next)
    }

    /// What an offset below the stored one means: delivered, unless another outcome is kept.
    fn stored_outcome(&self, delivery: &Delivery) -> Outcome {
        let kept = self.stored.outcomes.get(&delivery.offset).cloned();
        kept.unwrap_or_else(|| Outcome::Delivered(Written::default()))
    }

    /// A document from before the last batch can only come from a topic that was made anew or an offset that was
    /// set back: to call it delivered would lose it (invariant 3).
    fn check_order(&self, batch: &Batch<'_>) -> Result<(), TargetError> {
        let first = batch.deliveries.iter().map(|delivery| delivery.offset).min();
        match (self.floor, first) {
            (Some(floor), Some(first)) if first < floor => {
                let message = format!(
                    "partition {}: the batch begins at offset {first}, the database holds everything below {floor}; \
                     if the topic was deleted and made anew, delete its rows in the state tables",
                    batch.partition
                );
                Err(TargetError::Halted(Refusal::new(codes::OFFSET, message)))
            }
            _ => Ok(()),
        }
    }
}

/// Offset of the batch's first document, settled or not.
fn batch_start(batch: &Batch<'_>) -> Option<i64> {
    let settled = batch.settled.iter().map(|(offset, _)| *offset);
    settled.chain(batch.deliveries.iter().map(|delivery| delivery.offset)).min()
}

/// The final outcomes of a batch that an offset alone does not tell, by offset: all but `Delivered` without an id.
fn kept_outcomes(held: &Held, batch: &Batch<'_>, outcomes: &[Outcome]) -> BTreeMap<i64, Outcome> {
    let settled = batch.settled.iter().map(|(offset, outcome)| (*offset, outcome));
    let decided = batch.deliveries.iter().map(|delivery| delivery.offset).zip(outcomes);
    settled
        .chain(decided)
        .filter(|(offset, outcome)| {
            !held.is_stored(*offset) && **outcome != Outcome::Delivered(Written::default())
        })
        .map(|(offset, outcome)| (offset, outcome.clone()))
        .collect()
}

/// A server that stopped answering must not hold the partition for ever.
async fn in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(TRANSACTION_LIMIT, Box::pin(work)).await {
        Ok(result) => result,
        Err(_) => {
            let message = format!("no answer within {} s", TRANSACTION_LIMIT.as_secs());
            Err(Failure::Away(Refusal::new(codes::AWAY, message)))
        }
    }
}

/// Waits a little before the next attempt at what may pass by itself; everything else, and the last attempt, is an
/// error.
async fn pause(failure: Failure, partition: i32, attempt: &mut u32) -> Result<(), TargetError> {
    let (cause, attempts) = match &failure {
        Failure::Locked(cause) | Failure::Unclear(cause) => (cause, ATTEMPTS),
        Failure::Away(cause) => (cause, ATTEMPTS_WHEN_AWAY),
        Failure::Refused(_) | Failure::Halted(_) | Failure::Fenced(_) => return Err(failure.into()),
    };
    if *attempt >= attempts {
        return Err(failure.into());
    }
    warn!(partition, attempt, code = %cause.code, cause = %cause.message, "database transaction is tried again");
    // Partitions that ran into one another must not do so again: each waits for a time of its own.
    let spread = Duration::from_millis(u64::from(partition.unsigned_abs() % 8) * 7);
    tokio::time::sleep(FIRST_PAUSE * 2_u32.saturating_pow(*attempt) + spread).await;
    *attempt += 1;
    Ok(())
}
