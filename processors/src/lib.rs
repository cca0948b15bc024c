//! Record → document: the verbs filter, flatten and map, compiled from a flow (design §6). Pure: time comes with the
//! record, nothing is read or written elsewhere.
//!
//! [`compile`] reports every problem of a flow at once; the [`CompiledFlow`] it makes is shared by all threads.

pub mod codes;
pub mod explain;
mod filter;
mod flatten;
mod flow;
mod key;
mod lookups;
mod map;
mod stop;
mod trace;

pub use explain::Explanation;
pub use flow::{CompiledFlow, compile};
