//! Text functions. Positions count characters from 1, as in MySQL.

use super::table::{count, text_at, whole_or};
use crate::{error::Cause, value::Value};

/// No ERP field is longer; an expression must not make a gigabyte out of a record.
const LONGEST: usize = 1 << 20;

type Arguments<'v, 'a> = &'v [Value<'a>];

fn bounded<'a>(text: String) -> Result<Value<'a>, Cause> {
    if text.len() > LONGEST {
        return Err(Cause::TooLong { limit: LONGEST, unit: "bytes" });
    }
    Ok(Value::text(text))
}

pub fn concat<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    bounded(arguments.iter().map(|value| value.clone().into_text()).collect())
}

/// `CONCAT_WS`: arguments that are nothing are left out.
pub fn concat_with<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let Some((separator, values)) = arguments.split_first().filter(|(separator, _)| !separator.is_null())
    else {
        return Ok(Value::Null);
    };
    let texts: Vec<_> =
        values.iter().filter(|value| !value.is_null()).map(|value| value.clone().into_text()).collect();
    bounded(texts.join(separator.clone().into_text().as_ref()))
}

pub fn left<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let length = usize::try_from(whole_or(arguments, 1, 0)?).unwrap_or(0);
    Ok(Value::text(text_at(arguments, 0).chars().take(length).collect::<String>()))
}

pub fn right<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let length = usize::try_from(whole_or(arguments, 1, 0)?).unwrap_or(0);
    let text = text_at(arguments, 0);
    let skip = text.chars().count().saturating_sub(length);
    Ok(Value::text(text.chars().skip(skip).collect::<String>()))
}

/// `SUBSTRING(text, from[, length])`; a negative position counts from the end, position 0 gives empty text.
pub fn substring<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let text = text_at(arguments, 0);
    let (from, length) = (whole_or(arguments, 1, 1)?, whole_or(arguments, 2, i64::MAX)?);
    let characters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let skip = if from < 0 { characters.saturating_add(from) } else { from - 1 };
    let (Ok(skip), Ok(length)) = (usize::try_from(skip), usize::try_from(length)) else {
        return Ok(Value::text(""));
    };
    Ok(Value::text(text.chars().skip(skip).take(length).collect::<String>()))
}

/// `LOCATE(wanted, text[, from])`: 0 when it is not there.
pub fn locate<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let (wanted, text) = (text_at(arguments, 0), text_at(arguments, 1));
    let Some(skip) = usize::try_from(whole_or(arguments, 2, 1)?).ok().and_then(|from| from.checked_sub(1))
    else {
        return Ok(count(0));
    };
    let start = match text.char_indices().nth(skip) {
        Some((start, _)) => start,
        None if skip == text.chars().count() => text.len(),
        None => return Ok(count(0)),
    };
    let rest = text.get(start..).unwrap_or_default();
    let found = rest.find(wanted.as_ref()).and_then(|at| rest.get(..at));
    Ok(count(found.map_or(0, |before| skip + before.chars().count() + 1)))
}

pub fn replace<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let (text, from, to) = (text_at(arguments, 0), text_at(arguments, 1), text_at(arguments, 2));
    if from.is_empty() {
        return Ok(Value::Text(text));
    }
    let grown = text.matches(from.as_ref()).count().saturating_mul(to.len());
    if grown > LONGEST {
        return Err(Cause::TooLong { limit: LONGEST, unit: "bytes" });
    }
    bounded(text.replace(from.as_ref(), &to))
}

/// `LPAD`, `RPAD`: exactly so many characters; nothing when there is nothing to fill with.
pub fn pad<'a>(arguments: Arguments<'_, 'a>, in_front: bool) -> Result<Value<'a>, Cause> {
    let (text, fill) = (text_at(arguments, 0), text_at(arguments, 2));
    let Ok(length) = usize::try_from(whole_or(arguments, 1, 0)?) else { return Ok(Value::Null) };
    if length > LONGEST {
        return Err(Cause::TooLong { limit: LONGEST, unit: "characters" });
    }
    let has = text.chars().count();
    if has >= length {
        return Ok(Value::text(text.chars().take(length).collect::<String>()));
    }
    if fill.is_empty() {
        return Ok(Value::Null);
    }
    let filling: String = fill.chars().cycle().take(length - has).collect();
    bounded(if in_front { format!("{filling}{text}") } else { format!("{text}{filling}") })
}
