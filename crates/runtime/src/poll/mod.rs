//! The polling stage: who polls which account, and how a page and its cursor become durable together.
//!
//! A [`Poller`] talks to one account's APIs; this module owns its Kafka half.

mod poller;

pub use poller::{Poller, PollerHalt, Publication, PublishError, Publisher, Takeover};
