//! Where topics begin and end, as the brokers tell.

use weir_kafka::{Isolation, TopicPartition, reader::watermarks};
use weir_runtime::topics::FLOW_PARTITIONS;

use crate::stand::Stand;

/// Offsets before the beginnings of a topic's partitions: how much was removed.
pub fn removed(stand: &Stand, topic: &str) -> i64 {
    of(stand, topic).map(|(low, _)| low).sum()
}

/// Offsets before the ends of a topic's partitions: how much was ever written, transaction markers included.
pub fn written(stand: &Stand, topic: &str) -> i64 {
    of(stand, topic).map(|(_, high)| high).sum()
}

fn of(stand: &Stand, topic: &str) -> impl Iterator<Item = (i64, i64)> {
    (0..FLOW_PARTITIONS).map(move |number| {
        let partition = TopicPartition::new(topic, number);
        let ends = watermarks(stand.cluster(), &partition, Isolation::Committed).unwrap();
        (ends.low, ends.high)
    })
}
