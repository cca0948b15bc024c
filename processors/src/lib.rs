//! Record → document: the verbs filter, flatten and map, compiled from a flow (design §6). Pure: time comes with the
//! record, nothing is read or written elsewhere.
//!
//! [`compile`] reports every problem of a flow at once; the [`CompiledFlow`] it makes is shared by all threads.

mod checks;
pub mod codes;
mod deletion;
mod derived;
pub mod explain;
mod filter;
mod flatten;
mod flow;
mod group;
mod key;
mod leaving;
mod limits;
mod lookups;
mod map;
pub mod reference;
mod reshape;
mod stop;
mod trace;

pub use explain::Explanation;
pub use flow::{CompiledFlow, compile};
