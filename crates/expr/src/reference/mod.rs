//! The language reference as data: every form, macro, filter, operator, function, type, parser and format, with
//! examples. `docs/language.md` is written from it, and the tests below hold it against the tables that the compiler
//! uses and run every example.

mod control;
mod differences;
mod forms;
mod numbers;
mod operators;
mod shapes;
#[cfg(test)]
mod tests;
mod texts;
mod times;

pub use differences::{DIFFERENCES, Difference};

/// A part of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The three forms of a value.
    Form,
    /// System macros.
    Macro,
    /// Filters behind a macro.
    Filter,
    /// Operators of `_function`.
    Operator,
    /// Branches and nothing: `CASE`, `IF`, `IFNULL`.
    Branch,
    /// Aggregates over the rows of a list.
    Aggregate,
    /// Functions of text.
    Text,
    /// Functions of numbers.
    Number,
    /// Functions of dates and times.
    Time,
    /// Types of request items.
    Type,
    /// Parsers.
    Parser,
    /// Formats of `formatResponse`.
    Format,
}

impl Group {
    /// Every group, in the reference's order.
    pub const ALL: [Self; 12] = [
        Self::Form,
        Self::Macro,
        Self::Filter,
        Self::Operator,
        Self::Branch,
        Self::Aggregate,
        Self::Text,
        Self::Number,
        Self::Time,
        Self::Type,
        Self::Parser,
        Self::Format,
    ];

    /// Its heading: a key for anchors, then Chinese and English.
    pub const fn title(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Form => ("forms", "值的写法", "Forms of a value"),
            Self::Macro => ("macros", "系统宏", "System macros"),
            Self::Filter => ("filters", "过滤器", "Filters"),
            Self::Operator => ("operators", "运算符", "Operators"),
            Self::Branch => ("branches", "分支与空值", "Branches and nothing"),
            Self::Aggregate => ("aggregates", "聚合函数", "Aggregates"),
            Self::Text => ("text", "文本函数", "Text functions"),
            Self::Number => ("number", "数值函数", "Number functions"),
            Self::Time => ("time", "日期时间函数", "Date and time functions"),
            Self::Type => ("types", "字段类型", "Types"),
            Self::Parser => ("parsers", "解析器", "Parsers"),
            Self::Format => ("formats", "格式", "Formats"),
        }
    }
}

/// A thing of the language.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Where it stands.
    pub group: Group,
    /// Its name.
    pub name: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// How it is written.
    pub signature: &'static str,
    /// What it does, in Chinese.
    pub zh: &'static str,
    /// What it does, in English.
    pub en: &'static str,
    /// How it differs from MySQL, that it is an assumption, or what else one should know.
    pub note: Option<Note>,
    /// What it gives; each is run as a test.
    pub examples: &'static [Example],
}

/// What a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// MySQL does it otherwise, and Weir differs on purpose.
    Difference,
    /// No source says it: the contract's assumption, or a setting's default.
    Assumption,
    /// Something to know.
    Remark,
}

/// A remark in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// In Chinese.
    pub zh: &'static str,
    /// In English.
    pub en: &'static str,
}

/// An example. Of a type, a parser and a format `expression` is its name or its setting as JSON, `record` the value.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What the flow says.
    pub expression: &'static str,
    /// The record, as JSON text.
    pub record: &'static str,
    /// The value as text; `null` for nothing. Of a type and a parser: as JSON.
    pub result: &'static str,
}

const fn entry(
    group: Group,
    name: &'static str,
    signature: &'static str,
    zh: &'static str,
    en: &'static str,
    examples: &'static [Example],
) -> Entry {
    Entry { group, name, aliases: &[], signature, zh, en, note: None, examples }
}

const fn example(expression: &'static str, record: &'static str, result: &'static str) -> Example {
    Example { expression, record, result }
}

/// An example that reads no record.
const fn gives(expression: &'static str, result: &'static str) -> Example {
    example(expression, "{}", result)
}

impl Entry {
    const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn with(mut self, kind: NoteKind, zh: &'static str, en: &'static str) -> Self {
        self.note = Some(Note { kind, zh, en });
        self
    }

    const fn differs(self, zh: &'static str, en: &'static str) -> Self {
        self.with(NoteKind::Difference, zh, en)
    }

    const fn assumed(self, zh: &'static str, en: &'static str) -> Self {
        self.with(NoteKind::Assumption, zh, en)
    }

    const fn remark(self, zh: &'static str, en: &'static str) -> Self {
        self.with(NoteKind::Remark, zh, en)
    }
}

/// Everything, in the reference's order.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    let parts = [
        forms::ENTRIES,
        operators::ENTRIES,
        control::ENTRIES,
        texts::ENTRIES,
        numbers::ENTRIES,
        times::ENTRIES,
        shapes::ENTRIES,
    ];
    parts.into_iter().flatten()
}
