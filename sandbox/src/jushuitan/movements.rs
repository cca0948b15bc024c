//! Unique-code movements (唯一码进出流水): `/open/webapi/wmsapi/skusn/queryinoutitemskusns` (contract jushuitan §5).
//!
//! Movements are append-only and listed by `ioi_sn_id`, which the cursor `last_ioi_sn_id` continues after. A code moves
//! several times, so `sku_sn` repeats. Of every 1,500 movements one has a `cost_price` that is no number, on purpose;
//! the last tenth of those made at the start, and all later ones, have ids of 19 digits.

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Options,
    calls::Call,
    changes::Changes,
    clock,
    json_text::{self, ObjectText},
    made_up,
    world::World,
};

use super::{
    Endpoint, Refusal,
    biz::{Biz, Page, Window},
    spoil_rows,
};

/// The largest page, and the size of a page when the call names none.
const LARGEST_PAGE: u64 = 1_000;
/// The longest window the endpoint takes.
const LONGEST_WINDOW_DAYS: i64 = 30;
/// The window of a call without one.
const DEFAULT_WINDOW_DAYS: i64 = 7;
const FIRST_ID: u64 = 9_000_001;
const FIRST_LONG_ID: u64 = 1_700_000_000_000_000_001;
/// The warehouse company every movement belongs to.
const MAIN_WAREHOUSE: u64 = 10_000_001;
const SKUS: usize = 160;
/// How many movements may be added after a page, each with the probability of a change.
const NEW_PER_PAGE: usize = 4;

/// One movement.
#[derive(Debug)]
struct Movement {
    id: u64,
    io_id: String,
    o_id: String,
    code: usize,
    created: i64,
    text: String,
}

/// A unique code: which goods it is stuck on, and how often these were moved.
#[derive(Debug)]
struct UniqueCode {
    sku: String,
    price: String,
    moves: u32,
}

/// All movements.
#[derive(Debug)]
pub struct Movements {
    records: Vec<Movement>,
    codes: Vec<UniqueCode>,
    next_id: u64,
}

/// The times between which the data of the start lies.
pub fn span_of(options: &Options, now: i64) -> (i64, i64) {
    let youngest = now - i64::from(options.quiet_tail_seconds);
    (youngest.min(now - i64::from(options.span_seconds)), youngest)
}

/// The text of a unique code.
fn code_text(index: usize) -> String {
    format!("SN{:08}", index + 1)
}

/// What a call asks for.
struct Query {
    page: Page,
    window: Option<Window>,
    main_warehouse: bool,
    io_ids: Vec<String>,
    o_ids: Vec<String>,
    codes: Vec<String>,
    after: u64,
}

impl Query {
    fn read(biz: &Biz, now: i64) -> Result<Self, Refusal> {
        let (io_ids, o_ids, codes) = (biz.texts("io_ids")?, biz.texts("o_ids")?, biz.texts("sku_sns")?);
        let any_ids = !(io_ids.is_empty() && o_ids.is_empty() && codes.is_empty());
        // Ids lift the window rule: a window of any length may stand beside them, and none is put in its place.
        let longest = if any_ids { i64::from(u32::MAX) } else { LONGEST_WINDOW_DAYS };
        let window = biz.window("create_time_start", "create_time_end", longest)?;
        let last_days = Window { begin: now - DEFAULT_WINDOW_DAYS * 86_400, end: now };
        Ok(Self {
            page: biz.page("page_index", Some(LARGEST_PAGE), LARGEST_PAGE)?,
            window: window.or((!any_ids).then_some(last_days)),
            main_warehouse: matches!(biz.whole("wms_co_id")?, None | Some(0 | MAIN_WAREHOUSE)),
            io_ids,
            o_ids,
            codes,
            after: biz.whole("last_ioi_sn_id")?.unwrap_or(0),
        })
    }

    fn matches(&self, record: &Movement) -> bool {
        let among = |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|id| id == value);
        self.main_warehouse
            && record.id > self.after
            && self.window.is_none_or(|window| window.contains(record.created))
            && among(&self.io_ids, &record.io_id)
            && among(&self.o_ids, &record.o_id)
            && (self.codes.is_empty() || among(&self.codes, &code_text(record.code)))
    }
}

impl Movements {
    /// The movements that exist at the start, spread over the span before it, oldest first.
    pub fn make(options: &Options, now: i64, dice: &mut StdRng) -> Self {
        let count = usize::try_from(options.movements).unwrap_or(usize::MAX);
        let skus: Vec<_> = (0..SKUS).map(|_| (made_up::sku(dice), made_up::money(dice, 400))).collect();
        let codes = skus.iter().cycle().take(count.div_ceil(3).max(1));
        let codes = codes.map(|(sku, price)| UniqueCode { sku: sku.clone(), price: price.clone(), moves: 0 });
        let mut made = Self { records: Vec::new(), codes: codes.collect(), next_id: FIRST_ID };
        let (oldest, youngest) = span_of(options, now);
        let mut times: Vec<_> = (0..count).map(|_| dice.random_range(oldest..=youngest)).collect();
        times.sort_unstable();
        for (index, created) in times.into_iter().enumerate() {
            if index == count - count / 10 {
                made.next_id = FIRST_LONG_ID;
            }
            made.append(created, dice);
        }
        made
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// All of them.
    pub fn texts(&self) -> Vec<String> {
        self.records.iter().map(|record| record.text.clone()).collect()
    }

    /// Moves one of the codes.
    fn append(&mut self, created: i64, dice: &mut StdRng) {
        let index = self.records.len();
        let id = self.next_id;
        self.next_id += 1;
        let chosen = dice.random_range(0..self.codes.len());
        let Some(code) = self.codes.get_mut(chosen) else { return };
        code.moves += 1;
        let inout_type = match (code.moves, dice.random_range(0..10)) {
            (1, _) => 1,
            (_, 0) => 4,
            (_, 1) => 5,
            (_, 2) => 6,
            (_, 3) => 13,
            _ => 3,
        };
        let document = 5_000_001 + index / 4;
        let io_id = if index % 50 == 49 {
            format!("{}", 1_800_000_000_000_000_000 + document)
        } else {
            document.to_string()
        };
        let o_id = if inout_type == 1 { String::new() } else { (7_000_001 + index / 2).to_string() };
        let supplier = (inout_type == 1).then(|| (dice.random_range(1..=30_u32), made_up::firm(dice)));
        let (price, amount) =
            if index % 1_500 == 777 { ("暂无", "0") } else { (code.price.as_str(), code.price.as_str()) };
        let time = clock::to_text(created);
        let mut text = ObjectText::new().raw("ioi_sn_id", id).raw("io_id", &io_id);
        // The platform sends order ids as text or as number (contract jushuitan §5).
        text = if index.is_multiple_of(3) && !o_id.is_empty() {
            text.raw("o_id", &o_id)
        } else {
            text.text("o_id", &o_id)
        };
        let text = text
            .raw("inout_type", inout_type)
            .text("sku_id", &code.sku)
            .text("sku_sn", &code_text(chosen))
            .text("cost_price", price)
            .raw("cost_amount", amount)
            .text_or_null(
                "remark",
                [Some(""), None, Some("直播间订单"), Some("")].get(index % 4).copied().flatten(),
            )
            .text("create_time", &time)
            .text("modified_time", &time)
            .text_or_null("supplier_id", supplier.as_ref().map(|(id, _)| id.to_string()).as_deref())
            .text_or_null("supplier_name", supplier.as_ref().map(|(_, name)| name.as_str()))
            .finish();
        self.records.push(Movement { id, io_id, o_id, code: chosen, created, text });
    }

    /// The rows of the page.
    fn page(&self, query: &Query) -> Vec<String> {
        let matching = self.records.iter().filter(|record| query.matches(record));
        let rows = matching.skip(query.page.skipped()).take(query.page.rows());
        rows.map(|record| record.text.clone()).collect()
    }

    /// Lets new movements appear.
    fn change(&mut self, changes: &mut Changes, now: i64) {
        for _ in 0..NEW_PER_PAGE {
            if changes.strike() {
                let created = changes.late(now);
                self.append(created, &mut changes.dice);
            }
        }
    }
}

/// Answers a page; afterwards movements may be added.
pub fn serve(world: &mut World, call: &Call, biz: &Biz) -> Result<String, Refusal> {
    let now = world.clock.now();
    let query = Query::read(biz, now)?;
    let rows = world.jushuitan.movements.page(&query);
    let rows = spoil_rows(world, call, Endpoint::Movements, query.page.index, rows);
    let crate::jushuitan::System { movements, changes, .. } = &mut world.jushuitan;
    movements.change(changes, now);
    Ok(json_text::array(rows.iter().map(String::as_str)))
}
