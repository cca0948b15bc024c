//! Between our plain values and the library's lists. Lists live as long as one call, never in a field.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::error::KafkaResult;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::record::{Message, StartOffset, TopicPartition};

impl From<StartOffset> for Offset {
    fn from(start: StartOffset) -> Self {
        match start {
            StartOffset::At(offset) => Offset::Offset(offset),
            StartOffset::Beginning => Offset::Beginning,
        }
    }
}

/// A list of partitions without offsets.
pub(crate) fn partition_list<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(&partition.topic, partition.partition);
    }
    list
}

/// A list of partitions with an offset each.
pub(crate) fn offset_list<'a>(
    offsets: impl IntoIterator<Item = (&'a TopicPartition, Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(&partition.topic, partition.partition, offset)?;
    }
    Ok(list)
}

/// The partitions of a list.
pub(crate) fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    list.elements().iter().map(|element| TopicPartition::new(element.topic(), element.partition())).collect()
}

/// Gives every message of a topic the same name, allocated once.
#[derive(Default)]
pub(crate) struct TopicNames(Vec<Arc<str>>);

impl TopicNames {
    /// The shared copy of a name. A client reads a handful of topics: a scan beats hashing.
    pub(crate) fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| known.as_ref() == name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.0.push(Arc::clone(&name));
        name
    }

    /// Copies a borrowed message, so that it does not pin the fetch response it came in.
    pub(crate) fn owned(&mut self, message: &BorrowedMessage<'_>) -> Message {
        let headers = message.headers().map_or_else(Vec::new, |headers| {
            headers
                .iter()
                .map(|header| {
                    (header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default()))
                })
                .collect()
        });
        Message {
            topic: self.shared(message.topic()),
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis(),
            key: message.key().map(Bytes::copy_from_slice),
            value: message.payload().map(Bytes::copy_from_slice),
            headers,
        }
    }
}
