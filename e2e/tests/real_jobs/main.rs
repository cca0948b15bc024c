//! Replays beside the live flow: nothing changes that should not, whatever is killed; a new mapping reaches old records;
//! a job is held, called off and limited; live records are not held up.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#![allow(dead_code, reason = "what it shares with other programs holds more than one of them uses")]

#[cfg(test)]
mod beside;
#[cfg(test)]
mod commands;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod desk;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
mod replays;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
#[path = "../real_delivery/stand.rs"]
mod stand;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
