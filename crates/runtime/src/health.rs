//! How each part of this process is: what stages report, and what `/healthz`, `/readyz`, the heartbeat and the console
//! tell.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use weir_model::names::{FlowName, SourceName};

/// What can fare well or badly in a process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The rows of collections.
    Collections,
    /// The following of `weir.control`.
    Control,
    /// The carrying on of replays and repairs.
    Jobs,
    /// The way to the brokers, before anything is started.
    Kafka,
    /// The tables that answer questions, made of the topics.
    Ledger,
    /// The mapping of a flow.
    Processor(FlowName),
    /// The sharing of accounts.
    Producers,
    /// The delivery of a flow.
    Sink(FlowName),
    /// The polling of a source.
    Source(SourceName),
    /// The omission remedy of a source.
    Remedy(SourceName),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collections => f.write_str("collections"),
            Self::Control => f.write_str("control"),
            Self::Jobs => f.write_str("jobs"),
            Self::Kafka => f.write_str("kafka"),
            Self::Ledger => f.write_str("ledger"),
            Self::Processor(flow) => write!(f, "processor {flow}"),
            Self::Producers => f.write_str("producers"),
            Self::Sink(flow) => write!(f, "sink {flow}"),
            Self::Source(source) => write!(f, "source {source}"),
            Self::Remedy(source) => write!(f, "source {source} remedy"),
        }
    }
}

/// How a part is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Not yet at work.
    #[default]
    Starting,
    /// At work, or ready for it.
    Ready,
    /// Waiting for something that is away; it goes on by itself.
    Waiting(String),
    /// A person let it stand still, and said this.
    Paused(String),
    /// Stopped until a person acts.
    Halted(String),
}

impl Condition {
    /// Its name on pages and in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Waiting(_) => "waiting",
            Self::Paused(_) => "paused",
            Self::Halted(_) => "halted",
        }
    }

    /// What is awaited, or why it stands still.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Waiting(why) | Self::Paused(why) | Self::Halted(why) => Some(why),
            Self::Starting | Self::Ready => None,
        }
    }

    /// Whether all is as people want it.
    fn is_fine(&self) -> bool {
        matches!(self, Self::Ready | Self::Paused(_))
    }
}

/// All that is told of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartState {
    /// How it is.
    pub condition: Condition,
    /// Ordinal of the flow version that it applies; 0 where that has no meaning.
    pub flow_ordinal: u32,
    /// The partitions it owns.
    pub partitions: Vec<i32>,
    /// The newer configuration that this process could not take over, and why; it goes on with the former.
    pub refused: Option<String>,
}

/// The state of all parts of this process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    parts: BTreeMap<Part, PartState>,
    changes: u64,
}

impl Health {
    /// Says how a part is.
    pub fn report(&self, part: &Part, condition: Condition) {
        self.change(part, |state| state.condition = condition);
    }

    /// Says which partitions a part owns.
    pub fn own(&self, part: &Part, partitions: impl IntoIterator<Item = i32>) {
        let partitions = partitions.into_iter().collect();
        self.change(part, |state| state.partitions = partitions);
    }

    /// Says which version of its flow's text a part applies.
    pub fn apply_version(&self, part: &Part, flow_ordinal: u32) {
        self.change(part, |state| state.flow_ordinal = flow_ordinal);
    }

    /// Says which newer configuration a part could not take over and why, or that there is none.
    pub fn refuse(&self, part: &Part, refused: Option<String>) {
        self.change(part, |state| state.refused = refused);
    }

    /// This process has no such part any more.
    pub fn forget(&self, part: &Part) {
        let mut told = self.lock();
        if told.parts.remove(part).is_some() {
            told.changes += 1;
        }
    }

    /// The state of every part.
    pub fn parts(&self) -> BTreeMap<Part, PartState> {
        self.lock().parts.clone()
    }

    /// How every part is, by its name.
    pub fn conditions(&self) -> BTreeMap<String, Condition> {
        let told = self.lock();
        told.parts.iter().map(|(part, state)| (part.to_string(), state.condition.clone())).collect()
    }

    /// Whether every part is at work, or stands still because a person wants it.
    pub fn is_ready(&self) -> bool {
        let told = self.lock();
        !told.parts.is_empty() && told.parts.values().all(|state| state.condition.is_fine())
    }

    /// How often something has changed.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    fn change(&self, part: &Part, change: impl FnOnce(&mut PartState)) {
        let mut told = self.lock();
        let state = told.parts.entry(part.clone()).or_default();
        let before = state.clone();
        change(state);
        if *state != before {
            told.changes += 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_all_of_them_and_a_pause_is_what_people_want() {
        let (a, b) = (Part::Sink("a".into()), Part::Sink("b".into()));
        let health = Health::default();
        assert!(!health.is_ready());
        health.report(&a, Condition::Ready);
        assert!(health.is_ready());
        health.report(&b, Condition::Halted("wrong secret".into()));
        assert!(!health.is_ready());
        health.report(&b, Condition::Paused("月结".into()));
        assert!(health.is_ready());
    }

    #[test]
    fn only_what_is_new_counts_as_a_change() {
        let part = Part::Processor("orders".into());
        let health = Health::default();
        health.report(&part, Condition::Ready);
        let before = health.changes();
        health.report(&part, Condition::Ready);
        health.own(&part, []);
        assert_eq!(health.changes(), before);
        health.own(&part, [2, 3]);
        health.refuse(&part, Some("version 2: no such connection".into()));
        assert_eq!(health.changes(), before + 2);
        assert_eq!(health.parts()[&part].partitions, [2, 3]);
        health.forget(&part);
        assert_eq!(health.parts().len(), 0);
    }
}
