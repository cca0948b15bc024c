//! What a change made of a JSON value, line by line.

use weir_model::Json;

/// The places that differ, each with what was there and what is.
pub fn lines(before: &Json, after: &Json) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", before, after, &mut lines);
    lines
}

fn compare(path: &str, before: &Json, after: &Json, lines: &mut Vec<String>) {
    match (before, after) {
        (Json::Object(old), Json::Object(new)) => {
            for (key, value) in old {
                let path = below(path, key);
                match new.get(key) {
                    Some(other) => compare(&path, value, other, lines),
                    None => lines.push(format!("- {path}: {value}")),
                }
            }
            let added = new.iter().filter(|(key, _)| !old.contains_key(*key));
            lines.extend(added.map(|(key, value)| format!("+ {}: {value}", below(path, key))));
        }
        (Json::Array(old), Json::Array(new)) => {
            for (index, (value, other)) in old.iter().zip(new).enumerate() {
                compare(&format!("{path}[{index}]"), value, other, lines);
            }
            let removed = old.iter().enumerate().skip(new.len());
            lines.extend(removed.map(|(index, value)| format!("- {path}[{index}]: {value}")));
            let added = new.iter().enumerate().skip(old.len());
            lines.extend(added.map(|(index, value)| format!("+ {path}[{index}]: {value}")));
        }
        (old, new) if old == new => {}
        (old, new) => lines.push(format!("  {path}: {old} → {new}")),
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before: Json =
            serde_json::from_str(r#"{"no":"1","price":0.10,"memo":"x","lines":[{"sku":"A"},{"sku":"B"}]}"#)
                .unwrap();
        let after: Json =
            serde_json::from_str(r#"{"no":"1","price":0.1,"lines":[{"sku":"C"}],"new":[1]}"#).unwrap();
        let told = [
            "  price: 0.10 → 0.1",
            "- memo: \"x\"",
            "  lines[0].sku: \"A\" → \"C\"",
            "- lines[1]: {\"sku\":\"B\"}",
            "+ new: [1]",
        ];
        assert_eq!(lines(&before, &after), told);
        assert!(lines(&before, &before.clone()).is_empty());
    }
}
