//! What goes wrong with an expression: at load, for the person who wrote it; at work, for the dead letter.

use std::fmt;

use thiserror::Error;
use weir_model::{lookup::LookupError, settings::Localized};

/// The expression cannot be compiled. The caller adds file and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// What is wrong, in both languages.
    pub message: Localized,
    /// What to write instead, when that is known.
    pub suggestion: Option<Localized>,
}

impl CompileError {
    /// An error without a suggestion.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { message: Localized::new(zh, en), suggestion: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn suggest(mut self, zh: impl Into<String>, en: impl Into<String>) -> Self {
        self.suggestion = Some(Localized::new(zh, en));
        self
    }

    /// An unknown name of a closed list: suggests the nearest known one, else names them all.
    pub fn unknown(zh: &str, en: &str, name: &str, known: &[&str]) -> Self {
        let error = Self::new(format!("不认识的{zh} {name:?}"), format!("unknown {en} {name:?}"));
        match nearest(name, known) {
            Some(best) => error.suggest(format!("是否想写 {best:?}？"), format!("did you mean {best:?}?")),
            None => {
                let list = known.join(", ");
                error.suggest(format!("可用：{list}"), format!("known: {list}"))
            }
        }
    }
}

/// The known name nearest to `name`, letter case aside, when it is near enough to be what was meant.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let wanted = name.to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &wanted);
    let best = known.iter().min_by_key(|known| distance(known))?;
    (distance(best) <= 1 + best.chars().count() / 4).then_some(*best)
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message.en)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({})", suggestion.en),
            None => Ok(()),
        }
    }
}

impl std::error::Error for CompileError {}

/// Why a step of an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Cause {
    /// A number was needed.
    #[error("{0:?} is not a number")]
    NotNumber(String),
    /// A date or time was needed.
    #[error("{0:?} is not a date or time (unix seconds, 13-digit milliseconds or YYYY-MM-DD[ HH:MM:SS])")]
    NotTime(String),
    /// A truth value was needed.
    #[error("{0:?} is neither true, false, 1 nor 0")]
    NotBool(String),
    /// A whole number was needed.
    #[error("{0:?} is not a whole number")]
    NotWhole(String),
    /// A divisor is zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A scalar was needed, and an object or a list is there.
    #[error("an object or a list stands where one value is needed")]
    NotScalar,
    /// An object or a list was needed.
    #[error("{0:?} is neither the object nor the list that the type asks for")]
    WrongShape(String),
    /// The field lies in a list, and no item is bound to that list.
    #[error("the field lies in a list: bind an array item to the list to read it row by row")]
    InList,
    /// The text escapes of the record are broken, such as half a surrogate pair.
    #[error("the record's JSON holds text that is no Unicode")]
    BrokenText,
    /// A result would be larger than any ERP field.
    #[error("the result is longer than {limit} {unit}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// An argument is outside of what the function takes.
    #[error("{function}: {problem}")]
    Argument {
        /// The function.
        function: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An aggregate failed on one row.
    #[error("{cause} (row {row} of {list})")]
    Row {
        /// The list.
        list: String,
        /// The row, from 1.
        row: usize,
        /// What went wrong; shown by this error.
        cause: Box<Cause>,
    },
    /// A lookup gave no answer.
    #[error(transparent)]
    Lookup(LookupError),
}

/// An expression failed on a record: what was evaluated, with which inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError {
    /// The expression as the flow has it.
    pub expression: String,
    /// Every macro of the expression and the value it had, shortened.
    pub inputs: Vec<(String, String)>,
    /// What went wrong.
    pub cause: Cause,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.cause, self.expression)?;
        for (index, (name, value)) in self.inputs.iter().enumerate() {
            f.write_str(if index == 0 { " with " } else { ", " })?;
            write!(f, "{name} = {value}")?;
        }
        Ok(())
    }
}

impl std::error::Error for EvalError {}
