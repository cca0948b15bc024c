//! A source's settings: which list, and what the flow sets otherwise (contract xiaoman-okki §7, §10).

use std::time::Duration;

use jiff::tz::TimeZone;
use weir_clients::{
    describe::{Api, Page, Window},
    okki::endpoints::{COMPANY_LIST, ORDER_LIST},
};
use weir_model::{
    digest::Digest,
    flow::SourceSpec,
    settings::{Fields, Problems, unknown_word},
};

use crate::{
    checks::{check_times, check_window, page_size},
    paging::Strategy,
    poll,
    request::Request,
};

/// By which time removed orders are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removed {
    /// By that of their removal: `time_type=4`.
    ByRemoval,
    /// By the flow's own `time_type`, for servers older than February 2026.
    ByRequest,
    /// Not at all.
    Ignored,
}

/// What a window's ends mean to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Precision {
    /// Whole days, whatever the time of day.
    Date,
    Datetime,
}

/// How a source reads its windows; the list of customers has none.
#[derive(Clone, Copy, Debug)]
struct Windows {
    window: Window,
    longest: Duration,
    precision: Precision,
}

/// A source, read.
#[derive(Clone, Debug)]
pub(super) struct SourceSettings {
    pub path: &'static str,
    pub list_path: String,
    pub page: Page,
    pub request: Request,
    pub removed: Removed,
    /// Whether each order is read one by one.
    pub expands: bool,
    page_size: u32,
    windows: Option<Windows>,
}

const DAY: Duration = Duration::from_secs(86_400);

impl SourceSettings {
    /// Reads a source; `None` when its API cannot be polled, and `problems` says why.
    pub fn read(spec: &SourceSpec, problems: &mut Problems) -> Option<Self> {
        let (api, page) = pollable(spec, problems)?;
        let mut fields = Fields::of(&spec.settings, "source.settings", problems);
        let list_path = fields.text("list_path", problems).unwrap_or_else(|| api.list_path.to_owned());
        let size_max = fields.count("page_size_max", u64::from(page.size_max), 1..=10_000, problems);
        let (mut removed, mut expands, mut windows) = (Removed::Ignored, false, None);
        if let Some(window) = api.window {
            let ways = [
                ("by_removal", Removed::ByRemoval),
                ("by_request", Removed::ByRequest),
                ("ignored", Removed::Ignored),
            ];
            removed = fields.choice("removed", &ways, Removed::ByRemoval, problems);
            expands = fields.choice("expand", &[("info", true), ("none", false)], true, problems);
            let precisions = [("date", Precision::Date), ("datetime", Precision::Datetime)];
            let precision = fields.choice("time_precision", &precisions, Precision::Date, problems);
            let longest = fields.duration("window_max", DAY * window.max_days, problems);
            windows = Some(Windows { window, longest, precision });
        }
        fields.finish(problems);

        let known = problems.list().len();
        let request = Request::compile(&spec.metadata.request, problems);
        if let Some(windows) = &windows {
            // A parameter that could not be read is not missing as well.
            if problems.list().len() == known {
                check_window(spec, &request, &windows.window, problems);
            }
            check_times(spec, windows.longest, problems);
        }
        let page_size = page_size(spec, &request, &page, size_max, problems);
        Some(Self { path: api.path, list_path, page, request, removed, expands, page_size, windows })
    }

    /// The source with windows that overlap by a day where only their dates count: the server may take an end for the
    /// beginning of its day, so a day is read until it is over (contract decisions "小满 OKKI").
    pub fn overlapping(&self, spec: &SourceSpec) -> SourceSpec {
        let mut spec = spec.clone();
        if self.by_date() {
            spec.poll.look_back = spec.poll.look_back.max(DAY);
        }
        spec
    }

    /// What polling needs to know.
    pub fn poll_settings(&self, zone: TimeZone) -> poll::Settings {
        poll::Settings {
            strategy: Strategy::LastPageFirst,
            page_size: self.page_size,
            request_digest: self.digest(&zone),
            longest_window: self.windows.map(|windows| windows.longest),
            reach_before: if self.by_date() { DAY } else { Duration::ZERO },
            row_cursor: None,
            zone,
            history: None,
        }
    }

    fn by_date(&self) -> bool {
        self.windows.is_some_and(|windows| windows.precision == Precision::Date)
    }

    fn digest(&self, zone: &TimeZone) -> Digest {
        let request = self.request.digest();
        let ways = format!("{:?} {}", self.removed, self.expands);
        let texts = [self.path, self.list_path.as_str(), &ways, zone.iana_name().unwrap_or_default()];
        Digest::of_parts(texts.iter().map(|text| text.as_bytes()).chain([request.as_bytes().as_slice()]))
    }
}

/// The description of the source's API, when it is a list.
fn pollable(spec: &SourceSpec, problems: &mut Problems) -> Option<(&'static Api, Page)> {
    let lists: [&Api; 2] = [&ORDER_LIST, &COMPANY_LIST];
    let found = lists.into_iter().find(|api| api.path == spec.metadata.api);
    if found.is_none() {
        let known = lists.map(|api| api.path);
        unknown_word(format!("{}.api", spec.metadata.path), &spec.metadata.api, &known, problems);
    }
    found.and_then(|api| Some((api, api.page?)))
}
