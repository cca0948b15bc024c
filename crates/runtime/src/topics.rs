//! The names of topics, groups and transactional ids, and how each topic is set up (design §4).

use std::sync::Arc;

use weir_kafka::TopicSpec;
use weir_model::names::{FlowName, InstanceName, SourceName};

/// Partitions of raw, doc, redo, receipt and wait topics; fixed for good, since keys would move.
pub const FLOW_PARTITIONS: i32 = 6;
/// Partitions of `weir.cursor`; fixed for good, since accounts would move.
pub const CURSOR_PARTITIONS: i32 = 8;
const OTHER_PARTITIONS: i32 = 3;
/// Partitions of the topics of dead letters.
pub const LETTER_PARTITIONS: i32 = OTHER_PARTITIONS;

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// The largest record of a raw topic.
const RAW_BYTES: usize = 4_194_304;
/// The largest record that is mapped once more: a raw one, and what stands around it.
pub(crate) const REDO_BYTES: usize = RAW_BYTES + 65_536;
/// The largest document or letter: a raw record, a body made of it, and what stands around them.
pub const DOCUMENT_BYTES: usize = 2 * RAW_BYTES + 262_144;

/// Builds the names of one deployment; they all start with its prefix (`weir` by default).
#[derive(Clone, Debug)]
pub struct Topics {
    prefix: Arc<str>,
}

impl Topics {
    /// Names that start with `prefix`.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: Arc::from(prefix) }
    }

    /// Raw records of a source.
    pub fn raw(&self, source: &SourceName) -> String {
        format!("{}.raw.{source}", self.prefix)
    }

    /// Documents of a flow.
    pub fn doc(&self, flow: &FlowName) -> String {
        format!("{}.doc.{flow}", self.prefix)
    }

    /// Repaired and replayed records of a flow.
    pub fn redo(&self, flow: &FlowName) -> String {
        format!("{}.redo.{flow}", self.prefix)
    }

    /// Receipts of a flow.
    pub fn receipt(&self, flow: &FlowName) -> String {
        format!("{}.receipt.{flow}", self.prefix)
    }

    /// Records of a flow that wait for a reference.
    pub fn wait(&self, flow: &FlowName) -> String {
        format!("{}.wait.{flow}", self.prefix)
    }

    /// Reference rows.
    pub fn collection(&self, name: &str) -> String {
        format!("{}.collection.{name}", self.prefix)
    }

    /// Dead letters of a flow or a source.
    pub fn dead(&self, owner: &str) -> String {
        format!("{}.dead.{owner}", self.prefix)
    }

    /// Cursors of all sources.
    pub fn cursor(&self) -> String {
        format!("{}.cursor", self.prefix)
    }

    /// Finished windows.
    pub fn window(&self) -> String {
        format!("{}.window", self.prefix)
    }

    /// What census jobs read.
    pub fn census(&self) -> String {
        format!("{}.census", self.prefix)
    }

    /// Counts per batch.
    pub fn tally(&self) -> String {
        format!("{}.tally", self.prefix)
    }

    /// Flow states, flow versions, jobs.
    pub fn control(&self) -> String {
        format!("{}.control", self.prefix)
    }

    /// Heartbeats.
    pub fn status(&self) -> String {
        format!("{}.status", self.prefix)
    }

    /// The group that shares the accounts among polling processes.
    pub fn producers_group(&self) -> String {
        format!("{}-producers", self.prefix)
    }

    /// The group that maps a flow's records.
    pub fn processors_group(&self, flow: &FlowName) -> String {
        format!("{}-processors-{flow}", self.prefix)
    }

    /// The group that writes a flow's documents.
    pub fn sinks_group(&self, flow: &FlowName) -> String {
        format!("{}-sinks-{flow}", self.prefix)
    }

    /// The group that shares the jobs of the mapping stages: whoever owns the partition of `weir.control`.
    pub fn jobs_group(&self) -> String {
        format!("{}-jobs", self.prefix)
    }

    /// The transactional id that goes with the ownership of the jobs.
    pub fn jobs_transactional_id(&self) -> String {
        format!("{}-jobs", self.prefix)
    }

    /// The transactional id that goes with a partition of the cursor topic: whoever owns the partition fences it.
    pub fn cursor_transactional_id(&self, partition: i32) -> String {
        format!("{}-cursor-{partition}", self.prefix)
    }

    /// The transactional id of whoever changes a collection by hand: one at a time.
    pub fn collection_transactional_id(&self, name: &str) -> String {
        format!("{}-collections-{name}", self.prefix)
    }

    /// The transactional id of whoever changes `weir.control`: one at a time.
    pub fn control_transactional_id(&self) -> String {
        format!("{}-control", self.prefix)
    }

    /// The transactional id of one instance in a group; stable, so that a restart ends its own open transaction.
    pub fn transactional_id(&self, group: &str, instance: &InstanceName) -> String {
        format!("{group}-{instance}")
    }

    /// Every topic that the given sources and flows need.
    pub fn specs<'a>(
        &self,
        sources: impl IntoIterator<Item = &'a SourceName>,
        flows: impl IntoIterator<Item = &'a FlowName>,
    ) -> Vec<TopicSpec> {
        let mut specs = self.shared_specs();
        for source in sources {
            specs.push(buffer(self.raw(source), RAW_BYTES));
            specs.push(letters(self.dead(source.as_str())));
        }
        for flow in flows {
            specs.push(buffer(self.doc(flow), DOCUMENT_BYTES));
            specs.push(buffer(self.redo(flow), RAW_BYTES));
            specs.push(compacted(self.receipt(flow), FLOW_PARTITIONS).with("segment.ms", DAY_MS.to_string()));
            specs.push(
                compacted(self.wait(flow), FLOW_PARTITIONS)
                    .with("segment.ms", HOUR_MS.to_string())
                    .with("min.cleanable.dirty.ratio", "0.1")
                    .with("max.message.bytes", with_overhead(RAW_BYTES)),
            );
            // A flow and a source of one name share their letters' topic; each letter names its stage.
            let dead = self.dead(flow.as_str());
            if !specs.iter().any(|spec| spec.name == dead) {
                specs.push(letters(dead));
            }
        }
        specs
    }

    /// The topics of the declared collections.
    pub fn collection_specs<'a>(&self, collections: impl IntoIterator<Item = &'a str>) -> Vec<TopicSpec> {
        let spec = |name| {
            compacted(self.collection(name), OTHER_PARTITIONS)
                .with("segment.ms", HOUR_MS.to_string())
                .with("delete.retention.ms", (7 * DAY_MS).to_string())
                .with("max.message.bytes", with_overhead(DOCUMENT_BYTES))
        };
        collections.into_iter().map(spec).collect()
    }

    fn shared_specs(&self) -> Vec<TopicSpec> {
        let fact = |name| topic(name, OTHER_PARTITIONS).with("retention.ms", (400 * DAY_MS).to_string());
        vec![
            compacted(self.cursor(), CURSOR_PARTITIONS)
                .with("segment.bytes", "16777216")
                .with("segment.ms", HOUR_MS.to_string())
                .with("min.cleanable.dirty.ratio", "0.01")
                .with("max.compaction.lag.ms", HOUR_MS.to_string()),
            fact(self.window()),
            fact(self.tally()),
            topic(self.census(), OTHER_PARTITIONS)
                .with("retention.ms", (7 * DAY_MS).to_string())
                .with("message.timestamp.type", "LogAppendTime")
                .with("max.message.bytes", with_overhead(RAW_BYTES)),
            compacted(self.control(), 1).with("max.message.bytes", RAW_BYTES.to_string()),
            compacted(self.status(), 1).with("segment.ms", HOUR_MS.to_string()),
        ]
    }
}

/// A buffer between stages: no retention of the broker, neither by time nor by size; [`crate::trim`] removes what is old
/// and read by all (design §4). The broker's clock alone tells how old a record is.
fn buffer(name: String, largest: usize) -> TopicSpec {
    topic(name, FLOW_PARTITIONS)
        .with("retention.ms", "-1")
        .with("retention.bytes", "-1")
        .with("message.timestamp.type", "LogAppendTime")
        .with("max.message.bytes", with_overhead(largest))
}

fn letters(name: String) -> TopicSpec {
    topic(name, OTHER_PARTITIONS)
        .with("retention.ms", (90 * DAY_MS).to_string())
        .with("max.message.bytes", with_overhead(DOCUMENT_BYTES))
}

/// The limit for batches that hold a record of at most `largest` bytes.
fn with_overhead(largest: usize) -> String {
    (largest + 262_144).to_string()
}

fn compacted(name: String, partitions: i32) -> TopicSpec {
    topic(name, partitions).with("cleanup.policy", "compact")
}

fn topic(name: String, partitions: i32) -> TopicSpec {
    TopicSpec::new(name, partitions).with("compression.type", "producer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_one_flow_have_the_same_partitions() {
        let topics = Topics::new("weir");
        let flow = FlowName::from("orders");
        let specs = topics.specs([&SourceName::from("shop")], [&flow]);
        for name in [
            topics.raw(&SourceName::from("shop")),
            topics.doc(&flow),
            topics.receipt(&flow),
            topics.redo(&flow),
        ] {
            let spec = specs.iter().find(|spec| spec.name == name).unwrap();
            assert_eq!(spec.partitions, FLOW_PARTITIONS, "{name}");
        }
        assert!(specs.iter().any(|spec| spec.name == "weir.dead.shop"));
    }

    #[test]
    fn the_broker_removes_nothing_between_two_stages() {
        let topics = Topics::new("weir");
        let (flow, source) = (FlowName::from("orders"), SourceName::from("shop"));
        let specs = topics.specs([&source], [&flow]);
        for name in [topics.raw(&source), topics.doc(&flow), topics.redo(&flow)] {
            let settings = &specs.iter().find(|spec| spec.name == name).unwrap().settings;
            let unlimited = ["retention.ms", "retention.bytes"].map(|key| settings[key].as_str());
            assert_eq!(unlimited, ["-1", "-1"], "a cluster's own default may be a limit: {name}");
            assert_eq!(settings["message.timestamp.type"], "LogAppendTime", "{name}");
        }
    }

    #[test]
    fn a_flow_and_a_source_of_one_name_share_their_letters() {
        let specs =
            Topics::new("weir").specs([&SourceName::from("companies")], [&FlowName::from("companies")]);
        let mut names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        names.sort_unstable();
        let every = names.len();
        names.dedup();
        assert_eq!(names.len(), every, "{names:?}");
    }

    #[test]
    fn collections_are_compacted_by_row() {
        let specs = Topics::new("weir").collection_specs(["shops", "goods"]);
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        assert_eq!(names, ["weir.collection.shops", "weir.collection.goods"]);
        assert!(specs.iter().all(|spec| spec.settings["cleanup.policy"] == "compact"));
    }
}
