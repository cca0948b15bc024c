//! The flow file: keys of ours around the two metadata sections.

use std::{collections::BTreeMap, time::Duration};

use super::{
    CheckSpec, ConditionItem, HaltAfter, Language, LookupSpec, OnDelete, OnLeave, ReconcileSpec,
    SourceMetadata, TargetMetadata, language::IdCheck, metadata, receipts, rules,
};
use crate::{
    Json,
    digest::Digest,
    names::{ConnectionName, FlowName, SourceName, is_valid_name},
    settings::{Fields, Localized, Problems, parse_mapping},
};

/// A flow, as read from its file.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowSpec {
    /// Its name; names its topics and groups.
    pub name: FlowName,
    /// Its title for people.
    pub title: Localized,
    /// Where its records come from.
    pub source: SourceSpec,
    /// What records must fulfil.
    pub checks: Vec<CheckSpec>,
    /// What a lookup that finds nothing means, by collection.
    pub lookups: BTreeMap<String, LookupSpec>,
    /// Names that expressions use for collections, such as the vendor's UUIDs.
    pub aliases: BTreeMap<String, String>,
    /// How the mapping language is read where it is silent.
    pub language: Language,
    /// Where its documents go.
    pub target: TargetSpec,
    /// When it stops because too much is refused; `None` for never.
    pub halt_after: Option<HaltAfter>,
    /// What is compared between source and target; `None` when the flow does not say.
    pub reconcile: Option<ReconcileSpec>,
    /// The file's text, as published with the flow's version.
    pub text: String,
    /// Digest of the text.
    pub digest: Digest,
}

/// Where records come from.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSpec {
    /// Names the raw topic; flows that share a source repeat it.
    pub name: SourceName,
    /// The flow whose receipts are the records; `None` for an API that is polled.
    pub receipts: Option<FlowName>,
    /// The remote system, such as `jushuitan`.
    pub system: String,
    /// The account.
    pub connection: ConnectionName,
    /// Fields that identify a record together.
    pub key: Vec<String>,
    /// Fields used instead when one of `key` is missing; empty for none.
    pub key_fallback: Vec<String>,
    /// Fields with further numbers that people know a record by, see [`crate::numbers::numbers_of`].
    pub numbers: Vec<String>,
    /// Field with the source's modification time; empty when there is none.
    pub modified: String,
    /// Which states of a record are taken.
    pub id_check: IdCheck,
    /// An OR of ANDs: a record that fulfils it counts as removed at the source, such as a cancelled order.
    pub deleted_when: Vec<Vec<ConditionItem>>,
    /// When and how far to poll.
    pub poll: Poll,
    /// Settings of the system's own, read by its source module.
    pub settings: Json,
    /// The seed's metadata.
    pub metadata: SourceMetadata,
}

/// When and how far a source is polled (design §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Pause between two polls that found nothing to catch up with.
    pub every: Duration,
    /// Where a source without a cursor begins.
    pub start_from: StartFrom,
    /// How far a window's end stays behind the present.
    pub settle_lag: Duration,
    /// How far a window reaches back into its predecessor.
    pub look_back: Duration,
    /// How far the look-back may grow when records come later than it reaches; `None` leaves it to the default of
    /// polling. Never less than `look_back`.
    pub look_back_max: Option<Duration>,
    /// The longest window; `None` leaves it to the API's own limit.
    pub max_window: Option<Duration>,
}

/// Where a source without a cursor begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// At this local time of the connection's zone, `YYYY-MM-DD[ HH:MM:SS]`.
    At(String),
    /// This long before the first start.
    Ago(Duration),
}

/// Where documents go.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSpec {
    /// The remote system, such as `kingdee-galaxy`, `mysql` or `sqlite`.
    pub system: String,
    /// The account.
    pub connection: ConnectionName,
    /// Paths in the document that form the business key, such as `FNumber` or `FCreateOrgId.FNumber`.
    pub key: Vec<String>,
    /// What a record becomes that was removed at the source.
    pub on_delete: OnDelete,
    /// What becomes of a record that was delivered and that a rule leaves out now.
    pub on_leave: OnLeave,
    /// Settings of the target's own, read by its sink module.
    pub settings: Json,
    /// The seed's metadata.
    pub metadata: TargetMetadata,
}

impl FlowSpec {
    /// Reads a flow file. `None` only when the text is no YAML mapping; otherwise what could be read, with every problem in
    /// `problems`: the flow may be used when none of them is an error.
    pub fn parse(text: &str, problems: &mut Problems) -> Option<Self> {
        let tree = parse_mapping(text, problems)?;
        let mut fields = Fields::of(&tree, "", problems);
        fields.version(problems);
        let name = name(&mut fields, "flow", problems);
        let mut title = fields.mapping("title", problems);
        // Of a side that is not there, that is said, and not every key that it lacks.
        let mut unsaid = problems.fork();
        let [has_source, has_target] = ["source", "target"].map(|side| has_side(&mut fields, side, problems));
        let mut spec = Self {
            name: FlowName::from(name),
            title: Localized::new(
                title.text("zh", problems).unwrap_or_default(),
                title.text("en", problems).unwrap_or_default(),
            ),
            source: SourceSpec::read(
                fields.mapping("source", problems),
                if has_source { &mut *problems } else { &mut unsaid },
            ),
            checks: rules::checks(&mut fields, problems),
            lookups: rules::lookups(&mut fields, problems),
            aliases: rules::aliases(&mut fields, problems),
            language: Language::read(fields.mapping("language", problems), problems),
            target: TargetSpec::read(
                fields.mapping("target", problems),
                if has_target { &mut *problems } else { &mut unsaid },
            ),
            halt_after: HaltAfter::read(&mut fields, problems),
            reconcile: None,
            text: text.to_owned(),
            digest: Digest::of(text.as_bytes()),
        };
        spec.reconcile = ReconcileSpec::read(&mut fields, &spec.target, problems);
        title.finish(problems);
        fields.finish(problems);
        Some(spec)
    }
}

fn has_side(fields: &mut Fields<'_>, side: &'static str, problems: &mut Problems) -> bool {
    let has_side = fields.get(side).is_some();
    if !has_side {
        let suggestion = Localized::new(
            format!("补上 {side}；只有一侧的文件写 kind: fragment"),
            format!("add {side}; a file with one side says kind: fragment"),
        );
        problems.error_with(fields.path_of(side), Localized::new("缺少必填项", "is required"), suggestion);
    }
    has_side
}

impl SourceSpec {
    pub(super) fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        if fields.has(receipts::RECEIPTS_KEY) {
            return receipts::read(fields, problems);
        }
        let metadata = SourceMetadata::read(fields.mapping("metadata", problems), problems);
        let system = fields.required_text("system", problems);
        let mut key = text_list(&mut fields, "key", problems);
        if key.is_empty() && !metadata.id.is_empty() {
            key.push(metadata.id.clone());
        }
        let spec = Self {
            name: SourceName::from(name(&mut fields, "name", problems)),
            receipts: None,
            connection: connection(&mut fields, &system, problems),
            key,
            key_fallback: text_list(&mut fields, "key_fallback", problems),
            numbers: text_list(&mut fields, "numbers", problems),
            modified: fields.text("modified", problems).unwrap_or_default(),
            id_check: fields.choice("id_check", &IdCheck::CHOICES, IdCheck::Digest, problems),
            deleted_when: metadata::conditions(&mut fields, "deleted_when", problems),
            poll: Poll::read(fields.mapping("poll", problems), problems),
            settings: fields.get("settings").cloned().unwrap_or(Json::Null),
            metadata,
            system,
        };
        fields.finish(problems);
        spec
    }
}

impl Poll {
    fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        let start_from = match fields.text("start_from", problems) {
            None => StartFrom::Ago(Duration::ZERO),
            Some(text) => start_from(&text, &fields.path_of("start_from"), problems),
        };
        let max_window = fields.get("max_window").is_some();
        let look_back_max = fields.get("look_back_max").is_some();
        let poll = Self {
            every: fields.duration("every", Duration::from_secs(60), problems),
            start_from,
            settle_lag: fields.duration("settle_lag", Duration::from_secs(60), problems),
            look_back: fields.duration("look_back", Duration::from_secs(300), problems),
            look_back_max: look_back_max
                .then(|| fields.duration("look_back_max", Duration::from_secs(3_600), problems)),
            max_window: max_window
                .then(|| fields.duration("max_window", Duration::from_secs(86_400), problems)),
        };
        if poll.max_window == Some(Duration::ZERO) {
            let path = fields.path_of("max_window");
            problems.error_with(
                path,
                Localized::new("窗口不能为零", "a window cannot be empty"),
                Localized::new("例如 7d", "such as 7d"),
            );
        }
        if poll.look_back_max.is_some_and(|most| most < poll.look_back) {
            problems.error_with(
                fields.path_of("look_back_max"),
                Localized::new("不能短于 look_back", "cannot be less than look_back"),
                Localized::new("写更长的时长，例如 1h，或删除", "write more, such as 1h, or remove it"),
            );
        }
        fields.finish(problems);
        poll
    }
}

impl TargetSpec {
    /// Whether a SQL target runs the flow's own statements with named values: its documents are then objects, not rows of one
    /// table. An `execute` that was printed without its statements writes rows where `settings` names a table (seed 001).
    pub fn runs_statements(&self) -> bool {
        let names_table = || self.settings.get("table").is_some();
        self.metadata.is_execute() && (self.metadata.has_statement() || !names_table())
    }

    pub(super) fn read(mut fields: Fields<'_>, problems: &mut Problems) -> Self {
        let metadata = TargetMetadata::read(fields.mapping("metadata", problems), problems);
        let system = fields.required_text("system", problems);
        let spec = Self {
            connection: connection(&mut fields, &system, problems),
            key: text_list(&mut fields, "key", problems),
            on_delete: rules::on_delete(&mut fields, problems),
            on_leave: fields.choice("on_leave", &OnLeave::CHOICES, OnLeave::Keep, problems),
            settings: fields.get("settings").cloned().unwrap_or(Json::Null),
            metadata,
            system,
        };
        if fields.get("key").is_none_or(|key| key.as_array().is_some_and(Vec::is_empty)) {
            fields.missing_such_as("key", "[FNumber]", problems);
        }
        fields.finish(problems);
        spec
    }
}

pub(super) fn name(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> String {
    let name = fields.required_text(key, problems);
    if !name.is_empty() && !is_valid_name(&name) {
        let message = Localized::new(format!("{name:?} 不能用作名称"), format!("{name:?} cannot be a name"));
        let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
        problems.error_with(fields.path_of(key), message, suggestion);
    }
    name
}

fn connection(fields: &mut Fields<'_>, system: &str, problems: &mut Problems) -> ConnectionName {
    ConnectionName::from(fields.text("connection", problems).unwrap_or_else(|| system.to_owned()))
}

fn text_list(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Vec<String> {
    let base = fields.path_of(key);
    let mut texts = Vec::new();
    for (index, value) in fields.list(key, problems).iter().enumerate() {
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => texts.push(text.to_owned()),
            _ => problems.error_with(
                format!("{base}[{index}]"),
                Localized::new("应为字段名", "expected a field's name"),
                Localized::new("写成带引号的文本", "write text, in quotes"),
            ),
        }
    }
    texts
}

fn start_from(text: &str, path: &str, problems: &mut Problems) -> StartFrom {
    let utc = jiff::tz::TimeZone::UTC;
    if crate::time::parse_local(text, &utc).is_some() {
        return StartFrom::At(text.to_owned());
    }
    if let Some(ago) = text.strip_prefix('-').and_then(crate::settings::parse_duration) {
        return StartFrom::Ago(ago);
    }
    let message = Localized::new(format!("{text:?} 不是起始时间"), format!("{text:?} is no starting time"));
    let suggestion = Localized::new(
        "写本地时间，如 \"2024-01-01 00:00:00\"，或相对时间，如 -7d",
        "write a local time such as \"2024-01-01 00:00:00\", or a time back such as -7d",
    );
    problems.error_with(path, message, suggestion);
    StartFrom::Ago(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
version: 1
flow: a-to-b
title: {zh: 甲到乙, en: A to B}
source:
  name: a-things
  system: jushuitan
  modified: modified
  poll: {every: 30s, start_from: "2024-01-01", look_back: 5m}
  metadata:
    api: /open/jushuitan/distributor/query
    effect: QUERY
    id: drp_co_id
    request: [{field: page_index, label: 页数, type: string, value: "1"}]
target:
  system: kingdee-galaxy
  key: [FNumber]
  metadata:
    api: batchSave
    operation: {rowsKey: array, rows: 1, method: batchArraySave}
    request:
      - {field: FNumber, type: string, value: "{drp_co_id}"}
      - {field: FUseOrgId, parser: {name: ConvertObjectParser, params: FNumber}}
"#;

    #[test]
    fn a_good_flow_reads_without_a_word() {
        let mut problems = Problems::new("f.yaml");
        let flow = FlowSpec::parse(GOOD, &mut problems).unwrap();
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        assert_eq!(flow.source.key, ["drp_co_id"]);
        assert_eq!(flow.source.poll.start_from, StartFrom::At("2024-01-01".into()));
        assert_eq!(flow.target.connection.as_str(), "kingdee-galaxy");
        assert_eq!(
            flow.target.metadata.request[1].parser.as_ref().unwrap().params.as_deref(),
            Some("FNumber")
        );
        assert_eq!(flow.target.metadata.request[1].value, None);
    }

    #[test]
    fn deletions_are_read_as_marks_and_as_a_mapping() {
        let read = |on_delete: &str| {
            let text = GOOD
                .replace("  modified: modified", "  deleted_when: [[{field: status, logic: eq, value: 10}]]")
                .replace("  key: [FNumber]", &format!("  key: [FNumber]\n  on_delete: {on_delete}"));
            let mut problems = Problems::new("f.yaml");
            let flow = FlowSpec::parse(&text, &mut problems).unwrap();
            let paths: Vec<String> = problems.list().iter().map(|problem| problem.path.clone()).collect();
            (flow.source.deleted_when, flow.target.on_delete, paths)
        };
        let (when, on_delete, problems) = read("dead-letter");
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!((when[0][0].field.as_str(), on_delete), ("status", OnDelete::DeadLetter));
        let (_, on_delete, problems) = read("{request: [{field: FName, value: gone}]}");
        assert!(problems.is_empty(), "{problems:?}");
        let OnDelete::Map(items) = on_delete else { panic!("{on_delete:?}") };
        assert_eq!(items[0].path, "target.on_delete.request[0]");
        assert_eq!(read("drop").2, ["target.on_delete"]);
        assert_eq!(read("{reqest: []}").2, ["target.on_delete.request", "target.on_delete.reqest"]);
        assert_eq!(read("[]").2, ["target.on_delete"]);
    }

    #[test]
    fn every_problem_is_reported() {
        let text = GOOD
            .replace("every: 30s", "evry: 30s")
            .replace("2024-01-01", "yesterday")
            .replace("flow: a-to-b", "flow: 甲")
            .replace("key: [FNumber]", "keys: [FNumber]")
            .replace("label: 页数", "lable: 页数");
        let mut problems = Problems::new("f.yaml");
        FlowSpec::parse(&text, &mut problems).unwrap();
        let paths: Vec<&str> = problems.list().iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "flow",
                "source.metadata.request[0].lable",
                "source.poll.start_from",
                "source.poll.evry",
                "target.key",
                "target.keys",
            ]
        );
        assert!(problems.has_errors());
    }
}
