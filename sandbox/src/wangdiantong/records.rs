//! All refunds of one edition: what a query takes, which page it gets, and how the records change meanwhile.

use std::cmp::Reverse;

use rand::{SeedableRng as _, rngs::StdRng};

use crate::{ListOrder, Options, changes::Changes};

use super::{Access, Endpoint, Store, refund::Refund};

/// A time of a refund that a window may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeField {
    Created,
    Modified,
    Agreed,
    Settled,
}

/// A text of a refund that a query may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextField {
    RefundNo,
    PlatformNo,
    Tid,
    TradeNo,
    Parcel,
    Shop,
    Warehouse,
    Buyer,
}

impl TextField {
    fn of(self, refund: &Refund) -> String {
        match self {
            Self::RefundNo => refund.no(),
            Self::PlatformNo => refund.platform_no(),
            Self::Tid => refund.tid(),
            Self::TradeNo => refund.trade_no(),
            Self::Parcel => refund.parcel_no(),
            Self::Shop => refund.shop.no.to_owned(),
            Self::Warehouse => refund.warehouse_no().to_owned(),
            Self::Buyer => refund.buyer.clone(),
        }
    }
}

/// A number of a refund that a query may name, and how the edition reads it off.
pub type NumberField = fn(&Refund) -> u32;

/// One condition of a query.
#[derive(Debug, Clone)]
pub enum Criterion {
    /// A time within a window that is closed at both ends, in Unix seconds.
    Within(TimeField, i64, i64),
    /// A text that is one of these.
    OneOf(TextField, Vec<String>),
    /// A text that contains this one.
    Contains(TextField, String),
    /// A number that is this one.
    Is(NumberField, u32),
}

impl Criterion {
    fn takes(&self, refund: &Refund) -> bool {
        match self {
            Self::Within(field, from, to) => {
                let time = match field {
                    TimeField::Created => Some(refund.created),
                    TimeField::Modified => Some(refund.modified),
                    TimeField::Agreed => refund.agreed,
                    TimeField::Settled => refund.settled,
                };
                time.is_some_and(|time| (*from..=*to).contains(&time))
            }
            Self::OneOf(field, wanted) => wanted.contains(&field.of(refund)),
            Self::Contains(field, part) => field.of(refund).contains(part.as_str()),
            Self::Is(field, wanted) => field(refund) == *wanted,
        }
    }
}

/// What a call asks for.
#[derive(Debug)]
pub struct Query {
    /// All of them must hold.
    pub criteria: Vec<Criterion>,
    /// How many pages come before this one.
    pub page: u64,
    pub page_size: u64,
    /// The order the call asks for, where it may.
    pub order: Option<ListOrder>,
}

impl Query {
    fn takes(&self, refund: &Refund) -> bool {
        self.criteria.iter().all(|criterion| criterion.takes(refund))
    }
}

/// A page: how many match in all, and which are on it.
#[derive(Debug)]
pub struct Page {
    pub total: usize,
    pub rows: Vec<Refund>,
}

/// The refunds of one edition.
#[derive(Debug)]
pub struct Refunds {
    records: Vec<Refund>,
    changes: Changes,
    order: ListOrder,
}

impl Refunds {
    /// The refunds that exist at the start, spread over the span before it.
    pub fn make(options: &Options, seed: u64, now: i64) -> Self {
        use rand::RngExt as _;
        let mut dice = StdRng::seed_from_u64(seed);
        let youngest = now - i64::from(options.quiet_tail_seconds);
        let oldest = youngest.min(now - i64::from(options.span_seconds));
        let records = (0..u64::from(options.refunds)).map(|index| {
            let modified = dice.random_range(oldest..=youngest);
            Refund::make(index, modified, &mut dice)
        });
        Self {
            records: records.collect(),
            changes: Changes::new(options, seed),
            order: options.wangdiantong.list_order,
        }
    }

    /// Sets how many changes there may be in all.
    pub fn allow_changes(&mut self, limit: u32) {
        self.changes.allow(limit);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Records that were modified, added or archived since the start.
    pub fn changes(&self) -> u32 {
        self.changes.made()
    }

    /// Every refund that this access gives out, archived ones included.
    pub fn open_to(&self, open: impl Fn(&Refund) -> bool) -> impl Iterator<Item = &Refund> {
        self.records.iter().filter(move |refund| open(refund))
    }

    /// The page of a query. What was last modified before `archived_before` is in the archive.
    pub fn page(&self, query: &Query, endpoint: Endpoint, archived_before: i64) -> Page {
        let held = |refund: &Refund| {
            let in_archive = refund.archived || refund.modified < archived_before;
            in_archive == (endpoint.store == Store::History)
        };
        let mut matching: Vec<_> = self
            .records
            .iter()
            .filter(|refund| endpoint.gives_out(refund) && held(refund) && query.takes(refund))
            .collect();
        match query.order.unwrap_or(self.order) {
            ListOrder::ModifiedAscending => matching.sort_by_key(|refund| (refund.modified, refund.id)),
            ListOrder::ModifiedDescending => {
                matching.sort_by_key(|refund| Reverse((refund.modified, refund.id)));
            }
            ListOrder::Id => matching.sort_by_key(|refund| refund.id),
        }
        let total = matching.len();
        let skipped = usize::try_from(query.page.saturating_mul(query.page_size)).unwrap_or(usize::MAX);
        let size = usize::try_from(query.page_size).unwrap_or(usize::MAX);
        Page { total, rows: matching.into_iter().skip(skipped).take(size).cloned().collect() }
    }

    /// The ids of those that moved to the archive while they were paged.
    pub fn archived(&self) -> Vec<u64> {
        self.records.iter().filter(|refund| refund.archived).map(|refund| refund.id).collect()
    }

    /// Lets records of the paged query change, so that they leave its window; of four changes one is a late arrival. A
    /// share moves to the archive when the options say so, and changes no more.
    pub fn change(&mut self, query: &Query, now: i64) {
        use rand::RngExt as _;
        let mut added = 0;
        for refund in self.records.iter_mut().filter(|refund| !refund.archived && query.takes(refund)) {
            if !self.changes.strike() {
                continue;
            }
            if self.changes.leaves() {
                refund.archived = true;
            } else if self.changes.dice.random_ratio(1, 4) {
                added += 1;
            } else {
                refund.modify(now);
            }
        }
        for _ in 0..added {
            let modified = self.changes.late(now);
            let index = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
            self.records.push(Refund::make(index, modified, &mut self.changes.dice));
        }
    }

    /// Modifies one refund.
    pub fn modify(&mut self, id: u64, now: i64) {
        if let Some(refund) = self.records.iter_mut().find(|refund| refund.id == id) {
            refund.modify(now);
        }
    }
}

impl Endpoint {
    /// Whether a refund is one of those this endpoint's access gives out.
    pub fn gives_out(self, refund: &Refund) -> bool {
        self.edition.gives_out(self.access, refund)
    }
}

impl super::Edition {
    /// Whether a refund is one of those an access of this edition gives out.
    pub fn gives_out(self, access: Access, refund: &Refund) -> bool {
        match self {
            Self::Enterprise => refund.shop.is_open_to_enterprise(access),
            Self::Flagship => refund.shop.is_open_to_flagship(access),
        }
    }
}
