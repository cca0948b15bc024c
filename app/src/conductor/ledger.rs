//! The ledger as a unit of the conductor: what it follows changes with the project's flows.

use std::sync::Arc;

use weir_runtime::health::Part;

use super::{Conductor, Name, plan::revision, unit::Wanted};
use crate::{cli::Stages, exit::Failure, ledger};

impl Conductor {
    /// Whether the process goes on for its sake: jobs are nothing without the flows they feed, and the ledger nothing
    /// without those it follows, unless it is all that this process runs.
    pub(super) fn counts(&self, name: &Name) -> bool {
        match name {
            Name::Flow(_) | Name::Polling => true,
            Name::Jobs => false,
            Name::Ledger => self.workshop.stages == Stages::Ledger,
        }
    }

    /// The following of all topics of the project.
    pub(super) fn wanted_ledger(&self) -> Wanted {
        let deployment = self.workshop.deployment.clone();
        let scope = ledger::scope(&self.project, &deployment.topics, &deployment.codec);
        let settings = self.project.config.ledger.clone();
        let again = self.again.get(&Name::Ledger).copied().unwrap_or_default();
        Wanted {
            revision: revision(&(scope.topics(), format!("{settings:?}"), again)),
            hold: None,
            refused: self.refused.clone(),
            parts: vec![(Part::Ledger, 0)],
            details: Vec::new(),
            start: Arc::new(move |_, stop| {
                let thread = weir_ledger::follower::start(settings.clone(), scope.clone(), &deployment, stop);
                Ok(vec![thread.map_err(|error| Failure::environment("start a thread", &error))?])
            }),
        }
    }
}
