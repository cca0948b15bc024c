//! The SQL sink as a process on a real Kafka and a real MariaDB, fed with documents as the mapping stage writes them. A
//! trigger of the table notes every row that is written, so a needless write shows.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod bad_rows;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
mod needless;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
