//! 金蝶云星空 (Kingdee Galaxy) as a target: one signed BatchSave per batch, an outcome per document.
//!
//! It stores no offsets, so the sink loop keeps a durable `sending` receipt before each call ([`Target::announces`]), and
//! whatever was left unknown is looked up by its business key before anything is sent again (design §7, contract
//! kingdee-galaxy §9). The decisions are in `mapping`, what answers mean in `outcome` (both pure), the calls in `run`.
//!
//! ```text
//! unresolved, or delivered before ──▶ look up ──▶ plan ─┬─▶ settled: the same content is there, or a conflict
//! new ──────────────────────────────────────────────────┴─▶ [UnAudit] ──▶ BatchSave ──▶ per DIndex: delivered, refused,
//!                                                            unclear: alone; unmentioned: Unknown; half done: its steps
//! ```

mod config;
pub(crate) mod mapping;
pub(crate) mod outcome;
mod run;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use weir_clients::governor::Lane;
use weir_clients::kingdee::{Client, Query, query};
use weir_model::flow::TargetSpec;
use weir_model::outcome::Outcome;
use weir_model::settings::{Localized, Problems};
use weir_model::target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError};
use weir_model::{Json, outcome::Code};

use config::{Site, Writing};

/// The name in `target.system` and `connections`.
pub const SYSTEM: &str = weir_clients::kingdee::SYSTEM;

/// Every code that this target refuses or halts with; each has a page in `docs/errors`.
pub const CODES: &[Code] = outcome::CODES;

/// Checks the target section of a flow: structure only.
pub fn check(target: &TargetSpec, problems: &mut Problems) {
    Writing::read(target, problems);
}

/// Checks the settings of a connection found at `path`: structure only.
pub fn check_connection(connection: &Json, path: &str, problems: &mut Problems) {
    Site::read("", connection, path, problems);
}

/// Kingdee Galaxy, written to by one flow.
#[derive(Debug)]
pub struct GalaxyTarget {
    client: Client,
    writing: Writing,
}

impl GalaxyTarget {
    /// Makes the target from a flow's target section and the settings of its connection; `None` when they have errors,
    /// which are then in `problems`. Opens nothing.
    pub fn build(
        target: &TargetSpec,
        connection: &Json,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let writing = Writing::read(target, problems)?;
        let settings = Site::read(target.connection.as_str(), connection, path, problems)?;
        match Client::new(settings) {
            Ok(client) => Some(Self { client, writing }),
            Err(error) => {
                problems
                    .error(path, Localized::new(format!("无法建立 HTTP 客户端：{error}"), error.to_string()));
                None
            }
        }
    }
}

#[async_trait]
impl Target for GalaxyTarget {
    fn limits(&self) -> BatchLimits {
        self.writing.limits
    }

    fn announces(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        let form = &self.writing.form;
        let nobody = Query {
            form: form.id.clone(),
            fields: vec![form.id_field.clone(), form.number_field.clone()],
            filter: query::equals(&form.number_field, "weir-probe"),
            order: String::new(),
        };
        match self.client.execute_bill_query(&nobody, Lane::Reconcile).await {
            Ok(_) => Ok(ProbeReport {
                facts: vec![format!("signature accepted, form {} can be queried", form.id)],
                problems: Vec::new(),
            }),
            Err(error) => Err(outcome::target_error(&error)),
        }
    }

    async fn claim(&self, _partition: i32) -> Result<Claim, TargetError> {
        Ok(Claim::default())
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        Ok(run::deliver(&self.client, &self.writing, batch.deliveries).await)
    }

    async fn release(&self, _partition: i32) {}
}
