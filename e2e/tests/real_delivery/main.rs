//! What the sink does with documents, on real servers: those of an older flow version, records that leave the flow, a flow
//! that refuses too much, and a few bad records among many good ones.
//!
//! Records go straight into their raw topic, so that each test says which states come when. Needs the servers that
//! `WEIR_KAFKA` and `WEIR_MYSQL` name, and the program `weir` beside the test programs; `cargo xtask test` sees to all of it.

#[cfg(test)]
mod bad_records;
#[cfg(test)]
#[path = "../shared/database.rs"]
mod database;
#[cfg(test)]
mod leaving;
#[cfg(test)]
#[expect(
    dead_code,
    reason = "neither places nor payloads of letters, nor whether a process runs, are looked at here"
)]
#[path = "../shared/letters.rs"]
mod letters;
#[cfg(test)]
#[expect(
    dead_code,
    reason = "neither places nor payloads of letters, nor whether a process runs, are looked at here"
)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
mod versions;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
