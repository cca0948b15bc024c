//! 金蝶云星空 (Kingdee Galaxy) as a target: one BatchSave per batch, an outcome per document.
//!
//! Whatever was left unknown is looked up by its business key before anything is sent again (design §7, contract
//! kingdee-galaxy §9). The decisions are in `mapping` (pure), the calls in `run`, `save` and `steps`, what ERP targets
//! share in [`crate::erp`].
//!
//! ```text
//! unresolved, or delivered before ─▶ look up ─▶ plan ─┬─▶ settled: a conflict, ignored, nothing to take back
//!                                                     ├─▶ the same content is there ───────────────┐
//! new ────────────────────────────────────────────────┴─▶ [UnAudit] ─▶ BatchSave ─▶ per DIndex     │
//!                                        ▲                               │  done ──────────────────┴─▶ [Submit] ─▶ [Audit]
//!                                        │                               │  refused: its letter
//!                                        └── halves, alone ◀── look up ◀─┘  unclear, nameless, unreadable
//! ```

mod config;
mod mapping;
mod read_back;
mod run;
mod save;
mod steps;

#[cfg(test)]
mod outcome_tests;
#[cfg(test)]
mod read_back_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use weir_clients::governor::Lane;
use weir_clients::http::BuildError;
use weir_clients::kingdee::{Client, Query, Settings, query};
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::outcome::{Code, Outcome};
use weir_model::settings::Problems;
use weir_model::target::{Batch, BatchLimits, ProbeReport, TargetError};

use crate::erp::{self, Clients, ErpTarget, Shared, outcome};
use config::Writing;
pub(crate) use read_back::GalaxyReadBack;

/// The name in `target.system` and `connections`.
pub const SYSTEM: &str = weir_clients::kingdee::SYSTEM;

/// Every code that this target refuses or halts with; each has a page in `docs/errors`.
pub const CODES: &[Code] = outcome::CODES;

/// Kingdee Galaxy, written to by one flow.
pub(crate) type GalaxyTarget = ErpTarget<Writing>;

/// Checks the target section of a flow: structure only.
pub fn check(target: &TargetSpec, problems: &mut Problems) {
    Writing::read(target, problems);
}

/// Checks the settings of a connection found at `path`: structure only.
pub fn check_connection(connection: &Json, path: &str, problems: &mut Problems) {
    config::read_site("", connection, path, problems);
}

#[async_trait]
impl erp::Writing for Writing {
    type Site = Settings;
    type Client = Client;

    fn read(target: &TargetSpec, problems: &mut Problems) -> Option<Self> {
        Self::read(target, problems)
    }

    fn read_site(connection: &str, json: &Json, path: &str, problems: &mut Problems) -> Option<Settings> {
        config::read_site(connection, json, path, problems)
    }

    fn connect(site: Settings) -> Result<Client, BuildError> {
        Client::new(site)
    }

    fn kept(clients: &Clients) -> &Shared<Client> {
        &clients.galaxy
    }

    fn limits(&self) -> BatchLimits {
        self.limits
    }

    async fn probe(&self, client: &Client) -> Result<ProbeReport, TargetError> {
        let form = &self.form;
        let nobody = Query {
            form: form.id.clone(),
            fields: vec![form.id_field.clone(), form.number_field.clone()],
            filter: query::equals(&form.number_field, "weir-probe"),
            order: String::new(),
        };
        match client.execute_bill_query(&nobody, Lane::Reconcile).await {
            Ok(_) => Ok(ProbeReport {
                facts: vec![format!("credentials accepted, form {} can be queried", form.id)],
                problems: Vec::new(),
            }),
            Err(error) => Err(outcome::target_error(&error)),
        }
    }

    async fn deliver(&self, client: &Client, batch: &Batch<'_>) -> Vec<Outcome> {
        run::deliver(client, self, batch).await
    }
}
