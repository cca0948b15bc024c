//! Restoring a partition of a state topic, so that nothing its former owner committed is missed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use weir_kafka::{Cluster, Isolation, Table, TopicPartition, reader::watermarks};

use crate::stage::{StageError, wait};

const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Reads a partition of receipts or parked records up to everything that was written before now.
///
/// A transaction that is still open hides what follows it from a committed reader, so reading is repeated until it
/// has passed the end that an uncommitted reader sees. Records of aborted transactions stay out: a
/// refusal whose letter was aborted must be lettered again (invariant 3).
///
/// # Errors
/// [`StageError::OpenTransaction`] when a transaction stays open; those of [`Table::restore`].
pub(crate) fn restore(
    cluster: &Cluster,
    source: &TopicPartition,
    path: &Path,
    stop: &CancellationToken,
) -> Result<Table, StageError> {
    let end = watermarks(cluster, source, Isolation::Uncommitted)?.high;
    let patience = Instant::now() + PATIENCE;
    loop {
        let table = Table::restore(cluster, source, path, Isolation::Committed)?;
        if table.next_offset() >= end {
            return Ok(table);
        }
        drop(table);
        if Instant::now() > patience || wait(stop, PAUSE) {
            return Err(StageError::OpenTransaction { place: source.to_string() });
        }
    }
}
