//! A target's system and business key.

use serde_json::json;
use weir_model::Json;

use super::{TargetPlan, UNKNOWN, sql};
use crate::{
    collect::Side,
    report::{Kind, Report},
    systems::{self, GALAXY, K3_WISE, MYSQL, SourceApi},
};

/// The plan of a target; completes its items.
pub fn plan(
    flow: &str,
    side: &mut Side,
    source: Option<&mut Side>,
    row: Option<&SourceApi>,
    report: &mut Report,
) -> TargetPlan {
    name_api(side, report);
    let api = side.text("api").to_owned();
    let system = systems::target_system(&api, side.text("method")).unwrap_or(UNKNOWN);
    let mut plan = TargetPlan { system: system.to_owned(), ..TargetPlan::default() };
    match system {
        GALAXY => plan.key = galaxy_key(side, report),
        K3_WISE => plan.key = k3_key(side, row, report),
        MYSQL => sql::plan(flow, side, source, row, &mut plan, report),
        _ => {
            report.add(
                Kind::Doubtful,
                None,
                format!("不认识目标接口 {api:?}：请在 target.system 和 target.key 写系统名和主键"),
                format!("the target's API {api:?} is unknown: name the system in target.system, the key in target.key"),
            );
            plan.key = vec![side.text("id").to_owned()];
        }
    }
    if system != UNKNOWN && system != MYSQL {
        let key = plan.key.join(", ");
        report.add(
            Kind::Assumed,
            None,
            format!("业务主键取 {key}（契约 decisions）"),
            format!("the business key is taken to be {key} (contract decisions)"),
        );
    }
    plan
}

/// What writes is known by the call's parameters where `api` is missing.
fn name_api(side: &mut Side, report: &mut Report) {
    if !side.text("api").is_empty() {
        return;
    }
    let has = |name: &str| side.items("otherRequest").iter().any(|item| field(item) == name);
    let api = match () {
        () if has("FormId") => "batchSave",
        () if has("extend_sql_1") => "execute",
        () if has("main_sql") => "batchexecute",
        () => {
            report.add(
                Kind::Doubtful,
                Some(side.line),
                "目标没有 api：请补上",
                "the target has no api: add it",
            );
            return;
        }
    };
    side.metadata.shift_insert(0, "api".to_owned(), json!(api));
    report.add(
        Kind::Assumed,
        None,
        format!("目标元数据未打印 api：按 otherRequest 取 {api}"),
        format!("the target's metadata names no api: by its otherRequest {api} is taken"),
    );
}

/// The field of an item.
pub fn field(item: &Json) -> &str {
    item.get("field").and_then(Json::as_str).unwrap_or_default()
}

/// Whether an item can have a value.
pub fn has_value(item: &Json) -> bool {
    let given = |key: &str| item.get(key).is_some_and(|value| !value.is_null());
    given("value") || given("default") || given("children")
}

/// Bills by FBillNo; base data by number and creating organisation, where that has a value.
fn galaxy_key(side: &Side, report: &mut Report) -> Vec<String> {
    let items = side.items("request");
    let find = |name: &str| items.iter().find(|item| field(item) == name);
    if find("FNumber").is_none() || find("FBillNo").is_some() {
        if find("FBillNo").is_none() {
            report.add(
                Kind::Doubtful,
                None,
                "没有打印单据编号 FBillNo 或编码 FNumber：请补上映射，否则无法防止重复写入",
                "neither FBillNo nor FNumber is printed: map one, or nothing keeps documents from being written twice",
            );
        }
        return vec!["FBillNo".to_owned()];
    }
    let mut key = vec!["FNumber".to_owned()];
    if let Some(organisation) = find("FCreateOrgId").filter(|item| has_value(item)) {
        let params =
            organisation.get("parser").and_then(|parser| parser.get("params")).and_then(Json::as_str);
        key.push(params.map_or_else(|| "FCreateOrgId".to_owned(), |name| format!("FCreateOrgId.{name}")));
    }
    key
}

/// The order number stands in the page of the head, and is always sent.
fn k3_key(side: &mut Side, row: Option<&SourceApi>, report: &mut Report) -> Vec<String> {
    const NUMBER: &str = "FBillNo";
    let Some(items) = side.items_mut("request") else { return vec![NUMBER.to_owned()] };
    let page = items.iter_mut().find(|item| item.get("children").is_some() && item.get("value").is_none());
    let Some(page) = page else { return vec![NUMBER.to_owned()] };
    let path = format!("{}.{NUMBER}", field(page));
    let Some(children) = page.get_mut("children").and_then(Json::as_array_mut) else { return vec![path] };
    if !children.iter().any(|item| field(item) == NUMBER) {
        let number = row.map_or("number", |row| row.number);
        let value = format!("{{{number}}}");
        children.push(json!({"field": NUMBER, "label": "单据编号", "type": "string", "value": value}));
        report.add(
            Kind::Assumed,
            None,
            format!("没有打印单据编号：补上 {path} = {value}；不带编号重发会产生第二张单（契约 kingdee-k3wise §8、decisions）"),
            format!("the order's number is not printed: {path} = {value} is added; a repeated call without it makes a second order (contract kingdee-k3wise §8, decisions)"),
        );
    }
    vec![path]
}

/// The one field of the record that the target's key is made of.
pub fn field_of_key(side: &Side, plan: &TargetPlan) -> Option<String> {
    let name = plan.key.first()?;
    let item = side.items("request").iter().find(|item| field(item) == name)?;
    let mut names = record_fields(item.get("value")?.as_str()?);
    names.sort();
    names.dedup();
    (names.len() == 1).then(|| names.pop()).flatten()
}

/// The head's fields that an expression reads, those of lookups' conditions left out.
fn record_fields(expression: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = expression;
    while let Some(begin) = rest.find(['{', '_']) {
        rest = rest.get(begin..).unwrap_or_default();
        if let Some(lookup) = rest.strip_prefix("_findCollection ") {
            rest = lookup.split_once("_endFind").map_or("", |(_, after)| after);
        } else if rest.starts_with('{') {
            let inner = rest.trim_start_matches('{');
            let Some((name, after)) = inner.split_once('}') else { return names };
            let name = name.split('|').next().unwrap_or_default().trim();
            let is_field = name.chars().any(|c| c.is_ascii_lowercase()) && !name.contains('.');
            if is_field {
                names.push(name.to_owned());
            }
            rest = after;
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_lookups_are_no_part_of_the_key() {
        let value = "_function CASE '_findCollection find email from x where shop_no={shop_no} _endFind' WHEN '' THEN 'TK1' ELSE '{refund_no}' END";
        assert_eq!(record_fields(value), ["refund_no"]);
        assert_eq!(record_fields("{{a|date}}-{b}{{list.c}}"), ["a", "b"]);
    }
}
