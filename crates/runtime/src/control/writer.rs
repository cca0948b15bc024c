//! Reading `weir.control` once, and changing it.
//!
//! A change depends on what is there: the ordinal of a new text follows the highest one. So whoever writes takes over
//! one transactional id first and reads to the end then; another writer who did the same meanwhile is fenced and begins
//! again. No ordinal is ever given to two texts.

use std::{ops::ControlFlow, time::Duration};

use weir_kafka::{
    Class, Cluster, Isolation, OutRecord, ProducerOptions, StartOffset, TopicPartition,
    TransactionalProducer, reader::read_to_end,
};
use weir_schemas::{Codec, Control};

use super::Known;
use crate::{backoff::Backoff, stage::StageError, topics::Topics};

/// How often a writer that was fenced begins again.
const ATTEMPTS: u32 = 10;

/// Reads the topic to its end.
///
/// # Errors
/// [`StageError::Unreadable`] for an entry that newer software wrote; those of Kafka.
pub fn read(cluster: &Cluster, topics: &Topics, codec: &Codec) -> Result<Known, StageError> {
    let partition = TopicPartition::new(topics.control(), 0);
    let mut known = Known::default();
    let mut failure = None;
    read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
        let Some(value) = message.value else { return ControlFlow::Continue(()) };
        match codec.decode::<Control>(&value) {
            Ok(entry) => {
                known.take(entry);
                ControlFlow::Continue(())
            }
            Err(source) => {
                let place = format!("{partition} offset {}", message.offset);
                failure = Some(StageError::Unreadable { place, source });
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(known), Err)
}

/// Writes what `decide` makes of what is there, all of it or nothing; gives what is there afterwards. `decide` is asked
/// again when another writer was quicker; an error of its own ends the change.
///
/// # Errors
/// Those of `decide` and of [`read`]; those of Kafka.
pub fn change<E: From<StageError>>(
    cluster: &Cluster,
    topics: &Topics,
    codec: &Codec,
    mut decide: impl FnMut(&Known) -> Result<Vec<Control>, E>,
) -> Result<Known, E> {
    let mut backoff = Backoff::patient();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let options = ProducerOptions::new(topics.control_transactional_id());
        let mut producer = TransactionalProducer::init(cluster, options).map_err(StageError::from)?;
        let mut known = read(cluster, topics, codec)?;
        let entries = decide(&known)?;
        if entries.is_empty() {
            return Ok(known);
        }
        let written = producer.transaction(|open| {
            entries.iter().try_for_each(|entry| {
                let record = OutRecord::new(topics.control(), entry.key(), codec.encode(entry));
                open.send(&record.to_partition(0))
            })
        });
        match written {
            Ok(()) => {
                entries.into_iter().for_each(|entry| known.take(entry));
                return Ok(known);
            }
            Err(error) if error.class() == Class::Fenced && attempts < ATTEMPTS => {
                std::thread::sleep(backoff.next_delay(Duration::ZERO));
            }
            Err(error) => return Err(StageError::from(error).into()),
        }
    }
}
