//! `execute` (contract qeasy-metadata §10): the flow's own statements with named values, all of a document in one
//! transaction, and the id that the first one generates for the others. Read when the flow is loaded. Pure.
//!
//! `statement` reads one statement, `body` turns a document into the values of its calls, `columns` knows what a column
//! would change without a word, `write` runs them.

mod body;
mod columns;
mod statement;
mod write;

use tokio::sync::OnceCell;
use weir_model::{
    flow::{Item, TargetSpec},
    settings::{Fields, Localized, Problems, nearest},
    target::BatchLimits,
};

pub(super) use body::Calls;

use super::{config::batch_limits, main_sql::item, statement::Dialect};
use columns::Columns;
use statement::{Complaint, GENERATED_ID, GeneratedId, Statement};

/// A document takes several round trips, and a transaction must end within two minutes.
const BATCH_DOCUMENTS: u64 = 100;
/// `extend_sql_1` to `extend_sql_9`.
const MOST_EXTENSIONS: u32 = 9;

/// The statements of a flow.
#[derive(Debug)]
pub(super) struct Execute {
    steps: Vec<Step>,
    /// How large a batch may be.
    pub(super) limits: BatchLimits,
    /// What the tables' columns hold; known once the statements were tried on the server.
    columns: OnceCell<Columns>,
}

/// One statement and the part of the document that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// `main_sql`, `extend_sql_1`.
    name: String,
    /// `main_params`, `extend_params_1`.
    params: String,
    statement: Statement,
    /// Whether it runs once per element of a list.
    repeats: bool,
}

impl Execute {
    /// Reads the statements and compares them with the mapping; errors go to `problems`.
    pub(super) fn read(target: &TargetSpec, dialect: Dialect, problems: &mut Problems) -> Self {
        let mut fields = Fields::of(&target.settings, "target.settings", problems);
        let limits = batch_limits(&mut fields, BATCH_DOCUMENTS, problems);
        fields.finish(problems);
        let mut steps: Vec<Step> = Vec::new();
        if item(target, "main_sql").is_none() {
            problems.error_with(
                format!("{}.otherRequest", target.metadata.path),
                Localized::new("execute 缺少 main_sql", "execute lacks main_sql"),
                Localized::new(
                    "写 {field: main_sql, value: \"INSERT INTO 表 (列) VALUES (:名称)\"}",
                    "write {field: main_sql, value: \"INSERT INTO table (column) VALUES (:name)\"}",
                ),
            );
        }
        let mut pairs = vec![("main_sql".to_owned(), "main_params".to_owned())];
        pairs
            .extend((1..=MOST_EXTENSIONS).map(|n| (format!("extend_sql_{n}"), format!("extend_params_{n}"))));
        for (name, params) in &pairs {
            let id = steps.first().map(|main| main.statement.id);
            steps.extend(Step::read(target, name, params, id, dialect, problems));
        }
        warn_unused(target, &pairs, problems);
        Self { steps, limits, columns: OnceCell::new() }
    }
}

impl Step {
    /// Reads a statement with its parameters; `main` tells how the first one's id is known, `None` for that one
    /// itself. `None` when the flow has no such statement, or it has errors.
    fn read(
        target: &TargetSpec,
        name: &str,
        params: &str,
        main: Option<GeneratedId>,
        dialect: Dialect,
        problems: &mut Problems,
    ) -> Option<Self> {
        let given = target.metadata.request.iter().find(|item| item.field == params);
        let Some(sql) = item(target, name) else {
            if let Some(given) = given {
                let message = Localized::new(
                    format!("没有使用它的语句 {name}"),
                    format!("no statement {name} uses it"),
                );
                let suggestion = Localized::new(
                    format!("在 otherRequest 中写 {name}，或删除 {params}"),
                    format!("write {name} in otherRequest, or remove {params}"),
                );
                problems.error_with(&given.path, message, suggestion);
            }
            return None;
        };
        let path = format!("{}.value", sql.path);
        let statement = match Statement::read(sql.value.as_deref().unwrap_or_default(), dialect) {
            Ok(statement) => statement,
            Err((message, suggestion)) => {
                problems.error_with(path, message, suggestion);
                return None;
            }
        };
        let children = given.map(|given| given.children.as_slice()).unwrap_or_default();
        for (message, suggestion) in unknown_names(&statement, params, children) {
            problems.error_with(&path, message, suggestion);
        }
        if let Some((message, suggestion)) = unknown_id(&statement, name, main, dialect) {
            problems.error_with(&path, message, suggestion);
        }
        for child in children {
            if let Some((message, suggestion)) = unfit_param(child, name, &statement) {
                problems.error_with(&child.path, message, suggestion);
            }
        }
        let repeats = given.is_some_and(|given| given.kind == "array");
        if repeats && name == "main_sql" {
            let message = Localized::new("main_params 应为一个对象", "main_params is one object");
            let suggestion = Localized::new(
                "写 type: object；每个元素执行一次的语句写成 extend_sql_1",
                "write type: object; a statement that runs once per element is extend_sql_1",
            );
            problems.error_with(
                given.map(|given| given.path.as_str()).unwrap_or_default(),
                message,
                suggestion,
            );
        }
        Some(Self { name: name.to_owned(), params: params.to_owned(), statement, repeats })
    }
}

/// Every `:name` needs a value.
fn unknown_names(statement: &Statement, params: &str, children: &[Item]) -> Vec<Complaint> {
    let known: Vec<&str> = children.iter().map(|child| child.field.as_str()).collect();
    let mut names: Vec<&str> = statement.names.iter().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let unknown = names.into_iter().filter(|name| *name != GENERATED_ID && !known.contains(name));
    let complain = |name: &str| {
        let message = Localized::new(
            format!(":{name} 在 {params} 中没有取值"),
            format!(":{name} has no value in {params}"),
        );
        let suggestion = match nearest(name, &known) {
            Some(best) => Localized::new(format!("是否想写 :{best}？"), format!("did you mean :{best}?")),
            None => Localized::new(
                format!("在 {params} 的 children 中加上 {{field: {name}, value: …}}"),
                format!("add {{field: {name}, value: …}} to the children of {params}"),
            ),
        };
        (message, suggestion)
    };
    unknown.map(complain).collect()
}

/// `:lastInsertId` must be known, and of the one row that the first statement wrote.
fn unknown_id(
    statement: &Statement,
    name: &str,
    main: Option<GeneratedId>,
    dialect: Dialect,
) -> Option<Complaint> {
    if !statement.takes_generated_id() {
        return None;
    }
    match main {
        Some(GeneratedId::Answered | GeneratedId::Returned) => return None,
        // The first statement had errors of its own.
        None if name != "main_sql" => return None,
        None => {
            let message = Localized::new(
                "main_sql 执行后才有 :lastInsertId",
                ":lastInsertId is there only after main_sql has run",
            );
            let suggestion = Localized::new("在 extend_sql_1 中使用它", "use it in extend_sql_1");
            return Some((message, suggestion));
        }
        Some(GeneratedId::Unknown) => {}
    }
    let message = Localized::new(
        "main_sql 更新已有行时不返回它的 id，:lastInsertId 会指向别的行",
        "main_sql does not tell the id of a row that was there before: :lastInsertId would be that of another row",
    );
    let suggestion = match dialect {
        Dialect::MySql => Localized::new(
            "main_sql 用 INSERT … ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), …",
            "let main_sql be INSERT … ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), …",
        ),
        Dialect::Sqlite => Localized::new(
            "main_sql 用 INSERT … ON CONFLICT (列) DO UPDATE SET … RETURNING id",
            "let main_sql be INSERT … ON CONFLICT (column) DO UPDATE SET … RETURNING id",
        ),
    };
    Some((message, suggestion))
}

/// Every parameter is one value that the statement uses.
fn unfit_param(child: &Item, name: &str, statement: &Statement) -> Option<Complaint> {
    let field = &child.field;
    if field == GENERATED_ID {
        let message = Localized::new(
            "这个名称属于 main_sql 生成的 id",
            "this name is that of the id main_sql generates",
        );
        return Some((message, Localized::new("换一个名称", "choose another name")));
    }
    if !child.children.is_empty() {
        let message =
            Localized::new("参数只能取单个值", "a parameter takes one value, no object and no list");
        let suggestion = Localized::new("把子项各写成一个参数", "make each of its children a parameter");
        return Some((message, suggestion));
    }
    if field.is_empty() || statement.names.contains(field) {
        return None;
    }
    let message =
        Localized::new(format!("{name} 没有使用 :{field}"), format!("{name} does not use :{field}"));
    let suggestion = Localized::new(
        format!("在语句中写 :{field}，或删除此项"),
        format!("write :{field} in the statement, or remove this item"),
    );
    Some((message, suggestion))
}

/// Items that no statement is made of.
fn warn_unused(target: &TargetSpec, pairs: &[(String, String)], problems: &mut Problems) {
    let request =
        target.metadata.request.iter().filter(|item| pairs.iter().all(|(_, name)| *name != item.field));
    let other = &target.metadata.other_request;
    let other = other.iter().filter(|item| pairs.iter().all(|(name, _)| *name != item.field));
    for item in request.chain(other).filter(|item| !item.field.is_empty()) {
        let field = &item.field;
        let message = Localized::new(
            format!("execute 不使用 {field}，已保留但不起作用"),
            format!("execute does not use {field}: kept, without effect"),
        );
        let suggestion = Localized::new(
            "参数写在 main_params、extend_params_1 的 children 中，语句写成 main_sql、extend_sql_1",
            "parameters go into the children of main_params or extend_params_1, statements are main_sql and extend_sql_1",
        );
        problems.warn_with(&item.path, message, suggestion);
    }
}

#[cfg(test)]
mod tests;
