//! Changing flows while they run: `weir` processes between a sandbox, a real Kafka and a real MariaDB are told to pause, to
//! take another version over, to read their configuration anew, and none of them is restarted for it.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name and the program `weir`, like `real_run`, whose way to run
//! processes it shares.

#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
mod reloading;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod status;
#[cfg(test)]
mod versions;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
