//! `_function`: one MySQL-dialect expression over the record (contract qeasy-metadata §4). It is parsed once, with the
//! macros standing where they are; values are bound afterwards, so a value can never change the expression.

mod compare;
mod node;
mod parse;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;

pub use parse::{Compiled, compile};
pub use table::names;

/// What starts a function expression, the blank included.
pub const KEYWORD: &str = "_function ";
