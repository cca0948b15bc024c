//! Every error code has its page: `docs/errors/<code>.md`, in Chinese and English, and no page outlives its code.
//!
//! Relies on codes being written as text where they are made, `Code::new("…")`, so that a search finds them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Violation;

/// What makes a code. In halves, so that this file makes none.
const CALL: &str = concat!("Code", "::new(");
const FOLDER: &str = "docs/errors";
/// The list of all pages.
const INDEX: &str = "README.md";
/// Headings of a page, one for each language.
const SECTIONS: [&str; 2] = ["## 中文", "## English"];

/// A code and where it is made.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    code: String,
    file: PathBuf,
    line: usize,
}

/// The codes that a Rust file makes, tests left out.
pub fn made_in(file: &Path, text: &str) -> Vec<Made> {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code_at = |(at, call): (usize, &str)| {
        let argument = before_tests.get(at + call.len()..)?.trim_start().strip_prefix('"')?;
        let code = argument.split('"').next()?.to_owned();
        let before = before_tests.get(..at)?;
        if before.lines().next_back().is_some_and(|line| line.contains("//")) {
            return None; // a sentence about it
        }
        let line = before.matches('\n').count() + 1;
        Some(Made { code, file: file.to_owned(), line })
    };
    before_tests.match_indices(CALL).filter_map(code_at).collect()
}

/// Compares the codes with the pages of the tree at `root`.
pub fn check(root: &Path, made: &[Made], found: &mut Vec<Violation>) -> Result<()> {
    let mut codes = BTreeSet::new();
    for Made { code, file, line } in made {
        if !codes.insert(code.as_str()) {
            continue;
        }
        let page = format!("{FOLDER}/{code}.md");
        match fs::read_to_string(root.join(&page)) {
            Ok(text) => {
                for section in SECTIONS.iter().filter(|section| !text.lines().any(|line| line == **section)) {
                    found.push(Violation::new(&page, 1, format!("has no section `{section}`")));
                }
            }
            Err(_) => {
                found.push(Violation::new(file, *line, format!("code `{code}` has no page: write {page}")));
            }
        }
    }
    for page in pages(root)? {
        if !codes.contains(page.as_str()) {
            let message = format!("nothing makes the code `{page}`: remove its page");
            found.push(Violation::new(format!("{FOLDER}/{page}.md"), 1, message));
        }
    }
    Ok(())
}

/// The codes that have a page, sorted.
fn pages(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut pages = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("list {FOLDER}"))? {
        let name = entry.with_context(|| format!("list {FOLDER}"))?.file_name();
        let name = name.to_string_lossy();
        if name != INDEX {
            pages.extend(name.strip_suffix(".md").map(str::to_owned));
        }
    }
    pages.sort();
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_where_they_are_made_and_not_in_tests() {
        let call = CALL;
        let text = format!(
            "//! About {call}\"K-X\").\nconst A: Code = {call}\"K-A\");\nlet b = {call}\n    \"K-B\",\n);\n{call}text)\n#[cfg(test)]\n{call}\"K-C\")\n"
        );
        let made = made_in(Path::new("a.rs"), &text);
        let made: Vec<_> = made.iter().map(|made| (made.code.as_str(), made.line)).collect();
        assert_eq!(made, [("K-A", 2), ("K-B", 3)]);
    }
}
