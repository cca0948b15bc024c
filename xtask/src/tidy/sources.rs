//! Rules about single files: heads, sizes, words that must not stay, and what pure crates must not ask for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Violation;
use super::code::only_code;
use super::codes::{self, Made};
use super::manifest::Workspace;
use super::walls::PURE;

/// Longest file that is still read in one go.
const MOST_LINES: usize = 500;

/// Left in by mistake or out of convenience.
const UNFINISHED: [(&str, &str); 4] = [
    ("#[ignore", "a test runs or does not exist"),
    ("todo!", "finish it or leave it out"),
    ("unimplemented!", "finish it or leave it out"),
    ("dbg!", "a print for debugging stayed behind"),
];

/// What would make a replay differ from the first run.
const IMPURE: [(&str, &str); 6] = [
    ("std::env", "the environment is read by `app` and handed in"),
    ("SystemTime", "time is handed in"),
    ("Instant::now", "time is handed in"),
    ("Timestamp::now", "time is handed in"),
    ("Zoned::now", "time is handed in"),
    ("std::fs", "files are read by `app` and handed in"),
];

/// Folders of one machine. In halves, so that this file doesn't hold them.
const MACHINE_FOLDERS: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// Kinds of files that people read; others may hold anything.
const TEXT_KINDS: [&str; 17] = [
    "rs", "toml", "md", "yaml", "yml", "sh", "json", "avsc", "sql", "xml", "txt", "ts", "tsx", "html", "css",
    "py", "conf",
];
/// Files that are text and have no ending.
const TEXT_NAMES: [&str; 3] = ["Dockerfile", "run", ".dockerignore"];
/// Made, not written.
const LEFT_OUT: [&str; 5] = ["target", ".git", ".weir", "node_modules", "Cargo.lock"];

/// Checks every text file under `root`; gives the error codes that the sources make.
pub fn check(root: &Path, workspace: &Workspace, found: &mut Vec<Violation>) -> Result<Vec<Made>> {
    let mut files = Vec::new();
    let mut made = Vec::new();
    walk(root, Path::new(""), &mut files)?;
    for file in files {
        let text =
            fs::read_to_string(root.join(&file)).with_context(|| format!("read {}", file.display()))?;
        check_machine_folders(&file, &text, found);
        if file.extension().is_some_and(|kind| kind == "rs") {
            check_rust(&file, &text, workspace, found);
            if !is_test_file(&file) {
                made.extend(codes::made_in(&file, &text));
            }
        }
    }
    Ok(made)
}

/// All text files, sorted, by their paths from the root.
fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let path = root.join(folder);
    let listed = fs::read_dir(&path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = listed.with_context(|| format!("list {}", path.display()))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let relative = folder.join(entry.file_name());
        let kind = entry.file_type().with_context(|| format!("look at {}", relative.display()))?;
        if LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            walk(root, &relative, files)?;
        } else if kind.is_file() && is_text(&relative) {
            files.push(relative);
        }
    }
    Ok(())
}

fn is_text(path: &Path) -> bool {
    let is_listed = |part: Option<&std::ffi::OsStr>, list: &[&str]| {
        part.and_then(std::ffi::OsStr::to_str).is_some_and(|part| list.contains(&part))
    };
    is_listed(path.extension(), &TEXT_KINDS) || is_listed(path.file_name(), &TEXT_NAMES)
}

fn check_machine_folders(file: &Path, text: &str, found: &mut Vec<Violation>) {
    for (line, number) in text.lines().zip(1..) {
        for folder in MACHINE_FOLDERS {
            let starts_a_path = |(at, _): (usize, &str)| {
                let before = line.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|letter| letter.is_alphanumeric() || "_-.}/*".contains(letter))
            };
            if line.match_indices(folder).any(starts_a_path) {
                found.push(Violation::new(
                    file,
                    number,
                    format!("names a folder of one machine: `{folder}`"),
                ));
            }
        }
    }
}

fn check_rust(file: &Path, text: &str, workspace: &Workspace, found: &mut Vec<Violation>) {
    if !text.starts_with("//!") {
        found.push(Violation::new(file, 1, "does not open with `//!`: what it is for, what it relies on"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(Violation::new(
            file,
            lines,
            format!("has {lines} lines; {MOST_LINES} are the most: split it"),
        ));
    }
    let owner = workspace.members.iter().find(|member| file.starts_with(member.folder()));
    let package = owner.map_or("", |member| member.package.as_str());
    let code = only_code(text);
    forbid(file, code.lines(), &UNFINISHED, found);
    if package != "weir-kafka" {
        forbid(file, code.lines(), &[("rdkafka::", "only weir-kafka names rdkafka")], found);
    }
    if PURE.contains(&package) && !is_test_file(file) {
        let tested = code.lines().take_while(|line| !line.contains("#[cfg(test)]"));
        forbid(file, tested, &IMPURE, found);
    }
}

fn is_test_file(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "benches")
        || file.file_name().is_some_and(|name| name == "tests.rs")
}

fn forbid<'code>(
    file: &Path,
    lines: impl Iterator<Item = &'code str>,
    words: &[(&str, &str)],
    found: &mut Vec<Violation>,
) {
    for (line, number) in lines.zip(1..) {
        for (word, reason) in words {
            if line.contains(word) {
                found.push(Violation::new(file, number, format!("holds `{word}`: {reason}")));
            }
        }
    }
}
