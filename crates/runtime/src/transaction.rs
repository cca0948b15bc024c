//! A Kafka transaction that is counted, and what a loop may do after one that failed.

use std::time::Instant;

use weir_kafka::{Class, Error, TransactionalProducer};
use weir_model::letter::Stage;

use crate::telemetry::{Metrics, TransactionEnd};

/// Runs `work` in a transaction and counts how it ended.
///
/// # Errors
/// Those of [`TransactionalProducer::transaction`]; ask [`may_repeat`] what they allow.
pub(crate) fn transact(
    producer: &mut TransactionalProducer,
    metrics: &Metrics,
    stage: Stage,
    subject: &str,
    work: impl FnOnce(&mut TransactionalProducer) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut last_step = Instant::now();
    let outcome = producer.transaction(|open| {
        let worked = work(open);
        last_step = Instant::now();
        worked
    });
    let end = if outcome.is_ok() { TransactionEnd::Committed } else { TransactionEnd::Aborted };
    metrics.transaction_ended(stage, subject, end, last_step.elapsed());
    outcome
}

/// Whether the same transaction may be sent again: only when it surely was aborted.
///
/// After any other failure the commit may have passed. Sending it again could then double letters, counts and raw
/// records, so the loop goes on from what is committed (invariants 2 and 7).
pub(crate) fn may_repeat(error: &Error, producer: &TransactionalProducer) -> bool {
    error.class() == Class::AbortTransaction && producer.is_usable()
}
