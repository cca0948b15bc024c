//! The flow file: keys of ours, and the metadata as it was printed.

use std::fmt::Write as _;

use serde_json::{Map, json};
use weir_model::Json;

use crate::{
    collect::{Collected, Side},
    complete::{Plan, SourcePlan, TargetPlan},
    piece::Role,
    yaml::{entry, text},
};

/// The text of a flow file, or of a fragment where one side is missing.
pub fn write(flow: &str, collected: &Collected, plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(title) = &collected.title {
        let _ = writeln!(out, "# {}", title.replace(char::is_control, " "));
        out.push_str("#\n");
    }
    let _ = writeln!(
        out,
        "# Imported from printed metadata; {flow}.import.md tells what was assumed, repaired and left out."
    );
    out.push_str("version: 1\n");
    if collected.source.is_none() || collected.target.is_none() {
        out.push_str("kind: fragment\n");
    }
    let _ = writeln!(out, "flow: {}", text(flow));
    if let Some(title) = &collected.title {
        entry(&mut out, 0, "title", &json!({"zh": title}));
    }
    if !plan.aliases.is_empty() {
        let aliases: Map<String, Json> =
            plan.aliases.iter().map(|(scheme, name)| (scheme.clone(), json!(name))).collect();
        out.push_str("\n# Expressions call these collections by other names.\naliases:\n");
        for (scheme, name) in &aliases {
            entry(&mut out, 2, scheme, name);
        }
    }
    if collected.source.as_ref().is_some_and(|side| side.metadata.contains_key("condition_bk")) {
        out.push_str("\n# condition_bk filters nothing unless this is switched on:\n# language: {condition_bk: apply}\n");
    }
    if let (Some(side), Some(plan)) = (&collected.source, &plan.source) {
        write_source(&mut out, flow, side, plan);
    }
    if let (Some(side), Some(plan)) = (&collected.target, &plan.target) {
        write_target(&mut out, side, plan);
    }
    out
}

fn write_source(out: &mut String, flow: &str, side: &Side, plan: &SourcePlan) {
    out.push_str("\nsource:\n");
    entry(out, 2, "name", &json!(format!("{flow}-source")));
    entry(out, 2, "system", &json!(plan.system));
    if !plan.key.is_empty() {
        entry(out, 2, "key", &json!(plan.key));
    }
    if !plan.key_fallback.is_empty() {
        entry(out, 2, "key_fallback", &json!(plan.key_fallback));
    }
    if !plan.modified.is_empty() {
        entry(out, 2, "modified", &json!(plan.modified));
    }
    // Durations are plain words of this file.
    out.push_str("  poll:\n    every: 60s\n    settle_lag: 60s\n    look_back: 5m\n");
    write_metadata(out, side);
}

fn write_target(out: &mut String, side: &Side, plan: &TargetPlan) {
    out.push_str("\ntarget:\n");
    entry(out, 2, "system", &json!(plan.system));
    entry(out, 2, "key", &json!(plan.key));
    if let Some(settings) = &plan.settings {
        entry(out, 2, "settings", settings);
    }
    write_metadata(out, side);
}

fn write_metadata(out: &mut String, side: &Side) {
    out.push_str("  metadata:");
    if side.metadata.is_empty() {
        out.push_str(" {}");
    }
    out.push('\n');
    for (key, value) in &side.metadata {
        entry(out, 4, key, value);
    }
}

/// Which sides a text tells of.
pub fn only_side(collected: &Collected) -> Option<Role> {
    match (&collected.source, &collected.target) {
        (Some(_), None) => Some(Role::Source),
        (None, Some(_)) => Some(Role::Target),
        _ => None,
    }
}
