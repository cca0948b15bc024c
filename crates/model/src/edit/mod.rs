//! A rule that repairs payloads: a list of small changes to a JSON text, each at a path.
//!
//! Pure. The same rule is tried on a letter by the command line and applied by the job that resends thousands of them,
//! so it is written as JSON into the job. What it doesn't touch stays as the source sent it: numbers keep their text
//! (invariant 5), keys their order. A rule that finds nothing to change at one of its paths is an error: a repair that
//! silently repairs nothing would send the same refusal again.

mod apply;
mod path;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::json;

pub use path::Path;

use crate::{Json, settings::Localized};

/// Changes to a payload, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    steps: Vec<Step>,
}

/// One change at one path.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    path: Path,
    change: Change,
}

/// What happens to the value at a path.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    /// It becomes this; an object gets the key if it lacks it.
    Set(Json),
    /// It goes, with its key or its place in the list.
    Remove,
    /// In a text or the text of a number, every `from` becomes `to`.
    Replace { from: String, to: String },
    /// The key is called otherwise and keeps its place.
    Rename(String),
}

/// Why a rule can't be read, or can't be applied to a payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The rule is no JSON list of steps, or a step isn't one of those there are.
    #[error("the rule can't be read: {0}")]
    Rule(String),
    /// The text isn't a path such as `lines[*].price`.
    #[error("{path:?} is no path: {why}")]
    Path {
        /// What was written.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The payload is no JSON.
    #[error("the payload is no JSON: {0}")]
    Payload(String),
    /// The payload has nothing at the path.
    #[error("the payload has nothing at {0}")]
    Unmatched(String),
    /// No value at the path holds the text that is to be replaced.
    #[error("no value at {path} holds the text {text:?}")]
    NoSuchText {
        /// Where it was looked for.
        path: String,
        /// What was looked for.
        text: String,
    },
    /// The number at the path would be none any more.
    #[error("the number at {path} would become {text:?}, which is none")]
    NoNumber {
        /// Where.
        path: String,
        /// What it would become.
        text: String,
    },
    /// A key can't get a name that another one has.
    #[error("{path} can't be renamed to {to:?}: there is such a key already")]
    Taken {
        /// The key.
        path: String,
        /// The name it should get.
        to: String,
    },
}

impl EditError {
    /// The error in both languages.
    pub fn localized(&self) -> Localized {
        let zh = match self {
            Self::Rule(why) => format!("无法读取修改规则：{why}"),
            Self::Path { path, why } => format!("{path:?} 不是路径：{why}"),
            Self::Payload(why) => format!("内容不是 JSON：{why}"),
            Self::Unmatched(path) => format!("内容中没有 {path}"),
            Self::NoSuchText { path, text } => format!("{path} 处的值不含文本 {text:?}"),
            Self::NoNumber { path, text } => format!("{path} 处的数字会变成 {text:?}，不再是数字"),
            Self::Taken { path, to } => format!("{path} 不能改名为 {to:?}：该键已存在"),
        };
        Localized::new(zh, self.to_string())
    }
}

impl Edit {
    /// A rule of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self { steps }
    }

    /// Reads a rule: `[{"path": "a.b[0].c", "set": 1}, {"path": "lines[*].memo", "remove": true},
    /// {"path": "no", "replace": {"from": "-", "to": ""}}, {"path": "a.b", "rename": "c"}]`.
    ///
    /// # Errors
    ///
    /// [`EditError::Rule`] and [`EditError::Path`] tell what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        let json: Json = serde_json::from_str(text).map_err(|error| EditError::Rule(error.to_string()))?;
        let steps = json.as_array().ok_or_else(|| EditError::Rule("it is no list of steps".to_owned()))?;
        if steps.is_empty() {
            return Err(EditError::Rule("it has no steps".to_owned()));
        }
        steps.iter().map(Step::of_json).collect::<Result<_, _>>().map(Self::new)
    }

    /// The rule as the JSON text that [`Edit::parse`] reads.
    pub fn to_json(&self) -> String {
        Json::Array(self.steps.iter().map(Step::to_json).collect()).to_string()
    }

    /// Its steps, in the order in which they are made.
    pub fn into_steps(self) -> Vec<Step> {
        self.steps
    }
}

impl Step {
    /// Reads `path=TEXT`, which writes a text, or `path:=JSON`, which writes any JSON value.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`], and [`EditError::Rule`] where the value after `:=` is no JSON.
    pub fn set(argument: &str) -> Result<Self, EditError> {
        let (path, value) = assignment(argument)?;
        let Some(path) = path.strip_suffix(':') else {
            return Ok(Self {
                path: Path::parse(path)?,
                change: Change::Set(Json::String(value.to_owned())),
            });
        };
        let value = serde_json::from_str(value)
            .map_err(|error| EditError::Rule(format!("{value:?} is no JSON value: {error}")))?;
        Ok(Self { path: Path::parse(path)?, change: Change::Set(value) })
    }

    /// Takes the value at a path away.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`].
    pub fn remove(path: &str) -> Result<Self, EditError> {
        Ok(Self { path: Path::parse(path)?, change: Change::Remove })
    }

    /// Reads `path=FROM=>TO`.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`], and [`EditError::Rule`] without `=>` or with nothing before it.
    pub fn replace(argument: &str) -> Result<Self, EditError> {
        let (path, texts) = assignment(argument)?;
        let (from, to) = texts
            .split_once("=>")
            .ok_or_else(|| EditError::Rule(format!("{argument:?} lacks the => of path=FROM=>TO")))?;
        Self::replacing(path, from, to)
    }

    /// Reads `path=NAME`, which gives the key at the path another name.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`], and [`EditError::Rule`] where the path ends in a place of a list.
    pub fn rename(argument: &str) -> Result<Self, EditError> {
        let (path, name) = assignment(argument)?;
        Self::renaming(path, name)
    }

    fn replacing(path: &str, from: &str, to: &str) -> Result<Self, EditError> {
        if from.is_empty() {
            return Err(EditError::Rule(format!("the text to replace at {path} is empty")));
        }
        let change = Change::Replace { from: from.to_owned(), to: to.to_owned() };
        Ok(Self { path: Path::parse(path)?, change })
    }

    fn renaming(path: &str, name: &str) -> Result<Self, EditError> {
        let path = Path::parse(path)?;
        if name.is_empty() || !path.ends_in_a_key() {
            return Err(EditError::Rule(format!(
                "{path} can't be renamed to {name:?}: only a key has a name"
            )));
        }
        Ok(Self { path, change: Change::Rename(name.to_owned()) })
    }

    fn of_json(step: &Json) -> Result<Self, EditError> {
        let unusable = || {
            EditError::Rule(format!(
                "{step} is no step; a step is {{\"path\": …}} with one of \"set\": value, \"remove\": true, \
                 \"replace\": {{\"from\": text, \"to\": text}}, \"rename\": name"
            ))
        };
        let entries = step.as_object().filter(|entries| entries.len() == 2).ok_or_else(unusable)?;
        let path = entries.get("path").and_then(Json::as_str).ok_or_else(unusable)?;
        let (verb, value) = entries.iter().find(|(key, _)| *key != "path").ok_or_else(unusable)?;
        match (verb.as_str(), value) {
            ("set", value) => Ok(Self { path: Path::parse(path)?, change: Change::Set(value.clone()) }),
            ("remove", Json::Bool(true)) => Self::remove(path),
            ("rename", Json::String(name)) => Self::renaming(path, name),
            ("replace", Json::Object(texts)) if texts.len() == 2 => {
                let text = |key| texts.get(key).and_then(Json::as_str).ok_or_else(unusable);
                Self::replacing(path, text("from")?, text("to")?)
            }
            _ => Err(unusable()),
        }
    }

    fn to_json(&self) -> Json {
        let path = self.path.to_string();
        match &self.change {
            Change::Set(value) => json!({"path": path, "set": value}),
            Change::Remove => json!({"path": path, "remove": true}),
            Change::Replace { from, to } => json!({"path": path, "replace": {"from": from, "to": to}}),
            Change::Rename(name) => json!({"path": path, "rename": name}),
        }
    }
}

impl fmt::Display for Step {
    /// As it is given on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.change {
            Change::Set(Json::String(text)) => write!(f, "{path}={text}"),
            Change::Set(value) => write!(f, "{path}:={value}"),
            Change::Remove => write!(f, "-{path}"),
            Change::Replace { from, to } => write!(f, "{path}={from}=>{to}"),
            Change::Rename(name) => write!(f, "{path} → {name}"),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            step.fmt(f)?;
        }
        Ok(())
    }
}

/// The path and what is assigned to it: the first `=` outside of a quoted key.
fn assignment(argument: &str) -> Result<(&str, &str), EditError> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in argument.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '=' if !quoted => {
                let (path, rest) = argument.split_at(at);
                return Ok((path, rest.get(1..).unwrap_or_default()));
            }
            _ => {}
        }
    }
    Err(EditError::Rule(format!("{argument:?} lacks the = after the path")))
}
