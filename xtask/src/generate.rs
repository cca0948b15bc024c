//! `cargo xtask generate`: the pages and schemas that are written from the program's own tables. What it writes is
//! committed; the tests of `weir describe` fail when it is stale.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Files, and what `weir describe` is asked for them.
const FILES: [(&str, &[&str]); 7] = [
    ("docs/apis.md", &["api", "--lang", "en"]),
    ("docs/apis.zh-CN.md", &["api", "--lang", "zh"]),
    ("docs/language.md", &["language", "--lang", "en"]),
    ("docs/language.zh-CN.md", &["language", "--lang", "zh"]),
    ("schemas/json/flow.schema.json", &["schema", "flow"]),
    ("schemas/json/project.schema.json", &["schema", "project"]),
    ("schemas/json/test.schema.json", &["schema", "test"]),
];

/// Writes every file.
pub fn run() -> Result<ExitCode> {
    let root = workspace::root()?;
    for (file, arguments) in FILES {
        let text = describe(&root, arguments)?;
        let path = root.join(file);
        if fs::read(&path).is_ok_and(|known| known == text) {
            println!("unchanged {file}");
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("make the folder of {file}"))?;
        }
        fs::write(&path, text).with_context(|| format!("write {file}"))?;
        println!("written   {file}");
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(root: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--manifest-path"]).arg(root.join("Cargo.toml"));
    command.args(["--package", "weir", "--bin", "weir", "--", "describe"]).args(arguments);
    command.stderr(std::process::Stdio::inherit());
    let output = command.output().context("run cargo")?;
    ensure!(output.status.success(), "`weir describe {}` failed", arguments.join(" "));
    Ok(output.stdout)
}
