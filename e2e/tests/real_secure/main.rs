//! Secure links as their users run them: `weir` processes between the sandbox and a real Kafka and a real MariaDB that take
//! connections over TLS and from whoever can log in, and nobody else. What is refused is named and halts; nothing is lost by
//! it, and no secret is shown.
//!
//! Starts servers of its own, with certificates made for the test. Needs what they are run from (`WEIR_KAFKA_CLASSPATH`,
//! MariaDB's programs) and the program `weir`, built with `--features tls`, beside the test programs; `cargo xtask test` sees
//! to all of it.

#[cfg(test)]
mod certificates;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod delivery;
#[cfg(test)]
#[path = "../real_run/judge.rs"]
#[expect(dead_code, reason = "all flows are judged together here")]
mod judge;
#[cfg(test)]
#[path = "../shared/letters.rs"]
#[expect(dead_code, reason = "which letters there are is enough here")]
mod letters;
#[cfg(test)]
mod links;
#[cfg(test)]
#[path = "../real_run/movements.rs"]
mod movements;
#[cfg(test)]
#[path = "../shared/process.rs"]
#[expect(dead_code, reason = "nothing is killed here")]
mod process;
#[cfg(test)]
#[path = "../real_run/project.rs"]
#[expect(dead_code, reason = "the secrets of remote systems are right here")]
mod project;
#[cfg(test)]
mod refused_by_kafka;
#[cfg(test)]
mod refused_by_mysql;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/tallies.rs"]
mod tallies;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
