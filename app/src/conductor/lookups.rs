//! The rows that the mapping stages of a process look up, with the indexes that they need now.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;
use weir_model::lookup::LookupIndex;
use weir_runtime::{
    collections::Collections,
    health::Part,
    stage::{Deployment, StageThread},
};

use crate::exit::Failure;

/// The collections that are followed.
pub struct Lookups {
    indexes: BTreeSet<LookupIndex>,
    collections: Collections,
    generation: u64,
    running: Option<(StageThread, CancellationToken)>,
}

impl Lookups {
    /// None yet.
    pub fn none() -> Self {
        Self { indexes: BTreeSet::new(), collections: Collections::none(), generation: 0, running: None }
    }

    /// What stages look up in.
    pub fn collections(&self) -> &Collections {
        &self.collections
    }

    /// Counts the tables: a stage that looks up in a former one has to start anew.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Follows the collections by other indexes, until `stop`; nothing is done when they are the same.
    pub async fn follow(
        &mut self,
        indexes: BTreeSet<LookupIndex>,
        deployment: &Deployment,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        if indexes == self.indexes || stop.is_cancelled() {
            return Ok(());
        }
        if let Some((thread, stop)) = self.running.take() {
            stop.cancel();
            // Why it was halted, if it was, is in the log.
            let _ = thread.ended().await;
        }
        self.generation += 1;
        self.collections = Collections::none();
        self.indexes = indexes;
        if self.indexes.is_empty() {
            deployment.health.forget(&Part::Collections);
            return Ok(());
        }
        let stop = stop.child_token();
        let indexes = self.indexes.iter().cloned().collect();
        let (collections, thread) = Collections::follow(deployment, indexes, &stop)
            .map_err(|error| Failure::environment("start a thread", &error))?;
        self.collections = collections;
        self.running = Some((thread, stop));
        Ok(())
    }

    /// Waits until following has ended; whether it had been halted.
    pub async fn ended(self) -> bool {
        match self.running {
            Some((thread, _)) => thread.ended().await.is_err(),
            None => false,
        }
    }
}
