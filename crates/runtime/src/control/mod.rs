//! What is to be done and by which text: `weir.control`, read to its end, followed, and written by one at a time.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `known` | what the topic says: texts, states, the wish to reload; pure |
//! | `follower` | the thread that keeps a process up to date |
//! | `writer` | reading once, and changing what is there |

mod follower;
mod known;
mod writer;

pub use self::{
    follower::follow,
    known::Known,
    writer::{change, read},
};
