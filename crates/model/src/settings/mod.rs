//! Reading what people write: YAML text to a tree, the tree to typed settings, every problem at once.
//!
//! A reader asks a [`Fields`] for the keys it knows; what nobody asked for is an unknown key and reported with
//! the nearest known one. Problems are collected in a [`Problems`], never thrown one by one.

mod fields;
mod problem;
mod yaml;

pub use fields::{Fields, nearest, parse_duration, unknown_word};
pub use problem::{Localized, Problem, Problems, Severity};
pub use yaml::{parse_mapping, parse_yaml};
