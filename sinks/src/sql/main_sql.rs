//! The statement that a flow brings along for `batchexecute` (contract qeasy-metadata §10): `INSERT` or `REPLACE` text
//! that ends with `VALUES`. Pure.
//!
//! It is parsed when the flow is loaded and compared with the mapping's columns, then runs as its author wrote it:
//! only placeholders are appended, a value never becomes text.

use sqlparser::{
    ast::{Ident, Insert, ObjectName, Statement, TableObject},
    dialect::MySqlDialect,
    parser::Parser,
};
use weir_model::{
    flow::{Item, TableSpec, TargetSpec},
    settings::{Localized, Problems},
};

use super::statement::placeholders;

/// A checked statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MainSql {
    /// Its text up to and with `VALUES`.
    pub(super) text: String,
    /// Rows per statement that the flow allows.
    pub(super) limit: Option<usize>,
}

impl MainSql {
    /// Reads `main_sql` and `limit` of `otherRequest`; `None` when the flow leaves the statement to us, or it has
    /// errors.
    pub(super) fn read(target: &TargetSpec, table: &TableSpec, problems: &mut Problems) -> Option<Self> {
        // The mapping reports a limit that is no number.
        let limit = item(target, "limit").and_then(|item| item.value.as_deref()?.trim().parse().ok());
        let item = item(target, "main_sql")?;
        let text = item.value.as_deref().unwrap_or_default().trim();
        match check(text, table) {
            Ok(()) => Some(Self { text: text.to_owned(), limit }),
            Err((message, suggestion)) => {
                problems.error_with(&item.path, message, suggestion);
                None
            }
        }
    }

    /// The statement for so many rows of so many columns.
    pub(super) fn for_rows(&self, rows: usize, columns: usize) -> String {
        let row = placeholders(columns);
        format!("{} {}", self.text, vec![row.as_str(); rows].join(","))
    }
}

/// An item of `otherRequest` by its field.
pub(super) fn item<'t>(target: &'t TargetSpec, field: &str) -> Option<&'t Item> {
    target.metadata.other_request.iter().find(|item| item.field == field)
}

type Complaint = (Localized, Localized);

/// Whether the statement writes exactly the flow's columns, in their order, into the flow's table.
fn check(text: &str, table: &TableSpec) -> Result<(), Complaint> {
    let insert = parse(text, table.columns.len().max(1))?;
    let names: Vec<&str> = insert.columns.iter().filter_map(last_part).collect();
    let said = match &insert.table {
        TableObject::TableName(name) => last_part(name).unwrap_or_default(),
        _ => "",
    };
    if said != table.table {
        let message = Localized::new(
            format!("语句写入表 {said:?}，而 target.settings.table 是 {:?}", table.table),
            format!("the statement writes to {said:?}, target.settings.table is {:?}", table.table),
        );
        return Err((message, Localized::new("使两处表名一致", "let both name one table")));
    }
    let columns: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    if names == columns {
        return Ok(());
    }
    // The first place where they part is what a person looks for.
    let at = names.iter().zip(&columns).take_while(|(name, column)| name == column).count();
    let shown = |list: &[&str]| list.get(at).map_or_else(|| "—".to_owned(), |name| format!("{name:?}"));
    let message = Localized::new(
        format!(
            "语句有 {} 列，映射有 {} 列；从第 {} 列起不同：语句是 {}，映射是 {}",
            names.len(),
            columns.len(),
            at + 1,
            shown(&names),
            shown(&columns)
        ),
        format!(
            "the statement has {} columns, the flow {}; they part at column {}: {} in the statement, {} in the flow",
            names.len(),
            columns.len(),
            at + 1,
            shown(&names),
            shown(&columns)
        ),
    );
    let suggestion = Localized::new(
        "使语句的列与 target.settings.columns 逐一对应、顺序相同",
        "let the statement's columns and target.settings.columns agree one by one, in one order",
    );
    Err((message, suggestion))
}

/// The statement as the parser reads it with one row of placeholders.
fn parse(text: &str, columns: usize) -> Result<Insert, Complaint> {
    let hint = Localized::new(
        "写 REPLACE INTO 表 (列, …) VALUES，VALUES 之后不写任何内容",
        "write REPLACE INTO table (column, …) VALUES, and nothing after VALUES",
    );
    let refuse = |zh: String, en: String| (Localized::new(zh, en), hint.clone());
    let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    let last = last.rsplit(')').next().unwrap_or_default();
    if !last.eq_ignore_ascii_case("VALUES") {
        return Err(refuse("语句应以 VALUES 结尾".into(), "the statement does not end with VALUES".into()));
    }
    // The server runs what stands in /*! … */, the parser does not see it.
    if text.contains("/*") {
        return Err(refuse("语句中不能有注释".into(), "the statement holds a comment".into()));
    }
    let whole = format!("{text} {}", placeholders(columns));
    let mut statements = Parser::parse_sql(&MySqlDialect {}, &whole).map_err(|error| {
        refuse(format!("语句无法解析：{error}"), format!("the statement cannot be parsed: {error}"))
    })?;
    match (statements.pop(), statements.len()) {
        (Some(Statement::Insert(insert)), 0) if is_plain(&insert) => Ok(insert),
        _ => Err(refuse(
            "只支持一条 INSERT 或 REPLACE 语句".into(),
            "only one INSERT or REPLACE is supported, without IGNORE or other modifiers".into(),
        )),
    }
}

/// Whether it writes every row or fails: `IGNORE` and `DELAYED` would lose rows without a word (invariant 3).
fn is_plain(insert: &Insert) -> bool {
    insert.source.is_some()
        && !insert.ignore
        && insert.priority.is_none()
        && insert.or.is_none()
        && insert.partitioned.is_none()
        && insert.table_alias.is_none()
        && insert.on.is_none()
}

fn last_part(name: &ObjectName) -> Option<&str> {
    let ident: &Ident = name.0.last()?.as_ident()?;
    Some(ident.value.as_str())
}

#[cfg(test)]
mod tests {
    use weir_model::flow::{Column, ColumnType};

    use super::*;

    fn table(names: &[&str]) -> TableSpec {
        let column = |name: &&str| Column {
            path: String::new(),
            name: (*name).to_owned(),
            kind: ColumnType::Text,
            nullable: true,
        };
        TableSpec { table: "refund".into(), columns: names.iter().map(column).collect(), create_table: false }
    }

    fn said(text: &str) -> String {
        match check(text, &table(&["refund_id", "type", "status"])) {
            Ok(()) => String::new(),
            Err((message, _)) => message.en,
        }
    }

    #[test]
    fn the_statement_of_the_seed_is_taken_as_it_is_written() {
        let text = "REPLACE INTO refund\n ( refund_id, type,\n status )\nVALUES";
        assert_eq!(said(text), "");
        assert_eq!(said("insert into shop.`refund`(`refund_id`,`type`,`status`)values"), "");
        let statement = MainSql { text: text.to_owned(), limit: None };
        assert_eq!(statement.for_rows(2, 3), format!("{text} (?,?,?),(?,?,?)"));
    }

    #[test]
    fn columns_must_agree_one_by_one() {
        for (text, part) in [
            ("REPLACE INTO refund (refund_id, type) VALUES", "part at column 3: — in the statement"),
            ("REPLACE INTO refund (refund_id, status, type) VALUES", "part at column 2: \"status\""),
            ("REPLACE INTO refund (refund_id,type,status,x) VALUES", "4 columns, the flow 3"),
            ("REPLACE INTO refund VALUES", "0 columns"),
            ("REPLACE INTO other (refund_id, type, status) VALUES", "writes to \"other\""),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
    }

    #[test]
    fn what_is_no_plain_insert_is_refused() {
        for (text, part) in [
            ("", "does not end with VALUES"),
            ("REPLACE INTO refund (refund_id, type, status) VALUES (1,2,3)", "does not end with VALUES"),
            ("DELETE FROM refund; INSERT INTO refund (refund_id, type, status) VALUES", "only one INSERT"),
            ("INSERT IGNORE INTO refund (refund_id, type, status) VALUES", "only one INSERT"),
            ("INSERT /*!50000 IGNORE */ INTO refund (refund_id, type, status) VALUES", "comment"),
            ("INSERT INTO refund (refund_id, type, status) -- VALUES", "cannot be parsed"),
            ("DROP TABLE refund VALUES", "cannot be parsed"),
        ] {
            assert!(said(text).contains(part), "{text}: {}", said(text));
        }
    }
}
