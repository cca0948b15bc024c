//! The value language of the mappings (contract qeasy-metadata §3–§5): templates with macros and filters,
//! `_function` expressions, `_findCollection` lookups, types and parsers. Compiled at load, pure at work: time and
//! reference rows are handed in.
//!
//! A flow compiles its expressions against one [`Scope`], which learns the fields they name; the [`Shape`]s it ends
//! with then read each record once, keeping only those fields.

mod convert;
mod error;
mod expression;
pub mod format;
pub mod function;
pub mod lookup;
pub mod moment;
mod number;
mod parser;
pub mod reference;
mod scope;
mod shape;
mod template;
mod value;

pub use convert::{Kind, Output};
pub use error::{Cause, CompileError, EvalError, nearest};
pub use expression::Expression;
pub use format::Format;
pub use number::Number;
pub use parser::Parsers;
pub use scope::{Context, Dialect, KeptRows, Probe, Reference, Scope, World};
pub use shape::{Cell, Cells, NotObject, Shape, elements};
pub use value::{Value, shorten, time_text};
