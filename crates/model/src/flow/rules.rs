//! What a flow says beside its two metadata sections: `checks`, `lookups`, `aliases` and `on_delete`.

use std::{collections::BTreeMap, time::Duration};

use super::{Item, metadata};
use crate::{
    Json,
    names::is_valid_name,
    settings::{Fields, Localized, Problems, unknown_word},
};

/// A data-quality rule (design §6).
#[derive(Clone, Debug, PartialEq)]
pub struct CheckSpec {
    /// Where it stands in the file.
    pub path: String,
    /// Its name; metrics and refusals carry it.
    pub name: String,
    /// What must hold.
    pub rule: Rule,
    /// The list whose every row must fulfil it; `None` for the record itself.
    pub rows: Option<String>,
    /// What becomes of a record that does not fulfil it.
    pub severity: Severity,
    /// What people are told; empty texts leave it to the rule.
    pub message: Localized,
}

/// What a check demands.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// A boolean `_function` body that must hold.
    Expression(String),
    /// Fields that must have a value.
    Required(Vec<String>),
    /// A field that must be of a type; nothing is of any type.
    Type {
        /// The field.
        field: String,
        /// `int`, `decimal`, `date`, `datetime`, `bool`.
        is: String,
    },
    /// A number that must lie within bounds, both included; nothing lies within any.
    Range {
        /// The field.
        field: String,
        /// The lowest value, as written.
        min: Option<String>,
        /// The highest value, as written.
        max: Option<String>,
    },
    /// A field that must be one of a few values; nothing is one of any.
    OneOf {
        /// The field.
        field: String,
        /// The values.
        values: Vec<String>,
    },
    /// Fields whose values together must not repeat among the rows of the list that `rows` names.
    Unique(Vec<String>),
}

/// What becomes of a record that a check finds wanting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// It is refused.
    #[default]
    Reject,
    /// It is counted and goes on.
    Warn,
}

impl Severity {
    /// The words and what they mean; the first is the default.
    pub const CHOICES: [(&'static str, Self); 2] = [("reject", Self::Reject), ("warn", Self::Warn)];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Warn => "warn",
        }
    }
}

/// The keys of which a check has exactly one: what it demands.
pub const RULES: [&str; 6] = ["expression", "required", "type", "range", "one_of", "unique"];

/// What a lookup of a collection that finds nothing means (design §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupSpec {
    /// What it makes of the record.
    pub on_missing: OnMissing,
    /// How long a record waits at most.
    pub wait_max: Duration,
}

impl Default for LookupSpec {
    fn default() -> Self {
        Self { on_missing: OnMissing::Empty, wait_max: DEFAULT_WAIT }
    }
}

const DEFAULT_WAIT: Duration = Duration::from_secs(7 * 86_400);

/// What a lookup that finds nothing means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissing {
    /// Empty text (contract qeasy-metadata §4).
    #[default]
    Empty,
    /// The record is refused.
    Reject,
    /// The record waits until the row arrives.
    Wait,
}

impl OnMissing {
    /// The words and what they mean; the first is the default.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("empty", Self::Empty), ("reject", Self::Reject), ("wait", Self::Wait)];
}

/// What a record becomes that was removed at the source (contract decisions "All sources").
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OnDelete {
    /// Nothing: what the target holds stays.
    #[default]
    Ignore,
    /// A dead letter: a person decides.
    DeadLetter,
    /// Its rows are deleted from the table of a SQL target.
    Delete,
    /// A document in which these items take the place of those of the target's `request` that have their fields.
    Map(Vec<Item>),
}

impl OnDelete {
    /// The words that say it without a mapping; the first is the default.
    pub const WORDS: [&'static str; 3] = ["ignore", "dead-letter", "delete"];
}

/// Reads `checks:`.
pub(super) fn checks(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<CheckSpec> {
    let base = fields.path_of("checks");
    let mut checks: Vec<CheckSpec> = Vec::new();
    for (index, value) in fields.list("checks", problems).iter().enumerate() {
        let path = format!("{base}[{index}]");
        let Some(check) = check(Fields::of(value, path.clone(), problems), problems) else { continue };
        if checks.iter().any(|known| known.name == check.name) {
            let name = &check.name;
            let message =
                Localized::new(format!("检查 {name:?} 重复"), format!("the check {name:?} is there twice"));
            let suggestion = Localized::new("给其中一个另取名称", "give one of them another name");
            problems.error_with(format!("{path}.name"), message, suggestion);
        }
        checks.push(check);
    }
    checks
}

fn check(mut fields: Fields<'_>, problems: &mut Problems) -> Option<CheckSpec> {
    let name = fields.required_text("name", problems);
    if !name.is_empty() && !is_valid_name(&name) {
        let message = Localized::new(format!("{name:?} 不能用作名称"), format!("{name:?} cannot be a name"));
        let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
        problems.error_with(fields.path_of("name"), message, suggestion);
    }
    let rows = fields.text("rows", problems).filter(|text| !text.is_empty());
    let mut message = fields.mapping("message", problems);
    let told = Localized::new(
        message.text("zh", problems).unwrap_or_default(),
        message.text("en", problems).unwrap_or_default(),
    );
    message.finish(problems);
    let severity = fields.choice("severity", &Severity::CHOICES, Severity::Reject, problems);
    let rule = rule(&mut fields, problems);
    let path = fields.path().to_owned();
    if matches!(rule, Some(Rule::Unique(_))) && rows.is_none() {
        fields.missing_such_as("rows", "product_list", problems);
    }
    fields.finish(problems);
    Some(CheckSpec { path, name, rule: rule?, rows, severity, message: told })
}

fn rule(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Rule> {
    let given: Vec<&str> = RULES.into_iter().filter(|key| fields.get(key).is_some()).collect();
    let [kind] = given.as_slice() else {
        let list = RULES.join(", ");
        let message = Localized::new(
            format!("一个检查恰好写一种规则，这里有 {} 种", given.len()),
            format!("a check has exactly one rule, this one has {}", given.len()),
        );
        let suggestion =
            Localized::new(format!("写其中之一：{list}"), format!("write exactly one of: {list}"));
        problems.error_with(fields.path(), message, suggestion);
        return None;
    };
    Some(match *kind {
        "expression" => Rule::Expression(fields.required_text("expression", problems)),
        "required" => Rule::Required(texts(fields, "required", problems)),
        "unique" => Rule::Unique(texts(fields, "unique", problems)),
        "type" => {
            let mut inner = fields.mapping("type", problems);
            let rule = Rule::Type {
                field: inner.required_text("field", problems),
                is: inner.required_text("is", problems),
            };
            inner.finish(problems);
            rule
        }
        "range" => {
            let mut inner = fields.mapping("range", problems);
            let field = inner.required_text("field", problems);
            let (min, max) = (inner.text("min", problems), inner.text("max", problems));
            if min.is_none() && max.is_none() {
                inner.missing_such_as("min", "\"0\"", problems);
            }
            inner.finish(problems);
            Rule::Range { field, min, max }
        }
        _ => {
            let mut inner = fields.mapping("one_of", problems);
            let field = inner.required_text("field", problems);
            let values = texts(&mut inner, "values", problems);
            inner.finish(problems);
            Rule::OneOf { field, values }
        }
    })
}

/// A list of texts that has at least one.
fn texts(fields: &mut Fields<'_>, key: &'static str, problems: &mut Problems) -> Vec<String> {
    let base = fields.path_of(key);
    let mut texts = Vec::new();
    let list = fields.list(key, problems);
    for (index, value) in list.iter().enumerate() {
        match value {
            Json::String(text) => texts.push(text.clone()),
            Json::Number(number) => texts.push(number.to_string()),
            _ => problems.error_with(
                format!("{base}[{index}]"),
                Localized::new("应为文本", "expected text"),
                Localized::new("写成带引号的文本", "write text, in quotes"),
            ),
        }
    }
    if list.is_empty() {
        fields.missing_such_as(key, "[…]", problems);
    }
    texts
}

/// Reads `lookups:`, by collection.
pub(super) fn lookups(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, LookupSpec> {
    let base = fields.path_of("lookups");
    let mut lookups = BTreeMap::new();
    let entries = fields.mapping("lookups", problems);
    for (collection, value) in entries.unknown() {
        let mut inner = Fields::of(value, format!("{base}.{collection}"), problems);
        let default = LookupSpec::default();
        let spec = LookupSpec {
            on_missing: inner.choice("on_missing", &OnMissing::CHOICES, default.on_missing, problems),
            wait_max: inner.duration("wait_max", default.wait_max, problems),
        };
        inner.finish(problems);
        lookups.insert(collection.to_owned(), spec);
    }
    lookups
}

/// Reads `on_delete:`, a word or a mapping.
pub(super) fn on_delete(fields: &mut Fields<'_>, problems: &mut Problems) -> OnDelete {
    match fields.get("on_delete") {
        None => OnDelete::Ignore,
        Some(Json::String(word)) if word == "ignore" => OnDelete::Ignore,
        Some(Json::String(word)) if word == "dead-letter" => OnDelete::DeadLetter,
        Some(Json::String(word)) if word == "delete" => OnDelete::Delete,
        Some(Json::String(word)) => {
            unknown_word(fields.path_of("on_delete"), word, &OnDelete::WORDS, problems);
            OnDelete::Ignore
        }
        Some(_) => {
            let mut inner = fields.mapping("on_delete", problems);
            let items = metadata::items(&mut inner, "request", problems);
            if items.is_empty() {
                inner.missing_such_as("request", "[{field: FCancellation, value: \"true\"}]", problems);
            }
            inner.finish(problems);
            OnDelete::Map(items)
        }
    }
}

/// Reads `aliases:`: a name that expressions use, such as the vendor's UUID of a scheme, and the collection it means.
pub(super) fn aliases(fields: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let base = fields.path_of("aliases");
    let mut aliases = BTreeMap::new();
    let entries = fields.mapping("aliases", problems);
    for (alias, value) in entries.unknown() {
        match value.as_str().filter(|name| is_valid_name(name)) {
            Some(collection) => {
                aliases.insert(alias.to_owned(), collection.to_owned());
            }
            None => problems.error_with(
                format!("{base}.{alias}"),
                Localized::new("应为集合的名称", "expected the name of a collection"),
                Localized::new("例如 shops", "for example shops"),
            ),
        }
    }
    aliases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::parse_mapping;

    const GOOD: &str = r#"
aliases: {f9720649-c4cb-3d51-8bb0-e633ee48e23c: shops}
lookups:
  shops: {on_missing: reject}
  customers: {on_missing: wait, wait_max: 3d}
checks:
  - {name: amount, expression: "{amount} > 0", severity: warn, message: {zh: 金额应大于零, en: the amount must be positive}}
  - {name: lines, rows: details, required: [goods_no, num]}
  - {name: date, type: {field: created, is: datetime}}
  - {name: rate, range: {field: rate, min: "0", max: "100.50"}}
  - {name: state, one_of: {field: status, values: [5, "6"]}}
  - {name: once, rows: details, unique: [rec_id]}
"#;

    fn read(text: &str) -> (Vec<CheckSpec>, BTreeMap<String, LookupSpec>, usize, Vec<String>) {
        let mut problems = Problems::new("f.yaml");
        let tree = parse_mapping(text, &mut problems).unwrap();
        let mut fields = Fields::of(&tree, "", &mut problems);
        let read = (
            checks(&mut fields, &mut problems),
            lookups(&mut fields, &mut problems),
            aliases(&mut fields, &mut problems).len(),
        );
        fields.finish(&mut problems);
        (read.0, read.1, read.2, problems.list().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_rule_is_read() {
        let (checks, lookups, aliases, problems) = read(GOOD);
        assert!(problems.is_empty(), "{problems:#?}");
        assert_eq!((checks.len(), aliases), (6, 1));
        assert_eq!(checks[0].severity, Severity::Warn);
        assert_eq!(checks[0].message.en, "the amount must be positive");
        let Rule::Range { max, .. } = &checks[3].rule else { panic!("{:?}", checks[3]) };
        assert_eq!(max.as_deref(), Some("100.50"));
        assert_eq!(lookups["customers"].wait_max, Duration::from_secs(3 * 86_400));
        assert_eq!(lookups["shops"].on_missing, OnMissing::Reject);
    }

    #[test]
    fn what_is_wrong_is_told_at_once() {
        let text = "aliases: {u: a b}\nlookups: {c: {on_missing: park}}\nchecks: [{name: a}, {name: a, required: [], unique: [x]}, {name: b, unique: [x]}, {name: b, range: {field: x}}]";
        let (_, _, _, problems) = read(text);
        let paths: Vec<&str> = problems.iter().filter_map(|text| text.split(": ").nth(1)).collect();
        assert_eq!(problems.len(), 7, "{problems:#?} {paths:?}");
    }
}
