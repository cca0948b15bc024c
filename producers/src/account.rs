//! All sources of one connection: they share one client, and so its quota and its token, and are polled side by side.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{join_all, join3};
use tokio_util::sync::CancellationToken;
use weir_model::{
    cursor::{Cursor, Lane},
    flow::SourceSpec,
    names::{ConnectionName, SourceName},
    target::ProbeReport,
    token::SealedToken,
};
use weir_runtime::poll::{Inheritance, JobBoard, Poller, PollerHalt, Publisher, Takeover};

use crate::{
    feed::{Feed, FeedError},
    poll::{self, Sample, SourcePoller},
    registry::Services,
    window::PlanError,
};

/// What an account's sources share at the remote system.
#[async_trait]
pub trait Remote: Send + Sync {
    /// Called before the first call: after a take-over from a process that may still be calling, the quota starts low.
    /// `newest` is the token the former owner left; the next ones are kept through `publisher`.
    async fn taken_over(&self, takeover: Takeover, publisher: &Publisher, newest: Option<SealedToken>);

    /// One cheap signed call: can the system be reached, and does it accept our credentials?
    async fn probe(&self) -> Result<ProbeReport, FeedError>;
}

/// One source of an account, with all that its system has read of it.
pub(crate) struct Source<F> {
    /// As its flow tells it.
    pub spec: SourceSpec,
    /// What its API determines.
    pub settings: poll::Settings,
    /// Its calls.
    pub feed: F,
}

/// The pollers of all sources, and the feed that a probe calls: that of the first.
///
/// # Errors
/// When the windows of a source cannot be planned.
pub(crate) fn pollers<F: Feed + Clone + 'static>(
    sources: Vec<Source<F>>,
    services: &Services,
) -> Result<(Vec<SourcePoller>, Option<F>), PlanError> {
    let probe = sources.first().map(|source| source.feed.clone());
    let poller = |Source { spec, settings, feed }: Source<F>| {
        SourcePoller::new(&spec, settings, Arc::new(feed), services)
    };
    Ok((sources.into_iter().map(poller).collect::<Result<_, _>>()?, probe))
}

/// A connection and its sources.
pub struct Account {
    connection: ConnectionName,
    remote: Arc<dyn Remote>,
    sources: Vec<SourcePoller>,
}

impl Account {
    /// Puts an account together; nothing is called and nothing spawned yet.
    pub fn new(connection: ConnectionName, remote: Arc<dyn Remote>, sources: Vec<SourcePoller>) -> Self {
        Self { connection, remote, sources }
    }

    /// One cheap signed call: can the system be reached, and does it accept our credentials?
    ///
    /// # Errors
    /// With the vendor's own words and what to do.
    pub async fn probe(&self) -> Result<ProbeReport, FeedError> {
        self.remote.probe().await
    }

    /// One of its sources.
    pub fn source(&self, name: &SourceName) -> Option<&SourcePoller> {
        self.sources.iter().find(|source| source.name() == name)
    }

    /// Calls once for what a source holds now; nothing is published and no cursor moves. `None` when the account has no
    /// such source.
    ///
    /// # Errors
    /// With the vendor's own words and what to do.
    pub async fn sample(&self, source: &SourceName) -> Result<Option<Sample>, FeedError> {
        match self.source(source) {
            Some(source) => source.sample().await.map(Some),
            None => Ok(None),
        }
    }

    /// Polls one source to its end, and beside it carries out its omission remedy and its jobs. A halt is told here and
    /// now, for the siblings go on.
    async fn poll(
        &self,
        source: &SourcePoller,
        cursors: &[Cursor],
        publisher: &Publisher,
        jobs: &dyn JobBoard,
        stop: &CancellationToken,
    ) -> Vec<PollerHalt> {
        let own = cursors.iter().filter(|cursor| cursor.source == *source.name());
        let (begun, own): (Vec<Cursor>, Vec<Cursor>) =
            own.cloned().partition(|cursor| !cursor.job.is_empty());
        let cursor = |lane: Lane| own.iter().find(|cursor| cursor.lane == lane).cloned();
        let tell = |halt: &PollerHalt| {
            tracing::error!(
                connection = %self.connection, source = %halt.source_name, code = %halt.refusal.code,
                reason = halt.refusal.message, "source is halted until it is resumed"
            );
        };
        let live = async { source.run(cursor(Lane::Live), publisher, stop).await.inspect_err(tell) };
        let remedy =
            async { source.run_remedy(cursor(Lane::Backfill), publisher, stop).await.inspect_err(tell) };
        let jobs = Box::pin(source.run_jobs(begun, jobs, publisher, stop));
        let (live, remedy, ()) = join3(live, remedy, jobs).await;
        live.err().into_iter().chain(remedy.err()).collect()
    }
}

#[async_trait]
impl Poller for Account {
    fn account(&self) -> &str {
        self.connection.as_str()
    }

    fn sources(&self) -> Vec<SourceName> {
        self.sources.iter().map(|source| source.name().clone()).collect()
    }

    async fn run(
        self: Arc<Self>,
        inheritance: Inheritance,
        publisher: Publisher,
        takeover: Takeover,
        jobs: Arc<dyn JobBoard>,
        stop: CancellationToken,
    ) -> Vec<PollerHalt> {
        let Inheritance { cursors, token } = inheritance;
        self.remote.taken_over(takeover, &publisher, token).await;
        let polls = self.sources.iter().map(|source| self.poll(source, &cursors, &publisher, &*jobs, &stop));
        join_all(polls).await.into_iter().flatten().collect()
    }
}
