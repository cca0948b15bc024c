//! What every stage loop needs, and the thread it lives on.
//!
//! The Kafka half of a stage blocks, so it owns an operating system thread. A [`Supervisor`] starts its attempts again
//! with back-off until the stage is told to stop, or halts because a person must act.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use thiserror::Error;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Class, Cluster};
use weir_model::{names::InstanceName, time::Clock};
use weir_schemas::{Codec, DecodeError};

use crate::{
    backoff::Backoff,
    health::{Condition, Health, Part},
    telemetry::Metrics,
    topics::Topics,
};

/// An attempt that ran so long began well: what follows it is a new trouble.
const STEADY: Duration = Duration::from_secs(60);
/// How often in a row a stage that was fenced takes its name back. A broker that was killed while a static member joined
/// fences that member's own earlier join; two processes of one name fence each other until one of them gives up.
const TAKE_BACKS: u32 = 3;
/// How often in a row a stage that the brokers refuse asks again. One that has just started may not know its users yet.
const DENIALS: u32 = 2;

/// Where and as whom a stage runs. Cheap to clone.
#[derive(Clone)]
pub struct Deployment {
    /// The brokers.
    pub cluster: Cluster,
    /// The names of topics and groups.
    pub topics: Topics,
    /// How topic values are written.
    pub codec: Codec,
    /// This process.
    pub instance: InstanceName,
    /// Folder for tables; all of it can be rebuilt from topics.
    pub state_dir: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where stages report how they are.
    pub health: Health,
    /// Where stages count what they do.
    pub metrics: Metrics,
}

impl Deployment {
    /// An error of a client that carries this instance's name; when another process fenced it, that is the name's
    /// second bearer.
    pub(crate) fn fenced_or(&self, error: weir_kafka::Error) -> StageError {
        match error.class() {
            Class::Fenced => StageError::Fenced { instance: self.instance.clone(), source: error },
            _ => StageError::Kafka(error),
        }
    }
}

/// Why an attempt of a stage ended.
#[derive(Debug, Error)]
pub enum StageError {
    /// Kafka did not do what was asked.
    #[error(transparent)]
    Kafka(#[from] weir_kafka::Error),
    /// A record of ours cannot be read: it was written by something else, or by a newer version.
    #[error("record at {place} cannot be read")]
    Unreadable {
        /// Topic, partition and offset.
        place: String,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// A record without a key or value stands where every record has both.
    #[error("record at {place} has no key or no value; it was not written by Weir")]
    Foreign {
        /// Topic, partition and offset.
        place: String,
    },
    /// A transaction in a state topic stays open for longer than any of ours may.
    #[error("a transaction stays open in {place}; what follows it cannot be read yet")]
    OpenTransaction {
        /// Topic and partition.
        place: String,
    },
    /// Reference rows cannot be read. No record is to blame, so the stage tries again instead of refusing any.
    #[error("a collection cannot be read: {0}")]
    Collection(String),
    /// The ledger cannot be written now; the server is away, or others write.
    #[error("the ledger cannot be brought up to date")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another process runs under this instance's name.
    #[error(
        "another process uses the instance name {instance}; give each process a name of its own with --instance"
    )]
    Fenced {
        /// The name.
        instance: InstanceName,
        /// How it was learned.
        #[source]
        source: weir_kafka::Error,
    },
    /// A task of the stage ended without having been told to: its partition was taken over, or it failed.
    #[error("{task} ended by itself; the log tells why")]
    TaskEnded {
        /// The task.
        task: String,
    },
}

impl StageError {
    /// Whether starting again cannot help. One that was fenced or refused may start again, see
    /// [`TAKE_BACKS`] and [`DENIALS`].
    fn is_final(&self) -> bool {
        match self {
            Self::Kafka(error) => matches!(error.class(), Class::OutOfRange),
            Self::OpenTransaction { .. }
            | Self::TaskEnded { .. }
            | Self::Collection(_)
            | Self::Ledger(_)
            | Self::Fenced { .. } => false,
            Self::Unreadable { .. } | Self::Foreign { .. } => true,
        }
    }

    fn is_denied(&self) -> bool {
        matches!(self, Self::Kafka(error) if error.class() == Class::Denied)
    }

    fn is_fenced(&self) -> bool {
        match self {
            Self::Fenced { .. } => true,
            Self::Kafka(error) => matches!(error.class(), Class::Fenced),
            _ => false,
        }
    }
}

/// Runs the attempts of one stage.
pub struct Supervisor {
    /// What it is in logs and health, such as `sink jushuitan-customer-to-kingdee`.
    pub part: Part,
    /// Where it reports.
    pub health: Health,
    /// Cancelled to drain and stop.
    pub stop: CancellationToken,
}

impl Supervisor {
    /// Starts a thread that runs `attempt` until it returns without an error or the stage halts for good.
    ///
    /// The handle gives the final error, if there is one. Nothing is lost by an attempt that ends early: what it did
    /// not commit is read again (invariants 1 and 2).
    pub fn start<F>(self, mut attempt: F) -> std::io::Result<StageThread>
    where
        F: FnMut() -> Result<(), StageError> + Send + 'static,
    {
        let stopped = CancellationToken::new();
        let guard = stopped.clone().drop_guard();
        let handle = thread::Builder::new().name(short(&self.part.to_string())).spawn(move || {
            let _guard = guard;
            self.run(&mut attempt)
        })?;
        Ok(StageThread { handle, stopped })
    }

    fn run(&self, attempt: &mut dyn FnMut() -> Result<(), StageError>) -> Result<(), StageError> {
        let _obituary = Obituary(self);
        let mut backoff = Backoff::patient();
        let (mut fencings, mut denials) = (0, 0);
        loop {
            self.health.report(&self.part, Condition::Starting);
            self.health.own(&self.part, []);
            let started = std::time::Instant::now();
            let error = match attempt() {
                Ok(()) => return Ok(()),
                Err(_) if self.stop.is_cancelled() => return Ok(()),
                Err(error) => error,
            };
            let text = chain(&error);
            if started.elapsed() > STEADY {
                backoff.reset();
                (fencings, denials) = (0, 0);
            }
            fencings += u32::from(error.is_fenced());
            denials += u32::from(error.is_denied());
            if error.is_final() || fencings > TAKE_BACKS || denials > DENIALS {
                tracing::error!(stage = %self.part, error = text, "stage is halted");
                self.health.report(&self.part, Condition::Halted(text));
                return Err(error);
            }
            let delay = backoff.next_delay(Duration::ZERO);
            tracing::warn!(stage = %self.part, error = text, ?delay, "stage starts again");
            self.health.report(&self.part, Condition::Waiting(text));
            if wait(&self.stop, delay) {
                return Ok(());
            }
        }
    }
}

/// Tells of a stage that a panic ended: nothing of it was acknowledged, and nobody else would notice that it is gone.
struct Obituary<'a>(&'a Supervisor);

impl Drop for Obituary<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let Supervisor { part, health, .. } = self.0;
            tracing::error!(stage = %part, "stage ended by a panic");
            let why = "it ended by a defect of Weir, which the log tells; start the process again";
            health.report(part, Condition::Halted(why.to_owned()));
        }
    }
}

/// What lets the stages of a flow stand still while they stay members of their groups: Kafka forgets the offsets of a
/// group without members after a week. What is in flight is finished, and nothing new begun.
///
/// A stage that stands still does not go on: whoever wants that ends it and starts another. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<RwLock<Option<Condition>>>);

impl Hold {
    /// Lets the stages stand still, for this reason.
    pub fn set(&self, why: Condition) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// Why the stages are to stand still, if they are.
    pub fn why(&self) -> Option<Condition> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the stages are to stand still.
    pub fn is_set(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// A running stage.
pub struct StageThread {
    handle: thread::JoinHandle<Result<(), StageError>>,
    stopped: CancellationToken,
}

impl StageThread {
    /// Is cancelled when the stage has ended.
    pub fn stopped(&self) -> CancellationToken {
        self.stopped.clone()
    }

    /// Waits until the stage has ended.
    pub async fn ended(self) -> Result<(), StageError> {
        self.stopped.cancelled().await;
        match self.handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Sleeps, unless told to stop; whether it was.
pub fn wait(stop: &CancellationToken, delay: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let end = std::time::Instant::now() + delay;
    while !stop.is_cancelled() {
        let left = end.saturating_duration_since(std::time::Instant::now());
        if left.is_zero() {
            return false;
        }
        thread::sleep(left.min(STEP));
    }
    true
}

/// An error with its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Linux shows 15 bytes of a thread's name.
fn short(name: &str) -> String {
    name.chars().filter(char::is_ascii).take(15).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_that_panics_is_told_of() {
        let part = Part::Sink("orders".into());
        let health = Health::default();
        let supervisor =
            Supervisor { part: part.clone(), health: health.clone(), stop: CancellationToken::new() };
        let thread = supervisor.start(|| -> Result<(), StageError> { panic!("a defect") }).unwrap();
        assert!(thread.handle.join().is_err());
        let state = health.parts().remove(&part).unwrap();
        assert!(matches!(state.condition, Condition::Halted(why) if why.contains("defect")));
    }
}
