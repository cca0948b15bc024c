//! What is fuzzed, as plain functions over bytes: `cargo xtask fuzz` drives them with libFuzzer, `cargo test` replays
//! every kept input through them.
//!
//! A target panics when a promise is broken; an input that says nothing is passed over. Promises that all of them check
//! without saying so: nothing panics, overflows, hangs or takes memory without end.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a target reports a broken promise by panicking, as a test does"
)]

mod carriers;
mod cases;
mod expressions;
mod flows;
mod metadata;
mod records;
mod surroundings;
mod templates;
mod values;

/// One thing that is fuzzed.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target { name: "carriers", run: carriers::run },
    Target { name: "cases", run: cases::run },
    Target { name: "expressions", run: expressions::run },
    Target { name: "flows", run: flows::run },
    Target { name: "metadata", run: metadata::run },
    Target { name: "records", run: records::run },
    Target { name: "templates", run: templates::run },
    Target { name: "values", run: values::run },
];
