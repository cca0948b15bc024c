//! Records re-enter their flows, repaired, resent and replayed, while processes are killed: each is delivered once, and what
//! was repaired stays.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#![allow(dead_code, reason = "what it shares with other programs holds more than one of them uses")]

#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
#[path = "../shared/ends.rs"]
mod ends;
#[cfg(test)]
mod jobs;
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
mod repairs;
#[cfg(test)]
mod returns;
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
