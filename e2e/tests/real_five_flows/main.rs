//! The five integrations of the seeds as their users run them, all in one `weir` process between the sandbox of six remote
//! systems, a real Kafka and a real MariaDB. What lies at the targets in the end is compared field by field and decimal by
//! decimal with documents that `expected` computes a second way: by hand from the seeds' mappings, with integers.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod arrival;
#[cfg(test)]
mod crashes;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
#[path = "../shared/five_flows/decimal.rs"]
mod decimal;
#[cfg(test)]
#[path = "../shared/five_flows/expected/mod.rs"]
mod expected;
#[cfg(test)]
#[path = "../shared/five_flows/judge.rs"]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
#[expect(dead_code, reason = "which letters there are is enough here")]
mod letters;
#[cfg(test)]
#[path = "../shared/process.rs"]
#[expect(dead_code, reason = "nothing is waited for in the log here")]
mod process;
#[cfg(test)]
#[path = "../shared/five_flows/project.rs"]
mod project;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/tallies.rs"]
mod tallies;
#[cfg(test)]
#[path = "../shared/five_flows/truth.rs"]
mod truth;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
