//! What a reference row is found by: the texts of its fields, as `model::lookup` reads them.

use std::sync::Arc;

use weir_kafka::Indexer;
use weir_model::{Json, lookup::field_of};

/// The indexes of a collection: the fields of each.
pub(super) struct FieldIndexes(pub(super) Arc<[Vec<String>]>);

impl Indexer for FieldIndexes {
    fn entries(&self, row: &[u8], entry: &mut dyn FnMut(u16, &[&str])) {
        // A row that is no JSON has no fields to be found by.
        let Ok(row) = serde_json::from_slice::<Json>(row) else { return };
        for (number, fields) in (0..).zip(self.0.iter()) {
            let values: Option<Vec<String>> = fields.iter().map(|field| field_of(&row, field)).collect();
            let Some(values) = values else { continue };
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            entry(number, &values);
        }
    }
}
