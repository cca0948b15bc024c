//! The stage loops of Weir and what they share.
//!
//! | Module | Holds |
//! | --- | --- |
//! | [`poll`] | sources → raw topics: who owns which account, records and cursor in one transaction |
//! | [`map`] | raw → documents: a flow's mapping, documents and offsets in one transaction |
//! | [`deliver`] | documents → target: receipts, outcomes, dead letters |
//! | [`collections`] | reference rows on disk, and who waits for them |
//! | [`control`] | flow texts and states: `weir.control`, followed and changed |
//! | [`jobs`] | replay and repair: records copied into a flow again, beside the live ones |
//! | [`status`] | heartbeats: who runs what |
//! | [`stage`] | the thread a loop lives on, and its restarts |
//! | [`trim`] | old records that every flow has read, removed |
//! | [`topics`] | names and settings of every topic and group |
//! | [`health`] | how each stage is |
//! | `transaction`, `lag` | what every loop counts about its transactions and its group |
//! | `restore` | a partition of receipts or parked records, read to its end |
//! | [`telemetry`] | logs, metrics, traces, and the pages that show them |

pub mod backoff;
pub mod clock;
pub mod collections;
pub mod control;
pub mod deliver;
pub mod health;
pub mod jobs;
mod lag;
pub mod map;
mod outage;
pub mod poll;
mod restore;
pub mod stage;
pub mod status;
pub mod tasks;
pub mod telemetry;
pub mod topics;
mod transaction;
pub mod trim;
