//! Rows that the newest state of their record lacks, such as the removed lines of a refund: deleted in the transaction
//! that writes the others (contract decisions, "旺店通"). Pure.

use weir_model::outcome::Refusal;

use super::{
    classify::codes,
    config::TableSettings,
    statement::{Dialect, delete_others, is_key},
    value::Value,
};

/// How a record's orphans are found.
#[derive(Clone, Debug)]
pub(super) struct Orphans {
    dialect: Dialect,
    table: String,
    /// Columns of a row.
    width: usize,
    /// Key columns that all rows of a record share, with their places in a row.
    shared: Keys,
    /// The other key columns.
    own: Keys,
}

#[derive(Clone, Debug, Default)]
struct Keys {
    names: Vec<String>,
    places: Vec<usize>,
}

impl Keys {
    fn values<'v, 'a>(&self, row: &'v [Value<'a>]) -> impl Iterator<Item = &'v Value<'a>> {
        self.places.iter().filter_map(|place| row.get(*place))
    }
}

impl Orphans {
    /// For the flow's table; `None` when its orphans stay.
    pub(super) fn new(dialect: Dialect, settings: &TableSettings) -> Option<Self> {
        let TableSettings { table, key, orphans_of, .. } = settings;
        let (mut shared, mut own) = (Keys::default(), Keys::default());
        for (place, column) in
            table.columns.iter().enumerate().filter(|(_, column)| is_key(key, &column.name))
        {
            let keys = if is_key(orphans_of, &column.name) { &mut shared } else { &mut own };
            keys.names.push(column.name.clone());
            keys.places.push(place);
        }
        let width = table.columns.len().max(1);
        (!orphans_of.is_empty()).then(|| Self { dialect, table: table.table.clone(), width, shared, own })
    }

    /// Refuses a document whose rows are not of one record, or too many to name in one statement.
    pub(super) fn check(&self, values: &[Value<'_>]) -> Result<(), Refusal> {
        let mut rows = values.chunks(self.width);
        let Some(first) = rows.next() else { return Ok(()) };
        let count = rows.len() + 1;
        if rows.any(|row| !self.shared.values(row).eq(self.shared.values(first))) {
            let names = self.shared.names.join(", ");
            let message = format!("the document's rows differ in {names}, the record_key of the flow");
            return Err(Refusal::new(codes::BODY, message).at(names));
        }
        let bound = self.shared.places.len() + count * self.own.places.len();
        let most = self.dialect.most_values();
        if bound > most {
            let message = format!(
                "the document has {count} rows: to delete the others takes {bound} values, a statement binds {most}; \
                 set orphans: keep"
            );
            return Err(Refusal::new(codes::TOO_LARGE, message));
        }
        Ok(())
    }

    /// The statement that deletes the rows that a document's record no longer has, with its values; `None` for a
    /// document without rows.
    pub(super) fn delete<'a>(&self, values: &[Value<'a>]) -> Option<(String, Vec<Value<'a>>)> {
        let rows = values.chunks(self.width);
        let count = rows.len();
        let first = rows.clone().next()?;
        let statement = delete_others(self.dialect, &self.table, &self.shared.names, &self.own.names, count);
        let bound = self.shared.values(first).chain(rows.flat_map(|row| self.own.values(row)));
        Some((statement, bound.cloned().collect()))
    }
}
