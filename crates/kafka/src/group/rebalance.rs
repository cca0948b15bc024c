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

/// The library's name for the line that says that the session has ended. No call and no event tells so.
const SESSION_ENDED: &str = "SESSTMOUT";

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
    /// Whether the session has ended and no loss was handed out since.
    expired: AtomicBool,
    access: Access,
}

impl GroupContext {
    /// For a member of a group of the cluster whose access this is.
    pub(super) fn new(access: Access) -> Self {
        Self { access, ..Self::default() }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.expired.load(Ordering::Acquire)
    }

    /// The session has ended, though the library did not say so.
    pub(super) fn expire(&self) {
        self.expired.store(true, Ordering::Release);
    }

    pub(super) fn forget_expiry(&self) {
        self.expired.store(false, Ordering::Release);
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
        if facility == SESSION_ENDED {
            self.expire();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::GroupConsumer;
    use crate::tests::{cluster, first_partition, options, take_assignment};
    use crate::{Class, Polled};

    #[test]
    fn a_session_that_ends_without_a_loss_ends_the_member() {
        let cluster = cluster(1);
        let mut member = GroupConsumer::join(&cluster, options("a")).unwrap();
        take_assignment(&mut member);
        assert!(member.membership().unwrap().is_some());
        let revoked = Rebalance::Revoked(vec![first_partition("in")]);
        assert!(matches!(member.hand_out(revoked.clone()), Ok(Some(Polled::Revoked(_)))));
        assert!(member.membership().unwrap().is_some(), "what is in hand is still ours to record");
        let context = member.consumer().unwrap().context();
        context.log(RDKafkaLogLevel::Warning, "SESSTMOUT", "Consumer group session timed out");
        assert!(member.membership().unwrap().is_none());
        // The library joins anew by itself; what it claims then may be another's.
        assert_eq!(member.release(&[first_partition("in")]).unwrap_err().class(), Class::Fatal);
        assert_eq!(member.hand_out(revoked).unwrap_err().class(), Class::Fatal);
        // A loss says the same, in the usual way.
        let lost = Rebalance::Lost(vec![first_partition("in")]);
        assert!(matches!(member.hand_out(lost), Ok(Some(Polled::Lost(_)))));
        assert!(member.membership().unwrap().is_some());
    }
}
