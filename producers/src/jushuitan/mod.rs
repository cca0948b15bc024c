//! 聚水潭 (Jushuitan): distributors, their successor list, and the movements of unique codes (contract jushuitan §4, §5).
//!
//! | Source | Paging | Window |
//! | --- | --- | --- |
//! | `distributor.query`, `supplier.querymychannel` | counted: last page first | by modification, 7 days |
//! | `skusn.queryinoutitemskusns` | by `last_ioi_sn_id` where rows carry it, else forward | by creation, 30 days |
//!
//! Which is which is read from the endpoint descriptions of `weir_clients`; a flow's `source.settings` may set otherwise
//! what contract jushuitan §10 leaves open.

mod connection;
mod feed;
mod source;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use weir_clients::{
    jushuitan::{Client, TokenStore},
    seal::{SealError, SealingKey},
};
use weir_model::{
    flow::SourceSpec, settings::Problems, target::ProbeReport, time::Clock, token::SealedToken,
};
use weir_runtime::poll::{Publisher, Takeover};

use crate::{
    account::{Account, Remote, Source, pollers},
    calls::start_quota,
    feed::{Ask, Feed as _, FeedError},
    registry::{BuildError, Connection, Services},
    tokens::AccountTokens,
};
use feed::Feed;
use source::SourceSettings;

pub use weir_clients::jushuitan::SYSTEM;

/// One line for people.
pub const SUMMARY: &str = "聚水潭 open platform: distributors and unique-code movements";

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
    let tokens = tokens(connection, services)?;
    let store = tokens.clone().map(|tokens| tokens as Arc<dyn TokenStore>);
    let client = Arc::new(Client::new(settings.client, store)?);
    let sources = read.into_iter().filter_map(|(spec, source)| {
        let mut source = source?;
        source.endpoint.limits.clone_from(&settings.limits);
        let (spec, settings) = (spec.clone(), source.poll_settings(connection.zone.clone()));
        let feed = Feed::new(client.clone(), source, connection, services.metrics.clone());
        Some(Source { spec, settings, feed })
    });
    let (pollers, probe) = pollers(sources.collect(), services)?;
    let remote = Shared { client, tokens, probe, clock: services.clock.clone() };
    Ok(Account::new(connection.name.clone(), Arc::new(remote), pollers))
}

/// Where renewed tokens are kept; nowhere without a key, which a connection that can renew always has.
fn tokens(connection: &Connection, services: &Services) -> Result<Option<Arc<AccountTokens>>, SealError> {
    let Some(secret) = &connection.seal_key else { return Ok(None) };
    let key = SealingKey::derive(secret)?;
    let tokens = AccountTokens::new(connection.name.clone(), SYSTEM, key, services.clock.clone());
    Ok(Some(Arc::new(tokens)))
}

/// What the sources of one account share: quota and token.
struct Shared {
    client: Arc<Client>,
    tokens: Option<Arc<AccountTokens>>,
    /// The first source's feed.
    probe: Option<Feed>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Remote for Shared {
    async fn taken_over(&self, takeover: Takeover, publisher: &Publisher, newest: Option<SealedToken>) {
        start_quota(self.client.governor(), takeover);
        if let Some(tokens) = &self.tokens {
            tokens.taken_over(publisher.clone(), newest);
        }
        self.client.reload_token().await;
    }

    async fn probe(&self) -> Result<ProbeReport, FeedError> {
        let mut report = ProbeReport::default();
        let Some(feed) = &self.probe else { return Ok(report) };
        let ask = Ask::probing(self.clock.now());
        feed.page(&ask).await?;
        report.facts.push(format!("{} answers and accepts the signature and the token", feed.path()));
        Ok(report)
    }
}
