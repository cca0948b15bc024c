//! The ledger beside a live system: killed while it follows, made anew, killed while it is made anew; it always ends as one
//! that was made once of the same topics.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#![allow(dead_code, reason = "what it shares with other programs holds more than one of them uses")]

#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod following;
#[cfg(test)]
#[path = "../real_run/judge.rs"]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
#[path = "../real_run/movements.rs"]
mod movements;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
#[path = "../real_run/project.rs"]
mod project;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
#[path = "../real_run/stand.rs"]
mod stand;
#[cfg(test)]
#[path = "../shared/tallies.rs"]
mod tallies;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
