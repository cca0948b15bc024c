//! How answers look: problems, tables, the language of the reader.

use std::{fmt::Write as _, io::Write as _};

use serde_json::{Value, json};
use weir_model::settings::{Localized, Problem, Problems, Severity};

use crate::cli::Language;

/// Writes to standard output. A reader that has seen enough, such as `head`, ends the writing and is no failure.
pub fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line on standard output, see [`tell`].
macro_rules! say {
    ($($line:tt)*) => {
        $crate::output::tell(&format!("{}\n", format_args!($($line)*)))
    };
}
pub(crate) use say;

/// The reader's language: as asked for, else that of the environment.
pub fn language(asked: Option<Language>) -> Language {
    asked.unwrap_or_else(|| {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default();
        if locale.starts_with("zh") { Language::Zh } else { Language::En }
    })
}

/// The text in the reader's language.
pub fn pick(text: &Localized, language: Language) -> &str {
    match language {
        Language::Zh => &text.zh,
        Language::En => &text.en,
    }
}

/// One problem on one or two lines.
pub fn problem_text(problem: &Problem, language: Language) -> String {
    let word = match (problem.severity, language) {
        (Severity::Error, Language::Zh) => "错误",
        (Severity::Warning, Language::Zh) => "警告",
        (Severity::Error, Language::En) => "error",
        (Severity::Warning, Language::En) => "warning",
    };
    let mut text = format!("{word}: {}", problem.file);
    if !problem.path.is_empty() {
        let _ = write!(text, ": {}", problem.path);
    }
    let _ = write!(text, ": {}", pick(&problem.message, language));
    if let Some(suggestion) = &problem.suggestion {
        let _ = write!(text, "\n    → {}", pick(suggestion, language));
    }
    text
}

/// Problems for `--json`.
pub fn problems_json(problems: &Problems) -> Value {
    let one = |problem: &Problem| {
        json!({
            "severity": match problem.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "file": problem.file,
            "path": problem.path,
            "message": {"zh": problem.message.zh, "en": problem.message.en},
            "suggestion": problem.suggestion.as_ref().map(|text| json!({"zh": text.zh, "en": text.en})),
        })
    };
    problems.list().iter().map(one).collect()
}

/// Rows under headings, numbers to the right; wide characters count twice.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let lines =
        || std::iter::once(headings.iter().map(|h| (*h).to_owned()).collect()).chain(rows.iter().cloned());
    let mut widths = vec![0; headings.len()];
    for line in lines() {
        let line: Vec<String> = line;
        widths.iter_mut().zip(&line).for_each(|(width, cell)| *width = (*width).max(display_width(cell)));
    }
    let mut text = String::new();
    for line in lines() {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| {
                let pad = " ".repeat(width - display_width(cell));
                let number = cell.chars().all(|c| c.is_ascii_digit()) && !cell.is_empty();
                if number { format!("{pad}{cell}") } else { format!("{cell}{pad}") }
            })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Columns a text takes on a terminal: CJK characters take two.
pub fn display_width(text: &str) -> usize {
    let wide = |c: char| matches!(u32::from(c), 0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6);
    text.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_line_up_with_wide_characters() {
        let rows = vec![vec!["客户".to_owned(), "5".to_owned()], vec!["ab".to_owned(), "1234".to_owned()]];
        assert_eq!(table(&["flow", "polled"], &rows), "flow  polled\n客户       5\nab      1234\n");
    }
}
