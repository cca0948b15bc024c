//! The quota as a vendor counts it: two sources of one account, polled by one of two `weir` processes on a real Kafka, use a
//! minute's calls nearly to the last and are never refused, also when the process that polls is killed.
//!
//! Needs the server that `WEIR_KAFKA` names and the program `weir`, like `real_run`, whose way to run processes it shares.
//! What is judged is the sandbox's own count.

#[cfg(test)]
#[path = "../shared/process.rs"]
mod process;
#[cfg(test)]
mod quota;
#[cfg(test)]
#[path = "../shared/servers.rs"]
mod servers;
#[cfg(test)]
mod stand;
#[cfg(test)]
#[path = "../shared/waiting.rs"]
mod waiting;
