//! 金蝶 K/3 WISE through K3API: a token from an authority code, then one call per document (contract kingdee-k3wise).
//!
//! Business failures come as HTTP 200, and even `StatusCode` 200 can carry a row that failed: [`answer`] reads both.
//! Token and authority code travel in the query, which is in no error and no log (invariant 8).

pub mod answer;
pub mod client;
pub mod endpoints;
pub mod errors;

pub use answer::{Saved, field, text};
pub use client::{Client, Settings};
pub use errors::Classifier;

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "kingdee-k3wise";
