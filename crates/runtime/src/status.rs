//! Heartbeats in `weir.status`: who runs what, and how it fares.

use std::{
    collections::BTreeMap,
    io,
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use weir_kafka::{
    Cluster, Isolation, OutRecord, Publisher, StartOffset, TopicPartition, reader::read_to_end,
};
use weir_model::{letter::Stage, names::InstanceName};
use weir_schemas::{Codec, Condition as Told, StageStatus, Status};

use crate::{
    health::{Condition, Health, Part, PartState},
    outage::Outage,
    stage::{Deployment, chain, wait},
    topics::Topics,
};

/// How often a process tells that it is there.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// A process that was not heard of for so long is taken for gone.
pub const GONE_AFTER: Duration = Duration::from_secs(30);
/// Changes within this are told together.
const GATHER: Duration = Duration::from_millis(300);

/// The thread that tells how this process is.
pub struct Heartbeat {
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Heartbeat {
    /// Starts the thread. `software` is the version that runs.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(deployment: &Deployment, software: &str) -> io::Result<Self> {
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let guard = ended.clone().drop_guard();
        let beat = Beat {
            deployment: deployment.clone(),
            software: software.to_owned(),
            started_at: deployment.clock.now(),
            stop: stop.clone(),
        };
        thread::Builder::new().name("heartbeat".to_owned()).spawn(move || {
            let _guard = guard;
            beat.run();
        })?;
        Ok(Self { stop, ended })
    }

    /// Tells that this process is no more, and waits for that, though not for longer than `patience`: brokers may be
    /// away.
    pub async fn end(self, patience: Duration) {
        self.stop.cancel();
        // Without that word others learn it from its silence.
        let _ = tokio::time::timeout(patience, self.ended.cancelled()).await;
    }
}

struct Beat {
    deployment: Deployment,
    software: String,
    started_at: Timestamp,
    stop: CancellationToken,
}

impl Beat {
    fn run(&self) {
        let mut publisher = None;
        let mut outage = Outage::default();
        while !self.stop.is_cancelled() {
            let told = self.deployment.health.changes();
            let record = self.record();
            match self.publish(&mut publisher, record) {
                Ok(()) => {
                    outage.is_over(Instant::now());
                }
                Err(error) if outage.is_to_be_said(Instant::now()) => {
                    tracing::warn!(error = chain(&error), "the heartbeat cannot be told");
                }
                Err(_) => {}
            }
            let due = Instant::now() + INTERVAL;
            while !wait(&self.stop, GATHER)
                && Instant::now() < due
                && self.deployment.health.changes() == told
            {}
        }
        let Deployment { topics, instance, .. } = &self.deployment;
        let goodbye = OutRecord::tombstone(topics.status(), instance.to_string()).to_partition(0);
        if let Err(error) = self.publish(&mut publisher, goodbye) {
            tracing::warn!(error = chain(&error), "could not tell that this process ends");
        }
    }

    fn publish(&self, publisher: &mut Option<Publisher>, record: OutRecord) -> Result<(), weir_kafka::Error> {
        let open = match publisher {
            Some(open) => open,
            None => publisher.insert(Publisher::open(&self.deployment.cluster)?),
        };
        open.publish(&[record])
    }

    fn record(&self) -> OutRecord {
        let Deployment { topics, codec, instance, clock, health, .. } = &self.deployment;
        let status = Status {
            instance: instance.clone(),
            software: self.software.clone(),
            started_at: self.started_at,
            at: clock.now(),
            stages: stages(health),
        };
        OutRecord::new(topics.status(), instance.to_string(), codec.encode(&status)).to_partition(0)
    }
}

/// The stages among the parts of a process.
fn stages(health: &Health) -> Vec<StageStatus> {
    health.parts().into_iter().filter_map(|(part, state)| stage(part, state)).collect()
}

fn stage(part: Part, state: PartState) -> Option<StageStatus> {
    let (stage, subject) = match part {
        Part::Source(source) => (Stage::Producer, source.to_string()),
        Part::Remedy(source) => (Stage::Producer, format!("{source} (remedy)")),
        // The sharing of accounts concerns no single source.
        Part::Producers => (Stage::Producer, String::new()),
        Part::Processor(flow) => (Stage::Processor, flow.to_string()),
        Part::Sink(flow) => (Stage::Sink, flow.to_string()),
        // Replays and repairs of all flows; no name of a flow holds a bracket.
        Part::Jobs => (Stage::Processor, "(jobs)".to_owned()),
        // It writes what the topics hold into tables, as a sink does.
        Part::Ledger => (Stage::Sink, "(ledger)".to_owned()),
        Part::Collections | Part::Control | Part::Kafka => return None,
    };
    let condition = match &state.condition {
        Condition::Starting => Told::Starting,
        Condition::Ready => Told::Ready,
        Condition::Waiting(_) => Told::Waiting,
        Condition::Paused(_) => Told::Paused,
        Condition::Halted(_) => Told::Halted,
    };
    let why: Vec<&str> = state.condition.why().into_iter().chain(state.refused.as_deref()).collect();
    Some(StageStatus {
        stage,
        subject,
        condition,
        why: why.join("; "),
        flow_ordinal: state.flow_ordinal,
        partitions: state.partitions,
    })
}

/// The last heartbeat of every process that did not say goodbye.
///
/// # Errors
/// Those of Kafka. A heartbeat that cannot be read, of newer software, is told in the log and left out.
pub fn read(
    cluster: &Cluster,
    topics: &Topics,
    codec: &Codec,
) -> Result<BTreeMap<InstanceName, Status>, weir_kafka::Error> {
    let partition = TopicPartition::new(topics.status(), 0);
    let mut known = BTreeMap::new();
    read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
        let Some(key) = &message.key else { return ControlFlow::Continue(()) };
        let instance = InstanceName::from(String::from_utf8_lossy(key).into_owned());
        match message.value.map(|value| codec.decode::<Status>(&value)) {
            None => {
                known.remove(&instance);
            }
            Some(Ok(status)) => {
                known.insert(instance, status);
            }
            Some(Err(error)) => {
                tracing::warn!(%instance, error = chain(&error), "a heartbeat cannot be read");
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(known)
}

/// Whether a process was not heard of for too long.
pub fn is_gone(status: &Status, now: Timestamp) -> bool {
    now.duration_since(status.at).unsigned_abs() > GONE_AFTER && now > status.at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_tells_stages_only_and_says_why() {
        let health = Health::default();
        health.report(&Part::Kafka, Condition::Ready);
        let sink = Part::Sink("orders".into());
        health.report(&sink, Condition::Halted("K-CREDENTIAL: no".into()));
        health.apply_version(&sink, 3);
        health.own(&sink, [0, 4]);
        health.refuse(&sink, Some("version 4: no connection x".into()));
        let told = stages(&health);
        assert_eq!(
            told,
            [StageStatus {
                stage: Stage::Sink,
                subject: "orders".into(),
                condition: Told::Halted,
                why: "K-CREDENTIAL: no; version 4: no connection x".into(),
                flow_ordinal: 3,
                partitions: vec![0, 4],
            }]
        );
    }

    #[test]
    fn a_process_is_gone_after_three_silent_heartbeats() {
        let at = Timestamp::UNIX_EPOCH;
        let status =
            Status { instance: "a".into(), software: String::new(), started_at: at, at, stages: Vec::new() };
        assert!(!is_gone(&status, at + Duration::from_secs(29)));
        assert!(is_gone(&status, at + Duration::from_secs(31)));
        assert!(!is_gone(&status, at - Duration::from_secs(31)), "its clock is ahead of ours");
    }
}
