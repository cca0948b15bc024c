//! The crash suite: all flows in two processes of each stage on a Kafka and a MariaDB of a test's own, reached through
//! proxies that kill, stop or cut off a process at a chosen request. In the end source and target are compared record by
//! record: nothing missing, double, stale or wrong, and each refused record in the dead letters once (invariants 3 and 7).
//!
//! Needs the program `weir` beside the test programs, and what `cargo xtask test` finds to start servers from.
//! `cargo xtask chaos` runs [`chaos`] for longer, with a seed of one's own.

#[cfg(test)]
mod chaos;
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
#[expect(dead_code, reason = "orders that wait are not counted here")]
mod expected;
#[cfg(test)]
#[path = "../shared/five_flows/judge.rs"]
#[expect(dead_code, reason = "which refunds collide is not counted here")]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
#[expect(dead_code, reason = "letters are read whole from their topics here")]
mod letters;
#[cfg(test)]
mod points;
#[cfg(test)]
#[path = "../shared/process.rs"]
#[expect(dead_code, reason = "no process ends in order here")]
mod process;
#[cfg(test)]
#[path = "../shared/five_flows/project.rs"]
mod project;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/tallies.rs"]
mod tallies;
#[cfg(test)]
#[path = "../shared/five_flows/truth.rs"]
mod truth;
#[cfg(test)]
mod verdict;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
#[cfg(test)]
mod walk;
#[cfg(test)]
mod zombies;
