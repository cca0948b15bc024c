//! A value while it is evaluated: borrowed from the record where it can be.

use std::{borrow::Cow, fmt};

use jiff::civil::DateTime;

use crate::{error::Cause, number::Number};

/// A value of the mapping language.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Nothing: the field is left out.
    Null,
    /// A truth value of the record.
    Bool(bool),
    /// A number as the record wrote it: `0.10` stays `0.10`.
    Written(&'a str),
    /// A computed number.
    Number(Number),
    /// Text.
    Text(Cow<'a, str>),
    /// A local time of the connection's zone.
    Time(DateTime),
    /// An object or list, as JSON text.
    Json(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// Reads one JSON value whose syntax is known to be right.
    pub fn from_json(text: &'a str) -> Result<Self, Cause> {
        match text.as_bytes().first() {
            Some(b'"') if !text.contains('\\') => Ok(Self::Text(Cow::Borrowed(text.trim_matches('"')))),
            Some(b'"') => match serde_json::from_str::<String>(text) {
                Ok(text) => Ok(Self::Text(Cow::Owned(text))),
                Err(_) => Err(Cause::BrokenText),
            },
            Some(b'{' | b'[') => Ok(Self::Json(Cow::Borrowed(text))),
            Some(b't') => Ok(Self::Bool(true)),
            Some(b'f') => Ok(Self::Bool(false)),
            Some(b'-' | b'0'..=b'9') => Ok(Self::Written(text)),
            _ => Ok(Self::Null),
        }
    }

    /// Text of a computed value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Cow::Owned(text.into()))
    }

    /// A truth value as MySQL has it.
    pub const fn truth(flag: bool) -> Self {
        Self::Number(Number::whole(flag as i128))
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Whether there is nothing, or text without characters.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The value as text; nothing gives empty text.
    pub fn into_text(self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Bool(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
            Self::Written(text) => Cow::Borrowed(text),
            Self::Text(text) | Self::Json(text) => text,
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Time(time) => Cow::Owned(time_text(&time)),
        }
    }

    /// The value as a number. Nothing is no number: callers handle it first.
    pub fn to_number(&self) -> Result<Number, Cause> {
        match self {
            Self::Number(number) => Ok(number.clone()),
            Self::Written(text) => text.parse().map_err(|_| Cause::NotNumber(shorten(text))),
            Self::Text(text) => text.parse().map_err(|_| Cause::NotNumber(shorten(text))),
            Self::Bool(flag) => Ok(Number::whole(i128::from(*flag))),
            Self::Time(time) => Err(Cause::NotNumber(time_text(time))),
            Self::Null => Err(Cause::NotNumber(String::new())),
            Self::Json(_) => Err(Cause::NotScalar),
        }
    }
}

impl fmt::Display for Value<'_> {
    /// For messages: text in quotes, long values shortened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Text(text) => write!(f, "{:?}", shorten(text)),
            other => f.write_str(&shorten(&other.clone().into_text())),
        }
    }
}

/// `YYYY-MM-DD HH:MM:SS`, with the fraction when there is one.
pub fn time_text(time: &DateTime) -> String {
    let format = if time.subsec_nanosecond() == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.f" };
    time.strftime(format).to_string()
}

/// At most 80 characters, for messages.
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expect: &str) {
        assert_eq!(Value::from_json(json).unwrap().into_text(), expect, "{json}");
    }

    #[test]
    fn the_wire_is_kept() {
        check("0.10", "0.10");
        check("123456789012345678901234567890.10", "123456789012345678901234567890.10");
        check("\"a'{b}\"", "a'{b}");
        check("\"\\u4e2d\\\"\\\\\"", "中\"\\");
        check("\"\\\"\"", "\"");
        check("true", "true");
        check("[1, 2]", "[1, 2]");
        assert!(Value::from_json("null").unwrap().is_null());
        assert_eq!(Value::from_json("\"\\ud800\"").unwrap_err(), Cause::BrokenText);
    }
}
