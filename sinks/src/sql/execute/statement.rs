//! One statement of `execute` (contract qeasy-metadata §10): its text with `?` for each `:name`, and what is known about
//! it. Pure.
//!
//! It is parsed when the flow is loaded and runs as its author wrote it but for the placeholders; a value never becomes
//! text. What would lose rows without a word (`IGNORE`, `DO NOTHING`) is refused (invariant 3).

use std::sync::Arc;

use sqlparser::{
    ast::{
        Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, OnConflictAction,
        OnInsert, SetExpr, SqliteOnConflict, Statement as Ast, TableFactor, TableObject, TableWithJoins,
        Update, Value as Literal,
    },
    dialect::{Dialect as SqlDialect, MySqlDialect, SQLiteDialect},
    parser::Parser,
    tokenizer::{Location, Token, Tokenizer, Whitespace},
};
use weir_model::settings::Localized;

use crate::sql::statement::Dialect;

/// The name under which later statements find the id that the first one generated.
pub(super) const GENERATED_ID: &str = "lastInsertId";

/// A checked statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text with `?` for each value.
    pub(super) text: Arc<str>,
    /// What each `?` stands for, in their order; a name may come several times.
    pub(super) names: Vec<String>,
    /// The tables that it writes to or reads beside them.
    pub(super) tables: Vec<String>,
    /// Names that are written into a column as they are, with the column.
    pub(super) columns: Vec<(String, String)>,
    /// How the id is known that it generates.
    pub(super) id: GeneratedId,
}

/// How the id is known that a statement generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GeneratedId {
    /// It generates none, or not always: nobody could say which row an id belongs to.
    Unknown,
    /// The server tells it with the answer.
    Answered,
    /// The statement returns it as its first column.
    Returned,
}

/// What is wrong, and what to do about it.
pub(super) type Complaint = (Localized, Localized);

impl Statement {
    /// Reads a statement.
    ///
    /// # Errors
    /// What is wrong with it, for the author of the flow.
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Self, Complaint> {
        let text = text.trim().trim_end_matches(';').trim_end();
        let (spliced, names) = splice(text, dialect)?;
        let mut statements = Parser::parse_sql(&*sql_dialect(dialect), text).map_err(|error| {
            refuse(&format!("语句无法解析：{error}"), &format!("the statement cannot be parsed: {error}"))
        })?;
        let ast = match (statements.pop(), statements.len()) {
            (Some(ast), 0) => ast,
            _ => return Err(refuse("应为一条语句", "expected one statement")),
        };
        let mut read = Self {
            text: Arc::from(spliced),
            names,
            tables: Vec::new(),
            columns: Vec::new(),
            id: GeneratedId::Unknown,
        };
        match ast {
            Ast::Insert(insert) => read.insert(insert, text, dialect)?,
            Ast::Update(update) => read.update(&update)?,
            Ast::Delete(delete) => read.delete(&delete)?,
            _ => {
                return Err(refuse(
                    "只支持 INSERT、REPLACE、UPDATE、DELETE",
                    "only INSERT, REPLACE, UPDATE and DELETE are supported",
                ));
            }
        }
        Ok(read)
    }

    /// Whether it takes the id that the first statement generated.
    pub(super) fn takes_generated_id(&self) -> bool {
        self.names.iter().any(|name| name == GENERATED_ID)
    }

    fn insert(&mut self, insert: Insert, text: &str, dialect: Dialect) -> Result<(), Complaint> {
        let skips = match &insert.on {
            Some(OnInsert::OnConflict(conflict)) => conflict.action == OnConflictAction::DoNothing,
            _ => false,
        };
        let other_way = insert.or.as_ref().is_some_and(|or| *or != SqliteOnConflict::Replace);
        if insert.ignore || insert.priority.is_some() || other_way || skips {
            return Err(refuse(
                "IGNORE、DO NOTHING 等修饰会不声不响地丢行",
                "IGNORE, DO NOTHING and other modifiers lose rows without a word",
            ));
        }
        let TableObject::TableName(name) = &insert.table else {
            return Err(refuse("应写入一张表", "it does not write to a plain table"));
        };
        self.table(name)?;
        let columns: Vec<String> = insert.columns.iter().filter_map(last_part).collect();
        let mut updates = false;
        match insert.on {
            Some(OnInsert::DuplicateKeyUpdate(assignments)) => {
                updates = true;
                self.assignments(&assignments);
            }
            Some(OnInsert::OnConflict(conflict)) => {
                updates = true;
                if let OnConflictAction::DoUpdate(update) = conflict.action {
                    self.assignments(&update.assignments);
                }
            }
            _ => {}
        }
        self.assignments(&insert.assignments);
        if let Some(SetExpr::Values(values)) = insert.source.as_deref().map(|query| &*query.body) {
            for row in &values.rows {
                self.row(&columns, &row.content)?;
            }
        }
        // A row that was there before keeps its id, which MySQL tells only where LAST_INSERT_ID(id) asks for it.
        let asks = dialect == Dialect::MySql && text.to_ascii_uppercase().contains("LAST_INSERT_ID(");
        self.id = match (insert.returning.is_some(), !updates || asks) {
            (true, _) => GeneratedId::Returned,
            (false, true) => GeneratedId::Answered,
            (false, false) => GeneratedId::Unknown,
        };
        Ok(())
    }

    fn row(&mut self, columns: &[String], row: &[Expr]) -> Result<(), Complaint> {
        if !columns.is_empty() && columns.len() != row.len() {
            let (names, values) = (columns.len(), row.len());
            return Err(refuse(
                &format!("语句有 {names} 列、{values} 个值"),
                &format!("the statement has {names} columns and {values} values"),
            ));
        }
        for (column, value) in columns.iter().zip(row) {
            self.column(column, value);
        }
        Ok(())
    }

    fn update(&mut self, update: &Update) -> Result<(), Complaint> {
        if update.or.is_some() {
            return Err(refuse("UPDATE OR … 会不声不响地丢行", "UPDATE OR … loses rows without a word"));
        }
        self.condition(update.selection.as_ref())?;
        self.tables(std::slice::from_ref(&update.table))?;
        self.assignments(&update.assignments);
        Ok(())
    }

    fn delete(&mut self, delete: &Delete) -> Result<(), Complaint> {
        self.condition(delete.selection.as_ref())?;
        let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &delete.from;
        self.tables(tables)
    }

    fn condition(&self, condition: Option<&Expr>) -> Result<(), Complaint> {
        if condition.is_some() {
            return Ok(());
        }
        let message = Localized::new("没有 WHERE，会改动整张表", "without WHERE it changes the whole table");
        Err((message, Localized::new("加上 WHERE 条件", "add a WHERE condition")))
    }

    fn tables(&mut self, tables: &[TableWithJoins]) -> Result<(), Complaint> {
        let joined = tables.iter().flat_map(|table| table.joins.iter().map(|join| &join.relation));
        for relation in tables.iter().map(|table| &table.relation).chain(joined) {
            let TableFactor::Table { name, .. } = relation else {
                return Err(refuse("应写入一张表", "it does not write to a plain table"));
            };
            self.table(name)?;
        }
        Ok(())
    }

    fn table(&mut self, name: &ObjectName) -> Result<(), Complaint> {
        let last = last_part(name).filter(|_| name.0.len() == 1);
        let Some(last) = last else {
            let message = Localized::new(
                format!("表名 {name} 带有库名"),
                format!("the table's name {name} names a database too"),
            );
            let suggestion = Localized::new(
                "只写表名；库由连接决定",
                "write the table's name alone: the connection names the database",
            );
            return Err((message, suggestion));
        };
        if !self.tables.contains(&last) {
            self.tables.push(last);
        }
        Ok(())
    }

    fn assignments(&mut self, assignments: &[Assignment]) {
        for assignment in assignments {
            if let AssignmentTarget::ColumnName(name) = &assignment.target
                && let Some(column) = last_part(name)
            {
                self.column(&column, &assignment.value);
            }
        }
    }

    fn column(&mut self, column: &str, value: &Expr) {
        if let Expr::Value(value) = value
            && let Literal::Placeholder(placeholder) = &value.value
            && let Some(name) = placeholder.strip_prefix(':')
        {
            self.columns.push((name.to_owned(), column.to_owned()));
        }
    }
}

fn sql_dialect(dialect: Dialect) -> Box<dyn SqlDialect> {
    match dialect {
        Dialect::MySql => Box::new(MySqlDialect {}),
        Dialect::Sqlite => Box::new(SQLiteDialect {}),
    }
}

/// The text with `?` for each `:name`, and the names.
fn splice(text: &str, dialect: Dialect) -> Result<(String, Vec<String>), Complaint> {
    // The server runs what stands in /*! … */, the parser does not see it.
    if text.contains("/*") {
        return Err(refuse("语句中不能有注释", "the statement holds a comment"));
    }
    let tokens = Tokenizer::new(&*sql_dialect(dialect), text).tokenize_with_location().map_err(|error| {
        refuse(&format!("语句无法解析：{error}"), &format!("the statement cannot be parsed: {error}"))
    })?;
    let (mut spliced, mut names, mut copied) = (String::with_capacity(text.len()), Vec::new(), 0);
    for (at, found) in tokens.iter().enumerate() {
        match &found.token {
            Token::Placeholder(_) | Token::Question => {
                return Err(refuse("占位符应带名称", "a placeholder without a name"));
            }
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
                return Err(refuse("语句中不能有注释", "the statement holds a comment"));
            }
            Token::SingleQuotedString(content) | Token::DoubleQuotedString(content)
                if holds_macro(content) =>
            {
                return Err(refuse(
                    &format!("取值表达式不能写进语句：{content:?}"),
                    &format!("an expression cannot stand in the statement: {content:?}"),
                ));
            }
            Token::Colon => {
                let Some(next) = tokens.get(at + 1) else { continue };
                let Token::Word(word) = &next.token else { continue };
                let (Some(begin), Some(end)) = (place(text, found.span.start), place(text, next.span.end))
                else {
                    continue;
                };
                spliced.push_str(text.get(copied..begin).unwrap_or_default());
                spliced.push('?');
                names.push(word.value.clone());
                copied = end;
            }
            _ => {}
        }
    }
    spliced.push_str(text.get(copied..).unwrap_or_default());
    Ok((spliced, names))
}

/// Where a location, counted in lines and characters from 1, stands in the text.
fn place(text: &str, location: Location) -> Option<usize> {
    let (mut line, mut column) = (1, 1);
    for (place, character) in text.char_indices() {
        if (line, column) == (location.line, location.column) {
            return Some(place);
        }
        (line, column) = if character == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    ((line, column) == (location.line, location.column)).then_some(text.len())
}

/// Whether text holds `{field}`, as the expressions of the mapping do.
fn holds_macro(text: &str) -> bool {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).any(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '|'))
    })
}

fn last_part(name: &ObjectName) -> Option<String> {
    Some(name.0.last()?.as_ident()?.value.clone())
}

fn refuse(zh: &str, en: &str) -> Complaint {
    let suggestion = Localized::new(
        "写一条 INSERT、REPLACE、UPDATE 或 DELETE，取值处写 :名称",
        "write one INSERT, REPLACE, UPDATE or DELETE, with :name wherever a value goes",
    );
    (Localized::new(zh, en), suggestion)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Statement {
        Statement::read(text, Dialect::MySql).unwrap_or_else(|(message, _)| panic!("{text}: {message:?}"))
    }

    #[test]
    fn names_become_placeholders_and_nothing_else_changes() {
        let statement = read(
            "INSERT INTO `t`\n (no, 备注, at)  VALUES (:no, ':not 订单', DATE_ADD(:at, INTERVAL 1 DAY));",
        );
        assert_eq!(
            &*statement.text,
            "INSERT INTO `t`\n (no, 备注, at)  VALUES (?, ':not 订单', DATE_ADD(?, INTERVAL 1 DAY))"
        );
        assert_eq!(statement.names, ["no", "at"]);
        assert_eq!(statement.tables, ["t"]);
        assert_eq!(statement.columns, [("no".to_owned(), "no".to_owned())]);
        let twice = read("UPDATE t SET 金额 = :金额, x=:x WHERE id = :x AND b = 'it''s :y'");
        assert_eq!(&*twice.text, "UPDATE t SET 金额 = ?, x=? WHERE id = ? AND b = 'it''s :y'");
        assert_eq!(twice.names, ["金额", "x", "x"]);
        assert_eq!(read("DELETE FROM t WHERE a=:a").tables, ["t"]);
    }

    #[test]
    fn the_generated_id_is_taken_only_where_it_is_told() {
        for (dialect, text, id) in [
            (Dialect::MySql, "INSERT INTO t (a) VALUES (:a)", GeneratedId::Answered),
            (Dialect::MySql, "REPLACE INTO t (a) VALUES (:a)", GeneratedId::Answered),
            (
                Dialect::MySql,
                "INSERT INTO t (a) VALUES (:a) ON DUPLICATE KEY UPDATE a = :a",
                GeneratedId::Unknown,
            ),
            (
                Dialect::MySql,
                "INSERT INTO t (a) VALUES (:a) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), a = VALUES(a)",
                GeneratedId::Answered,
            ),
            (Dialect::MySql, "INSERT INTO t (a) VALUES (:a) RETURNING id", GeneratedId::Returned),
            (Dialect::MySql, "UPDATE t SET a = :a WHERE b = 1", GeneratedId::Unknown),
            (
                Dialect::Sqlite,
                "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET b = :b",
                GeneratedId::Unknown,
            ),
            (
                Dialect::Sqlite,
                "INSERT INTO t (a) VALUES (:a) ON CONFLICT (a) DO UPDATE SET b = excluded.b RETURNING id",
                GeneratedId::Returned,
            ),
        ] {
            let statement =
                Statement::read(text, dialect).unwrap_or_else(|(said, _)| panic!("{text}: {said:?}"));
            assert_eq!(statement.id, id, "{text}");
        }
    }

    #[test]
    fn what_could_lose_rows_or_hide_text_is_refused() {
        for (text, part) in [
            ("", "expected one statement"),
            ("SELECT 1", "only INSERT"),
            ("DROP TABLE t", "only INSERT"),
            ("DELETE FROM t WHERE a=:a; DROP TABLE t", "expected one statement"),
            ("INSERT IGNORE INTO t (a) VALUES (:a)", "lose rows"),
            ("INSERT INTO t (a) VALUES (:a, :b)", "1 columns and 2 values"),
            ("INSERT INTO t (a) VALUES (?)", "without a name"),
            ("INSERT INTO t (a) VALUES ('{{order_no}}')", "an expression cannot stand"),
            ("INSERT INTO t (a) /*! x */ VALUES (:a)", "comment"),
            ("INSERT INTO t (a) VALUES (:a) -- x", "comment"),
            ("INSERT INTO shop.t (a) VALUES (:a)", "names a database"),
            ("DELETE FROM t", "without WHERE"),
            ("UPDATE t SET a = :a", "without WHERE"),
        ] {
            let (message, _) = Statement::read(text, Dialect::MySql).expect_err(text);
            assert!(message.en.contains(part), "{text}: {}", message.en);
        }
        let skipping = "INSERT INTO t (a) VALUES (:a) ON CONFLICT DO NOTHING";
        assert!(Statement::read(skipping, Dialect::Sqlite).is_err());
        assert!(read("INSERT INTO t (a) VALUES ('{\"k\": 1}')").names.is_empty());
    }
}
