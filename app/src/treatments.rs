//! How a flow's documents are treated: by the target section of the version that made them (design §7).
//!
//! The running version is built at the start. Another one, older or newer, is found in `weir.control` when the first of its
//! documents comes, and its target is built over today's connections.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::runtime::Handle;
use weir_model::{
    flow::FlowSpec,
    names::FlowName,
    outcome::{Code, Refusal},
    settings::Problems,
};
use weir_runtime::{
    control,
    deliver::treatment::{Rules, Treatment, Treatments, Untreatable},
    stage::Deployment,
};
use weir_sinks::Clients;

use crate::{
    assembly::{Edition, Workshop},
    exit::Failure,
    project::Project,
};

/// A document's flow version cannot be used.
const VERSION: Code = Code::new("FLOW-VERSION");

/// The treatments of one flow.
pub struct FlowTreatments {
    workshop: Workshop,
    project: Arc<Project>,
    clients: Arc<Clients>,
    flow: FlowName,
    /// Connections are pooled on it.
    runtime: Handle,
    /// Those that were asked for, by ordinal.
    known: Mutex<BTreeMap<u32, Treatment>>,
}

impl FlowTreatments {
    /// Builds the treatment of the version that runs.
    pub fn new(
        workshop: &Workshop,
        project: &Arc<Project>,
        edition: &Edition,
        clients: &Arc<Clients>,
    ) -> Result<Self, Failure> {
        let spec = &edition.flow.spec;
        let treatments = Self {
            workshop: workshop.clone(),
            project: Arc::clone(project),
            clients: Arc::clone(clients),
            flow: spec.name.clone(),
            runtime: Handle::current(),
            known: Mutex::default(),
        };
        let current = treatments.treatment(spec)?;
        treatments
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(edition.version.ordinal, current);
        Ok(treatments)
    }

    fn treatment(&self, spec: &FlowSpec) -> Result<Treatment, Failure> {
        let target = self.workshop.target(&self.project, spec, &self.clients)?;
        let rules = Rules { id_check: spec.source.id_check, on_leave: spec.target.on_leave };
        Ok(Treatment { target, rules })
    }

    /// The treatment of a version whose text stands in `weir.control`.
    fn other(&self, ordinal: u32) -> Result<Treatment, Untreatable> {
        let Deployment { cluster, topics, codec, .. } = &self.workshop.deployment;
        let known = control::read(cluster, topics, codec)?;
        let Some(text) = known.text(&self.flow, ordinal) else {
            return Err(self.unusable(ordinal, "its text is not in weir.control"));
        };
        let mut problems = Problems::new(format!("{}@{ordinal}", self.flow));
        let spec = FlowSpec::parse(&text.text, &mut problems);
        if let Some(spec) = &spec {
            weir_sinks::check(&spec.target, &mut problems);
        }
        let Some(spec) = spec.filter(|_| !problems.has_errors()) else {
            let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
            return Err(self.unusable(ordinal, &said.join("; ")));
        };
        tracing::info!(flow = %self.flow, version = ordinal, "delivering documents of another version of the flow");
        // The stage asks from a thread of its own.
        let _runtime = self.runtime.enter();
        self.treatment(&spec).map_err(|failure| self.unusable(ordinal, failure.message()))
    }

    fn unusable(&self, ordinal: u32, why: &str) -> Untreatable {
        let message = format!(
            "a document was made by version {ordinal} of flow {}, whose target cannot be used: {why}. Make the connection that \
             it names available again, or pass its documents on by hand",
            self.flow
        );
        Untreatable::Halted(Refusal::new(VERSION, message))
    }
}

impl Treatments for FlowTreatments {
    fn of(&self, ordinal: u32) -> Result<Treatment, Untreatable> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(treatment) = known.get(&ordinal) {
            return Ok(treatment.clone());
        }
        let treatment = self.other(ordinal)?;
        Ok(known.entry(ordinal).or_insert(treatment).clone())
    }
}
