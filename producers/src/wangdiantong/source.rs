//! A source's settings: the operation, and what the flow sets otherwise (contracts wangdiantong-enterprise §10,
//! wangdiantong-flagship §9).

use std::time::Duration;

use jiff::tz::TimeZone;
use weir_clients::{
    describe::{Api, Page},
    wangdiantong::{Access, Edition, Endpoint, Operation},
};
use weir_model::{
    digest::Digest,
    flow::{Item, SourceSpec},
    settings::{Fields, Localized, Problems, unknown_word},
};

use super::connection::{ACCESSES, ConnectionSettings};
use crate::{
    checks::{check_times, check_window, page_size},
    paging::Strategy,
    poll,
    request::Request,
};

/// A source, read.
pub(super) struct SourceSettings {
    operation: &'static Operation,
    /// The API as the flow writes it.
    named: String,
    access: Option<Access>,
    page_no_base: Option<u32>,
    request: Request,
    page_size: u32,
    longest_window: Duration,
}

/// A source on the path it is called by.
#[derive(Clone, Debug)]
pub(super) struct CalledSource {
    pub endpoint: Endpoint,
    pub request: Request,
    pub page: Page,
    page_size: u32,
    longest_window: Duration,
}

impl SourceSettings {
    /// Reads a source; `None` when its API cannot be polled, and `problems` says why.
    pub fn read(edition: Edition, spec: &SourceSpec, problems: &mut Problems) -> Option<Self> {
        let operation = operation(edition, spec, problems)?;
        let (window, page) = (operation.direct.window?, operation.direct.page?);
        let mut fields = Fields::of(&spec.settings, "source.settings", problems);
        let accesses = ACCESSES.map(|(name, access)| (name, Some(access)));
        let access = fields.choice("access", &accesses, None, problems);
        let bases = [("0", Some(0)), ("1", Some(1))];
        let page_no_base = fields.choice("page_no_base", &bases, None, problems);
        let size_max = fields.count("page_size_max", u64::from(page.size_max), 1..=10_000, problems);
        let documented = Duration::from_secs(u64::from(window.max_days) * 86_400);
        let longest_window = fields.duration("window_max", documented, problems);
        fields.finish(problems);

        let known = problems.list().len();
        let parts = Parts::of(edition, &spec.metadata.request);
        let request = Request::compile(&parts.query, problems);
        // A parameter that could not be read is not missing as well.
        if problems.list().len() == known {
            check_window(spec, &request, &window, problems);
        }
        check_times(spec, longest_window, problems);
        let pager = Request::compile(&parts.pager, problems);
        let page_size = page_size(spec, &pager, &page, size_max, problems);
        let named = spec.metadata.api.clone();
        Some(Self { operation, named, access, page_no_base, request, page_size, longest_window })
    }

    /// The source as `connection` calls it; `None` when it cannot, and `problems` says why.
    pub fn called_by(self, connection: &ConnectionSettings, problems: &mut Problems) -> Option<CalledSource> {
        let access = self.access.unwrap_or(connection.access);
        let api = self.operation.on(access);
        if api.is_none() || connection.client.gateways.get(access).is_none() {
            refuse_access(api, access, &self.named, problems);
        }
        let api = api?;
        let mut page = api.page?;
        page.first = self.page_no_base.unwrap_or(page.first);
        let mut endpoint = Endpoint::new(access, api, &self.named);
        endpoint.limits.clone_from(&connection.limits);
        let Self { request, page_size, longest_window, .. } = self;
        Some(CalledSource { endpoint, request, page, page_size, longest_window })
    }
}

impl CalledSource {
    /// What polling needs to know.
    pub fn poll_settings(&self, zone: TimeZone) -> poll::Settings {
        poll::Settings {
            strategy: Strategy::LastPageFirst,
            page_size: self.page_size,
            request_digest: self.digest(&zone),
            longest_window: Some(self.longest_window),
            reach_before: Duration::ZERO,
            row_cursor: None,
            zone,
            history: None,
        }
    }

    fn digest(&self, zone: &TimeZone) -> Digest {
        let (request, first) = (self.request.digest(), self.page.first.to_string());
        let zone = zone.iana_name().unwrap_or_default();
        let texts = [self.endpoint.access.name(), &self.endpoint.operation, &first, zone];
        Digest::of_parts(texts.iter().map(|text| text.as_bytes()).chain([request.as_bytes().as_slice()]))
    }
}

/// The request's items, by where they travel.
struct Parts {
    query: Vec<Item>,
    pager: Vec<Item>,
}

impl Parts {
    /// The seed of the flagship edition writes the query below `params` and the page below `pager`; flat items are taken
    /// as well.
    fn of(edition: Edition, items: &[Item]) -> Self {
        if edition == Edition::Enterprise {
            return Self { query: items.to_vec(), pager: items.to_vec() };
        }
        let below = |name: &'static str| items.iter().filter(move |item| item.field == name);
        let flat = items.iter().filter(|item| !matches!(item.field.as_str(), "params" | "pager"));
        let nested = below("params").flat_map(|item| &item.children);
        let pager = below("pager").flat_map(|item| &item.children).chain(flat.clone());
        Self { pager: pager.cloned().collect(), query: nested.chain(flat).cloned().collect() }
    }
}

fn operation(edition: Edition, spec: &SourceSpec, problems: &mut Problems) -> Option<&'static Operation> {
    let found = edition.operation(&spec.metadata.api);
    if found.is_none() {
        let known: Vec<&str> =
            edition.operations().iter().flat_map(Operation::apis).map(|api| api.path).collect();
        unknown_word(format!("{}.api", spec.metadata.path), &spec.metadata.api, &known, problems);
    }
    found
}

fn refuse_access(api: Option<&Api>, access: Access, named: &str, problems: &mut Problems) {
    let path = access.name();
    let (message, suggestion) = if api.is_none() {
        (
            Localized::new(
                format!("{named} 不能经 {path} 调用"),
                format!("{named} cannot be called by {path}"),
            ),
            Localized::new(
                "在来源中写 settings: {access: direct}",
                "write settings: {access: direct} in the source",
            ),
        )
    } else {
        (
            Localized::new(
                format!("来源经 {path} 调用，但连接没有它的密钥"),
                format!("the source is called by {path}, and the connection has no credentials for it"),
            ),
            Localized::new(
                "direct 需要 app_key 和 app_secret，qimen 需要 qimen_app_key 和 qimen_app_secret",
                "direct needs app_key and app_secret, qimen needs qimen_app_key and qimen_app_secret",
            ),
        )
    };
    problems.error_with("source.settings.access", message, suggestion);
}
