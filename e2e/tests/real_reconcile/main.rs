//! `weir reconcile` on the seeds' own flows: real Kafka, real MariaDB, the sandbox of the remote systems. A hand deletes what
//! was delivered, changes it and adds to it; the comparison names all three, and a fix mends the first two.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod answer;
#[cfg(test)]
mod bills;
#[cfg(test)]
#[path = "../shared/database.rs"]
#[expect(dead_code, reason = "the table is looked into by statements of the test's own")]
mod database;
#[cfg(test)]
mod erp;
#[cfg(test)]
mod others;
#[cfg(test)]
#[path = "../shared/process.rs"]
#[expect(dead_code, reason = "nothing is killed or waited for in the log here")]
mod process;
#[cfg(test)]
#[path = "../shared/five_flows/project.rs"]
#[expect(dead_code, reason = "two of the flows are compared here")]
mod project;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
#[path = "../real_five_flows/stand.rs"]
#[expect(dead_code, reason = "topics are looked into by the program alone here")]
mod stand;
#[cfg(test)]
mod table;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
#[expect(dead_code, reason = "each wait tells what was still wrong")]
mod waiting;
