//! Targets that are away for two minutes while records keep coming: nothing is refused, nothing is lost, and what waits
//! waits in Kafka.
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
#[path = "../real_run/judge.rs"]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
#[path = "../real_run/movements.rs"]
mod movements;
#[cfg(test)]
mod outage;
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
