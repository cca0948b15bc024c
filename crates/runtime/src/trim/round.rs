//! One look at one topic: how old it is, who has read how much, and what may go.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use weir_kafka::{Admin, Error, Inspector, TopicPartition, inspect::committed_by};
use weir_model::names::FlowName;

use super::plan::{Seen, is_overdue, removable, unread};
use crate::{stage::Deployment, topics::FLOW_PARTITIONS};

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
    /// Removes what may go. Gives the flows that are behind by more than half the horizon, each with the age of the
    /// oldest record it has not read.
    pub(super) fn look_after(
        &self,
        deployment: &Deployment,
        admin: &Admin,
        inspector: &Inspector,
    ) -> Result<Vec<(FlowName, Duration)>, Error> {
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
        Ok(self.tell(deployment, now, &oldest))
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

    /// Shows the oldest unread record of each flow; gives those that are overdue.
    fn tell(
        &self,
        deployment: &Deployment,
        now: Timestamp,
        oldest: &BTreeMap<&FlowName, Option<i64>>,
    ) -> Vec<(FlowName, Duration)> {
        let mut overdue = Vec::new();
        for (flow, oldest) in oldest {
            let since = oldest.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            deployment.metrics.oldest_unread(flow, &self.topic, self.horizon, since);
            let age = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
            overdue
                .extend(age.filter(|age| is_overdue(*age, self.horizon)).map(|age| ((*flow).clone(), age)));
        }
        overdue
    }
}
