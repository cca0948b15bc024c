//! 金蝶 K/3 WISE as a target: one call per document, four documents at a time (contract kingdee-k3wise §6).
//!
//! It stores no offsets, so the sink loop keeps a durable `sending` receipt before each call ([`Target::announces`]), and
//! whatever was left unknown is looked up by its number before anything is sent again (design §7, contract kingdee-k3wise
//! §8). What is sent and compared is in `document` (pure), the calls in `run`. Codes and the meaning of call errors are
//! those of the other Kingdee target.

mod config;
mod document;
mod run;

#[cfg(test)]
mod sandbox_tests;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use weir_clients::governor::Lane;
use weir_clients::k3wise::Client;
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::outcome::Outcome;
use weir_model::settings::{Localized, Problems};
use weir_model::target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError};

use crate::kingdee::outcome::target_error;
use config::{Site, Writing};

/// The name in `target.system` and `connections`.
pub const SYSTEM: &str = weir_clients::k3wise::SYSTEM;

/// Checks the target section of a flow: structure only.
pub fn check(target: &TargetSpec, problems: &mut Problems) {
    Writing::read(target, problems);
}

/// Checks the settings of a connection found at `path`: structure only.
pub fn check_connection(connection: &Json, path: &str, problems: &mut Problems) {
    Site::read("", connection, path, problems);
}

/// K/3 WISE, written to by one flow.
#[derive(Debug)]
pub struct WiseTarget {
    client: Client,
    writing: Writing,
}

impl WiseTarget {
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
impl Target for WiseTarget {
    fn limits(&self) -> BatchLimits {
        self.writing.limits
    }

    fn announces(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        let object = &self.writing.object;
        self.client.log_in(Lane::Reconcile).await.map_err(|error| target_error(&error))?;
        match self.client.numbers_like(object, "weir-probe", Lane::Reconcile).await {
            Ok(_) => Ok(ProbeReport {
                facts: vec![format!("authority code accepted, {object} can be listed")],
                problems: Vec::new(),
            }),
            Err(error) => Err(target_error(&error)),
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
