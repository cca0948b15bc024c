//! JSON values as YAML that people like to read, and back without loss: an item a line, text quoted wherever YAML could
//! take it for something else, numbers with their text.
//!
//! A number that YAML's readers would change (`0.10`, `1e5`, more than 64 bits) is written `!number "0.10"`. The flow's
//! reader takes it for the text `0.10`, which means the same in a mapping; [`read`] gives the number back.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::Map;
use weir_model::Json;

/// Wider lines are broken up.
const WIDTH: usize = 150;
const NUMBER_TAG: &str = "!number";
/// Words that some reader of YAML takes for a truth value, a number or nothing.
const WORDS: [&str; 11] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

/// Appends `key: value` at `indent`, on one line where it fits.
pub fn entry(out: &mut String, indent: usize, key: &str, value: &Json) {
    pad(out, indent);
    out.push_str(&text(key));
    out.push(':');
    content(out, indent, value);
}

/// Appends what follows `key:` or `-`, with its line end.
fn content(out: &mut String, indent: usize, value: &Json) {
    match value {
        Json::Array(elements) if elements.iter().any(|element| element.is_object() || element.is_array()) => {
            out.push('\n');
            for element in elements {
                list_element(out, indent + 2, element);
            }
        }
        Json::Object(members) if !members.is_empty() && !fits(value, indent) => {
            out.push('\n');
            for (key, value) in members {
                entry(out, indent + 2, key, value);
            }
        }
        Json::String(long) if is_literal(long) => {
            out.push_str(" |-\n");
            for line in long.lines() {
                if !line.is_empty() {
                    pad(out, indent + 2);
                    out.push_str(line);
                }
                out.push('\n');
            }
        }
        _ => {
            out.push(' ');
            flow(out, value);
            out.push('\n');
        }
    }
}

fn list_element(out: &mut String, indent: usize, element: &Json) {
    pad(out, indent);
    out.push('-');
    match element {
        Json::Object(members) if !members.is_empty() && !fits(element, indent) => {
            let mut block = String::new();
            for (key, value) in members {
                entry(&mut block, indent + 2, key, value);
            }
            out.push(' ');
            out.push_str(block.trim_start());
        }
        _ => {
            out.push(' ');
            flow(out, element);
            out.push('\n');
        }
    }
}

/// Whether a value may stand on a line of its own.
fn fits(value: &Json, indent: usize) -> bool {
    let mut line = String::new();
    flow(&mut line, value);
    let width: usize = line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    indent + width <= WIDTH && !has_list_of_objects(value)
}

/// Children stand on lines of their own.
fn has_list_of_objects(value: &Json) -> bool {
    match value {
        Json::Array(elements) => {
            elements.iter().any(|element| element.is_object() || has_list_of_objects(element))
        }
        Json::Object(members) => members.values().any(has_list_of_objects),
        _ => false,
    }
}

fn flow(out: &mut String, value: &Json) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Json::Number(number) => out.push_str(&number_text(&number.to_string())),
        Json::String(plain) => out.push_str(&text(plain)),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                flow(out, element);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                out.push_str(&text(key));
                out.push_str(": ");
                flow(out, value);
            }
            out.push('}');
        }
    }
}

fn number_text(number: &str) -> String {
    let signed = number.parse::<i64>().map(|known| known.to_string());
    let unsigned = number.parse::<u64>().map(|known| known.to_string());
    let is_kept = [signed, unsigned].iter().any(|known| known.as_deref() == Ok(number));
    if is_kept { number.to_owned() } else { format!("{NUMBER_TAG} \"{number}\"") }
}

/// Text as a YAML scalar: plain where no reader can take it for anything else, else in double quotes.
pub fn text(plain: &str) -> String {
    if is_plain(plain) {
        return plain.to_owned();
    }
    let mut quoted = String::with_capacity(plain.len() + 2);
    quoted.push('"');
    for c in plain.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '\u{4E00}'..='\u{9FFF}');
    text.starts_with(|c: char| is_letter(c) || c == '/')
        && text.chars().all(|c| is_letter(c) || c.is_ascii_digit() || matches!(c, '-' | '.' | '/'))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether text with line feeds may be shown line by line.
fn is_literal(text: &str) -> bool {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    text.contains('\n')
        && first.starts_with(|c: char| c.is_ascii_graphic())
        && !text.ends_with('\n')
        && text.split('\n').all(|line| line.chars().all(is_printable) && !line.ends_with(' '))
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Reads YAML with the numbers that [`entry`] wrote.
///
/// # Errors
/// When it is no YAML; the text of the reader says where.
pub fn read(text: &str) -> Result<Json, serde_saphyr::Error> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options::<Tree>(text, options).map(|Tree(tree)| tree)
}

struct Tree(Json);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let serde_saphyr::Tagged(Plain(value), tag) = serde_saphyr::Tagged::deserialize(deserializer)?;
        match (tag.as_deref(), value) {
            (Some(NUMBER_TAG), Json::String(text)) => {
                let number = serde_json::from_str::<serde_json::Number>(&text);
                number.map(|number| Self(Json::Number(number))).map_err(|_| D::Error::custom("no number"))
            }
            (_, value) => Ok(Self(value)),
        }
    }
}

struct Plain(Json);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Json, E> {
        Ok(flag.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(Tree(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut entries = Map::new();
        while let Some((key, Tree(value))) = map.next_entry::<String, Tree>()? {
            entries.insert(key, value);
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};
    use weir_model::settings::{Problems, parse_yaml};

    use super::*;

    fn written(value: &Json) -> String {
        let mut out = String::new();
        entry(&mut out, 0, "a", value);
        out
    }

    #[track_caller]
    fn check(json: &str, expect: &str) {
        let value: Json = serde_json::from_str(json).unwrap();
        assert_eq!(written(&value), expect);
        assert_eq!(read(expect).unwrap()["a"].to_string(), value.to_string());
    }

    #[test]
    fn what_yaml_would_misread_is_quoted() {
        check(
            r#"["yes", "No", "~", "", "1", "0x1F", "1_000", "2024-01-01", ".5", "a: b", "- a"]"#,
            "a: [\"yes\", \"No\", \"~\", \"\", \"1\", \"0x1F\", \"1_000\", \"2024-01-01\", \".5\", \"a: b\", \"- a\"]\n",
        );
        check(
            r##"["#x", "<<", "*a", "&a", "!x", "中文", "{x}", "a\u0000b", "\ufeff"]"##,
            "a: [\"#x\", \"<<\", \"*a\", \"&a\", \"!x\", 中文, \"{x}\", \"a\\U00000000b\", \"\\U0000feff\"]\n",
        );
    }

    #[test]
    fn numbers_keep_their_text() {
        check("[0.10, 7, -7, 18446744073709551615]", "a: [!number \"0.10\", 7, -7, 18446744073709551615]\n");
        check(
            "[-0, 123456789012345678901234567890]",
            "a: [!number \"-0\", !number \"123456789012345678901234567890\"]\n",
        );
        // The flow's reader takes them for text.
        let mut problems = Problems::new("f");
        let tree = parse_yaml("a: !number \"0.10\"\n", &mut problems).unwrap();
        assert_eq!(tree.to_string(), r#"{"a":"0.10"}"#);
    }

    #[test]
    fn an_item_is_a_line() {
        check(
            r#"[{"field": "x", "value": "{y}"}, {"field": "z", "children": [{"field": "c"}]}]"#,
            "a:\n  - {field: x, value: \"{y}\"}\n  - field: z\n    children:\n      - {field: c}\n",
        );
        check(r#""REPLACE INTO t\n  (a)\n\nVALUES""#, "a: |-\n  REPLACE INTO t\n    (a)\n\n  VALUES\n");
    }

    fn values() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?".prop_map(|text| serde_json::from_str(&text).unwrap()),
            any::<String>().prop_map(Json::String),
            "[-a-zA-Z0-9 :#\"'{}\\[\\],&*!|>%@`\n\t?~.]{0,40}".prop_map(Json::String),
            "([a-z (),]{0,30}\n){0,4}[a-z]{0,200}".prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                collection::vec(("[-a-z:# \"'?]{0,8}|.{0,8}", inner), 0..6)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_is_read_back(value in values()) {
            let text = written(&value);
            let read = read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(read["a"].to_string(), value.to_string(), "{}", text);
        }
    }
}
