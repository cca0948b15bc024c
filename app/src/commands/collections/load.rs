//! `weir collections load`: a file's rows into a collection, checked as a whole before the first one is written.

use std::{collections::HashSet, io::IsTerminal as _, path::Path};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use weir_model::{digest::Digest, settings::Localized};

use super::{
    file::{self, BadLine},
    store::{Store, Writer},
};
use crate::{cli::Language, exit::Failure, output::pick};

/// Bad lines that are shown; the others are counted.
const SHOWN: usize = 20;

/// What a load did.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows of the file.
    pub rows: usize,
    /// Rows that were new or changed.
    pub written: u64,
    /// Rows that were removed.
    pub removed: usize,
}

/// What is remembered of a row between the two readings of a file: all ids of a large file would not fit.
struct Known {
    id: Digest,
    row: Digest,
    line: u64,
    /// The row that the collection holds.
    held: Option<Digest>,
}

/// A file that was read and found right.
pub struct Checked<'a> {
    path: &'a Path,
    key: &'a [String],
    language: Language,
    known: Vec<Known>,
    progress: Progress,
}

impl Checked<'_> {
    /// Writes what the collection does not hold yet; with `replace`, also removes what the file lacks.
    pub fn load(mut self, store: &Store, replace: bool) -> Result<Loaded, Failure> {
        self.progress.say("与集合比较", "comparing with the collection");
        let surplus = compare(store, &mut self.known)?;
        let mut writer = store.writer()?;
        let mut loaded = Loaded { rows: self.known.len(), ..Loaded::default() };
        loaded.written = self.write(&mut writer)?;
        if replace {
            loaded.removed = surplus.len();
            surplus.into_iter().try_for_each(|id| writer.remove(id))?;
        }
        writer.flush()?;
        self.progress.finish();
        Ok(loaded)
    }

    /// Reads the file again and writes rows that are new or changed; how many.
    fn write(&self, writer: &mut Writer<'_>) -> Result<u64, Failure> {
        let (mut passed, mut written, mut failure) = (0_u64, 0, None);
        each_row(self.path, self.key, &mut |row| {
            if failure.is_some() {
                return;
            }
            let Ok(Some((known, row))) = row.map(|row| Some((self.same(&row)?, row))) else {
                failure = Some(changed_meanwhile(self.path, self.language));
                return;
            };
            passed += 1;
            if known.held != Some(known.row) {
                written += 1;
                failure = writer.put(row.id, row.text).err();
            }
            self.progress.at(passed, self.known.len());
        })?;
        failure.map_or(Ok(written), Err)
    }

    /// What is known of a row, when it is as it was at the first reading.
    fn same(&self, row: &file::Row) -> Option<&Known> {
        let at = self.known.binary_search_by_key(&Digest::of(row.id.as_bytes()), |known| known.id).ok()?;
        self.known.get(at).filter(|known| known.row == Digest::of(&row.text))
    }
}

fn each_row(
    path: &Path,
    key: &[String],
    each: &mut dyn FnMut(Result<file::Row, BadLine>),
) -> Result<(), Failure> {
    file::read(path, key, each)
        .map_err(|error| Failure::invalid(format!("could not read {}: {error}", path.display())))
}

/// Reads a file and tells all that is wrong with it; nothing is written before it is right.
pub fn check<'a>(path: &'a Path, key: &'a [String], language: Language) -> Result<Checked<'a>, Failure> {
    let progress = Progress::start(language);
    progress.say("读取文件", "reading the file");
    let mut known = Vec::new();
    let mut bad = Vec::new();
    let mut bad_lines = 0_usize;
    let mut keep = |problem: BadLine| {
        bad_lines += 1;
        if bad.len() < SHOWN {
            bad.push(problem);
        }
    };
    each_row(path, key, &mut |row| match row {
        Ok(row) => known.push(Known {
            id: Digest::of(row.id.as_bytes()),
            row: Digest::of(&row.text),
            line: row.line,
            held: None,
        }),
        Err(problem) => keep(problem),
    })?;
    known.sort_unstable_by_key(|row: &Known| (row.id, row.line));
    let twins = known.windows(2).filter_map(|pair| match pair {
        [first, second] if first.id == second.id => Some((first.line, second.line)),
        _ => None,
    });
    for (first, second) in twins {
        let message =
            Localized::new(format!("主键与第 {first} 行重复"), format!("has the same key as line {first}"));
        keep(BadLine { line: second, message });
    }
    if bad_lines > 0 {
        progress.finish();
        return Err(refuse(path, bad, bad_lines, language));
    }
    Ok(Checked { path, key, language, known, progress })
}

fn refuse(path: &Path, mut bad: Vec<BadLine>, count: usize, language: Language) -> Failure {
    bad.sort_by_key(|problem| problem.line);
    let file = path.display();
    let mut text = match language {
        Language::Zh => format!("{file} 有 {count} 处错误，未写入任何数据"),
        Language::En => format!("{file} has {count} errors; nothing was written"),
    };
    for BadLine { line, message } in &bad {
        let message = pick(message, language);
        let line = match language {
            _ if *line == 0 => format!("\n  {message}"),
            Language::Zh => format!("\n  第 {line} 行：{message}"),
            Language::En => format!("\n  line {line}: {message}"),
        };
        text.push_str(&line);
    }
    if count > bad.len() {
        text.push_str("\n  …");
    }
    let problems: Vec<Value> = bad
        .iter()
        .map(|BadLine { line, message }| {
            json!({"line": line, "message": {"zh": message.zh, "en": message.en}})
        })
        .collect();
    Failure::invalid(text).with_problems(Value::Array(problems))
}

fn changed_meanwhile(path: &Path, language: Language) -> Failure {
    let file = path.display();
    Failure::runtime(match language {
        Language::Zh => format!("{file} 在读取期间被修改；请重新运行"),
        Language::En => format!("{file} was changed while it was read; run the command again"),
    })
}

/// Notes what the collection holds of each row, and gives the ids that the file lacks.
fn compare(store: &Store, known: &mut [Known]) -> Result<HashSet<String>, Failure> {
    let mut surplus = HashSet::new();
    store.read(|id, row| {
        let digest = Digest::of(id.as_bytes());
        let at = known.binary_search_by_key(&digest, |known| known.id).ok();
        match (at.and_then(|at| known.get_mut(at)), row) {
            (Some(known), row) => known.held = row.map(|row| Digest::of(&row.row)),
            (None, Some(_)) => {
                surplus.insert(id.to_owned());
            }
            (None, None) => {
                surplus.remove(id);
            }
        }
    })?;
    Ok(surplus)
}

/// How far a load is: a line that stays in place on a terminal, nothing elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    language: Language,
}

impl Progress {
    fn start(language: Language) -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar
            && let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}")
        {
            bar.set_style(style);
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
        }
        Self { bar, language }
    }

    fn say(&self, zh: &'static str, en: &'static str) {
        if let Some(bar) = &self.bar {
            bar.set_message(match self.language {
                Language::Zh => zh,
                Language::En => en,
            });
        }
    }

    fn at(&self, row: u64, of: usize) {
        const STRIDE: u64 = 1_000;
        if let Some(bar) = &self.bar
            && row.is_multiple_of(STRIDE)
        {
            bar.set_message(match self.language {
                Language::Zh => format!("写入 {row}/{of}"),
                Language::En => format!("writing {row}/{of}"),
            });
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
