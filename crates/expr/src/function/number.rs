//! Number functions. Everything is exact (invariant 5): what has no exact result, such as a square root, is no function.

use super::{
    Surroundings, compare,
    node::Comparison,
    table::{number_at, whole_or},
};
use crate::{error::Cause, number::Number, value::Value};

/// The highest power: enough for factors of ten, no way to a megabyte of digits.
const HIGHEST_POWER: i64 = 64;
/// The most decimals that `FORMAT` writes, as in MySQL.
const MOST_DECIMALS: i64 = 30;

type Arguments<'v, 'a> = &'v [Value<'a>];

pub fn map<'a>(arguments: Arguments<'_, 'a>, run: fn(&Number) -> Number) -> Result<Value<'a>, Cause> {
    Ok(Value::Number(run(&number_at(arguments, 0)?)))
}

pub fn sign<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let sign = number_at(arguments, 0)?.sign();
    Ok(Value::Number(Number::whole(sign as i128)))
}

pub fn remainder<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let rest = number_at(arguments, 0)?.remainder(&number_at(arguments, 1)?);
    rest.map(Value::Number).ok_or(Cause::DivisionByZero)
}

/// `POW(x, n)` for whole n from 0: exact, where MySQL gives a binary float.
pub fn power<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let (base, exponent) = (number_at(arguments, 0)?, number_at(arguments, 1)?);
    let Some(times) = exponent.as_i64().filter(|times| (0..=HIGHEST_POWER).contains(times)) else {
        let problem = format!("the exponent {exponent} is no whole number from 0 to {HIGHEST_POWER}");
        return Err(Cause::Argument { function: "POW", problem });
    };
    Ok(Value::Number((0..times).fold(Number::whole(1), |power, _| power.multiply(&base))))
}

/// `GREATEST`, `LEAST`: the arguments compare as they do with `<`.
pub fn extreme<'a>(
    arguments: Arguments<'_, 'a>,
    wanted: Comparison,
    around: &Surroundings<'_>,
) -> Result<Value<'a>, Cause> {
    let Some((first, others)) = arguments.split_first() else { return Ok(Value::Null) };
    let mut best = first;
    for value in others {
        if wanted.accepts(compare::order(value, best, around)?) {
            best = value;
        }
    }
    Ok(best.clone())
}

/// `FORMAT(x, decimals)`: `1,234,567.89`, text.
pub fn format<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let places = whole_or(arguments, 1, 0)?.clamp(0, MOST_DECIMALS);
    let text = number_at(arguments, 0)?.round(places).to_string();
    let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |plain| ("-", plain));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut grouped = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let places = usize::try_from(places).unwrap_or_default();
    if places > 0 {
        grouped.push('.');
        grouped.extend(fraction.chars().chain(std::iter::repeat('0')).take(places));
    }
    Ok(Value::text(grouped))
}
