//! Reference rows: what a lookup asks, how a row answers, and the name of a row that is not there.
//!
//! Tables on disk, rows of a test and a running collection all answer through these functions, so that they agree
//! about what equals what.

use std::{collections::BTreeMap, time::Duration};

use thiserror::Error;

use crate::Json;

/// Reference rows by equality of fields.
///
/// Implementations hold the rows at hand: an evaluation does no I/O over a network and waits for nothing.
pub trait Lookups: Send + Sync {
    /// The answer of the first row that matches; `None` when no row does. The first is the one with the smallest id,
    /// so that every process gives the same answer.
    ///
    /// # Errors
    /// The collection cannot be read, or is not declared.
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError>;
}

/// A question to a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<'q> {
    /// The collection's name.
    pub collection: &'q str,
    /// The wanted field, see [`field_of`].
    pub field: &'q str,
    /// Fields and the texts they must equal, all of them.
    pub conditions: Vec<(&'q str, String)>,
}

impl Query<'_> {
    /// The name of the row that is asked for, the same for the same question: `shop_no=S01`.
    pub fn reference(&self) -> String {
        reference(self.conditions.iter().map(|(field, value)| (*field, value.as_str())))
    }
}

/// What a collection answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The field's text; empty where the row has no such field.
    pub text: String,
    /// Whether more than one row matches.
    pub several: bool,
}

/// A collection cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The row is needed and not there. The flow's `on_missing` made an error of it.
    #[error("the collection {} has no row with {}", .0.collection, .0.reference)]
    Missing(Missing),
    /// Several rows match where the flow wants one.
    #[error("several rows of the collection {collection} match {reference}")]
    Several {
        /// The collection.
        collection: String,
        /// What was looked up.
        reference: String,
    },
    /// The rows cannot be had.
    #[error("{0}")]
    Unreadable(String),
}

/// A row that a record needs and that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The collection.
    pub collection: String,
    /// The fields and values that were looked up, as [`Query::reference`] writes them.
    pub reference: String,
    /// How long the record waits for it; `None` refuses it at once.
    pub wait_max: Option<Duration>,
}

/// Fields by which a collection is looked up; a table keeps an index for each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupIndex {
    /// The collection.
    pub collection: String,
    /// The fields, sorted.
    pub fields: Vec<String>,
}

/// The name of a row by fields and values: sorted, so that the order of conditions does not matter.
pub fn reference<'a>(conditions: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut parts: Vec<String> = conditions
        .into_iter()
        .map(|(field, value)| format!("{field}={}", value.replace('\\', "\\\\").replace(" and ", "\\ and ")))
        .collect();
    parts.sort_unstable();
    parts.join(" and ")
}

/// The text of a row's field: the key as written, else the path that `_` or `.` separates (contract qeasy-metadata
/// §4: nested fields are named with `_` for `.`). `None` for what is absent, null, an object or a list.
pub fn field_of(row: &Json, field: &str) -> Option<String> {
    let text = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    if let Some(value) = row.get(field) {
        return text(value);
    }
    field.match_indices(['_', '.']).find_map(|(at, separator)| {
        let inner = row.get(field.get(..at)?)?;
        inner.is_object().then(|| field_of(inner, field.get(at + separator.len()..)?)).flatten()
    })
}

/// The name under which records wait for this row, by the fields of an index. `None` when the row lacks one of them.
pub fn reference_of(row: &Json, fields: &[String]) -> Option<String> {
    let values: Option<Vec<String>> = fields.iter().map(|field| field_of(row, field)).collect();
    let values = values?;
    Some(reference(fields.iter().map(String::as_str).zip(values.iter().map(String::as_str))))
}

/// No collections at all: every lookup fails.
#[derive(Clone, Copy, Debug)]
pub struct NoLookups;

impl Lookups for NoLookups {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        Err(LookupError::Unreadable(format!("collection {:?} is not at hand", query.collection)))
    }
}

/// A few rows in memory: for tests of flows and for a look at one record.
#[derive(Clone, Debug, Default)]
pub struct MemoryRows(BTreeMap<String, Vec<Json>>);

impl MemoryRows {
    /// No rows of no collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a collection's rows, the first to be found first.
    pub fn insert(&mut self, collection: impl Into<String>, rows: Vec<Json>) {
        self.0.insert(collection.into(), rows);
    }
}

impl Lookups for MemoryRows {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        let Some(rows) = self.0.get(query.collection) else { return NoLookups.find(query) };
        let fits = |row: &&Json| {
            query.conditions.iter().all(|(field, value)| field_of(row, field).as_deref() == Some(value))
        };
        let mut fitting = rows.iter().filter(fits);
        let Some(row) = fitting.next() else { return Ok(None) };
        let text = field_of(row, query.field).unwrap_or_default();
        Ok(Some(Found { text, several: fitting.next().is_some() }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_fields_are_named_with_underscores() {
        let row = r#"{"FMaterialId":{"FNumber":"M1"},"a_b":1.50,"a":{"b":2},"n":null}"#;
        let row: Json = serde_json::from_str(row).unwrap();
        assert_eq!(field_of(&row, "FMaterialId_FNumber").as_deref(), Some("M1"));
        assert_eq!(field_of(&row, "FMaterialId.FNumber").as_deref(), Some("M1"));
        assert_eq!(field_of(&row, "a_b").as_deref(), Some("1.50"));
        assert_eq!([field_of(&row, "n"), field_of(&row, "a"), field_of(&row, "_")], [None, None, None]);
    }

    #[test]
    fn a_row_and_a_question_name_the_same_reference() {
        let fields = ["no".to_owned(), "status".to_owned()];
        let row = json!({"status": "A and b=1", "no": 7});
        let query = Query {
            collection: "c",
            field: "x",
            conditions: vec![("status", "A and b=1".into()), ("no", "7".into())],
        };
        assert_eq!(reference_of(&row, &fields), Some(query.reference()));
        assert_ne!(query.reference(), reference([("status", "A"), ("b", "1"), ("no", "7")]));
        assert_eq!(reference_of(&json!({"no": 7}), &fields), None);
    }

    #[test]
    fn the_first_fitting_row_answers() {
        let mut rows = MemoryRows::new();
        rows.insert("shops", vec![json!({"no": "1", "name": "a"}), json!({"no": 1, "name": "b"})]);
        let query = |value: &str| Query {
            collection: "shops",
            field: "name",
            conditions: vec![("no", value.to_owned())],
        };
        assert_eq!(rows.find(&query("1")), Ok(Some(Found { text: "a".into(), several: true })));
        assert_eq!(rows.find(&query("2")), Ok(None));
        let unknown = Query { collection: "products", ..query("1") };
        assert!(rows.find(&unknown).is_err());
    }
}
