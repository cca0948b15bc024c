//! Sales orders (销售订单): `GET /v1/invoices/order/list` and `/v1/invoices/order/info` (contract xiaoman-okki §4–5).

use std::cmp::Reverse;

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Fault, ListOrder, Options,
    calls::Call,
    changes::Changes,
    json_text::{self, ObjectText},
    world::World,
};

use super::{
    Refusal, TimePrecision,
    companies::Companies,
    order::{Order, Spelling},
    query::{Page, Query, Window},
};

/// All orders, removed ones included.
#[derive(Debug)]
pub struct Orders {
    records: Vec<Order>,
    changes: Changes,
}

/// The time a window is about.
#[derive(Debug, Clone, Copy)]
enum TimeType {
    Updated,
    Created,
    OrderDate,
    Deleted,
}

/// Which orders a call asks for.
struct Filter {
    window: Window,
    time_type: TimeType,
    removed: bool,
    approved_only: bool,
    with_drafts: bool,
    /// No status filters nothing.
    statuses: Vec<u64>,
}

impl Filter {
    fn read(query: &Query, precision: TimePrecision) -> Result<Self, Refusal> {
        let time_type = match query.whole("time_type", 1)? {
            1 => TimeType::Updated,
            2 => TimeType::Created,
            3 => TimeType::OrderDate,
            4 => TimeType::Deleted,
            _ => return Err(Refusal::parameter("time_type must be 1, 2, 3 or 4")),
        };
        let codes = query.get("status").unwrap_or_default().split(',').map(str::trim);
        let codes = codes.filter(|code| !matches!(*code, "" | "0"));
        let statuses = codes
            .map(|code| code.parse().map_err(|_| Refusal::parameter(format!("status {code} is unknown"))))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            window: Window::read(query, precision)?,
            time_type,
            removed: query.switch("removed")?,
            approved_only: query.switch("approval")?,
            with_drafts: query.switch("approval_with_draft")?,
            statuses,
        })
    }

    fn matches(&self, order: &Order) -> bool {
        let time = match self.time_type {
            TimeType::Updated => Some(order.updated),
            TimeType::Created => Some(order.created),
            TimeType::OrderDate => Some(order.account_day()),
            TimeType::Deleted => order.removed_at,
        };
        order.removed_at.is_some() == self.removed
            && time.is_some_and(|time| self.window.holds(time))
            && (!self.approved_only || order.is_approved() || (self.with_drafts && order.is_draft()))
            && (self.statuses.is_empty() || self.statuses.contains(&order.status_code()))
    }
}

impl Orders {
    /// Makes the orders of the account.
    pub fn make(options: &Options, companies: &Companies, now: i64, dice: &mut StdRng) -> Self {
        let (span, tail) = (i64::from(options.span_seconds), i64::from(options.quiet_tail_seconds));
        let count = i64::from(options.orders);
        let spread = (span - tail).max(1);
        let records = (0..count).map(|index| {
            let step = spread * index / count.max(1);
            let updated = (now - span + step + dice.random_range(0..=60)).min(now - tail);
            let index = u64::try_from(index).unwrap_or_default();
            let mut order = Order::make(index, updated, companies, dice);
            if index % 40 == 17 {
                order.remove(updated);
            }
            order
        });
        Self { records: records.collect(), changes: Changes::new(options, options.seed ^ 0x0000_0CC2) }
    }

    /// The orders that are not removed.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.records.iter().filter(|order| order.removed_at.is_none())
    }

    /// The orders that were removed.
    pub fn removed(&self) -> impl Iterator<Item = &Order> {
        self.records.iter().filter(|order| order.removed_at.is_some())
    }

    /// Sets how many changes there may be in all.
    pub fn allow_changes(&mut self, limit: u32) {
        self.changes.allow(limit);
    }

    /// Orders that were modified, added or removed since the start.
    pub fn changes(&self) -> u32 {
        self.changes.made()
    }

    /// Lets orders of the paged window change: of eight changes two are new orders, one is a removal. The
    /// options may have more of them removed.
    fn change(&mut self, filter: &Filter, companies: &Companies, now: i64) {
        let Self { records, changes } = self;
        let mut added = 0;
        for order in records.iter_mut().filter(|order| filter.matches(order) && order.removed_at.is_none()) {
            if !changes.strike() {
                continue;
            }
            if changes.leaves() {
                order.remove(now);
                continue;
            }
            match changes.dice.random_range(0..8) {
                0 | 1 => added += 1,
                2 => order.remove(now),
                _ => order.modify(now, &mut changes.dice),
            }
        }
        for _ in 0..added {
            let updated = changes.late(now);
            let index = u64::try_from(records.len()).unwrap_or(u64::MAX);
            records.push(Order::make(index, updated, companies, &mut changes.dice));
        }
    }
}

/// How empty objects are written in an answer: as `[]` when the knob says so.
fn spelling(world: &mut World, call: &Call) -> Spelling {
    match world.strikes(Fault::EmptyObjectAsList, call) {
        Some(_) => Spelling::EmptyObjectsAsLists,
        None => Spelling::Usual,
    }
}

/// A page of headers; afterwards orders may change.
pub fn list(world: &mut World, call: &Call, query: &Query) -> Result<String, Refusal> {
    let page = Page::read(query)?;
    let settings = &world.okki.settings;
    let (list_order, embed_lines) = (settings.list_order, settings.embed_lines);
    let filter = Filter::read(query, settings.time_precision)?;
    let spelling = spelling(world, call);
    let now = world.clock.now();
    let super::System { orders, companies, .. } = &mut world.okki;
    let mut matching: Vec<_> = orders.records.iter().filter(|order| filter.matches(order)).collect();
    match list_order {
        ListOrder::ModifiedAscending => matching.sort_by_key(|order| (order.updated, order.id)),
        ListOrder::ModifiedDescending => matching.sort_by_key(|order| Reverse((order.updated, order.id))),
        ListOrder::Id => matching.sort_by_key(|order| order.id),
    }
    let total = matching.len();
    let rows: Vec<_> = matching
        .iter()
        .skip(page.skipped())
        .take(page.rows())
        .map(|order| {
            if embed_lines {
                order.with_lines(companies, spelling)
            } else {
                order.header(companies, spelling)
            }
        })
        .collect();
    orders.change(&filter, companies, now);
    let told = match world.strikes(Fault::WrongTotal, call) {
        None => total,
        Some(rule) => rule.code.and_then(|code| code.parse().ok()).unwrap_or(total + 7),
    };
    let list = json_text::array(rows.iter().map(String::as_str));
    Ok(ObjectText::new().raw("count", told).raw("list", list).finish())
}

/// One order with its lines, by `order_id` or `order_no`. A removed order is not found: the contract is silent, and this
/// is the strict reading.
pub fn info(world: &mut World, call: &Call, query: &Query) -> Result<String, Refusal> {
    let (id, number) = (query.get("order_id"), query.get("order_no"));
    if id.is_none() && number.is_none() {
        return Err(Refusal::parameter("order_id or order_no is required"));
    }
    let spelling = spelling(world, call);
    let super::System { orders, companies, .. } = &world.okki;
    let wanted = |order: &&Order| {
        id.is_none_or(|id| order.id.to_string() == id) && number.is_none_or(|number| order.number == number)
    };
    let order = orders.live().find(wanted).ok_or_else(Refusal::not_found)?;
    Ok(order.info(companies, spelling))
}
