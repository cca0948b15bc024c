//! The sums of the tally topic: whether every polled record has come to an end (invariant 3).

use std::{collections::HashMap, time::Duration};

use weir_kafka::{StartOffset, Tail};
use weir_model::{
    letter::Stage,
    tally::{Counts, Tally},
};
use weir_schemas::Codec;

use crate::{project::FLOWS, stand::Stand};

const QUIET: Duration = Duration::from_millis(300);

/// Follows the tally topic from its beginning.
pub struct Tallies {
    tail: Tail,
    codec: Codec,
    sums: HashMap<(Stage, String), Counts>,
}

impl Tallies {
    pub fn open(stand: &Stand) -> Self {
        let tail = Tail::open(stand.cluster(), &stand.topics().tally(), StartOffset::Beginning).unwrap();
        Self { tail, codec: Codec::single_object(), sums: HashMap::new() }
    }

    /// Reads what has come; tells the flows whose records do not add up yet.
    pub fn unbalanced(&mut self) -> Vec<String> {
        while let Some(message) = self.tail.poll(QUIET).unwrap() {
            let tally: Tally = self.codec.decode(&message.value.unwrap()).unwrap();
            self.sums.entry((tally.stage, tally.subject)).or_default().add(&tally.counts);
        }
        FLOWS.into_iter().filter_map(|(flow, source)| self.imbalance(flow, source)).collect()
    }

    /// What the sink of a flow counted.
    pub fn sink(&self, flow: &str) -> Counts {
        self.of(Stage::Sink, flow)
    }

    fn imbalance(&self, flow: &str, source: &str) -> Option<String> {
        let processor = self.of(Stage::Processor, flow);
        let ended = Counts::of_flow(&self.of(Stage::Producer, source), &processor, &self.sink(flow));
        let due = i128::from(ended.polled) + processor.parts();
        (due != ended.accounted()).then(|| format!("{flow}: {due} documents due, but {ended:?}"))
    }

    fn of(&self, stage: Stage, subject: &str) -> Counts {
        self.sums.get(&(stage, subject.to_owned())).copied().unwrap_or_default()
    }
}
