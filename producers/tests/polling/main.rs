//! Polling as a whole, with a stand-in for Kafka: against a changing source in memory, a feed that fails on purpose, and
//! the sandbox over real HTTP.

#[cfg(test)]
mod catch_up;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod history;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod lateness;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod okki;
#[cfg(test)]
mod remedy;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod under_change;
