//! 小满 OKKI: sales orders with their lines, and customers (contract xiaoman-okki §4, §5).
//!
//! | Source | Read | Record |
//! | --- | --- | --- |
//! | `order/list` | by modification, last page first, removed orders in a second list beside it | the order object of `order/info`, byte for byte; of a removed order its row of the list |
//! | `company/list` | the whole list, last page first, each time | the row |
//!
//! The list's row is no part of an order's record: the detail answer has all its fields, and joining two answers would
//! make bytes that nobody sent (invariant 6). A row that did not change costs no second detail call.

mod connection;
mod details;
mod feed;
mod source;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use weir_clients::okki::Client;
use weir_model::{
    flow::SourceSpec, settings::Problems, target::ProbeReport, time::Clock, token::SealedToken,
};
use weir_runtime::poll::{Publisher, Takeover};

use crate::{
    account::{Account, Remote, Source, pollers},
    calls::start_quota,
    feed::{Ask, FeedError},
    registry::{BuildError, Connection, Services},
};
use feed::Feed;
use source::SourceSettings;

pub use weir_clients::okki::SYSTEM;

/// One line for people.
pub const SUMMARY: &str = "小满 OKKI CRM: sales orders with their lines, customers";

/// Checks a source's structure; no I/O.
pub fn check(spec: &SourceSpec, problems: &mut Problems) {
    SourceSettings::read(spec, problems);
}

/// Checks a connection's own settings; no I/O.
pub fn check_connection(connection: &Connection, problems: &mut Problems) {
    connection::read(connection, problems);
}

/// Puts an account together; nothing is called yet.
///
/// # Errors
/// With every problem of the settings at once.
pub fn build(
    connection: &Connection,
    sources: &[SourceSpec],
    services: &Services,
) -> Result<Account, BuildError> {
    let mut problems = Problems::new(connection.file.clone());
    let settings = connection::read(connection, &mut problems);
    let read: Vec<_> = sources.iter().map(|spec| (spec, SourceSettings::read(spec, &mut problems))).collect();
    let Some(settings) = settings.filter(|_| !problems.has_errors()) else {
        return Err(BuildError::Settings(problems));
    };
    let client = Arc::new(Client::new(settings)?);
    let sources = read.into_iter().filter_map(|(spec, source)| {
        let source = source?;
        let (spec, settings) = (source.overlapping(spec), source.poll_settings(connection.zone.clone()));
        let feed = Feed::new(client.clone(), source, connection, services.metrics.clone());
        Some(Source { spec, settings, feed })
    });
    let (pollers, probe) = pollers(sources.collect(), services)?;
    let remote = Shared { client, probe, clock: services.clock.clone() };
    Ok(Account::new(connection.name.clone(), Arc::new(remote), pollers))
}

/// What the sources of one account share: quota and token. A token is bought anew by whoever takes the account over, so
/// none is kept.
struct Shared {
    client: Arc<Client>,
    /// The first source's feed.
    probe: Option<Feed>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Remote for Shared {
    async fn taken_over(&self, takeover: Takeover, _: &Publisher, _: Option<SealedToken>) {
        start_quota(self.client.governor(), takeover);
    }

    async fn probe(&self) -> Result<ProbeReport, FeedError> {
        let mut report = ProbeReport::default();
        let Some(feed) = &self.probe else { return Ok(report) };
        let ask = Ask::probing(self.clock.now());
        feed.listed(&ask).await?;
        report.facts.push(format!("{} answers and accepts the token", feed.path()));
        Ok(report)
    }
}
