//! Jobs as a person deals with them: through `weir replay` and `weir jobs`.

use std::process::{Command, Output};

use serde_json::{Value, json};
use weir_kafka::{Isolation, TopicPartition, reader::watermarks};
use weir_model::names::FlowName;
use weir_runtime::topics::FLOW_PARTITIONS;

use crate::{
    process::program,
    stand::{Flow, Stand},
    waiting::eventually,
};

pub const FLOW: &str = "orders";
pub const TABLE: &str = "orders";
pub const PLAIN: Flow = Flow::plain(FLOW, TABLE);

/// A record of the source.
pub fn order(number: usize) -> Value {
    json!({"id": format!("o{number:05}"), "amount": format!("{}.25", number % 1_000)})
}

/// Runs a command of `weir` on the project, whatever comes of it.
pub fn run(stand: &Stand, arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).arg("--config").arg(&stand.project).output().unwrap()
}

/// What a command answers to a program.
pub fn ask(stand: &Stand, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&stand.command(&arguments)).unwrap()
}

/// Announces a replay of everything; gives its id.
pub fn replay(stand: &Stand, options: &[&str]) -> String {
    let mut arguments = vec!["replay", FLOW, "--since", "2000-01-01", "--detach"];
    arguments.extend(options);
    ask(stand, &arguments)["id"].as_str().unwrap().to_owned()
}

/// Waits until a job is in a state; gives all that is known of it.
pub fn wait_for_state(stand: &Stand, id: &str, state: &str) -> Value {
    eventually(&format!("job {id} is {state}"), || {
        let job = ask(stand, &["jobs", "show", id]);
        if job["state"] == state { Ok(job) } else { Err(job.to_string()) }
    })
}

/// How much was ever written to the topic of what re-enters, transaction markers included.
pub fn written(stand: &Stand) -> i64 {
    let topic = stand.topics.redo(&FlowName::from(FLOW));
    let end = |number| {
        let partition = TopicPartition::new(topic.as_str(), number);
        watermarks(&stand.cluster, &partition, Isolation::Committed).unwrap().high
    };
    (0..FLOW_PARTITIONS).map(end).sum()
}
