//! Rows of a record that was removed at its source, or that a rule leaves out: deleted in the transaction that moves the
//! offset (`on_delete: delete`, `on_leave: delete`). Pure.

use super::{
    config::TableSettings,
    statement::{Dialect, delete_rows, is_key},
    value::Value,
};

/// How the rows of a removed record are found.
#[derive(Clone, Debug)]
pub(super) struct Removal {
    statement: String,
    /// Columns of a row.
    width: usize,
    /// Places of the columns by which rows are deleted: those of the record key, else of the whole key.
    places: Vec<usize>,
}

impl Removal {
    /// For the flow's table; `None` when removed records keep their rows.
    pub(super) fn new(dialect: Dialect, settings: &TableSettings) -> Option<Self> {
        let TableSettings { table, removal_of, .. } = settings;
        let columns = table.columns.iter().enumerate().filter(|(_, column)| is_key(removal_of, &column.name));
        let (places, names): (Vec<usize>, Vec<String>) =
            columns.map(|(place, column)| (place, column.name.clone())).unzip();
        let statement = delete_rows(dialect, &table.table, &names);
        (!places.is_empty()).then(|| Self { statement, width: table.columns.len().max(1), places })
    }

    /// The statements that delete a document's rows, with their values: one for rows that share them.
    pub(super) fn deletes<'a>(&self, values: &[Value<'a>]) -> Vec<(String, Vec<Value<'a>>)> {
        let mut keys: Vec<Vec<Value<'a>>> = Vec::new();
        for row in values.chunks(self.width) {
            let key: Vec<Value<'a>> =
                self.places.iter().filter_map(|place| row.get(*place)).cloned().collect();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.into_iter().map(|key| (self.statement.clone(), key)).collect()
    }
}
