//! `*.test.yaml`: what a test file says. Strict: an unknown key is an error with path and suggestion, and all errors
//! come at once.

mod expect;
mod rows;
#[cfg(test)]
mod tests;

use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    Json,
    settings::{Fields, Localized, Problems, parse_mapping},
    time::{DEFAULT_ZONE, parse_local},
};

pub use self::{
    expect::{Expectation, Expected, Row},
    rows::{Rows, lookups},
};

/// Reads a file that a test names, relative to the test file; the error says why it cannot be read.
pub type ReadFile<'r> = dyn Fn(&str) -> Result<String, Localized> + 'r;

/// A test file.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file, as the user named it.
    pub file: String,
    /// The flow's file or name; `None` for the one that stands beside under the same name.
    pub flow: Option<String>,
    /// The zone of local times.
    pub zone: TimeZone,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One record and what must become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Where it stands in the file.
    pub path: String,
    /// What it shows.
    pub name: String,
    /// The record's bytes.
    pub record: Vec<u8>,
    /// What `NOW()` says, and when the record was taken.
    pub now: Timestamp,
    /// Rows of collections, those of the whole file too.
    pub lookups: Rows,
    /// Whether the source says that the record was removed there.
    pub deleted: bool,
    /// What must become of it.
    pub expect: Expectation,
}

impl Suite {
    /// Reads the text of a test file. `None` when it has errors, which `problems` then tells.
    pub fn parse(text: &str, file: &str, read: &ReadFile<'_>, problems: &mut Problems) -> Option<Self> {
        let mut found = Problems::new(file);
        let suite = parse_mapping(text, &mut found).map(|tree| Self::of(&tree, file, read, &mut found));
        let usable = !found.has_errors();
        problems.append(found);
        suite.filter(|_| usable)
    }

    fn of(tree: &Json, file: &str, read: &ReadFile<'_>, problems: &mut Problems) -> Self {
        let mut fields = Fields::of(tree, "", problems);
        fields.version(problems);
        let flow = fields.text("flow", problems);
        let zone = zone(&mut fields, problems);
        let now = time(&mut fields, &zone, problems).unwrap_or(Timestamp::UNIX_EPOCH);
        let lookups = rows::read(&mut fields, &Rows::default(), read, problems);
        let base = fields.path_of("cases");
        let list = fields.list("cases", problems);
        if list.is_empty() {
            fields.missing_such_as("cases", "[{name: …, record: {…}, expect: {…}}]", problems);
        }
        fields.finish(problems);
        let mut cases: Vec<Case> = Vec::with_capacity(list.len());
        let defaults = Defaults { zone: &zone, now, lookups: &lookups, read };
        for (index, value) in list.iter().enumerate() {
            let case = case(Fields::of(value, format!("{base}[{index}]"), problems), &defaults, problems);
            cases.push(case);
        }
        check_names(&cases, problems);
        Self { file: file.to_owned(), flow, zone, cases }
    }
}

/// What a file says for all its cases.
struct Defaults<'d> {
    zone: &'d TimeZone,
    now: Timestamp,
    lookups: &'d Rows,
    read: &'d ReadFile<'d>,
}

fn case(mut fields: Fields<'_>, defaults: &Defaults<'_>, problems: &mut Problems) -> Case {
    let case = Case {
        path: fields.path().to_owned(),
        name: fields.required_text("name", problems),
        record: record(&mut fields, defaults.read, problems),
        now: time(&mut fields, defaults.zone, problems).unwrap_or(defaults.now),
        lookups: rows::read(&mut fields, defaults.lookups, defaults.read, problems),
        deleted: fields.flag("deleted", false, problems),
        expect: expect::read(&mut fields, problems),
    };
    fields.finish(problems);
    case
}

/// The record's bytes: of a mapping, of a file, or as they are written.
fn record(fields: &mut Fields<'_>, read: &ReadFile<'_>, problems: &mut Problems) -> Vec<u8> {
    let mapping = fields.get("record").map(ToString::to_string);
    let raw = fields.text("raw", problems);
    let file = fields.text("record_file", problems);
    let given = [mapping.is_some(), raw.is_some(), file.is_some()].into_iter().filter(|given| *given).count();
    if given != 1 {
        let message = if given == 0 {
            Localized::new("没有给出记录", "there is no record")
        } else {
            Localized::new("记录给了不止一次", "the record is given more than once")
        };
        let suggestion = Localized::new(
            "写 record、record_file、raw 其中之一",
            "write one of record, record_file and raw",
        );
        problems.error_with(fields.path(), message, suggestion);
        return Vec::new();
    }
    let text = match file {
        Some(file) => read(&file).unwrap_or_else(|why| {
            problems.error(fields.path_of("record_file"), why);
            String::new()
        }),
        None => mapping.or(raw).unwrap_or_default(),
    };
    text.into_bytes()
}

fn zone(fields: &mut Fields<'_>, problems: &mut Problems) -> TimeZone {
    let name = fields.text("time_zone", problems).unwrap_or_else(|| DEFAULT_ZONE.to_owned());
    TimeZone::get(&name).unwrap_or_else(|_| {
        let message = Localized::new(format!("没有时区 {name:?}"), format!("there is no time zone {name:?}"));
        let suggestion = Localized::new("例如 Asia/Shanghai", "such as Asia/Shanghai");
        problems.error_with(fields.path_of("time_zone"), message, suggestion);
        TimeZone::UTC
    })
}

fn time(fields: &mut Fields<'_>, zone: &TimeZone, problems: &mut Problems) -> Option<Timestamp> {
    let text = fields.text("now", problems)?;
    match local_time(&text, zone) {
        Ok(at) => Some(at),
        Err(why) => {
            let suggestion =
                Localized::new("例如 \"2024-03-14 16:00:00\"", "such as \"2024-03-14 16:00:00\"");
            problems.error_with(fields.path_of("now"), why, suggestion);
            None
        }
    }
}

/// Reads a local time of `zone`.
///
/// # Errors
/// It is no time, in both languages.
pub fn local_time(text: &str, zone: &TimeZone) -> Result<Timestamp, Localized> {
    parse_local(text, zone)
        .ok_or_else(|| Localized::new(format!("{text:?} 不是时间"), format!("{text:?} is no local time")))
}

/// A name that is there twice would hide which case failed.
fn check_names(cases: &[Case], problems: &mut Problems) {
    let mut known = std::collections::BTreeSet::new();
    for case in cases.iter().filter(|case| !case.name.is_empty()) {
        if !known.insert(case.name.as_str()) {
            let name = &case.name;
            let message =
                Localized::new(format!("用例 {name:?} 重复"), format!("the case {name:?} is there twice"));
            let suggestion = Localized::new("给其中一个另取名称", "give one of them another name");
            problems.error_with(format!("{}.name", case.path), message, suggestion);
        }
    }
}
