//! `weir probe`: reaches and logs in to everything a project names, and writes nothing.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use weir_kafka::{Admin, Cluster};
use weir_model::{names::InstanceName, target::ProbeReport};
use weir_runtime::{
    clock::SystemClock,
    health::Health,
    stage::{Deployment, chain},
    telemetry::Metrics,
    topics::Topics,
};
use weir_schemas::Codec;
use weir_sinks::Clients;

use super::{load, topics};
use crate::{
    assembly,
    cli::{Cli, Project as ProjectOption},
    exit::Failure,
    output::say,
    project::Project,
};

const KAFKA_PATIENCE: Duration = Duration::from_secs(10);

/// What came of one probe.
struct Probed {
    what: String,
    facts: Vec<String>,
    problems: Vec<String>,
}

impl Probed {
    fn new(what: String, result: Result<ProbeReport, String>) -> Self {
        match result {
            Ok(report) => Self { what, facts: report.facts, problems: report.problems },
            Err(problem) => Self { what, facts: Vec::new(), problems: vec![problem] },
        }
    }
}

/// Probes Kafka, every account and every target.
pub async fn run(options: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let project = load(options, cli)?;
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    let (cluster_of, specs) = (cluster.clone(), topics::specs(&project));
    let kafka = tokio::task::spawn_blocking(move || kafka(&cluster_of, &specs))
        .await
        .map_err(|error| Failure::environment("probe Kafka", &error))?;
    let mut probed = vec![Probed::new(format!("kafka {}", project.config.kafka.brokers), kafka)];
    let deployment = Deployment {
        cluster,
        topics: Topics::new(&project.config.prefix),
        codec: Codec::single_object(),
        instance: InstanceName::from("probe"),
        state_dir: project.config.state_dir.clone(),
        clock: Arc::new(SystemClock),
        health: Health::default(),
        metrics: Metrics::default(),
    };
    probed.extend(accounts(&project, &deployment).await?);
    probed.extend(targets(&project, &deployment).await?);
    tell(&probed, cli.json);
    if probed.iter().all(|probed| probed.problems.is_empty()) { Ok(()) } else { Err(Failure::missing("")) }
}

fn kafka(cluster: &Cluster, specs: &[weir_kafka::TopicSpec]) -> Result<ProbeReport, String> {
    let probe = || {
        let admin = Admin::open(cluster)?;
        admin.wait_ready(KAFKA_PATIENCE)?;
        let id = admin.cluster_id()?;
        Ok::<_, weir_kafka::Error>((id, admin.check(specs)?))
    };
    let (id, changes) = probe().map_err(|error| chain(&error))?;
    let mut report = ProbeReport { facts: vec![format!("cluster {id}")], problems: Vec::new() };
    if !changes.is_empty() {
        let missing: Vec<String> = changes.iter().map(topics::describe).collect();
        report.problems.push(format!("run `weir topics apply`: {}", missing.join("; ")));
    }
    Ok(report)
}

async fn accounts(project: &Project, deployment: &Deployment) -> Result<Vec<Probed>, Failure> {
    let mut probed = Vec::new();
    for account in assembly::accounts(project, project.sources(), deployment)? {
        let what = format!("source account {}", weir_runtime::poll::Poller::account(&*account));
        probed.push(Probed::new(what, account.probe().await.map_err(|error| error.explanation())));
    }
    Ok(probed)
}

async fn targets(project: &Project, deployment: &Deployment) -> Result<Vec<Probed>, Failure> {
    let mut probed = Vec::new();
    let clients = Clients::default();
    for flow in &project.flows {
        let target = assembly::target(project, &flow.spec, deployment, "", &clients)?;
        let what = format!("target of {}", flow.spec.name);
        probed.push(Probed::new(what, target.probe().await.map_err(|error| chain(&error))));
    }
    Ok(probed)
}

fn tell(probed: &[Probed], as_json: bool) {
    if as_json {
        let list: Vec<_> = probed
            .iter()
            .map(|p| json!({"what": p.what, "ok": p.problems.is_empty(), "facts": p.facts, "problems": p.problems}))
            .collect();
        say!("{}", json!({"probes": list}));
        return;
    }
    for Probed { what, facts, problems } in probed {
        say!("{} {what}", if problems.is_empty() { "ok  " } else { "FAIL" });
        facts.iter().for_each(|fact| say!("       {fact}"));
        problems.iter().for_each(|problem| say!("     ! {problem}"));
    }
}
