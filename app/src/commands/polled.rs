//! A source of the project, for commands that ask about its polling: its settings, its zone, and what its ledger knows.
//! Nothing of its API is called.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use weir_kafka::Cluster;
use weir_ledger::{Freshness, coverage::Coverage};
use weir_model::flow::SourceSpec;
use weir_producers::{Account, Services, poll::SourcePoller};
use weir_runtime::{clock::SystemClock, health::Health, stage::chain, telemetry::Metrics, topics::Topics};
use weir_schemas::Codec;

use crate::{
    cli::Language,
    exit::Failure,
    ledger,
    project::{self, Project},
};

/// A source and the account it is polled from.
pub struct Polled<'p> {
    /// As its flows tell it.
    pub spec: &'p SourceSpec,
    /// The zone of its times.
    pub zone: TimeZone,
    account: Account,
}

impl<'p> Polled<'p> {
    /// Finds a source of the project by its name.
    ///
    /// # Errors
    /// There is none, or its settings cannot work.
    pub fn find(project: &'p Project, name: &str, language: Language) -> Result<Self, Failure> {
        let sources = project.sources();
        let Some(spec) = sources.iter().find(|source| source.name.as_str() == name) else {
            let known: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            let known = known.join(", ");
            return Err(Failure::invalid(match language {
                Language::Zh => format!("没有数据源 {name:?}；有：{known}"),
                Language::En => format!("no source is called {name:?}; there are: {known}"),
            }));
        };
        Ok(Self { spec, zone: zone(project, spec)?, account: account(project, spec)? })
    }

    /// Its polling.
    ///
    /// # Errors
    /// Its system has no such source.
    pub fn poller(&self) -> Result<&SourcePoller, Failure> {
        let missing =
            || Failure::invalid(format!("{} has no source {}", self.spec.connection, self.spec.name));
        self.account.source(&self.spec.name).ok_or_else(missing)
    }

    /// What was read of it by now, as far as Kafka tells within `patience`; late arrivals since `since`.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn coverage(
        &self,
        project: &Project,
        (cluster, topics, codec): (&Cluster, &Topics, &Codec),
        since: Option<Timestamp>,
        patience: Duration,
    ) -> Result<(Coverage, Freshness), Failure> {
        let opened = ledger::open(project).await?;
        let follower = ledger::follower(project, &opened, cluster, topics, codec);
        let freshness = ledger::catch_up(&follower, patience).await?;
        let coverage = Coverage::of(&opened.projection, &self.spec.name, since).await;
        Ok((coverage.map_err(|error| ledger::failed(&error))?, freshness))
    }
}

fn zone(project: &Project, spec: &SourceSpec) -> Result<TimeZone, Failure> {
    Ok(project.connection(&spec.connection)?.zone.clone())
}

/// The account of one source, which polls nothing.
pub fn account(project: &Project, spec: &SourceSpec) -> Result<Account, Failure> {
    let connection = project.connection(&spec.connection)?;
    let file = project.file.display().to_string();
    let account = project::account(&spec.connection, connection, &project.config, &file);
    let services =
        Services { clock: Arc::new(SystemClock), metrics: Metrics::default(), health: Health::default() };
    weir_producers::build(&connection.system, &account, std::slice::from_ref(spec), &services)
        .map_err(|error| Failure::invalid(chain(&error)))
}
