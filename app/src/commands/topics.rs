//! `weir topics apply`: makes the topics of a project what they must be, or tells what would be done.

use std::time::Duration;

use serde_json::json;
use weir_kafka::{Admin, Cluster, TopicChange, TopicSpec};
use weir_runtime::topics::Topics;

use super::load;
use crate::{
    cli::{Cli, TopicsApply},
    exit::Failure,
    output::say,
    project::Project,
};

/// The topics a project needs.
pub fn specs(project: &Project) -> Vec<TopicSpec> {
    let topics = Topics::new(&project.config.prefix);
    let sources = project.sources().into_iter().map(|source| &source.name);
    let mut specs = topics.specs(sources, project.flows.iter().map(|flow| &flow.spec.name));
    specs.extend(topics.collection_specs(project.config.collections.keys().map(String::as_str)));
    specs
}

/// Creates and corrects topics.
pub fn apply(options: &TopicsApply, cli: &Cli) -> Result<(), Failure> {
    let project = load(&options.project, cli)?;
    let admin = Admin::open(&Cluster::remote(project.config.kafka.clone())?)?;
    eprintln!("connecting to Kafka at {}", project.config.kafka.brokers);
    admin.wait_ready(Duration::from_secs(options.patience))?;
    let specs = specs(&project);
    let changes = if options.dry_run {
        admin.check(&specs)?
    } else {
        admin.apply(&specs, project.config.replication)?
    };
    let lines: Vec<String> = changes.iter().map(describe).collect();
    if cli.json {
        say!("{}", json!({"topics": specs.len(), "applied": !options.dry_run, "changes": lines}));
        return Ok(());
    }
    lines.iter().for_each(|line| say!("{line}"));
    let verb = if options.dry_run { "would change" } else { "changed" };
    say!("{} topics, {verb}: {}", specs.len(), lines.len());
    Ok(())
}

/// A change in words.
pub fn describe(change: &TopicChange) -> String {
    match change {
        TopicChange::Create { topic } => format!("create {topic}"),
        TopicChange::Set { topic, setting, .. } => format!("set {setting} of {topic}"),
    }
}
