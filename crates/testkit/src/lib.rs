//! Throw-away servers for tests: a one-node Apache Kafka and a MariaDB, each in a folder of its own on free loopback ports.
//!
//! `cargo xtask services` starts one of each for a whole test run; a test that needs to stop, kill or restart its server
//! starts its own. Between a program and its servers a [`proxy`] meets chosen requests, cuts connections and holds
//! traffic. A development dependency only, and light on purpose: nothing here may pull in a crate that is slow to build,
//! because `xtask` is compiled before everything else.

pub mod broker;
pub mod error;
pub mod mariadb;
mod node;
pub mod process;
pub mod proxy;
pub mod secure;
pub mod server;
mod wire;

pub use error::Error;
