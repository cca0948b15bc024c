//! A problem in a file that a person wrote, and the list of all of them.

use std::fmt;

/// The same text in Chinese and English.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Localized {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Localized {
    /// Both texts.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// Whether the file can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but the reader should look at this.
    Warning,
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// The file as the user named it.
    pub file: String,
    /// Path in the file, such as `source.poll.every`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub message: Localized,
    /// What to write instead, when that is known.
    pub suggestion: Option<Localized>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message.en)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, " ({})", suggestion.en),
            None => Ok(()),
        }
    }
}

/// All problems of one file, in the order they were found.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    /// An empty list for the same file, to be merged later.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::new(self.file.clone())
    }

    /// An empty list for `file`.
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), list: Vec::new() }
    }

    /// Adds an error at `path`.
    pub fn error(&mut self, path: impl Into<String>, message: Localized) {
        self.push(Severity::Error, path.into(), message, None);
    }

    /// Adds an error at `path` with what to do about it.
    pub fn error_with(&mut self, path: impl Into<String>, message: Localized, suggestion: Localized) {
        self.push(Severity::Error, path.into(), message, Some(suggestion));
    }

    /// Adds a warning at `path`.
    pub fn warn(&mut self, path: impl Into<String>, message: Localized) {
        self.push(Severity::Warning, path.into(), message, None);
    }

    /// Adds a warning at `path` with what to do about it.
    pub fn warn_with(&mut self, path: impl Into<String>, message: Localized, suggestion: Localized) {
        self.push(Severity::Warning, path.into(), message, Some(suggestion));
    }

    /// Adds the problems of another file.
    pub fn append(&mut self, other: Self) {
        self.list.extend(other.list);
    }

    /// Adds the problems of another reading of this file, without those that are known already.
    pub fn merge(&mut self, other: Self) {
        for problem in other.list {
            if !self.list.contains(&problem) {
                self.list.push(problem);
            }
        }
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The problems.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    fn push(&mut self, severity: Severity, path: String, message: Localized, suggestion: Option<Localized>) {
        self.list.push(Problem { severity, file: self.file.clone(), path, message, suggestion });
    }
}
