//! A SQL target: the columns of its statement, the items they lack, and the table's settings; or the statements of its
//! own that it runs (`execute`), which need nothing but a key. An `execute` printed without statements is taken for a table.

use serde_json::{Map, json};
use weir_model::Json;

use super::{TargetPlan, target::field};
use crate::{
    collect::Side,
    report::{Kind, Report},
    systems::SourceApi,
};

/// The item with the first statement.
const MAIN_SQL: &str = "main_sql";

/// `INSERT` or `REPLACE` up to `VALUES`, read for its names.
#[derive(Debug, PartialEq, Eq)]
struct Statement {
    table: String,
    columns: Vec<String>,
}

/// Completes the items and plans key and settings.
pub fn plan(
    flow: &str,
    side: &mut Side,
    source: Option<&mut Side>,
    row: Option<&SourceApi>,
    plan: &mut TargetPlan,
    report: &mut Report,
) {
    let has_statement = side.items("otherRequest").iter().any(|item| {
        let name = field(item);
        name == MAIN_SQL || name.starts_with("extend_sql_")
    });
    if side.text("api") == "execute" && has_statement {
        plan.key = vec![key_of_statements(side, row, report)];
        return;
    }
    let statement = side.items("otherRequest").iter().find(|item| field(item) == MAIN_SQL);
    let statement = statement.and_then(|item| item.get("value")?.as_str()).and_then(Statement::read);
    let table = match &statement {
        Some(statement) => {
            add_items(side, &statement.columns, report);
            statement.table.clone()
        }
        None => {
            let table = flow.replace('-', "_");
            report.add(
                Kind::Doubtful,
                None,
                format!("没有打印写表的语句：表名暂用 {table}，列取自 request；请改成真实的表"),
                format!("no statement that writes a table is printed: the table is called {table}, its columns are the request's items; set the real ones"),
            );
            table
        }
    };
    plan.key = key(side, row, statement.is_some(), report);
    let columns: Vec<String> = side.items("request").iter().map(|item| field(item).to_owned()).collect();
    if let Some(row) = row {
        flatten(&columns, row, source, report);
    }
    plan.settings = Some(settings(&table, &columns, &plan.key, side, report));
}

/// The business key of statements with named values: a parameter of the first one.
fn key_of_statements(side: &Side, row: Option<&SourceApi>, report: &mut Report) -> String {
    const PARAMS: &str = "main_params";
    if !side.items("otherRequest").iter().any(|item| field(item) == MAIN_SQL) {
        report.add(
            Kind::Doubtful,
            None,
            "没有打印语句 main_sql：请在 otherRequest 中补上，取值写成 :名称",
            "no statement is printed: add main_sql to otherRequest, with :name for each value",
        );
    }
    let params = side.items("request").iter().find(|item| field(item) == PARAMS);
    let children = params.and_then(|item| item.get("children")?.as_array());
    let names: Vec<&str> = children.into_iter().flatten().map(field).collect();
    let known = [side.text("id"), row.map_or("", |row| row.number)];
    let Some(name) = known.iter().find(|name| names.contains(*name)).or(names.first()) else {
        return PARAMS.to_owned();
    };
    let key = format!("{PARAMS}.{name}");
    report.add(
        Kind::Assumed,
        None,
        format!("业务主键取 {key}；它在表中应是唯一的"),
        format!("the business key is taken to be {key}; it must be unique in its table"),
    );
    key
}

impl Statement {
    fn read(text: &str) -> Option<Self> {
        let words = text.trim_start();
        let upper = words.to_ascii_uppercase();
        if !upper.starts_with("INSERT") && !upper.starts_with("REPLACE") {
            return None;
        }
        let into = upper.find("INTO")? + "INTO".len();
        let (table, rest) = words.get(into..)?.split_once('(')?;
        let (columns, _) = rest.split_once(')')?;
        // The connection names the database.
        let table = unquote(table.trim().rsplit('.').next()?);
        let columns: Vec<String> = columns.split(',').map(unquote).filter(|name| !name.is_empty()).collect();
        (!table.is_empty() && !table.contains(char::is_whitespace)).then_some(Self { table, columns })
    }
}

fn unquote(name: &str) -> String {
    name.trim().trim_matches(['`', '"']).to_owned()
}

/// An item `{column}` for every column of the statement that has none (contract decisions, "Mapping language").
fn add_items(side: &mut Side, columns: &[String], report: &mut Report) {
    let printed = side.items("request").len();
    let Some(items) = side.items_mut("request") else { return };
    let is_column = |item: &Json| columns.iter().any(|column| column == field(item));
    let extra: Vec<String> =
        items.iter().filter(|item| !is_column(item)).map(|item| field(item).to_owned()).collect();
    let missing: Vec<&String> =
        columns.iter().filter(|column| !items.iter().any(|item| field(item) == column.as_str())).collect();
    if !extra.is_empty() {
        let names = extra.join(", ");
        report.add(
            Kind::Doubtful,
            None,
            format!("这些项目不在语句的列中：{names}；请统一名称"),
            format!("these items are no columns of the statement: {names}; make the names agree"),
        );
    }
    if missing.is_empty() {
        return;
    }
    let names = missing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let (all, added) = (columns.len(), missing.len());
    report.add(
        Kind::Assumed,
        None,
        format!("补上 {added} 项，值为同名字段 {{列名}}：{names}"),
        format!("{added} items are added, each with the field of its name as {{column}}: {names}"),
    );
    report.add(
        Kind::Doubtful,
        None,
        format!("语句有 {all} 列，request 只打印了 {printed} 项：其余 {added} 项按同名字段补上（见“假设”），请逐项核对"),
        format!("the statement has {all} columns and the request prints {printed} items: the other {added} are filled in by their names (see below); compare each"),
    );
    let added: Vec<Json> = missing
        .iter()
        .map(|column| json!({"field": column, "type": "string", "value": format!("{{{column}}}")}))
        .collect();
    let mut known = std::mem::take(items);
    known.extend(added);
    // Values are written in the order of the columns.
    let place =
        |item: &Json| columns.iter().position(|column| column == field(item)).unwrap_or(columns.len());
    known.sort_by_key(place);
    *items = known;
}

/// The columns that identify a row.
fn key(side: &mut Side, row: Option<&SourceApi>, has_statement: bool, report: &mut Report) -> Vec<String> {
    let id = side.text("id").to_owned();
    let by_contract: Vec<String> =
        row.iter().flat_map(|row| row.row_key).map(|name| (*name).to_owned()).collect();
    let Some(items) = side.items_mut("request") else { return Vec::new() };
    let lacking: Vec<String> =
        by_contract.iter().filter(|name| !items.iter().any(|item| field(item) == **name)).cloned().collect();
    // A statement's columns are the table's: only where none is printed may the key bring its own.
    let is_known = !by_contract.is_empty() && (lacking.is_empty() || !has_statement);
    if is_known {
        for name in lacking.iter().rev() {
            items.insert(0, json!({"field": name, "type": "string", "value": format!("{{{name}}}")}));
            report.add(
                Kind::Assumed,
                None,
                format!("补上唯一键的列 {name}，值为 {{{name}}}"),
                format!("the unique key's column {name} is added, with the value {{{name}}}"),
            );
        }
    }
    let has_id = items.iter().any(|item| field(item) == id);
    let first = items.first().map(|item| field(item).to_owned());
    let (key, source) = match row {
        Some(row) if is_known => (by_contract, row.contract),
        _ if has_id => (vec![id], "id"),
        _ => (first.into_iter().collect(), ""),
    };
    let names = key.join(", ");
    if source.is_empty() {
        report.add(
            Kind::Doubtful,
            None,
            format!("看不出表的唯一键：暂用第一列 {names}；请改成真实的唯一键"),
            format!("what identifies a row is not to be seen: the first column {names} stands in; set the table's unique key"),
        );
    } else {
        report.add(
            Kind::Assumed,
            None,
            format!("表的唯一键取 {names}（{source}）；表中须有同样的唯一索引"),
            format!("the table's unique key is taken to be {names} ({source}); the table must have that unique index"),
        );
    }
    key
}

/// Columns named after the record's lines need the lines flattened.
fn flatten(columns: &[String], row: &SourceApi, source: Option<&mut Side>, report: &mut Report) {
    let Some(lines) = row.lines else { return };
    let prefix = format!("{lines}_");
    if !columns.iter().any(|column| column.starts_with(&prefix)) {
        return;
    }
    for odd in columns.iter().filter(|column| column.starts_with(lines) && !column.starts_with(&prefix)) {
        report.add(
            Kind::Doubtful,
            None,
            format!("列名 {odd} 可疑：像 {lines} 的字段却缺少下划线，取不到值；按原样保留，请核对表结构"),
            format!("the column name {odd} is doubtful: it looks like a field of {lines} but lacks the underscore, and will be empty; kept as printed, compare it with the table"),
        );
    }
    let Some(source) = source.filter(|side| !side.metadata.contains_key("beatFlat")) else { return };
    source.metadata.insert("beatFlat".to_owned(), json!([lines]));
    report.add(
        Kind::Assumed,
        None,
        format!("列名以 {prefix} 开头而未打印 beatFlat：补上 beatFlat: [{lines}]，每条明细一行"),
        format!("columns begin with {prefix} and beatFlat is not printed: beatFlat: [{lines}] is added, one row per line"),
    );
}

/// `target.settings`: every column is text but the key's, for the types are not printed.
fn settings(table: &str, columns: &[String], key: &[String], side: &Side, report: &mut Report) -> Json {
    let kind = |name: &String| if key.contains(name) { "varchar(64)" } else { "text" };
    let list: Vec<Json> = columns.iter().map(|name| json!({"name": name, "type": kind(name)})).collect();
    report.add(
        Kind::Assumed,
        None,
        "列类型未打印：主键列用 varchar(64)，其余用 text；表已存在时请改成真实类型",
        "the types of the columns are not printed: varchar(64) for the key's, text for the others; set those of the table",
    );
    let mut settings = Map::new();
    settings.insert("table".to_owned(), json!(table));
    let limit = side.items("otherRequest").iter().find(|item| field(item) == "limit");
    let limit = limit.and_then(|item| item.get("value")?.as_str()?.parse::<u64>().ok());
    if let Some(limit) = limit.filter(|limit| (1..=1_000).contains(limit)) {
        settings.insert("batch_documents".to_owned(), json!(limit));
    }
    settings.insert("columns".to_owned(), Json::Array(list));
    Json::Object(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_for_their_names() {
        let read = |text: &str| Statement::read(text).map(|read| (read.table, read.columns.join(",")));
        assert_eq!(
            read("replace into `shop`.`t`\n( `a` , b,c )\nVALUES"),
            Some(("t".to_owned(), "a,b,c".to_owned()))
        );
        assert_eq!(read("INSERT IGNORE INTO t(a) VALUES"), Some(("t".to_owned(), "a".to_owned())));
        for other in ["DELETE FROM t", "INSERT INTO t VALUES (1)", "", "REPLACE INTO t", "INSERT INTO (a)"] {
            assert!(read(other).is_none_or(|(table, _)| table == "t"), "{other}");
        }
    }
}
