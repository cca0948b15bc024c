//! The seeds' metadata (contract qeasy-metadata §1, §2): read leniently, nothing interpreted yet.

use crate::{
    Json,
    crontab::{Crontab, CrontabError},
    settings::{Fields, Localized, Problems},
};

/// One item of `request` or `otherRequest`: an output field and how its value is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Where it stands in the file.
    pub path: String,
    /// Output key.
    pub field: String,
    /// Text for people.
    pub label: String,
    /// `string`, `int`, `float`, `bool`, `datetime`, `object`, `array`.
    pub kind: String,
    /// The expression; `None` sends nothing.
    pub value: Option<String>,
    /// Whether a document without it is refused.
    pub required: bool,
    /// Fallback value.
    pub default: Option<String>,
    /// What is done to the value last.
    pub parser: Option<Parser>,
    /// Sub-items of an object or array.
    pub children: Vec<Item>,
}

/// A parser and its parameters (contract qeasy-metadata §5).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parser {
    /// Its name, or several joined by commas.
    pub name: String,
    /// `params`.
    pub params: Option<String>,
    /// `params1`.
    pub params1: Option<String>,
    /// `params2`.
    pub params2: Option<String>,
    /// `view` of `workflowRequestTableFields`.
    pub view: Option<String>,
    /// `edit` of `workflowRequestTableFields`.
    pub edit: Option<String>,
    /// `fieldId` of `workflowRequestTableFields`.
    pub field_id: Option<String>,
}

/// A comparison of a filter (contract qeasy-metadata §8).
#[derive(Clone, Debug, PartialEq)]
pub struct ConditionItem {
    /// Where it stands in the file.
    pub path: String,
    /// Field of the record, or `array.field` for its rows.
    pub field: String,
    /// The operator's name.
    pub logic: String,
    /// The value compared with.
    pub value: Option<Json>,
    /// For row fields: whether one failing row drops the record.
    pub strict: bool,
}

/// The periodic re-read of an older window (contract qeasy-metadata §9).
#[derive(Clone, Debug, PartialEq)]
pub struct OmissionRemedy {
    /// When, in the connection's zone.
    pub crontab: Crontab,
    /// Request fields replaced for the re-read.
    pub take_over: Vec<Item>,
}

/// `operation`: batching, splitting, merging (contract qeasy-metadata §6).
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// `batchArraySave`, `splitArray`, `merge`, `none`.
    pub method: String,
    /// Documents per call for `batchArraySave`.
    pub rows: Option<u64>,
    /// Key under which the documents are handed over.
    pub rows_key: Option<String>,
    /// The array that `splitArray` splits.
    pub array_key: Option<String>,
    /// `field`: the fields whose equal values `merge` makes one document of, a list or text with commas.
    pub merge_by: Vec<String>,
    /// `bodyName`: the list that `merge` gathers rows in; `body` when absent.
    pub body_name: Option<String>,
    /// `bodySum`: fields that `merge` adds up over equal rows.
    pub body_sum: Vec<String>,
    /// `header`: fields of the merged head; all when absent.
    pub header: Vec<String>,
    /// `body`: fields of the merged rows; all when absent.
    pub body: Vec<String>,
}

/// A derived field of `formatResponse` (contract qeasy-metadata §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivedField {
    /// Where it stands in the file.
    pub path: String,
    /// The field it is made of.
    pub old: String,
    /// Its name; it may be `old` itself.
    pub new: String,
    /// The format's name and parameter, such as `round(2)`.
    pub format: String,
}

/// `groupCalculate`: grouping of flat rows before the write (contract qeasy-metadata §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCalculate {
    /// Where it stands in the file.
    pub path: String,
    /// Fields whose equal values make one document.
    pub header_group: Vec<String>,
    /// Fields whose equal values make one row of a document.
    pub body_group: Vec<String>,
    /// The list that the rows are gathered in.
    pub body_name: String,
    /// The document's list that is split when it grows too long.
    pub target_body_name: String,
    /// Rows a document has at most.
    pub body_max_line: Option<u64>,
    /// Fields and how each is calculated, such as `$sum`.
    pub calculate: Vec<(String, String)>,
}

/// The source's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceMetadata {
    /// Path of the metadata in the file.
    pub path: String,
    /// The remote operation.
    pub api: String,
    /// Field that identifies a record.
    pub id: String,
    /// Field shown as the number.
    pub number: String,
    /// Field shown as the name.
    pub name: String,
    /// `idCheck`; `None` when absent.
    pub id_check: Option<bool>,
    /// The query's parameters.
    pub request: Vec<Item>,
    /// `pagination.pageSize`.
    pub page_size: Option<u64>,
    /// The filter: an OR of ANDs.
    pub condition: Vec<Vec<ConditionItem>>,
    /// The parked filter; not applied.
    pub condition_bk: Vec<Vec<ConditionItem>>,
    /// Arrays to flatten.
    pub beat_flat: Vec<String>,
    /// The periodic re-read.
    pub omission_remedy: Option<OmissionRemedy>,
    /// Splitting of a record.
    pub operation: Option<Operation>,
    /// `formatResponse`: derived fields.
    pub derived: Vec<DerivedField>,
}

/// The target's side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetMetadata {
    /// Path of the metadata in the file.
    pub path: String,
    /// The remote operation.
    pub api: String,
    /// The document's fields, in order.
    pub request: Vec<Item>,
    /// Parameters of the call beside the document.
    pub other_request: Vec<Item>,
    /// Batching, merging.
    pub operation: Option<Operation>,
    /// Grouping.
    pub group: Option<GroupCalculate>,
}

/// The `api` of a SQL target that runs statements of the flow's own.
const EXECUTE: &str = "execute";

/// Keys that the vendor's platform uses and Weir has no need of; silent, not unknown.
const KNOWN_UNUSED: [&str; 7] =
    ["effect", "type", "method", "response", "otherResponse", "autoFillResponse", "describe"];

/// Keys of the vendor's platform that ask for something Weir does not do: what that means here.
const WITHOUT_EFFECT: [(&str, &str, &str); 3] = [
    (
        "distributionOrg",
        "Weir 保存基础资料后不做分配，请在金蝶中分配到各组织",
        "Weir does not allocate base data to organisations after the save: allocate it in Kingdee",
    ),
    (
        "buildModel",
        "其含义没有公开资料，Weir 不使用",
        "no public source tells what it means: Weir does not use it",
    ),
    (
        "autoCheck",
        "Weir 写入后的核对由 reconcile 完成，不由此键触发",
        "Weir checks what was written by reconcile, not by this key",
    ),
];

impl SourceMetadata {
    /// Reads the source's `metadata` section.
    pub fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        let page_size = {
            let mut pagination = fields.mapping("pagination", problems);
            let size =
                pagination.get("pageSize").map(|_| pagination.count("pageSize", 1, 1..=100_000, problems));
            warn_unknown(&pagination, problems);
            size
        };
        let id_check = fields.get("idCheck").is_some().then(|| fields.flag("idCheck", true, problems));
        let read = Self {
            path: fields.path().to_owned(),
            api: fields.required_text("api", problems),
            id: fields.required_text("id", problems),
            number: fields.text("number", problems).unwrap_or_default(),
            name: fields.text("name", problems).unwrap_or_default(),
            id_check,
            request: items(&mut fields, "request", problems),
            page_size,
            condition: conditions(&mut fields, "condition", problems),
            condition_bk: conditions(&mut fields, "condition_bk", problems),
            beat_flat: texts(&mut fields, "beatFlat", problems),
            omission_remedy: omission_remedy(&mut fields, problems),
            operation: operation(&mut fields, problems),
            derived: derived(&mut fields, problems),
        };
        warn_unknown(&fields, problems);
        read
    }
}

impl TargetMetadata {
    /// Reads the target's `metadata` section.
    ///
    /// `idCheck` is read here as "look for the business key before the write" (contract qeasy-metadata §7). Weir always
    /// does that where a write could be repeated (design §7), so neither value changes anything.
    pub fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        fields.flag("idCheck", true, problems);
        for key in ["id", "number", "name"] {
            fields.text(key, problems);
        }
        let read = Self {
            path: fields.path().to_owned(),
            api: fields.required_text("api", problems),
            request: items(&mut fields, "request", problems),
            other_request: items(&mut fields, "otherRequest", problems),
            operation: operation(&mut fields, problems),
            group: group(&mut fields, problems),
        };
        warn_unknown(&fields, problems);
        read
    }

    /// Whether it says `execute`, by which a SQL target runs the flow's own statements (contract qeasy-metadata §10).
    pub(super) fn is_execute(&self) -> bool {
        self.api.trim() == EXECUTE
    }

    /// Whether it holds a statement of its own.
    pub(super) fn has_statement(&self) -> bool {
        self.other_request
            .iter()
            .any(|item| item.field == "main_sql" || item.field.starts_with("extend_sql_"))
    }
}

pub(super) fn items(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Vec<Item> {
    let base = fields.path_of(key);
    let list = fields.list(key, problems);
    list.iter().enumerate().map(|(index, value)| item(value, format!("{base}[{index}]"), problems)).collect()
}

fn item(value: &Json, path: String, problems: &mut Problems) -> Item {
    let mut fields = Fields::of(value, path.clone(), problems);
    let parser = fields.get("parser").is_some().then(|| {
        let mut parser = fields.mapping("parser", problems);
        let read = Parser {
            name: parser.required_text("name", problems),
            params: parser.text("params", problems),
            params1: parser.text("params1", problems),
            params2: parser.text("params2", problems),
            view: parser.text("view", problems),
            edit: parser.text("edit", problems),
            field_id: parser.text("fieldId", problems),
        };
        warn_unknown(&parser, problems);
        read
    });
    let read = Item {
        field: fields.required_text("field", problems),
        label: fields.text("label", problems).unwrap_or_default(),
        kind: fields.text("type", problems).unwrap_or_else(|| "string".to_owned()),
        value: fields.text("value", problems),
        required: fields.flag("is_required", false, problems),
        default: fields.text("default", problems),
        parser,
        children: items(&mut fields, "children", problems),
        path,
    };
    warn_unknown(&fields, problems);
    read
}

pub(super) fn conditions(
    fields: &mut Fields<'_>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<Vec<ConditionItem>> {
    let base = fields.path_of(key);
    let mut alternatives = Vec::new();
    for (outer, alternative) in fields.list(key, problems).iter().enumerate() {
        let path = format!("{base}[{outer}]");
        let Json::Array(all) = alternative else {
            let message = Localized::new(
                "应为条件列表（外层为“或”，内层为“且”）",
                "expected a list of conditions (outer list: or, inner list: and)",
            );
            let suggestion = Localized::new(
                "多加一层列表：[[{field: …, logic: …, value: …}]]",
                "write one list more around it: [[{field: …, logic: …, value: …}]]",
            );
            problems.error_with(path, message, suggestion);
            continue;
        };
        let read = all
            .iter()
            .enumerate()
            .map(|(inner, value)| condition(value, format!("{path}[{inner}]"), problems));
        alternatives.push(read.collect());
    }
    alternatives
}

fn condition(value: &Json, path: String, problems: &mut Problems) -> ConditionItem {
    let mut fields = Fields::of(value, path.clone(), problems);
    let read = ConditionItem {
        field: fields.required_text("field", problems),
        logic: fields.required_text("logic", problems),
        value: fields.get("value").cloned(),
        strict: fields.flag("strictMode", false, problems),
        path,
    };
    warn_unknown(&fields, problems);
    read
}

fn omission_remedy(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<OmissionRemedy> {
    fields.get("omissionRemedy")?;
    let mut remedy = fields.mapping("omissionRemedy", problems);
    let text = remedy.required_text("crontab", problems);
    let take_over = items(&mut remedy, "takeOverRequest", problems);
    let crontab = match Crontab::parse(&text) {
        Ok(crontab) => Some(crontab),
        // It was reported as missing.
        Err(_) if text.is_empty() => None,
        Err(error) => {
            let suggestion = Localized::new("例如 55 3 * * *", "for example 55 3 * * *");
            problems.error_with(remedy.path_of("crontab"), crontab_message(&error), suggestion);
            None
        }
    };
    warn_unknown(&remedy, problems);
    crontab.map(|crontab| OmissionRemedy { crontab, take_over })
}

fn crontab_message(error: &CrontabError) -> Localized {
    let zh = match error {
        CrontabError::Fields(given) => format!("crontab 应有五段（分 时 日 月 周），实际有 {given} 段"),
        CrontabError::Field { field, text, low, high } => {
            let named = [("minute", "分"), ("hour", "时"), ("day", "日"), ("month", "月"), ("weekday", "周")];
            let name = named.iter().find(|(en, _)| en == field).map_or(*field, |(_, zh)| *zh);
            format!("crontab 的“{name}”不能写 {text:?}：可写 {low} 到 {high}，以及范围、步长和列表")
        }
        CrontabError::Never => "crontab 指定的日子不存在".to_owned(),
    };
    Localized::new(zh, error.to_string())
}

fn operation(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Operation> {
    fields.get("operation")?;
    let mut operation = fields.mapping("operation", problems);
    let rows = operation.get("rows").map(|_| operation.count("rows", 1, 1..=100_000, problems));
    let read = Operation {
        method: operation.required_text("method", problems),
        rows,
        rows_key: operation.text("rowsKey", problems),
        array_key: operation.text("arrayKey", problems),
        merge_by: names(&mut operation, "field", problems),
        body_name: operation.text("bodyName", problems).filter(|name| !name.is_empty()),
        body_sum: names(&mut operation, "bodySum", problems),
        header: names(&mut operation, "header", problems),
        body: names(&mut operation, "body", problems),
    };
    warn_unknown(&operation, problems);
    Some(read)
}

fn derived(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<DerivedField> {
    let base = fields.path_of("formatResponse");
    let list = fields.list("formatResponse", problems);
    let read = list.iter().enumerate().map(|(index, value)| {
        let mut item = Fields::of(value, format!("{base}[{index}]"), problems);
        let read = DerivedField {
            path: item.path().to_owned(),
            old: item.required_text("old", problems),
            new: item.required_text("new", problems),
            format: item.required_text("format", problems),
        };
        warn_unknown(&item, problems);
        read
    });
    read.collect()
}

fn group(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<GroupCalculate> {
    fields.get("groupCalculate")?;
    let mut group = fields.mapping("groupCalculate", problems);
    let max_line = group.get("bodyMaxLine").map(|_| group.count("bodyMaxLine", 1, 1..=100_000, problems));
    let calculate = {
        let calculate = group.mapping("calculate", problems);
        let read = calculate.unknown().map(|(field, how)| match how.as_str() {
            Some(how) => (field.to_owned(), how.to_owned()),
            None => (field.to_owned(), how.to_string()),
        });
        read.collect()
    };
    let read = GroupCalculate {
        path: group.path().to_owned(),
        header_group: names(&mut group, "headerGroup", problems),
        body_group: names(&mut group, "bodyGroup", problems),
        body_name: group.text("bodyName", problems).unwrap_or_default(),
        target_body_name: group.text("targetBodyName", problems).unwrap_or_default(),
        body_max_line: max_line,
        calculate,
    };
    if read.header_group.is_empty() {
        group.missing_such_as("headerGroup", "[order_no]", problems);
    }
    warn_unknown(&group, problems);
    Some(read)
}

/// Names of fields: a list, or text with commas between them.
fn names(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Vec<String> {
    match fields.get(key) {
        Some(Json::String(text)) => {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }
        _ => texts(fields, key, problems),
    }
}

fn texts(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Vec<String> {
    let base = fields.path_of(key);
    let mut texts = Vec::new();
    for (index, value) in fields.list(key, problems).iter().enumerate() {
        match value.as_str() {
            Some(text) => texts.push(text.to_owned()),
            None => problems.error_with(
                format!("{base}[{index}]"),
                Localized::new("应为文本", "expected text"),
                Localized::new("写成带引号的文本", "write text, in quotes"),
            ),
        }
    }
    texts
}

fn warn_unknown(fields: &Fields<'_>, problems: &mut Problems) {
    for (key, _) in fields.unknown().filter(|(key, _)| !KNOWN_UNUSED.contains(key)) {
        if let Some((_, zh, en)) = WITHOUT_EFFECT.iter().find(|(known, ..)| *known == key) {
            let message = Localized::new(
                format!("{key:?} 已保留但不起作用：{zh}"),
                format!("{key:?} is kept, without effect: {en}"),
            );
            let suggestion =
                Localized::new("可以删除，也可以原样保留", "remove it, or leave it as it was pasted");
            problems.warn_with(fields.path_of(key), message, suggestion);
            continue;
        }
        let message = Localized::new(
            format!("元数据中不认识的键 {key:?}，已保留但不起作用"),
            format!("unknown metadata key {key:?}: kept, without effect"),
        );
        problems.warn_with(fields.path_of(key), message, fields.other_key(key));
    }
}
