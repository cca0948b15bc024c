//! 旺店通 (Wangdiantong), enterprise and flagship: refunds and after-sales orders, on the vendor's own gateway and through
//! Qimen (contracts wangdiantong-enterprise, wangdiantong-flagship).
//!
//! | Edition | First page | Total | Window |
//! | --- | --- | --- | --- |
//! | enterprise | 0 | on the first page | by modification, 30 days |
//! | flagship | 0, through Qimen 1 | on the first page, when asked for | by modification, 30 days |
//!
//! All lists are counted, so they are read last page first. A connection is one account (`sid`) and may have credentials
//! for both paths; its `access` chooses one, a source may choose the other, and all share the account's quota.

mod connection;
mod feed;
mod source;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use weir_clients::wangdiantong::{Client, Edition};
use weir_model::{
    flow::SourceSpec, settings::Problems, target::ProbeReport, time::Clock, token::SealedToken,
};
use weir_runtime::poll::{Publisher, Takeover};

use crate::{
    account::{Account, Remote, Source, pollers},
    calls::start_quota,
    feed::{Ask, Feed as _, FeedError},
    registry::{BuildError, Connection, Services},
};
use feed::Feed;
use source::SourceSettings;

/// One line for people.
pub const fn summary(edition: Edition) -> &'static str {
    match edition {
        Edition::Enterprise => "旺店通·企业版: refunds and exchanges, direct or through Qimen",
        Edition::Flagship => "旺店通·旗舰版: after-sales orders, direct or through Qimen",
    }
}

/// Checks a source's structure; no I/O.
pub fn check(edition: Edition, spec: &SourceSpec, problems: &mut Problems) {
    SourceSettings::read(edition, spec, problems);
}

/// Checks a connection's own settings; no I/O.
pub fn check_connection(edition: Edition, connection: &Connection, problems: &mut Problems) {
    connection::read(edition, connection, problems);
}

/// Puts an account together; nothing is called yet.
///
/// # Errors
/// With every problem of the settings at once.
pub fn build(
    edition: Edition,
    connection: &Connection,
    sources: &[SourceSpec],
    services: &Services,
) -> Result<Account, BuildError> {
    let mut problems = Problems::new(connection.file.clone());
    let settings = connection::read(edition, connection, &mut problems);
    let mut called = Vec::new();
    for spec in sources {
        let source = SourceSettings::read(edition, spec, &mut problems);
        if let (Some(source), Some(settings)) = (source, &settings) {
            called.extend(source.called_by(settings, &mut problems).map(|source| (spec, source)));
        }
    }
    let Some(settings) = settings.filter(|_| !problems.has_errors()) else {
        return Err(BuildError::Settings(problems));
    };
    let client = Arc::new(Client::new(settings.client)?);
    let sources = called.into_iter().map(|(spec, source)| {
        let (spec, settings) = (SourceSpec::clone(spec), source.poll_settings(connection.zone.clone()));
        let feed = Feed::new(client.clone(), source, connection, services.metrics.clone());
        Source { spec, settings, feed }
    });
    let (pollers, probe) = pollers(sources.collect(), services)?;
    let remote = Shared { client, probe, clock: services.clock.clone() };
    Ok(Account::new(connection.name.clone(), Arc::new(remote), pollers))
}

/// What the sources of one account share: the quota. There is no token to renew.
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
        feed.page(&ask).await?;
        report.facts.push(format!("{} answers and accepts the signature", feed.operation()));
        Ok(report)
    }
}
