//! Whether the table that is there fits the flow: what `probe` reports and what a claim insists on.

use std::borrow::Cow;

use weir_model::flow::{Column, ColumnType};

use super::{
    classify::Failure,
    config::TableSettings,
    database::{Database, Row},
    statement::{Dialect, is_key},
    value::Value,
};

/// The table as the server describes it.
#[derive(Clone, Debug, Default)]
pub(super) struct StoredTable {
    /// The storage engine when it has no transactions.
    pub(super) unsafe_engine: Option<String>,
    /// Its columns.
    pub(super) columns: Vec<StoredColumn>,
    /// The columns of each unique index, the primary key included.
    pub(super) unique: Vec<Vec<String>>,
}

/// A column as the server describes it.
#[derive(Clone, Debug, Default)]
pub(super) struct StoredColumn {
    pub(super) name: String,
    /// MySQL's data type in lower case; SQLite's declared type in upper case.
    pub(super) kind: String,
    /// Characters of a varchar, bytes of a text type.
    pub(super) length: Option<u64>,
    /// Digits of a decimal.
    pub(super) precision: Option<u64>,
    /// Its digits after the point.
    pub(super) scale: Option<u64>,
    /// Digits of a second's fraction.
    pub(super) fraction: Option<u64>,
    /// Whether a row without this column is refused.
    pub(super) required: bool,
}

/// The table of the flow; `None` when there is none.
pub(super) async fn stored_table(database: &Database, name: &str) -> Result<Option<StoredTable>, Failure> {
    let table = match database.dialect() {
        Dialect::MySql => mysql_table(database, name).await?,
        Dialect::Sqlite => sqlite_table(database, name).await?,
    };
    Ok(table.filter(|table| !table.columns.is_empty()))
}

async fn mysql_table(database: &Database, name: &str) -> Result<Option<StoredTable>, Failure> {
    // The catalogue's own types differ between servers and versions: everything is asked for as text.
    let engine = "SELECT CAST(t.engine AS CHAR), CAST(e.transactions AS CHAR) FROM information_schema.tables t \
                  LEFT JOIN information_schema.engines e ON e.engine = t.engine \
                  WHERE t.table_schema = DATABASE() AND t.table_name = ?";
    let columns = "SELECT CAST(column_name AS CHAR), CAST(LOWER(data_type) AS CHAR), \
                   CAST(character_maximum_length AS CHAR), CAST(numeric_precision AS CHAR), \
                   CAST(numeric_scale AS CHAR), CAST(datetime_precision AS CHAR), \
                   CAST(is_nullable = 'NO' AND column_default IS NULL AND extra NOT LIKE '%auto_increment%' \
                   AND extra NOT LIKE '%GENERATED%' AS CHAR) \
                   FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? \
                   ORDER BY ordinal_position";
    let indexes = "SELECT CAST(index_name AS CHAR), CAST(column_name AS CHAR), CAST(sub_part AS CHAR) \
                   FROM information_schema.statistics \
                   WHERE table_schema = DATABASE() AND table_name = ? AND non_unique = 0 \
                   ORDER BY index_name, seq_in_index";
    let key = [Value::Text(Cow::Borrowed(name))];
    let found = database.fetch(engine, &key).await?;
    let Some(found) = found.first() else { return Ok(None) };
    let transactions = found.text(1)?.is_some_and(|answer| answer == "YES");
    let engine = found.text(0)?.unwrap_or_else(|| "a view".to_owned());
    let columns = database.fetch(columns, &key).await?;
    let indexes = database.fetch(indexes, &key).await?;
    Ok(Some(StoredTable {
        unsafe_engine: (!transactions).then_some(engine),
        columns: columns.iter().map(mysql_column).collect::<Result<_, _>>()?,
        unique: mysql_unique(&indexes)?,
    }))
}

fn mysql_column(row: &Row) -> Result<StoredColumn, Failure> {
    let number = |index| Ok::<_, Failure>(row.text(index)?.and_then(|text| text.parse().ok()));
    Ok(StoredColumn {
        name: row.required_text(0)?,
        kind: row.required_text(1)?,
        length: number(2)?,
        precision: number(3)?,
        scale: number(4)?,
        fraction: number(5)?,
        required: row.text(6)?.is_some_and(|flag| flag == "1"),
    })
}

fn mysql_unique(rows: &[Row]) -> Result<Vec<Vec<String>>, Failure> {
    let mut unique: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows {
        let index = row.required_text(0)?;
        // A prefix is unique by its first characters only; named so, it equals no key.
        let column = match row.text(2)? {
            Some(prefix) => format!("{}({prefix})", row.text(1)?.unwrap_or_default()),
            None => row.text(1)?.unwrap_or_default(),
        };
        match unique.last_mut().filter(|(name, _)| *name == index) {
            Some((_, columns)) => columns.push(column),
            None => unique.push((index, vec![column])),
        }
    }
    Ok(unique.into_iter().map(|(_, columns)| columns).collect())
}

async fn sqlite_table(database: &Database, name: &str) -> Result<Option<StoredTable>, Failure> {
    let key = [Value::Text(Cow::Borrowed(name))];
    let columns = "SELECT name, UPPER(type), \"notnull\", dflt_value IS NULL, pk FROM pragma_table_info(?)";
    let rows = database.fetch(columns, &key).await?;
    let mut table = StoredTable::default();
    let mut primary = Vec::new();
    for row in &rows {
        let name = row.required_text(0)?;
        let part = row.required_integer(4)?;
        let is_required = row.required_integer(2)? != 0 && row.required_integer(3)? != 0;
        if part > 0 {
            primary.push((part, name.clone()));
        }
        table.columns.push(StoredColumn {
            name,
            kind: row.text(1)?.unwrap_or_default(),
            required: is_required,
            ..StoredColumn::default()
        });
    }
    primary.sort();
    table.unique.push(primary.into_iter().map(|(_, name)| name).collect());
    let indexes = "SELECT l.name, i.name FROM pragma_index_list(?) l, pragma_index_info(l.name) i \
                   WHERE l.\"unique\" = 1 AND l.partial = 0 ORDER BY l.name, i.seqno";
    let mut last = None;
    for row in &database.fetch(indexes, &key).await? {
        let index = row.required_text(0)?;
        let column = row.text(1)?.unwrap_or_default();
        if last.as_ref() != Some(&index) {
            table.unique.push(Vec::new());
        }
        if let Some(columns) = table.unique.last_mut() {
            columns.push(column);
        }
        last = Some(index);
    }
    Ok(Some(table))
}

/// What will not work, with what to do about it. Pure.
pub(super) fn problems(settings: &TableSettings, stored: &StoredTable, dialect: Dialect) -> Vec<String> {
    let table = &settings.table;
    let name = &table.table;
    let mut problems = Vec::new();
    if let Some(engine) = &stored.unsafe_engine {
        problems.push(format!(
            "table {name} is stored by {engine}, which has no transactions: ALTER TABLE … ENGINE=InnoDB"
        ));
    }
    for column in &table.columns {
        match stored.columns.iter().find(|stored| stored.name == column.name) {
            None => problems.push(format!(
                "table {name} has no column {}: add it as {}, or take it out of the flow",
                column.name, column.kind
            )),
            Some(there) if !holds(there, column, dialect) => problems.push(format!(
                "column {} of table {name} is {}, which cannot hold every {}: change its type, or the flow's",
                column.name,
                described(there),
                column.kind
            )),
            Some(_) => {}
        }
    }
    for there in stored.columns.iter().filter(|there| there.required) {
        if !table.columns.iter().any(|column| column.name == there.name) {
            problems.push(format!(
                "column {} of table {name} must be filled and the flow does not: give it a default, allow NULL, or \
                 map it",
                there.name
            ));
        }
    }
    key_problems(settings, stored, &mut problems);
    problems
}

fn key_problems(settings: &TableSettings, stored: &StoredTable, problems: &mut Vec<String>) {
    let TableSettings { table, key, .. } = settings;
    let covers = |columns: &[String]| key.iter().all(|name| is_key(columns, name));
    if !stored.unique.iter().any(|columns| columns.len() == key.len() && covers(columns)) {
        let names = key.join(", ");
        problems.push(format!(
            "table {} has no unique key on exactly ({names}): without it every delivery inserts anew; add one",
            table.table
        ));
    }
    // An upsert also overwrites the row that another unique key finds: two keys must never point at two rows.
    let ours = |columns: &&Vec<String>| {
        !columns.is_empty()
            && columns.iter().all(|name| table.columns.iter().any(|column| column.name == *name))
            && !covers(columns)
    };
    for other in stored.unique.iter().filter(ours) {
        problems.push(format!(
            "table {} has another unique key ({}): a row could overwrite one of another business key; drop it, or \
             make it the flow's key",
            table.table,
            other.join(", ")
        ));
    }
}

/// Whether a stored column takes every value of the declared type unchanged. Errs towards yes where the server will
/// judge for itself (SQLite's free types, MySQL's JSON, ENUM and SET).
fn holds(stored: &StoredColumn, declared: &Column, dialect: Dialect) -> bool {
    match dialect {
        Dialect::MySql => mysql_holds(stored, declared.kind),
        Dialect::Sqlite => sqlite_holds(&stored.kind, declared.kind),
    }
}

fn mysql_holds(stored: &StoredColumn, declared: ColumnType) -> bool {
    let kind = stored.kind.as_str();
    let is_varchar = matches!(kind, "char" | "varchar");
    let is_text = matches!(kind, "text" | "tinytext" | "mediumtext" | "longtext");
    let length = stored.length.unwrap_or_default();
    // The length of a text type counts bytes, four to a character at most.
    let characters = if is_text { length / 4 } else { length };
    let takes_text = |needed: u64| (is_varchar || is_text) && characters >= needed;
    let decimal = |whole: u64, scale: u64| {
        let (precision, there) = (stored.precision.unwrap_or_default(), stored.scale.unwrap_or_default());
        kind == "decimal" && there >= scale && precision.saturating_sub(there) >= whole
    };
    match declared {
        ColumnType::BigInt => kind == "bigint" || decimal(19, 0) || takes_text(20),
        ColumnType::Int => matches!(kind, "int" | "bigint") || decimal(10, 0) || takes_text(11),
        // A FLOAT or DOUBLE would round (invariant 5).
        ColumnType::Decimal { precision, scale } => {
            decimal(u64::from(precision.saturating_sub(scale)), u64::from(scale))
                || takes_text(u64::from(precision) + 3)
        }
        ColumnType::Varchar(needed) => {
            takes_text(u64::from(needed)) || matches!(kind, "json" | "enum" | "set")
        }
        ColumnType::Text => (is_text && length >= 65_535) || kind == "json",
        ColumnType::DateTime { fraction } => {
            let exact = stored.fraction.unwrap_or_default() >= u64::from(fraction);
            (matches!(kind, "datetime" | "timestamp") && exact) || takes_text(26)
        }
        ColumnType::Date => matches!(kind, "date" | "datetime") || takes_text(10),
        ColumnType::Bool => {
            matches!(kind, "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit") || takes_text(1)
        }
    }
}

/// By SQLite's rules of affinity: a text column keeps text, a numeric one turns `0.10` and `007` into numbers.
fn sqlite_holds(kind: &str, declared: ColumnType) -> bool {
    let has = |parts: &[&str]| parts.iter().any(|part| kind.contains(part));
    let keeps_text = kind.is_empty() || (has(&["CHAR", "CLOB", "TEXT", "BLOB"]) && !has(&["INT"]));
    match declared {
        ColumnType::BigInt | ColumnType::Int | ColumnType::Bool => !has(&["REAL", "FLOA", "DOUB"]),
        ColumnType::Decimal { .. } | ColumnType::Varchar(_) | ColumnType::Text => keeps_text,
        // A date is no number, so a numeric column leaves it alone.
        ColumnType::DateTime { .. } | ColumnType::Date => true,
    }
}

fn described(column: &StoredColumn) -> String {
    let StoredColumn { kind, length, precision, scale, fraction, .. } = column;
    match (kind.as_str(), precision, scale, length, fraction) {
        ("decimal", Some(precision), Some(scale), ..) => format!("decimal({precision},{scale})"),
        ("char" | "varchar", _, _, Some(length), _) => format!("{kind}({length})"),
        ("datetime" | "timestamp", _, _, _, Some(fraction)) if *fraction > 0 => format!("{kind}({fraction})"),
        _ => kind.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mysql(kind: &str, length: u64, precision: u64, scale: u64) -> StoredColumn {
        StoredColumn {
            name: "c".into(),
            kind: kind.into(),
            length: Some(length),
            precision: Some(precision),
            scale: Some(scale),
            fraction: Some(0),
            required: false,
        }
    }

    #[test]
    fn a_column_must_hold_every_value() {
        let kind = |text| ColumnType::parse(text).unwrap();
        assert!(mysql_holds(&mysql("decimal", 0, 20, 4), kind("decimal(18,2)")));
        assert!(
            !mysql_holds(&mysql("decimal", 0, 18, 4), kind("decimal(18,2)")),
            "14 digits before the point"
        );
        assert!(!mysql_holds(&mysql("double", 0, 22, 0), kind("decimal(10,2)")));
        assert!(mysql_holds(&mysql("text", 65_535, 0, 0), kind("varchar(255)")));
        assert!(!mysql_holds(&mysql("varchar", 64, 0, 0), kind("varchar(65)")));
        assert!(!mysql_holds(&mysql("datetime", 0, 0, 0), kind("datetime(3)")));
        assert!(!mysql_holds(&mysql("int", 0, 10, 0), kind("bigint")));
        assert!(
            sqlite_holds("TEXT", kind("decimal(10,2)")) && !sqlite_holds("NUMERIC", kind("decimal(10,2)"))
        );
        assert!(sqlite_holds("INTEGER", kind("bigint")) && !sqlite_holds("REAL", kind("int")));
    }
}
