//! 金蝶 K/3 WISE as a target: one call per document, four documents at a time (contract kingdee-k3wise §6).
//!
//! Whatever was left unknown is looked up by its number before anything is sent again (design §7, contract kingdee-k3wise
//! §8). A flow with `audit: true` audits what is there in a call of its own. What is sent and compared is in `document` (pure), the calls in `run`, what ERP targets share in [`crate::erp`].

mod config;
mod document;
mod read_back;
mod run;

#[cfg(test)]
mod sandbox_tests;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use weir_clients::governor::Lane;
use weir_clients::http::BuildError;
use weir_clients::k3wise::Client;
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::outcome::Outcome;
use weir_model::settings::Problems;
use weir_model::target::{Batch, BatchLimits, ProbeReport, TargetError};

use crate::erp::{self, Clients, ErpTarget, Shared, outcome::target_error};
use config::{Site, Writing};
pub(crate) use read_back::WiseReadBack;

/// The name in `target.system` and `connections`.
pub const SYSTEM: &str = weir_clients::k3wise::SYSTEM;

/// K/3 WISE, written to by one flow.
pub(crate) type WiseTarget = ErpTarget<Writing>;

/// Checks the target section of a flow: structure only.
pub fn check(target: &TargetSpec, problems: &mut Problems) {
    Writing::read(target, problems);
}

/// Checks the settings of a connection found at `path`: structure only.
pub fn check_connection(connection: &Json, path: &str, problems: &mut Problems) {
    Site::read("", connection, path, problems);
}

#[async_trait]
impl erp::Writing for Writing {
    type Site = Site;
    type Client = Client;

    fn read(target: &TargetSpec, problems: &mut Problems) -> Option<Self> {
        Self::read(target, problems)
    }

    fn read_site(connection: &str, json: &Json, path: &str, problems: &mut Problems) -> Option<Site> {
        Site::read(connection, json, path, problems)
    }

    fn connect(site: Site) -> Result<Client, BuildError> {
        Ok(Client::new(site.settings)?.classifying_by(site.classifier))
    }

    fn kept(clients: &Clients) -> &Shared<Client> {
        &clients.wise
    }

    fn limits(&self) -> BatchLimits {
        self.limits
    }

    async fn probe(&self, client: &Client) -> Result<ProbeReport, TargetError> {
        let object = &self.object;
        client.log_in(Lane::Reconcile).await.map_err(|error| target_error(&error))?;
        match client.numbers_like(object, "weir-probe", Lane::Reconcile).await {
            Ok(_) => Ok(ProbeReport {
                facts: vec![format!("authority code accepted, {object} can be listed")],
                problems: Vec::new(),
            }),
            Err(error) => Err(target_error(&error)),
        }
    }

    async fn deliver(&self, client: &Client, batch: &Batch<'_>) -> Vec<Outcome> {
        run::deliver(client, self, batch).await
    }
}
