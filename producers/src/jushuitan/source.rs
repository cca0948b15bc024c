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
    checks::{check_times, check_window, page_size},
    paging::Strategy,
    poll,
    request::Request,
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
        check_key(spec, api, problems);
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
            reach_before: Duration::ZERO,
            row_cursor: self.row_cursor,
            zone,
            history: None,
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

/// A key that records share makes them overwrite each other: `sku_sn`, which the seed names, repeats with each movement
/// of a code (contract jushuitan §5).
fn check_key(spec: &SourceSpec, api: &Api, problems: &mut Problems) {
    let holds = |known: &&[&str]| known.iter().all(|field| spec.key.iter().any(|key| key == field));
    if spec.key.is_empty() || api.keys.iter().any(holds) {
        return;
    }
    let key = spec.key.join(", ");
    let message = Localized::new(
        format!("{key} 不能唯一确定一条记录，重复的会互相覆盖"),
        format!("{key} does not tell records apart: those that share it overwrite each other"),
    );
    let mut lists = api.keys.iter().map(|known| known.join(", "));
    let own = lists.next().unwrap_or_default();
    let fallback = lists.next().map(|known| format!(", key_fallback: [{known}]")).unwrap_or_default();
    let written = format!("{{key: [{own}]{fallback}}}");
    let suggestion =
        Localized::new(format!("在 source 中写 {written}"), format!("write {written} in the source"));
    problems.warn_with("source.key", message, suggestion);
}
