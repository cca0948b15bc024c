//! The compiled expression. Its evaluation stands in `evaluate.rs`.

use std::cmp::Ordering;

use regex_lite::Regex;

use super::{aggregate::Aggregate, cast::Target, table::Function, time::Unit};
use crate::{
    lookup::Lookup,
    number::Number,
    template::{Macro, Template},
};

/// A step of a compiled expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// A number as written.
    Number(Number),
    /// `NULL`.
    Null,
    /// A macro without quotes: a number, or nothing.
    Field(Macro),
    /// A quoted text with or without macros.
    Text(Template),
    /// A lookup; without quotes its answer is text all the same.
    Lookup(Lookup),
    /// `-x`.
    Negate(Box<Self>),
    /// `NOT x`.
    Not(Box<Self>),
    /// `+ - * / % DIV`.
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    /// `= <> < <= > >= <=>`.
    Compare(Comparison, Box<Self>, Box<Self>),
    /// `AND`, `OR`, `XOR`.
    Logic(Logic, Box<Self>, Box<Self>),
    /// `x IS [NOT] NULL`.
    IsNull(Box<Self>, bool),
    /// `x IS [NOT] TRUE`, `x IS [NOT] FALSE`.
    IsTruth(Box<Self>, bool, bool),
    /// `x BETWEEN low AND high`.
    Between(Box<[Self; 3]>),
    /// `x IN (…)`.
    In(Box<Self>, Vec<Self>),
    /// `x LIKE pattern ESCAPE character`; without a character nothing escapes.
    Like(Box<[Self; 2]>, Option<char>),
    /// `x REGEXP pattern`.
    Matches(Box<Self>, Box<Regex>),
    /// `CASE`, both forms.
    Case {
        /// `CASE operand WHEN value`; without it the conditions are truth values.
        operand: Option<Box<Self>>,
        /// Conditions and results.
        arms: Vec<(Self, Self)>,
        /// `ELSE`.
        otherwise: Option<Box<Self>>,
        /// Number of the first arm's branch; the others follow, `ELSE` last.
        branch: usize,
    },
    /// `COALESCE`, `IFNULL`, with the number of the first fallback's branch.
    Coalesce(Vec<Self>, usize),
    /// `IF(condition, a, b)`, with the number of the branch `a`; `b` is the next.
    If(Box<[Self; 3]>, usize),
    /// `NULLIF(a, b)`.
    NullIf(Box<[Self; 2]>),
    /// `DATE_ADD`, `DATE_SUB` and `± INTERVAL`.
    Shift {
        /// The time.
        time: Box<Self>,
        /// How many units.
        amount: Box<Self>,
        /// The unit.
        unit: Unit,
        /// Whether it goes back.
        back: bool,
    },
    /// `TIMESTAMPDIFF(unit, from, to)`: whole units.
    Difference(Unit, Box<[Self; 2]>),
    /// `CAST(x AS type)`.
    Cast(Box<Self>, Target),
    /// `TRIM(side what FROM text)`: text, then what is cut off.
    Trim(TrimSide, Box<[Self; 2]>),
    /// `SUM`, `AVG`, `MAX`, `MIN`, `COUNT`.
    Aggregate(Box<Aggregate>),
    /// A function of the table.
    Call(&'static Function, Vec<Self>),
}

/// Where `TRIM` cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimSide {
    /// On both sides.
    Both,
    /// In front.
    Leading,
    /// At the end.
    Trailing,
}

/// An arithmetic operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `DIV`
    DivideWhole,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<=>`
    NullSafeEqual,
}

/// A logical operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `XOR`
    Xor,
}

impl Comparison {
    /// Whether an ordering satisfies it.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal | Self::NullSafeEqual => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}
