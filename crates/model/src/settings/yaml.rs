//! YAML (and with it JSON) text to a tree. Duplicate keys are refused.

use super::{Localized, Problems};
use crate::Json;

/// Reads `text`; a syntax error is put into `problems` with line and column.
///
/// Only `true` and `false` are booleans, as in YAML 1.2: `no` and `y` are names of columns.
pub fn parse_yaml(text: &str, problems: &mut Problems) -> Option<Json> {
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Json>(text, options) {
        Ok(tree) => Some(tree),
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
