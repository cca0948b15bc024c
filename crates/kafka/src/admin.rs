//! Topics: create what is missing, compare what is there, merge settings, trim.
//!
//! The protocol's "alter" resets every setting that is not named, so the dynamic settings a topic has are read first
//! and sent along. A partition count is never changed: it would move keys to other partitions (invariant 4).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigSource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, Producer as _};
use rdkafka::topic_partition_list::Offset;

use crate::cluster::{Cluster, PATIENCE};
use crate::context::LoggingContext;
use crate::error::{Class, Error};
use crate::native::offset_list;
use crate::record::TopicPartition;

/// What a topic should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: String,
    /// How many partitions it has, for good.
    pub partitions: i32,
    /// Its settings beyond the broker's defaults, by Kafka's names.
    pub settings: BTreeMap<String, String>,
}

impl TopicSpec {
    /// A topic with the broker's default settings.
    pub fn new(name: impl Into<String>, partitions: i32) -> Self {
        Self { name: name.into(), partitions, settings: BTreeMap::new() }
    }

    /// The same topic with one more setting.
    #[must_use]
    pub fn with(mut self, setting: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.insert(setting.into(), value.into());
        self
    }
}

/// How a topic differed from its specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicChange {
    /// It was, or is, missing.
    Create {
        /// The topic.
        topic: String,
    },
    /// A setting had another value.
    Set {
        /// The topic.
        topic: String,
        /// The setting.
        setting: String,
        /// What it was; none when the broker did not know or say.
        from: Option<String>,
        /// What it is, or should be.
        to: String,
    },
}

/// How long a client that got no answer listens to what its library has to tell.
const LISTEN: Duration = Duration::from_millis(50);

/// How librdkafka's mock cluster begins its id.
const MOCK_CLUSTER: &str = "mockCluster";

/// The administrative client of a cluster.
pub struct Admin {
    client: AdminClient<LoggingContext>,
    cluster: Cluster,
}

impl Admin {
    /// Makes the client. Nothing is connected yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(cluster: &Cluster) -> Result<Self, Error> {
        let client = cluster
            .config(&[])
            .create_with_context(LoggingContext::new(cluster.access().clone()))
            .map_err(|source| Error::client("make an administrative client", source))?;
        Ok(Self { client, cluster: cluster.clone() })
    }

    /// Waits until brokers answer and their controller would make a topic; an open port is too early.
    ///
    /// # Errors
    /// [`Error::Denied`] when they refuse us; [`Error::Deadline`].
    pub fn wait_ready(&self, patience: Duration) -> Result<(), Error> {
        let start = Instant::now();
        // An administrative client keeps for itself why brokers refuse it: another one knocks.
        let knocking: BaseProducer<LoggingContext> = self
            .cluster
            .config(&[])
            .create_with_context(LoggingContext::quiet(self.cluster.access().clone()))
            .map_err(|source| Error::client("make a client", source))?;
        loop {
            let step = patience
                .saturating_sub(start.elapsed())
                .clamp(Duration::from_millis(100), Duration::from_secs(2));
            let answered = self.answers(&knocking, step);
            if answered.is_err() {
                knocking.poll(LISTEN);
            }
            let source = match answered {
                Ok(()) => {
                    self.cluster.access().granted();
                    return Ok(());
                }
                Err(error) if self.cluster.access().denial().is_some() => {
                    let attempted = format!("reach the brokers at {}", self.cluster.brokers());
                    return Err(self.cluster.explain(Error::client(attempted, error)));
                }
                Err(error) if Error::client("", error.clone()).class() == Class::Refused => {
                    return Err(Error::client("reach the cluster's controller", error));
                }
                Err(error) => Some(crate::error::Cause::new(error)),
            };
            if start.elapsed() >= patience {
                let attempted = format!("reach the brokers at {}", self.cluster.brokers());
                let error = Error::Deadline { attempted, waited: start.elapsed(), source };
                return Err(self.cluster.explain(error));
            }
        }
    }

    fn answers(&self, knocking: &BaseProducer<LoggingContext>, step: Duration) -> Result<(), KafkaError> {
        knocking.client().fetch_metadata(None, step)?;
        // The demo's broker has no controller, neither for its own process nor for one that came by its address.
        let is_mock = |id: String| id.starts_with(MOCK_CLUSTER);
        if self.cluster.is_in_process() || knocking.client().fetch_cluster_id(step).is_some_and(is_mock) {
            return Ok(());
        }
        let probe = NewTopic::new("weir.ready", 1, TopicReplication::Fixed(1));
        let options = AdminOptions::new().request_timeout(Some(step)).validate_only(true);
        match block_on(self.client.create_topics([&probe], &options))?.into_iter().next() {
            // Any answer of the controller is an answer, a refusal by rights or policy too.
            None
            | Some(Ok(_))
            | Some(Err((
                _,
                RDKafkaErrorCode::TopicAlreadyExists
                | RDKafkaErrorCode::PolicyViolation
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed,
            ))) => Ok(()),
            Some(Err((_, code))) => Err(KafkaError::AdminOp(code)),
        }
    }

    /// What `apply` would change.
    ///
    /// # Errors
    /// [`Error::PartitionCount`] for a topic that cannot be made right; `Retriable` when brokers are away.
    pub fn check(&self, topics: &[TopicSpec]) -> Result<Vec<TopicChange>, Error> {
        let counts = self.partition_counts()?;
        let mut changes = Vec::new();
        for topic in topics {
            match counts.get(&topic.name) {
                None => changes.push(TopicChange::Create { topic: topic.name.clone() }),
                Some(found) if *found != topic.partitions => {
                    return Err(Error::PartitionCount {
                        topic: topic.name.clone(),
                        wanted: topic.partitions,
                        found: *found,
                    });
                }
                Some(_) => changes.extend(self.differences(topic)?),
            }
        }
        Ok(changes)
    }

    /// Makes the cluster hold these topics with these settings and says what it changed. Settings that are set and not
    /// named here stay. Nothing is changed when one topic cannot be made right. Topics that were made can be written to
    /// and read when this returns.
    ///
    /// # Errors
    /// [`Error::PartitionCount`]; [`Error::Deadline`] when a topic gets no leaders; `Refused` when the broker declines a setting or the rights are missing.
    pub fn apply(&self, topics: &[TopicSpec], replication: i32) -> Result<Vec<TopicChange>, Error> {
        let changes = self.check(topics)?;
        let mut were_there = false;
        for topic in topics {
            let mut differs = false;
            for change in &changes {
                match change {
                    TopicChange::Create { topic: name } if *name == topic.name => {
                        were_there |= !self.create(topic, replication)?;
                    }
                    TopicChange::Set { topic: name, .. } if *name == topic.name => differs = true,
                    _ => {}
                }
            }
            if differs {
                self.alter(topic)?;
            }
        }
        let made = changes.iter().filter_map(|change| match change {
            TopicChange::Create { topic } => Some(topic.as_str()),
            TopicChange::Set { .. } => None,
        });
        self.wait_listed(made.collect())?;
        if were_there {
            self.check(topics)?;
        }
        Ok(changes)
    }

    /// Waits until topics are listed with leaders: the controller answers before the brokers have heard of them.
    fn wait_listed(&self, mut topics: BTreeSet<&str>) -> Result<(), Error> {
        let start = Instant::now();
        while !topics.is_empty() {
            let metadata = self
                .client
                .inner()
                .fetch_metadata(None, PATIENCE)
                .map_err(|source| Error::client("list the topics", source))?;
            for topic in metadata.topics() {
                let is_led = topic.partitions().iter().all(|partition| partition.leader() >= 0);
                if topic.error().is_none() && is_led && !topic.partitions().is_empty() {
                    topics.remove(topic.name());
                }
            }
            if start.elapsed() > PATIENCE {
                let list: Vec<&str> = topics.into_iter().collect();
                let attempted = format!("wait for the leaders of {}", list.join(", "));
                return Err(Error::Deadline { attempted, waited: start.elapsed(), source: None });
            }
            if !topics.is_empty() {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }

    /// Removes topics with all they hold. Those that do not exist are passed over.
    ///
    /// # Errors
    /// `Refused` when the rights are missing.
    pub fn delete(&self, topics: &[&str]) -> Result<(), Error> {
        let deleted = block_on(self.client.delete_topics(topics, &options()))
            .map_err(|source| Error::client("delete topics", source))?;
        for result in deleted {
            match result {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => {
                    return Err(Error::client(format!("delete topic {topic}"), KafkaError::AdminOp(code)));
                }
            }
        }
        Ok(())
    }

    /// Removes the records of partitions before an offset each: how a reader trims what everyone has read.
    ///
    /// # Errors
    /// `Refused` when a partition is missing or the rights are.
    pub fn trim(&self, before: &[(TopicPartition, i64)]) -> Result<(), Error> {
        let attempted = || "trim partitions".to_owned();
        let list = offset_list(before.iter().map(|(partition, offset)| (partition, Offset::Offset(*offset))))
            .map_err(|source| Error::client(attempted(), source))?;
        let trimmed = block_on(self.client.delete_records(&list, &options()))
            .map_err(|source| Error::client(attempted(), source))?;
        for element in trimmed.elements() {
            element.error().map_err(|source| {
                Error::client(format!("trim {}/{}", element.topic(), element.partition()), source)
            })?;
        }
        Ok(())
    }

    /// The number of partitions of every topic of the cluster.
    ///
    /// # Errors
    /// `Retriable` when brokers are away.
    pub fn partition_counts(&self) -> Result<BTreeMap<String, i32>, Error> {
        let metadata = self
            .client
            .inner()
            .fetch_metadata(None, PATIENCE)
            .map_err(|source| Error::client("list the topics", source))?;
        Ok(metadata
            .topics()
            .iter()
            .map(|topic| {
                (topic.name().to_owned(), i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX))
            })
            .collect())
    }

    /// The id the cluster gave itself: another one means another cluster, and none of our offsets hold there.
    ///
    /// # Errors
    /// [`Error::Deadline`] when brokers are away.
    pub fn cluster_id(&self) -> Result<String, Error> {
        self.client.inner().fetch_cluster_id(PATIENCE).ok_or_else(|| Error::Deadline {
            attempted: "ask for the cluster's id".to_owned(),
            waited: PATIENCE,
            source: None,
        })
    }

    /// Whether the brokers tell when they took a record, and find records by that. The demo's does neither.
    ///
    /// # Errors
    /// [`Error::Deadline`] when brokers are away.
    pub fn keeps_times(&self) -> Result<bool, Error> {
        Ok(!self.cluster.is_in_process() && !self.cluster_id()?.starts_with(MOCK_CLUSTER))
    }

    /// Creates a topic; false when it is there already: another process creates topics at the same moment.
    fn create(&self, topic: &TopicSpec, replication: i32) -> Result<bool, Error> {
        if self.cluster.is_in_process() {
            return self.cluster.create_in_process(topic).map(|()| true);
        }
        let mut wanted = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(replication));
        for (setting, value) in &topic.settings {
            wanted = wanted.set(setting, value);
        }
        let attempted = || format!("create topic {}", topic.name);
        let created = block_on(self.client.create_topics([&wanted], &options()))
            .map_err(|source| Error::client(attempted(), source))?;
        match created.into_iter().next() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(Error::client(attempted(), KafkaError::AdminOp(code))),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    fn differences(&self, topic: &TopicSpec) -> Result<Vec<TopicChange>, Error> {
        if topic.settings.is_empty() || self.cluster.is_in_process() {
            return Ok(Vec::new());
        }
        let current = self.settings(&topic.name)?;
        let differing = topic.settings.iter().filter_map(|(setting, wanted)| {
            let found = current.get(setting).map(|found| found.value.clone());
            (found.as_ref() != Some(wanted)).then(|| TopicChange::Set {
                topic: topic.name.clone(),
                setting: setting.clone(),
                from: found,
                to: wanted.clone(),
            })
        });
        Ok(differing.collect())
    }

    fn alter(&self, topic: &TopicSpec) -> Result<(), Error> {
        let current = self.settings(&topic.name)?;
        let mut union: BTreeMap<&str, &str> = current
            .iter()
            .filter(|(_, found)| found.dynamic)
            .map(|(setting, found)| (setting.as_str(), found.value.as_str()))
            .collect();
        union.extend(topic.settings.iter().map(|(setting, value)| (setting.as_str(), value.as_str())));
        let mut wanted = AlterConfig::new(ResourceSpecifier::Topic(&topic.name));
        for (setting, value) in union {
            wanted = wanted.set(setting, value);
        }
        let attempted = || format!("change the settings of topic {}", topic.name);
        let altered = block_on(self.client.alter_configs([&wanted], &options()))
            .map_err(|source| Error::client(attempted(), source))?;
        for result in altered {
            if let Err((_, code)) = result {
                return Err(Error::client(attempted(), KafkaError::AdminOp(code)));
            }
        }
        Ok(())
    }

    /// The settings of a topic that have a value.
    fn settings(&self, topic: &str) -> Result<BTreeMap<String, Setting>, Error> {
        let attempted = || format!("read the settings of topic {topic}");
        let described =
            block_on(self.client.describe_configs([&ResourceSpecifier::Topic(topic)], &options()))
                .map_err(|source| Error::client(attempted(), source))?;
        let mut settings = BTreeMap::new();
        for resource in described {
            let resource = resource.map_err(|code| Error::client(attempted(), KafkaError::AdminOp(code)))?;
            for entry in resource.entries {
                let dynamic = entry.source == ConfigSource::DynamicTopic;
                if let Some(value) = entry.value {
                    settings.insert(entry.name, Setting { value, dynamic });
                }
            }
        }
        Ok(settings)
    }
}

struct Setting {
    value: String,
    /// Set on the topic itself, not inherited.
    dynamic: bool,
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}
