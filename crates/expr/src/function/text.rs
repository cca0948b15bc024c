//! Text functions. Positions count characters from 1, as in MySQL.

use weir_model::flow::language::Collation;

use super::{
    Surroundings, compare,
    node::{Comparison, TrimSide},
    table::{count, text_at, whole_or},
};
use crate::{error::Cause, number::Number, value::Value};

/// No ERP field is longer; an expression must not make a gigabyte out of a record.
const LONGEST: usize = 1 << 20;

type Arguments<'v, 'a> = &'v [Value<'a>];

fn bounded<'a>(text: String) -> Result<Value<'a>, Cause> {
    if text.len() > LONGEST {
        return Err(Cause::TooLong { limit: LONGEST, unit: "bytes" });
    }
    Ok(Value::text(text))
}

/// `UPPER`: letter by letter as in MySQL, so that `ß`, which has no capital of one letter, stays.
pub fn upper(text: &str) -> String {
    text.chars().map(|letter| single(letter, letter.to_uppercase())).collect()
}

/// `LOWER`, letter by letter.
pub fn lower(text: &str) -> String {
    text.chars().map(|letter| single(letter, letter.to_lowercase())).collect()
}

fn single(letter: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
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

/// `LOCATE(wanted, text[, from])`: 0 when it is not there. Letter case counts as the collation says.
pub fn locate<'a>(
    arguments: &[Option<&Value<'a>>; 2],
    from: i64,
    around: &Surroundings<'_>,
) -> Result<Value<'a>, Cause> {
    let [wanted, text] = arguments.map(|value| value.cloned().unwrap_or(Value::Null).into_text());
    let Some(skip) = usize::try_from(from).ok().and_then(|from| from.checked_sub(1)) else {
        return Ok(count(0));
    };
    let fold = around.rules.collation == Collation::GeneralCi;
    let capital = |character: char| character.to_uppercase().next().unwrap_or(character);
    let (wanted, text) = match fold {
        true => (wanted.chars().map(capital).collect(), text.chars().map(capital).collect()),
        false => (wanted, text),
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

/// `REPEAT(text, times)`, `SPACE(times)`; below one time empty text.
pub fn repeat<'a>(text: &str, times: i64) -> Result<Value<'a>, Cause> {
    let times = usize::try_from(times).unwrap_or(0);
    if text.len().saturating_mul(times) > LONGEST {
        return Err(Cause::TooLong { limit: LONGEST, unit: "bytes" });
    }
    Ok(Value::text(text.repeat(times)))
}

/// `SUBSTRING_INDEX(text, separator, count)`: what stands before the count-th separator; a negative count counts from
/// the end and takes what stands after it.
pub fn substring_index<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    let (text, separator) = (text_at(arguments, 0), text_at(arguments, 1));
    let wanted = whole_or(arguments, 2, 0)?;
    let Some(skip) = usize::try_from(wanted.unsigned_abs()).ok().and_then(|wanted| wanted.checked_sub(1))
    else {
        return Ok(Value::text(""));
    };
    if separator.is_empty() {
        return Ok(Value::text(""));
    }
    let part = if wanted > 0 {
        text.match_indices(separator.as_ref()).nth(skip).and_then(|(at, _)| text.get(..at))
    } else {
        let found = text.rmatch_indices(separator.as_ref()).nth(skip);
        found.and_then(|(at, _)| text.get(at + separator.len()..))
    };
    Ok(Value::text(part.unwrap_or(&text)))
}

/// `ELT(n, a, b, …)`: the n-th text, or nothing.
pub fn element<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    if arguments.first().is_none_or(Value::is_null) {
        return Ok(Value::Null);
    }
    let index = usize::try_from(whole_or(arguments, 0, 0)?).unwrap_or(0);
    Ok(arguments.get(index).filter(|_| index > 0).cloned().unwrap_or(Value::Null))
}

/// `FIELD(x, a, b, …)`: the place of x among the others, 0 when it is not there or nothing.
pub fn field<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    let Some((wanted, others)) = arguments.split_first() else { return Ok(count(0)) };
    for (index, value) in others.iter().enumerate() {
        if compare::values(Comparison::Equal, wanted, value, around)? == Some(true) {
            return Ok(count(index + 1));
        }
    }
    Ok(count(0))
}

/// `FIND_IN_SET(x, 'a,b')`: the place of x in the comma list, 0 when it is not there. Blanks at the end count, as in
/// MySQL.
pub fn find_in_set<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    let (wanted, list) = (text_at(arguments, 0), text_at(arguments, 1));
    let same = |part: &str| match around.rules.collation {
        Collation::Binary => part == wanted,
        Collation::GeneralCi => compare::folded(part) == compare::folded(&wanted),
    };
    let found = if list.is_empty() { None } else { list.split(',').position(same) };
    Ok(count(found.map_or(0, |index| index + 1)))
}

/// `STRCMP(a, b)`: -1, 0 or 1.
pub fn compared<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    let order = compare::texts(&text_at(arguments, 0), &text_at(arguments, 1), around.rules.collation);
    Ok(Value::Number(Number::whole(order as i128)))
}

/// `HEX(x)`: the bytes of text, the value of a number.
pub fn hexadecimal<'a>(arguments: Arguments<'_, 'a>) -> Result<Value<'a>, Cause> {
    match arguments.first() {
        Some(Value::Number(_) | Value::Written(_)) => {
            Ok(Value::text(format!("{:X}", whole_or(arguments, 0, 0)?)))
        }
        _ => bounded(hex::encode_upper(text_at(arguments, 0).as_bytes())),
    }
}

/// `TRIM(side what FROM text)`.
pub fn trim<'a>(text: Value<'a>, what: &Value<'_>, side: TrimSide) -> Value<'a> {
    if text.is_null() || what.is_null() {
        return Value::Null;
    }
    let (text, what) = (text.into_text(), what.clone().into_text());
    if what.is_empty() {
        return Value::Text(text);
    }
    let mut rest = text.as_ref();
    while let (true, Some(cut)) = (side != TrimSide::Trailing, rest.strip_prefix(what.as_ref())) {
        rest = cut;
    }
    while let (true, Some(cut)) = (side != TrimSide::Leading, rest.strip_suffix(what.as_ref())) {
        rest = cut;
    }
    if rest.len() == text.len() { Value::Text(text) } else { Value::text(rest) }
}
