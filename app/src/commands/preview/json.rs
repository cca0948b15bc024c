//! A preview for programs: everything that the text shows, uncut.

use serde_json::{Value, json};
use weir_model::{
    document::Verdict,
    processor::{Mapped, Processed},
};
use weir_processors::explain::{CheckStep, ConditionStep, Explanation, FieldStep, FilterVerdict, PartStep};

use super::Taken;
use crate::project::Flow;

/// The whole answer.
pub fn answer(flow: &Flow, columns: Option<&[String]>, shown: &[(Explanation, Taken)]) -> Value {
    let records: Vec<Value> =
        shown.iter().map(|(explanation, taken)| record(explanation, taken, columns)).collect();
    json!({"flow": flow.spec.name.as_str(), "file": flow.file, "sent": false, "records": records})
}

fn record(explanation: &Explanation, taken: &Taken, columns: Option<&[String]>) -> Value {
    let Explanation { deletion, filter, .. } = explanation;
    json!({
        "number": explanation.number,
        "id": taken.input.record.id.as_str(),
        "origin": taken.origin.en,
        "now": taken.input.appended_at.to_string(),
        "input": content(&taken.input.record.payload),
        "deletion": {
            "removed": deletion.removed,
            "by_source": deletion.by_source,
            "rule": deletion.rule,
            "conditions": deletion.conditions.iter().map(condition).collect::<Vec<_>>(),
        },
        "filter": {
            "verdict": verdict_word(filter.verdict),
            "rule": filter.rule,
            "conditions": filter.conditions.iter().map(condition).collect::<Vec<_>>(),
        },
        "rows": explanation.rows,
        "checks": explanation.checks.iter().map(check).collect::<Vec<_>>(),
        "parts": explanation.parts.iter().map(|step| part(step, columns)).collect::<Vec<_>>(),
        "result": result(&explanation.processed),
    })
}

/// The filter's verdict as a word.
pub fn verdict_word(verdict: FilterVerdict) -> &'static str {
    match verdict {
        FilterVerdict::NotReached => "not reached",
        FilterVerdict::Kept => "kept",
        FilterVerdict::Dropped => "dropped",
        FilterVerdict::Undecided => "undecided",
    }
}

fn condition(step: &ConditionStep) -> Value {
    json!({
        "path": step.path, "text": step.text, "value": step.value, "passed": step.passed,
        "removed_rows": step.removed_rows,
    })
}

fn check(step: &CheckStep) -> Value {
    json!({
        "name": step.name, "severity": step.severity.as_str(), "passed": step.passed, "text": step.text,
        "rows": step.rows,
    })
}

fn part(step: &PartStep, columns: Option<&[String]>) -> Value {
    let mut told = json!({
        "fields": step.fields.iter().map(field).collect::<Vec<_>>(),
        "document": step.document,
    });
    if let (Some(columns), Some(document), Some(entries)) = (columns, &step.document, told.as_object_mut()) {
        entries.insert("rows".to_owned(), json!(weir_cases::by_column(columns, document)));
    }
    told
}

fn field(step: &FieldStep) -> Value {
    let inputs: Vec<Value> =
        step.inputs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let value = step.value.as_ref().map(|text| content(text.as_bytes()));
    json!({
        "path": step.path, "expression": step.expression, "inputs": inputs, "parser": step.parser, "value": value,
        "problem": step.problem,
    })
}

/// What became of a record.
pub fn result(processed: &Processed) -> Value {
    match processed {
        Processed::One(mapped) => outcome(mapped),
        Processed::Parts(parts) => {
            json!({"verdict": "parts", "parts": parts.iter().map(outcome).collect::<Vec<_>>()})
        }
        Processed::Waits(missing) => json!({
            "verdict": "waits", "collection": missing.collection, "reference": missing.reference,
            "wait_max_seconds": missing.wait_max.map(|time| time.as_secs()),
        }),
    }
}

fn outcome(mapped: &Mapped) -> Value {
    match &mapped.verdict {
        Verdict::Mapped => json!({
            "verdict": "mapped", "key": mapped.key, "number": mapped.number, "warnings": mapped.warnings,
        }),
        Verdict::Filtered(rule) => json!({"verdict": "filtered", "rule": rule}),
        Verdict::Refused(refusal) => json!({
            "verdict": "refused", "code": refusal.code.as_str(), "message": refusal.message, "field": refusal.field,
        }),
    }
}

/// JSON as JSON, anything else as text.
fn content(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
