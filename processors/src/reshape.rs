//! What makes other records of a record before it is mapped: `splitArray` at the source, `groupCalculate` and `merge`
//! at the target (contract qeasy-metadata §6; docs/decisions/0012).

use weir_model::{
    Json,
    flow::{FlowSpec, Operation, language::EmptyList},
    outcome::Refusal,
    settings::{Localized, Problems, unknown_word},
};

use crate::{
    codes,
    filter::RowMasks,
    flatten::{FlatRow, flat_rows, read_tree},
    group::Grouping,
};

/// How a record becomes others.
#[derive(Debug)]
pub struct Reshape {
    /// The list whose elements become records.
    split: Option<String>,
    /// How flat rows become documents.
    group: Option<Grouping>,
    /// The lists that are flattened before they are grouped.
    flattened: Vec<String>,
    empty: EmptyList,
    /// Whether there may be several documents, now or for another version of the record.
    numbered: bool,
}

/// A record made of a record.
#[derive(Debug)]
pub struct Part {
    /// Its JSON text.
    pub text: String,
    /// False for an element that the filter removed.
    pub kept: bool,
}

impl Part {
    /// The records that stay as trees, for a person.
    pub fn shown(parts: &[Self]) -> Vec<Json> {
        let kept = parts.iter().filter(|part| part.kept);
        kept.map(|part| serde_json::from_str(&part.text).unwrap_or(Json::Null)).collect()
    }
}

impl Reshape {
    /// Compiles what a flow splits and groups; `None` when it does neither.
    pub fn compile(flow: &FlowSpec, problems: &mut Problems) -> Option<Self> {
        let (source, target) = (&flow.source.metadata, &flow.target.metadata);
        let split = split_key(source.operation.as_ref(), &source.path, problems);
        let known = ["none", "batchArraySave", "merge"];
        check_method(target.operation.as_ref(), &target.path, &known, problems);
        let merge = target.operation.as_ref().filter(|operation| operation.method == "merge");
        let mut flattened = source.beat_flat.clone();
        let group = match (&target.group, merge) {
            (Some(spec), None) => {
                check_body(flow, problems);
                let body = Some(&spec.body_name).filter(|name| !name.is_empty() && !flattened.contains(name));
                flattened.extend(body.cloned());
                let grouping = Grouping::of_group(spec, flow.language.div_scale, problems);
                check_keys(flow, &grouping, &format!("{}.headerGroup", spec.path), problems);
                Some(grouping)
            }
            (None, Some(operation)) => {
                let grouping = Grouping::of_merge(operation, flow.language.div_scale);
                check_keys(flow, &grouping, &format!("{}.operation.field", target.path), problems);
                Some(grouping)
            }
            (Some(spec), Some(_)) => {
                let message = Localized::new(
                    "groupCalculate 与 operation 的 merge 只能用一个",
                    "groupCalculate and the operation merge exclude each other",
                );
                problems.error_with(
                    spec.path.clone(),
                    message,
                    Localized::new("删除其中一个", "remove one of them"),
                );
                None
            }
            (None, None) => None,
        };
        if split.is_none() && group.is_none() {
            return None;
        }
        let of_rows = |key: &String| flattened.iter().any(|list| key.starts_with(&format!("{list}_")));
        let numbered = split.is_some()
            || group.as_ref().is_some_and(|group| group.splits() || group.keys().iter().any(of_rows));
        Some(Self { split, group, flattened, empty: flow.language.empty_list, numbered })
    }

    /// Whether flat rows are grouped, so that the mapping flattens nothing itself.
    pub fn is_grouping(&self) -> bool {
        self.group.is_some()
    }

    /// Whether the documents are numbered parts, also when there is but one.
    pub fn is_numbered(&self) -> bool {
        self.numbered
    }

    /// The rows that stay in the lists of the parts.
    pub fn masks(&self, masks: &RowMasks) -> RowMasks {
        match (&self.group, &self.split) {
            (Some(_), _) => RowMasks::default(),
            (None, Some(list)) => masks.without(list),
            (None, None) => masks.clone(),
        }
    }

    /// The records that `text` becomes. Numbers keep their text (invariant 5).
    pub fn parts(&self, text: &str, masks: &RowMasks) -> Result<Vec<Part>, Refusal> {
        let record = read_tree(text)?;
        let split = match &self.split {
            None => vec![(record, true)],
            Some(list) => split(record, list, masks)?,
        };
        let Some(grouping) = &self.group else {
            let part = |(record, kept)| Part { text: Json::Object(record).to_string(), kept };
            return Ok(split.into_iter().map(part).collect());
        };
        let inner = match &self.split {
            Some(list) => masks.without(list),
            None => masks.clone(),
        };
        let mut rows = Vec::new();
        for (record, _) in split.into_iter().filter(|(_, kept)| *kept) {
            rows.extend(flat_rows(&record, &self.flattened, &inner, self.empty)?);
        }
        let grouped = grouping.run(&rows)?;
        Ok(grouped
            .into_iter()
            .map(|record| Part { text: Json::Object(record).to_string(), kept: true })
            .collect())
    }
}

/// One record per element: the element's fields before those of the head, and under the list's name the element
/// itself, so that `{{details.goods_no}}` reads it too.
fn split(mut record: FlatRow, list: &str, masks: &RowMasks) -> Result<Vec<(FlatRow, bool)>, Refusal> {
    let refuse = |problem: &str| {
        Err(Refusal::new(codes::PAYLOAD, format!("the record's field {list:?} {problem}")).at(list))
    };
    let elements = match record.shift_remove(list) {
        Some(Json::Array(elements)) => elements,
        None | Some(Json::Null) => Vec::new(),
        Some(_) => return refuse("is not a list"),
    };
    let kept = masks.of(list);
    let mut parts = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let Json::Object(fields) = &element else {
            return refuse("holds an element that is not an object");
        };
        let mut part = record.clone();
        part.extend(fields.clone());
        part.insert(list.to_owned(), element);
        let is_kept = kept.is_none_or(|kept| kept.get(index).copied().unwrap_or(false));
        parts.push((part, is_kept));
    }
    Ok(parts)
}

fn split_key(operation: Option<&Operation>, path: &str, problems: &mut Problems) -> Option<String> {
    check_method(operation, path, &["none", "splitArray"], problems);
    let operation = operation.filter(|operation| operation.method == "splitArray")?;
    let key = operation.array_key.clone().filter(|key| !key.is_empty());
    if key.is_none() {
        let message = Localized::new("splitArray 需要 arrayKey", "splitArray needs arrayKey");
        let suggestion = Localized::new("补上 arrayKey: details", "add arrayKey: details");
        problems.error_with(format!("{path}.operation.arrayKey"), message, suggestion);
    }
    key
}

fn check_method(operation: Option<&Operation>, path: &str, known: &[&str], problems: &mut Problems) {
    // An empty method was reported when it was read.
    let unknown =
        |operation: &&Operation| !operation.method.is_empty() && !known.contains(&operation.method.as_str());
    if let Some(operation) = operation.filter(unknown) {
        unknown_word(format!("{path}.operation.method"), &operation.method, known, problems);
    }
}

/// A group must not reach beyond one source record: its keys hold the fields that identify one.
fn check_keys(flow: &FlowSpec, grouping: &Grouping, path: &str, problems: &mut Problems) {
    let keys = grouping.keys();
    if keys.is_empty() {
        // A missing headerGroup was reported when it was read.
        if path.ends_with(".field") {
            let message =
                Localized::new("merge 需要 field：合并依据的字段", "merge needs field: what it merges by");
            problems.error_with(
                path,
                message,
                Localized::new("例如 field: order_no", "for example field: order_no"),
            );
        }
        return;
    }
    let missing: Vec<&str> =
        flow.source.key.iter().filter(|field| !keys.contains(field)).map(String::as_str).collect();
    if missing.is_empty() {
        return;
    }
    let missing = missing.join(", ");
    let message = Localized::new(
        "按这些字段分组会跨越多条来源记录：Weir 只在一条来源记录内分组，因为跨记录的单据会随每条新记录变化，无法保证只写一次",
        "grouping by these fields reaches across source records: Weir groups within one source record, for a document \
         of many records changes with each of them and could not be written once",
    );
    let suggestion = Localized::new(
        format!("加上来源记录的标识字段：{missing}"),
        format!("add the fields that identify a source record: {missing}"),
    );
    problems.error_with(path, message, suggestion);
}

/// `bodyName` is needed for rows, and `targetBodyName` names a list of the document.
fn check_body(flow: &FlowSpec, problems: &mut Problems) {
    let target = &flow.target.metadata;
    let Some(spec) = &target.group else { return };
    if spec.body_name.is_empty() && !spec.body_group.is_empty() {
        let message = Localized::new("bodyGroup 需要 bodyName", "bodyGroup needs bodyName");
        let suggestion = Localized::new("例如 bodyName: details", "for example bodyName: details");
        problems.error_with(format!("{}.bodyName", spec.path), message, suggestion);
    }
    let wanted = &spec.target_body_name;
    if !wanted.is_empty() && !target.request.iter().any(|item| item.field == *wanted) {
        let known: Vec<&str> = target.request.iter().map(|item| item.field.as_str()).collect();
        unknown_word(format!("{}.targetBodyName", spec.path), wanted, &known, problems);
    }
}
