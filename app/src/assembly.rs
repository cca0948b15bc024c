//! Stages made of a project: who polls, who maps, who writes.

use std::{collections::BTreeMap, sync::Arc};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use weir_model::{
    Json,
    document::FlowVersion,
    flow::{HaltAfter, SourceSpec},
    lookup::LookupIndex,
    names::{ConnectionName, FlowName},
    processor::Processor as _,
    settings::Problems,
    target::Target,
};
use weir_processors::CompiledFlow;
use weir_producers::{Account, Services};
use weir_runtime::{
    collections::Collections,
    deliver::{
        DeliverStage,
        treatment::{Rules, Treatment},
    },
    map::MapStage,
    poll::{PollStage, Poller},
    stage::{Deployment, Hold, StageThread},
};
use weir_sinks::{Clients, Setup};

use crate::{
    cli::Stages,
    exit::Failure,
    project::{Flow, Project, account},
};

/// Everything a process runs, built and not yet started.
pub struct Assembly {
    accounts: Vec<Arc<Account>>,
    mappings: Vec<(SourceSpec, Arc<CompiledFlow>)>,
    targets: Vec<(FlowName, Treatment, Option<HaltAfter>)>,
}

impl Assembly {
    /// Builds what `stages` need. Nothing is called yet.
    pub fn build(
        project: &Project,
        deployment: &Deployment,
        cluster_id: &str,
        stages: Stages,
    ) -> Result<Self, Failure> {
        let runs = |stage| stages == Stages::All || stages == stage;
        let mut assembly = Self { accounts: Vec::new(), mappings: Vec::new(), targets: Vec::new() };
        if runs(Stages::Producers) {
            assembly.accounts = accounts(project, deployment)?;
        }
        let clients = Clients::default();
        for flow in &project.flows {
            if runs(Stages::Processors) {
                assembly.mappings.push((flow.spec.source.clone(), Arc::clone(&flow.mapping)));
            }
            if runs(Stages::Sinks) {
                let target = target(project, flow, deployment, cluster_id, &clients)?;
                let spec = &flow.spec;
                let rules = Rules { id_check: spec.source.id_check, on_leave: spec.target.on_leave };
                assembly.targets.push((
                    spec.name.clone(),
                    Treatment { target, rules },
                    spec.halt_after,
                ));
            }
        }
        Ok(assembly)
    }

    /// Starts every stage on a thread of its own.
    pub fn start(
        self,
        deployment: &Deployment,
        versions: &BTreeMap<FlowName, FlowVersion>,
        stop: &CancellationToken,
    ) -> Result<Vec<StageThread>, Failure> {
        let runtime = Handle::current();
        let mut threads = Vec::new();
        let collections = self.follow(deployment, stop, &mut threads)?;
        let mut keep = |started: std::io::Result<StageThread>| {
            threads.push(started.map_err(|error| Failure::environment("start a thread", &error))?);
            Ok::<_, Failure>(())
        };
        for (flow, treatment, halt_after) in self.targets {
            let (deployment, runtime, stop) = (deployment.clone(), runtime.clone(), stop.clone());
            keep(
                DeliverStage {
                    deployment,
                    flow,
                    treatments: Arc::new(treatment),
                    halt_after,
                    runtime,
                    hold: Hold::default(),
                    stop,
                }
                .start(),
            )?;
        }
        for (source, processor) in self.mappings {
            let flow_version = versions.get(processor.flow()).copied().unwrap_or_default();
            let deployment = deployment.clone();
            let source = source.name;
            let (collections, stop) = (collections.clone(), stop.clone());
            keep(
                MapStage {
                    deployment,
                    source,
                    processor,
                    flow_version,
                    collections,
                    hold: Hold::default(),
                    stop,
                }
                .start(),
            )?;
        }
        if !self.accounts.is_empty() {
            let pollers = self.accounts.into_iter().map(|account| account as Arc<dyn Poller>).collect();
            let deployment = deployment.clone();
            keep(PollStage { deployment, pollers, runtime, stop: stop.clone() }.start())?;
        }
        Ok(threads)
    }

    /// One reader of collections for all mapping stages of the process, when one of them looks something up.
    fn follow(
        &self,
        deployment: &Deployment,
        stop: &CancellationToken,
        threads: &mut Vec<StageThread>,
    ) -> Result<Collections, Failure> {
        let indexes: Vec<LookupIndex> =
            self.mappings.iter().flat_map(|(_, processor)| processor.lookups().iter().cloned()).collect();
        if indexes.is_empty() {
            return Ok(Collections::none());
        }
        let (collections, thread) = Collections::follow(deployment, indexes, stop)
            .map_err(|error| Failure::environment("start a thread", &error))?;
        threads.push(thread);
        Ok(collections)
    }
}

/// One account per connection that some flow polls.
pub fn accounts(project: &Project, deployment: &Deployment) -> Result<Vec<Arc<Account>>, Failure> {
    let mut by_connection: BTreeMap<&ConnectionName, Vec<SourceSpec>> = BTreeMap::new();
    for source in project.sources() {
        by_connection.entry(&source.connection).or_default().push(source.clone());
    }
    let file = project.file.display().to_string();
    let services = Services {
        clock: Arc::clone(&deployment.clock),
        metrics: deployment.metrics.clone(),
        health: deployment.health.clone(),
    };
    by_connection
        .into_iter()
        .map(|(name, sources)| {
            let connection = project.connection(name)?;
            let connection_of = account(name, connection, &project.config, &file);
            weir_producers::build(&connection.system, &connection_of, &sources, &services)
                .map(Arc::new)
                .map_err(|error| Failure::invalid(weir_runtime::stage::chain(&error)))
        })
        .collect()
}

/// The target of a flow; flows of one connection share its client.
pub fn target(
    project: &Project,
    flow: &Flow,
    deployment: &Deployment,
    cluster_id: &str,
    clients: &Clients,
) -> Result<Arc<dyn Target>, Failure> {
    // A collection lies in the project's own Kafka: there are no settings but the flow's.
    let none = (Json::Null, String::new());
    let (settings, path) = if flow.fills().is_some() {
        (&none.0, &none.1)
    } else {
        let connection = project.connection(&flow.spec.target.connection)?;
        (&connection.settings, &connection.path)
    };
    let topic = deployment.topics.doc(&flow.spec.name);
    let mut problems = Problems::new(project.file.display().to_string());
    let setup = Setup {
        flow: &flow.spec.name,
        topic: &topic,
        cluster: cluster_id,
        owner: &deployment.instance,
        target: &flow.spec.target,
        connection: settings,
        connection_path: path,
        clients,
    };
    weir_sinks::build(&setup, &mut problems).ok_or_else(|| {
        let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
        Failure::invalid(said.join("\n"))
    })
}
