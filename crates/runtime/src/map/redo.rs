//! The records that re-enter a flow, repaired, resent or replayed: their topic is read beside that of the source (design
//! §4).
//!
//! Whoever owns a partition of the raw topic reads the same partition here, by hand: the group subscribes to the raw topic
//! alone, so one owner sees all of a record (invariant 4). The offsets are the group's, and go with its membership into
//! the transaction that holds what was made of the records (invariants 2 and 7).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use weir_kafka::{AssignedReader, Class, Cluster, Error, Message, TopicPartition};

/// So few, that live records never wait long behind them.
const BATCH_RECORDS: usize = 200;
const BATCH_BYTES: usize = 1 << 20;
/// Kafka forgets a stable group's offsets in topics that it is not subscribed to, seven days after they were written
/// (`offsets.retention.minutes`). Without them every record would re-enter once more.
const RENEWED_EVERY: Duration = Duration::from_secs(3_600);
/// The first time sooner, for processes that never live that long.
const FIRST_RENEWED_AFTER: Duration = Duration::from_secs(60);

/// The re-entering records of the partitions of this process.
pub(super) struct Redo {
    topic: Arc<str>,
    reader: AssignedReader,
    /// The next offset of each partition that is ours.
    positions: BTreeMap<i32, i64>,
    /// Whether the last look found something.
    is_busy: bool,
    renew_at: Instant,
}

impl Redo {
    /// One that reads nothing yet.
    pub(super) fn open(cluster: &Cluster, topic: String) -> Result<Self, Error> {
        Ok(Self {
            topic: topic.into(),
            reader: AssignedReader::open(cluster)?,
            positions: BTreeMap::new(),
            is_busy: false,
            renew_at: Instant::now() + FIRST_RENEWED_AFTER,
        })
    }

    /// A partition of the topic.
    pub(super) fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(Arc::clone(&self.topic), number)
    }

    /// Reads these partitions from where the group stands; a first start is at what the topic still holds.
    ///
    /// # Errors
    /// [`Error::NoSuchTopic`] when the topic is missing: what is sent there later would be read by nobody.
    pub(super) fn take_over(&mut self, committed: &[(TopicPartition, Option<i64>)]) -> Result<(), Error> {
        let mut starts = Vec::with_capacity(committed.len());
        for (partition, offset) in committed {
            let next = match offset {
                Some(offset) => *offset,
                None => self.reader.watermarks(partition)?.low,
            };
            starts.push((partition.clone(), next));
        }
        self.reader.assign(&starts)?;
        self.positions.extend(starts.into_iter().map(|(partition, next)| (partition.partition, next)));
        Ok(())
    }

    /// Reads these partitions no more, as far as it did; those it did read.
    pub(super) fn give_up(
        &mut self,
        numbers: impl Iterator<Item = i32>,
    ) -> Result<Vec<TopicPartition>, Error> {
        let read = numbers.filter(|number| self.positions.contains_key(number));
        let given_up: Vec<TopicPartition> = read.map(|number| self.partition(number)).collect();
        for partition in &given_up {
            self.positions.remove(&partition.partition);
        }
        if !given_up.is_empty() {
            self.reader.release(&given_up)?;
        }
        Ok(given_up)
    }

    /// Some records, when there are any. Nothing while brokers are away: whoever reads the raw topic says so.
    ///
    /// # Errors
    /// Those that waiting does not mend.
    pub(super) fn poll(&mut self) -> Result<Vec<Message>, Error> {
        let records = match self.reader.poll(BATCH_RECORDS, BATCH_BYTES, Duration::ZERO) {
            Err(error) if error.class() == Class::Retriable => Vec::new(),
            polled => polled?,
        };
        self.is_busy = !records.is_empty();
        Ok(records)
    }

    /// Whether more is to be expected at once.
    pub(super) fn is_busy(&self) -> bool {
        self.is_busy
    }

    /// Goes back to these offsets.
    pub(super) fn rewind(&mut self, firsts: &[(TopicPartition, i64)]) -> Result<(), Error> {
        self.reader.rewind(firsts)
    }

    /// The group stands here now.
    pub(super) fn acknowledged(&mut self, number: i32, next: i64) {
        self.positions.insert(number, next);
    }

    /// The offsets that are to be written again, lest Kafka forget them.
    pub(super) fn due_for_renewal(&self, now: Instant) -> Option<Vec<(TopicPartition, i64)>> {
        let is_due = now >= self.renew_at && !self.positions.is_empty();
        is_due.then(|| self.positions.iter().map(|(number, next)| (self.partition(*number), *next)).collect())
    }

    /// They were written.
    pub(super) fn renewed(&mut self, now: Instant) {
        self.renew_at = now + RENEWED_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use weir_kafka::TopicSpec;

    use super::*;

    #[test]
    fn offsets_are_written_again_before_kafka_forgets_them() {
        let cluster = Cluster::in_process(&[TopicSpec::new("redo", 2)]).unwrap();
        let mut redo = Redo::open(&cluster, "redo".to_owned()).unwrap();
        let later = Instant::now() + 2 * RENEWED_EVERY;
        assert_eq!(redo.due_for_renewal(later), None, "nothing is ours");
        let partitions = [0, 1].map(|number| redo.partition(number));
        redo.take_over(&[(partitions[0].clone(), Some(7)), (partitions[1].clone(), None)]).unwrap();
        redo.acknowledged(0, 9);
        assert_eq!(redo.due_for_renewal(Instant::now()), None);
        let due = vec![(partitions[0].clone(), 9), (partitions[1].clone(), 0)];
        assert_eq!(redo.due_for_renewal(later), Some(due));
        redo.renewed(later);
        assert_eq!(redo.due_for_renewal(later), None);
        assert_eq!(redo.give_up([1, 5].into_iter()).unwrap(), [partitions[1].clone()]);
        let due = redo.due_for_renewal(later + RENEWED_EVERY);
        assert_eq!(due, Some(vec![(partitions[0].clone(), 9)]));
    }
}
