//! The polling stage: who polls which account, and how a page and its cursor become durable together.
//!
//! A [`Poller`] talks to one account's APIs; [`PollStage`] owns its Kafka half.

mod board;
mod estate;
mod poller;
mod records;
mod stage;

pub use board::JobBoard;
pub use estate::cursors_of;
pub use poller::{
    Inheritance, Poller, PollerHalt, Publication, PublishError, PublishRequest, Publisher, Takeover,
};
pub use stage::{PollStage, partition_of};
