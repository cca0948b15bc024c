//! How far a stage is behind its topic, asked rarely and one partition at a time, so that the loop hardly notices.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use weir_kafka::{GroupConsumer, TopicPartition};

use crate::telemetry::Metrics;

/// How often each partition's end is asked for.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a leader may take to answer; without an answer the old figure stays.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a group has acknowledged, and when to compare it with the ends.
pub(crate) struct LagMeter {
    metrics: Metrics,
    group: String,
    /// The next offset to acknowledge; none before the first acknowledgement of the group.
    acknowledged: BTreeMap<TopicPartition, Option<i64>>,
    /// The partition that was asked for last.
    former: Option<TopicPartition>,
    due: Instant,
}

impl LagMeter {
    pub(crate) fn new(metrics: Metrics, group: String) -> Self {
        Self { metrics, group, acknowledged: BTreeMap::new(), former: None, due: Instant::now() }
    }

    /// The group stands here; none where it never acknowledged anything.
    pub(crate) fn acknowledged(&mut self, partition: TopicPartition, next_offset: Option<i64>) {
        self.acknowledged.insert(partition, next_offset);
    }

    /// Another process measures these from now on.
    pub(crate) fn forget(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if self.acknowledged.remove(partition).is_some() {
                self.metrics.consumer_lag(&self.group, &partition.topic, partition.partition, None);
            }
        }
    }

    /// Measures one partition, when one is due.
    pub(crate) fn look(&mut self, consumer: &GroupConsumer) {
        if Instant::now() < self.due {
            return;
        }
        let count = u32::try_from(self.acknowledged.len()).unwrap_or(u32::MAX).max(1);
        self.due = Instant::now() + INTERVAL / count;
        let after =
            |partition: &&TopicPartition| self.former.as_ref().is_none_or(|former| *partition > former);
        let next = self.acknowledged.keys().find(after).or_else(|| self.acknowledged.keys().next());
        let Some(partition) = next.cloned() else { return };
        let Some(acknowledged) = self.acknowledged.get(&partition) else { return };
        if let Ok(ends) = consumer.watermarks(&partition, PATIENCE) {
            let behind = ends.high.saturating_sub(acknowledged.unwrap_or(ends.low).max(ends.low));
            let records = u64::try_from(behind).unwrap_or(0);
            self.metrics.consumer_lag(&self.group, &partition.topic, partition.partition, Some(records));
        }
        self.former = Some(partition);
    }
}

impl Drop for LagMeter {
    fn drop(&mut self) {
        let partitions: Vec<TopicPartition> = self.acknowledged.keys().cloned().collect();
        self.forget(&partitions);
    }
}
