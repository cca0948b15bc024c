//! Weir's side: an expression compiled and evaluated on one record.

use jiff::tz::{Offset, TimeZone};
use weir_expr::{Context, Dialect, Expression, Scope, Value, World};
use weir_model::lookup::{Lookups, NoLookups};

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing.
    Null,
    /// A number, without trailing zeros.
    Number(String),
    /// Text, or a time.
    Text(String),
    /// A refusal: at load, or on this record.
    Refused(String),
}

impl Answer {
    /// Whether the refusal is a division by zero.
    pub fn divides_by_zero(&self) -> bool {
        matches!(self, Self::Refused(said) if said.starts_with("division by zero"))
    }

    /// Whether the server's text is the same. Numbers are compared as Weir prints them: without trailing zeros after
    /// the point (contract qeasy-metadata §4).
    pub fn is(&self, other: &super::server::Answer) -> bool {
        match (self, other) {
            (Self::Null, Ok(None)) => true,
            (Self::Number(own), Ok(Some(text))) => own == without_zeros(text),
            (Self::Text(own), Ok(Some(text))) => own == text,
            _ => false,
        }
    }
}

fn without_zeros(text: &str) -> &str {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0" } else { text }
}

/// Evaluates without reference rows.
pub fn evaluate(expression: &str, record: &str) -> Answer {
    evaluate_with(expression, record, &NoLookups)
}

/// Evaluates at the moment that the server's session is set to.
pub fn evaluate_with(expression: &str, record: &str, lookups: &dyn Lookups) -> Answer {
    let mut scope = Scope::new(Dialect::default());
    let expression = match Expression::compile(expression, &mut scope) {
        Ok(expression) => expression,
        Err(error) => return Answer::Refused(error.to_string()),
    };
    let zone = TimeZone::fixed(Offset::constant(8));
    let now = "2024-03-14T08:00:00.9Z".parse().unwrap();
    let world = World { now, zone: &zone, lookups, probe: None };
    let mut context = Context::new(&world, Vec::new());
    for shape in scope.finish() {
        let mut cells = Vec::new();
        shape.read(record, &mut cells).unwrap();
        context.frames.push(cells);
    }
    match expression.evaluate(&context) {
        Err(error) => Answer::Refused(error.to_string()),
        Ok(Value::Null) => Answer::Null,
        Ok(value @ (Value::Number(_) | Value::Written(_) | Value::Bool(_))) => {
            Answer::Number(value.into_text().into_owned())
        }
        Ok(value) => Answer::Text(value.into_text().into_owned()),
    }
}
