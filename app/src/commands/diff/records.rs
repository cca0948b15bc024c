//! The raw records of a time, partition by partition: memory holds those of one partition and no more.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use weir_kafka::{Admin, Inspector, Stretch, StretchReader, TopicPartition};
use weir_model::{names::RecordId, processor::Input};
use weir_runtime::map::Intake;

use crate::{commands::control::Desk, exit::Failure};

/// How much is read at once.
const BATCH: (usize, usize) = (2_000, 8 << 20);
/// How long a partition may bring nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which records are read.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From when on; `None` from the oldest.
    pub since: Option<Timestamp>,
    /// Until when; `None` to the newest.
    pub until: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: u64,
    /// Whether every state of a record is taken, or only its newest.
    pub all_states: bool,
}

/// What is to be read of a topic.
pub struct Plan {
    /// The topic.
    pub topic: String,
    stretches: Vec<Stretch>,
    all_states: bool,
    /// Offsets of that time that `limit` leaves out: about so many records.
    pub left_out: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Read {
    /// Raw records of that time.
    pub found: u64,
    /// Those that are older states of a record.
    pub older: u64,
    /// Those that cannot be read.
    pub unreadable: u64,
    /// Why the first of them cannot be.
    pub why: Option<String>,
    /// When the oldest was polled.
    pub oldest: Option<Timestamp>,
}

/// Finds what is to be read.
pub fn plan(desk: &Desk, intake: &Intake, span: &Span) -> Result<Plan, Failure> {
    let topic = intake.topic(&desk.topics);
    let count = Admin::open(&desk.cluster)?.partition_counts()?.get(&topic).copied().ok_or_else(|| {
        Failure::missing(desk.say(
            &format!("主题 {topic} 不存在；用 `weir topics apply` 创建"),
            &format!("topic {topic} does not exist; create it with `weir topics apply`"),
        ))
    })?;
    let inspector = Inspector::open(&desk.cluster)?;
    let partitions: Vec<TopicPartition> =
        (0..count).map(|number| TopicPartition::new(topic.as_str(), number)).collect();
    let at = |time: Option<Timestamp>| -> Result<HashMap<i32, i64>, Failure> {
        let Some(time) = time else { return Ok(HashMap::new()) };
        let found = inspector.offsets_for_time(&partitions, time.as_millisecond())?;
        Ok(found.into_iter().map(|(partition, offset)| (partition.partition, offset)).collect())
    };
    let (since, until) = (at(span.since)?, at(span.until)?);
    let share =
        i64::try_from(span.limit.div_ceil(u64::try_from(count).unwrap_or(1).max(1))).unwrap_or(i64::MAX);
    let (mut stretches, mut left_out) = (Vec::new(), 0);
    for partition in &partitions {
        let (number, ends) = (partition.partition, inspector.ends(partition)?);
        let until = until.get(&number).copied().unwrap_or(ends.high).min(ends.high);
        let from = since.get(&number).copied().unwrap_or(ends.low).clamp(ends.low, until.max(ends.low));
        let next = from.max(until.saturating_sub(share));
        left_out += u64::try_from(next - from).unwrap_or_default();
        stretches.push(Stretch { partition: number, next, until });
    }
    Ok(Plan { topic, stretches, all_states: span.all_states, left_out })
}

/// Reads it and hands each record to `take`. Blocks.
pub fn read(
    desk: &Desk,
    intake: &Intake,
    plan: &Plan,
    mut take: impl FnMut(&Input),
) -> Result<Read, Failure> {
    let mut read = Read::default();
    for stretch in plan.stretches.iter().filter(|stretch| !stretch.is_read()) {
        // All states of a record lie in one partition (invariant 4).
        let mut newest: HashMap<RecordId, Input> = HashMap::new();
        let mut reader = StretchReader::open(&desk.cluster, &plan.topic, [*stretch])?;
        while !reader.is_read() {
            let messages = reader.read(BATCH.0, BATCH.1, PATIENCE)?;
            if messages.is_empty() && !reader.is_read() {
                let (topic, seconds) = (&plan.topic, PATIENCE.as_secs());
                return Err(Failure::missing(desk.say(
                    &format!("{seconds} 秒内没有读到 {topic} 的记录；检查 Kafka 后重试"),
                    &format!("nothing of {topic} came within {seconds} s; look after Kafka and try again"),
                )));
            }
            for message in messages {
                let polled =
                    message.timestamp_ms.and_then(|ms| Timestamp::from_second(ms.div_euclid(1000)).ok());
                read.oldest = read.oldest.into_iter().chain(polled).min();
                match intake.input(&desk.codec, &message, true) {
                    Ok(Some(input)) if plan.all_states => {
                        read.found += 1;
                        take(&input);
                    }
                    Ok(Some(input)) => {
                        read.found += 1;
                        keep(input, &mut newest, &mut read.older);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        read.unreadable += 1;
                        read.why.get_or_insert_with(|| weir_runtime::stage::chain(&error));
                    }
                }
            }
        }
        let mut newest: Vec<Input> = newest.into_values().collect();
        newest.sort_unstable_by_key(|input| input.origin.offset);
        newest.iter().for_each(&mut take);
    }
    Ok(read)
}

fn keep(input: Input, newest: &mut HashMap<RecordId, Input>, older: &mut u64) {
    match newest.get(&input.record.id) {
        Some(known) if known.version >= input.version => *older += 1,
        Some(_) => {
            *older += 1;
            newest.insert(input.record.id.clone(), input);
        }
        None => {
            newest.insert(input.record.id.clone(), input);
        }
    }
}
