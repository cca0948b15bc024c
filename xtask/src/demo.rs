//! `cargo xtask demo`: the first command of the README. Builds `weir` and becomes `weir demo`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace;

/// Replaces this process by cargo and it by the demo, so that Ctrl-C and the exit code are the demo's own.
pub fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let manifest = workspace::root()?.join("Cargo.toml");
    let mut command = workspace::cargo();
    command.arg("run").arg("--manifest-path").arg(manifest);
    command.args(["--package", "weir", "--bin", "weir", "--", "demo"]).args(arguments);
    Err(command.exec()).context("run cargo")
}
