//! The keys of the files that people write: flows, projects and tests. One table tells the editor (JSON Schema, by
//! `weir describe schema`) and the reader (`docs/language.md`, by `weir describe language`).
//!
//! The parsers stand elsewhere, next to what they read. The tests ask them, key by key, whether they know what is listed
//! here and nothing else.

mod flow;
mod metadata;
mod operation;
mod project;
mod reconcile;
mod render;
mod sources;
mod suite;
mod targets;
#[cfg(test)]
mod tests;

use weir_model::Json;

/// A file that people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// A flow, or a fragment of one.
    Flow,
    /// `weir.yaml`.
    Project,
    /// `*.test.yaml`.
    Test,
}

impl File {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 3] = [Self::Flow, Self::Project, Self::Test];

    /// The file's JSON Schema, draft 2020-12.
    pub fn schema(self) -> Json {
        render::schema(self)
    }

    /// The mappings in it, the file itself first.
    pub fn objects(self) -> Vec<Object> {
        match self {
            Self::Flow => flow::objects(),
            Self::Project => project::objects(),
            Self::Test => suite::objects(),
        }
    }
}

/// A mapping: its keys and what they hold.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name among the mappings of a file.
    pub name: &'static str,
    /// Its keys.
    pub keys: Vec<Key>,
    /// Pasted metadata: unknown keys are kept, with a warning.
    pub is_open: bool,
    /// Exactly one of these keys is there.
    pub one_of: &'static [&'static str],
    /// What a word under `system` adds.
    pub by_system: Vec<(&'static str, BySystem)>,
}

/// What depends on the system that a mapping names.
#[derive(Clone, Copy, Debug)]
pub enum BySystem {
    /// `settings` is this mapping.
    Settings(&'static str),
    /// The mapping itself has the keys of this one too.
    Keys(&'static str),
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What it means, in Chinese.
    pub zh: &'static str,
    /// What it means, in English.
    pub en: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
    /// What holds when it is not there, as JSON; empty where nothing does or it depends.
    pub default: &'static str,
    /// Accepted, without effect.
    pub is_idle: bool,
}

/// What a key holds.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Text; numbers and truth values are taken as written.
    Text,
    /// A name: letters, digits, `-` and `_`.
    Name,
    /// Text that matches, with an example of it.
    Like(&'static str),
    /// A truth value.
    Flag,
    /// Only `true`.
    True,
    /// A whole number.
    Count(u64, u64),
    /// A length of time.
    Duration,
    /// One of a few words.
    Choice(Vec<&'static str>),
    /// One of a few words, or others: an editor offers these.
    Word(Vec<&'static str>),
    /// Names of fields: a list, or text with commas.
    Names,
    /// A list.
    List(Box<Self>),
    /// Any keys, each with this.
    Map(Box<Self>),
    /// A mapping of the same file.
    Object(&'static str),
    /// One of these.
    Either(Vec<Self>),
    /// Anything.
    Any,
}

impl Shape {
    fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    fn map(of: Self) -> Self {
        Self::Map(Box::new(of))
    }

    /// The words of a table that pairs words with their meanings.
    fn words<T>(choices: &'static [(&'static str, T)]) -> Self {
        Self::Choice(choices.iter().map(|(word, _)| *word).collect())
    }
}

fn object(name: &'static str, keys: Vec<Key>) -> Object {
    Object { name, keys, is_open: false, one_of: &[], by_system: Vec::new() }
}

fn key(name: &'static str, shape: Shape, zh: &'static str, en: &'static str) -> Key {
    Key { name, shape, zh, en, is_required: false, default: "", is_idle: false }
}

impl Key {
    fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    fn default(mut self, json: &'static str) -> Self {
        self.default = json;
        self
    }

    fn idle(mut self) -> Self {
        self.is_idle = true;
        self
    }
}

/// The file's `version`.
fn version() -> Key {
    key("version", Shape::Count(1, 1), "文件格式的版本", "version of the file's format").required()
}

/// `title`, for people.
fn title() -> [Key; 2] {
    [
        key("zh", Shape::Text, "中文", "in Chinese").default("\"\""),
        key("en", Shape::Text, "英文", "in English").default("\"\""),
    ]
}
