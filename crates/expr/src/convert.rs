//! The types of request items (contract qeasy-metadata §2): from a value to what stands in the document.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use weir_model::Json;

use crate::{
    error::{Cause, CompileError},
    moment,
    value::{Value, shorten, time_text},
};

/// The type of a request item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Whole,
    /// A decimal number; never a binary float (invariant 5).
    Decimal,
    /// A truth value.
    Bool,
    /// A local time of the connection's zone.
    Time,
    /// An object.
    Object,
    /// A list.
    List,
}

const KINDS: [(&str, Kind); 7] = [
    ("string", Kind::Text),
    ("int", Kind::Whole),
    ("float", Kind::Decimal),
    ("bool", Kind::Bool),
    ("datetime", Kind::Time),
    ("object", Kind::Object),
    ("array", Kind::List),
];

/// A value of its final type.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// Nothing: the field is left out.
    Null,
    /// Text.
    Text(Cow<'a, str>),
    /// The JSON text of a number.
    Number(Cow<'a, str>),
    /// A truth value.
    Bool(bool),
    /// An object or list.
    Tree(Json),
}

/// The names of the types, for the language reference.
#[cfg(test)]
pub fn kinds() -> [&'static str; 7] {
    KINDS.map(|(name, _)| name)
}

impl Kind {
    /// Reads a type's name.
    pub fn parse(text: &str) -> Result<Self, CompileError> {
        let known = KINDS.map(|(name, _)| name);
        let found = KINDS.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| CompileError::unknown("类型", "type", text, &known))
    }

    /// Converts a value. Empty text is no time, and left out; other types must parse.
    pub fn convert<'a>(self, value: Value<'a>, zone: &TimeZone) -> Result<Output<'a>, Cause> {
        if value.is_null() {
            return Ok(Output::Null);
        }
        match self {
            Self::Text => Ok(Output::Text(value.into_text())),
            Self::Whole => {
                let number = value.to_number()?.trimmed();
                if number.scale() > 0 {
                    return Err(Cause::NotWhole(number.to_string()));
                }
                Ok(Output::Number(Cow::Owned(number.to_string())))
            }
            Self::Decimal => decimal(value),
            Self::Bool => boolean(&value).map(Output::Bool),
            Self::Time if value.is_blank() => Ok(Output::Null),
            Self::Time => Ok(Output::Text(Cow::Owned(time_text(&moment::read(&value, zone)?)))),
            Self::Object | Self::List => tree(value, self),
        }
    }
}

/// A number keeps its text where that is a JSON number.
fn decimal(value: Value<'_>) -> Result<Output<'_>, Cause> {
    match value {
        Value::Written(text) if is_plain(text) => Ok(Output::Number(Cow::Borrowed(text))),
        Value::Text(text) if is_plain(&text) => Ok(Output::Number(text)),
        other => Ok(Output::Number(Cow::Owned(other.to_number()?.to_string()))),
    }
}

/// Whether `text` is a JSON number without exponent.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// Reads `true`, `false`, `1`, `0`.
fn boolean(value: &Value<'_>) -> Result<bool, Cause> {
    let text = value.clone().into_text();
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Cause::NotBool(shorten(&text))),
    }
}

fn tree(value: Value<'_>, kind: Kind) -> Result<Output<'_>, Cause> {
    let text = value.into_text();
    let tree: Json = serde_json::from_str(&text).map_err(|_| Cause::WrongShape(shorten(&text)))?;
    let fits = if kind == Kind::Object { tree.is_object() } else { tree.is_array() };
    if fits { Ok(Output::Tree(tree)) } else { Err(Cause::WrongShape(shorten(&text))) }
}

impl Output<'_> {
    /// Whether there is nothing, or text without characters.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The value as text, as it goes into a business key. Objects and lists are no part of a key.
    pub fn key_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(flag) => Some(if *flag { "true" } else { "false" }),
            Self::Null | Self::Tree(_) => None,
        }
    }

    /// Appends the value as JSON.
    pub fn write(&self, body: &mut Vec<u8>) {
        match self {
            Self::Null => body.extend_from_slice(b"null"),
            Self::Bool(flag) => body.extend_from_slice(if *flag { b"true" } else { b"false" }),
            Self::Number(text) => body.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_text(text, body),
            // Writing a tree of strings, numbers and lists into memory cannot fail.
            Self::Tree(tree) => serde_json::to_writer(body, tree).unwrap_or_default(),
        }
    }

    /// The value as a tree.
    pub fn into_tree(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(flag),
            Self::Number(text) => serde_json::from_str(&text).unwrap_or(Json::String(text.into_owned())),
            Self::Text(text) => Json::String(text.into_owned()),
            Self::Tree(tree) => tree,
        }
    }
}

/// Appends `text` as a JSON string.
pub fn write_text(text: &str, body: &mut Vec<u8>) {
    // Escaping into memory cannot fail.
    serde_json::to_writer(body, text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn convert(kind: &str, json: &str) -> String {
        let value = Value::from_json(json).unwrap();
        match Kind::parse(kind).unwrap().convert(value, &TimeZone::UTC) {
            Ok(output) => {
                let mut body = Vec::new();
                output.write(&mut body);
                String::from_utf8(body).unwrap()
            }
            Err(cause) => cause.to_string(),
        }
    }

    #[test]
    fn conversions() {
        let check =
            |kind: &str, json: &str, expect: &str| assert_eq!(convert(kind, json), expect, "{kind} {json}");
        check("string", "20011", "\"20011\"");
        check("string", "0.10", "\"0.10\"");
        check("float", "0.10", "0.10");
        check("float", "\"12.500\"", "12.500");
        check("float", "1e3", "1000");
        check("float", "\"007\"", "7");
        check("float", "123456789012345678901234567890.10", "123456789012345678901234567890.10");
        check("int", "12.0", "12");
        check("int", "\"12.5\"", "\"12.5\" is not a whole number");
        check("int", "\"\"", "\"\" is not a number");
        check("bool", "\"True\"", "true");
        check("bool", "0", "false");
        check("bool", "\"yes\"", "\"yes\" is neither true, false, 1 nor 0");
        check("datetime", "1710403200", "\"2024-03-14 08:00:00\"");
        check("datetime", "\"\"", "null");
        check("object", "{\"a\": 0.10}", "{\"a\":0.10}");
        check("array", "\"[1,2]\"", "[1,2]");
        assert!(convert("array", "{}").contains("neither"), "{}", convert("array", "{}"));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_json(text in ".*") {
            let mut body = Vec::new();
            Output::Text(Cow::Borrowed(&text)).write(&mut body);
            prop_assert_eq!(serde_json::from_slice::<String>(&body).unwrap(), text);
        }

        #[test]
        fn a_plain_number_is_json(text in "-?[0-9.]{1,6}") {
            if is_plain(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Number>(&text).is_ok(), "{}", text);
            }
        }
    }
}
