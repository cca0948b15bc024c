//! A replay: raw records of a stretch of time, copied into the flow once more.
//!
//! All states of a record are copied, in their order; the sink leaves the older ones out (design §7). So a replay of any
//! stretch ends in what the newest state makes under today's mapping.

use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use weir_kafka::{Error, Inspector, Message, Stretch, StretchReader, TopicPartition};
use weir_model::{
    outcome::Refusal,
    processor::Input,
    record::{RawRecord, Reason},
};
use weir_schemas::{Job, RedoRecord};

use super::{
    chunk::{CHUNK_BYTES, Chunk, UNSENDABLE, trace_of},
    gate::CHUNK,
    lane::Place,
    track::{Span, Track},
};
use crate::{stage::chain, topics::FLOW_PARTITIONS};

/// How long the next records are waited for.
const READ: Duration = Duration::from_secs(1);
/// How often a chunk that is to hold few of many records reads on before it is told how far it is.
const READS: usize = 20;

/// What there is to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// What is to be read of each partition.
    pub stretches: Vec<Stretch>,
    /// When the oldest record came that is still kept, when older ones were asked for and may have been removed.
    pub kept_since: Option<Timestamp>,
}

impl Extent {
    /// Finds the records of a topic whose append time is in `[from, until)`; what is appended from now on is not among them.
    ///
    /// # Errors
    /// Those of Kafka.
    pub fn find(
        inspector: &Inspector,
        topic: &str,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Self, Error> {
        let partitions: Vec<TopicPartition> =
            (0..FLOW_PARTITIONS).map(|number| TopicPartition::new(topic, number)).collect();
        let offsets = |at: Option<Timestamp>| match at {
            Some(at) => inspector.offsets_for_time(&partitions, at.as_millisecond()).map(Some),
            None => Ok(None),
        };
        let (first, last) = (offsets(from)?, offsets(until)?);
        let of = |found: &Option<Vec<(TopicPartition, i64)>>, partition: &TopicPartition| {
            found.as_ref()?.iter().find(|(found, _)| found == partition).map(|(_, offset)| *offset)
        };
        let mut extent = Self { stretches: Vec::new(), kept_since: None };
        for partition in &partitions {
            let ends = inspector.ends(partition)?;
            let next = of(&first, partition).unwrap_or(ends.low).max(ends.low);
            let until = of(&last, partition).unwrap_or(ends.high).min(ends.high).max(next);
            // A partition that is read from its trimmed beginning may have held more of what was asked for.
            if next == ends.low && ends.low > 0 {
                let oldest = inspector.time_at(partition, next)?;
                let oldest = oldest.and_then(|ms| Timestamp::from_millisecond(ms).ok());
                extent.kept_since = extent.kept_since.max(oldest);
            }
            extent.stretches.push(Stretch { partition: partition.partition, next, until });
        }
        Ok(extent)
    }

    /// All that a topic holds now, where brokers find no records by their time: each then tells its own.
    ///
    /// # Errors
    /// Those of Kafka.
    pub fn whole(inspector: &Inspector, topic: &str) -> Result<Self, Error> {
        let stretch = |partition| {
            let ends = inspector.ends(&TopicPartition::new(topic, partition))?;
            Ok(Stretch { partition, next: ends.low, until: ends.high })
        };
        let stretches = (0..FLOW_PARTITIONS).map(stretch).collect::<Result<_, Error>>()?;
        Ok(Self { stretches, kept_since: None })
    }

    /// How many offsets it spans; markers of transactions count, so there are fewer records.
    pub fn offsets(&self) -> u64 {
        let span = |stretch: &Stretch| u64::try_from(stretch.until.saturating_sub(stretch.next)).unwrap_or(0);
        self.stretches.iter().map(span).sum()
    }
}

/// A replay at work.
pub(super) struct Replay {
    reader: StretchReader,
    /// The records it is limited to; empty for all.
    only: BTreeSet<String>,
}

impl Replay {
    /// Fixes both ends of a new replay, or goes on where it was left.
    pub(super) fn open(place: &Place<'_>, job: &Job, track: &mut Track) -> Result<Self, Error> {
        let topic = place.intake.topic(&place.deployment.topics);
        if track.stretches.is_empty() {
            let extent = if place.deployment.cluster.is_in_process() {
                Extent::whole(place.inspector, &topic)?
            } else {
                Extent::find(place.inspector, &topic, job.from, job.until)?
            };
            track.stretches = extent.stretches.into_iter().map(Span::from).collect();
            track.kept_since = extent.kept_since.map(|since| since.to_string()).unwrap_or_default();
        }
        for span in track.stretches.iter_mut().filter(|span| span.next < span.until) {
            let ends = place.inspector.ends(&TopicPartition::new(topic.as_str(), span.partition))?;
            // What the horizon took meanwhile cannot be copied any more.
            span.next = span.next.max(ends.low);
        }
        let stretches = track.stretches.iter().map(|span| Stretch::from(*span));
        let reader = StretchReader::open(&place.deployment.cluster, &topic, stretches)?;
        Ok(Self { reader, only: job.only.iter().map(ToString::to_string).collect() })
    }

    /// The next chunk; `track` says how far it goes.
    pub(super) fn next(&mut self, place: &Place<'_>, job: &Job, track: &mut Track) -> Result<Chunk, Error> {
        let mut chunk = Chunk::default();
        for _ in 0..READS {
            let messages = self.reader.read(chunk.room().min(CHUNK), CHUNK_BYTES, READ)?;
            if messages.is_empty() {
                break;
            }
            chunk.looked_at += messages.len() as u64;
            for message in messages.iter().filter(|message| self.is_wanted(message)) {
                match redo(place, job, message) {
                    Ok(Some(record)) => {
                        chunk.add(place.deployment, place.flow, &record, trace_of(message));
                    }
                    Ok(None) => {}
                    Err(why) => chunk.leave_out(why),
                }
            }
            if self.only.is_empty() || chunk.room() == 0 || self.reader.is_read() {
                break;
            }
        }
        track.stretches = self.reader.stretches().map(Span::from).collect();
        Ok(chunk)
    }

    fn is_wanted(&self, message: &Message) -> bool {
        let key = || message.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        self.only.is_empty() || key().is_some_and(|key| self.only.contains(key))
    }
}

/// A raw record that is mapped again, under its own version and with its own `NOW()`.
fn redo(place: &Place<'_>, job: &Job, message: &Message) -> Result<Option<RedoRecord>, Refusal> {
    let keeps_times = !place.deployment.cluster.is_in_process();
    let input = place
        .intake
        .input(&place.deployment.codec, message, keeps_times)
        .map_err(|error| Refusal::new(UNSENDABLE, chain(&error)))?;
    let is_meant = |input: &Input| keeps_times || is_within(input.appended_at, job.from, job.until);
    Ok(input.filter(is_meant).map(|Input { record, origin, version, .. }| RedoRecord {
        record: RawRecord { reason: Reason::Replay, ..record },
        version,
        origin,
        repaired: false,
        job: job.id.clone(),
    }))
}

/// Whether a moment lies in `[from, until)`.
pub fn is_within(at: Timestamp, from: Option<Timestamp>, until: Option<Timestamp>) -> bool {
    from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until)
}
