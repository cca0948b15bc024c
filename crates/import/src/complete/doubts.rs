//! What a person should look at before a flow runs, found by general rules over the finished metadata.

use weir_model::Json;

use super::{
    Plan,
    target::{field, has_value},
};
use crate::{
    collect::{Collected, Side},
    piece::each_text,
    report::{Kind, Report},
    systems::GALAXY,
};

/// Looks at both sides and at what the prose names.
pub fn look(collected: &Collected, plan: &Plan, report: &mut Report) {
    if let Some(first) = collected.cuts.first() {
        let count = collected.cuts.len();
        report.add(
            Kind::Doubtful,
            Some(*first),
            format!("打印的 JSON 有 {count} 处被截断（“...”或末尾，见“修复”）：那里的字段没有导入，请对照原平台补全"),
            format!("the printed JSON is cut off (`...` or its end, see below), {count} times: what stood there is not imported; complete it from the platform"),
        );
    }
    if let Some(source) = &collected.source {
        look_at_source(source, report);
    }
    if let (Some(side), Some(target)) = (&collected.target, &plan.target) {
        look_at_operation(side, report);
        look_at_items(side.items("request"), "", target.system == GALAXY, report);
        for path in &target.key {
            if let Some(item) = find(side.items("request"), path) {
                look_at_key(path, item, report);
            }
        }
        look_at_lists(side.items("request"), report);
    }
    look_at_prose(collected, report);
}

fn look_at_source(side: &Side, report: &mut Report) {
    if side.metadata.get("condition_bk").and_then(Json::as_array).is_some_and(|list| !list.is_empty()) {
        report.add(
            Kind::Doubtful,
            None,
            "condition_bk 未起作用（视为停用的备份，契约 decisions）；要让它过滤，在流程文件中写 language: {condition_bk: apply}",
            "condition_bk is not applied (it is taken for a parked copy, contract decisions); to filter by it, write language: {condition_bk: apply} in the flow file",
        );
    }
    let by_id = matches!(side.metadata.get("idCheck"), None | Some(Json::Bool(true)));
    if by_id {
        report.add(
            Kind::Assumed,
            None,
            "idCheck 为 true 或缺省：内容有变化的记录仍会更新；要像原平台那样只取第一次，写 source.id_check: first",
            "idCheck is true or absent: a changed record is taken again; to keep only the first state as the vendor does, write source.id_check: first",
        );
    }
}

fn look_at_operation(side: &Side, report: &mut Report) {
    let operation = side.metadata.get("operation");
    let text = |key: &str| operation.and_then(|operation| operation.get(key)).map(ToString::to_string);
    if text("method").as_deref() == Some("\"batchArraySave\"")
        && text("rows").is_some_and(|rows| rows.trim_matches('"') == "1")
    {
        report.add(
            Kind::Doubtful,
            None,
            "operation.rows 为 1：名为批量，原平台每次调用只写一张单据；本系统按目标的上限合并，可用 target.settings.batch_documents 调整",
            "operation.rows is 1: batchArraySave by name, one document per call in effect; here documents are sent together up to the target's limit, see target.settings.batch_documents",
        );
    }
}

/// Items that never have a value, and containers that a template left empty.
fn look_at_items(items: &[Json], parent: &str, is_galaxy: bool, report: &mut Report) {
    for item in items {
        let name = field(item);
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        let kind = item.get("type").and_then(Json::as_str).unwrap_or_default();
        if !has_value(item) {
            let (zh, en) = if is_galaxy && name.ends_with("OrgId") {
                ("；金蝶通常要求填写组织", "; Kingdee usually demands an organisation")
            } else {
                ("", "")
            };
            report.add(
                Kind::Doubtful,
                None,
                format!("{path} 没有 value，不会发送{zh}"),
                format!("{path} has no value and is not sent{en}"),
            );
        }
        let is_container = matches!(kind, "object" | "array");
        if is_container && item.get("children").is_none() && has_value(item) {
            let value = item.get("value").map(ToString::to_string).unwrap_or_default();
            report.add(
                Kind::Doubtful,
                None,
                format!("{path} 是 {kind}，却没有子项，值为 {value}：像适配器的空模板，请按实际表补全"),
                format!("{path} is an {kind} without children, its value is {value}: an adapter's empty template by the looks; complete it for the real table"),
            );
        }
        if item.get("parent").and_then(Json::as_str).is_some_and(|parent| !parent.is_empty()) {
            report.add(
                Kind::Doubtful,
                None,
                format!("{path} 以 parent 指明上级（平铺写法），此处不会移入上级：请改成上级的 children"),
                format!("{path} names its parent, as flat listings do, and is not moved there: make it one of the parent's children"),
            );
        }
        let children = item.get("children").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        look_at_items(children, &path, is_galaxy, report);
    }
}

/// Lists without a source list are made once.
fn look_at_lists(items: &[Json], report: &mut Report) {
    for item in items {
        let is_list =
            item.get("type").and_then(Json::as_str) == Some("array") && item.get("children").is_some();
        if is_list && item.get("value").and_then(Json::as_str).is_none_or(str::is_empty) {
            let name = field(item);
            report.add(
                Kind::Assumed,
                None,
                format!("{name} 没有来源数组：只生成一个元素（契约 qeasy-metadata §2）"),
                format!(
                    "{name} names no source list: it is a list of one element (contract qeasy-metadata §2)"
                ),
            );
        }
    }
}

fn find<'i>(items: &'i [Json], path: &str) -> Option<&'i Json> {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let item = items.iter().find(|item| field(item) == name)?;
    match item.get("children").and_then(Json::as_array) {
        Some(children) if !rest.is_empty() => find(children, rest),
        _ => Some(item),
    }
}

/// A key that falls back to a constant is shared by every record that does.
fn look_at_key(path: &str, item: &Json, report: &mut Report) {
    let Some(value) = item.get("value").and_then(Json::as_str) else { return };
    if !value.contains('{') {
        report.add(
            Kind::Doubtful,
            None,
            format!("业务主键 {path} 是常量 {value:?}：所有单据主键相同"),
            format!("the business key {path} is the constant {value:?}: all documents share it"),
        );
    }
    for constant in constant_branches(value) {
        report.add(
            Kind::Doubtful,
            None,
            format!("业务主键 {path} 在某些情况下是常量 {constant:?}（例如查询不到时）：两条这样的记录主键相同，第二条会因重复被拒绝，且不得视为“已写入”"),
            format!("the business key {path} becomes the constant {constant:?} in some cases (such as a lookup that finds nothing): two such records collide, the second is refused as a duplicate and must not be taken for written"),
        );
    }
}

/// What follows `THEN` or `ELSE` when it is a constant.
fn constant_branches(expression: &str) -> Vec<String> {
    let mut constants = Vec::new();
    let mut rest = expression;
    while let Some((word, after)) = next_word(rest) {
        rest = after;
        if word.eq_ignore_ascii_case("THEN") || word.eq_ignore_ascii_case("ELSE") {
            let branch = after.trim_start();
            let quoted = branch.strip_prefix('\'').and_then(|text| text.split_once('\''));
            let plain =
                || branch.split_whitespace().next().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
            let constant = quoted.map(|(text, _)| text).or_else(plain);
            // Empty text makes the document fail for want of a key, it does not collide.
            constants.extend(
                constant.filter(|text| !text.is_empty() && !text.contains(['{', '_'])).map(str::to_owned),
            );
        }
    }
    constants
}

fn next_word(text: &str) -> Option<(&str, &str)> {
    let begin = text.find(|c: char| c.is_ascii_alphabetic())?;
    let rest = text.get(begin..)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some((rest.get(..end)?, rest.get(end..)?))
}

/// Expressions that only the prose names: the metadata they belong to was cut away.
fn look_at_prose(collected: &Collected, report: &mut Report) {
    let mut printed = Vec::new();
    for side in [&collected.source, &collected.target].into_iter().flatten() {
        for value in side.metadata.values() {
            each_text(value, &mut |text| printed.push(squeeze(text)));
        }
    }
    for (first, text) in &collected.prose {
        for word in ["_findCollection find ", "_function "] {
            for (at, _) in text.match_indices(word) {
                let rest = text.get(at..).unwrap_or_default();
                let end = rest.find(['\n', '。', '`', '"', '，', '；']).unwrap_or(rest.len());
                let shown = squeeze(rest.get(..end).unwrap_or_default());
                if printed.iter().any(|known| known.contains(&shown)) {
                    continue;
                }
                let line = first + text.get(..at).unwrap_or_default().matches('\n').count();
                report.add(
                    Kind::Doubtful,
                    Some(line),
                    format!("正文提到的表达式不在任何元数据中：{shown}；请补到对应字段"),
                    format!(
                        "an expression that the text names and no metadata has: {shown}; add it to its field"
                    ),
                );
            }
        }
    }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_branches_are_found() {
        let value = "_function CASE '_findCollection find a from b where c={c} _endFind' when '' then 'TK1' else '{n}' END";
        assert_eq!(constant_branches(value), ["TK1"]);
        assert_eq!(constant_branches("_function CASE {a} WHEN 1 THEN 7 ELSE {b} END"), ["7"]);
        assert!(constant_branches("{authenticated}-then").is_empty());
        assert!(constant_branches("_function CASE '{a}' WHEN '' THEN '' ELSE '{a}' END").is_empty());
    }
}
