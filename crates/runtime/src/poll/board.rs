//! The jobs of a source as its poller sees them: what was announced, how far each has come, and whether the flows that
//! read the source have room for more (design §5).
//!
//! Relies on the follower of `weir.control` for the announcements. How far a job has come is read anew, for the follower
//! may be behind what a former owner of the account wrote last.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::{mpsc::UnboundedSender, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use weir_model::{
    names::{FlowName, SourceName},
    outcome::Refusal,
};
use weir_schemas::JobProgress;

use crate::{
    backoff::Backoff,
    control::{self, Known},
    jobs::{Gate, Watch},
    stage::{Deployment, chain},
};

/// What a poller asks about the jobs of its sources.
#[async_trait]
pub trait JobBoard: Send + Sync {
    /// Follows what `weir.control` says.
    fn control(&self) -> watch::Receiver<Arc<Known>>;

    /// The instance that carries jobs on here.
    fn instance(&self) -> String;

    /// How far a job has come, as it stands after the account's former owner was fenced; none before anybody took it.
    /// Waits while Kafka is away.
    async fn progress(&self, job: &str) -> Option<JobProgress>;

    /// Waits until every flow that reads the source has room for the next page of a job; whether it has, rather than that
    /// `stop` was cancelled. `held` hears of each new reason to wait.
    async fn has_room(
        &self,
        source: &SourceName,
        stop: &CancellationToken,
        held: UnboundedSender<Refusal>,
    ) -> bool;

    /// Why a job must end because the flows refuse its records, after it has published so many here; none while few are
    /// refused. The flows themselves go on (design §8).
    async fn refused(&self, source: &SourceName, job: &str, published: u64) -> Option<Refusal>;
}

/// The board of a polling stage.
pub(super) struct Board {
    deployment: Deployment,
    control: watch::Receiver<Arc<Known>>,
    feeds: BTreeMap<SourceName, Vec<FlowName>>,
    /// Opened when a source has its first job; their clients stay connected.
    gates: Mutex<BTreeMap<SourceName, Arc<Gate>>>,
    /// The letters of the job that each source has at hand.
    watches: Arc<Mutex<BTreeMap<SourceName, (String, Watch)>>>,
}

impl Board {
    pub(super) fn new(
        deployment: &Deployment,
        control: &watch::Receiver<Arc<Known>>,
        feeds: &BTreeMap<SourceName, Vec<FlowName>>,
    ) -> Self {
        let (deployment, control, feeds) = (deployment.clone(), control.clone(), feeds.clone());
        Self { deployment, control, feeds, gates: Mutex::default(), watches: Arc::default() }
    }

    fn gate(&self, source: &SourceName) -> Result<Arc<Gate>, weir_kafka::Error> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(source) {
            return Ok(Arc::clone(gate));
        }
        let flows = self.feeds.get(source).into_iter().flatten();
        let Deployment { cluster, topics, .. } = &self.deployment;
        let flows = flows.map(|flow| (flow.clone(), topics.raw(source)));
        let gate = Arc::new(Gate::open(cluster, topics, flows, self.control.clone())?);
        gates.insert(source.clone(), Arc::clone(&gate));
        Ok(gate)
    }
}

#[async_trait]
impl JobBoard for Board {
    fn control(&self) -> watch::Receiver<Arc<Known>> {
        self.control.clone()
    }

    fn instance(&self) -> String {
        self.deployment.instance.to_string()
    }

    async fn progress(&self, job: &str) -> Option<JobProgress> {
        let mut backoff = Backoff::patient();
        loop {
            let Deployment { cluster, topics, codec, .. } = self.deployment.clone();
            let read = tokio::task::spawn_blocking(move || control::read(&cluster, &topics, &codec)).await;
            let error = match read {
                Ok(Ok(known)) => return known.progress(job).cloned(),
                Ok(Err(error)) => chain(&error),
                Err(failed) => failed.to_string(),
            };
            let pause = backoff.next_delay(Duration::ZERO);
            tracing::warn!(job, error, ?pause, "cannot read how far a job has come, trying again");
            sleep(pause).await;
        }
    }

    async fn has_room(
        &self,
        source: &SourceName,
        stop: &CancellationToken,
        held: UnboundedSender<Refusal>,
    ) -> bool {
        let mut backoff = Backoff::patient();
        loop {
            // Whoever listens no more has been stopped.
            let tell = |why: &Refusal| drop(held.send(why.clone()));
            let looked = match self.gate(source) {
                Ok(gate) => gate.until_open(stop, tell).await,
                Err(error) => Err(error),
            };
            let error = match looked {
                Ok(is_open) => return is_open,
                Err(error) => error,
            };
            let pause = backoff.next_delay(Duration::ZERO);
            tracing::warn!(%source, error = chain(&error), ?pause, "cannot tell how far flows are behind, asking again");
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                return false;
            }
        }
    }
    async fn refused(&self, source: &SourceName, job: &str, published: u64) -> Option<Refusal> {
        let (deployment, watches) = (self.deployment.clone(), Arc::clone(&self.watches));
        let flows = self.feeds.get(source).cloned().unwrap_or_default();
        let (source, job) = (source.clone(), job.to_owned());
        let looked = tokio::task::spawn_blocking(move || {
            let mut watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
            let known = watches.remove(&source).filter(|(watched, _)| *watched == job);
            let mut watch = match known {
                Some((_, watch)) => watch,
                None => Watch::open(&deployment, &source, &flows, &job)?,
            };
            let refusal = watch.too_much(published)?;
            watches.insert(source, (job, watch));
            Ok::<_, weir_kafka::Error>(refusal)
        });
        let error = match looked.await {
            Ok(Ok(refusal)) => return refusal,
            Ok(Err(error)) => chain(&error),
            Err(failed) => failed.to_string(),
        };
        // The next page asks again; counting begins anew then.
        tracing::warn!(error, "cannot tell how many records of a job were refused");
        None
    }
}
