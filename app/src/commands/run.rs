//! `weir run`: stages until a signal, then a drain.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use weir_kafka::{Admin, Cluster, TopicChange};
use weir_runtime::{
    backoff::Backoff,
    clock::SystemClock,
    control::{self, Known},
    health::{Condition, Health, Part},
    stage::{Deployment, chain, wait},
    status::Heartbeat,
    telemetry::{self, Telemetry},
    topics::Topics,
};

use super::{load, topics};
use crate::{
    assembly::Workshop,
    cli::{Cli, Run, Stages},
    codec,
    conductor::Conductor,
    exit::Failure,
    instance::Instance,
    project::Project,
    signals, versions,
};

const READY_PATIENCE: Duration = Duration::from_secs(5);
/// How long the end of the process waits for its last heartbeat.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(3);

/// What Kafka told before the stages were started.
struct Prepared {
    cluster_id: String,
    known: Known,
}

/// Runs stages until a signal.
pub async fn run(options: &Run, cli: &Cli) -> Result<(), Failure> {
    let project = load(&options.project, cli)?;
    let instance = Instance::claim(options.instance.as_deref(), &project.config.state_dir)?;
    let health = Health::default();
    let telemetry = start_telemetry(&project, options.stages, &instance, &health)?;
    let stop = signals::stop_on_signal()?;
    // The pages live until the process ends: a draining process can still be looked at.
    let pages = CancellationToken::new();
    telemetry.serve(pages).await.map_err(|error| Failure::environment("serve metrics", &error))?;
    let deployment = Deployment {
        cluster: Cluster::remote(project.config.kafka.clone())?,
        topics: Topics::new(&project.config.prefix),
        codec: codec::of(&project.config).await?,
        instance: instance.name.clone(),
        state_dir: project.config.state_dir.join(instance.name.as_str()),
        clock: Arc::new(SystemClock),
        health,
        metrics: telemetry.metrics(),
    };
    std::fs::create_dir_all(&deployment.state_dir)
        .map_err(|error| Failure::environment("make the state folder", &error))?;
    tracing::info!(instance = %deployment.instance, stages = ?options.stages, flows = project.flows.len(), "starting");
    let project = Arc::new(project);
    let Some(prepared) = prepare(&project, &deployment, &stop).await? else { return Ok(()) };
    let result = conduct(project, deployment, prepared, options.stages, &stop).await;
    tracing::info!("stopped");
    drop(telemetry);
    result
}

/// Runs what configuration and control say until told to stop; tells others all the while who this is.
async fn conduct(
    project: Arc<Project>,
    deployment: Deployment,
    prepared: Prepared,
    stages: Stages,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let heartbeat = Heartbeat::start(&deployment, env!("CARGO_PKG_VERSION"))
        .map_err(|error| Failure::environment("start a thread", &error))?;
    let following = CancellationToken::new();
    let (changes, follower) = control::follow(&deployment, prepared.known, &following)
        .map_err(|error| Failure::environment("start a thread", &error))?;
    let workshop = Workshop { deployment, cluster_id: prepared.cluster_id.into(), stages };
    let result = Conductor::new(workshop, project, changes, stop).run().await;
    following.cancel();
    // Why control could not be followed, if it could not, is in the log and on the pages.
    let _ = follower.ended().await;
    heartbeat.end(GOODBYE_PATIENCE).await;
    result
}

fn start_telemetry(
    project: &Project,
    stages: Stages,
    instance: &Instance,
    health: &Health,
) -> Result<Telemetry, Failure> {
    let config = &project.config.telemetry;
    let service = match stages {
        Stages::All => "weir",
        Stages::Producers => "weir-producers",
        Stages::Processors => "weir-processors",
        Stages::Sinks => "weir-sinks",
        Stages::Ledger => "weir-ledger",
    };
    let settings = telemetry::Settings {
        log_format: config.log_format,
        log_filter: config.log_filter.clone(),
        listen: config.listen,
        otlp_endpoint: config.otlp_endpoint.clone(),
        instance: instance.name.to_string(),
        service: service.to_owned(),
    };
    telemetry::start(&settings, health.clone()).map_err(|error| Failure::invalid(chain(&error)))
}

/// Waits for Kafka and the project's topics, then registers the flows' versions. `None` when told to stop meanwhile.
async fn prepare(
    project: &Arc<Project>,
    deployment: &Deployment,
    stop: &CancellationToken,
) -> Result<Option<Prepared>, Failure> {
    let (project, deployment, stop) = (Arc::clone(project), deployment.clone(), stop.clone());
    let waiting = move || {
        let mut backoff = Backoff::patient();
        loop {
            match try_to_prepare(&project, &deployment) {
                Ok(prepared) => {
                    deployment.health.report(&Part::Kafka, Condition::Ready);
                    return Ok(Some(prepared));
                }
                Err(Unprepared::Hopeless(failure)) => return Err(failure),
                Err(Unprepared::NotYet(cause)) => {
                    let delay = backoff.next_delay(Duration::ZERO);
                    tracing::warn!(cause, ?delay, "waiting for Kafka");
                    deployment.health.report(&Part::Kafka, Condition::Waiting(cause));
                    if wait(&stop, delay) {
                        return Ok(None);
                    }
                }
            }
        }
    };
    tokio::task::spawn_blocking(waiting)
        .await
        .map_err(|error| Failure::environment("wait for Kafka", &error))?
}

/// Why the stages cannot be started yet.
enum Unprepared {
    NotYet(String),
    Hopeless(Failure),
}

impl From<weir_kafka::Error> for Unprepared {
    fn from(error: weir_kafka::Error) -> Self {
        match error {
            weir_kafka::Error::PartitionCount { .. } | weir_kafka::Error::Settings { .. } => {
                Self::Hopeless(Failure::invalid(chain(&error)))
            }
            error @ weir_kafka::Error::Denied { .. } => Self::Hopeless(error.into()),
            error => Self::NotYet(chain(&error)),
        }
    }
}

fn try_to_prepare(project: &Project, deployment: &Deployment) -> Result<Prepared, Unprepared> {
    let admin = Admin::open(&deployment.cluster)?;
    admin.wait_ready(READY_PATIENCE)?;
    let missing: Vec<String> = admin
        .check(&topics::specs(project))?
        .iter()
        .filter(|change| matches!(change, TopicChange::Create { .. }))
        .map(topics::describe)
        .collect();
    if !missing.is_empty() {
        let file = project.file.display();
        return Err(Unprepared::NotYet(format!(
            "{} topics are missing; run `weir topics apply -c {file}`",
            missing.len()
        )));
    }
    let known =
        versions::register(deployment, &project.flows).map_err(|error| Unprepared::NotYet(chain(&error)))?;
    Ok(Prepared { cluster_id: admin.cluster_id()?, known })
}
