//! Producers: poll the APIs of remote systems so that no record is missed (design §5).
//!
//! ```text
//! SourceSpec ─ check ─▶ Account (one connection) ─ run ─▶ per source: window ─▶ pages ─▶ Publication { records, cursor }
//! ```
//!
//! It relies on `weir_clients` for the calls (signing, quota, tokens, error classes) and on `weir_runtime` for making a
//! publication durable. What is between them knows no system and no Kafka: a system is a [`feed::Feed`].

pub mod account;
mod calls;
mod checks;
pub mod code;
pub mod feed;
pub mod jushuitan;
mod lateness;
pub mod letter;
pub mod okki;
pub mod overlap;
pub mod paging;
pub mod poll;
pub mod record;
pub mod registry;
mod remedy;
pub mod request;
pub mod tokens;
pub mod wangdiantong;
pub mod window;

pub use account::Account;
pub use registry::{Connection, Services, build, check, check_connection, remote_account, systems};
