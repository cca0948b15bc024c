//! SQL text, made from names that were checked and placeholders; a value never becomes text. Pure.

use std::sync::Arc;

use weir_model::flow::{Column, ColumnType, TableSpec};

use super::config::TableSettings;

/// Values a MySQL statement may bind.
const MYSQL_MAX_VALUES: usize = 65_535;
/// Values a SQLite statement may bind.
const SQLITE_MAX_VALUES: usize = 32_766;
/// Rows per statement: more save nothing, and the server keeps every prepared statement in memory.
pub(super) const MAX_ROWS: usize = 1_000;
/// Bytes that the columns of one MySQL row may declare, with room for the others' (the server allows 65,535).
const MYSQL_ROW_BYTES: usize = 60_000;

/// Whose SQL is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MySQL and MariaDB.
    MySql,
    /// SQLite.
    Sqlite,
}

impl Dialect {
    /// The name in quotes. Names were checked by [`is_valid_identifier`]; doubling the quote is a second lock.
    pub(super) fn quote(self, name: &str) -> String {
        match self {
            Self::MySql => format!("`{}`", name.replace('`', "``")),
            Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Rows of `columns` values that fit into one statement; at least one.
    pub(super) fn rows_per_statement(self, columns: usize) -> usize {
        (self.most_values() / columns.max(1)).clamp(1, MAX_ROWS)
    }

    /// Values that one statement may bind.
    pub(super) fn most_values(self) -> usize {
        match self {
            Self::MySql => MYSQL_MAX_VALUES,
            Self::Sqlite => SQLITE_MAX_VALUES,
        }
    }
}

/// Whether `name` may name a table, column or schema: 1 to 64 characters, none of which could end a quoted name.
pub(super) fn is_valid_identifier(name: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, '`' | '"' | '\'' | '.' | '/' | '\\');
    (1..=64).contains(&name.chars().count()) && !name.contains(forbidden) && name.trim() == name
}

/// The statement that writes rows of one table, an upsert or the flow's own, in a few sizes, so that a connection
/// prepares each of them once.
#[derive(Clone, Debug)]
pub(super) struct Upsert {
    /// (rows, statement), largest first; the last one has one row.
    sizes: Vec<(usize, Arc<str>)>,
}

impl Upsert {
    /// The statements for the flow's table.
    pub(super) fn new(dialect: Dialect, settings: &TableSettings) -> Self {
        let TableSettings { table, key, main_sql, .. } = settings;
        let columns = table.columns.len();
        let limit = main_sql.as_ref().and_then(|sql| sql.limit).unwrap_or(usize::MAX);
        let largest = dialect.rows_per_statement(columns).min(limit).max(1);
        let text = |rows| match main_sql {
            Some(sql) => sql.for_rows(rows, columns),
            None => upsert(dialect, table, key, rows),
        };
        let powers = (0..usize::BITS).rev().map(|bit| 1_usize << bit).filter(|size| *size < largest);
        let sizes =
            std::iter::once(largest).chain(powers).map(|rows| (rows, Arc::from(text(rows)))).collect();
        Self { sizes }
    }

    /// Rows of the largest statement.
    pub(super) fn max_rows(&self) -> usize {
        self.sizes.first().map_or(1, |(rows, _)| *rows)
    }

    /// The largest statement for at most `rows` rows, with its number of rows.
    pub(super) fn at_most(&self, rows: usize) -> Option<(usize, Arc<str>)> {
        self.sizes.iter().find(|(size, _)| *size <= rows).map(|(size, sql)| (*size, Arc::clone(sql)))
    }
}

fn upsert(dialect: Dialect, table: &TableSpec, key: &[String], rows: usize) -> String {
    let row = placeholders(table.columns.len());
    let rows = vec![row.as_str(); rows].join(",");
    let names = quoted(dialect, table.columns.iter().map(|column| column.name.as_str()));
    let mut changed: Vec<&str> =
        table.columns.iter().map(|column| column.name.as_str()).filter(|name| !is_key(key, name)).collect();
    if changed.is_empty() {
        // Nothing but the key: the statement still has to be an upsert.
        changed.extend(key.first().map(String::as_str));
    }
    let target = dialect.quote(&table.table);
    let insert = format!("INSERT INTO {target} ({names}) VALUES {rows}");
    let set = |value: fn(&str) -> String| {
        let assign = |name: &&str| {
            let name = dialect.quote(name);
            format!("{name} = {}", value(&name))
        };
        changed.iter().map(assign).collect::<Vec<_>>().join(", ")
    };
    match dialect {
        // `VALUES(c)` is understood by MySQL and MariaDB alike.
        Dialect::MySql => {
            format!("{insert} ON DUPLICATE KEY UPDATE {}", set(|name| format!("VALUES({name})")))
        }
        Dialect::Sqlite => {
            let key = quoted(dialect, key.iter().map(String::as_str));
            format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {}", set(|name| format!("excluded.{name}")))
        }
    }
}

/// Deletes the rows of a record that are none of `rows`: values of `shared`, then those of `own` row by row.
pub(super) fn delete_others(
    dialect: Dialect,
    table: &str,
    shared: &[String],
    own: &[String],
    rows: usize,
) -> String {
    let equal = |name: &String| format!("{} = ?", dialect.quote(name));
    let of_record = shared.iter().map(equal).collect::<Vec<_>>().join(" AND ");
    let names = quoted(dialect, own.iter().map(String::as_str));
    let (names, row, before) = match (own.len(), dialect) {
        (1, _) => (names, "?".to_owned(), ""),
        (several, Dialect::MySql) => (format!("({names})"), placeholders(several), ""),
        (several, Dialect::Sqlite) => (format!("({names})"), placeholders(several), "VALUES "),
    };
    let rows = vec![row.as_str(); rows].join(",");
    format!("DELETE FROM {} WHERE {of_record} AND {names} NOT IN ({before}{rows})", dialect.quote(table))
}

/// Deletes the rows with these values of `columns`.
pub(super) fn delete_rows(dialect: Dialect, table: &str, columns: &[String]) -> String {
    let equal = |name: &String| format!("{} = ?", dialect.quote(name));
    let condition = columns.iter().map(equal).collect::<Vec<_>>().join(" AND ");
    format!("DELETE FROM {} WHERE {condition}", dialect.quote(table))
}

/// `CREATE TABLE IF NOT EXISTS` with the flow's column types and the key as primary key.
pub(super) fn create_table(dialect: Dialect, table: &TableSpec, key: &[String]) -> String {
    let kinds = match dialect {
        Dialect::MySql => mysql_types(&table.columns, key),
        Dialect::Sqlite => table.columns.iter().map(|column| sqlite_type(column.kind).to_owned()).collect(),
    };
    let columns = table.columns.iter().zip(kinds).map(|(column, kind)| {
        let null = if column.nullable { "NULL" } else { "NOT NULL" };
        format!("{} {kind} {null}", dialect.quote(&column.name))
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    let name = dialect.quote(&table.table);
    let key = quoted(dialect, key.iter().map(String::as_str));
    let body = format!("CREATE TABLE IF NOT EXISTS {name} ({columns}, PRIMARY KEY ({key}))");
    match dialect {
        Dialect::MySql => {
            format!("{body} ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
        }
        Dialect::Sqlite => body,
    }
}

/// The types MySQL is asked for. A row may declare 65,535 bytes: in a wide table the widest varchar columns become
/// TEXT, which count next to nothing; their length is checked before the statement is sent.
fn mysql_types(columns: &[Column], key: &[String]) -> Vec<String> {
    let mut kinds: Vec<ColumnType> = columns.iter().map(|column| column.kind).collect();
    while kinds.iter().map(|kind| mysql_bytes(*kind)).sum::<usize>() > MYSQL_ROW_BYTES {
        let candidates = kinds.iter_mut().zip(columns).filter(|(_, column)| !is_key(key, &column.name));
        let widest = candidates
            .filter_map(|(kind, _)| match kind {
                ColumnType::Varchar(length) => Some((*length, kind)),
                _ => None,
            })
            .max_by_key(|(length, _)| *length);
        match widest {
            Some((_, kind)) => *kind = ColumnType::Text,
            None => break,
        }
    }
    kinds.iter().map(ToString::to_string).collect()
}

fn mysql_bytes(kind: ColumnType) -> usize {
    match kind {
        ColumnType::Varchar(length) => usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(4) + 2,
        ColumnType::Decimal { .. } => 30,
        ColumnType::Text => 12,
        _ => 8,
    }
}

/// SQLite has no exact decimal: TEXT keeps every digit (design §10).
fn sqlite_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::BigInt | ColumnType::Int | ColumnType::Bool => "INTEGER",
        ColumnType::Decimal { .. }
        | ColumnType::Varchar(_)
        | ColumnType::Text
        | ColumnType::DateTime { .. }
        | ColumnType::Date => "TEXT",
    }
}

/// `(?,?,?)`.
pub(super) fn placeholders(count: usize) -> String {
    format!("({})", vec!["?"; count].join(","))
}

fn quoted<'n>(dialect: Dialect, names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| dialect.quote(name)).collect::<Vec<_>>().join(", ")
}

pub(super) fn is_key(key: &[String], name: &str) -> bool {
    key.iter().any(|column| column == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::main_sql::MainSql;

    fn table(columns: &[(&str, ColumnType)]) -> TableSpec {
        let column = |(name, kind): &(&str, ColumnType)| Column {
            path: String::new(),
            name: (*name).to_owned(),
            kind: *kind,
            nullable: *name != "id",
        };
        TableSpec { table: "t".into(), columns: columns.iter().map(column).collect(), create_table: true }
    }

    #[test]
    fn an_upsert_binds_every_value() {
        let table = table(&[("id", ColumnType::BigInt), ("单号", ColumnType::Text)]);
        let key = ["id".to_owned()];
        assert_eq!(
            upsert(Dialect::MySql, &table, &key, 2),
            "INSERT INTO `t` (`id`, `单号`) VALUES (?,?),(?,?) ON DUPLICATE KEY UPDATE `单号` = VALUES(`单号`)"
        );
        assert_eq!(
            upsert(Dialect::Sqlite, &table, &key, 1),
            "INSERT INTO \"t\" (\"id\", \"单号\") VALUES (?,?) ON CONFLICT (\"id\") DO UPDATE SET \"单号\" = excluded.\"单号\""
        );
    }

    #[test]
    fn a_delete_spares_the_rows_that_are_written() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            delete_others(Dialect::MySql, "t", &names(&["refund_id"]), &names(&["line"]), 2),
            "DELETE FROM `t` WHERE `refund_id` = ? AND `line` NOT IN (?,?)"
        );
        assert_eq!(
            delete_others(Dialect::Sqlite, "t", &names(&["a"]), &names(&["b", "c"]), 2),
            "DELETE FROM \"t\" WHERE \"a\" = ? AND (\"b\", \"c\") NOT IN (VALUES (?,?),(?,?))"
        );
    }

    #[test]
    fn sizes_reach_from_the_limit_down_to_one() {
        let wide: Vec<(String, ColumnType)> = (0..71).map(|i| (format!("c{i}"), ColumnType::Text)).collect();
        let wide: Vec<(&str, ColumnType)> = wide.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let mut settings = TableSettings {
            table: table(&wide),
            key: vec!["c0".to_owned()],
            main_sql: None,
            record_key: Vec::new(),
            orphans_of: Vec::new(),
            removal_of: Vec::new(),
            limits: weir_model::target::BatchLimits {
                documents: 1,
                bytes: 1,
                age: std::time::Duration::ZERO,
            },
        };
        let upsert = Upsert::new(Dialect::Sqlite, &settings);
        assert_eq!(upsert.max_rows(), 461);
        assert_eq!(upsert.at_most(460).unwrap().0, 256);
        assert_eq!(upsert.at_most(1).unwrap().0, 1);
        assert!(upsert.at_most(0).is_none());
        settings.main_sql = Some(MainSql { text: "REPLACE INTO t (c) VALUES".to_owned(), limit: Some(100) });
        let own = Upsert::new(Dialect::Sqlite, &settings);
        assert_eq!((own.max_rows(), own.at_most(99).unwrap().0), (100, 64));
        assert!(own.at_most(1).unwrap().1.starts_with("REPLACE INTO t (c) VALUES (?,?"));
        assert_eq!(Dialect::MySql.rows_per_statement(70_000), 1);
    }

    #[test]
    fn a_wide_table_declares_no_more_than_a_row_holds() {
        let wide: Vec<(String, ColumnType)> = std::iter::once(("id".to_owned(), ColumnType::Varchar(64)))
            .chain((0..100).map(|i| (format!("c{i}"), ColumnType::Varchar(255))))
            .collect();
        let wide: Vec<(&str, ColumnType)> = wide.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let table = table(&wide);
        let kinds = mysql_types(&table.columns, &["id".to_owned()]);
        assert_eq!(kinds[0], "varchar(64)");
        assert!(kinds.iter().any(|kind| kind == "text") && kinds.iter().any(|kind| kind == "varchar(255)"));
    }

    #[test]
    fn names_that_could_leave_their_quotes_are_refused() {
        for good in ["t", "单号", "order-no", "a b"] {
            assert!(is_valid_identifier(good), "{good}");
        }
        for bad in ["", "a`b", "a\"b", "a.b", " a", "a\0b", "a/b", &"x".repeat(65)] {
            assert!(!is_valid_identifier(bad), "{bad:?}");
        }
    }
}
