//! The letters themselves, read from their topics: payload and document stand nowhere else.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use serde_json::Value;
use weir_kafka::{
    Admin, Cluster, Isolation, Message, StartOffset, Stretch, StretchReader, TopicPartition,
    inspect::Inspector, reader::read_to_end,
};
use weir_ledger::letters::{LetterId, Place};
use weir_model::letter::DeadLetter;
use weir_runtime::{stage::chain, topics::Topics};
use weir_schemas::Codec;

use super::Letterbox;
use crate::exit::Failure;

/// How far letters may lie apart to be read in one go; what lies between is read and thrown away.
const GAP: i64 = 2_000;

/// A letter and where it stands.
pub struct Found {
    letter: DeadLetter,
}

impl Found {
    /// The letter on one line, below its owner's name.
    pub fn line(&self) -> String {
        let DeadLetter { record_id, refusal, .. } = &self.letter;
        format!("  ✗ {record_id}: {refusal}")
    }
}

/// All letters of a flow or source, partition by partition; for the demo, which keeps no ledger of its own.
pub fn read_letters(
    cluster: &Cluster,
    codec: &Codec,
    topics: &Topics,
    owner: &str,
) -> Result<Vec<Found>, Failure> {
    let topic = topics.dead(owner);
    let partitions = Admin::open(cluster)?.partition_counts()?.get(&topic).copied().ok_or_else(|| {
        Failure::missing(format!("topic {topic} does not exist; create it with `weir topics apply`"))
    })?;
    let mut found = Vec::new();
    for number in 0..partitions {
        let partition = TopicPartition::new(topic.as_str(), number);
        read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
            let Some(value) = message.value else { return ControlFlow::Continue(()) };
            match codec.decode::<DeadLetter>(&value) {
                Ok(letter) => found.push(Found { letter }),
                Err(error) => eprintln!("{topic} {number}:{}: {}", message.offset, chain(&error)),
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(found)
}

impl Letterbox {
    /// The letters at these places of one owner, each handed to `take` as it is read; those that its topic holds no more
    /// are left out.
    pub fn read(
        &self,
        owner: &str,
        letters: &[&LetterId],
        mut take: impl FnMut(Place, DeadLetter),
    ) -> Result<(), Failure> {
        let kafka = self.kafka()?;
        let topic = self.topics.dead(owner);
        let wanted: BTreeSet<(i64, i64)> =
            letters.iter().map(|letter| (letter.place.partition, letter.place.offset)).collect();
        let inspector = Inspector::open(&kafka.cluster)?;
        for round in rounds(&wanted) {
            let mut stretches = Vec::new();
            for mut stretch in round {
                let ends = inspector.ends(&TopicPartition::new(topic.as_str(), stretch.partition))?;
                stretch.next = stretch.next.max(ends.low);
                stretch.until = stretch.until.min(ends.high);
                stretches.push(stretch);
            }
            let reader = StretchReader::open(&kafka.cluster, &topic, stretches)?;
            reader.for_each(|Message { partition, offset, value, .. }| {
                let place = Place { partition: partition.into(), offset };
                let value = value.filter(|_| wanted.contains(&(place.partition, offset)));
                match value.map(|value| kafka.codec.decode::<DeadLetter>(&value)) {
                    Some(Ok(letter)) => take(place, letter),
                    Some(Err(error)) => eprintln!("{topic} {place}: {}", chain(&error)),
                    None => {}
                }
            })?;
        }
        Ok(())
    }

    /// One letter; none when its topic holds it no more, or Kafka is away.
    pub fn read_one(&self, letter: &LetterId) -> Result<Option<DeadLetter>, Failure> {
        if self.kafka().is_err() {
            return Ok(None);
        }
        let mut found = None;
        self.read(&letter.owner, &[letter], |_, letter| found = Some(letter))?;
        Ok(found)
    }
}

/// What is read side by side, at most one stretch of a partition at a time.
fn rounds(wanted: &BTreeSet<(i64, i64)>) -> Vec<Vec<Stretch>> {
    let mut stretches: BTreeMap<i32, Vec<Stretch>> = BTreeMap::new();
    for (partition, offset) in wanted {
        let Ok(partition) = i32::try_from(*partition) else { continue };
        let of_partition = stretches.entry(partition).or_default();
        match of_partition.last_mut().filter(|last| offset - last.until <= GAP) {
            Some(last) => last.until = offset + 1,
            None => of_partition.push(Stretch { partition, next: *offset, until: offset + 1 }),
        }
    }
    let longest = stretches.values().map(Vec::len).max().unwrap_or(0);
    (0..longest).map(|round| stretches.values().filter_map(|all| all.get(round)).copied().collect()).collect()
}

/// JSON as JSON, anything else as text, nothing as nothing.
pub fn content(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_far_apart_are_read_one_after_the_other_and_near_ones_together() {
        let wanted = BTreeSet::from([(0, 5), (0, 900), (0, 90_000), (3, 1)]);
        let stretch = |partition, next, until| Stretch { partition, next, until };
        assert_eq!(
            rounds(&wanted),
            [vec![stretch(0, 5, 901), stretch(3, 1, 2)], vec![stretch(0, 90_000, 90_001)]]
        );
    }
}
