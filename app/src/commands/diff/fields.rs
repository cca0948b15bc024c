//! Two bodies of one document, field by field. Pure.

use weir_model::Json;

/// A value that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// Which field of the flow it is: its path without the numbers of entries.
    pub field: String,
    /// Where the value stands in this document.
    pub place: String,
    /// What the old mapping gives; `None` for nothing.
    pub old: Option<Json>,
    /// What the new mapping gives; `None` for nothing.
    pub new: Option<Json>,
}

/// A body as it is compared: a document as it is, rows of a table by the names of their columns.
pub fn tree(body: &[u8], columns: Option<&[String]>) -> Json {
    let body = serde_json::from_slice(body)
        .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(body).into_owned()));
    match columns {
        Some(columns) => weir_cases::by_column(columns, &body).into_iter().map(Json::Object).collect(),
        None => body,
    }
}

/// What differs between two trees. Entries of a list are compared by their places; that one list has more of them is a
/// difference of the list itself, whose values are then their numbers.
pub fn differences(old: &Json, new: &Json) -> Vec<FieldChange> {
    let mut found = Vec::new();
    walk(&Path::default(), Some(old), Some(new), &mut found);
    found
}

/// A way into a tree.
#[derive(Clone, Debug, Default)]
struct Path {
    field: String,
    place: String,
}

impl Path {
    fn key(&self, key: &str) -> Self {
        let under = |path: &str| {
            if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
        };
        Self { field: under(&self.field), place: under(&self.place) }
    }

    fn entry(&self, index: usize) -> Self {
        // Rows of a table are the whole document: their columns are named without it.
        let field = if self.field.is_empty() { String::new() } else { format!("{}[]", self.field) };
        Self { field, place: format!("{}[{index}]", self.place) }
    }
}

fn walk(path: &Path, old: Option<&Json>, new: Option<&Json>, found: &mut Vec<FieldChange>) {
    match (old, new) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            for (key, value) in new {
                walk(&path.key(key), old.get(key), Some(value), found);
            }
            for (key, value) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
                walk(&path.key(key), Some(value), None, found);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                walk(&path.entry(index), Some(old), Some(new), found);
            }
            if old.len() != new.len() {
                let (old, new) = (Json::from(old.len()), Json::from(new.len()));
                let field = format!("{}[]", path.field);
                found.push(FieldChange {
                    field,
                    place: format!("{}[]", path.place),
                    old: Some(old),
                    new: Some(new),
                });
            }
        }
        (old, new) if old == new => {}
        (old, new) => {
            let Path { field, place } = path.clone();
            found.push(FieldChange { field, place, old: old.cloned(), new: new.cloned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(old: &Json, new: &Json) -> Vec<(String, String)> {
        let text = |value: Option<Json>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        differences(old, new)
            .into_iter()
            .map(|change| {
                (
                    format!("{} at {}", change.field, change.place),
                    format!("{} {}", text(change.old), text(change.new)),
                )
            })
            .collect()
    }

    fn pair(one: &str, other: &str) -> (String, String) {
        (one.to_owned(), other.to_owned())
    }

    #[test]
    fn values_are_found_by_their_paths_and_entries_by_their_places() {
        let old = json!({"FNumber": "1", "FEntity": [{"FPrice": 1.10}, {"FPrice": 2, "FNote": "x"}], "FOrg": {"FNumber": "A"}});
        let new = json!({"FNumber": "1", "FEntity": [{"FPrice": 1.10}, {"FPrice": 3}], "FOrg": {"FNumber": "B", "FName": "b"}});
        assert_eq!(
            told(&old, &new),
            [
                pair("FEntity[].FPrice at FEntity[1].FPrice", "2 3"),
                pair("FEntity[].FNote at FEntity[1].FNote", "\"x\" -"),
                pair("FOrg.FNumber at FOrg.FNumber", "\"A\" \"B\""),
                pair("FOrg.FName at FOrg.FName", "- \"b\""),
            ]
        );
        assert!(told(&old, &old).is_empty());
    }

    #[test]
    fn more_entries_are_one_difference() {
        let (old, new) = (json!({"rows": [1, 2]}), json!({"rows": [1, 2, 3, 4]}));
        assert_eq!(told(&old, &new), [pair("rows[] at rows[]", "2 4")]);
    }

    #[test]
    fn rows_are_told_by_their_columns() {
        let columns = ["id".to_owned(), "price".to_owned()];
        let old = tree(br#"{"rows":[[1,"0.10"],[2,"5"]]}"#, Some(&columns));
        let new = tree(br#"{"rows":[[1,"0.10"],[2,"6"]]}"#, Some(&columns));
        assert_eq!(told(&old, &new), [pair("price at [1].price", "\"5\" \"6\"")]);
    }
}
