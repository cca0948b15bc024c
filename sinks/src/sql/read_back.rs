//! Reading rows back, to compare them with what was delivered: all rows of a day, or those under some keys (design §8).
//! What is asked is text built of checked names; values are bound.

use std::{borrow::Cow, collections::BTreeMap};

use async_trait::async_trait;
use jiff::{civil::Date, tz::TimeZone};
use weir_model::{
    document::{Document, join_key, split_key},
    figures::{Cells, Paths},
    flow::ColumnType,
    outcome::Refusal,
    settings::{Localized, Problems},
    target::{Holding, ReadBack, TargetError},
};

use super::{
    classify::{Failure, codes},
    config::{Server, TableSettings},
    database::{Database, Row},
    statement::{Dialect, is_key},
    value::{Value, read_body},
};
use crate::Setup;

/// Rows of one answer when a day is listed.
const PAGE_ROWS: usize = 5_000;
/// Keys of one question.
const KEYS: usize = 500;

/// The table of a flow, as it is read back.
pub struct SqlReadBack {
    database: Database,
    settings: TableSettings,
    paths: Paths,
    /// Columns that are read: the key's first, then those that count.
    read: Vec<String>,
    /// Those of the key by which rows are one holding: the record key, else the whole key.
    held_by: Vec<String>,
}

/// A row by the names of its columns.
struct Named<'r> {
    names: &'r [String],
    values: Vec<Option<String>>,
}

impl Cells for Named<'_> {
    fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
        let place = self.names.iter().position(|name| name.eq_ignore_ascii_case(field))?;
        self.values.get(place)?.as_deref().map(Cow::Borrowed)
    }
}

impl SqlReadBack {
    /// Reads the settings; connects to nothing. `None` when they have errors, or the flow runs statements of its own, whose
    /// rows nobody can tell.
    pub fn build(
        setup: &Setup<'_>,
        dialect: Dialect,
        paths: &Paths,
        problems: &mut Problems,
    ) -> Option<Self> {
        if setup.target.runs_statements() {
            let message = Localized::new(
                "execute 的自有语句无法读回，不能对账",
                "statements of the flow's own (execute) cannot be read back, so nothing can be compared",
            );
            problems.error("target.metadata", message);
            return None;
        }
        let mut found = Problems::new("");
        let settings = TableSettings::read(setup.target, dialect, &mut found);
        let server = Server::read(dialect, setup.connection, setup.connection_path, &mut found);
        let has_errors = found.has_errors();
        problems.append(found);
        let server = server.filter(|_| !has_errors)?;
        let mut read = settings.key.clone();
        for (_, field) in paths.named() {
            if !is_key(&read, field) {
                read.push(field.to_owned());
            }
        }
        let held_by = settings.record_key.clone();
        let held_by = if held_by.is_empty() { settings.key.clone() } else { held_by };
        Some(Self { database: Database::open(server), settings, paths: paths.clone(), read, held_by })
    }

    /// `SELECT` of what is read, every value as text, so that decimals stay exact (invariant 5).
    fn select(&self) -> String {
        let dialect = self.database.dialect();
        let text = if dialect == Dialect::MySql { "CHAR" } else { "TEXT" };
        let columns: Vec<String> =
            self.read.iter().map(|name| format!("CAST({} AS {text})", dialect.quote(name))).collect();
        format!("SELECT {} FROM {}", columns.join(", "), dialect.quote(&self.settings.table.table))
    }

    fn names(&self, names: &[String]) -> String {
        let dialect = self.database.dialect();
        names.iter().map(|name| dialect.quote(name)).collect::<Vec<_>>().join(", ")
    }

    /// A key's value as it is bound: a number as a number, so that no index is passed over and no digit lost.
    fn bound<'v>(&self, column: &str, text: &'v str) -> Value<'v> {
        let kind = self.settings.table.columns.iter().find(|known| known.name.eq_ignore_ascii_case(column));
        match kind.map(|column| column.kind) {
            Some(ColumnType::BigInt | ColumnType::Int | ColumnType::Bool) => match text.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Text(Cow::Borrowed(text)),
            },
            _ => Value::Text(Cow::Borrowed(text)),
        }
    }

    fn named(&self, row: &Row) -> Result<Named<'_>, Failure> {
        let values = (0..self.read.len()).map(|place| row.text(place)).collect::<Result<_, _>>()?;
        Ok(Named { names: &self.read, values })
    }

    /// The holdings that rows make.
    fn holdings(&self, rows: Vec<Named<'_>>) -> Result<Vec<Holding>, Refusal> {
        let mut by_key: BTreeMap<String, Vec<Named<'_>>> = BTreeMap::new();
        for row in rows {
            let parts: Vec<String> =
                self.held_by.iter().map(|name| row.cell(name).unwrap_or_default().into_owned()).collect();
            by_key.entry(join_key(parts.iter().map(String::as_str))).or_default().push(row);
        }
        let holding = |(key, rows): (String, Vec<Named<'_>>)| {
            let figures = self
                .paths
                .of_rows(&rows, &TimeZone::UTC)
                .map_err(|error| Refusal::new(codes::VALUE, format!("{key}: {error}")))?;
            Ok(Holding { key, figures })
        };
        by_key.into_iter().map(holding).collect()
    }

    /// The rows of a day, page after page in the order of the key.
    async fn rows_of(&self, day: &str, from: Date, until: Date) -> Result<Vec<Named<'_>>, Failure> {
        let dialect = self.database.dialect();
        let key = self.names(&self.settings.key);
        let day = dialect.quote(day);
        let (from, until) = (from.to_string(), until.to_string());
        let marks = vec!["?"; self.settings.key.len()].join(", ");
        let mut rows: Vec<Named<'_>> = Vec::new();
        loop {
            let mut values =
                vec![Value::Text(Cow::Borrowed(from.as_str())), Value::Text(Cow::Borrowed(until.as_str()))];
            let mut after = String::new();
            if let Some(last) = rows.last() {
                after = format!(" AND ({key}) > ({marks})");
                let last = self.settings.key.iter().zip(&last.values);
                values.extend(last.map(|(name, text)| self.bound(name, text.as_deref().unwrap_or_default())));
            }
            let sql = format!(
                "{} WHERE {day} >= ? AND {day} < ?{after} ORDER BY {key} LIMIT {PAGE_ROWS}",
                self.select()
            );
            let page = self.database.fetch(&sql, &values).await?;
            let page: Vec<Named<'_>> = page.iter().map(|row| self.named(row)).collect::<Result<_, _>>()?;
            let is_last = page.len() < PAGE_ROWS;
            rows.extend(page);
            if is_last {
                return Ok(rows);
            }
        }
    }

    async fn rows_under(&self, keys: &[String]) -> Result<Vec<Named<'_>>, Failure> {
        let marks = format!("({})", vec!["?"; self.held_by.len()].join(", "));
        let marks = vec![marks.as_str(); keys.len()].join(", ");
        let sql = format!(
            "{} WHERE ({}) IN ({marks}) ORDER BY {}",
            self.select(),
            self.names(&self.held_by),
            self.names(&self.settings.key)
        );
        let parts: Vec<Vec<String>> = keys.iter().map(|key| split_key(key)).collect();
        let values = parts.iter().flat_map(|parts| {
            self.held_by.iter().enumerate().map(|(place, name)| {
                self.bound(name, parts.get(place).map(String::as_str).unwrap_or_default())
            })
        });
        let rows = self.database.fetch(&sql, &values.collect::<Vec<_>>()).await?;
        rows.iter().map(|row| self.named(row)).collect()
    }
}

#[async_trait]
impl ReadBack for SqlReadBack {
    fn expected(&self, document: &Document) -> Result<Vec<Holding>, Refusal> {
        let columns = &self.settings.table.columns;
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let values = read_body(&document.body, columns)?;
        let text = |value: &Value<'_>| match value {
            Value::Null => None,
            Value::Integer(number) => Some(number.to_string()),
            Value::Text(text) => Some(text.clone().into_owned()),
        };
        let rows = values.chunks(columns.len().max(1));
        self.holdings(
            rows.map(|row| Named { names: &names, values: row.iter().map(text).collect() }).collect(),
        )
    }

    fn holding_key(&self, document_key: &str) -> String {
        let parts = split_key(document_key);
        let held = self.held_by.iter().filter_map(|name| {
            let place = self.settings.key.iter().position(|key| key.eq_ignore_ascii_case(name))?;
            parts.get(place).map(String::as_str)
        });
        join_key(held)
    }

    async fn find(&self, keys: &[String]) -> Result<Vec<Holding>, TargetError> {
        let mut found = Vec::new();
        for keys in keys.chunks(KEYS) {
            found.extend(self.holdings(self.rows_under(keys).await?).map_err(TargetError::Halted)?);
        }
        Ok(found)
    }

    async fn list(&self, from: Date, until: Date) -> Result<Option<Vec<Holding>>, TargetError> {
        let Some(day) = self.paths.day.as_deref() else { return Ok(None) };
        let rows = self.rows_of(day, from, until).await?;
        Ok(Some(self.holdings(rows).map_err(TargetError::Halted)?))
    }
}
