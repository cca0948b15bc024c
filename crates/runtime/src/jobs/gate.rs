//! The gate of a job: whether the flows that it feeds have room for its next chunk.
//!
//! A job publishes only while every flow is less than one chunk behind, so that a live record finds at most one chunk
//! before it, however long the job is (design §5). A flow that stands still holds its jobs; they go on when it does.
//!
//! Relies on what the groups have committed and on the ends of their topics, both asked from outside.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weir_kafka::{Cluster, GroupOffsets, Inspector, TopicPartition};
use weir_model::{
    names::FlowName,
    outcome::{Code, Refusal},
};

use crate::{
    control::Known,
    health::Condition,
    topics::{FLOW_PARTITIONS, Topics},
};

/// A flow stands still, and with it the jobs that feed it.
pub const STANDS_STILL: Code = Code::new("J-STANDSTILL");
/// A flow has not yet dealt with what it was given.
pub const BEHIND: Code = Code::new("J-BEHIND");

/// So many records a job publishes at a time, and so many a flow may be behind at most when it does.
pub const CHUNK: usize = 500;

/// How often a closed gate is looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// Tells whether flows have room. Its clients stay connected: it is asked before every chunk.
pub struct Gate {
    flows: Vec<Gauge>,
    control: watch::Receiver<Arc<Known>>,
    inspector: Inspector,
    /// The broker inside a process keeps no offsets of transactions, so nothing can be measured there.
    is_measured: bool,
}

/// What is measured of one flow.
struct Gauge {
    flow: FlowName,
    processors: (GroupOffsets, Vec<TopicPartition>),
    sinks: (GroupOffsets, Vec<TopicPartition>),
}

impl Gate {
    /// The gate of these flows, each with the topic that it reads. Nothing is connected yet.
    ///
    /// # Errors
    /// `Refused` for settings.
    pub fn open(
        cluster: &Cluster,
        topics: &Topics,
        flows: impl IntoIterator<Item = (FlowName, String)>,
        control: watch::Receiver<Arc<Known>>,
    ) -> Result<Self, weir_kafka::Error> {
        let gauge = |(flow, read): (FlowName, String)| {
            let processors = GroupOffsets::open(cluster, &topics.processors_group(&flow))?;
            let sinks = GroupOffsets::open(cluster, &topics.sinks_group(&flow))?;
            let mapped = partitions(&[read, topics.redo(&flow)]);
            let written = partitions(&[topics.doc(&flow)]);
            Ok(Gauge { flow, processors: (processors, mapped), sinks: (sinks, written) })
        };
        Ok(Self {
            flows: flows.into_iter().map(gauge).collect::<Result<_, weir_kafka::Error>>()?,
            control,
            inspector: Inspector::open(cluster)?,
            is_measured: !cluster.is_in_process(),
        })
    }

    /// Why the next chunk has to wait; none when it may be published. Blocks while Kafka is asked.
    ///
    /// # Errors
    /// Those of Kafka: `Retriable` while brokers are away.
    pub fn look(&self) -> Result<Option<Refusal>, weir_kafka::Error> {
        if let Some(refusal) = self.standstill() {
            return Ok(Some(refusal));
        }
        if self.is_measured {
            for gauge in &self.flows {
                if let Some(refusal) = gauge.look(&self.inspector)? {
                    return Ok(Some(refusal));
                }
            }
        }
        Ok(None)
    }

    /// As [`Self::look`], for async code.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub async fn ask(self: &Arc<Self>) -> Result<Option<Refusal>, weir_kafka::Error> {
        let gate = Arc::clone(self);
        match tokio::task::spawn_blocking(move || gate.look()).await {
            Ok(answer) => answer,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and with it whoever asks.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Waits until the gate is open; whether it is, rather than that `stop` was cancelled. `held` hears of each new
    /// reason to wait, once it has lasted for a moment: a job that simply awaits the end of its last chunk is at work.
    ///
    /// # Errors
    /// As [`Self::look`].
    pub async fn until_open(
        self: &Arc<Self>,
        stop: &CancellationToken,
        mut held: impl FnMut(&Refusal),
    ) -> Result<bool, weir_kafka::Error> {
        let mut patience = Patience::default();
        while !stop.is_cancelled() {
            let Some(refusal) = self.ask().await? else { return Ok(true) };
            if patience.is_news(&refusal, Instant::now()) {
                held(&refusal);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
        Ok(false)
    }

    /// Where the flows have to come to before all is dealt with that a job has published.
    pub(super) fn rest(&self) -> Result<Rest, weir_kafka::Error> {
        let mut mapped = Vec::new();
        for gauge in &self.flows {
            mapped.push(ends(&gauge.processors.1, &self.inspector)?);
        }
        Ok(Rest { mapped, written: Vec::new() })
    }

    /// Whether the flows have come to there: mapped all that was to be mapped then, and written all that became of it.
    pub(super) fn is_at_rest(&self, rest: &mut Rest) -> Result<bool, weir_kafka::Error> {
        if !self.is_measured {
            return Ok(true);
        }
        for (gauge, ends) in self.flows.iter().zip(&rest.mapped) {
            if !has_passed(&gauge.processors.0, ends, &self.inspector)? {
                return Ok(false);
            }
        }
        if rest.written.is_empty() {
            for gauge in &self.flows {
                rest.written.push(ends(&gauge.sinks.1, &self.inspector)?);
            }
        }
        for (gauge, ends) in self.flows.iter().zip(&rest.written) {
            if !has_passed(&gauge.sinks.0, ends, &self.inspector)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The flow that stands still, as control says, if one does.
    fn standstill(&self) -> Option<Refusal> {
        let known = self.control.borrow();
        let of = |gauge: &Gauge| known.hold(&gauge.flow).map(|why| standing(&gauge.flow, &why));
        self.flows.iter().find_map(of)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.flows.iter().map(|gauge| &gauge.flow)).finish()
    }
}

impl Gauge {
    fn look(&self, inspector: &Inspector) -> Result<Option<Refusal>, weir_kafka::Error> {
        for ((group, partitions), step) in [(&self.processors, "map"), (&self.sinks, "write")] {
            let behind = behind(group, partitions, inspector)?;
            if behind >= CHUNK as u64 {
                return Ok(Some(lagging(&self.flow, behind, step)));
            }
        }
        Ok(None)
    }
}

/// How many records a group has yet to read, transaction markers among them.
fn behind(
    group: &GroupOffsets,
    partitions: &[TopicPartition],
    inspector: &Inspector,
) -> Result<u64, weir_kafka::Error> {
    let mut sum = 0;
    for (partition, committed) in group.committed(partitions)? {
        let ends = inspector.ends(&partition)?;
        let from = committed.unwrap_or(ends.low).max(ends.low);
        let behind = u64::try_from(ends.high.saturating_sub(from)).unwrap_or(0);
        // What was aborted is no record: a large gap counts only when something is in it.
        if behind >= CHUNK as u64 && inspector.time_at(&partition, from)?.is_none() {
            continue;
        }
        sum += behind;
    }
    Ok(sum)
}

/// Ends that flows have to pass, by flow.
#[derive(Debug)]
pub(super) struct Rest {
    mapped: Vec<Ends>,
    /// Fixed when all is mapped.
    written: Vec<Ends>,
}

/// Where partitions ended at a moment.
type Ends = Vec<(TopicPartition, i64)>;

fn ends(partitions: &[TopicPartition], inspector: &Inspector) -> Result<Ends, weir_kafka::Error> {
    partitions.iter().map(|partition| Ok((partition.clone(), inspector.ends(partition)?.high))).collect()
}

fn has_passed(group: &GroupOffsets, ends: &Ends, inspector: &Inspector) -> Result<bool, weir_kafka::Error> {
    let partitions: Vec<TopicPartition> = ends.iter().map(|(partition, _)| partition.clone()).collect();
    for (partition, committed) in group.committed(&partitions)? {
        let end = ends.iter().find(|(of, _)| *of == partition).map_or(0, |(_, end)| *end);
        let from = committed.unwrap_or(0).max(inspector.ends(&partition)?.low);
        // The marker of the last transaction is never acknowledged, nor is what was aborted at the end.
        if from < end && inspector.time_at(&partition, from)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn partitions(topics: &[String]) -> Vec<TopicPartition> {
    let of = |topic: &String| {
        let topic: Arc<str> = topic.as_str().into();
        (0..FLOW_PARTITIONS).map(move |number| TopicPartition::new(Arc::clone(&topic), number))
    };
    topics.iter().flat_map(of).collect()
}

fn standing(flow: &FlowName, why: &Condition) -> Refusal {
    let why = match why {
        Condition::Paused(who) => format!("was paused by {who}"),
        other => format!("is halted: {}", other.why().unwrap_or_default()),
    };
    Refusal::new(
        STANDS_STILL,
        format!("flow {flow} {why}; the job goes on when it does (`weir flows resume {flow}`)"),
    )
}

fn lagging(flow: &FlowName, behind: u64, step: &str) -> Refusal {
    let message = format!("flow {flow} has {behind} records to {step} first; the job goes on by itself");
    Refusal::new(BEHIND, message)
}

/// Says whether a reason to wait is worth telling: not one that passes, and none twice.
#[derive(Debug, Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    told: Option<Code>,
}

impl Patience {
    /// How long a flow may be busy with the last chunk before that is told.
    const BUSY: Duration = Duration::from_secs(5);

    /// The gate is closed for this reason. True when that is to be told.
    pub(super) fn is_news(&mut self, refusal: &Refusal, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let is_passing = refusal.code == BEHIND && now.duration_since(since) < Self::BUSY;
        if is_passing || self.told.as_ref() == Some(&refusal.code) {
            return false;
        }
        self.told = Some(refusal.code.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_is_told_at_once_and_a_busy_flow_only_when_it_lasts() {
        let (flow, now) = (FlowName::from("orders"), Instant::now());
        let mut patience = Patience::default();
        assert!(!patience.is_news(&lagging(&flow, 700, "map"), now));
        assert!(!patience.is_news(&lagging(&flow, 700, "map"), now + Duration::from_secs(4)));
        assert!(patience.is_news(&lagging(&flow, 600, "map"), now + Duration::from_secs(6)));
        assert!(!patience.is_news(&lagging(&flow, 500, "map"), now + Duration::from_secs(7)));
        let paused = standing(&flow, &Condition::Paused("周敏: 月结".to_owned()));
        assert!(patience.is_news(&paused, now + Duration::from_secs(8)));
        assert!(paused.message.contains("周敏: 月结"), "{paused}");
    }
}
