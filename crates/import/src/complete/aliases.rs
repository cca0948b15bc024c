//! Names for the schemes that `_findCollection` reads: metadata calls them by UUID (contract decisions "All sources").

use serde_json::Map;
use weir_model::{Json, names::is_valid_name};

use crate::{
    piece::each_text,
    report::{Kind, Report},
};

/// Adds an alias for every scheme that has no name yet.
pub fn find(metadata: &Map<String, Json>, aliases: &mut Vec<(String, String)>, report: &mut Report) {
    for value in metadata.values() {
        each_text(value, &mut |text| {
            for (scheme, condition) in lookups(text) {
                if aliases.iter().any(|(known, _)| *known == scheme)
                    || (is_valid_name(&scheme) && !is_uuid(&scheme))
                {
                    continue;
                }
                let name = free_name(&collection_name(&condition), aliases);
                report.add(
                    Kind::Assumed,
                    None,
                    format!("查询方案 {scheme} 命名为集合 {name}（按条件字段 {condition}）：请声明该集合并导入数据，否则查询总是为空"),
                    format!("the scheme {scheme} is called {name} (by the condition's field {condition}): declare that collection and load its rows, or every lookup finds nothing"),
                );
                aliases.push((scheme, name));
            }
        });
    }
}

/// Scheme and first condition field of each lookup in a text.
fn lookups(text: &str) -> Vec<(String, String)> {
    let bodies = text.split("_findCollection ").skip(1);
    let parse = |body: &str| {
        let (_, rest) = body.split_once(" from ")?;
        let (scheme, conditions) = rest.split_once(" where ")?;
        let (field, _) = conditions.split_once('=')?;
        Some((scheme.trim().to_owned(), field.trim().to_owned()))
    };
    bodies.filter_map(parse).collect()
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `shop_no` → `shops`, `company_id` → `companies`.
fn collection_name(field: &str) -> String {
    let plain: String = field.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let plain = plain.to_lowercase();
    let stem = ["_no", "_id", "_code", "_number", "_name"].iter().find_map(|end| plain.strip_suffix(end));
    let stem = stem.unwrap_or(&plain).trim_matches('_');
    match stem {
        "" => "rows".to_owned(),
        _ if stem.ends_with('s') => stem.to_owned(),
        _ => match stem.strip_suffix('y') {
            Some(begin) if !begin.ends_with(['a', 'e', 'o', 'u']) => format!("{begin}ies"),
            _ => format!("{stem}s"),
        },
    }
}

fn free_name(name: &str, aliases: &[(String, String)]) -> String {
    let is_taken = |name: &str| aliases.iter().any(|(_, known)| known == name);
    if !is_taken(name) {
        return name.to_owned();
    }
    let mut number = 2_usize;
    while is_taken(&format!("{name}-{number}")) {
        number += 1;
    }
    format!("{name}-{number}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn uuids_get_names_and_names_stay() {
        let metadata = json!({"a": [
            "_findCollection find x from f9720649-c4cb-3d51-8bb0-e633ee48e23c where shop_no={shop_no}",
            "_function CASE '_findCollection find x from f9720649-c4cb-3d51-8bb0-e633ee48e23d where shop_no={s} _endFind' WHEN '' THEN 1 END",
            "_findCollection find x from ... where company_id={c}",
            "_findCollection find x from customers where id={c}",
        ]});
        let mut found = Vec::new();
        find(metadata.as_object().unwrap(), &mut found, &mut Report::default());
        let names: Vec<&str> = found.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["shops", "shops-2", "companies"]);
    }
}
