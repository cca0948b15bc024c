//! A source's settings: the endpoint's description, and what the flow sets otherwise (contract jushuitan §10).

use std::time::Duration;

use jiff::tz::TimeZone;
use weir_clients::{
    describe::{Api, Page, Window},
    jushuitan::{Endpoint, endpoints},
};
use weir_model::{
    digest::Digest,
    flow::SourceSpec,
    settings::{Fields, Localized, Problems, unknown_word},
};

use crate::{
    paging::Strategy,
    poll,
    request::{Macro, Request},
};

/// How page numbers and row cursors are written into `biz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BizNumbers {
    /// `"1"`, as in the seeds.
    Text,
    /// `1`.
    Number,
}

/// A source, read.
#[derive(Clone, Debug)]
pub(super) struct SourceSettings {
    pub endpoint: Endpoint,
    pub page: Page,
    pub request: Request,
    pub numbers: BizNumbers,
    page_size: u32,
    longest_window: Duration,
    /// The first field of the API's own key, which its cursor goes by.
    row_cursor: Option<&'static str>,
}

impl SourceSettings {
    /// Reads a source; `None` when its API cannot be polled, and `problems` says why.
    pub fn read(spec: &SourceSpec, problems: &mut Problems) -> Option<Self> {
        let (api, window, page) = pollable(spec, problems)?;
        let mut fields = Fields::of(&spec.settings, "source.settings", problems);
        let numbers = [("string", BizNumbers::Text), ("int", BizNumbers::Number)];
        let numbers = fields.choice("biz_numbers", &numbers, BizNumbers::Text, problems);
        let list_path = fields.text("list_path", problems);
        let size_max = fields.count("page_size_max", u64::from(page.size_max), 1..=10_000, problems);
        let documented = Duration::from_secs(u64::from(window.max_days) * 86_400);
        let longest_window = fields.duration("window_max", documented, problems);
        fields.finish(problems);

        let known = problems.list().len();
        let request = Request::compile(&spec.metadata.request, problems);
        // A parameter that could not be read is not missing as well.
        if problems.list().len() == known {
            check_window(spec, &request, &window, problems);
        }
        check_times(spec, longest_window, problems);
        let page_size = page_size(spec, &request, &page, size_max, problems);
        let mut endpoint = Endpoint::from(api);
        endpoint.list_path = list_path.unwrap_or(endpoint.list_path);
        let row_cursor = page.cursor.and_then(|_| api.keys.first()?.first().copied());
        Some(Self { endpoint, page, request, numbers, page_size, longest_window, row_cursor })
    }

    /// What polling needs to know.
    pub fn poll_settings(&self, zone: TimeZone) -> poll::Settings {
        let strategy = match (self.page.total, self.row_cursor) {
            (Some(_), _) => Strategy::LastPageFirst,
            (None, Some(_)) => Strategy::RowCursor,
            (None, None) => Strategy::Forward,
        };
        poll::Settings {
            strategy,
            page_size: self.page_size,
            request_digest: self.digest(&zone),
            longest_window: Some(self.longest_window),
            row_cursor: self.row_cursor,
            zone,
        }
    }

    fn digest(&self, zone: &TimeZone) -> Digest {
        let request = self.request.digest();
        let zone = zone.iana_name().unwrap_or_default();
        let texts = [self.endpoint.path.as_str(), self.endpoint.list_path.as_str(), zone];
        Digest::of_parts(texts.iter().map(|text| text.as_bytes()).chain([request.as_bytes().as_slice()]))
    }
}

/// The description of the source's API, when it is a list that is polled by windows.
fn pollable(spec: &SourceSpec, problems: &mut Problems) -> Option<(&'static Api, Window, Page)> {
    let polled = || endpoints::ALL.iter().filter_map(|api| Some((*api, api.window?, api.page?)));
    let found = polled().find(|(api, ..)| api.path == spec.metadata.api);
    if found.is_none() {
        let known: Vec<&str> = polled().map(|(api, ..)| api.path).collect();
        unknown_word(format!("{}.api", spec.metadata.path), &spec.metadata.api, &known, problems);
    }
    found
}

/// Without both ends of the window in the request, records would be passed by in silence.
fn check_window(spec: &SourceSpec, request: &Request, window: &Window, problems: &mut Problems) {
    let ends = [
        (window.begin, Macro::LastSyncTime, "LAST_SYNC_TIME"),
        (window.end, Macro::CurrentTime, "CURRENT_TIME"),
    ];
    for (field, name, text) in ends {
        if !request.uses(field, name) {
            let message = Localized::new(
                format!("{field} 必须取自 {text}：窗口由系统规划"),
                format!("{field} must be made of {text}: windows are planned"),
            );
            let item = format!(r#"{{field: {field}, type: string, value: "{{{{{text}|datetime}}}}"}}"#);
            let suggestion = Localized::new(format!("写 {item}"), format!("write {item}"));
            problems.error_with(format!("{}.request", spec.metadata.path), message, suggestion);
        }
    }
}

fn check_times(spec: &SourceSpec, longest_window: Duration, problems: &mut Problems) {
    if spec.poll.look_back >= longest_window {
        let message = Localized::new(
            "look_back 必须短于接口允许的最长窗口",
            "look_back must be shorter than the longest window the API takes",
        );
        let seconds = longest_window.as_secs();
        let limit = match seconds / 86_400 {
            0 => format!("{seconds}s"),
            days => format!("{days}d"),
        };
        let suggestion = Localized::new(format!("写短于 {limit} 的时长"), format!("write less than {limit}"));
        problems.error_with("source.poll.look_back", message, suggestion);
    }
    if spec.modified.is_empty() {
        let message = Localized::new(
            "未设置 modified：记录的新旧只按到达顺序判断",
            "without modified, states of a record are ordered by arrival alone",
        );
        let suggestion = Localized::new(
            "写记录中修改时间的字段，例如 modified: modified",
            "name the record's field of its modification time, such as modified: modified",
        );
        problems.warn_with("source.modified", message, suggestion);
    }
    if spec.metadata.omission_remedy.is_some() {
        let message = Localized::new("暂不执行 omissionRemedy", "omissionRemedy is not carried out yet");
        problems.warn(format!("{}.omissionRemedy", spec.metadata.path), message);
    }
}

/// The request's own page size, else `pagination.pageSize`, else the largest page.
fn page_size(
    spec: &SourceSpec,
    request: &Request,
    page: &Page,
    size_max: u64,
    problems: &mut Problems,
) -> u32 {
    let size = request.fixed_number(page.size).or(spec.metadata.page_size).unwrap_or(size_max);
    if !(1..=size_max).contains(&size) {
        let message = Localized::new(
            format!("每页条数 {size} 超出接口允许的 1 到 {size_max}"),
            format!("a page of {size} rows; the API takes 1 to {size_max}"),
        );
        let suggestion = Localized::new(
            format!("{} 写 {size_max}", page.size),
            format!("write {size_max} for {}", page.size),
        );
        problems.error_with(format!("{}.request", spec.metadata.path), message, suggestion);
    }
    u32::try_from(size.clamp(1, size_max)).unwrap_or(page.size_max)
}
