//! Text with macros: `{a}`, `{{a.b}}`, `{{x|datetime}}` (contract qeasy-metadata §3). A value is never read for
//! macros again.

use std::{borrow::Cow, fmt::Write as _};

use jiff::ToSpan as _;
use weir_model::flow::language::DaysAgo;

use crate::{
    error::{Cause, CompileError, nearest},
    moment,
    number::Number,
    scope::{Context, Reference, Scope, World},
    value::{Value, time_text},
};

/// The filters and their names in messages.
const FILTERS: [(&str, Filter); 4] = [
    ("datetime", Filter::DateTime),
    ("date", Filter::Date),
    ("timestamp", Filter::Timestamp),
    ("timestamp_ms", Filter::TimestampMs),
];
/// Macros that a mapping has no value for, and what to use.
const PAGING: [&str; 3] = ["PAGINATION_PAGE_SIZE", "PAGINATION_START_PAGE", "PAGINATION_START_ROW"];
const TIMES: [&str; 2] = ["LAST_SYNC_TIME", "CURRENT_TIME"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    DateTime,
    Date,
    Timestamp,
    TimestampMs,
}

/// A macro: where its value comes from, and what is done to it.
#[derive(Clone, Debug)]
pub struct Macro {
    source: Source,
    filter: Option<Filter>,
}

#[derive(Clone, Debug)]
enum Source {
    Field(Reference),
    /// The raw record's append time minus so many days, in unix seconds.
    DaysAgo {
        name: Box<str>,
        days: u16,
        /// Whether it is the beginning of that day.
        midnight: bool,
    },
}

/// Text with macros, compiled.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(Box<str>),
    Macro(Macro),
}

impl Macro {
    /// Compiles what stands between the braces.
    pub fn compile(inner: &str, scope: &mut Scope) -> Result<Self, CompileError> {
        let (path, filter) = match inner.split_once('|') {
            None => (inner.trim(), None),
            Some((path, name)) => (path.trim(), Some(filter(name.trim())?)),
        };
        if !is_path(path) {
            return Err(CompileError::new(
                format!("{path:?} 不是字段名"),
                format!("{path:?} is no field name"),
            )
            .suggest("写 {字段} 或 {{数组.字段}}", "write {field} or {{array.field}}"));
        }
        Ok(Self { source: source(path, scope)?, filter })
    }

    /// The name shown in messages.
    pub fn path(&self) -> &str {
        match &self.source {
            Source::Field(reference) => reference.path(),
            Source::DaysAgo { name, .. } => name,
        }
    }

    /// Its value before any filter.
    pub fn raw<'a>(&self, context: &Context<'_, 'a>) -> Result<Value<'a>, Cause> {
        match &self.source {
            Source::Field(reference) => reference.value(context),
            Source::DaysAgo { days, midnight, .. } => {
                let World { now, zone, .. } = context.world;
                let hours = (i64::from(*days) * 24).hours();
                let mut at = now.checked_sub(hours).unwrap_or(*now);
                if *midnight {
                    at = moment::instant(zone.to_datetime(at).start_of_day(), zone)?;
                }
                Ok(Value::Number(Number::whole(i128::from(at.as_second()))))
            }
        }
    }

    /// Its value, filtered.
    pub fn value<'a>(&self, context: &Context<'_, 'a>) -> Result<Value<'a>, Cause> {
        let value = self.raw(context)?;
        let Some(filter) = self.filter.filter(|_| !value.is_blank()) else { return Ok(value) };
        let zone = context.world.zone;
        let time = moment::read(&value, zone)?;
        Ok(Value::text(match filter {
            Filter::DateTime => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Filter::Date => time.date().to_string(),
            Filter::Timestamp => moment::instant(time, zone)?.as_second().to_string(),
            Filter::TimestampMs => moment::instant(time, zone)?.as_millisecond().to_string(),
        }))
    }
}

/// The names of the filters, for the language reference.
#[cfg(test)]
pub fn filters() -> [&'static str; 4] {
    FILTERS.map(|(name, _)| name)
}

/// The names of the system macros, for the language reference.
#[cfg(test)]
pub fn macros() -> Vec<&'static str> {
    TIMES.into_iter().chain(PAGING).collect()
}

fn filter(name: &str) -> Result<Filter, CompileError> {
    let found = FILTERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let known = FILTERS.map(|(known, _)| known);
    found.map(|(_, filter)| *filter).ok_or_else(|| CompileError::unknown("过滤器", "filter", name, &known))
}

fn source(path: &str, scope: &mut Scope) -> Result<Source, CompileError> {
    if TIMES.contains(&path) {
        return Ok(Source::DaysAgo { name: path.into(), days: 0, midnight: false });
    }
    if let Some(days) = path.strip_prefix("DAYS_AGO_") {
        let days = days.parse().map_err(|_| {
            CompileError::new(format!("{path:?} 缺少天数"), format!("{path:?} has no number of days"))
                .suggest("例如 DAYS_AGO_2", "for example DAYS_AGO_2")
        })?;
        let midnight = scope.language().days_ago == DaysAgo::Midnight;
        return Ok(Source::DaysAgo { name: path.into(), days, midnight });
    }
    if PAGING.contains(&path) {
        return Err(CompileError::new(
            format!("分页宏 {path:?} 只能用于来源请求"),
            format!("the paging macro {path:?} belongs to a source's request"),
        ));
    }
    let shouts = path.len() > 4 && path.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let known: Vec<&str> = TIMES.iter().chain(&PAGING).copied().collect();
    match nearest(path, &known).filter(|_| shouts) {
        Some(_) => Err(CompileError::unknown("宏", "macro", path, &known)),
        None => Ok(Source::Field(scope.resolve(path))),
    }
}

/// Letters of any script, digits, `_`, `-`, and dots between keys.
fn is_path(text: &str) -> bool {
    let is_key =
        |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.split('.').all(is_key)
}

/// A piece of a text: as it is, or the inside of a macro's braces.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text.
    Text(&'t str),
    /// What stands between the braces.
    Macro(&'t str),
}

/// The piece at the start of `text` and the rest; `None` at the end. Braces around what cannot be a macro, such as
/// JSON text, are text.
pub fn next_piece(text: &str) -> Result<Option<(Piece<'_>, &str)>, CompileError> {
    let Some(open) = text.find('{') else {
        return Ok((!text.is_empty()).then_some((Piece::Text(text), "")));
    };
    if open > 0 {
        return Ok(Some((
            Piece::Text(text.get(..open).unwrap_or_default()),
            text.get(open..).unwrap_or_default(),
        )));
    }
    let (inner, close) = match text.strip_prefix("{{") {
        Some(inner) => (inner, "}}"),
        None => (text.get(1..).unwrap_or_default(), "}"),
    };
    let is_json =
        |inner: &str| inner.trim_start().starts_with(['"', '{', '[', '}']) || inner.trim().is_empty();
    match inner.split_once(close) {
        Some((inside, rest)) if !is_json(inside) => Ok(Some((Piece::Macro(inside), rest))),
        _ if is_json(inner) => {
            Ok(Some((Piece::Text(text.get(..1).unwrap_or_default()), text.get(1..).unwrap_or_default())))
        }
        _ => Err(CompileError::new(
            format!("宏没有结束：{text:?}"),
            format!("the macro is not closed: {text:?}"),
        )
        .suggest(format!("补上 {close:?}"), format!("add {close:?}"))),
    }
}

impl Template {
    /// Compiles `text`.
    pub fn compile(text: &str, scope: &mut Scope) -> Result<Self, CompileError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while let Some((piece, after)) = next_piece(rest)? {
            rest = after;
            match (piece, parts.last_mut()) {
                (Piece::Text(text), Some(Part::Text(before))) => *before = format!("{before}{text}").into(),
                (Piece::Text(text), _) => parts.push(Part::Text(text.into())),
                (Piece::Macro(inner), _) => parts.push(Part::Macro(Macro::compile(inner, scope)?)),
            }
        }
        Ok(Self { parts })
    }

    /// Text without macros.
    pub fn constant(text: &str) -> Self {
        Self { parts: vec![Part::Text(text.into())] }
    }

    /// The macros in it.
    pub fn macros(&self) -> impl Iterator<Item = &Macro> {
        self.parts.iter().filter_map(|part| match part {
            Part::Macro(found) => Some(found),
            Part::Text(_) => None,
        })
    }

    /// Its value: of a single macro the value as it is, otherwise text, in which nothing is empty text.
    pub fn value<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Value<'a>, Cause> {
        match self.parts.as_slice() {
            [] => Ok(Value::Text(Cow::Borrowed(""))),
            [Part::Text(text)] => Ok(Value::Text(Cow::Borrowed(text))),
            [Part::Macro(single)] => single.value(context),
            _ => self.text(context).map(Value::Text),
        }
    }

    /// Its value as text.
    pub fn text<'a>(&'a self, context: &Context<'_, 'a>) -> Result<Cow<'a, str>, Cause> {
        match self.parts.as_slice() {
            [] => return Ok(Cow::Borrowed("")),
            [Part::Text(text)] => return Ok(Cow::Borrowed(text)),
            [Part::Macro(single)] => return Ok(single.value(context)?.into_text()),
            _ => {}
        }
        let mut joined = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                Part::Macro(found) => match found.value(context)? {
                    Value::Number(number) => write!(joined, "{number}").unwrap_or_default(),
                    Value::Time(time) => joined.push_str(&time_text(&time)),
                    other => joined.push_str(&other.into_text()),
                },
            }
        }
        Ok(Cow::Owned(joined))
    }
}
