//! Which topics are followed, and what stands in each.

use std::{collections::BTreeMap, sync::Arc};

use weir_model::names::{FlowName, SourceName};
use weir_runtime::topics::Topics;
use weir_schemas::Codec;

/// A flow, as far as the ledger has to know it.
#[derive(Clone, Debug)]
pub struct FlowScope {
    /// Its name.
    pub name: FlowName,
    /// Fields of the source record with further numbers that people know it by.
    pub numbers: Vec<String>,
}

/// What stands in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Documents of a flow, by its place among the flows.
    Doc(usize),
    /// Receipts of a flow.
    Receipt(usize),
    /// Parked records of a flow.
    Wait(usize),
    /// Dead letters of a flow, of a source, or of both of one name.
    Dead(Arc<str>),
    /// Facts of finished windows.
    Window,
    /// Counts.
    Tally,
    /// Heartbeats.
    Status,
}

/// What the ledger follows.
#[derive(Clone)]
pub struct Scope {
    pub(crate) codec: Codec,
    pub(crate) flows: Vec<FlowScope>,
    streams: BTreeMap<String, Stream>,
}

impl Scope {
    /// The topics of these flows and sources, and those that all share.
    pub fn new(
        topics: &Topics,
        codec: Codec,
        flows: Vec<FlowScope>,
        sources: impl IntoIterator<Item = SourceName>,
    ) -> Self {
        let mut streams = BTreeMap::from([
            (topics.window(), Stream::Window),
            (topics.tally(), Stream::Tally),
            (topics.status(), Stream::Status),
        ]);
        let owners = flows.iter().map(|flow| flow.name.to_string());
        let owners: Vec<String> =
            owners.chain(sources.into_iter().map(|source| source.to_string())).collect();
        for owner in owners {
            streams.insert(topics.dead(&owner), Stream::Dead(owner.into()));
        }
        for (index, flow) in flows.iter().enumerate() {
            streams.insert(topics.doc(&flow.name), Stream::Doc(index));
            streams.insert(topics.receipt(&flow.name), Stream::Receipt(index));
            streams.insert(topics.wait(&flow.name), Stream::Wait(index));
        }
        Self { codec, flows, streams }
    }

    /// The topics that are followed.
    pub fn topics(&self) -> Vec<String> {
        self.streams.keys().cloned().collect()
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = (&str, &Stream)> {
        self.streams.iter().map(|(topic, stream)| (topic.as_str(), stream))
    }

    pub(crate) fn stream(&self, topic: &str) -> Option<&Stream> {
        self.streams.get(topic)
    }

    pub(crate) fn flow(&self, index: usize) -> Option<&FlowScope> {
        self.flows.get(index)
    }
}
