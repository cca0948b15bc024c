//! Record → document: the verbs filter, flatten and map, compiled from a flow (design §6). Pure: time comes with the
//! record, nothing is read or written elsewhere.
//!
//! [`compile`] reports every problem of a flow at once; the [`CompiledFlow`] it makes is shared by all threads.

pub mod codes;
mod filter;
mod flatten;
mod flow;
mod key;
mod map;

pub use flow::{CompiledFlow, compile};
