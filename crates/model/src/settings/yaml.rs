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
            let at = error.location().map(|l| format!("line {}, column {}", l.line(), l.column()));
            let detail = error.to_string();
            let detail = detail.lines().next().unwrap_or_default();
            problems.error(
                at.unwrap_or_default(),
                Localized::new(format!("不是有效的 YAML：{detail}"), format!("not valid YAML: {detail}")),
            );
            None
        }
    }
}

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

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Err(E::custom(format_args!("put the number {number} in quotes, as text it keeps every digit")))
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
