//! The past of a source is read beside its regular poll, while processes are killed, flows stand still and jobs are called
//! off: what lies at the targets in the end is what the source holds, each record once.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#![allow(dead_code, reason = "what it shares with other programs holds more than one of them uses")]

#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod holes;
#[cfg(test)]
#[path = "../real_run/judge.rs"]
mod judge;
#[cfg(test)]
mod kills;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
#[path = "../real_run/movements.rs"]
mod movements;
#[cfg(test)]
mod past;
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
