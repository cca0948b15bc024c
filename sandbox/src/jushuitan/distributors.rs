//! Distributors (分销商): `/open/jushuitan/distributor/query` (contract jushuitan §4).
//!
//! A record is made as JSON text once, and made anew when it is modified; a page carries those bytes. Some records are
//! of no use further down, on purpose: of every 150 one has a blank name, of every 300 one has a name that is too long
//! for a customer at Kingdee. Every 97th has an id of 19 digits. The third has the name of the second.

use std::cmp::Reverse;

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Fault, ListOrder, Options,
    calls::Call,
    changes::Changes,
    clock,
    json_text::{self, ObjectText},
    made_up,
    world::World,
};

use super::{
    Endpoint, Refusal,
    biz::{Biz, Page, Window, text_of},
    channels::Status,
    spoil_rows,
};

/// The largest page the endpoint gives.
const LARGEST_PAGE: u64 = 50;
/// The longest window the endpoint takes.
const LONGEST_WINDOW_DAYS: i64 = 7;
const FIRST_ID: u64 = 10_099_001;
const FIRST_LONG_ID: u64 = 1_700_000_000_000_000_001;
const FIRST_COMPANY: u64 = 10_000_001;
const COMPANIES: u64 = 4;

/// One distributor.
#[derive(Debug)]
pub struct Distributor {
    pub id: u64,
    /// How many were made before it.
    pub index: u64,
    /// The name of the first edition, without what later editions add.
    base_name: String,
    pub name: String,
    company: u64,
    pub contact: String,
    pub phone: String,
    credit: String,
    deposit: String,
    pub created: i64,
    pub modified: i64,
    /// How often it was modified.
    edition: u32,
    text: String,
}

impl Distributor {
    fn make(index: u64, modified: i64, dice: &mut StdRng) -> Self {
        let firm = made_up::firm(dice);
        let base_name = if index % 150 == 37 {
            String::new()
        } else if index % 300 == 211 {
            format!("{firm}（{}）", "授权分销商及其全部下属门店".repeat(10))
        } else {
            firm
        };
        let first = if index % 97 == 96 { FIRST_LONG_ID } else { FIRST_ID };
        let mut made = Self {
            id: first + index,
            index,
            name: base_name.clone(),
            base_name,
            company: FIRST_COMPANY + dice.random_range(0..COMPANIES),
            contact: made_up::person(dice),
            phone: made_up::masked_phone(dice),
            credit: made_up::money(dice, 200_000),
            deposit: made_up::money(dice, 5_000),
            created: modified - dice.random_range(0..90 * 86_400),
            modified,
            edition: 0,
            text: String::new(),
        };
        made.write();
        made
    }

    /// What was noted when it was last modified.
    pub fn remark(&self) -> String {
        match self.edition {
            0 => String::new(),
            edition => format!("第{edition}次资料变更"),
        }
    }

    /// Makes the text anew.
    fn write(&mut self) {
        self.text = ObjectText::new()
            .raw("drp_co_id", self.id)
            .text("name", &self.name)
            .raw("co_id", self.company)
            .text("contact_name", &self.contact)
            .text("contact_phone", &self.phone)
            .text("credit_limit", &self.credit)
            .raw("deposit_amount", &self.deposit)
            .text("remark", &self.remark())
            .text("created", &clock::to_text(self.created))
            .text("modified", &clock::to_text(self.modified))
            .finish();
    }

    /// The record as a page carries it.
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// Modifies the record: another name (unless it has none), another remark, another time.
    fn modify(&mut self, now: i64) {
        self.edition += 1;
        self.modified = now;
        if !self.base_name.is_empty() {
            self.name = format!("{}（{}店）", self.base_name, self.edition + 1);
        }
        self.write();
    }
}

/// All distributors.
#[derive(Debug)]
pub struct Distributors {
    records: Vec<Distributor>,
    /// How many were ever made.
    made: u64,
    /// The ids of those that exist no more.
    deleted: Vec<u64>,
    order: ListOrder,
}

/// What a call asks for, in the words of either endpoint.
#[derive(Debug)]
pub struct Query {
    pub page: Page,
    pub window: Option<Window>,
    pub ids: Vec<u64>,
    pub names: Vec<String>,
    /// Only distributors whose cooperation stands so.
    pub status: Option<Status>,
}

impl Query {
    fn read(biz: &Biz) -> Result<Self, Refusal> {
        let page = biz.page("page_index", None, LARGEST_PAGE)?;
        let window = biz.window("modified_begin", "modified_end", LONGEST_WINDOW_DAYS)?;
        let (mut ids, mut names) = (Vec::new(), Vec::new());
        match biz.get("drp_co_ids") {
            None => {}
            Some(serde_json::Value::Array(items)) => {
                for item in items {
                    match item.get("drp_co_name") {
                        Some(name) => names.push(text_of(name)),
                        None => ids.push(
                            text_of(item)
                                .parse()
                                .map_err(|_| Refusal::parameter("drp_co_ids的元素必须是编号或名称"))?,
                        ),
                    }
                }
            }
            Some(_) => return Err(Refusal::parameter("drp_co_ids必须是数组")),
        }
        Ok(Self { page, window, ids, names, status: None })
    }

    fn matches(&self, record: &Distributor) -> bool {
        let named = self.ids.is_empty() && self.names.is_empty()
            || self.ids.contains(&record.id)
            || self.names.contains(&record.name);
        named
            && self.window.is_none_or(|window| window.contains(record.modified))
            && self.status.is_none_or(|status| status == Status::of(record))
    }
}

impl Distributors {
    /// The distributors that exist at the start, spread over the span before it.
    pub fn make(options: &Options, now: i64, dice: &mut StdRng) -> Self {
        let (oldest, youngest) = super::movements::span_of(options, now);
        let mut records: Vec<_> = (0..u64::from(options.customers))
            .map(|index| {
                let modified = dice.random_range(oldest..=youngest);
                Distributor::make(index, modified, dice)
            })
            .collect();
        if let [_, second, third, ..] = records.as_mut_slice() {
            third.base_name.clone_from(&second.base_name);
            third.name.clone_from(&second.name);
            third.write();
        }
        let made = u64::from(options.customers);
        Self { records, made, deleted: Vec::new(), order: options.jushuitan.list_order }
    }

    /// The ids of those that exist no more.
    pub fn deleted(&self) -> &[u64] {
        &self.deleted
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The newest state of each, as `write` writes it.
    pub fn written(&self, write: fn(&Distributor) -> String) -> Vec<String> {
        self.records.iter().map(write).collect()
    }

    /// How many match, and the rows of the page as `write` writes them.
    pub fn page(&self, query: &Query, write: fn(&Distributor) -> String) -> (usize, Vec<String>) {
        let mut matching: Vec<_> = self.records.iter().filter(|record| query.matches(record)).collect();
        match self.order {
            ListOrder::ModifiedAscending => matching.sort_by_key(|record| (record.modified, record.id)),
            ListOrder::ModifiedDescending => {
                matching.sort_by_key(|record| Reverse((record.modified, record.id)));
            }
            ListOrder::Id => matching.sort_by_key(|record| record.id),
        }
        let rows = matching.iter().skip(query.page.skipped()).take(query.page.rows());
        (matching.len(), rows.map(|record| write(record)).collect())
    }

    /// Lets records of the paged window change: of four changes one is a new record instead, and a share of the others
    /// is deleted when the options say so.
    pub fn change(&mut self, query: &Query, changes: &mut Changes, now: i64) {
        let mut added = 0;
        let mut deleted = Vec::new();
        for record in self.records.iter_mut().filter(|record| query.matches(record)) {
            if !changes.strike() {
                continue;
            }
            if changes.leaves() {
                deleted.push(record.id);
            } else if changes.dice.random_ratio(1, 4) {
                added += 1;
            } else {
                record.modify(now);
            }
        }
        self.records.retain(|record| !deleted.contains(&record.id));
        self.deleted.append(&mut deleted);
        for _ in 0..added {
            let modified = changes.late(now);
            self.records.push(Distributor::make(self.made, modified, &mut changes.dice));
            self.made += 1;
        }
    }
}

/// The total that a page tells: what it is, unless a knob has it wrong.
pub fn told_total(world: &mut World, call: &Call, total: usize) -> usize {
    match world.strikes(Fault::WrongTotal, call) {
        None => total,
        Some(rule) => rule.code.and_then(|code| code.parse().ok()).unwrap_or(total + 7),
    }
}

/// Answers a page; afterwards records may change.
pub fn serve(world: &mut World, call: &Call, biz: &Biz) -> Result<String, Refusal> {
    let query = Query::read(biz)?;
    let now = world.clock.now();
    let (total, rows) = world.jushuitan.distributors.page(&query, Distributor::text);
    let served_to = query.page.skipped().saturating_add(rows.len());
    let beyond = rows.is_empty() && query.page.index > 1;
    let rows = spoil_rows(world, call, Endpoint::Distributors, query.page.index, rows);
    let mut has_next = served_to < total && !beyond;
    if beyond && world.strikes(Fault::HasNextOnEmptyPage, call).is_some() {
        has_next = true;
    }
    let told_total = told_total(world, call, total);
    let crate::jushuitan::System { distributors, changes, .. } = &mut world.jushuitan;
    distributors.change(&query, changes, now);
    Ok(ObjectText::new()
        .raw("page_index", query.page.index)
        .raw("page_size", query.page.size)
        .raw("data_count", told_total)
        .raw("page_count", told_total.div_ceil(query.page.rows()))
        .raw("has_next", has_next)
        .raw("datas", json_text::array(rows.iter().map(String::as_str)))
        .finish())
}
