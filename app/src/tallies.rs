//! Sums what the stages counted, from the tally topic: the same numbers for the demo, progress and `--json`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use weir_kafka::{StartOffset, Tail};
use weir_model::{
    letter::Stage,
    names::{FlowName, SourceName},
    tally::{Counts, Tally},
};
use weir_runtime::stage::{Deployment, chain};

/// The sums so far, by stage and subject. Cheap to clone; a thread keeps them up to date.
#[derive(Clone, Default)]
pub struct Tallies {
    sums: Arc<Mutex<BTreeMap<(&'static str, String), Sums>>>,
}

/// The sums of one stage and subject.
#[derive(Clone, Copy, Default)]
struct Sums {
    counts: Counts,
    /// Records that were parked, those included that have been released since.
    parked: u64,
}

/// A flow's line in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowCounts {
    /// The flow.
    pub flow: FlowName,
    /// Where its records ended; `polled` is what its source published.
    pub counts: Counts,
    /// How many documents more than records the flow made of them, by splitting some.
    pub parts: i128,
    /// How many records had to wait for a reference, those included that have been released since.
    pub waited: u64,
}

impl Tallies {
    /// Follows the tally topic until `stop`.
    pub fn follow(deployment: &Deployment, stop: CancellationToken) -> std::io::Result<Self> {
        let tallies = Self::default();
        let (sums, deployment) = (tallies.clone(), deployment.clone());
        std::thread::Builder::new().name("tallies".to_owned()).spawn(move || {
            if let Err(error) = sums.read(&deployment, &stop) {
                tracing::warn!(
                    error = chain(&error),
                    "cannot follow the tallies; counts shown are not up to date"
                );
            }
        })?;
        Ok(tallies)
    }

    fn read(&self, deployment: &Deployment, stop: &CancellationToken) -> Result<(), weir_kafka::Error> {
        let mut tail = Tail::open(&deployment.cluster, &deployment.topics.tally(), StartOffset::Beginning)?;
        while !stop.is_cancelled() {
            let Some(message) = tail.poll(Duration::from_millis(100))? else { continue };
            let Some(value) = message.value else { continue };
            match deployment.codec.decode::<Tally>(&value) {
                Ok(tally) => self.add(&tally),
                Err(error) => tracing::warn!(error = chain(&error), "a tally cannot be read"),
            }
        }
        Ok(())
    }

    fn add(&self, tally: &Tally) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = sums.entry((tally.stage.as_str(), tally.subject.clone())).or_default();
        sums.counts.add(&tally.counts);
        // Those that wait are looked at in transactions of their own, so what a batch parked shows in its sum.
        sums.parked += u64::try_from(tally.counts.waiting).unwrap_or_default();
    }

    /// A line for a flow that reads `source`.
    pub fn flow(&self, flow: &FlowName, source: &SourceName) -> FlowCounts {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |stage: Stage, subject: &str| {
            sums.get(&(stage.as_str(), subject.to_owned())).copied().unwrap_or_default()
        };
        let processor = of(Stage::Processor, flow.as_str());
        let counts = Counts::of_flow(
            &of(Stage::Producer, source.as_str()).counts,
            &processor.counts,
            &of(Stage::Sink, flow.as_str()).counts,
        );
        FlowCounts { flow: flow.clone(), counts, parts: processor.counts.parts(), waited: processor.parked }
    }
}

impl FlowCounts {
    /// Whether every polled record has come to an end, or waits (invariant 3).
    pub fn is_balanced(&self) -> bool {
        i128::from(self.counts.polled) + self.parts == self.counts.accounted()
    }

    /// The counts in the order of the table.
    pub fn cells(&self) -> [u64; 7] {
        let Counts { polled, filtered, delivered, unchanged, superseded, dead, .. } = self.counts;
        [polled, filtered, delivered, unchanged, superseded, dead, self.waited]
    }

    /// How many of those that waited do so no more.
    fn released(&self) -> u64 {
        self.waited.saturating_sub(u64::try_from(self.counts.waiting).unwrap_or_default())
    }

    fn json(&self) -> Value {
        let Counts { polled, mapped, filtered, delivered, unchanged, superseded, waiting, dead } =
            self.counts;
        json!({
            "flow": self.flow.as_str(), "polled": polled, "mapped": mapped, "filtered": filtered,
            "delivered": delivered, "unchanged": unchanged, "superseded": superseded, "dead": dead,
            "waiting": waiting, "waited": self.waited, "released": self.released(),
        })
    }
}

/// Names of [`FlowCounts::cells`], in English and Chinese.
pub const COUNT_NAMES: [[&str; 2]; 7] = [
    ["polled", "已拉取"],
    ["filtered", "已过滤"],
    ["delivered", "已送达"],
    ["unchanged", "无变化"],
    ["superseded", "已被取代"],
    ["dead", "死信"],
    ["waited", "等待过"],
];

/// The answer of `weir demo --once --json`.
pub fn summary(flows: &[FlowCounts]) -> Value {
    let lines: Vec<Value> = flows.iter().map(FlowCounts::json).collect();
    json!({"flows": lines, "balanced": flows.iter().all(FlowCounts::is_balanced)})
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn tally(stage: Stage, subject: &str, counts: Counts) -> Tally {
        Tally {
            stage,
            subject: subject.to_owned(),
            instance: "i".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            counts,
        }
    }

    #[test]
    fn a_flow_is_balanced_when_all_its_records_have_ended() {
        let tallies = Tallies::default();
        let (flow, source) = (FlowName::from("f"), SourceName::from("s"));
        tallies.add(&tally(Stage::Producer, "s", Counts { polled: 5, ..Counts::default() }));
        let mapped = Counts { polled: 5, mapped: 4, filtered: 1, ..Counts::default() };
        tallies.add(&tally(Stage::Processor, "f", mapped));
        tallies.add(&tally(Stage::Sink, "f", Counts { delivered: 3, dead: 1, ..Counts::default() }));
        assert!(!tallies.flow(&flow, &source).is_balanced());
        tallies.add(&tally(Stage::Sink, "f", Counts { filtered: 1, ..Counts::default() }));
        let line = tallies.flow(&flow, &source);
        assert!(line.is_balanced());
        assert_eq!(
            summary(&[line]).to_string(),
            r#"{"flows":[{"flow":"f","polled":5,"mapped":4,"filtered":1,"delivered":3,"unchanged":0,"superseded":0,"dead":1,"waiting":0,"waited":0,"released":0}],"balanced":true}"#
        );
    }
}
