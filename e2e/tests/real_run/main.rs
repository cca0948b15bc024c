//! The whole system as its users run it: `weir` processes between a sandbox, a real Kafka and a real MariaDB, killed and
//! cut off at bad moments. What counts is what lies at the targets in the end: nothing missing, nothing twice.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod arrival;
#[cfg(test)]
mod crashes;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
mod movements;
#[cfg(test)]
mod outages;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
mod project;
#[cfg(test)]
mod secrets;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/tallies.rs"]
mod tallies;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
#[cfg(test)]
mod waiting_room;
