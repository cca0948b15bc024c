//! The mapping stage: raw and re-entering records → documents, with their offsets, in one Kafka transaction (design §6).
//!
//! | Module | Holds |
//! | --- | --- |
//! | `attempt` | the loop: polling, rebalances, transactions |
//! | `intake` | which topic it reads, and a message of it → the mapping's input |
//! | `entry` | a record with what is kept of how it came |
//! | `batch` | records → what one transaction holds |
//! | `mapper` | one record through the flow, and into its topics |
//! | `redo` | the records that re-enter the flow, read beside those of the source |
//! | `room` | the waiting room: parked records on disk, restored when a partition is assigned |
//! | `parking` | what is parked, under which reference, and until when; pure |

mod attempt;
mod batch;
mod entry;
mod intake;
mod mapper;
mod parking;
mod redo;
mod room;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use weir_model::{document::FlowVersion, processor::Processor};

pub use self::intake::Intake;
use self::{attempt::Attempt, mapper::Mapper};
use crate::{
    collections::Collections,
    health::{Condition, Part},
    stage::{Deployment, Hold, StageError, StageThread, Supervisor},
};

/// Maps the records of one flow.
pub struct MapStage {
    /// Where it runs.
    pub deployment: Deployment,
    /// Where its records come from.
    pub intake: Intake,
    /// The compiled flow.
    pub processor: Arc<dyn Processor>,
    /// Version of the flow's text.
    pub flow_version: FlowVersion,
    /// What the flow looks up.
    pub collections: Collections,
    /// Set to let it stand still after the batch in hand.
    pub hold: Hold,
    /// Cancelled to stop after the batch in hand.
    pub stop: CancellationToken,
}

impl MapStage {
    /// Starts the stage on a thread of its own.
    pub fn start(self) -> std::io::Result<StageThread> {
        let supervisor =
            Supervisor { part: self.part(), health: self.deployment.health.clone(), stop: self.stop.clone() };
        supervisor.start(move || self.attempt())
    }

    fn part(&self) -> Part {
        Part::Processor(self.processor.flow().clone())
    }

    /// Joins the group and maps until told to stop; between two batches nothing is in flight (invariant 7).
    fn attempt(&self) -> Result<(), StageError> {
        let Deployment { topics, codec, cluster, .. } = &self.deployment;
        let flow = self.processor.flow();
        let mapper = Mapper {
            intake: self.intake.clone(),
            processor: Arc::clone(&self.processor),
            flow_version: self.flow_version,
            codec: codec.clone(),
            doc_topic: topics.doc(flow).into(),
            wait_topic: topics.wait(flow).into(),
            has_append_times: !cluster.is_in_process(),
        };
        Attempt::open(self, &mapper)?.run()
    }

    fn report(&self, condition: Condition) {
        self.deployment.health.report(&self.part(), condition);
    }
}
