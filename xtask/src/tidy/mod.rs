//! `cargo xtask tidy`: the walls between crates and the habits of the tree, checked over manifests, sources, READMEs and
//! error pages.
//!
//! Everything that is wrong is reported at once, each with file and line.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::services::count;

mod code;
mod codes;
pub mod manifest;
mod readmes;
mod sources;
#[cfg(test)]
mod tests;
mod walls;

/// One thing that is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    file: PathBuf,
    line: usize,
    message: String,
}

impl Violation {
    fn new(file: impl AsRef<Path>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.as_ref().to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// Checks the tree and prints what is wrong with it.
pub fn run(root: &Path) -> Result<ExitCode> {
    let found = check(root)?;
    for violation in &found {
        println!("{violation}");
    }
    if found.is_empty() {
        println!("tidy: nothing to complain about");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("tidy: {}", count(found.len(), "violation"));
    Ok(ExitCode::FAILURE)
}

fn check(root: &Path) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    let workspace = manifest::read(root)?;
    walls::check(&workspace, &mut found);
    let made = sources::check(root, &workspace, &mut found)?;
    codes::check(root, &made, &mut found)?;
    readmes::check(root, &mut found);
    Ok(found)
}
