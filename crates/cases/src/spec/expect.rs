//! `expect:` of a case: what must become of its record.

use weir_model::{
    Json,
    settings::{Fields, Localized, Problems},
};

/// What must become of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The result.
    pub result: Expected,
    /// The names of the checks of severity `warn` that it fails, in any order; `None` does not look at them.
    pub warnings: Option<Vec<String>>,
    /// The business key.
    pub key: Option<String>,
    /// The number shown to people.
    pub number: Option<String>,
}

/// The result that is expected.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Something is delivered; what, is not looked at.
    Delivered,
    /// This document, key by key.
    Document(Json),
    /// A document that holds at least this.
    Contains(Json),
    /// These rows of a table; columns that are not named are NULL.
    Rows(Vec<Row>),
    /// As many rows, with at least these columns.
    RowsContain(Vec<Row>),
    /// These documents, in this order.
    Documents(Vec<Json>),
    /// It is left out by a rule that holds this text.
    Filtered(String),
    /// It is refused.
    Refused {
        /// The code.
        code: Option<String>,
        /// The field concerned.
        field: Option<String>,
        /// A part of the message.
        contains: Option<String>,
    },
    /// It waits for a row that is not there.
    Waits {
        /// The collection.
        collection: Option<String>,
        /// The row, as `company_id=1`.
        reference: Option<String>,
    },
}

/// A row by column.
pub type Row = serde_json::Map<String, Json>;

const RESULTS: [&str; 7] = ["document", "contains", "rows", "documents", "filtered", "refused", "waits"];

/// Reads `expect`, which must be there.
pub(super) fn read(case: &mut Fields<'_>, problems: &mut Problems) -> Expectation {
    if case.get("expect").is_none() {
        case.missing_such_as("expect", "{document: {…}}", problems);
        return Expectation { result: Expected::Delivered, warnings: None, key: None, number: None };
    }
    let mut fields = case.mapping("expect", problems);
    let given: Vec<&str> = RESULTS.into_iter().filter(|key| fields.get(key).is_some()).collect();
    let expectation = Expectation {
        result: result(&mut fields, &given, problems),
        warnings: warnings(&mut fields, problems),
        key: fields.text("key", problems),
        number: fields.text("number", problems),
    };
    let beside = [&expectation.key, &expectation.number];
    if given.len() > 1 {
        let list = given.join(", ");
        let message = Localized::new(
            format!("一条记录只有一个结果，这里写了：{list}"),
            format!("a record has one result, here are {list}"),
        );
        problems.error_with(fields.path(), message, Localized::new("保留一个", "keep one of them"));
    } else if given.is_empty() && expectation.warnings.is_none() && beside.iter().all(|text| text.is_none()) {
        let list = RESULTS.join(", ");
        let message = Localized::new("没有写预期的结果", "no result is expected");
        let suggestion = Localized::new(format!("写其中之一：{list}"), format!("write one of {list}"));
        problems.error_with(fields.path(), message, suggestion);
    }
    fields.finish(problems);
    expectation
}

fn result(fields: &mut Fields<'_>, given: &[&str], problems: &mut Problems) -> Expected {
    let Some(key) = given.first() else { return Expected::Delivered };
    let path = fields.path_of(key);
    match *key {
        "document" => Expected::Document(json(fields.get("document"), &path, problems)),
        "contains" => match json(fields.get("contains"), &path, problems) {
            Json::Array(list) => Expected::RowsContain(rows(&list, &path, problems)),
            tree => Expected::Contains(tree),
        },
        "rows" => {
            let list = list(fields.get("rows"), &path, problems);
            Expected::Rows(rows(&list, &path, problems))
        }
        "documents" => {
            let list = list(fields.get("documents"), &path, problems);
            let one =
                |(index, value): (usize, &Json)| json(Some(value), &format!("{path}[{index}]"), problems);
            Expected::Documents(list.iter().enumerate().map(one).collect())
        }
        "filtered" => Expected::Filtered(match fields.get("filtered") {
            Some(Json::Bool(true)) => String::new(),
            _ => fields.text("filtered", problems).unwrap_or_default(),
        }),
        "refused" => refused(fields, problems),
        _ => waits(fields, problems),
    }
}

fn refused(fields: &mut Fields<'_>, problems: &mut Problems) -> Expected {
    if fields.get("refused").is_some_and(|value| *value == Json::Bool(true)) {
        return Expected::Refused { code: None, field: None, contains: None };
    }
    let mut refused = fields.mapping("refused", problems);
    let expected = Expected::Refused {
        code: refused.text("code", problems),
        field: refused.text("field", problems),
        contains: refused.text("contains", problems),
    };
    refused.finish(problems);
    expected
}

fn waits(fields: &mut Fields<'_>, problems: &mut Problems) -> Expected {
    if fields.get("waits").is_some_and(|value| *value == Json::Bool(true)) {
        return Expected::Waits { collection: None, reference: None };
    }
    let mut waits = fields.mapping("waits", problems);
    let expected = Expected::Waits {
        collection: waits.text("collection", problems),
        reference: waits.text("reference", problems),
    };
    waits.finish(problems);
    expected
}

/// A tree as written, or the JSON of a text, whose numbers keep their digits.
fn json(value: Option<&Json>, path: &str, problems: &mut Problems) -> Json {
    match value {
        Some(Json::String(text)) => serde_json::from_str(text).unwrap_or_else(|error| {
            let message = Localized::new(format!("不是 JSON：{error}"), format!("is no JSON: {error}"));
            problems.error_with(
                path,
                message,
                Localized::new("检查此处的 JSON 文本", "look at this JSON text"),
            );
            Json::Null
        }),
        Some(tree) => tree.clone(),
        None => Json::Null,
    }
}

fn list(value: Option<&Json>, path: &str, problems: &mut Problems) -> Vec<Json> {
    let before = problems.list().len();
    match json(value, path, problems) {
        Json::Array(list) => list,
        _ => {
            if problems.list().len() == before {
                let message = Localized::new("应为列表", "expected a list");
                problems.error_with(path, message, Localized::new("写成列表：[{…}]", "write a list: [{…}]"));
            }
            Vec::new()
        }
    }
}

fn rows(list: &[Json], path: &str, problems: &mut Problems) -> Vec<Row> {
    let mut rows = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        match value.as_object() {
            Some(row) => rows.push(row.clone()),
            None => {
                let message = Localized::new("应为列名到值的映射", "expected a mapping of columns to values");
                let suggestion = Localized::new("例如 {sku_sn: SN1}", "such as {sku_sn: SN1}");
                problems.error_with(format!("{path}[{index}]"), message, suggestion);
            }
        }
    }
    rows
}

fn warnings(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    fields.get("warnings")?;
    let path = fields.path_of("warnings");
    let mut names = Vec::new();
    for (index, value) in fields.list("warnings", problems).iter().enumerate() {
        match value.as_str() {
            Some(name) => names.push(name.to_owned()),
            None => problems.error(
                format!("{path}[{index}]"),
                Localized::new("应为检查的名称", "expected the name of a check"),
            ),
        }
    }
    Some(names)
}
