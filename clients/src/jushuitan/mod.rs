//! 聚水潭 (Jushuitan) open platform: signed form posts, two envelopes, tokens that are renewed
//! (contract jushuitan).
//!
//! ```text
//! Endpoint + biz ──▶ quota ──▶ sign ──▶ POST ──▶ envelope ──▶ Answer { rows as they came, page fields }
//!                                │ 100: renew once   │ 140/180: take the server's clock once
//! ```

pub mod client;
pub mod endpoints;
pub mod envelope;
pub mod errors;
pub mod sign;
pub mod token;

pub use client::{Client, Credentials, Settings};
pub use endpoints::Endpoint;
pub use envelope::{Answer, Page};
pub use token::{StoreError, Token, TokenStore};

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "jushuitan";
