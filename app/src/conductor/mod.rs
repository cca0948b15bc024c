//! The conductor of a process: follows what `weir.control` says and brings its stages to it, between batches and without
//! a restart (design §9).
//!
//! One rule for every change: from the configuration, and from what control says, follows what is to run; what is made of
//! something else than before ends and starts anew. What cannot be used is refused here, and what ran goes on.

mod ledger;
mod lookups;
mod plan;
mod unit;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use weir_model::{
    digest::Digest,
    document::FlowVersion,
    flow::SourceSpec,
    lookup::LookupIndex,
    names::{ConnectionName, FlowName, SourceName},
    processor::Processor as _,
};
use weir_runtime::{
    control::Known,
    health::{Condition, Part},
    map::Intake,
    stage::chain,
};
use weir_schemas::{FlowText, RunState};
use weir_sinks::Clients;

use self::{
    lookups::Lookups,
    plan::{Choice, choose, revision},
    unit::{Unit, Wanted},
};
use crate::{
    assembly::{Edition, Workshop},
    cli::Stages,
    exit::Failure,
    project::{Flow, Project},
    receipts::{self, local_connection},
    trimming, versions,
};

/// What ends and starts as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Flow(FlowName),
    Jobs,
    Ledger,
    Polling,
}

/// Decides what runs in this process.
pub struct Conductor {
    workshop: Workshop,
    /// The configuration as it was read last.
    project: Arc<Project>,
    known: Arc<Known>,
    /// Tells what control says from now on.
    changes: watch::Receiver<Arc<Known>>,
    /// What texts were compiled to with this configuration.
    compiled: Compiled,
    /// Why newest versions were refused, as it was logged last.
    told: BTreeMap<FlowName, String>,
    /// One set of clients for each connection and its settings: who has the same account shares its quota.
    clients: ClientsOf,
    lookups: Lookups,
    units: BTreeMap<Name, Unit>,
    /// Units whose stages have ended by themselves.
    fallen: mpsc::Receiver<()>,
    falls: mpsc::Sender<()>,
    /// Raised to start what was halted again.
    again: BTreeMap<Name, u64>,
    /// Trims for the flows of the project; ends when it is dropped.
    trimming: Option<DropGuard>,
    /// Why the newest configuration is not the one in use.
    refused: Option<String>,
    stop: CancellationToken,
}

/// What texts were compiled to, or why they cannot be: by flow, ordinal and digest.
type Compiled = BTreeMap<(FlowName, u32, [u8; 16]), Result<Arc<Flow>, String>>;
/// Clients by connection and what it is made of.
type ClientsOf = BTreeMap<(ConnectionName, Digest), Arc<Clients>>;

impl Conductor {
    /// Puts it together; nothing runs yet. `changes` tells what control says; everything ends when `stop` is cancelled.
    pub fn new(
        workshop: Workshop,
        project: Arc<Project>,
        changes: watch::Receiver<Arc<Known>>,
        stop: &CancellationToken,
    ) -> Self {
        let (falls, fallen) = mpsc::channel(8);
        Self {
            workshop,
            project,
            known: Arc::default(),
            changes,
            compiled: Compiled::new(),
            told: BTreeMap::new(),
            clients: ClientsOf::new(),
            lookups: Lookups::none(),
            units: BTreeMap::new(),
            fallen,
            falls,
            again: BTreeMap::new(),
            trimming: None,
            refused: None,
            stop: stop.clone(),
        }
    }

    /// Runs what control says until told to stop, then drains. A stage that halted has logged why; its siblings go on,
    /// and only when all have ended does the process end.
    pub async fn run(mut self) -> Result<(), Failure> {
        let mut changes = self.changes.clone();
        self.known = Arc::clone(&changes.borrow_and_update());
        self.arrange().await?;
        let mut fallen = 0;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                _ = self.fallen.recv() => {
                    fallen += 1;
                    if fallen >= self.units.iter().filter(|(name, unit)| self.counts(name) && unit.is_wanted()).count() {
                        break;
                    }
                }
                changed = changes.changed() => {
                    if changed.is_err() {
                        self.stop.cancelled().await;
                        break;
                    }
                    let known = Arc::clone(&changes.borrow_and_update());
                    if known.agrees_about_flows(&self.known) {
                        // A job went on; that is nothing to end or start stages for.
                        self.known = known;
                        continue;
                    }
                    self.take(known).await?;
                    while self.fallen.try_recv().is_ok() {}
                    fallen = 0;
                }
            }
        }
        self.end().await
    }

    async fn end(self) -> Result<(), Failure> {
        self.stop.cancel();
        let mut halted = 0;
        for unit in self.units.into_values() {
            halted += unit.ended().await;
        }
        halted += usize::from(self.lookups.ended().await);
        match halted {
            0 => Ok(()),
            count => Err(Failure::runtime(format!("{count} stages were halted; the log says why"))),
        }
    }

    /// Takes in what control says now.
    async fn take(&mut self, known: Arc<Known>) -> Result<(), Failure> {
        let former = std::mem::replace(&mut self.known, known);
        let reload = self.known.reload() != former.reload();
        let is_resumed = |flow: &&Flow| {
            let state = self.known.state(&flow.spec.name);
            state != former.state(&flow.spec.name)
                && state.is_some_and(|state| state.state == RunState::Running)
        };
        let resumed = self.project.flows.iter().filter(is_resumed).count() > 0;
        if reload || resumed {
            tracing::info!(reload, "reading the configuration anew");
            self.read_again(reload).await;
            self.start_halted_again(reload);
        }
        self.arrange().await
    }

    /// Reads the project anew: its connections and secrets, and on a reload also its flows. One that cannot be used is
    /// refused, and the one in use stays.
    async fn read_again(&mut self, with_flows: bool) {
        let (file, deployment) = (self.project.file.clone(), self.workshop.deployment.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (project, problems) = Project::load(&file);
            let project = project.ok_or_else(|| {
                let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
                said.join("; ")
            })?;
            if with_flows {
                // The follower tells of what is new by this.
                versions::register(&deployment, &project.flows).map_err(|error| chain(&error))?;
            }
            Ok::<_, String>(project)
        });
        let read = read.await.unwrap_or_else(|error| Err(error.to_string()));
        self.refused = read.as_ref().err().map(|why| format!("the configuration cannot be used: {why}"));
        match read {
            Ok(project) => self.use_project(project, with_flows),
            Err(why) => {
                tracing::error!(why, "the new configuration is refused, the old one goes on");
            }
        }
    }

    fn use_project(&mut self, mut project: Project, with_flows: bool) {
        if project.config.is_otherwise_at_start(&self.project.config) {
            tracing::warn!(
                "changes of kafka, schema_registry, state_dir and telemetry apply at the next start"
            );
        }
        if !with_flows {
            // Only a reload adds and removes flows.
            project.flows.clone_from(&self.project.flows);
        }
        self.project = Arc::new(project);
        self.trimming = None;
        self.compiled.clear();
    }

    /// Whatever a person may have mended is tried again: on a reload everything, on a resume the flow (its state is
    /// another) and the polling.
    fn start_halted_again(&mut self, everything: bool) {
        let is_halted =
            |state: &weir_runtime::health::PartState| matches!(state.condition, Condition::Halted(_));
        for (part, _) in
            self.workshop.deployment.health.parts().into_iter().filter(|(_, state)| is_halted(state))
        {
            let name = match part {
                Part::Processor(flow) | Part::Sink(flow) if everything => Name::Flow(flow),
                Part::Source(_) | Part::Remedy(_) | Part::Producers => Name::Polling,
                Part::Jobs => Name::Jobs,
                Part::Ledger => Name::Ledger,
                _ => continue,
            };
            *self.again.entry(name).or_default() += 1;
        }
    }

    /// Brings everything to what configuration and control say.
    async fn arrange(&mut self) -> Result<(), Failure> {
        if self.trimming.is_none() {
            let Workshop { deployment, stages, .. } = &self.workshop;
            self.trimming = Some(trimming::start(&self.project, deployment, *stages, &self.stop)?);
        }
        let editions = self.choose_editions();
        let indexes = self.indexes(&editions);
        self.lookups.follow(indexes, &self.workshop.deployment, &self.stop).await?;
        let mut wanted: BTreeMap<Name, Option<Wanted>> =
            self.units.keys().map(|name| (name.clone(), None)).collect();
        let clients = std::mem::take(&mut self.clients);
        if self.workshop.runs(Stages::Processors) || self.workshop.runs(Stages::Sinks) {
            for (name, choice) in &editions {
                let flow = self.wanted_flow(name, choice, &clients);
                wanted.insert(Name::Flow(name.clone()), Some(flow));
            }
        }
        if self.workshop.runs(Stages::Producers) {
            wanted.insert(Name::Polling, self.wanted_polling(&editions));
        }
        if self.workshop.runs(Stages::Processors) {
            wanted.insert(Name::Jobs, self.wanted_jobs(&editions));
        }
        if self.workshop.runs(Stages::Ledger) {
            wanted.insert(Name::Ledger, Some(self.wanted_ledger()));
        }
        let health = &self.workshop.deployment.health;
        for (name, wanted) in wanted {
            let falls = if self.counts(&name) { self.falls.clone() } else { mpsc::channel(1).0 };
            let begin = || Unit::begin(&name.to_string(), health, &self.stop, falls);
            self.units.entry(name.clone()).or_insert_with(begin).want(wanted);
        }
        Ok(())
    }

    /// The version of each flow that can be used here. Flows that share a source agree about it, so of two that do not
    /// the later one keeps its former version.
    fn choose_editions(&mut self) -> BTreeMap<FlowName, Choice<Arc<Flow>>> {
        let (known, project) = (Arc::clone(&self.known), Arc::clone(&self.project));
        let mut editions: BTreeMap<FlowName, Choice<Arc<Flow>>> = BTreeMap::new();
        let (former, told) = (std::mem::take(&mut self.compiled), std::mem::take(&mut self.told));
        let names = project.flows.iter().map(|flow| &flow.spec.name);
        for name in names.filter(|name| known.newest(name).is_some()) {
            let choice = choose(name, &known, |text| {
                let flow = self.compile(text, &former)?;
                let others = editions.values().filter_map(|choice| choice.chosen.as_ref());
                project.agrees(&flow, others.map(|(_, other)| other.as_ref()))?;
                Ok(flow)
            });
            if let Some(why) = &choice.refused {
                if told.get(name) != Some(why) {
                    tracing::error!(flow = %name, why, "the newest version of the flow is refused");
                }
                self.told.insert(name.clone(), why.clone());
            }
            editions.insert(name.clone(), choice);
        }
        editions
    }

    /// Compiles a text with the configuration in use, unless that was done before.
    fn compile(&mut self, text: &FlowText, former: &Compiled) -> Result<Arc<Flow>, String> {
        let key = (text.flow.clone(), text.version.ordinal, *text.version.digest.as_bytes());
        if let Some(known) = self.compiled.get(&key).or_else(|| former.get(&key)).cloned() {
            self.compiled.insert(key, known.clone());
            return known;
        }
        let file = format!("{}@{}", text.flow, text.version.ordinal);
        let compiled = self.project.compile(&text.flow, &text.text, file).and_then(|flow| {
            if self.workshop.runs(Stages::Sinks) {
                let target = self.workshop.target(&self.project, &flow.spec, &Clients::default());
                target.map_err(|failure| failure.message().to_owned())?;
            }
            Ok(Arc::new(flow))
        });
        self.compiled.insert(key, compiled.clone());
        compiled
    }

    /// What the mappings of this process look up.
    fn indexes(&self, editions: &BTreeMap<FlowName, Choice<Arc<Flow>>>) -> BTreeSet<LookupIndex> {
        if !self.workshop.runs(Stages::Processors) {
            return BTreeSet::new();
        }
        let chosen = editions.values().filter_map(|choice| choice.chosen.as_ref());
        chosen.flat_map(|(_, flow)| flow.mapping.lookups().iter().cloned()).collect()
    }

    fn wanted_flow(&mut self, name: &FlowName, choice: &Choice<Arc<Flow>>, former: &ClientsOf) -> Wanted {
        let hold = self.known.hold(name);
        let refused = choice.refused.clone().or_else(|| self.refused.clone());
        let Some((version, flow)) = &choice.chosen else {
            let why = choice.refused.clone().unwrap_or_default();
            return Wanted {
                revision: revision(&(name, &why)),
                hold,
                refused: None,
                parts: self.parts_of(name, FlowVersion::default()),
                details: Vec::new(),
                start: Arc::new(move |_, _| Err(Failure::invalid(why.clone()))),
            };
        };
        let spec = &flow.spec;
        let target = self.digest_of(&spec.target.connection);
        let collections = (!flow.mapping.lookups().is_empty()).then_some(self.lookups.generation());
        let again = self.again.get(&Name::Flow(name.clone())).copied().unwrap_or_default();
        let resumed = self.known.state(name).filter(|state| state.state == RunState::Running);
        let zone = self.digest_of(local_connection(spec));
        let made_of = (version, target, zone, collections, again, resumed.map(|state| state.at));
        let account = (spec.target.connection.clone(), target);
        let known = former.get(&account).cloned();
        let clients = self.clients.entry(account).or_insert_with(|| known.unwrap_or_default());
        let (workshop, project, clients) =
            (self.workshop.clone(), Arc::clone(&self.project), Arc::clone(clients));
        let edition = Edition { flow: Arc::clone(flow), version: *version };
        let rows = self.lookups.collections().clone();
        Wanted {
            revision: revision(&made_of),
            hold,
            refused,
            parts: self.parts_of(name, *version),
            details: Vec::new(),
            start: Arc::new(move |hold, stop| {
                workshop.start_flow(&project, &edition, &clients, &rows, hold, stop)
            }),
        }
    }

    /// The parts of this process that a flow is.
    fn parts_of(&self, flow: &FlowName, version: FlowVersion) -> Vec<(Part, u32)> {
        let mut parts = Vec::new();
        if self.workshop.runs(Stages::Processors) {
            parts.push((Part::Processor(flow.clone()), version.ordinal));
        }
        if self.workshop.runs(Stages::Sinks) {
            parts.push((Part::Sink(flow.clone()), version.ordinal));
        }
        parts
    }

    /// All sources of all flows; none when there is nothing to poll.
    fn wanted_polling(&self, editions: &BTreeMap<FlowName, Choice<Arc<Flow>>>) -> Option<Wanted> {
        let chosen = editions.values().filter_map(|choice| choice.chosen.as_ref());
        let mut sources: BTreeMap<&SourceName, &SourceSpec> = BTreeMap::new();
        let mut feeds: BTreeMap<SourceName, Vec<FlowName>> = BTreeMap::new();
        for (_, flow) in chosen.filter(|(_, flow)| flow.spec.source.receipts.is_none()) {
            sources.insert(&flow.spec.source.name, &flow.spec.source);
            feeds.entry(flow.spec.source.name.clone()).or_default().push(flow.spec.name.clone());
        }
        if sources.is_empty() {
            return None;
        }
        let accounts: BTreeMap<&ConnectionName, Digest> =
            sources.values().map(|source| (&source.connection, self.digest_of(&source.connection))).collect();
        let again = self.again.get(&Name::Polling).copied().unwrap_or_default();
        let details =
            sources.keys().flat_map(|name| [Part::Source((*name).clone()), Part::Remedy((*name).clone())]);
        let details = details.collect();
        let revision = revision(&(&sources, &feeds, accounts, again));
        let sources: Vec<SourceSpec> = sources.into_values().cloned().collect();
        let (workshop, project) = (self.workshop.clone(), Arc::clone(&self.project));
        let changes = self.changes.clone();
        Some(Wanted {
            revision,
            hold: None,
            refused: self.refused.clone(),
            parts: vec![(Part::Producers, 0)],
            details,
            start: Arc::new(move |_, stop| {
                workshop.start_polling(&project, &sources, &feeds, &changes, stop)
            }),
        })
    }

    /// The replays and repairs of all flows.
    fn wanted_jobs(&self, editions: &BTreeMap<FlowName, Choice<Arc<Flow>>>) -> Option<Wanted> {
        let chosen = editions.values().filter_map(|choice| choice.chosen.as_ref());
        let flows: BTreeMap<FlowName, Intake> = chosen
            .map(|(_, flow)| (flow.spec.name.clone(), receipts::intake(&flow.spec, &self.project)))
            .collect();
        if flows.is_empty() {
            return None;
        }
        let again = self.again.get(&Name::Jobs).copied().unwrap_or_default();
        let (workshop, changes) = (self.workshop.clone(), self.changes.clone());
        Some(Wanted {
            revision: revision(&(&flows, again)),
            hold: None,
            refused: None,
            parts: vec![(Part::Jobs, 0)],
            details: Vec::new(),
            start: Arc::new(move |_, stop| workshop.start_jobs(&flows, &changes, stop)),
        })
    }

    /// What a connection is made of; settings hold secrets, so only their digest is kept (invariant 8).
    fn digest_of(&self, connection: &ConnectionName) -> Digest {
        let known = self.project.config.connections.get(connection);
        revision(&known.map(|known| (&known.system, &known.zone, known.settings.to_string())))
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flow(flow) => write!(f, "flow {flow}"),
            Self::Jobs => f.write_str("jobs"),
            Self::Ledger => f.write_str("ledger"),
            Self::Polling => f.write_str("polling"),
        }
    }
}
