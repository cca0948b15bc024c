//! Customers (客户): `GET /v1/company/list` and `/v1/company/info`, from which a `company_id` becomes a code.
//!
//! The contract tells little of them: `start_index`, `count`, the total as `totalItem`, and rows with at least
//! `company_id`, `name` and `serial_id` (contracts decisions and xiaoman-okki §4). Every twelfth customer is entered only
//! after the orders that name it, so that an order must wait for its customer.

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    Fault, Options,
    calls::Call,
    clock,
    json_text::{self, ObjectText},
    world::World,
};

use super::{
    Refusal, made_up,
    query::{Page, Query},
};

const FIRST_ID: u64 = 3_448_551_934;

/// One customer.
#[derive(Debug)]
pub struct Company {
    pub id: u64,
    pub name: String,
    /// The customer's code, under which the books know it.
    pub serial_id: String,
    country: &'static str,
    created: i64,
    /// When it is there to be read, in Unix seconds: later than the start for one that comes late.
    appears_at: i64,
    /// Whether orders were entered before it.
    pub late: bool,
}

impl Company {
    fn make(index: u32, options: &Options, now: i64, dice: &mut StdRng) -> Self {
        let late = index % 12 == 5;
        let created = now - i64::from(options.span_seconds) - dice.random_range(0..90 * 86_400);
        let appears_at = if late { now + i64::from(options.okki.late_company_seconds) } else { created };
        Self {
            id: FIRST_ID + u64::from(index),
            name: made_up::buyer(dice),
            serial_id: format!("C{:04}", index + 1),
            country: made_up::country(dice),
            created: if late { appears_at } else { created },
            appears_at,
            late,
        }
    }

    fn text(&self) -> String {
        ObjectText::new()
            .raw("company_id", self.id)
            .text("name", &self.name)
            .text("short_name", "")
            .text("serial_id", &self.serial_id)
            .text("country", self.country)
            .text("create_time", &clock::to_text(self.created))
            .text("update_time", &clock::to_text(self.created))
            .text("1101059001", "A")
            .finish()
    }
}

/// All customers, those included that come later.
#[derive(Debug)]
pub struct Companies(Vec<Company>);

impl Companies {
    /// Makes the customers of the account.
    pub fn make(options: &Options, now: i64, dice: &mut StdRng) -> Self {
        let count = options.companies.max(1);
        Self((0..count).map(|index| Company::make(index, options, now, dice)).collect())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// A customer by its position.
    pub fn get(&self, index: usize) -> Option<&Company> {
        self.0.get(index)
    }

    /// The customers that can be read at a time.
    pub fn present(&self, now: i64) -> impl Iterator<Item = &Company> {
        self.0.iter().filter(move |company| company.appears_at <= now)
    }

    /// Every customer, as the bytes a page carries.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Company::text).collect()
    }
}

/// A page of customers.
pub fn list(world: &mut World, call: &Call, query: &Query) -> Result<String, Refusal> {
    let page = Page::read(query)?;
    let now = world.clock.now();
    let present: Vec<_> = world.okki.companies.present(now).map(Company::text).collect();
    let rows = present.iter().skip(page.skipped()).take(page.rows()).map(String::as_str);
    let list = json_text::array(rows);
    let total = present.len();
    let told = match world.strikes(Fault::WrongTotal, call) {
        None => total,
        Some(rule) => rule.code.and_then(|code| code.parse().ok()).unwrap_or(total + 7),
    };
    Ok(ObjectText::new().raw("totalItem", told).raw("list", list).finish())
}

/// One customer, by `company_id`.
pub fn info(world: &World, query: &Query) -> Result<String, Refusal> {
    let wanted = query.required("company_id")?;
    let now = world.clock.now();
    let mut present = world.okki.companies.present(now);
    present.find(|company| company.id.to_string() == wanted).map(Company::text).ok_or_else(Refusal::not_found)
}
