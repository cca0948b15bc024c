//! What a partition of `weir.cursor` holds: the cursors and tokens of its accounts.
//!
//! Read after the former owner was fenced, so that nothing can be added to it but by us (design §5, invariant 7).

use std::{collections::BTreeMap, ops::ControlFlow};

use weir_kafka::{Cluster, Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::{cursor::Cursor, names::SourceName, token::SealedToken};
use weir_schemas::{Codec, DecodeError};

use super::{Inheritance, Poller, partition_of, records::TOKEN_KEY};
use crate::{stage::StageError, topics::Topics};

/// How far a source was read, for people who ask: the cursors of its regular poll, its remedy and its jobs. Whoever owns
/// the account may have moved them meanwhile.
///
/// # Errors
/// [`StageError::Unreadable`] for a value that newer software wrote; those of Kafka.
pub fn cursors_of(
    cluster: &Cluster,
    topics: &Topics,
    codec: &Codec,
    account: &str,
    source: &SourceName,
) -> Result<Vec<Cursor>, StageError> {
    let partition = TopicPartition::new(topics.cursor(), partition_of(account));
    let estate = Estate::read(cluster, codec, &partition)?;
    Ok(estate.cursors.into_values().filter(|cursor| cursor.source == *source).collect())
}

/// The newest value of every key.
#[derive(Default)]
pub(super) struct Estate {
    cursors: BTreeMap<Vec<u8>, Cursor>,
    tokens: BTreeMap<Vec<u8>, SealedToken>,
}

impl Estate {
    /// Reads the partition to its end.
    pub(super) fn read(
        cluster: &Cluster,
        codec: &Codec,
        partition: &TopicPartition,
    ) -> Result<Self, StageError> {
        let mut estate = Self::default();
        let mut failure = None;
        let (start, isolation) = (StartOffset::Beginning, Isolation::Committed);
        read_to_end(cluster, partition, start, isolation, |message| {
            let Some(key) = message.key else { return ControlFlow::Continue(()) };
            let Some(value) = message.value else {
                // The job whose cursor it was has ended.
                estate.cursors.remove(&*key);
                return ControlFlow::Continue(());
            };
            match estate.take(codec, &key, &value) {
                Ok(()) => ControlFlow::Continue(()),
                Err(source) => {
                    let place = format!("{partition} offset {}", message.offset);
                    failure = Some(StageError::Unreadable { place, source });
                    ControlFlow::Break(())
                }
            }
        })?;
        failure.map_or(Ok(estate), Err)
    }

    fn take(&mut self, codec: &Codec, key: &[u8], value: &bytes::Bytes) -> Result<(), DecodeError> {
        if key.starts_with(TOKEN_KEY.as_bytes()) {
            self.tokens.insert(key.to_vec(), codec.decode(value)?);
        } else {
            self.cursors.insert(key.to_vec(), codec.decode(value)?);
        }
        Ok(())
    }

    /// What of it belongs to a poller's account.
    pub(super) fn of(&self, poller: &dyn Poller) -> Inheritance {
        let sources = poller.sources();
        let is_own = |cursor: &&Cursor| sources.contains(&cursor.source);
        Inheritance {
            cursors: self.cursors.values().filter(is_own).cloned().collect(),
            token: self.tokens.values().find(|token| token.account.as_str() == poller.account()).cloned(),
        }
    }
}
