//! What a flow file needs and a print lacks: systems, keys, columns, aliases. Whatever is filled in is an entry of the
//! report; what the contracts tell is named with its section.

mod aliases;
mod doubts;
mod sql;
mod target;

use serde_json::json;
use weir_model::Json;

use crate::{
    collect::{Collected, Side},
    piece::mentions,
    report::{Kind, Report},
    systems::{self, SourceApi},
};

/// The keys of ours for a flow file.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The source's.
    pub source: Option<SourcePlan>,
    /// The target's.
    pub target: Option<TargetPlan>,
    /// Names in expressions → collections.
    pub aliases: Vec<(String, String)>,
}

/// Keys of ours of a source.
#[derive(Clone, Debug, Default)]
pub struct SourcePlan {
    /// The system.
    pub system: String,
    /// Fields that identify a record; empty leaves it to the metadata's `id`.
    pub key: Vec<String>,
    /// Fields used instead.
    pub key_fallback: Vec<String>,
    /// Field with the modification time; empty for none.
    pub modified: String,
}

/// Keys of ours of a target.
#[derive(Clone, Debug, Default)]
pub struct TargetPlan {
    /// The system.
    pub system: String,
    /// The business key.
    pub key: Vec<String>,
    /// Settings of the target's own.
    pub settings: Option<Json>,
}

/// Stands for a system that no API tells.
const UNKNOWN: &str = "unknown";

/// Fills in what is missing, in both sides' metadata and beside it.
pub fn complete(flow: &str, collected: &mut Collected, report: &mut Report) -> Plan {
    let mut plan = Plan::default();
    if let Some(source) = &mut collected.source {
        name_api(source, &collected.prose, report);
    }
    let row = collected.source.as_ref().and_then(|source| systems::source(source.text("api")));
    if let Some(side) = &mut collected.target {
        plan.target = Some(target::plan(flow, side, collected.source.as_mut(), row, report));
    }
    if let Some(side) = &mut collected.source {
        let hint = collected.target.as_ref().zip(plan.target.as_ref());
        let hint = hint.and_then(|(side, plan)| target::field_of_key(side, plan));
        plan.source = Some(source(side, row, hint, report));
        side.sort();
    }
    let sides = [collected.source.as_ref(), collected.target.as_ref()];
    for side in sides.into_iter().flatten() {
        aliases::find(&side.metadata, &mut plan.aliases, report);
    }
    doubts::look(collected, &plan, report);
    plan
}

/// The API of a source whose metadata does not name it: the first known one that the prose names.
fn name_api(side: &mut Side, prose: &[(usize, String)], report: &mut Report) {
    if !side.text("api").is_empty() {
        return;
    }
    let mentioned = prose.iter().find_map(|(line, text)| {
        let named = systems::SOURCES.iter().filter_map(|row| Some((text.find(row.api)?, row.api)));
        let (at, api) = named.min_by_key(|(at, _)| *at)?;
        Some((line + text.get(..at)?.matches('\n').count(), api))
    });
    match mentioned {
        Some((line, api)) => {
            side.metadata.shift_insert(0, "api".to_owned(), json!(api));
            report.add(
                Kind::Assumed,
                Some(line),
                format!("来源元数据未打印 api：取自正文中的 {api}"),
                format!("the source's metadata names no api: {api} is taken from the text"),
            );
        }
        None => report.add(
            Kind::Doubtful,
            Some(side.line),
            "来源没有 api：请补上",
            "the source has no api: add it",
        ),
    }
}

fn source(side: &mut Side, row: Option<&SourceApi>, hint: Option<String>, report: &mut Report) -> SourcePlan {
    let api = side.text("api").to_owned();
    let system = systems::source_system(&api).unwrap_or(UNKNOWN).to_owned();
    if system == UNKNOWN {
        report.add(
            Kind::Doubtful,
            None,
            format!("不认识来源接口 {api:?}：请在 source.system 写系统名"),
            format!("the source's API {api:?} is unknown: name the system in source.system"),
        );
    }
    let mut plan = SourcePlan { system, ..SourcePlan::default() };
    add_id(side, row, hint, report);
    if let Some(row) = row {
        check_id(side.text("id"), row, &mut plan, report);
        check_paging(side, row, report);
        row.modified.clone_into(&mut plan.modified);
        report.add(
            Kind::Assumed,
            None,
            format!("修改时间字段取 {}（契约 {}）", row.modified, row.contract),
            format!("the modification time is taken to be {} (contract {})", row.modified, row.contract),
        );
    } else {
        report.add(
            Kind::Doubtful,
            None,
            "未设置 source.modified：写上修改时间字段，记录的新旧才能判断",
            "source.modified is not set: name the field of the modification time, so that states can be ordered",
        );
    }
    check_window(side, report);
    plan
}

fn add_id(side: &mut Side, row: Option<&SourceApi>, hint: Option<String>, report: &mut Report) {
    if side.text("id").is_empty() {
        let by_contract = row.map(|row| {
            (row.id.to_owned(), format!("契约 {}", row.contract), format!("contract {}", row.contract))
        });
        let by_key = hint.map(|field| {
            (field, "目标主键所用的字段".to_owned(), "the field that the target's key is made of".to_owned())
        });
        let Some((id, zh, en)) = by_contract.or(by_key) else {
            report.add(
                Kind::Doubtful,
                None,
                "来源没有 id：请补上标识记录的字段",
                "the source has no id: add the field that identifies a record",
            );
            return;
        };
        side.metadata.insert("id".to_owned(), json!(id));
        report.add(
            Kind::Assumed,
            None,
            format!("来源未打印 id：取 {id}（{zh}）"),
            format!("the source's id is not printed: {id} is taken ({en})"),
        );
    }
    if let Some(row) = row.filter(|_| side.by_example && side.text("number").is_empty()) {
        side.metadata.insert("number".to_owned(), json!(row.number));
        report.add(
            Kind::Assumed,
            None,
            format!("来源未打印 number：取 {}（契约 {}）", row.number, row.contract),
            format!(
                "the source's number is not printed: {} is taken (contract {})",
                row.number, row.contract
            ),
        );
    }
}

/// An id that repeats would make one record of many.
fn check_id(id: &str, row: &SourceApi, plan: &mut SourcePlan, report: &mut Report) {
    let Some(repeating) = row.repeating_id.as_ref().filter(|repeating| repeating.id == id) else { return };
    plan.key = repeating.key.iter().map(|field| (*field).to_owned()).collect();
    plan.key_fallback = repeating.fallback.iter().map(|field| (*field).to_owned()).collect();
    let (key, fallback) = (plan.key.join(", "), plan.key_fallback.join(", "));
    report.add(
        Kind::Doubtful,
        None,
        format!("id {id} 会重复（契约 {}；作主键会互相覆盖）：source.key 改用 {key}，缺失时用 {fallback}；元数据中的 id 保持不变", row.contract),
        format!("the id {id} repeats (contract {}): as a key it overwrites records. source.key is {key}, or {fallback} where that is missing; the metadata's id stays as printed", row.contract),
    );
}

/// The page size that the request fixes, against `pagination` and the API's largest page.
fn check_paging(side: &mut Side, row: &SourceApi, report: &mut Report) {
    let (field, most) = row.page_size;
    let paged = side.metadata.get("pagination").and_then(|pagination| pagination.get("pageSize"));
    let paged = paged.map(|size| size.as_str().map_or_else(|| size.to_string(), str::to_owned));
    let by_example = side.by_example;
    let Some(items) = side.metadata.get_mut("request").and_then(Json::as_array_mut) else { return };
    let Some(item) = items.iter_mut().find(|item| item.get("field").and_then(Json::as_str) == Some(field))
    else {
        return;
    };
    let Some(size) = item.get("value").and_then(Json::as_str).map(str::to_owned) else { return };
    match paged {
        Some(paged) if paged != size && by_example => {
            let value = "{{PAGINATION_PAGE_SIZE}}";
            if let Some(item) = item.as_object_mut() {
                item.insert("value".to_owned(), json!(value));
            }
            report.add(
                Kind::Assumed,
                None,
                format!("示例中 {field} 为 {size}，元数据 pagination.pageSize 为 {paged}：以元数据为准，写成 {value}"),
                format!("the example's {field} is {size}, pagination.pageSize is {paged}: the metadata counts, {value} is written"),
            );
        }
        Some(paged) if paged != size && !size.contains('{') => report.add(
            Kind::Doubtful,
            None,
            format!("{field} 为 {size}，pagination.pageSize 为 {paged}：以请求参数为准"),
            format!("{field} is {size}, pagination.pageSize is {paged}: the request's own counts"),
        ),
        _ => {}
    }
    if let (Ok(size), Some(most)) = (size.parse::<u64>(), most)
        && size > most
    {
        report.add(
            Kind::Doubtful,
            None,
            format!("打印的每页条数 {size} 超过接口上限 {most}（契约 {}）", row.contract),
            format!(
                "the printed page size {size} is above the API's largest, {most} (contract {})",
                row.contract
            ),
        );
    }
}

/// Without a window every record of the account is read in each poll, or none that is new.
fn check_window(side: &Side, report: &mut Report) {
    let macros = [("LAST_SYNC_TIME", "起"), ("CURRENT_TIME", "止")];
    for (name, zh) in macros.iter().filter(|(name, _)| !mentions(&side.metadata, &[name])) {
        report.add(
            Kind::Doubtful,
            None,
            format!("请求中没有窗口的{zh}点：给对应参数写 {{{{{name}|datetime}}}}"),
            format!("the request has no {name}: give {{{{{name}|datetime}}}} to the parameter of that end of the window"),
        );
    }
}
