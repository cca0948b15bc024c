//! The contract between the polling stage and the code that talks to an account's APIs.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use thiserror::Error;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use weir_kafka::Lease;
use weir_model::{
    cursor::{Cursor, WindowFact},
    letter::DeadLetter,
    names::SourceName,
    outcome::Refusal,
    record::RawRecord,
    token::SealedToken,
};
use weir_schemas::JobProgress;

use super::JobBoard;

/// How often to ask again whether the group confirms that an account is ours.
const LEASE_CHECK: Duration = Duration::from_millis(50);

/// What one Kafka transaction of a poller carries: all of it becomes visible, or none (invariant 1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    /// Records for their raw topics.
    pub records: Vec<RawRecord>,
    /// Answers and rows that could not become a record.
    pub letters: Vec<DeadLetter>,
    /// Cursors as they stand once the records are published.
    pub cursors: Vec<Cursor>,
    /// Windows that are finished with this publication.
    pub windows: Vec<WindowFact>,
    /// The job that brought all of it; empty for the regular poll and the remedy.
    pub job: String,
    /// Records that a census read: nothing maps them.
    pub census: Vec<RawRecord>,
    /// How far jobs have come once this is durable.
    pub progress: Vec<JobProgress>,
    /// Jobs that have ended, with their sources: their cursors are removed.
    pub ended: Vec<(SourceName, String)>,
    /// The account's newest token, which is used only once this is durable.
    pub token: Option<SealedToken>,
    /// The trace of the page it came from; the records carry it in their header.
    pub traceparent: Option<String>,
}

/// Why a publication did not become durable.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The account belongs to another process now: stop at once and forget what was read.
    #[error("another process has taken this account over")]
    Lost,
    /// The stage is shutting down.
    #[error("the polling stage is stopping")]
    Stopped,
    /// Kafka refused a record for good; nothing of the publication was kept.
    #[error("Kafka refused the publication: {0}")]
    Refused(String),
}

/// Why a poller gave up until a person acts.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("source {source_name} is halted: {refusal}")]
pub struct PollerHalt {
    /// The source concerned.
    pub source_name: SourceName,
    /// Why.
    pub refusal: Refusal,
}

/// What the former owner of an account left in `weir.cursor`, as it stood once that owner was fenced.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inheritance {
    /// How far the account's sources were read.
    pub cursors: Vec<Cursor>,
    /// The account's newest token, when it was ever renewed.
    pub token: Option<SealedToken>,
}

/// How a poller came to its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// No other process can be calling the account's APIs.
    Alone,
    /// A former owner may still be calling for this long: the quota starts low (design §5).
    Shared(std::time::Duration),
}

/// Hands publications to the Kafka half, and tells whether the account is surely still ours. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Publisher {
    requests: mpsc::Sender<PublishRequest>,
    /// None where nobody can take the account over, as in tests.
    lease: Option<Lease>,
}

/// A publication and where its answer goes.
#[derive(Debug)]
pub struct PublishRequest {
    /// What to publish.
    pub publication: Publication,
    /// Told once the transaction is committed or has failed.
    pub done: oneshot::Sender<Result<(), PublishError>>,
}

impl Publisher {
    /// A publisher and the end that serves it; tests serve it themselves.
    pub fn channel(capacity: usize) -> (Self, mpsc::Receiver<PublishRequest>) {
        let (requests, served) = mpsc::channel(capacity);
        (Self { requests, lease: None }, served)
    }

    /// The same publisher for an account that is ours only while the lease holds.
    #[must_use]
    pub fn under(self, lease: Lease) -> Self {
        Self { lease: Some(lease), ..self }
    }

    /// Waits until the account is surely ours: Kafka refuses what a stale owner publishes, but a call it cannot refuse,
    /// and the owner that has taken over calls too (design §5: one quota per account). After a loss that is never; the
    /// stage stops the poller then.
    pub async fn until_owned(&self) {
        while self.lease.as_ref().is_some_and(|lease| !lease.holds()) {
            sleep(LEASE_CHECK).await;
        }
    }

    /// Publishes in one transaction; returns when it is committed.
    ///
    /// A transient failure of Kafka is retried by the stage and never seen here.
    pub async fn publish(&self, publication: Publication) -> Result<(), PublishError> {
        let (done, answer) = oneshot::channel();
        self.requests.send(PublishRequest { publication, done }).await.map_err(|_| PublishError::Stopped)?;
        answer.await.map_err(|_| PublishError::Stopped)?
    }
}

/// Polls the sources of one account.
///
/// The stage calls [`Poller::run`] once it owns the account: the former owner's transactional id is fenced and the
/// inheritance was read after that. `run` returns soon after `stop` is cancelled, at a safe point; it never
/// returns because of a transient failure. A halted source does not stop its siblings: `run` returns when all are done.
#[async_trait]
pub trait Poller: Send + Sync + 'static {
    /// The account; picks the partition of `weir.cursor`.
    fn account(&self) -> &str;

    /// The sources it polls.
    fn sources(&self) -> Vec<SourceName>;

    /// Polls until `stop`, and beside it carries on the jobs of its sources; the halts of sources that gave up come back.
    async fn run(
        self: Arc<Self>,
        inheritance: Inheritance,
        publisher: Publisher,
        takeover: Takeover,
        jobs: Arc<dyn JobBoard>,
        stop: CancellationToken,
    ) -> Vec<PollerHalt>;
}
