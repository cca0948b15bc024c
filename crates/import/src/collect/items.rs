//! Items of several prints, merged: what one lacks the other adds; where they disagree, the first one counts and the
//! report tells.

use serde_json::Map;
use weir_model::Json;

use super::{Side, example::list_names};
use crate::{
    piece::each_text,
    report::{Kind, Report},
};

/// Lists of items.
const ITEM_LISTS: [&str; 3] = ["request", "otherRequest", "children"];

/// Adds a key to a side's metadata or an item.
pub fn merge_key(members: &mut Map<String, Json>, key: &str, value: &Json, line: usize, report: &mut Report) {
    match (members.get_mut(key), value) {
        (None, _) => {
            members.insert(key.to_owned(), value.clone());
        }
        (Some(known), _) if known == value => {}
        (Some(Json::Array(_)), Json::Array(items)) if ITEM_LISTS.contains(&key) => {
            merge_list(members, key, items.clone(), line, report);
        }
        (Some(known), _) => {
            let (known, other) = (known.to_string(), value.to_string());
            report.add(
                Kind::Doubtful,
                Some(line),
                format!("{key} 前后不一致：采用先出现的 {known}，未采用 {other}"),
                format!(
                    "{key} is printed twice and differs: the first, {known}, counts; {other} is left out"
                ),
            );
        }
    }
}

/// Adds items to the list under `key`; an item of the same field is completed.
pub fn merge_list(
    members: &mut Map<String, Json>,
    key: &str,
    items: Vec<Json>,
    line: usize,
    report: &mut Report,
) {
    let list = members.entry(key).or_insert_with(|| Json::Array(Vec::new()));
    let Some(list) = list.as_array_mut() else { return };
    for item in items {
        merge_item(list, item, line, report);
    }
}

fn field(item: &Json) -> &str {
    item.get("field").and_then(Json::as_str).unwrap_or_default()
}

fn merge_item(list: &mut Vec<Json>, item: Json, line: usize, report: &mut Report) {
    let known = list.iter_mut().find(|known| field(known) == field(&item)).and_then(Json::as_object_mut);
    match (known, item.as_object()) {
        (Some(known), Some(members)) => {
            for (key, value) in members {
                merge_key(known, key, value, line, report);
            }
        }
        _ => list.push(item),
    }
}

/// Puts items whose place was not printed into the target's request: to the item of the same field, into the list they
/// are made of, into the document's head, or at the end. Containers first, for the others may belong into them.
pub fn place(side: &mut Side, loose: Vec<Json>, line: usize, report: &mut Report) {
    let (containers, scalars): (Vec<Json>, Vec<Json>) =
        loose.into_iter().partition(|item| item.get("children").is_some());
    let Some(request) = side.items_mut("request") else { return };
    for item in containers.into_iter().chain(scalars) {
        if let Some(known) = find(request, field(&item)) {
            for (key, value) in item.as_object().into_iter().flatten() {
                merge_key(known, key, value, line, report);
            }
        } else if let Some(children) = children_for(request, &item) {
            let (name, parent) = (field(&item).to_owned(), children.1);
            children.0.push(item);
            report.add(
                Kind::Assumed,
                Some(line),
                format!("{name} 的上级未打印：放入 {parent}"),
                format!("where {name} belongs is not printed: it is put into {parent}"),
            );
        } else {
            request.push(item);
        }
    }
}

fn find<'i>(items: &'i mut [Json], wanted: &str) -> Option<&'i mut Map<String, Json>> {
    for item in items {
        if field(item) == wanted {
            return item.as_object_mut();
        }
        if let Some(children) = item.get_mut("children").and_then(Json::as_array_mut)
            && let Some(found) = find(children, wanted)
        {
            return Some(found);
        }
    }
    None
}

/// The children that an item without a printed place belongs to, and their parent's field.
fn children_for<'i>(request: &'i mut [Json], item: &Json) -> Option<(&'i mut Vec<Json>, String)> {
    // A container stands at the top, and so do fields beside plain fields.
    if item.get("children").is_some() {
        return None;
    }
    let mut lists = Vec::new();
    each_text(item, &mut |text| lists.extend(list_names(text)));
    let bound = |known: &&mut Json| {
        known.get("value").and_then(Json::as_str).is_some_and(|list| lists.iter().any(|name| name == list))
    };
    let only_containers = request.iter().all(|known| known.get("children").is_some());
    let parent = if lists.is_empty() {
        let head = |known: &&mut Json| known.get("value").is_none() && only_containers;
        request.iter_mut().find(head)?
    } else {
        request.iter_mut().find(bound)?
    };
    let name = field(parent).to_owned();
    parent.get_mut("children").and_then(Json::as_array_mut).map(|children| (children, name))
}
