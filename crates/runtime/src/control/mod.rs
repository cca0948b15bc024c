//! What is to be done and by which text: `weir.control`, read to its end, followed, and written by one at a time.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `known` | what the topic says: texts, states, jobs, the wish to reload; pure |
//! | `jobs` | how a job stands, announcing one, calling one off |
//! | `follower` | the thread that keeps a process up to date |
//! | `writer` | reading once, and changing what is there |

mod follower;
mod jobs;
mod known;
mod writer;

pub use self::{
    follower::follow,
    jobs::{CancelError, announce, cancel, is_over, new_id, state},
    known::Known,
    writer::{change, read},
};
