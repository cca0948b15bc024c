//! Stages made of a project: who polls, who maps, who writes.

use std::{collections::BTreeMap, sync::Arc};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;
use weir_model::{
    Json,
    document::FlowVersion,
    flow::{FlowSpec, SourceSpec},
    names::{ConnectionName, FlowName, SourceName},
    settings::Problems,
    target::Target,
};
use weir_producers::{Account, Services};
use weir_runtime::{
    collections::Collections,
    control::Known,
    deliver::DeliverStage,
    jobs::JobStage,
    map::{Intake, MapStage},
    poll::{PollStage, Poller},
    stage::{Deployment, Hold, StageThread},
};
use weir_sinks::{Clients, Setup};

use crate::{
    cli::Stages,
    exit::Failure,
    project::{Flow, Project, account},
    receipts,
    treatments::FlowTreatments,
};

/// What stages are made of, but for their flow. Cheap to clone.
#[derive(Clone)]
pub struct Workshop {
    /// Where they run.
    pub deployment: Deployment,
    /// Id of the Kafka cluster.
    pub cluster_id: Arc<str>,
    /// Which stages this process runs.
    pub stages: Stages,
}

/// A flow at a version.
#[derive(Clone)]
pub struct Edition {
    /// The flow.
    pub flow: Arc<Flow>,
    /// The version that it is.
    pub version: FlowVersion,
}

impl Workshop {
    /// Whether this process runs such stages.
    pub fn runs(&self, stage: Stages) -> bool {
        self.stages == Stages::All || self.stages == stage
    }

    /// Starts the mapping and the delivery of a flow, as far as this process runs them, each on a thread of its own.
    pub fn start_flow(
        &self,
        project: &Arc<Project>,
        edition: &Edition,
        clients: &Arc<Clients>,
        collections: &Collections,
        hold: &Hold,
        stop: &CancellationToken,
    ) -> Result<Vec<StageThread>, Failure> {
        let spec = &edition.flow.spec;
        let mut threads = Vec::new();
        if self.runs(Stages::Sinks) {
            let stage = DeliverStage {
                deployment: self.deployment.clone(),
                flow: spec.name.clone(),
                treatments: Arc::new(FlowTreatments::new(self, project, edition, clients)?),
                halt_after: spec.halt_after,
                runtime: Handle::current(),
                hold: hold.clone(),
                stop: stop.clone(),
            };
            threads.push(started(stage.start())?);
        }
        if self.runs(Stages::Processors) {
            let stage = MapStage {
                deployment: self.deployment.clone(),
                intake: receipts::intake(spec, project),
                processor: Arc::clone(&edition.flow.mapping) as _,
                flow_version: edition.version,
                collections: collections.clone(),
                hold: hold.clone(),
                stop: stop.clone(),
            };
            threads.push(started(stage.start())?);
        }
        Ok(threads)
    }

    /// Starts the polling of these sources, and of the jobs that `control` has for them; `feeds` are the flows that read
    /// each source.
    pub fn start_polling(
        &self,
        project: &Project,
        sources: &[SourceSpec],
        feeds: &BTreeMap<SourceName, Vec<FlowName>>,
        control: &watch::Receiver<Arc<Known>>,
        stop: &CancellationToken,
    ) -> Result<Vec<StageThread>, Failure> {
        let accounts = accounts(project, sources, &self.deployment)?;
        let stage = PollStage {
            deployment: self.deployment.clone(),
            pollers: accounts.into_iter().map(|account| account as Arc<dyn Poller>).collect(),
            control: control.clone(),
            feeds: feeds.clone(),
            runtime: Handle::current(),
            stop: stop.clone(),
        };
        Ok(vec![started(stage.start())?])
    }

    /// Starts the carrying on of replays and repairs of these flows, each with what it reads.
    pub fn start_jobs(
        &self,
        flows: &BTreeMap<FlowName, Intake>,
        control: &watch::Receiver<Arc<Known>>,
        stop: &CancellationToken,
    ) -> Result<Vec<StageThread>, Failure> {
        let stage = JobStage {
            deployment: self.deployment.clone(),
            flows: flows.clone(),
            control: control.clone(),
            stop: stop.clone(),
        };
        Ok(vec![started(stage.start())?])
    }

    /// The target of a flow; flows that are given the same `clients` share those of their connections.
    pub fn target(
        &self,
        project: &Project,
        flow: &FlowSpec,
        clients: &Clients,
    ) -> Result<Arc<dyn Target>, Failure> {
        target(project, flow, &self.deployment, &self.cluster_id, clients)
    }
}

fn started(thread: std::io::Result<StageThread>) -> Result<StageThread, Failure> {
    thread.map_err(|error| Failure::environment("start a thread", &error))
}

/// One account per connection that these sources are polled from.
pub fn accounts<'a>(
    project: &Project,
    sources: impl IntoIterator<Item = &'a SourceSpec>,
    deployment: &Deployment,
) -> Result<Vec<Arc<Account>>, Failure> {
    let mut by_connection: BTreeMap<&ConnectionName, Vec<SourceSpec>> = BTreeMap::new();
    for source in sources {
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
    flow: &FlowSpec,
    deployment: &Deployment,
    cluster_id: &str,
    clients: &Clients,
) -> Result<Arc<dyn Target>, Failure> {
    // A collection lies in the project's own Kafka: there are no settings but the flow's.
    let none = (Json::Null, String::new());
    let (settings, path) = if flow.target.system == weir_sinks::collection::SYSTEM {
        (&none.0, &none.1)
    } else {
        let connection = project.connection(&flow.target.connection)?;
        (&connection.settings, &connection.path)
    };
    let topic = deployment.topics.doc(&flow.name);
    let mut problems = Problems::new(project.file.display().to_string());
    let setup = Setup {
        flow: &flow.name,
        topic: &topic,
        cluster: cluster_id,
        owner: &deployment.instance,
        target: &flow.target,
        connection: settings,
        connection_path: path,
        clients,
    };
    weir_sinks::build(&setup, &mut problems).ok_or_else(|| {
        let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
        Failure::invalid(said.join("\n"))
    })
}
