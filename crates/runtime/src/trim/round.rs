//! One look at one topic: how old it is, who has read how much, and what may go.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use weir_kafka::{Admin, Error, Inspector, TopicPartition, inspect::committed_by};
use weir_model::names::FlowName;

use super::plan::{Seen, removable, unread};
use crate::{stage::Deployment, telemetry::Unread, topics::FLOW_PARTITIONS};

/// A topic between two stages.
#[derive(Debug)]
pub(super) struct Buffer {
    pub topic: String,
    /// How old its records become at least.
    pub horizon: Duration,
    pub readers: Vec<Reader>,
}

/// A flow that reads a topic.
#[derive(Debug)]
pub(super) struct Reader {
    flow: FlowName,
    group: String,
    /// Whether the flow is one of this project. One that is not holds a topic only where its group has offsets: Kafka
    /// forgets those of a removed flow seven days after its last process left.
    is_configured: bool,
}

/// Where a reader goes on, by partition.
type Progress<'a> = (&'a Reader, BTreeMap<i32, i64>);

impl Reader {
    pub(super) fn configured(flow: &FlowName, group: String) -> Self {
        Self { flow: flow.clone(), group, is_configured: true }
    }

    pub(super) fn elsewhere(flow: &FlowName, group: String) -> Self {
        Self { flow: flow.clone(), group, is_configured: false }
    }
}

impl Buffer {
    /// Removes what may go; tells how far each flow of the project is behind.
    pub(super) fn look_after(
        &self,
        deployment: &Deployment,
        admin: &Admin,
        inspector: &Inspector,
    ) -> Result<Vec<Unread>, Error> {
        let now = deployment.clock.now();
        let partitions: Vec<TopicPartition> =
            (0..FLOW_PARTITIONS).map(|number| TopicPartition::new(self.topic.as_str(), number)).collect();
        // Asked for before the ends: what is committed afterwards only lets more go the next time.
        let progress = self.progress(deployment, &partitions)?;
        let before = i64::try_from(self.horizon.as_millis()).unwrap_or(i64::MAX);
        let aged = inspector
            .offsets_for_time(&partitions, now.as_millisecond().saturating_sub(before))?
            .into_iter()
            .collect::<BTreeMap<_, _>>();
        let mut removed = Vec::new();
        let mut oldest: BTreeMap<&FlowName, Option<i64>> = BTreeMap::new();
        for partition in partitions {
            let ends = inspector.ends(&partition)?;
            let number = partition.partition;
            let readers =
                progress.iter().filter(|(reader, next)| reader.is_configured || next.contains_key(&number));
            let readers = readers.map(|(_, next)| next.get(&number).copied()).collect();
            let seen = Seen { ends, aged: aged.get(&partition).copied().unwrap_or(0), readers };
            for (reader, next) in progress.iter().filter(|(reader, _)| reader.is_configured) {
                let from = unread(ends, next.get(&number).copied());
                let at = from.map(|from| inspector.time_at(&partition, from)).transpose()?.flatten();
                let known = oldest.entry(&reader.flow).or_default();
                *known = [*known, at].into_iter().flatten().min();
            }
            removed.extend(removable(&seen).map(|until| (partition, until)));
        }
        if !removed.is_empty() {
            admin.trim(&removed)?;
            let until: Vec<String> =
                removed.iter().map(|(partition, until)| format!("{}:{until}", partition.partition)).collect();
            tracing::info!(
                topic = self.topic,
                until = until.join(" "),
                "old records that every flow has read were removed"
            );
        }
        Ok(self.behind(oldest))
    }

    fn progress(
        &self,
        deployment: &Deployment,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Progress<'_>>, Error> {
        let mut progress = Vec::with_capacity(self.readers.len());
        for reader in &self.readers {
            let committed = committed_by(&deployment.cluster, &reader.group, partitions)?;
            let next =
                committed.into_iter().filter_map(|(partition, next)| Some((partition.partition, next?)));
            progress.push((reader, next.collect()));
        }
        Ok(progress)
    }

    fn behind(&self, oldest: BTreeMap<&FlowName, Option<i64>>) -> Vec<Unread> {
        let unread = |(flow, oldest): (&FlowName, Option<i64>)| Unread {
            flow: flow.clone(),
            topic: self.topic.clone(),
            horizon: self.horizon,
            since: oldest.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        };
        oldest.into_iter().map(unread).collect()
    }
}
