//! `_function`: one MySQL-dialect expression over the record (contract qeasy-metadata §4). It is parsed once, with the
//! macros standing where they are; values are bound afterwards, so a value can never change the expression.

mod aggregate;
mod calls;
mod cast;
mod compare;
mod dialect;
mod evaluate;
mod fence;
mod node;
mod number;
mod operators;
mod parse;
mod read_time;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;

use weir_model::flow::{Language, language::Collation};

pub use evaluate::Evaluation;
pub use parse::{Compiled, compile};
pub use table::names;

use crate::scope::World;

/// What starts a function expression, the blank included.
pub const KEYWORD: &str = "_function ";

/// What a flow decides about expressions (contract decisions "Mapping language").
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How texts are compared.
    pub collation: Collation,
    /// Decimals that a division adds to those of the dividend.
    pub div_scale: u32,
}

impl Rules {
    /// The part of the language's settings that an evaluation asks for.
    pub fn of(language: &Language) -> Self {
        Self { collation: language.collation, div_scale: language.div_scale.0 }
    }
}

/// What functions and comparisons depend on beside their arguments.
#[derive(Clone, Copy)]
pub struct Surroundings<'e> {
    /// Time and zone.
    pub world: &'e World<'e>,
    /// How the language is read.
    pub rules: Rules,
}
