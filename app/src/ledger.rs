//! The ledger of a project: what it follows, and how commands ask it.

use std::{sync::Arc, time::Duration};

use weir_kafka::Cluster;
use weir_ledger::{FlowScope, Follower, Freshness, Ledger, Scope};
use weir_model::settings::Localized;
use weir_runtime::{clock::SystemClock, topics::Topics};
use weir_schemas::Codec;

use crate::{exit::Failure, project::Project};

/// What the ledger follows of a project.
pub fn scope(project: &Project, topics: &Topics, codec: &Codec) -> Scope {
    let flows = project.flows.iter().map(|flow| {
        let source = &flow.spec.source;
        let number = Some(source.metadata.number.clone()).filter(|number| !number.is_empty());
        FlowScope {
            name: flow.spec.name.clone(),
            numbers: number.into_iter().chain(source.numbers.clone()).collect(),
        }
    });
    let sources = project.sources().into_iter().map(|source| source.name.clone());
    Scope::new(topics, codec.clone(), flows.collect(), sources)
}

/// Opens the ledger of a project.
pub async fn open(project: &Project) -> Result<Ledger, Failure> {
    Ledger::open(&project.config.ledger).await.map_err(|error| failed(&error))
}

/// What brings the ledger of a project to what its topics hold.
pub fn follower(
    project: &Project,
    ledger: &Ledger,
    cluster: &Cluster,
    topics: &Topics,
    codec: &Codec,
) -> Follower {
    Follower::new(ledger.clone(), scope(project, topics, codec), cluster.clone(), Arc::new(SystemClock))
}

/// Brings the ledger up to date as far as Kafka lets it within `limit`.
pub async fn catch_up(follower: &Follower, limit: Duration) -> Result<Freshness, Failure> {
    follower.catch_up(limit).await.map_err(|error| failed(&error))
}

/// What to tell of answers that are not of the present; none when they are.
pub fn note(freshness: &Freshness) -> Option<Localized> {
    let why = freshness.behind.as_ref()?;
    if freshness.as_of.as_second() == 0 {
        return Some(Localized::new(
            format!("台账还没有读过主题：{why}"),
            format!("the ledger has never read the topics to their end: {why}"),
        ));
    }
    let at = freshness.as_of.strftime("%Y-%m-%d %H:%M:%SZ");
    Some(Localized::new(format!("台账截至 {at}：{why}"), format!("the ledger tells as of {at}: {why}")))
}

/// The failure of a command that the ledger gave no answer to.
pub fn failed(error: &weir_ledger::Error) -> Failure {
    Failure::environment("ask the ledger", error)
}
