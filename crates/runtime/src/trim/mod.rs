//! Trimming: raw, document and redo topics have no retention of the broker; here their records are removed once they
//! are older than the horizon **and** every flow that reads the topic has read them (design §4).
//!
//! Any process that runs the readers of a topic may do it: a round looks at what Kafka holds and what the groups have
//! committed, removes what both allow, and keeps nothing in memory, so two of them do what one does. It stands beside
//! the stages and not in them, for it goes on while they wait, are paused or halted. Upholds invariant 3: what a flow
//! has not read is never removed, however old it is; at half the horizon it is said aloud.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `plan` | what may be removed, and what is overdue; pure |
//! | `round` | one look at one topic |

mod plan;
mod round;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use weir_kafka::{Admin, Inspector, Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::names::{FlowName, SourceName};

pub use plan::Horizons;
use plan::is_overdue;
use round::{Buffer, Reader};

use crate::{
    stage::{Deployment, StageError, chain, wait},
    telemetry::Unread,
};

/// The longest and the shortest pause between two rounds; in between it is a tenth of the shortest horizon.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often a topic that is read too slowly is said aloud.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(3_600);

/// Trims what the flows of a project read.
pub struct Trimmer {
    /// Where it runs.
    pub deployment: Deployment,
    /// How old a record becomes at least.
    pub horizons: Horizons,
    /// The configured flows, each with its source if that has a raw topic. All of them: one that is left out would hold
    /// nothing.
    pub flows: Vec<(FlowName, Option<SourceName>)>,
    /// Whether this process looks after raw and redo topics, which processors read.
    pub raw: bool,
    /// Whether this process looks after document topics, which sinks read.
    pub doc: bool,
    /// Cancelled to stop.
    pub stop: CancellationToken,
}

impl Trimmer {
    /// Trims now and then, on a thread of its own, until told to stop. Does nothing on the broker inside the process,
    /// which has no such request and keeps nothing anyway.
    ///
    /// The thread need not be waited for: a round that is cut off is as good as none.
    pub fn start(self) -> std::io::Result<()> {
        if self.deployment.cluster.is_in_process() || !(self.raw || self.doc) {
            return Ok(());
        }
        thread::Builder::new().name("trimming".to_owned()).spawn(move || self.run()).map(|_| ())
    }

    fn run(&self) {
        let shortest = self.horizons.raw.min(self.horizons.doc);
        let pause = (shortest / 10).clamp(PAUSES.0, PAUSES.1);
        let mut said = BTreeMap::new();
        while !wait(&self.stop, pause) {
            if let Err(error) = self.round(&mut said) {
                tracing::warn!(error = chain(&error), "topics cannot be trimmed now, trying again");
            }
        }
    }

    /// Looks at every topic once. A topic that cannot be looked at keeps the others from nothing.
    ///
    /// # Errors
    /// What kept it from looking at all.
    pub fn once(&self) -> Result<(), StageError> {
        self.round(&mut BTreeMap::new())
    }

    fn round(&self, said: &mut BTreeMap<(String, FlowName), Instant>) -> Result<(), StageError> {
        let cluster = &self.deployment.cluster;
        let (admin, inspector) = (Admin::open(cluster)?, Inspector::open(cluster)?);
        let mut unread = Vec::new();
        for buffer in self.buffers()? {
            if self.stop.is_cancelled() {
                return Ok(());
            }
            match buffer.look_after(&self.deployment, &admin, &inspector) {
                Ok(behind) => unread.extend(behind),
                Err(error) => {
                    tracing::warn!(
                        topic = buffer.topic,
                        error = chain(&error),
                        "a topic cannot be trimmed now, trying again"
                    );
                }
            }
        }
        unread.iter().for_each(|unread| self.warn_if_overdue(unread, said));
        self.deployment.metrics.unread(unread);
        Ok(())
    }

    fn warn_if_overdue(&self, unread: &Unread, said: &mut BTreeMap<(String, FlowName), Instant>) {
        let Unread { flow, topic, horizon, since } = unread;
        let age = since.map(|since| self.deployment.clock.now().duration_since(since));
        let Some(age) = age.and_then(|age| Duration::try_from(age).ok()) else { return };
        let key = (topic.clone(), flow.clone());
        if is_overdue(age, *horizon) && said.get(&key).is_none_or(|at| at.elapsed() > SAID_AGAIN_AFTER) {
            tracing::warn!(%flow, topic, ?age, ?horizon, "a flow is behind by more than half the horizon; nothing is removed before it has read it, and the topic grows");
            said.insert(key, Instant::now());
        }
    }

    /// The topics to look after, each with all that read it.
    fn buffers(&self) -> Result<Vec<Buffer>, StageError> {
        let topics = &self.deployment.topics;
        let mut buffers = Vec::new();
        if self.raw {
            let others = self.flows_elsewhere()?;
            let sources: BTreeSet<&SourceName> =
                self.flows.iter().filter_map(|(_, source)| source.as_ref()).collect();
            for source in sources {
                let own = self.flows.iter().filter(|(_, of)| of.as_ref() == Some(source));
                let readers = own.map(|(flow, _)| Reader::configured(flow, topics.processors_group(flow)));
                let others = others.iter().map(|flow| Reader::elsewhere(flow, topics.processors_group(flow)));
                let readers = readers.chain(others).collect();
                buffers.push(Buffer { topic: topics.raw(source), horizon: self.horizons.raw, readers });
            }
        }
        for (flow, _) in &self.flows {
            let one = |topic, group| Buffer {
                topic,
                horizon: self.horizons.doc,
                readers: vec![Reader::configured(flow, group)],
            };
            if self.raw {
                buffers.push(one(topics.redo(flow), topics.processors_group(flow)));
            }
            if self.doc {
                buffers.push(one(topics.doc(flow), topics.sinks_group(flow)));
            }
        }
        Ok(buffers)
    }

    /// Flows that were ever published under this prefix and are not of this project: removed ones, and those of another
    /// project that shares the prefix. Nobody tells them apart but their groups' offsets.
    fn flows_elsewhere(&self) -> Result<BTreeSet<FlowName>, StageError> {
        let partition = TopicPartition::new(self.deployment.topics.control(), 0);
        let mut flows = BTreeSet::new();
        let cluster = &self.deployment.cluster;
        read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
            // The key of a flow's text is flow@ordinal; no other entry's key holds an @.
            let key = message.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
            if let Some((flow, _ordinal)) = key.and_then(|key| key.split_once('@')) {
                flows.insert(FlowName::from(flow));
            }
            ControlFlow::Continue(())
        })?;
        self.flows.iter().for_each(|(flow, _)| {
            flows.remove(flow);
        });
        Ok(flows)
    }
}
