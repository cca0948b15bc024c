//! What the columns that the statements write to would change without a word: digits and fractions of a second that
//! MySQL rounds off even in its strict mode (invariant 5). SQLite changes nothing that a text column keeps.

use std::collections::HashMap;

use weir_model::decimal::Decimal;

use super::Execute;
use crate::sql::{
    classify::{Failure, codes},
    database::Database,
    inspect::{StoredColumn, stored_table},
    statement::Dialect,
    value::{Value, fraction_digits},
};

/// Columns by the place of the statement and the name of the value that goes into them.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    of_name: HashMap<(usize, String), Vec<(String, Keeps)>>,
}

/// How much of a value a column keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// So many digits after the point.
    Digits(u64),
    /// So many digits of a second.
    Fraction(u64),
    /// No time of day.
    Day,
}

impl Columns {
    /// The column that would not hold the value unchanged, and why.
    pub(super) fn would_change(
        &self,
        step: usize,
        name: &str,
        value: &Value<'_>,
    ) -> Option<(&str, &'static str)> {
        let Value::Text(text) = value else { return None };
        let columns = self.of_name.get(&(step, name.to_owned()))?;
        columns.iter().find_map(|(column, keeps)| Some((column.as_str(), keeps.would_change(text)?)))
    }
}

impl Keeps {
    fn of(column: &StoredColumn) -> Option<Self> {
        match column.kind.as_str() {
            "decimal" => Some(Self::Digits(column.scale.unwrap_or_default())),
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" => Some(Self::Digits(0)),
            "datetime" | "timestamp" | "time" => Some(Self::Fraction(column.fraction.unwrap_or_default())),
            "date" => Some(Self::Day),
            _ => None,
        }
    }

    /// Why the column would change the text. What it cannot read at all the server refuses by itself.
    fn would_change(self, text: &str) -> Option<&'static str> {
        match self {
            Self::Digits(scale) => {
                let number: Decimal = text.trim().parse().ok()?;
                let changed = number.trimmed().scale() > i64::try_from(scale).unwrap_or(i64::MAX);
                changed.then_some("it has too many digits after the point")
            }
            Self::Fraction(digits) => {
                let changed = u64::try_from(fraction_digits(text)).is_ok_and(|there| there > digits);
                changed.then_some("its fraction of a second has too many digits")
            }
            Self::Day => {
                let time = text.trim().get(10..).unwrap_or_default();
                let changed = time.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
                changed.then_some("it has a time of day")
            }
        }
    }
}

impl Execute {
    /// Tries the statements on the server without running them, and learns what their columns hold; what will not work
    /// comes back as lines for a person.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(in crate::sql) async fn make_ready(&self, database: &Database) -> Result<Vec<String>, Failure> {
        let mut problems = Vec::new();
        let mut columns = Columns::default();
        for (place, step) in self.steps.iter().enumerate() {
            let name = &step.name;
            match database.prepare(&step.statement.text).await {
                Ok(()) => {}
                Err(Failure::Halted(cause)) if cause.code == codes::LOGIN => {
                    return Err(Failure::Halted(cause));
                }
                Err(Failure::Halted(cause) | Failure::Unclear(cause) | Failure::Refused(cause)) => {
                    problems.push(format!("the server refuses {name}: {}", cause.message));
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            for table in &step.statement.tables {
                let Some(stored) = stored_table(database, table).await? else { continue };
                if let Some(engine) = &stored.unsafe_engine {
                    problems.push(format!(
                        "{name}: table {table} is stored by {engine}, which has no transactions: ALTER TABLE … \
                         ENGINE=InnoDB"
                    ));
                }
                if database.dialect() == Dialect::MySql {
                    columns.learn(place, &step.statement.columns, &stored.columns);
                }
            }
        }
        if problems.is_empty() {
            // A probe may have learnt them before.
            let _ = self.columns.set(columns);
        }
        Ok(problems)
    }

    /// The tables that the statements name, for a report.
    pub(in crate::sql) fn tables(&self) -> Vec<&str> {
        let mut tables: Vec<&str> =
            self.steps.iter().flat_map(|step| &step.statement.tables).map(String::as_str).collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }
}

impl Columns {
    fn learn(&mut self, step: usize, written: &[(String, String)], stored: &[StoredColumn]) {
        for (name, column) in written {
            let found = stored.iter().find(|stored| stored.name.eq_ignore_ascii_case(column));
            if let Some(keeps) = found.and_then(Keeps::of) {
                self.of_name.entry((step, name.clone())).or_default().push((column.clone(), keeps));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_column_would_round_off_is_told() {
        for (keeps, text, changes) in [
            (Keeps::Digits(2), "12.50", false),
            (Keeps::Digits(2), "12.500", false),
            (Keeps::Digits(2), "12.505", true),
            (Keeps::Digits(0), "3", false),
            (Keeps::Digits(0), "3.5", true),
            (Keeps::Digits(0), "abc", false),
            (Keeps::Fraction(0), "2024-01-15 10:00:00", false),
            (Keeps::Fraction(0), "2024-01-15 10:00:00.250", true),
            (Keeps::Fraction(3), "2024-01-15 10:00:00.250", false),
            (Keeps::Day, "2024-01-15", false),
            (Keeps::Day, "2024-01-15 00:00:00", false),
            (Keeps::Day, "2024-01-15 10:00:00", true),
        ] {
            assert_eq!(keeps.would_change(text).is_some(), changes, "{keeps:?} {text}");
        }
    }
}
