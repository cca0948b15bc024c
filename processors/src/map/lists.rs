//! Whether the children of an array item read only lists that they are bound to (contract qeasy-metadata §13): of
//! another list nobody could say which row is meant.

use weir_model::{
    flow::Item,
    settings::{Localized, Problems},
};

/// Calls whose argument is a whole list.
const AGGREGATES: [&str; 5] = ["SUM(", "AVG(", "MAX(", "MIN(", "COUNT("];

/// Reports every child of an array item that reads another list of the request.
pub fn check(request: &[Item], problems: &mut Problems) {
    let mut lists = Vec::new();
    bound_lists(request, &mut lists);
    check_items(request, &lists, &mut Vec::new(), problems);
}

fn bound_to(item: &Item) -> Option<&str> {
    let is_list = item.kind == "array" && !item.children.is_empty();
    item.value.as_deref().map(str::trim).filter(|list| is_list && !list.is_empty())
}

fn bound_lists<'i>(items: &'i [Item], lists: &mut Vec<&'i str>) {
    for item in items {
        lists.extend(bound_to(item));
        bound_lists(&item.children, lists);
    }
}

fn check_items<'i>(items: &'i [Item], lists: &[&'i str], around: &mut Vec<&'i str>, problems: &mut Problems) {
    for item in items {
        let bound = bound_to(item);
        around.extend(bound);
        check_items(&item.children, lists, around, problems);
        if bound.is_some() {
            around.pop();
        }
        let Some(own) = around.last().filter(|_| item.children.is_empty()) else { continue };
        let text = item.value.as_deref().unwrap_or_default();
        let foreign = macros(text).find_map(|path| {
            lists
                .iter()
                .find(|list| is_field_of(path, list) && !around.contains(list))
                .map(|list| (path, list))
        });
        let Some((path, list)) = foreign.filter(|_| !has_aggregate(text)) else { continue };
        let message = Localized::new(
            format!("该项逐行取 {own:?}，不能取另一个数组 {list:?} 的字段 {path:?}"),
            format!(
                "the item goes by the rows of {own:?} and cannot read {path:?} of another list, {list:?}"
            ),
        );
        let suggestion = Localized::new(
            format!("取 {{{{{own}.…}}}}，或用 SUM、MAX 等汇总 {list:?}"),
            format!("read {{{{{own}.…}}}}, or aggregate {list:?} by SUM, MAX and the like"),
        );
        problems.error_with(format!("{}.value", item.path), message, suggestion);
    }
}

fn is_field_of(path: &str, list: &str) -> bool {
    path.strip_prefix(list).is_some_and(|rest| rest.starts_with('.'))
}

fn has_aggregate(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    AGGREGATES.iter().any(|call| text.contains(call))
}

/// The paths between braces.
pub fn macros(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| {
        let inside = rest.split('}').next()?;
        inside.split('|').next().map(str::trim)
    })
}
