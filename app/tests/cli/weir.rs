//! Runs the binary and keeps what it said.

use std::process::Command;

use serde_json::Value;

/// What a run of the binary left behind.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Standard output, which must be one JSON value on one line.
    pub fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "not one line: {self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `weir` with these arguments in the app's folder, in English, without settings of the caller's environment.
pub fn weir(arguments: &[&str]) -> Answer {
    weir_with(arguments, &[])
}

/// As [`weir`], with these environment variables.
pub fn weir_with(arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    for name in [
        "WEIR_CONFIG",
        "WEIR_INSTANCE",
        "WEIR_KAFKA",
        "WEIR_MYSQL",
        "WEIR_SANDBOX",
        "WEIR_LOG",
        "LC_MESSAGES",
    ] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").envs(variables.iter().copied()).args(arguments);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    Answer {
        code: output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}")),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
