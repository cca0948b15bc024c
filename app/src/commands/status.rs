//! `weir status`: which processes run what, and how they fare.

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_runtime::status::is_gone;
use weir_schemas::{Condition, StageStatus, Status};

use super::control::Desk;
use crate::{
    cli::{Cli, Project as ProjectOption},
    exit::Failure,
    output::{self, say},
};

/// Lists processes and their stages.
pub async fn run(option: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(option, cli).await?;
    let statuses = desk.statuses()?;
    let now = Timestamp::now();
    if cli.json {
        let list: Vec<Value> = statuses.values().map(|status| whole(status, now)).collect();
        say!("{}", json!({"instances": list}));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = statuses.values().flat_map(|status| lines(status, now, &desk)).collect();
    output::tell(&output::table(
        &["instance", "heard", "stage", "subject", "condition", "version", "partitions", "why"],
        &rows,
    ));
    let gone = statuses.values().filter(|status| is_gone(status, now)).count();
    let (all, alive) = (statuses.len(), statuses.len() - gone);
    match desk.language {
        crate::cli::Language::Zh => say!("{all} 个进程，在线 {alive}，失联 {gone}"),
        crate::cli::Language::En => say!("{all} processes, {alive} alive, {gone} gone"),
    }
    Ok(())
}

/// A condition in words that stay the same in every language, as they are in metrics.
pub fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Starting => "starting",
        Condition::Ready => "ready",
        Condition::Waiting => "waiting",
        Condition::Paused => "paused",
        Condition::Halted => "halted",
    }
}

fn lines(status: &Status, now: Timestamp, desk: &Desk) -> Vec<Vec<String>> {
    let heard = heard(status, now);
    let gone = is_gone(status, now);
    let line = |stage: &StageStatus| {
        vec![
            status.instance.to_string(),
            heard.clone(),
            stage_of(stage).unwrap_or_default().to_owned(),
            stage.subject.clone(),
            if gone { desk.say("失联", "gone").to_owned() } else { condition(stage.condition).to_owned() },
            if stage.flow_ordinal == 0 { String::new() } else { stage.flow_ordinal.to_string() },
            partitions(stage),
            stage.why.clone(),
        ]
    };
    if status.stages.is_empty() {
        let word = if gone { desk.say("失联", "gone") } else { condition(Condition::Starting) };
        let mut row = vec![status.instance.to_string(), heard.clone()];
        row.extend(["", "", word, "", "", ""].map(str::to_owned));
        return vec![row];
    }
    status.stages.iter().map(line).collect()
}

/// The stage of the way of a record that a part belongs to; none of one that serves them all, such as `(ledger)`.
fn stage_of(part: &StageStatus) -> Option<&'static str> {
    (!part.subject.starts_with('(')).then(|| part.stage.as_str())
}

fn partitions(stage: &StageStatus) -> String {
    stage.partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// How long ago the process was heard of.
fn heard(status: &Status, now: Timestamp) -> String {
    let seconds = now.duration_since(status.at).as_secs().max(0);
    if seconds < 120 { format!("{seconds}s") } else { format!("{}m", seconds / 60) }
}

fn whole(status: &Status, now: Timestamp) -> Value {
    let stage = |stage: &StageStatus| {
        json!({
            "stage": stage_of(stage), "subject": stage.subject, "condition": condition(stage.condition),
            "why": stage.why, "version": stage.flow_ordinal, "partitions": stage.partitions,
        })
    };
    json!({
        "instance": status.instance.as_str(), "software": status.software,
        "started_at": status.started_at.to_string(), "at": status.at.to_string(),
        "gone": is_gone(status, now), "stages": status.stages.iter().map(stage).collect::<Vec<_>>(),
    })
}
