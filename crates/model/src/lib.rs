//! The vocabulary of Weir: what a record, a document, an outcome and a flow are.
//!
//! Pure: no I/O, no clock, no environment. Everything that crosses a topic has its wire form in `schemas`;
//! the types here are what the stages think in.

pub mod crontab;
pub mod cursor;
pub mod decimal;
pub mod digest;
pub mod document;
pub mod edit;
pub mod figures;
pub mod flow;
pub mod letter;
pub mod lookup;
pub mod names;
pub mod numbers;
pub mod outcome;
pub mod pem;
pub mod processor;
pub mod receipt;
pub mod record;
pub mod secret;
pub mod settings;
pub mod tally;
pub mod target;
pub mod time;
pub mod token;

/// A JSON value as the wire said it: numbers keep their text, objects keep their key order.
pub type Json = serde_json::Value;
