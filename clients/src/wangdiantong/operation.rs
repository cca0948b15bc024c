//! What a source names in its flow, and what is called for it on either path.

use super::gateway::Access;
use super::{enterprise, flagship};
use crate::describe::Api;
use crate::governor::Limit;

/// A product of the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edition {
    /// 企业版.
    Enterprise,
    /// 旗舰版.
    Flagship,
}

impl Edition {
    /// The system's name in configuration, metrics and descriptions.
    pub const fn system(self) -> &'static str {
        match self {
            Self::Enterprise => enterprise::SYSTEM,
            Self::Flagship => flagship::SYSTEM,
        }
    }

    /// What sources of this edition can read.
    pub const fn operations(self) -> &'static [Operation] {
        match self {
            Self::Enterprise => enterprise::endpoints::OPERATIONS,
            Self::Flagship => flagship::endpoints::OPERATIONS,
        }
    }

    /// The operation that a flow names by its path or method on either path; a Qimen method also with a scenario in front
    /// of it.
    pub fn operation(self, name: &str) -> Option<&'static Operation> {
        let name = without_scenario(name);
        self.operations().iter().find(|operation| operation.apis().any(|api| api.path == name))
    }
}

/// The same list on both paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// On the edition's own gateway.
    pub direct: &'static Api,
    /// On Qimen, where it is offered.
    pub qimen: Option<&'static Api>,
    /// The list that its older records are moved to.
    pub archive: Option<&'static Self>,
}

impl Operation {
    /// Its description on one path.
    pub const fn on(&self, access: Access) -> Option<&'static Api> {
        match access {
            Access::Direct => Some(self.direct),
            Access::Qimen => self.qimen,
        }
    }

    /// Its descriptions.
    pub fn apis(&self) -> impl Iterator<Item = &'static Api> {
        [Some(self.direct), self.qimen].into_iter().flatten()
    }
}

/// A Qimen method from `wdt.` on: generated classes write `hu3cgwt0tc.wdt.refund.query`.
pub(super) fn without_scenario(method: &str) -> &str {
    match method.split_once('.') {
        Some((_, rest)) if rest.starts_with("wdt.") => rest,
        _ => method,
    }
}

/// An operation as one source calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// By which path.
    pub access: Access,
    /// The path or method that is sent.
    pub operation: String,
    /// Where the list lies.
    pub list_path: &'static str,
    /// The limits of the account.
    pub limits: Vec<Limit>,
}

impl Endpoint {
    /// `api` on `access`; `named` is how the flow writes it, which is sent when it is the same method with a scenario.
    pub fn new(access: Access, api: &'static Api, named: &str) -> Self {
        let own = without_scenario(named) == api.path;
        let operation = if own { named } else { api.path }.to_owned();
        Self { access, operation, list_path: api.list_path, limits: api.quota.limits.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_found_by_any_of_its_names_and_a_scenario_is_sent_as_written() {
        for name in ["wdt.refund.query", "hu3cgwt0tc.wdt.refund.query", "refund_query.php"] {
            let operation = Edition::Enterprise.operation(name).unwrap();
            assert_eq!(operation.direct.path, "refund_query.php", "{name}");
        }
        assert_eq!(Edition::Enterprise.operation("wdt.trade.query"), None);
        assert_eq!(Edition::Flagship.operation("wdt.refund.query"), None);
        let operation = Edition::Enterprise.operation("hu3cgwt0tc.wdt.refund.query").unwrap();
        let sent = |access| {
            Endpoint::new(access, operation.on(access).unwrap(), "hu3cgwt0tc.wdt.refund.query").operation
        };
        assert_eq!(sent(Access::Qimen), "hu3cgwt0tc.wdt.refund.query");
        assert_eq!(sent(Access::Direct), "refund_query.php");
        let history = Edition::Enterprise.operation("his_refund_query.php").unwrap();
        assert_eq!(history.on(Access::Qimen), None, "the archive is only on the vendor's own gateway");
        assert_eq!(operation.archive, Some(history));
        let archived = |name| Edition::Flagship.operation(name).unwrap().archive;
        let history = archived("wdt.aftersales.refund.refund.search").unwrap();
        assert_eq!(history.on(Access::Qimen).unwrap().path, "wdt.aftersales.refund.refund.searchhistory");
        assert_eq!(archived(history.direct.path), None, "an archive has none of its own");
    }
}
