//! What differs between the JSON that was expected and the JSON that came, path by path.
//!
//! Numbers are compared by their text: `0.1` is not `0.10` (invariant 5).

use weir_model::{Json, settings::Localized};

/// One place where a result is not what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, such as `FEntity[0].FQty`; empty for the result as a whole.
    pub path: String,
    /// What should be there.
    pub expected: Localized,
    /// What is there.
    pub got: Localized,
}

impl Difference {
    /// A difference whose two sides read the same in every language.
    pub fn of_texts(path: impl Into<String>, expected: &str, got: &str) -> Self {
        let both = |text: &str| Localized::new(text, text);
        Self { path: path.into(), expected: both(expected), got: both(got) }
    }
}

/// Whether what came may hold more keys than what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The same keys and no other.
    Exact,
    /// At least these keys. Lists have the same length all the same, so that a lost line is seen.
    AtLeast,
}

/// Compares two values; `path` is where they stand.
pub fn compare(path: &str, expected: &Json, got: &Json, keys: Keys, differences: &mut Vec<Difference>) {
    match (expected, got) {
        (Json::Object(wanted), Json::Object(found)) => {
            for (key, value) in wanted {
                let path = join(path, key);
                match found.get(key) {
                    Some(got) => compare(&path, value, got, keys, differences),
                    None => differences.push(absent(path, value)),
                }
            }
            for (key, value) in
                found.iter().filter(|(key, _)| keys == Keys::Exact && !wanted.contains_key(*key))
            {
                differences.push(surplus(join(path, key), value));
            }
        }
        (Json::Array(wanted), Json::Array(found)) => {
            for index in 0..wanted.len().max(found.len()) {
                let path = format!("{path}[{index}]");
                match (wanted.get(index), found.get(index)) {
                    (Some(expected), Some(got)) => compare(&path, expected, got, keys, differences),
                    (Some(expected), None) => differences.push(absent(path, expected)),
                    (None, Some(got)) => differences.push(surplus(path, got)),
                    (None, None) => {}
                }
            }
        }
        _ if expected == got => {}
        _ => differences.push(Difference::of_texts(path, &expected.to_string(), &got.to_string())),
    }
}

/// Compares the rows of a table by column. A column that is not named must be NULL under [`Keys::Exact`].
///
/// Cells are compared by their text: a column has one type, so `"12.50"` can stand for the number 12.50, which YAML
/// cannot write.
pub fn compare_rows(
    expected: &[serde_json::Map<String, Json>],
    got: &[serde_json::Map<String, Json>],
    keys: Keys,
    differences: &mut Vec<Difference>,
) {
    for index in 0..expected.len().max(got.len()) {
        let path = format!("rows[{index}]");
        match (expected.get(index), got.get(index)) {
            (Some(expected), Some(got)) => compare_row(&path, expected, got, keys, differences),
            (Some(expected), None) => differences.push(absent(path, &Json::Object(expected.clone()))),
            (None, Some(got)) => differences.push(surplus(path, &Json::Object(got.clone()))),
            (None, None) => {}
        }
    }
}

fn compare_row(
    path: &str,
    expected: &serde_json::Map<String, Json>,
    got: &serde_json::Map<String, Json>,
    keys: Keys,
    differences: &mut Vec<Difference>,
) {
    for (column, value) in expected {
        match got.get(column) {
            Some(found) if cell_text(found) == cell_text(value) => {}
            Some(found) => {
                differences.push(Difference::of_texts(
                    join(path, column),
                    &value.to_string(),
                    &found.to_string(),
                ));
            }
            None => differences.push(Difference {
                path: join(path, column),
                expected: same(value),
                got: Localized::new("表中没有这一列", "the table has no such column"),
            }),
        }
    }
    for (column, value) in got
        .iter()
        .filter(|(column, value)| keys == Keys::Exact && !value.is_null() && !expected.contains_key(*column))
    {
        differences.push(Difference::of_texts(join(path, column), "null", &value.to_string()));
    }
}

/// `None` for NULL, which no text equals.
fn cell_text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn absent(path: String, expected: &Json) -> Difference {
    Difference { path, expected: same(expected), got: Localized::new("没有", "nothing") }
}

fn surplus(path: String, got: &Json) -> Difference {
    Difference { path, expected: Localized::new("没有", "nothing"), got: same(got) }
}

fn same(value: &Json) -> Localized {
    Localized::new(value.to_string(), value.to_string())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(expected: &str, got: &str, keys: Keys) -> Vec<String> {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        let mut found = Vec::new();
        compare("", &read(expected), &read(got), keys, &mut found);
        found.iter().map(|d| format!("{}: {} ≠ {}", d.path, d.expected.en, d.got.en)).collect()
    }

    #[test]
    fn every_path_that_differs_is_told() {
        let expected = r#"{"a":1,"b":{"c":"x","d":null},"e":[1,2]}"#;
        let got = r#"{"b":{"c":"y","d":null,"f":true},"a":"1","e":[1,2,3]}"#;
        assert_eq!(
            differences(expected, got, Keys::Exact),
            ["a: 1 ≠ \"1\"", "b.c: \"x\" ≠ \"y\"", "b.f: nothing ≠ true", "e[2]: nothing ≠ 3"]
        );
        assert_eq!(differences(expected, expected, Keys::Exact), Vec::<String>::new());
    }

    #[test]
    fn numbers_are_compared_by_their_text() {
        assert_eq!(differences("0.10", "0.1", Keys::AtLeast), [": 0.10 ≠ 0.1"]);
        let long = "123456789012345678901234567890.10";
        assert!(differences(long, long, Keys::Exact).is_empty());
    }

    #[test]
    fn a_subset_may_leave_keys_out_but_no_lines() {
        assert!(differences(r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2},"d":3}"#, Keys::AtLeast).is_empty());
        assert_eq!(
            differences(r#"{"l":[{}]}"#, r#"{"l":[{"a":1},{}]}"#, Keys::AtLeast),
            ["l[1]: nothing ≠ {}"]
        );
        assert_eq!(differences(r#"{"a":1}"#, "{}", Keys::AtLeast), ["a: 1 ≠ nothing"]);
    }

    #[test]
    fn cells_are_compared_by_text_and_unnamed_ones_are_null() {
        let row = |value: Json| vec![value.as_object().unwrap().clone()];
        let got = vec![
            serde_json::from_str::<Json>(r#"{"price":12.50,"name":"a","note":null,"extra":1}"#)
                .unwrap()
                .as_object()
                .unwrap()
                .clone(),
        ];
        let mut found = Vec::new();
        compare_rows(&row(json!({"price": "12.50", "name": "a", "extra": 1})), &got, Keys::Exact, &mut found);
        assert_eq!(found, []);
        compare_rows(&row(json!({"price": "12.5", "nam": "a"})), &got, Keys::Exact, &mut found);
        let paths: Vec<&str> = found.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["rows[0].price", "rows[0].nam", "rows[0].name", "rows[0].extra"]);
        found.clear();
        compare_rows(&row(json!({"price": "12.50"})), &got, Keys::AtLeast, &mut found);
        assert_eq!(found, []);
    }
}
