//! The compiled expression and its evaluation.

use std::cmp::Ordering;

use super::{compare, table::Function, time::Unit};
use crate::{
    error::Cause,
    lookup::Lookup,
    number::Number,
    scope::Context,
    template::{Macro, Template},
    value::Value,
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
    /// `x IN (…)`.
    In(Box<Self>, Vec<Self>),
    /// `x LIKE pattern`.
    Like(Box<Self>, Box<Self>),
    /// `CASE`, both forms.
    Case {
        /// `CASE operand WHEN value`; without it the conditions are truth values.
        operand: Option<Box<Self>>,
        /// Conditions and results.
        arms: Vec<(Self, Self)>,
        /// `ELSE`.
        otherwise: Option<Box<Self>>,
    },
    /// `COALESCE`, `IFNULL`.
    Coalesce(Vec<Self>),
    /// `IF(condition, a, b)`.
    If(Box<[Self; 3]>),
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
    /// A function of the table.
    Call(&'static Function, Vec<Self>),
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

type Result<T> = std::result::Result<T, Cause>;

impl Node {
    /// Evaluates the expression on a record.
    pub fn value<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Value<'a>> {
        match self {
            Self::Number(number) => Ok(Value::Number(number.clone())),
            Self::Null => Ok(Value::Null),
            Self::Field(field) => number_of(field.value(context)?),
            Self::Text(template) => template.text(context).map(Value::Text),
            Self::Lookup(lookup) => lookup.value(context),
            Self::Negate(inner) => match inner.value(context)? {
                Value::Null => Ok(Value::Null),
                value => Ok(Value::Number(value.to_number()?.negated())),
            },
            Self::Arithmetic(operator, left, right) => arithmetic(*operator, left, right, context),
            Self::Case { operand, arms, otherwise } => {
                case(operand.as_deref(), arms, otherwise.as_deref(), context)
            }
            Self::Coalesce(nodes) => {
                for node in nodes {
                    let value = node.value(context)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                }
                Ok(Value::Null)
            }
            Self::If(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if condition.holds(context)? == Some(true) { yes.value(context) } else { no.value(context) }
            }
            Self::NullIf(parts) => {
                let [value, other] = parts.as_ref();
                let value = value.value(context)?;
                let equal =
                    compare::values(Comparison::Equal, &value, &other.value(context)?, context.world)?;
                Ok(if equal == Some(true) { Value::Null } else { value })
            }
            Self::Shift { time, amount, unit, back } => {
                unit.shift(&time.value(context)?, &amount.value(context)?, *back, context.world.zone)
            }
            Self::Call(function, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(argument.value(context)?);
                }
                function.call(&values, context.world)
            }
            _ => Ok(self.holds(context)?.map_or(Value::Null, Value::truth)),
        }
    }

    /// The value as a truth: `None` is MySQL's unknown.
    fn holds(&self, context: &Context<'_, '_>) -> Result<Option<bool>> {
        match self {
            Self::Not(inner) => Ok(inner.holds(context)?.map(|truth| !truth)),
            Self::Compare(operator, left, right) => {
                compare::values(*operator, &left.value(context)?, &right.value(context)?, context.world)
            }
            Self::Logic(operator, left, right) => logic(*operator, left, right, context),
            Self::IsNull(inner, negated) => Ok(Some(inner.value(context)?.is_null() != *negated)),
            Self::IsTruth(inner, truth, negated) => {
                Ok(Some((inner.holds(context)? == Some(*truth)) != *negated))
            }
            Self::In(value, list) => {
                let value = value.value(context)?;
                let mut unknown = false;
                for item in list {
                    match compare::values(Comparison::Equal, &value, &item.value(context)?, context.world)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => unknown = true,
                    }
                }
                Ok((!unknown).then_some(false))
            }
            Self::Like(value, pattern) => {
                let (value, pattern) = (value.value(context)?, pattern.value(context)?);
                if value.is_null() || pattern.is_null() {
                    return Ok(None);
                }
                Ok(Some(compare::like(&value.into_text(), &pattern.into_text())))
            }
            _ => match self.value(context)? {
                Value::Null => Ok(None),
                value => Ok(Some(!value.to_number()?.is_zero())),
            },
        }
    }
}

/// Macros without quotes are numbers (contract qeasy-metadata §4).
fn number_of(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Null | Value::Written(_) | Value::Number(_) => Ok(value),
        other => other.to_number().map(Value::Number),
    }
}

fn arithmetic<'a>(
    operator: Arithmetic,
    left: &'a Node,
    right: &'a Node,
    context: &Context<'_, 'a>,
) -> Result<Value<'a>> {
    let (left, right) = (left.value(context)?, right.value(context)?);
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    let (left, right) = (left.to_number()?, right.to_number()?);
    let result = match operator {
        Arithmetic::Add => Some(left.add(&right)),
        Arithmetic::Subtract => Some(left.subtract(&right)),
        Arithmetic::Multiply => Some(left.multiply(&right)),
        Arithmetic::Divide => left.divide(&right),
        Arithmetic::Remainder => left.remainder(&right),
        Arithmetic::DivideWhole => left.divide_whole(&right),
    };
    result.map(Value::Number).ok_or(Cause::DivisionByZero)
}

fn logic(operator: Logic, left: &Node, right: &Node, context: &Context<'_, '_>) -> Result<Option<bool>> {
    let decided = match operator {
        Logic::And => Some(false),
        Logic::Or => Some(true),
        Logic::Xor => None,
    };
    let left = left.holds(context)?;
    if decided.is_some() && left == decided {
        return Ok(decided);
    }
    let right = right.holds(context)?;
    if decided.is_some() && right == decided {
        return Ok(decided);
    }
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    Ok(Some(match operator {
        Logic::And => left && right,
        Logic::Or => left || right,
        Logic::Xor => left != right,
    }))
}

fn case<'a>(
    operand: Option<&'a Node>,
    arms: &'a [(Node, Node)],
    otherwise: Option<&'a Node>,
    context: &Context<'_, 'a>,
) -> Result<Value<'a>> {
    let operand = operand.map(|node| node.value(context)).transpose()?;
    for (condition, result) in arms {
        let chosen = match &operand {
            None => condition.holds(context)?,
            Some(value) => {
                compare::values(Comparison::Equal, value, &condition.value(context)?, context.world)?
            }
        };
        if chosen == Some(true) {
            return result.value(context);
        }
    }
    otherwise.map_or(Ok(Value::Null), |node| node.value(context))
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
