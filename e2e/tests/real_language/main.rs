//! The mapping language beside a real MariaDB: the same expression over the same values gives the same text.
//!
//! Needs the server that `WEIR_MYSQL` names; `cargo xtask test` sees to it. MySQL 8 answers alike within its narrower
//! limits: 65 digits with at most 30 after the point (MariaDB: 38), which the generated cases keep to.

#[cfg(test)]
mod aggregates;
#[cfg(test)]
mod differences;
#[cfg(test)]
mod form;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod node;
#[cfg(test)]
mod server;
#[cfg(test)]
mod size;
#[cfg(test)]
mod weir;
#[cfg(test)]
mod worked;
