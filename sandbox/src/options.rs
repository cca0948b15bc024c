//! What a sandbox is started with: the data it makes, how that data changes, its knobs, and the accounts of its systems.

use std::fmt;

use crate::{Knobs, jushuitan, k3wise, kingdee, okki, wangdiantong};

/// Everything that decides how a sandbox behaves. The defaults hold the credentials of the contracts' worked examples.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides every made-up value, every change and every fault that is a matter of chance.
    pub seed: u64,
    /// Distributors (分销商) that exist at the start.
    pub customers: u32,
    /// Unique-code movements (唯一码进出流水) that exist at the start.
    pub movements: u32,
    /// Sales orders of OKKI that exist at the start.
    pub orders: u32,
    /// Customers of OKKI (at least one), those included that come later than their orders.
    pub companies: u32,
    /// Refunds that exist at the start in each edition of 旺店通.
    pub refunds: u32,
    /// How far back in time the data reaches.
    pub span_seconds: u32,
    /// Nothing that exists at the start is younger than this, so that a poller with a settle lag sees all of it at once.
    pub quiet_tail_seconds: u32,
    /// How far the sandbox's clock runs ahead of the machine's.
    pub clock_offset_seconds: i64,
    /// How records change while they are paged.
    pub change: Change,
    /// Of the records that change while they are paged this share leaves instead, from 0 to 1: a distributor of 聚水潭 is
    /// deleted, a refund of 旺店通 moves to the archive, an order of OKKI is removed. The later records of the list move
    /// up by one, also those of a settled window. [`crate::State`] tells which left.
    pub leaving_share: f64,
    /// The faults that are switched on at the start.
    pub knobs: Knobs,
    /// The account and the limits of 聚水潭.
    pub jushuitan: jushuitan::Settings,
    /// The accounts and the limit of 旺店通, both editions.
    pub wangdiantong: wangdiantong::Settings,
    /// The account of 金蝶云星空.
    pub kingdee: kingdee::Settings,
    /// The company of 金蝶 K/3 WISE.
    pub k3wise: k3wise::Settings,
    /// The account of 小满 OKKI.
    pub okki: okki::Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            customers: 600,
            movements: 6_000,
            orders: 300,
            companies: 80,
            refunds: 400,
            span_seconds: 20 * 86_400,
            quiet_tail_seconds: 120,
            clock_offset_seconds: 0,
            change: Change::default(),
            leaving_share: 0.0,
            knobs: Knobs::default(),
            jushuitan: jushuitan::Settings::default(),
            wangdiantong: wangdiantong::Settings::default(),
            kingdee: kingdee::Settings::default(),
            k3wise: k3wise::Settings::default(),
            okki: okki::Settings::default(),
        }
    }
}

/// The order in which records are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListOrder {
    /// Oldest modification first.
    #[default]
    ModifiedAscending,
    /// Newest modification first.
    ModifiedDescending,
    /// By id.
    Id,
}

/// How records change while they are paged. The default changes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// The probability, per page request, that a distributor or refund of the window being paged changes (of four
    /// changes one is a new record instead); movements are append-only: after a page up to four are added, each with
    /// this probability. From 0 to 1.
    pub rate: f64,
    /// After so many modified and added records the data comes to rest.
    pub limit: u32,
    /// A new record's time lies up to so many seconds in the past, as when a commit takes its time. A poller's settle
    /// lag must be longer.
    pub late_by_seconds: u32,
}

impl Default for Change {
    fn default() -> Self {
        Self { rate: 0.0, limit: 500, late_by_seconds: 20 }
    }
}

/// A text that is not shown in logs or errors (invariant 8).
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text in clear, for signing and comparing.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}
