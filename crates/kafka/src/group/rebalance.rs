//! The callback of a rebalance, which takes notes for the loop, and the answers given when no loop is left to give them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use crate::access::Access;
use crate::context::{forward_error, forward_log};
use crate::native::{partition_list, partitions_of};
use crate::record::TopicPartition;

#[derive(Debug, Clone)]
pub(super) enum Rebalance {
    Assigned(Vec<TopicPartition>),
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
}

impl Rebalance {
    pub(super) fn is_empty(&self) -> bool {
        let (Self::Assigned(partitions) | Self::Revoked(partitions) | Self::Lost(partitions)) = self;
        partitions.is_empty()
    }
}

/// Takes notes in callbacks; while the consumer closes it answers them itself.
#[derive(Default)]
pub(super) struct GroupContext {
    events: Mutex<VecDeque<Rebalance>>,
    closing: AtomicBool,
    access: Access,
}

impl GroupContext {
    /// For a member of a group of the cluster whose access this is.
    pub(super) fn new(access: Access) -> Self {
        Self { access, ..Self::default() }
    }

    fn push(&self, event: Rebalance) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }

    pub(super) fn pop(&self) -> Option<Rebalance> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(super) fn has_event(&self) -> bool {
        !self.events.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl ClientContext for GroupContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.access.note(facility, line);
        forward_log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        forward_error(&error, reason);
    }
}

impl ConsumerContext for GroupContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            // Nobody polls for events any more, and closing waits for this answer.
            let answered = if assigned {
                consumer.incremental_assign(list)
            } else {
                consumer.incremental_unassign(list)
            };
            if let Err(error) = answered {
                tracing::warn!(%error, "could not answer a rebalance while closing");
            }
            return;
        }
        let partitions = partitions_of(list);
        self.push(if assigned {
            Rebalance::Assigned(partitions)
        } else if consumer.assignment_lost() {
            Rebalance::Lost(partitions)
        } else {
            Rebalance::Revoked(partitions)
        });
    }
}

/// Answers what is open and makes the callbacks answer themselves, so that closing cannot wait for a loop that is gone.
pub(super) fn settle(consumer: &BaseConsumer<GroupContext>, unanswered: Option<Rebalance>) {
    consumer.context().closing.store(true, Ordering::Release);
    let mut open = unanswered;
    while let Some(event) = open.or_else(|| consumer.context().pop()) {
        open = None;
        let answered = match &event {
            Rebalance::Assigned(partitions) => consumer.incremental_assign(&partition_list(partitions)),
            Rebalance::Revoked(partitions) | Rebalance::Lost(partitions) => {
                consumer.incremental_unassign(&partition_list(partitions))
            }
        };
        if let Err(error) = answered {
            tracing::debug!(%error, "could not answer a rebalance before closing");
        }
    }
}
