//! Kafka as Weir uses it: topics, transactions, batches, readers and tables. The only crate that names rdkafka.
//!
//! It moves bytes and knows nothing of flows. Every call blocks: a loop owns its consumer and its producer on an
//! operating system thread of its own (design §1). What the client and the broker really do, and was measured,
//! stands in `docs/decisions/0002-kafka-as-measured.md`.
//!
//! | Module | Holds |
//! | --- | --- |
//! | [`access`] | why brokers refuse a connection, as the client's log tells |
//! | [`cluster`] | where the brokers are, how to log in; the in-process mock broker of the demo |
//! | [`admin`] | topics: create, compare, merge settings, trim |
//! | [`assigned`] | reading partitions that are handed out by hand, beside a group |
//! | [`group`] | a member of a consumer group whose rebalances are events of a plain loop |
//! | [`transaction`] | the transactional producer and its one way to commit |
//! | [`publish`] | the plain idempotent producer, for heartbeats and control records |
//! | [`reader`] | reading a partition to its end, following a topic, looking up offsets |
//! | [`range`] | stretches of partitions, from an offset to another |
//! | [`inspect`] | what a partition holds and which group has read it, asked from outside |
//! | [`sweep`] | reading many partitions of many topics, each to its end |
//! | [`table`] | a compacted partition kept on local disk |
//! | [`index`] | a compacted topic kept on local disk and found by its fields |

pub mod access;
pub mod admin;
pub mod assigned;
pub mod clock;
pub mod cluster;
mod context;
pub mod error;
pub mod group;
pub mod index;
pub mod inspect;
mod native;
pub mod publish;
pub mod range;
pub mod reader;
pub mod record;
pub mod sweep;
pub mod table;
pub mod transaction;

pub use access::{Denial, Fault};
pub use admin::{Admin, TopicChange, TopicSpec};
pub use assigned::AssignedReader;
pub use clock::BootInstant;
pub use cluster::{Cluster, Sasl, SaslMechanism, Security, Settings, Tls};
pub use error::{Class, Error};
pub use group::{Batch, GroupConsumer, GroupMetadata, GroupOptions, Lease, Polled};
pub use index::{IndexedTable, Indexer};
pub use inspect::{GroupOffsets, Inspector};
pub use publish::Publisher;
pub use range::{Stretch, StretchReader};
pub use reader::{Isolation, ReadEnd, Tail, Tailed, Watermarks};
pub use record::{Message, OutRecord, StartOffset, TopicPartition};
pub use sweep::Sweep;
pub use table::Table;
pub use transaction::{ProducerOptions, TransactionalProducer};

#[cfg(test)]
mod tests;
