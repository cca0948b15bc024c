//! A source's settings: the operation and its archive, and what the flow sets otherwise (contracts wangdiantong-enterprise
//! §10, wangdiantong-flagship §9).

use std::time::Duration;

use jiff::tz::TimeZone;
use weir_clients::{
    describe::{Api, Page},
    wangdiantong::{Access, Edition, Endpoint, Operation},
};
use weir_model::{
    digest::Digest,
    flow::{Item, SourceSpec, StartFrom},
    settings::{Fields, Localized, Problems, parse_duration, unknown_word},
};

use super::connection::{ACCESSES, ConnectionSettings};
use crate::{
    checks::{check_times, check_window, page_size},
    paging::Strategy,
    poll::{self, History},
    request::Request,
};

/// How old a record is before it may be in the archive, when a source says nothing.
const ARCHIVED_AFTER: Duration = Duration::from_secs(90 * 86_400);

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
    /// How old a record is before it is looked for in the archive too; `None` when it never is.
    history_after: Option<Duration>,
    /// Whether the flow itself says so.
    history_is_set: bool,
    /// Whether the source begins so far back that its first windows are archived.
    begins_archived: bool,
}

/// A source on the path it is called by.
#[derive(Clone, Debug)]
pub(super) struct CalledSource {
    pub list: CalledList,
    /// The list that older records are moved to, and how old they are then.
    pub archive: Option<(CalledList, Duration)>,
    pub request: Request,
    page_size: u32,
    longest_window: Duration,
}

/// One list on the path it is called by.
#[derive(Clone, Debug)]
pub(super) struct CalledList {
    pub endpoint: Endpoint,
    pub page: Page,
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
        let history_is_set = operation.archive.is_some() && fields.get("history_after").is_some();
        let history_after = operation.archive.and_then(|_| history_after(&mut fields, problems));
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
        Some(Self {
            operation,
            named: spec.metadata.api.clone(),
            access,
            page_no_base,
            request,
            page_size,
            longest_window,
            history_after,
            history_is_set,
            begins_archived: history_after.is_some_and(|after| reaches_back(&spec.poll.start_from, after)),
        })
    }

    /// The source as `connection` calls it; `None` when it cannot, and `problems` says why.
    pub fn called_by(self, connection: &ConnectionSettings, problems: &mut Problems) -> Option<CalledSource> {
        let access = self.access.unwrap_or(connection.access);
        let api = self.operation.on(access);
        if api.is_none() || connection.client.gateways.get(access).is_none() {
            refuse_access(api, access, &self.named, problems);
        }
        let list = self.list_on(access, api?, connection)?;
        let archive = self.history_after.and_then(|after| {
            let archive = self.archive_by(access, connection);
            if archive.is_none() {
                self.tell_no_archive(problems);
            }
            Some((archive?, after))
        });
        let Self { request, page_size, longest_window, .. } = self;
        Some(CalledSource { list, archive, request, page_size, longest_window })
    }

    /// The archive on the source's own path; where that offers none, on the other one, if the connection can call it.
    fn archive_by(&self, access: Access, connection: &ConnectionSettings) -> Option<CalledList> {
        let archive = self.operation.archive?;
        let (access, api) = [access, Access::Direct]
            .into_iter()
            .filter(|access| connection.client.gateways.get(*access).is_some())
            .find_map(|access| Some((access, archive.on(access)?)))?;
        self.list_on(access, api, connection)
    }

    /// The archive is on a path that the connection has no credentials for: an error where the flow asks for it.
    fn tell_no_archive(&self, problems: &mut Problems) {
        let api = &self.named;
        if !self.history_is_set {
            if self.begins_archived {
                tracing::warn!(
                    api,
                    "archived records are not read: qimen has no list of them, and the connection has no app_key of the \
                     direct gateway"
                );
            }
            return;
        }
        let message = Localized::new(
            format!("奇门没有 {api} 的历史接口，连接又没有直连的密钥，归档的单据读不到"),
            format!(
                "Qimen has no archive of {api}, and the connection has no credentials for the direct gateway: archived \
                 records are out of reach"
            ),
        );
        let suggestion = Localized::new(
            "在连接中加上 app_key 和 app_secret，或在来源中写 settings: {history_after: off}",
            "add app_key and app_secret to the connection, or write settings: {history_after: off} in the source",
        );
        problems.error_with("source.settings.history_after", message, suggestion);
    }

    fn list_on(
        &self,
        access: Access,
        api: &'static Api,
        connection: &ConnectionSettings,
    ) -> Option<CalledList> {
        let mut page = api.page?;
        page.first = self.page_no_base.unwrap_or(page.first);
        let mut endpoint = Endpoint::new(access, api, &self.named);
        endpoint.limits.clone_from(&connection.limits);
        Some(CalledList { endpoint, page })
    }
}

impl CalledSource {
    /// What polling needs to know.
    pub fn poll_settings(&self, zone: TimeZone) -> poll::Settings {
        let archive = self.archive.as_ref();
        let history =
            archive.map(|(list, after)| History { after: *after, request_digest: self.digest(list, &zone) });
        poll::Settings {
            strategy: Strategy::LastPageFirst,
            page_size: self.page_size,
            request_digest: self.digest(&self.list, &zone),
            longest_window: Some(self.longest_window),
            reach_before: Duration::ZERO,
            row_cursor: None,
            zone,
            history,
        }
    }

    /// The list that holds live records, or archived ones.
    pub fn list(&self, archived: bool) -> &CalledList {
        self.archive.as_ref().filter(|_| archived).map_or(&self.list, |(archive, _)| archive)
    }

    fn digest(&self, list: &CalledList, zone: &TimeZone) -> Digest {
        let (request, first) = (self.request.digest(), list.page.first.to_string());
        let zone = zone.iana_name().unwrap_or_default();
        let texts = [list.endpoint.access.name(), &list.endpoint.operation, &first, zone];
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

/// Reads `history_after`: how old a record is before it is looked for in the archive too; `None` for `off`.
fn history_after(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Duration> {
    let Some(text) = fields.text("history_after", problems) else { return Some(ARCHIVED_AFTER) };
    if text == "off" {
        return None;
    }
    let after = parse_duration(&text);
    if after.is_none() {
        let message = Localized::new(format!("{text:?} 不是时长"), format!("{text:?} is no length of time"));
        let suggestion =
            Localized::new("例如 90d；不读归档写 off", "such as 90d; off never reads the archive");
        problems.error_with(fields.path_of("history_after"), message, suggestion);
    }
    after
}

/// Whether a source begins further back than `after`; one that begins at a fixed time is taken to.
fn reaches_back(start: &StartFrom, after: Duration) -> bool {
    match start {
        StartFrom::Ago(ago) => *ago > after,
        StartFrom::At(_) => true,
    }
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
