//! The long-running variant: a BatchSave that is begun and asked for later (contract kingdee-galaxy §3).
//!
//! The documents are stored at once; the caller is told that the task runs, and gets its result when it asks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    body::{Request, find, parsed_object, text},
    envelope::Failure,
};

/// How far a task has come, as the official clients read it.
const RUNNING: u8 = 1;
const COMPLETE: u8 = 2;

/// The tasks that were begun, with their results.
#[derive(Debug, Default)]
pub struct Tasks {
    results: BTreeMap<String, Value>,
}

impl Tasks {
    /// Notes the result of a task; gives what its caller is told.
    pub fn begin(&mut self, result: Value) -> Value {
        let id = format!("task-{:06}", self.results.len() + 1);
        let told = json!({ "Status": RUNNING, "TaskId": id, "Result": null });
        self.results.insert(id, result);
        told
    }

    /// The result of the task that a call asks for in its `queryInfo`.
    pub fn ask(&self, request: &Request) -> Result<Value, Failure> {
        let query = request.get("queryInfo").and_then(parsed_object).unwrap_or_default();
        let id = find(&query, "TaskId").map(text).unwrap_or_default();
        let result = self.results.get(&id).ok_or_else(|| Failure::new(10, format!("任务{id}不存在")))?;
        Ok(json!({ "Status": COMPLETE, "TaskId": id, "Result": result }))
    }
}
