//! A document's body, `{"rows":[[…],…]}` in column order, to values that can be bound. Pure.
//!
//! The mapping checks values against the same columns; what is checked here again is what a database would change
//! without a word: digits it rounds off and fractions of a second (invariant 5).

use std::{borrow::Cow, cmp::Ordering};

use jiff::civil;
use serde::Deserialize;
use serde_json::value::RawValue;
use weir_model::{
    decimal::Decimal,
    flow::{Column, ColumnType},
    outcome::Refusal,
};

use super::classify::codes;

/// Characters of a value that a message shows.
const SHOWN_CHARACTERS: usize = 120;
/// Bytes of a MySQL TEXT.
const TEXT_BYTES: usize = 65_535;
/// Type, null bit and length prefix of a bound value.
const VALUE_OVERHEAD: usize = 12;

/// A value as it is bound to a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// NULL.
    Null,
    /// A whole number or truth value.
    Integer(i64),
    /// Text, and everything that is exact only as text: decimals and times.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// Bytes it takes in a statement's packet, rounded up.
    pub(super) fn packet_bytes(&self) -> usize {
        VALUE_OVERHEAD
            + match self {
                Self::Null => 0,
                Self::Integer(_) => 8,
                Self::Text(text) => text.len(),
            }
    }

    /// The value for a message, shortened.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => shown(text),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    rows: Vec<Vec<&'a RawValue>>,
}

/// The values of all rows of a body, row after row.
///
/// # Errors
/// Code `S-BODY` when it is no such body or a row has another number of values than the table has columns,
/// `S-VALUE` when a column cannot hold its value unchanged.
pub(super) fn read_body<'a>(body: &'a [u8], columns: &[Column]) -> Result<Vec<Value<'a>>, Refusal> {
    let body: Body<'a> = serde_json::from_slice(body).map_err(|error| {
        Refusal::new(codes::BODY, format!("the document's body is no list of rows: {error}"))
    })?;
    let mut values = Vec::with_capacity(body.rows.len().saturating_mul(columns.len()));
    for row in body.rows {
        if row.len() != columns.len() {
            let message = format!(
                "a row has {} values, the table has {} columns; the flow's columns were changed after it was mapped",
                row.len(),
                columns.len()
            );
            return Err(Refusal::new(codes::BODY, message));
        }
        for (raw, column) in row.into_iter().zip(columns) {
            values.push(read_value(raw.get(), column)?);
        }
    }
    Ok(values)
}

fn read_value<'a>(raw: &'a str, column: &Column) -> Result<Value<'a>, Refusal> {
    let refuse = |why: &str| {
        let Column { name, kind, .. } = column;
        let message = format!("column {name} {kind} cannot hold {}: {why}", shown(raw));
        Err(Refusal::new(codes::VALUE, message).at(name.as_str()))
    };
    let text = match raw.as_bytes().first() {
        Some(b'n') if column.nullable => return Ok(Value::Null),
        Some(b'n') => return refuse("it must not be empty"),
        Some(b'[' | b'{') => return refuse("it is a list or an object"),
        Some(b'"') => match unquoted(raw) {
            Some(text) => text,
            None => return refuse("it is no text"),
        },
        _ => Cow::Borrowed(raw),
    };
    match bindable(text, column.kind) {
        Ok(value) => Ok(value),
        Err(why) => refuse(why),
    }
}

/// The text in a JSON string.
pub(super) fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The value for a column of this type, or why there is none.
fn bindable(text: Cow<'_, str>, kind: ColumnType) -> Result<Value<'_>, &'static str> {
    match kind {
        ColumnType::BigInt => text.parse().map(Value::Integer).map_err(|_| "it is no 64-bit whole number"),
        ColumnType::Int => text
            .parse::<i32>()
            .map(|number| Value::Integer(i64::from(number)))
            .map_err(|_| "it is no 32-bit whole number"),
        ColumnType::Bool => match &*text {
            "true" | "1" => Ok(Value::Integer(1)),
            "false" | "0" => Ok(Value::Integer(0)),
            _ => Err("it is no truth value"),
        },
        ColumnType::Decimal { precision, scale } => match plain(&text, precision, scale) {
            Some(Plain::AsWritten) => Ok(Value::Text(text)),
            Some(Plain::Scaled(exact)) => Ok(Value::Text(Cow::Owned(exact))),
            None => decimal(&text, precision, scale),
        },
        ColumnType::Varchar(length) => {
            // A character takes a byte at least, so short texts need no counting.
            let limit = usize::try_from(length).unwrap_or(usize::MAX);
            let fits = text.len() <= limit || text.chars().count() <= limit;
            if fits { Ok(Value::Text(text)) } else { Err("it is too long") }
        }
        ColumnType::Text if text.len() > TEXT_BYTES => Err("it is too long"),
        ColumnType::Text => Ok(Value::Text(text)),
        ColumnType::DateTime { fraction } => {
            let read: Result<civil::DateTime, _> = text.parse();
            match read {
                Ok(_) if fraction_digits(&text) <= usize::from(fraction) => Ok(Value::Text(text)),
                Ok(_) => Err("its fraction of a second has too many digits"),
                Err(_) => Err("it is no date and time"),
            }
        }
        ColumnType::Date => match text.parse::<civil::Date>() {
            Ok(_) if text.len() == 10 => Ok(Value::Text(text)),
            _ => Err("it is no date"),
        },
    }
}

/// A decimal whose digits can be used as they stand.
enum Plain {
    /// It has the column's scale.
    AsWritten,
    /// Zeros were added to it, or taken from it.
    Scaled(String),
}

/// What [`decimal`] says of a number that is written in the usual way, without its arithmetic: digits, a point, digits.
/// `None` for every other, and for those that the column cannot hold.
fn plain(text: &str, precision: u32, scale: u32) -> Option<Plain> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let has_point = whole.len() < unsigned.len();
    let is_usual = has_point != fraction.is_empty()
        && (whole == "0" || !whole.is_empty() && !whole.starts_with('0'))
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    // A zero has no sign.
    let is_signed_zero = text.starts_with('-') && unsigned.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let (precision, scale) = (usize::try_from(precision).ok()?, usize::try_from(scale).ok()?);
    let whole_digits = if whole == "0" { 0 } else { whole.len() };
    if !is_usual || is_signed_zero || whole_digits + scale > precision {
        return None;
    }
    match fraction.len().cmp(&scale) {
        Ordering::Equal => Some(Plain::AsWritten),
        Ordering::Less => {
            let point = if has_point { "" } else { "." };
            Some(Plain::Scaled(format!("{text}{point}{}", "0".repeat(scale - fraction.len()))))
        }
        Ordering::Greater => {
            let dropped = fraction.len() - scale;
            let kept = text.len() - dropped - usize::from(scale == 0);
            let is_exact = fraction.bytes().rev().take(dropped).all(|byte| byte == b'0');
            is_exact.then(|| text.get(..kept).map(|kept| Plain::Scaled(kept.to_owned())))?
        }
    }
}

/// The decimal with the column's scale, so that `0.1` reads the same from MySQL and from SQLite's text.
fn decimal(text: &str, precision: u32, scale: u32) -> Result<Value<'static>, &'static str> {
    let number: Decimal = text.parse().map_err(|_| "it is no decimal number")?;
    let trimmed = number.trimmed();
    if trimmed.scale() > i64::from(scale) {
        return Err("it has too many digits after the point");
    }
    let exact = trimmed.as_big().with_scale(i64::from(scale)).to_plain_string();
    let digits = exact.bytes().filter(u8::is_ascii_digit).count();
    // The zero of `0.10` is no digit of the column's precision.
    let leading_zero = usize::from(exact.trim_start_matches('-').starts_with("0.") || exact == "0");
    if digits.saturating_sub(leading_zero) > usize::try_from(precision).unwrap_or(usize::MAX) {
        return Err("it has too many digits");
    }
    Ok(Value::Text(Cow::Owned(exact)))
}

/// Digits of the fraction of a second, without zeros at its end.
pub(super) fn fraction_digits(text: &str) -> usize {
    text.rsplit_once('.').map_or(0, |(_, fraction)| fraction.trim_end_matches('0').len())
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, raw: &str, expect: Result<&str, &str>) {
        let kind = ColumnType::parse(kind).unwrap();
        let column = Column { path: String::new(), name: "c".into(), kind, nullable: true };
        let got = read_value(raw, &column).map(|value| match value {
            Value::Text(text) => text.into_owned(),
            other => other.shown(),
        });
        match (got, expect) {
            (Ok(got), Ok(expect)) => assert_eq!(got, expect, "{kind} {raw}"),
            (Err(refusal), Err(part)) => {
                assert!(refusal.message.contains(part), "{kind} {raw}: {refusal}");
                assert_eq!(refusal.code, codes::VALUE);
                assert_eq!(refusal.field.as_deref(), Some("c"));
            }
            (got, expect) => panic!("{kind} {raw}: {got:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn values_are_bound_as_they_were_said() {
        check("bigint", "9223372036854775807", Ok("9223372036854775807"));
        check("bigint", "\"12\"", Ok("12"));
        check("bool", "true", Ok("1"));
        check("text", "null", Ok("NULL"));
        check("text", "0.10", Ok("0.10"));
        check("varchar(3)", "\"店铺甲\"", Ok("店铺甲"));
        check("text", r#""a\"b\n😀""#, Ok("a\"b\n😀"));
        check("datetime", "\"2024-01-15 10:00:00\"", Ok("2024-01-15 10:00:00"));
        check("datetime", "\"2024-01-15 10:00:00.000\"", Ok("2024-01-15 10:00:00.000"));
        check("datetime(3)", "\"2024-01-15 10:00:00.123\"", Ok("2024-01-15 10:00:00.123"));
        check("date", "\"2024-02-29\"", Ok("2024-02-29"));
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        check("decimal(10,2)", "0.1", Ok("0.10"));
        check("decimal(10,2)", "\"-12.500\"", Ok("-12.50"));
        check("decimal(10,2)", "1e3", Ok("1000.00"));
        check("decimal(2,2)", "0.99", Ok("0.99"));
        check("decimal(1,0)", "0", Ok("0"));
        check(
            "decimal(38,18)",
            "12345678901234567890.123456789012345678",
            Ok("12345678901234567890.123456789012345678"),
        );
        check("decimal(10,2)", "0.125", Err("too many digits after the point"));
        check("decimal(4,2)", "100", Err("too many digits"));
        check("decimal(4,2)", "\"abc\"", Err("no decimal"));
    }

    #[test]
    fn the_short_way_of_a_decimal_says_the_same_as_the_long_one() {
        let texts = [
            "0",
            "0.0",
            "-0",
            "-0.00",
            "0.10",
            "-0.10",
            "1",
            "-1",
            "10",
            "12.5",
            "12.50",
            "12.500",
            "12.345",
            "99.99",
            "100",
            "007",
            "00.5",
            "-12.500",
            "1.",
            ".5",
            "+1",
            "1e2",
            "",
            "-",
            ".",
            "1.2.3",
            "1_0",
            "٣",
            "0.001",
            "9999999999",
        ];
        let columns = [(4, 2), (10, 0), (2, 2), (38, 18), (1, 0), (19, 4)];
        for text in texts {
            for (precision, scale) in columns {
                let short = match plain(text, precision, scale) {
                    Some(Plain::AsWritten) => text.to_owned(),
                    Some(Plain::Scaled(exact)) => exact,
                    None => continue,
                };
                let long = decimal(text, precision, scale).map(|value| value.shown());
                assert_eq!(long, Ok(shown(&short)), "{text} as decimal({precision},{scale})");
            }
        }
        assert!(matches!(plain("12.5000", 19, 4), Some(Plain::AsWritten)));
        assert!(matches!(plain("12.5", 19, 4), Some(Plain::Scaled(_))));
        assert!(matches!(plain("12.000", 19, 0), Some(Plain::Scaled(exact)) if exact == "12"));
    }

    #[test]
    fn what_a_column_cannot_hold_is_refused_with_its_value() {
        check("int", "2147483648", Err("\"2147483648\""));
        check("bigint", "1.5", Err("no 64-bit whole number"));
        check("varchar(3)", "\"四个汉字\"", Err("too long"));
        check("datetime", "\"2024-01-15 10:00:00.5\"", Err("fraction"));
        check("datetime", "\"0000-00-00 00:00:00\"", Err("no date"));
        check("date", "\"2023-02-29\"", Err("no date"));
        check("text", "[1]", Err("a list"));
        check("bool", "2", Err("no truth value"));
    }

    #[test]
    fn a_body_must_fit_the_table() {
        let column = |name: &str, nullable| Column {
            path: String::new(),
            name: name.into(),
            kind: ColumnType::Int,
            nullable,
        };
        let columns = [column("a", false), column("b", true)];
        let read = |body: &'static str| read_body(body.as_bytes(), &columns);
        assert_eq!(read(r#"{"rows":[[1,2],[3,null]]}"#).unwrap().len(), 4);
        assert_eq!(read(r#"{"rows":[]}"#).unwrap(), []);
        for bad in ["", "{}", r#"{"rows":[[1]]}"#, r#"{"rows":[[1,2]],"x":1}"#, r#"{"rows":[[1,2,3]]}"#] {
            assert_eq!(read(bad).unwrap_err().code, codes::BODY, "{bad}");
        }
        assert_eq!(read(r#"{"rows":[[null,2]]}"#).unwrap_err().field.as_deref(), Some("a"));
    }
}
