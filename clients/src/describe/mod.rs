//! Endpoint descriptions as data: every API that is used, with its path, parameters, window and page limits, quota,
//! error table and the source of the facts. `weir describe api`, the checks, the clients and the documentation read the
//! same tables, so that they cannot disagree.

use serde::Serialize;

use crate::class::{Class, Text};
use crate::governor::Limit;
use crate::{jushuitan, k3wise, kingdee, okki, wangdiantong};

/// One API of one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Api {
    /// The system, such as `jushuitan`.
    pub system: &'static str,
    /// The name used in configuration and metrics, unique within the system.
    pub name: &'static str,
    /// The path below the base URL.
    pub path: &'static str,
    /// What it gives or does.
    pub summary: Text,
    /// The parameters of the call.
    pub parameters: &'static [Parameter],
    /// The time window it takes; none for an API that takes none.
    pub window: Option<Window>,
    /// How it is paged; none for an API that is not.
    pub page: Option<Page>,
    /// Where the list lies in the answer, as names joined by dots; empty where there is none.
    pub list_path: &'static str,
    /// The fields that tell records apart; alternatives in order of preference.
    pub keys: &'static [&'static [&'static str]],
    /// How often it may be called.
    pub quota: Quota,
    /// What its error codes mean.
    pub errors: &'static [ErrorRow],
    /// Where these facts come from.
    pub source: &'static str,
}

/// One parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type as the vendor describes it.
    pub kind: &'static str,
    /// Whether a call without it is refused.
    pub required: bool,
    /// What it means.
    pub meaning: Text,
}

/// The time window that a list takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Parameter of its begin.
    pub begin: &'static str,
    /// Parameter of its end.
    pub end: &'static str,
    /// The longest window, in days.
    pub max_days: u32,
    /// Which time of a record it selects by: `modified` or `created`.
    pub selects_by: &'static str,
}

/// How a list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Parameter of the page number.
    pub index: &'static str,
    /// Parameter of the page size.
    pub size: &'static str,
    /// Number of the first page.
    pub first: u32,
    /// The largest page.
    pub size_max: u32,
    /// Where the total of records lies in the answer; none when the API does not tell it.
    pub total: Option<&'static str>,
    /// Parameter of a row cursor, where the API has one.
    pub cursor: Option<&'static str>,
}

/// How often an API may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quota {
    /// All limits hold at once.
    pub limits: &'static [Limit],
    /// Who shares them.
    pub scope: Scope,
    /// Whether the vendor documents them; otherwise they are this project's caution.
    pub documented: bool,
}

/// Who shares a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All calls of the account.
    Account,
    /// All calls of the account to this API.
    AccountAndApi,
}

/// One row of an error table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrorRow {
    /// The vendor's code, as text.
    pub code: &'static str,
    /// What it means for the caller.
    pub class: Class,
    /// What the vendor says it means.
    pub meaning: Text,
    /// Where the fact comes from.
    pub source: &'static str,
}

impl ErrorRow {
    pub(crate) const fn new(code: &'static str, class: Class, zh: &'static str, en: &'static str) -> Self {
        Self { code, class, meaning: Text::new(zh, en), source: "" }
    }

    pub(crate) const fn from(mut self, source: &'static str) -> Self {
        self.source = source;
        self
    }
}

impl Parameter {
    pub(crate) const fn required(
        name: &'static str,
        kind: &'static str,
        zh: &'static str,
        en: &'static str,
    ) -> Self {
        Self { name, kind, required: true, meaning: Text::new(zh, en) }
    }

    pub(crate) const fn optional(
        name: &'static str,
        kind: &'static str,
        zh: &'static str,
        en: &'static str,
    ) -> Self {
        Self { name, kind, required: false, meaning: Text::new(zh, en) }
    }
}

/// Every API, by system and name.
pub fn all() -> Vec<&'static Api> {
    [
        jushuitan::endpoints::ALL,
        kingdee::endpoints::ALL,
        k3wise::endpoints::ALL,
        okki::endpoints::ALL,
        wangdiantong::ALL,
    ]
    .concat()
}

/// The API with this name, such as `jushuitan` and `distributor.query`.
pub fn find(system: &str, name: &str) -> Option<&'static Api> {
    all().into_iter().find(|api| api.system == system && api.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_is_complete_and_named_once() {
        let mut names = std::collections::BTreeSet::new();
        for api in all() {
            assert!(names.insert((api.system, api.name)), "{} twice", api.name);
            assert!(
                !api.path.is_empty() && !api.source.is_empty() && !api.quota.limits.is_empty(),
                "{}",
                api.name
            );
            let mut codes = std::collections::BTreeSet::new();
            for row in api.errors {
                assert!(codes.insert(row.code), "{}: code {} twice", api.name, row.code);
                assert!(!row.meaning.zh.is_empty() && !row.meaning.en.is_empty() && !row.source.is_empty());
            }
            assert!(api.quota.limits.iter().all(|limit| limit.calls > 0 && limit.seconds > 0));
            assert_eq!(find(api.system, api.name), Some(api));
        }
    }

    #[test]
    fn a_description_prints_as_json() {
        let api = find("jushuitan", "distributor.query").unwrap();
        let json = serde_json::to_value(api).unwrap();
        assert_eq!(json["path"], "/open/jushuitan/distributor/query");
        assert_eq!(json["window"]["max_days"], 7);
        assert_eq!(json["quota"]["scope"], "account_and_api");
    }
}
