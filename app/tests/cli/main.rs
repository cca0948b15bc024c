//! The binary as its users meet it: what it says, in which language, and with which exit code (design §9).
//!
//! Needs nothing but the binary: whatever a command would connect to is away on purpose, or inside the demo.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod away;
mod broken;
mod check;
mod collections;
mod demo;
mod describe;
mod help;
mod import;
mod preview;
mod test_flows;
mod weir;
