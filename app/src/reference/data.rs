//! The reference as JSON, for programs.

use serde_json::{Value, json};
use weir_expr::reference::{DIFFERENCES, Entry, Group, NoteKind, entries};
use weir_model::flow::Language;
use weir_processors::{
    codes,
    reference::{CALCULATIONS, OPERATORS},
};

use super::examples::{CHECKS, SETTINGS};

/// All of it.
pub fn json() -> Value {
    json!({
        "groups": Group::ALL.map(group),
        "operators": OPERATORS.map(|operator| json!({
            "name": operator.name, "zh": operator.zh, "en": operator.en, "assumption": operator.assumed,
            "value": operator.value, "holds": operator.holds, "fails": operator.fails,
        })),
        "calculations": CALCULATIONS.map(|calculation| json!({
            "name": calculation.name, "zh": calculation.zh, "en": calculation.en, "example": calculation.example,
        })),
        "settings": Language::SETTINGS.map(|setting| {
            let example = SETTINGS.iter().find(|example| example.key == setting.key);
            json!({
                "key": setting.key, "values": setting.values, "zh": setting.zh, "en": setting.en, "source": setting.source,
                "example": example.map(|example| json!({
                    "metadata": example.metadata, "item": example.item, "record": example.record,
                    "results": example.results.iter().map(|(value, x)| json!({"value": value, "x": x})).collect::<Vec<_>>(),
                })),
            })
        }),
        "checks": CHECKS.map(|check| json!({
            "rule": check.rule, "check": check.check, "holds": check.holds, "fails": check.fails,
        })),
        "differences": DIFFERENCES.iter().map(|difference| json!({
            "expression": difference.expression, "mysql": difference.mysql, "weir": difference.weir,
            "zh": difference.zh, "en": difference.en,
        })).collect::<Vec<_>>(),
        "codes": codes::ALL.map(|code| code.as_str().to_owned()),
    })
}

fn group(group: Group) -> Value {
    let (key, zh, en) = group.title();
    let entries: Vec<Value> = entries().filter(|entry| entry.group == group).map(entry).collect();
    json!({"key": key, "zh": zh, "en": en, "entries": entries})
}

fn entry(entry: &Entry) -> Value {
    let examples = entry.examples.iter().map(|example| {
        json!({"expression": example.expression, "record": example.record, "result": example.result})
    });
    json!({
        "name": entry.name, "aliases": entry.aliases, "signature": entry.signature, "zh": entry.zh, "en": entry.en,
        "note": entry.note.map(|note| json!({"kind": kind(note.kind), "zh": note.zh, "en": note.en})),
        "examples": examples.collect::<Vec<_>>(),
    })
}

fn kind(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Difference => "difference",
        NoteKind::Assumption => "assumption",
        NoteKind::Remark => "remark",
    }
}
