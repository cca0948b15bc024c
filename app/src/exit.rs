//! How a command fails: the exit code of design §9 and one message for the person who called it.

use std::process::ExitCode;

use weir_runtime::stage::chain;

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
    /// The problems of the user's files, for `--json`.
    problems: Option<serde_json::Value>,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), problems: None }
    }

    /// Adds the problems that `--json` shows beside the message.
    #[must_use]
    pub fn with_problems(mut self, problems: serde_json::Value) -> Self {
        self.problems = Some(problems);
        self
    }

    /// It went wrong while running: exit code 1.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// What the user wrote cannot be used: exit code 2.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// What happened and what to do, for the person who reads it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Something around Weir is missing or refuses: exit code 3.
    pub fn environment(attempted: &str, error: &dyn std::error::Error) -> Self {
        Self::new(3, format!("could not {attempted}: {}", chain(error)))
    }

    /// As [`Failure::environment`], in words of our own.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }
}

impl From<weir_kafka::Error> for Failure {
    fn from(error: weir_kafka::Error) -> Self {
        Self::new(3, chain(&error))
    }
}

/// Tells the failure on standard error and gives its exit code. A failure without words was told by the command itself.
pub fn report(failure: &Failure, json: bool) -> ExitCode {
    if !failure.message.is_empty() {
        if json {
            let mut told = serde_json::json!({"error": failure.message, "code": failure.code});
            if let (Some(problems), Some(entries)) = (&failure.problems, told.as_object_mut()) {
                entries.insert("problems".to_owned(), problems.clone());
            }
            eprintln!("{told}");
        } else {
            eprintln!("weir: {}", failure.message);
        }
    }
    ExitCode::from(failure.code)
}
