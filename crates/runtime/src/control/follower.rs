//! The thread that keeps a process up to date with `weir.control`.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Class, Message, StartOffset, Tail, Tailed};
use weir_schemas::Control;

use super::Known;
use crate::{
    health::{Condition, Part},
    outage::Outage,
    stage::{Deployment, StageError, StageThread, Supervisor, chain},
};

const POLL: Duration = Duration::from_millis(200);

/// Begins to follow the topic. What it says is told at once when it has been read to its end, and then whenever it
/// changes; `first` is what was read before.
///
/// # Errors
/// The thread cannot be started.
pub fn follow(
    deployment: &Deployment,
    first: Known,
    stop: &CancellationToken,
) -> io::Result<(watch::Receiver<Arc<Known>>, StageThread)> {
    let (tell, told) = watch::channel(Arc::new(first));
    let supervisor =
        Supervisor { part: Part::Control, health: deployment.health.clone(), stop: stop.clone() };
    let (deployment, stop) = (deployment.clone(), stop.clone());
    let thread = supervisor.start(move || attempt(&deployment, &tell, &stop))?;
    Ok((told, thread))
}

fn attempt(
    deployment: &Deployment,
    tell: &watch::Sender<Arc<Known>>,
    stop: &CancellationToken,
) -> Result<(), StageError> {
    let mut tail = Tail::open(&deployment.cluster, &deployment.topics.control(), StartOffset::Beginning)?;
    let mut known = Known::default();
    let mut outage = Outage::default();
    let mut has_ended_once = false;
    while !stop.is_cancelled() {
        match tail.next(POLL) {
            Ok(Tailed::Record(message)) => take(deployment, &mut known, message),
            // What was written in one transaction is told at once.
            Ok(Tailed::End(_)) => {
                has_ended_once = true;
                known.forget_what_was_sent();
                tell.send_if_modified(|told| {
                    let is_new = **told != known;
                    if is_new {
                        *told = Arc::new(known.clone());
                    }
                    is_new
                });
                deployment.health.report(&Part::Control, Condition::Ready);
            }
            Ok(Tailed::Idle) => {}
            Err(error) if error.class() == Class::Retriable => {
                if outage.is_to_be_said(Instant::now()) {
                    tracing::warn!(error = chain(&error), "Kafka is away, control has to wait");
                    deployment.health.report(&Part::Control, Condition::Waiting(chain(&error)));
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        if outage.is_over(Instant::now()) && has_ended_once {
            deployment.health.report(&Part::Control, Condition::Ready);
        }
    }
    Ok(())
}

/// An entry that cannot be read is told and passed over: it concerns a newer software, and control must go on.
fn take(deployment: &Deployment, known: &mut Known, message: Message) {
    let Some(value) = message.value else { return };
    match deployment.codec.decode::<Control>(&value) {
        Ok(entry) => known.take(entry),
        Err(error) => {
            tracing::warn!(offset = message.offset, error = chain(&error), "a control entry cannot be read");
        }
    }
}
