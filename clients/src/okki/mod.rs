//! 小满 OKKI CRM: plain GET calls with an OAuth2 bearer token, a business envelope, lists of headers and orders one by
//! one (contract xiaoman-okki).
//!
//! ```text
//! path + query ──▶ token ──▶ quota ──▶ GET ──▶ envelope ──▶ List { rows as they came, total } or one object as it came
//!                    ▲                            │ 401: another token, once
//!                    └────────────────────────────┘
//! ```

mod answer;
pub mod client;
pub mod endpoints;
pub mod errors;
mod token;

pub use answer::List;
pub use client::{Client, Settings};
pub use token::{Grant, Login};

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "xiaoman-okki";
