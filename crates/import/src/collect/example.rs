//! Examples of calls and documents, as articles print them, read back into the items they were made of.

use serde_json::{Map, json};
use weir_model::Json;

use crate::{
    piece::each_text,
    report::{Kind, Report},
};

/// The items of a query whose parameters are `params`. A fixed time where the API's window stands becomes the window.
pub fn query_items(
    params: &Map<String, Json>,
    window: Option<[&str; 2]>,
    line: usize,
    report: &mut Report,
) -> Vec<Json> {
    params.iter().map(|(field, value)| query_item(field, value, window, line, report)).collect()
}

fn query_item(
    field: &str,
    value: &Json,
    window: Option<[&str; 2]>,
    line: usize,
    report: &mut Report,
) -> Json {
    match value {
        Json::Object(members) => {
            let children = query_items(members, window, line, report);
            json!({"field": field, "type": "object", "children": children})
        }
        Json::Array(_) => {
            let text = value.to_string();
            report.add(
                Kind::LeftOut,
                Some(line),
                format!("参数 {field} 的示例值 {text} 会限制查询范围，未采用；需要时请写 value"),
                format!("the example's value {text} of {field} would narrow the query: left out; set it as value if it is meant"),
            );
            json!({"field": field, "type": "array"})
        }
        Json::Bool(flag) => json!({"field": field, "type": "bool", "value": flag.to_string()}),
        Json::Null => json!({"field": field, "type": "string"}),
        Json::String(text) => {
            json!({"field": field, "type": "string", "value": window_value(field, text, window, line, report)})
        }
        Json::Number(number) => json!({"field": field, "type": "string", "value": number.to_string()}),
    }
}

fn window_value(
    field: &str,
    text: &str,
    window: Option<[&str; 2]>,
    line: usize,
    report: &mut Report,
) -> String {
    let [begin, end] = window.unwrap_or_default();
    let starts_with_a_date = text.len() >= 10 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    let name = match field {
        _ if !starts_with_a_date => return text.to_owned(),
        _ if field == begin => "LAST_SYNC_TIME",
        _ if field == end => "CURRENT_TIME",
        _ => return text.to_owned(),
    };
    let value = format!("{{{{{name}|datetime}}}}");
    report.add(
        Kind::Assumed,
        Some(line),
        format!("示例中 {field} 的固定时间 {text} 改为 {value}：窗口由系统规划"),
        format!("the example's fixed time {text} of {field} becomes {value}: windows are planned"),
    );
    value
}

/// The items of a document.
pub fn document_items(document: &Map<String, Json>, report: &mut Report) -> Vec<Json> {
    document.iter().map(|(field, value)| document_item(field, value, report)).collect()
}

fn document_item(field: &str, value: &Json, report: &mut Report) -> Json {
    match value {
        Json::Object(members) => match members.iter().next() {
            Some((key, Json::String(text))) if members.len() == 1 => json!({
                "field": field, "type": "string", "value": text,
                "parser": {"name": "ConvertObjectParser", "params": key},
            }),
            _ => json!({"field": field, "type": "object", "children": document_items(members, report)}),
        },
        Json::Array(elements) => list_item(field, elements, report),
        Json::Bool(flag) => json!({"field": field, "type": "bool", "value": flag.to_string()}),
        Json::Null => json!({"field": field, "type": "string"}),
        Json::String(text) => json!({"field": field, "type": "string", "value": text}),
        Json::Number(number) => json!({"field": field, "type": "string", "value": number.to_string()}),
    }
}

fn list_item(field: &str, elements: &[Json], report: &mut Report) -> Json {
    let Some(members) = elements.iter().find_map(Json::as_object) else {
        return json!({"field": field, "type": "array"});
    };
    let children = document_items(members, report);
    let Some(list) = source_list(members) else {
        return json!({"field": field, "type": "array", "children": children});
    };
    report.add(
        Kind::Assumed,
        None,
        format!("{field} 按来源数组 {list} 逐行生成：取自其中 {{{{{list}.…}}}} 的写法"),
        format!("{field} is made once per element of {list}, for its values are written {{{{{list}.…}}}}"),
    );
    json!({"field": field, "type": "array", "value": list, "children": children})
}

/// The one list that macros such as `{{list.field}}` name.
fn source_list(members: &Map<String, Json>) -> Option<String> {
    let mut lists: Vec<String> = Vec::new();
    for value in members.values() {
        each_text(value, &mut |text| lists.extend(list_names(text)));
    }
    lists.sort();
    lists.dedup();
    (lists.len() == 1).then(|| lists.pop()).flatten()
}

/// The lists that the macros of a text name.
pub fn list_names(text: &str) -> Vec<String> {
    let macros = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}"));
    macros.filter_map(|(inner, _)| inner.split_once('.')).map(|(list, _)| list.trim().to_owned()).collect()
}

/// The call's parameters, written as an object, as items.
pub fn call_items(members: &Map<String, Json>) -> Vec<Json> {
    let item = |(field, value): (&String, &Json)| match value {
        Json::String(text) => json!({"field": field, "type": "string", "value": text}),
        Json::Bool(flag) => json!({"field": field, "type": "bool", "value": flag.to_string()}),
        other => json!({"field": field, "type": "string", "value": other.to_string()}),
    };
    members.iter().map(item).collect()
}

/// The parameters that an example fixes, as `name = value`.
pub fn fixed_values(items: &[Json]) -> String {
    let mut fixed = Vec::new();
    for item in items {
        let field = item.get("field").and_then(Json::as_str).unwrap_or_default();
        match item.get("value").and_then(Json::as_str) {
            Some(value) if !value.contains('{') => fixed.push(format!("{field} = {value}")),
            _ => {}
        }
        let children = item.get("children").and_then(Json::as_array).map(|children| fixed_values(children));
        fixed.extend(children.filter(|text| !text.is_empty()));
    }
    fixed.join(", ")
}
