//! More processes of every stage join and leave while records change and flow: two that poll, two that map, three that
//! write, each a `weir` process of its own that is stopped or killed, and replaced. What lies at the targets in the end is
//! compared as for one process; and the calls that each process made tell that nobody worked on what another owned.
//!
//! Needs the servers that `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs;
//! `cargo xtask test` sees to all of it.

#[cfg(test)]
mod crew;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
#[path = "../shared/five_flows/decimal.rs"]
mod decimal;
#[cfg(test)]
#[path = "../shared/five_flows/expected/mod.rs"]
#[expect(dead_code, reason = "which orders came before their customers is told elsewhere")]
mod expected;
#[cfg(test)]
mod gate;
#[cfg(test)]
#[path = "../shared/five_flows/judge.rs"]
#[expect(dead_code, reason = "which of the colliding refunds was first is told elsewhere")]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
#[expect(dead_code, reason = "which letters there are is enough here")]
mod letters;
#[cfg(test)]
mod members;
#[cfg(test)]
mod ownership;
#[cfg(test)]
#[path = "../shared/process.rs"]
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
