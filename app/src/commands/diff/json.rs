//! The comparison for programs.

use serde_json::{Value, json};

use super::{
    Answer,
    compare::Kind,
    ends, rewritten,
    summary::{Example, Group, Listed},
};

/// The whole answer.
pub fn answer(answer: &Answer<'_>) -> Value {
    let Answer { options, sides, span, topic, left_out, read, summary } = answer;
    let (since, until) = ends(span);
    let documents: serde_json::Map<String, Value> =
        Kind::ALL.iter().map(|kind| (kind.as_str().to_owned(), json!(summary.count(*kind)))).collect();
    let fields: Vec<Value> = summary.fields().into_iter().map(|(name, group)| field(name, group)).collect();
    let endings: Vec<Value> =
        summary.endings().into_iter().map(|(kind, cause, group)| ending(kind, cause, group)).collect();
    let mut told = json!({
        "flow": sides.old.spec.name.as_str(),
        "old": {"version": sides.version, "file": sides.old.file},
        "new": {"file": sides.new.file},
        "topic": topic, "since": since, "until": until, "all_states": span.all_states,
        "records": {
            "read": read.found, "older_states": read.older, "mapped": summary.records, "unreadable": read.unreadable,
            "left_out_by_limit": left_out,
        },
        "changes": summary.has_changes(),
        "documents": documents,
        "fields": fields,
        "endings": endings,
        "polls_otherwise": sides.polls_otherwise(),
        "sent": false,
        "a_replay_would_write": rewritten(summary),
    });
    if let (true, Some(entries)) = (options.list, told.as_object_mut()) {
        entries.insert("list".to_owned(), summary.list.iter().map(listed).collect());
    }
    told
}

fn field(name: &str, group: &Group) -> Value {
    json!({
        "field": name, "documents": group.documents, "values": group.values,
        // As text: a program's float must not round it (invariant 5).
        "sum_difference": group.sum.as_ref().map(ToString::to_string),
        "examples": group.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn ending(kind: Kind, cause: &str, group: &Group) -> Value {
    json!({
        "kind": kind.as_str(), "cause": cause, "documents": group.documents,
        "examples": group.examples.iter().map(example).collect::<Vec<_>>(),
    })
}

fn example(example: &Example) -> Value {
    json!({"number": example.number, "place": example.place, "old": example.old, "new": example.new})
}

fn listed(document: &Listed) -> Value {
    json!({
        "number": document.number, "record": document.record, "kind": document.kind.as_str(), "what": document.what,
    })
}
