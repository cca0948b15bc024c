//! The delivering stage: documents → target, written once (design §7).
//!
//! | Module | Holds |
//! | --- | --- |
//! | [`decide`] | what to do with a document, from the receipts alone |
//! | [`ending`] | what an ending leaves behind: receipt, letter, count |
//! | `lane` | the async half: one task per partition that talks to the target |
//! | `kafka_half`, `intake`, `recorder` | the blocking half: reading, receipts, transactions |
//! | `link` | what the halves say to each other |
//! | [`treatment`] | which target and rules are meant, by flow version |
//! | `refusals` | when too much is refused |

pub mod decide;
pub mod ending;
mod intake;
mod kafka_half;
mod lane;
mod link;
mod recorder;
mod refusals;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod simulation;
pub mod treatment;

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use weir_model::{flow::HaltAfter, names::FlowName};

use self::{kafka_half::KafkaHalf, treatment::Treatments};
use crate::{
    health::Part,
    stage::{Deployment, Hold, StageThread, Supervisor},
};

/// Delivers the documents of one flow.
pub struct DeliverStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// The flow.
    pub flow: FlowName,
    /// Where documents go and how they are treated, by the flow version that made them.
    pub treatments: Arc<dyn Treatments>,
    /// When it stops because too much is refused; `None` for never.
    pub halt_after: Option<HaltAfter>,
    /// Runs the lanes.
    pub runtime: Handle,
    /// Set to let it stand still.
    pub hold: Hold,
    /// Cancelled to drain and stop.
    pub stop: CancellationToken,
}

impl DeliverStage {
    /// Starts the stage on a thread of its own.
    pub fn start(self) -> std::io::Result<StageThread> {
        let supervisor =
            Supervisor { part: self.part(), health: self.deployment.health.clone(), stop: self.stop.clone() };
        let mut tasks = HashMap::new();
        supervisor.start(move || KafkaHalf::open(&self, &mut tasks)?.run())
    }

    fn part(&self) -> Part {
        Part::Sink(self.flow.clone())
    }

    fn table_path(&self, partition: i32) -> PathBuf {
        self.deployment.state_dir.join(format!("receipt-{}-{partition}.redb", self.flow))
    }
}
