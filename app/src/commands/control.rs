//! What the commands about flows and processes share: a project, its brokers, and what `weir.control` and `weir.status`
//! say.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use weir_kafka::{Admin, Cluster};
use weir_model::names::{FlowName, InstanceName};
use weir_runtime::{
    control::{self, Known},
    stage::StageError,
    status,
    topics::Topics,
};
use weir_schemas::{Codec, Control, StageStatus, Status};

use super::{load, usable};
use crate::{
    cli::{Cli, Language, Project as ProjectOption},
    codec,
    exit::Failure,
    instance::host_name,
    output,
    project::Project,
};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a process is shown after its last heartbeat.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// A project and the way to its brokers.
pub struct Desk {
    /// The project.
    pub project: Project,
    /// Its brokers.
    pub cluster: Cluster,
    /// Its topics.
    pub topics: Topics,
    /// How their values are written.
    pub codec: Codec,
    /// The reader's language.
    pub language: Language,
}

impl Desk {
    /// Loads the project with its flows, all of it in order, and connects to its brokers.
    pub async fn open(option: &ProjectOption, cli: &Cli) -> Result<Self, Failure> {
        Self::of(load(option, cli)?, cli).await
    }

    /// Connects to the brokers of a project, whatever else is wrong with its files.
    pub async fn without_flows(option: &ProjectOption, cli: &Cli) -> Result<Self, Failure> {
        Self::of(usable(Project::without_flows(&option.config), &option.config, cli)?, cli).await
    }

    /// Connects to the brokers of a project that was read.
    pub async fn of(project: Project, cli: &Cli) -> Result<Self, Failure> {
        let cluster = Cluster::remote(project.config.kafka.clone())?;
        Admin::open(&cluster)?.wait_ready(PATIENCE)?;
        let topics = Topics::new(&project.config.prefix);
        let codec = codec::of(&project.config).await?;
        Ok(Self { project, cluster, topics, codec, language: output::language(cli.lang) })
    }

    /// What `weir.control` says.
    pub fn known(&self) -> Result<Known, Failure> {
        Ok(control::read(&self.cluster, &self.topics, &self.codec)?)
    }

    /// Writes what `decide` makes of it.
    pub fn change(
        &self,
        decide: impl FnMut(&Known) -> Result<Vec<Control>, Failure>,
    ) -> Result<Known, Failure> {
        control::change(&self.cluster, &self.topics, &self.codec, decide)
    }

    /// The last heartbeats; those of processes that were killed a day ago and never came back are left out.
    pub fn statuses(&self) -> Result<BTreeMap<InstanceName, Status>, Failure> {
        let mut statuses = status::read(&self.cluster, &self.topics, &self.codec)?;
        let yesterday = Timestamp::now() - REMEMBERED;
        statuses.retain(|_, status| status.at > yesterday);
        Ok(statuses)
    }

    /// The text in the reader's language.
    pub fn say<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        match self.language {
            Language::Zh => zh,
            Language::En => en,
        }
    }
}

/// Who calls this command, as others are shown it.
pub fn person() -> String {
    let set = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let user = set("USER").or_else(|| set("LOGNAME")).unwrap_or_else(|| "someone".to_owned());
    format!("{user}@{}", host_name())
}

/// The processes that were heard of lately and run a flow, with what they run of it.
pub fn runners<'s>(
    statuses: &'s BTreeMap<InstanceName, Status>,
    flow: &FlowName,
    now: Timestamp,
) -> Vec<(&'s InstanceName, &'s StageStatus)> {
    let alive = statuses.values().filter(|status| !status::is_gone(status, now));
    alive
        .flat_map(|status| status.stages.iter().map(move |stage| (&status.instance, stage)))
        .filter(|(_, stage)| stage.flow_ordinal > 0 && stage.subject == flow.as_str())
        .collect()
}

impl From<StageError> for Failure {
    fn from(error: StageError) -> Self {
        Self::missing(weir_runtime::stage::chain(&error))
    }
}
