//! Reference rows for a preview: of a file, or as the collections' topics hold them now.

use std::{path::Path, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use weir_kafka::{Admin, Cluster};
use weir_model::{
    lookup::{LookupIndex, Lookups, MemoryRows},
    names::InstanceName,
    settings::Problems,
};
use weir_runtime::{
    clock::SystemClock, collections::Collections, health::Health, stage::Deployment, telemetry::Metrics,
    topics::Topics,
};

use super::refuse;
use crate::{cli::Cli, codec, commands::test_flows::attachment, exit::Failure, files, project::Project};

/// How long Kafka is waited for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long the collections may take to be read.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is looked whether they are.
const GLANCE: Duration = Duration::from_millis(20);

/// The rows of a file in the form of `lookups:` in a test.
pub fn of_file(file: &Path, cli: &Cli) -> Result<MemoryRows, Failure> {
    let name = file.display().to_string();
    let mut problems = Problems::new(&name);
    let text = files::read(file, &mut problems);
    let read = |name: &str| attachment(file, name);
    let rows = text.and_then(|text| weir_cases::lookups(&text, &name, &read, &mut problems));
    rows.map(|rows| rows.memory()).ok_or_else(|| refuse(&problems, cli))
}

/// The rows as the topics hold them now, read into a folder that is removed again.
pub async fn of_kafka(project: &Project, indexes: &[LookupIndex]) -> Result<impl Lookups + use<>, Failure> {
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    let topics = Topics::new(&project.config.prefix);
    check_topics(&cluster, &topics, indexes)?;
    let folder =
        tempfile::tempdir().map_err(|error| Failure::environment("make a folder for rows", &error))?;
    let deployment = Deployment {
        cluster,
        topics,
        codec: codec::of(&project.config).await?,
        instance: InstanceName::from("preview"),
        state_dir: folder.path().to_owned(),
        clock: Arc::new(SystemClock),
        health: Health::default(),
        metrics: Metrics::default(),
    };
    let stop = CancellationToken::new();
    let (collections, thread) = Collections::follow(&deployment, indexes.to_vec(), &stop)
        .map_err(|error| Failure::environment("start a thread", &error))?;
    let read = async {
        while !collections.is_ready(indexes) {
            tokio::time::sleep(GLANCE).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, read).await.is_ok();
    // The tables stay readable: their files are open and outlive the folder.
    let reader = collections.reader();
    stop.cancel();
    let _ = thread.ended().await;
    if in_time {
        return Ok(reader);
    }
    let unread = collections.unread(indexes).into_iter().collect::<Vec<_>>().join(", ");
    Err(Failure::missing(format!(
        "the collections {unread} could not be read from Kafka; give rows with --lookups FILE, or see `weir probe`"
    )))
}

/// Tells at once what following the topics would wait for.
fn check_topics(cluster: &Cluster, topics: &Topics, indexes: &[LookupIndex]) -> Result<(), Failure> {
    let admin = Admin::open(cluster)?;
    admin.wait_ready(CONNECT_PATIENCE)?;
    let known = admin.partition_counts()?;
    for index in indexes {
        let topic = topics.collection(&index.collection);
        if !known.contains_key(&topic) {
            return Err(Failure::missing(format!(
                "topic {topic} does not exist; create it with `weir topics apply`, or give rows with --lookups FILE"
            )));
        }
    }
    Ok(())
}
