//! Text with macros: the few that a source's request needs.

use jiff::Timestamp;
use weir_model::{
    settings::{Localized, Problems, unknown_word},
    time::local_text,
};

use super::Moment;

/// What stands for a part of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Macro {
    /// `LAST_SYNC_TIME`: the window's begin.
    LastSyncTime,
    /// `CURRENT_TIME`: the window's settled end.
    CurrentTime,
    /// `PAGINATION_PAGE_SIZE`.
    PageSize,
    /// `PAGINATION_START_PAGE`: from 1.
    StartPage,
    /// `PAGINATION_START_ROW`: from 0.
    StartRow,
}

const MACROS: [(&str, Macro); 5] = [
    ("LAST_SYNC_TIME", Macro::LastSyncTime),
    ("CURRENT_TIME", Macro::CurrentTime),
    ("PAGINATION_PAGE_SIZE", Macro::PageSize),
    ("PAGINATION_START_PAGE", Macro::StartPage),
    ("PAGINATION_START_ROW", Macro::StartRow),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    Datetime,
    Date,
    Timestamp,
    TimestampMs,
}

/// Names are matched without case (contract qeasy-metadata §3).
const FILTERS: [(&str, Filter); 4] = [
    ("datetime", Filter::Datetime),
    ("date", Filter::Date),
    ("timestamp", Filter::Timestamp),
    ("timestamp_ms", Filter::TimestampMs),
];

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Macro(Macro, Filter),
}

/// A compiled text.
#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Compiles a text; `None` with a problem at `path` when it holds something unknown.
    pub fn compile(text: &str, path: &str, problems: &mut Problems) -> Option<Self> {
        if text.starts_with("_function ") || text.starts_with("_findCollection ") {
            let message = Localized::new(
                "来源请求中不支持表达式，请使用时间与分页宏",
                "a source's request has no expressions; use the time and paging macros",
            );
            let suggestion =
                Localized::new("例如 {{LAST_SYNC_TIME|datetime}}", "for example {{LAST_SYNC_TIME|datetime}}");
            problems.error_with(path, message, suggestion);
            return None;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            let closing = if from.starts_with("{{") { "}}" } else { "}" };
            let opened = from.get(closing.len()..).unwrap_or_default();
            let Some((inner, after)) = opened.split_once(closing) else {
                let message = Localized::new("宏缺少右括号", "a macro is not closed");
                let suggestion = Localized::new(format!("补上 \"{closing}\""), format!("add \"{closing}\""));
                problems.error_with(path, message, suggestion);
                return None;
            };
            if !before.is_empty() {
                parts.push(Part::Literal(before.to_owned()));
            }
            parts.push(compile_macro(inner, path, problems)?);
            rest = after;
        }
        if !rest.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Some(Self { parts })
    }

    /// The text of a call.
    pub fn render(&self, moment: &Moment<'_>) -> String {
        let texts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text.clone(),
            Part::Macro(Macro::LastSyncTime, filter) => filter.apply(moment.from, moment),
            Part::Macro(Macro::CurrentTime, filter) => filter.apply(moment.to, moment),
            Part::Macro(Macro::PageSize, _) => moment.page_size.to_string(),
            Part::Macro(Macro::StartPage, _) => moment.page.to_string(),
            Part::Macro(Macro::StartRow, _) => {
                (u64::from(moment.page.saturating_sub(1)) * u64::from(moment.page_size)).to_string()
            }
        });
        texts.collect()
    }

    pub fn uses(&self, name: Macro) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Macro(used, _) if *used == name))
    }

    /// The text when it has no macros.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

impl Filter {
    fn apply(self, at: Timestamp, moment: &Moment<'_>) -> String {
        match self {
            Self::Datetime => local_text(at, moment.zone),
            Self::Date => at.to_zoned(moment.zone.clone()).date().to_string(),
            Self::Timestamp => at.as_second().to_string(),
            Self::TimestampMs => at.as_millisecond().to_string(),
        }
    }
}

fn compile_macro(inner: &str, path: &str, problems: &mut Problems) -> Option<Part> {
    let (name, filter) = inner.split_once('|').map_or((inner, None), |(name, filter)| (name, Some(filter)));
    let name = name.trim();
    let Some((_, named)) = MACROS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = MACROS.iter().map(|(known, _)| *known).collect();
        unknown_word(path.to_owned(), name, &known, problems);
        return None;
    };
    // Without a filter a time is Unix seconds (contract qeasy-metadata §3).
    let Some(filter) = filter.map(|filter| filter.trim().to_ascii_lowercase()) else {
        return Some(Part::Macro(*named, Filter::Timestamp));
    };
    let Some((_, filter)) = FILTERS.iter().find(|(known, _)| *known == filter) else {
        let known: Vec<&str> = FILTERS.iter().map(|(known, _)| *known).collect();
        unknown_word(path.to_owned(), &filter, &known, problems);
        return None;
    };
    if !matches!(named, Macro::LastSyncTime | Macro::CurrentTime) {
        let message = Localized::new(
            format!("{name} 不是时间，不能加过滤器"),
            format!("{name} is no time and takes no filter"),
        );
        let suggestion = Localized::new(format!("写 {{{{{name}}}}}"), format!("write {{{{{name}}}}}"));
        problems.error_with(path, message, suggestion);
        return None;
    }
    Some(Part::Macro(*named, *filter))
}
