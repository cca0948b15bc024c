//! YAML (and with it JSON) text to a tree. Duplicate keys are refused, and so are numbers that would lose digits.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::{Localized, Problems};
use crate::Json;

/// Reads `text`; a syntax error is put into `problems` with line and column.
///
/// Only `true` and `false` are booleans, as in YAML 1.2: `no` and `y` are names of columns. Numbers are whole; others
/// must be quoted, for the reader of YAML would turn `0.10` and `007` into binary floats (invariant 5).
pub fn parse_yaml(text: &str, problems: &mut Problems) -> Option<Json> {
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Tree>(text, options) {
        Ok(Tree(tree)) => Some(tree),
        Err(error) => {
            let (at, place) = match error.location() {
                Some(l) => (
                    format!("line {}, column {}", l.line(), l.column()),
                    format!("error: line {} column {}: ", l.line(), l.column()),
                ),
                None => (String::new(), "error: ".to_owned()),
            };
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let (message, suggestion) = explain(first.strip_prefix(&place).unwrap_or(first));
            problems.error_with(at, message, suggestion);
            None
        }
    }
}

/// Reads `text`, which must be a mapping: a settings file that is empty or plain text is one problem, not one for every
/// key it lacks.
pub fn parse_mapping(text: &str, problems: &mut Problems) -> Option<Json> {
    let tree = parse_yaml(text, problems)?;
    if tree.is_object() {
        return Some(tree);
    }
    let message = if tree.is_null() {
        Localized::new("文件是空的", "the file is empty")
    } else {
        Localized::new("文件不是键值映射", "the file holds no keys")
    };
    problems.error_with("", message, Localized::new("第一行写 version: 1", "begin it with version: 1"));
    None
}

/// The reader's own words, turned into advice; values are left out (invariant 8).
fn explain(detail: &str) -> (Localized, Localized) {
    if detail == LOSSY {
        return (
            Localized::new("带小数点、指数或前导零的数字会丢失位数", LOSSY),
            Localized::new("加上引号，例如 \"0.10\"", "put it in quotes, such as \"0.10\""),
        );
    }
    if let Some((key, _)) =
        detail.strip_prefix("duplicate mapping key: ").and_then(|rest| rest.split_once(','))
    {
        return (
            Localized::new(format!("键 {key:?} 重复"), format!("the key {key:?} is there twice")),
            Localized::new("删除其中一个", "remove one of them"),
        );
    }
    (
        Localized::new(format!("不是有效的 YAML：{detail}"), format!("not valid YAML: {detail}")),
        Localized::new(
            "检查此处与上一行的缩进（只用空格）、括号和引号",
            "look at indentation (spaces only), brackets and quotes here and on the line before",
        ),
    )
}

/// Why a number is refused.
const LOSSY: &str = "a number with a point, an exponent or leading zeros would lose digits";

/// A tree without binary floats.
struct Tree(Json);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Self)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
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

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Err(E::custom(LOSSY))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Json, E> {
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
        let mut entries = serde_json::Map::new();
        while let Some((key, Tree(value))) = map.next_entry::<String, Tree>()? {
            entries.insert(key, value);
        }
        Ok(Json::Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_yaml_and_json() {
        let mut problems = Problems::new("x.yaml");
        let tree = parse_yaml("a: {b: [1, \"2\"]}\nz: true\n", &mut problems).unwrap();
        assert_eq!(tree, serde_json::json!({"a": {"b": [1, "2"]}, "z": true}));
        assert!(problems.list().is_empty());
    }

    #[test]
    fn short_words_are_text() {
        let mut problems = Problems::new("x.yaml");
        let tree = parse_yaml("no: [y, N, on, Off, true]", &mut problems).unwrap();
        assert_eq!(tree, serde_json::json!({"no": ["y", "N", "on", "Off", true]}));
    }

    #[test]
    fn numbers_that_would_lose_digits_are_refused() {
        for lossy in ["0.10", "007", "12345678901234567890123", "1e3"] {
            let mut problems = Problems::new("x.yaml");
            assert!(parse_yaml(&format!("a: 1\nb: {lossy}\n"), &mut problems).is_none(), "{lossy}");
            assert!(problems.list()[0].to_string().contains("in quotes"), "{:?}", problems.list());
        }
        let mut problems = Problems::new("x.yaml");
        let tree = parse_yaml("[-7, 18446744073709551615, \"0.10\", null, ~]", &mut problems).unwrap();
        assert_eq!(tree.to_string(), "[-7,18446744073709551615,\"0.10\",null,null]");
    }

    #[test]
    fn duplicate_keys_are_errors() {
        let mut problems = Problems::new("x.yaml");
        assert!(parse_yaml("a: 1\na: 2\n", &mut problems).is_none());
        assert!(problems.has_errors());
    }

    #[test]
    fn syntax_errors_name_the_line() {
        let mut problems = Problems::new("x.yaml");
        assert!(parse_yaml("a: [1,\nb: 2\n", &mut problems).is_none());
        assert!(problems.list()[0].path.starts_with("line "), "{:?}", problems.list());
    }
}
