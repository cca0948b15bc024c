//! Who runs what, as a person gets to see it: through `weir status`.

use serde_json::Value;

use crate::{stand::Stand, waiting::eventually};

/// A stage of a process.
#[derive(Clone, Debug)]
pub struct Line {
    pub instance: String,
    pub gone: bool,
    pub started_at: String,
    pub stage: String,
    pub subject: String,
    pub condition: String,
    pub why: String,
    pub version: u64,
    pub partitions: usize,
}

/// All stages of all processes.
pub fn lines(stand: &Stand) -> Vec<Line> {
    let answer: Value = serde_json::from_str(&stand.command(&["status", "--json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut lines = Vec::new();
    for instance in answer["instances"].as_array().unwrap() {
        for stage in instance["stages"].as_array().unwrap() {
            lines.push(Line {
                instance: text(&instance["instance"]),
                gone: instance["gone"].as_bool().unwrap(),
                started_at: text(&instance["started_at"]),
                // A part that serves every stage is of none, and its name stands in brackets.
                stage: if text(&stage["subject"]).starts_with('(') {
                    assert!(stage["stage"].is_null(), "{stage}");
                    String::new()
                } else {
                    text(&stage["stage"])
                },
                subject: text(&stage["subject"]),
                condition: text(&stage["condition"]),
                why: text(&stage["why"]),
                version: stage["version"].to_string().parse().unwrap(),
                partitions: stage["partitions"].as_array().unwrap().len(),
            });
        }
    }
    lines
}

/// Waits until `count` stages of a flow, in processes that are heard of, are as they must be; gives them.
pub fn wait_for(
    stand: &Stand,
    what: &str,
    flow: &str,
    count: usize,
    is: impl Fn(&Line) -> bool,
) -> Vec<Line> {
    eventually(what, || {
        let lines: Vec<Line> =
            lines(stand).into_iter().filter(|line| line.subject == flow && !line.gone).collect();
        if lines.len() == count && lines.iter().all(&is) { Ok(lines) } else { Err(format!("{lines:#?}")) }
    })
}
