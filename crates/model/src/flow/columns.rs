//! The table of a SQL target: `target.settings` keys that the mapping checks values against and the sink writes to.
//!
//! Both read them with [`TableSpec::read`], so that a value the mapping lets through is one the column can hold.

use std::{collections::BTreeSet, fmt};

use crate::settings::{Fields, Localized, Problems};

/// MySQL's largest `DECIMAL`: 65 digits, 30 of them after the point.
const MAX_PRECISION: u32 = 65;
const MAX_SCALE: u32 = 30;
/// Characters of utf8mb4 that fit into a MySQL row.
const MAX_VARCHAR: u32 = 16_383;
/// The types as a person writes them, for messages.
const KNOWN_TYPES: &str = "bigint, int, decimal(p,s), varchar(n), text, datetime, datetime(3), date, bool";

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// 64 bits, signed.
    BigInt,
    /// 32 bits, signed.
    Int,
    /// An exact decimal.
    Decimal {
        /// Digits in all, 1 to 65.
        precision: u32,
        /// Digits after the point, 0 to 30 and at most `precision`.
        scale: u32,
    },
    /// Text of at most so many characters (not bytes).
    Varchar(u32),
    /// Text of at most 65,535 bytes.
    Text,
    /// A local time of the connection's zone.
    DateTime {
        /// Digits of the second's fraction, 0 to 6.
        fraction: u8,
    },
    /// A day.
    Date,
    /// True or false.
    Bool,
}

/// A column of the target's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Where it stands in the file.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be NULL; true unless the file says otherwise, and never for a key column.
    pub nullable: bool,
}

/// The table of a SQL target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name.
    pub table: String,
    /// Its columns, in the order of a row's values.
    pub columns: Vec<Column>,
    /// Whether the sink may create it.
    pub create_table: bool,
}

impl ColumnType {
    /// Reads a type as [`ColumnType`]'s Display writes it; blanks and letter case do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        let (name, arguments) = match plain.split_once('(') {
            None => (plain.as_str(), Vec::new()),
            Some((name, rest)) => {
                let numbers: Option<Vec<u32>> =
                    rest.strip_suffix(')')?.split(',').map(|number| number.parse().ok()).collect();
                (name, numbers?)
            }
        };
        match (name, arguments.as_slice()) {
            ("bigint", []) => Some(Self::BigInt),
            ("int", []) => Some(Self::Int),
            ("decimal", &[precision, scale])
                if (1..=MAX_PRECISION).contains(&precision) && scale <= MAX_SCALE.min(precision) =>
            {
                Some(Self::Decimal { precision, scale })
            }
            ("varchar", &[length]) if (1..=MAX_VARCHAR).contains(&length) => Some(Self::Varchar(length)),
            ("text", []) => Some(Self::Text),
            ("datetime", []) => Some(Self::DateTime { fraction: 0 }),
            ("datetime", &[fraction]) => {
                u8::try_from(fraction).ok().filter(|f| *f <= 6).map(|fraction| Self::DateTime { fraction })
            }
            ("date", []) => Some(Self::Date),
            ("bool", []) => Some(Self::Bool),
            _ => None,
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BigInt => f.write_str("bigint"),
            Self::Int => f.write_str("int"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Varchar(length) => write!(f, "varchar({length})"),
            Self::Text => f.write_str("text"),
            Self::DateTime { fraction: 0 } => f.write_str("datetime"),
            Self::DateTime { fraction } => write!(f, "datetime({fraction})"),
            Self::Date => f.write_str("date"),
            Self::Bool => f.write_str("bool"),
        }
    }
}

impl TableSpec {
    /// Reads `table`, `columns` and `create_table` of a SQL target's settings, and checks `key`, the flow's
    /// business key, against the columns. The caller reads its own keys of the same mapping and finishes it.
    pub fn read(fields: &mut Fields<'_>, key: &[String], problems: &mut Problems) -> Self {
        let table = fields.required_text("table", problems);
        let base = fields.path_of("columns");
        let list = fields.list("columns", problems);
        if list.is_empty() {
            fields.missing("columns", problems);
        }
        let mut columns: Vec<Column> = Vec::with_capacity(list.len());
        let mut names = BTreeSet::new();
        for (index, value) in list.iter().enumerate() {
            let path = format!("{base}[{index}]");
            let column = column(Fields::of(value, path, problems), key, problems);
            if !names.insert(column.name.to_lowercase()) {
                let name = &column.name;
                let message = Localized::new(
                    format!("列 {name:?} 重复"),
                    format!("column {name:?} is there twice (letter case does not count)"),
                );
                let suggestion = Localized::new("删除其中一个", "remove one of them");
                problems.error_with(&column.path, message, suggestion);
            }
            columns.push(column);
        }
        let create_table = fields.flag("create_table", false, problems);
        for name in key.iter().filter(|name| !columns.iter().any(|column| column.name == **name)) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let message = Localized::new(
                format!("主键列 {name:?} 不在列清单中"),
                format!("key column {name:?} is no column"),
            );
            let known = known.join(", ");
            let suggestion = Localized::new(format!("可用的列：{known}"), format!("columns: {known}"));
            problems.error_with("target.key", message, suggestion);
        }
        Self { table, columns, create_table }
    }
}

fn column(mut fields: Fields<'_>, key: &[String], problems: &mut Problems) -> Column {
    let path = fields.path().to_owned();
    let name = fields.required_text("name", problems);
    let text = fields.required_text("type", problems);
    let nullable = fields.flag("nullable", true, problems) && !key.contains(&name);
    let kind = ColumnType::parse(&text);
    if kind.is_none() && !text.is_empty() {
        problems.error_with(
            fields.path_of("type"),
            Localized::new(format!("不认识的列类型 {text:?}"), format!("unknown column type {text:?}")),
            Localized::new(format!("可用的类型：{KNOWN_TYPES}"), format!("known types: {KNOWN_TYPES}")),
        );
    }
    fields.finish(problems);
    // A column of an unknown type stays a column: the key and the mapping are not blamed for it as well.
    Column { path, name, kind: kind.unwrap_or(ColumnType::BigInt), nullable }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_read_back() {
        for text in [
            "bigint",
            "int",
            "decimal(18,4)",
            "varchar(64)",
            "text",
            "datetime",
            "datetime(3)",
            "date",
            "bool",
        ] {
            assert_eq!(ColumnType::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            ColumnType::parse(" DECIMAL( 10 , 2 )"),
            Some(ColumnType::Decimal { precision: 10, scale: 2 })
        );
    }

    #[test]
    fn types_that_mysql_lacks_are_refused() {
        for bad in [
            "",
            "float",
            "decimal(2,3)",
            "decimal(66,0)",
            "decimal(5)",
            "varchar",
            "varchar(0)",
            "datetime(7)",
            "int(",
        ] {
            assert_eq!(ColumnType::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn every_problem_of_a_table_is_reported() {
        let settings = json!({"columns": [
            {"name": "a", "type": "int", "nullable": true},
            {"name": "A", "type": "text"},
            {"name": "b", "type": "flaot", "length": 3},
        ]});
        let mut problems = Problems::new("f.yaml");
        let mut fields = Fields::of(&settings, "target.settings", &mut problems);
        let table = TableSpec::read(&mut fields, &["a".into(), "z".into()], &mut problems);
        assert!(!table.columns[0].nullable, "a key column is never NULL");
        let paths: Vec<&str> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "target.settings.table",
                "target.settings.columns[1]",
                "target.settings.columns[2].type",
                "target.settings.columns[2].length",
                "target.key",
            ]
        );
    }
}
