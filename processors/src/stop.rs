//! Why a record goes no further: it is refused, or it waits.

use std::fmt;

use weir_expr::{Cause, EvalError};
use weir_model::{
    lookup::{LookupError, Missing},
    outcome::Refusal,
};

use crate::codes;

/// What ends the mapping of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It is refused for good.
    Refused(Refusal),
    /// It waits for a reference row.
    Waits(Missing),
}

impl Stop {
    /// An expression of `field` failed. A row that the flow waits for is no refusal.
    pub fn of_evaluation(error: EvalError, field: &str) -> Self {
        let code = match error.cause {
            Cause::Lookup(LookupError::Missing(missing)) if missing.wait_max.is_some() => {
                return Self::Waits(missing);
            }
            Cause::Lookup(LookupError::Missing(_)) => codes::MISSING,
            Cause::Lookup(LookupError::Several { .. }) => codes::SEVERAL,
            Cause::Lookup(LookupError::Unreadable(_)) => codes::LOOKUP,
            _ => codes::EXPRESSION,
        };
        Self::Refused(Refusal::new(code, error.to_string()).at(field))
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Waits(missing) => {
                write!(
                    f,
                    "waits for a row of the collection {} with {}",
                    missing.collection, missing.reference
                )
            }
        }
    }
}
