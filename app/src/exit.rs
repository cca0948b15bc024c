//! How a command fails: the exit code of design §9 and one message for the person who called it.

use std::process::ExitCode;

use weir_runtime::stage::chain;

/// A command that did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// It went wrong while running: exit code 1.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// What the user wrote cannot be used: exit code 2.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Something around Weir is missing or refuses: exit code 3.
    pub fn environment(attempted: &str, error: &dyn std::error::Error) -> Self {
        Self { code: 3, message: format!("could not {attempted}: {}", chain(error)) }
    }

    /// As [`Failure::environment`], in words of our own.
    pub fn missing(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }
}

impl From<weir_kafka::Error> for Failure {
    fn from(error: weir_kafka::Error) -> Self {
        Self { code: 3, message: chain(&error) }
    }
}

/// Tells the failure on standard error and gives its exit code. A failure without words was told by the command itself.
pub fn report(failure: &Failure, json: bool) -> ExitCode {
    if !failure.message.is_empty() {
        if json {
            eprintln!("{}", serde_json::json!({"error": failure.message, "code": failure.code}));
        } else {
            eprintln!("weir: {}", failure.message);
        }
    }
    ExitCode::from(failure.code)
}
