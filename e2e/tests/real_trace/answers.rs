//! What `weir trace` answers, as a program reads it.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{process::program, stand::Stand};

/// So many numbers are asked for in one call.
const BATCH: usize = 200;

/// An answer with its exit code.
pub struct Answer {
    pub code: i32,
    pub json: Value,
}

impl Answer {
    /// What was found for a number, in all flows.
    pub fn found(&self, number: &str) -> Vec<Value> {
        let answers = self.json["answers"].as_array().unwrap();
        let answer = answers.iter().find(|answer| answer["number"] == number);
        answer.unwrap_or_else(|| panic!("no answer for {number}"))["found"].as_array().unwrap().clone()
    }
}

/// Asks with the project of a stand, or with another file beside it.
pub fn trace(project: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(program());
    command.args(["trace", "--json", "--config"]).arg(project).args(arguments);
    let Output { status, stdout, stderr } = command.output().unwrap();
    let told = String::from_utf8_lossy(&stderr).into_owned();
    let json = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {status}: {told}"));
    Answer { code: status.code().unwrap(), json }
}

/// What was found for each of many numbers.
pub fn trace_all(stand: &Stand, numbers: &[String]) -> BTreeMap<String, Vec<Value>> {
    let mut found = BTreeMap::new();
    for batch in numbers.chunks(BATCH) {
        let mut arguments = vec!["--limit", "200", "--"];
        arguments.extend(batch.iter().map(String::as_str));
        let answer = trace(&stand.project, &arguments);
        for number in batch {
            found.insert(number.clone(), answer.found(number));
        }
    }
    found
}

/// The record of a flow among what was found.
pub fn hit<'v>(found: &'v [Value], flow: &str, record: &str) -> Option<&'v Value> {
    found.iter().find(|hit| hit["flow"] == flow && hit["record"] == record)
}

/// The kinds of the steps, in order.
pub fn kinds(hit: &Value) -> Vec<&str> {
    hit["steps"].as_array().unwrap().iter().map(|step| step["kind"].as_str().unwrap()).collect()
}

/// The times of the steps never go back.
pub fn expect_in_order(hit: &Value) {
    let time = |step: &Value| step["at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let times: Vec<_> = hit["steps"].as_array().unwrap().iter().map(time).collect();
    assert!(times.is_sorted(), "{hit:#}");
}
