//! The rows of the benchmark: 71 columns of a refund, about 1.5 KB, the same for everyone who writes them.

use std::fmt::Write as _;

/// Columns beside the key.
const FIELDS: usize = 70;
/// The column whose CHECK only the server knows.
pub const GUARDED: &str = "c10";
/// A text column of 128 characters.
pub const NARROW: &str = "c04";
/// Longer than [`NARROW`] holds.
const TOO_LONG: usize = 129;
/// The table.
pub const TABLE: &str = "refund";
/// Its key.
pub const KEY: &str = "refund_no";
/// Of so many rows one is bad, when bad ones are asked for.
pub const BAD_EVERY: usize = 1_000;

/// How the rows are written: the statement up to the values, and what follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// `REPLACE INTO`, which the flow brings along as the seeds do.
    Replace,
    /// `INSERT … ON DUPLICATE KEY UPDATE`, which Weir makes of the flow's key.
    Upsert,
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// A negative amount: only the server's CHECK finds it.
    Guarded,
    /// A text that is too long for its column.
    TooLong,
}

/// The rows of a run.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// How many.
    pub count: usize,
    /// Whether one in [`BAD_EVERY`] is bad.
    pub with_bad: bool,
}

impl Rows {
    /// What is wrong with the row of this number, from 0. Both flaws take turns.
    pub fn flaw(self, serial: usize) -> Flaw {
        match (self.with_bad && serial % BAD_EVERY == BAD_EVERY / 2, serial / BAD_EVERY % 2) {
            (false, _) => Flaw::None,
            (true, 0) => Flaw::Guarded,
            (true, _) => Flaw::TooLong,
        }
    }

    /// Numbers of the bad rows.
    pub fn bad(self) -> impl Iterator<Item = usize> {
        (0..self.count).filter(move |serial| self.flaw(*serial) != Flaw::None)
    }

    /// Rows that a table can hold.
    pub fn sound_count(self) -> usize {
        self.count - self.bad().count()
    }
}

/// The key of a row.
pub fn key(serial: usize) -> String {
    format!("TK{serial:010}")
}

enum Kind {
    Amount,
    Whole,
    Time,
    LongText,
    ShortText,
}

/// Number, name and kind of every column but the key.
fn fields() -> impl Iterator<Item = (usize, String, Kind)> {
    (1..=FIELDS).map(|field| {
        let kind = match field % 10 {
            0 | 5 => Kind::Amount,
            1 => Kind::Whole,
            2 => Kind::Time,
            3 => Kind::LongText,
            _ => Kind::ShortText,
        };
        (field, format!("c{field:02}"), kind)
    })
}

/// Names of all columns, the key first.
pub fn names() -> Vec<String> {
    std::iter::once(KEY.to_owned()).chain(fields().map(|(_, name, _)| name)).collect()
}

/// Name and type of all columns, as a flow and a server write them.
pub fn columns() -> Vec<(String, &'static str)> {
    let field = |(_, name, kind)| {
        let kind = match kind {
            Kind::Amount => "decimal(19,4)",
            Kind::Whole => "int",
            Kind::Time => "datetime",
            Kind::LongText => "text",
            Kind::ShortText => "varchar(128)",
        };
        (name, kind)
    };
    std::iter::once((KEY.to_owned(), "varchar(64)")).chain(fields().map(field)).collect()
}

/// The table with the CHECK that its server knows alone.
pub fn create_table() -> String {
    let columns: Vec<String> = columns()
        .into_iter()
        .map(|(name, kind)| match name.as_str() {
            KEY => format!("{name} {kind} NOT NULL PRIMARY KEY"),
            GUARDED => format!("{name} {kind} NULL CHECK ({name} >= 0)"),
            _ => format!("{name} {kind} NULL"),
        })
        .collect();
    format!("CREATE TABLE {TABLE} ({}) ENGINE=InnoDB", columns.join(", "))
}

/// A value: its text, and whether it stands in quotes.
fn value(serial: usize, field: usize, kind: &Kind, flaw: Flaw) -> (String, bool) {
    let name = format!("c{field:02}");
    match kind {
        Kind::Amount if flaw == Flaw::Guarded && name == GUARDED => ("-1.5000".to_owned(), true),
        Kind::Amount => (format!("{}.{field:02}50", serial % 10_000), true),
        Kind::Whole => ((serial % 1_000 + field).to_string(), false),
        Kind::Time => (format!("2024-01-{:02} 10:00:{:02}", serial % 28 + 1, serial % 60), true),
        Kind::LongText => (format!("a remark of the customer, no. {serial}"), true),
        Kind::ShortText if flaw == Flaw::TooLong && name == NARROW => ("x".repeat(TOO_LONG), true),
        Kind::ShortText if field.is_multiple_of(2) => (format!("示例 {field} {}", serial % 100), true),
        Kind::ShortText => (format!("value {field} {}", serial % 100), true),
    }
}

/// The row in `open … close`, each value between `quote`s where it is a text.
fn written(serial: usize, flaw: Flaw, quote: char, mut name: impl FnMut(&mut String, &str)) -> String {
    let mut text = String::with_capacity(2_048);
    name(&mut text, KEY);
    let key = key(serial);
    // Writing into a text cannot fail.
    let _ = write!(text, "{quote}{key}{quote}");
    for (field, column, kind) in fields() {
        text.push(',');
        name(&mut text, &column);
        let (value, quoted) = value(serial, field, &kind, flaw);
        let _ = if quoted { write!(text, "{quote}{value}{quote}") } else { write!(text, "{value}") };
    }
    text
}

/// The row as the record of a source: an object.
pub fn record(serial: usize, flaw: Flaw) -> String {
    let named = written(serial, flaw, '"', |text, name| {
        let _ = write!(text, "\"{name}\":");
    });
    format!("{{{named}}}")
}

/// The row as the body of a document.
pub fn body(serial: usize, flaw: Flaw) -> String {
    format!("{{\"rows\":[[{}]]}}", written(serial, flaw, '"', |_, _| {}))
}

/// A whole statement with the values of these rows as text.
pub fn statement(form: Form, rows: std::ops::Range<usize>) -> String {
    let names = names().join(", ");
    let mut text = format!("{} INTO {TABLE} ({names}) VALUES ", form.verb());
    for (index, serial) in rows.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(text, "{comma}({})", written(serial, Flaw::None, '\'', |_, _| {}));
    }
    if form == Form::Upsert {
        let set: Vec<String> = fields().map(|(_, name, _)| format!("{name} = VALUES({name})")).collect();
        let _ = write!(text, " ON DUPLICATE KEY UPDATE {}", set.join(", "));
    }
    text
}

impl Form {
    /// The first word of the statement.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Replace => "REPLACE",
            Self::Upsert => "INSERT",
        }
    }
}
