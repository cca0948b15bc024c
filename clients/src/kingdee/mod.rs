//! 金蝶云星空 (Kingdee Cloud Galaxy) WebAPI, by signed headers or in the session of a login (contract
//! kingdee-galaxy §2).
//!
//! A write's answer is read per document, never from its summary flag: [`answer::ResponseStatus::documents`]. Business
//! failures come as HTTP 200; numbers in bodies stay the text they were written as (invariant 5).

pub mod answer;
pub mod client;
pub mod endpoints;
pub mod errors;
pub mod query;
pub mod sign;

pub use answer::{DocumentAnswer, DocumentError, ResponseStatus};
pub use client::{Application, Client, Credentials, Proof, Selection, Settings};
pub use query::Query;

/// The name in configuration, metrics and descriptions.
pub const SYSTEM: &str = "kingdee-galaxy";
