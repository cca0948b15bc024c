//! Jobs that bring records into a flow again, beside the live ones (design §8).
//!
//! A job is announced in `weir.control` by whoever wants it and carried on by the one process that owns the jobs. It
//! copies records into `weir.redo.<flow>` a chunk at a time, with its progress in the same transaction, and only while
//! the flow has room for more. What polls again (backfill, fix, census) is carried on by the owner of the account
//! instead, through the same gate.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `stage` | who owns the jobs |
//! | `lane` | the jobs of one flow, one after the other |
//! | `replay`, `repair` | what is copied: raw records of a stretch of time, dead letters |
//! | `chunk` | what is sent at a time |
//! | `gate` | whether flows have room for the next chunk |
//! | `refused` | the letters that come of a job's records |
//! | `track` | how far a job has come, as text |

mod chunk;
mod gate;
mod lane;
mod refused;
mod repair;
mod replay;
mod stage;
mod track;

pub(crate) use self::refused::Watch;
pub use self::{
    gate::{CHUNK, Gate},
    lane::QUEUED,
    refused::REFUSED,
    replay::{Extent, is_within},
    stage::JobStage,
    track::{Mark, Span, Track},
};
