//! `weir trace` beside the five integrations of the seeds, on a real Kafka and a real MariaDB: every record of every remote
//! system is found by its id, its number and the number at the target, with the right verdict and its steps in order;
//! what is refused with the ERP's own words; what waits, what was only polled, what nobody knows.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod answers;
#[cfg(test)]
#[path = "../shared/database.rs"]
#[expect(dead_code, reason = "rows are compared elsewhere")]
mod database;
#[cfg(test)]
#[path = "../shared/letters.rs"]
#[expect(dead_code, reason = "which letters there are is enough here")]
mod letters;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod places;
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
#[path = "../real_five_flows/stand.rs"]
#[expect(dead_code, reason = "rows are compared elsewhere")]
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
