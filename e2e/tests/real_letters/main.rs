//! Dead letters as people deal with them: thousands of one cause mended by one rule and sent again while processes are
//! killed, one letter edited until it goes through, others given up. What was decided outlives a rebuild of the ledger.
//!
//! Records go straight into their raw topic. Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program
//! `weir` beside the test programs; `cargo xtask test` sees to all of it.

#![allow(dead_code, reason = "what it shares with other programs holds more than this one uses")]

#[cfg(test)]
mod bulk;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod desk;
#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod single;
#[cfg(test)]
#[path = "../real_delivery/stand.rs"]
mod stand;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
