//! `weir dlq` as these tests use it.

use serde_json::Value;

use crate::stand::{Flow, Stand};

/// Refuses as much as it must without ever standing still.
pub const ORDERS: Flow = Flow {
    head: "halt_after: {refused: 100000, within: 1h, percent: 100}\n",
    ..Flow::plain("orders-to-books", "orders")
};

/// The answer of `weir dlq … --json`.
pub fn dlq(stand: &Stand, arguments: &[&str]) -> Value {
    let answer = stand.command(&[&["dlq"], arguments, &["--json"]].concat());
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {answer}"))
}

/// How many letters are in each state.
pub fn states(stand: &Stand) -> Value {
    dlq(stand, &["group", ORDERS.name, "--state", "all"])["states"].take()
}

/// A count of an answer.
pub fn count(answer: &Value) -> usize {
    answer.to_string().parse().unwrap_or_else(|_| panic!("{answer} is no count"))
}
