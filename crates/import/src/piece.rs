//! What a block is: metadata of a side, a part of it, an example of a call or of a document, or none of these. Decided by
//! its keys alone, so that nothing depends on which text it stands in.

use serde_json::Map;
use weir_model::Json;

use crate::{read::Block, systems};

/// A side of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is queried.
    Source,
    /// It is written to.
    Target,
}

impl Role {
    /// The section's name in flow files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// How sure the side of a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// `effect`, `type` or a known `api` says it.
    Stated,
    /// Its keys belong to that side.
    Keys,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Metadata of a side, or some keys of it.
    Metadata(Role, Evidence, Map<String, Json>),
    /// Keys that both sides have: it belongs to whatever stands before it.
    Either(Map<String, Json>),
    /// An example of the query: `api`, `method` and the parameters.
    QueryExample(Map<String, Json>),
    /// An example of the document that is written.
    DocumentExample(Map<String, Json>),
    /// Parameters of the writing call, written as an object.
    CallExample(Map<String, Json>),
    /// Items of a list whose begin was cut.
    Items(Vec<Json>),
    /// None of these.
    Unknown(Vec<String>),
}

const SOURCE_KEYS: [&str; 8] = [
    "pagination",
    "condition",
    "condition_bk",
    "omissionRemedy",
    "beatFlat",
    "formatResponse",
    "autoFillResponse",
    "buildModel",
];
const TARGET_KEYS: [&str; 4] = ["otherRequest", "groupCalculate", "distributionOrg", "autoCheck"];
const COMMON_KEYS: [&str; 7] =
    ["api", "effect", "request", "operation", "idCheck", "response", "otherResponse"];
/// Keys that mean something only beside others.
const WEAK_KEYS: [&str; 6] = ["method", "id", "number", "name", "type", "describe"];
/// Parameters of the adapters' calls (contract qeasy-metadata §10).
const CALL_KEYS: [&str; 8] = [
    "FormId",
    "Operation",
    "IsVerifyBaseDataField",
    "IsAutoSubmitAndAudit",
    "main_sql",
    "extend_sql_1",
    "extend_sql_2",
    "limit",
];
/// Macros that only a query has.
const QUERY_MACROS: [&str; 4] = ["LAST_SYNC_TIME", "CURRENT_TIME", "DAYS_AGO_", "PAGINATION_"];

/// What the parts of a block are, in their order.
pub fn pieces(block: &Block) -> Vec<Piece> {
    let mut pieces = Vec::new();
    match &block.value {
        Json::Object(members) if !members.is_empty() => pieces.extend(of_object(members, block.cut)),
        Json::Array(elements) => pieces.push(of_items(elements)),
        _ => {}
    }
    if !block.loose.is_empty() {
        pieces.push(of_items(&block.loose));
    }
    pieces
}

fn of_object(members: &Map<String, Json>, cut: bool) -> Vec<Piece> {
    let sides = [("source", Role::Source), ("target", Role::Target)];
    // Nothing but sides is what an export writes; beside other keys either word may mean anything.
    let exported =
        members.iter().all(|(key, side)| matches!(key.as_str(), "source" | "target") && side.is_object());
    let sided = sides.iter().filter_map(|(key, role)| {
        let side = members.get(*key)?.as_object().filter(|side| exported || has_metadata_key(side))?;
        Some(Piece::Metadata(*role, Evidence::Stated, side.clone()))
    });
    let mut pieces: Vec<Piece> = sided.collect();
    if pieces.is_empty() {
        pieces.push(of_plain_object(members, cut));
        return pieces;
    }
    let others: Vec<String> =
        members.keys().filter(|key| *key != "source" && *key != "target").cloned().collect();
    if !others.is_empty() {
        pieces.push(Piece::Unknown(others));
    }
    pieces
}

fn of_plain_object(members: &Map<String, Json>, cut: bool) -> Piece {
    let has = |keys: &[&str]| members.keys().any(|key| keys.contains(&key.as_str()));
    if members.get("params").is_some_and(Json::is_object) && members.contains_key("api") {
        return Piece::QueryExample(members.clone());
    }
    if members.get("field").is_some_and(Json::is_string) {
        return Piece::Items(vec![Json::Object(members.clone())]);
    }
    if has_metadata_key(members) {
        return match side(members) {
            Some((role, evidence)) => Piece::Metadata(role, evidence, members.clone()),
            None => Piece::Either(members.clone()),
        };
    }
    if has(&CALL_KEYS) {
        return Piece::CallExample(members.clone());
    }
    if mentions(members, &QUERY_MACROS) {
        return Piece::QueryExample(Map::from_iter([("params".to_owned(), Json::Object(members.clone()))]));
    }
    if mentions(members, &["_function ", "_findCollection ", "{{"]) {
        return Piece::DocumentExample(members.clone());
    }
    let only_weak = members.keys().all(|key| WEAK_KEYS.contains(&key.as_str()));
    if only_weak && (cut || members.contains_key("method")) {
        return Piece::Either(members.clone());
    }
    Piece::Unknown(members.keys().cloned().collect())
}

fn of_items(elements: &[Json]) -> Piece {
    let items: Vec<Json> = elements.iter().filter(|item| item.get("field").is_some()).cloned().collect();
    if items.is_empty() { Piece::Unknown(Vec::new()) } else { Piece::Items(items) }
}

fn has_metadata_key(members: &Map<String, Json>) -> bool {
    let known = |key: &String| {
        let key = key.as_str();
        SOURCE_KEYS.contains(&key) || TARGET_KEYS.contains(&key) || COMMON_KEYS.contains(&key)
    };
    // `type` is an old name of `effect`; in a response it is anything.
    let old_effect = members.get("type").and_then(Json::as_str).is_some_and(|kind| effect(kind).is_some());
    members.keys().any(known) || old_effect
}

fn effect(word: &str) -> Option<Role> {
    match word {
        "QUERY" => Some(Role::Source),
        "EXECUTE" => Some(Role::Target),
        _ => None,
    }
}

fn side(members: &Map<String, Json>) -> Option<(Role, Evidence)> {
    let text = |key: &str| members.get(key).and_then(Json::as_str).unwrap_or_default();
    if let Some(role) = effect(text("effect")).or_else(|| effect(text("type"))) {
        return Some((role, Evidence::Stated));
    }
    if systems::source_system(text("api")).is_some() {
        return Some((Role::Source, Evidence::Stated));
    }
    if systems::target_system(text("api"), text("method")).is_some() {
        return Some((Role::Target, Evidence::Stated));
    }
    let method =
        members.get("operation").and_then(|operation| operation.get("method")).and_then(Json::as_str);
    let has = |keys: &[&str]| members.keys().any(|key| keys.contains(&key.as_str()));
    if has(&TARGET_KEYS) || matches!(method, Some("batchArraySave" | "merge")) {
        return Some((Role::Target, Evidence::Keys));
    }
    if has(&SOURCE_KEYS) || method == Some("splitArray") || mentions(members, &QUERY_MACROS) {
        return Some((Role::Source, Evidence::Keys));
    }
    mentions(members, &["_function ", "_findCollection ", "{"]).then_some((Role::Target, Evidence::Keys))
}

/// Whether items are parameters of the writing call rather than fields.
pub fn are_call_items(items: &[Json]) -> bool {
    items.iter().any(|item| item.get("field").and_then(Json::as_str).is_some_and(|f| CALL_KEYS.contains(&f)))
}

/// Whether a text in the value holds one of `words`.
pub fn mentions(members: &Map<String, Json>, words: &[&str]) -> bool {
    let mut found = false;
    for value in members.values() {
        each_text(value, &mut |text| found |= words.iter().any(|word| text.contains(word)));
    }
    found
}

/// Whether items make up a query.
pub fn are_query_items(items: &[Json]) -> bool {
    items.iter().filter_map(Json::as_object).any(|item| mentions(item, &QUERY_MACROS))
}

/// Calls `visit` with every text in a value.
pub fn each_text(value: &Json, visit: &mut dyn FnMut(&str)) {
    match value {
        Json::String(text) => visit(text),
        Json::Array(elements) => elements.iter().for_each(|element| each_text(element, visit)),
        Json::Object(members) => members.values().for_each(|member| each_text(member, visit)),
        _ => {}
    }
}
