//! One sales order and how it is written: as a header, with its lines, and in full.
//!
//! Numbers come as numbers and as texts, some ids as texts, custom fields under numeric keys (contract xiaoman-okki §5).
//! Some orders are of no use further down, on purpose: of every 75 one has a line whose `count` is 0, of every 60 one a
//! sample the books do not know. Every 97th has an id of 19 digits.

use rand::{RngExt as _, rngs::StdRng};

use crate::{
    clock,
    json_text::{self, ObjectText},
};

use super::{
    companies::{Companies, Company},
    made_up::{self, Currency},
};

const FIRST_ID: u64 = 5_203_556_502;
const FIRST_LONG_ID: u64 = 1_700_000_000_000_000_001;
const FIRST_LINE_ID: u64 = 88_000_001;
const FIRST_PRODUCT_ID: u64 = 7_001_001;
/// The position of the sample among the products.
const SAMPLE: usize = made_up::PRODUCTS.len() - 1;

/// How empty objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    Usual,
    EmptyObjectsAsLists,
}

impl Spelling {
    fn empty_object(self) -> &'static str {
        match self {
            Self::Usual => "{}",
            Self::EmptyObjectsAsLists => "[]",
        }
    }
}

/// A line of an order. Quantities and amounts are in hundredths.
#[derive(Debug)]
struct Line {
    id: u64,
    product: usize,
    count: i64,
    unit_price: i64,
    cost: i64,
}

/// One order. Amounts are in hundredths.
#[derive(Debug)]
pub struct Order {
    pub id: u64,
    pub number: String,
    pub created: i64,
    pub updated: i64,
    pub removed_at: Option<i64>,
    index: u64,
    company: usize,
    contact: &'static str,
    currency: Currency,
    /// CNY for 100 units, in hundredths.
    rate: i64,
    status: usize,
    approval: u8,
    price_contract: &'static str,
    lines: Vec<Line>,
    additional_cost: i64,
    /// How often it was modified.
    edition: u32,
}

impl Order {
    /// Makes an order that was last updated at a time.
    pub fn make(index: u64, updated: i64, companies: &Companies, dice: &mut StdRng) -> Self {
        let first = if index % 97 == 96 { FIRST_LONG_ID } else { FIRST_ID };
        let created = updated - dice.random_range(0..3 * 3_600);
        let day = clock::to_text(created).get(2..10).unwrap_or_default().replace('-', "");
        let currency = made_up::pick(dice, &made_up::CURRENCIES).unwrap_or(made_up::CURRENCIES[0]);
        let lines = dice.random_range(1..=4);
        let lines = (0..lines).map(|place| Line::make(index, place, dice)).collect();
        Self {
            id: first + index,
            number: format!("SO{day}{:04}", index + 1),
            created,
            updated,
            removed_at: None,
            index,
            company: dice.random_range(0..companies.len()),
            contact: made_up::person(dice),
            currency,
            rate: made_up::rate(dice, currency),
            status: if index % 50 == 33 { 3 } else { dice.random_range(0..3) },
            approval: if dice.random_ratio(1, 10) { 0 } else { 1 },
            price_contract: made_up::price_contract(dice),
            lines,
            additional_cost: if dice.random_ratio(1, 3) { dice.random_range(1..=500) * 100 } else { 0 },
            edition: 0,
        }
    }

    /// Modifies the order: one line's quantity and amount, the remark, the time.
    pub fn modify(&mut self, now: i64, dice: &mut StdRng) {
        self.edition += 1;
        self.updated = now;
        if let Some(line) = self.lines.last_mut() {
            line.count += 100;
            line.cost += line.unit_price;
        }
        if dice.random_ratio(1, 4) {
            let place = u64::try_from(self.lines.len()).unwrap_or_default();
            self.lines.push(Line::make(self.index, place, dice));
        }
    }

    /// Removes the order.
    pub fn remove(&mut self, now: i64) {
        self.updated = now;
        self.removed_at = Some(now);
    }

    /// The midnight of the day it was ordered.
    pub fn account_day(&self) -> i64 {
        clock::from_text(&format!("{} 00:00:00", self.account_date())).unwrap_or(self.created)
    }

    /// Whether it was approved.
    pub fn is_approved(&self) -> bool {
        self.approval == 1
    }

    /// Whether it is a draft still.
    pub fn is_draft(&self) -> bool {
        self.approval == 0
    }

    /// The account's code of its status.
    pub fn status_code(&self) -> u64 {
        self.status_entry().0
    }

    fn status_entry(&self) -> (u64, &'static str) {
        made_up::STATUSES.get(self.status).copied().unwrap_or(made_up::STATUSES[0])
    }

    fn account_date(&self) -> String {
        clock::to_text(self.created).chars().take(10).collect()
    }

    fn products_total(&self) -> i64 {
        self.lines.iter().map(|line| line.cost).sum()
    }

    fn total(&self) -> i64 {
        self.products_total() + self.additional_cost
    }

    fn in_cny(&self, amount: i64) -> i64 {
        rounded(amount * self.rate, 10_000)
    }

    fn in_dollars(&self, amount: i64) -> i64 {
        rounded(amount * self.rate_in_dollars(), 10_000)
    }

    /// USD for 100 units, in hundredths.
    fn rate_in_dollars(&self) -> i64 {
        if self.currency.code == "USD" {
            return 10_000;
        }
        rounded(self.rate * 10_000, made_up::CNY_FOR_HUNDRED_DOLLARS)
    }

    /// A number as this order writes it: every seventh order writes texts.
    fn number_json(&self, hundredths: i64) -> String {
        if self.index % 7 == 3 { format!("\"{}\"", padded(hundredths)) } else { trimmed(hundredths) }
    }

    /// The row of a list.
    pub fn header(&self, companies: &Companies, spelling: Spelling) -> String {
        self.header_fields(companies.get(self.company), spelling).finish()
    }

    /// The row of a list that embeds lines.
    pub fn with_lines(&self, companies: &Companies, spelling: Spelling) -> String {
        let header = self.header_fields(companies.get(self.company), spelling);
        header.raw("product_list", self.lines_json()).finish()
    }

    /// The order in full.
    pub fn info(&self, companies: &Companies, spelling: Spelling) -> String {
        let company = companies.get(self.company);
        let (code, name) = self.status_entry();
        let (cny, dollars) = (self.in_cny(self.total()), self.in_dollars(self.total()));
        self.header_fields(company, spelling)
            .raw("company_id", company.map_or(0, |company| company.id))
            .raw("customer_id", company.map_or(0, |company| company.id + 40_000_000))
            .raw("status", code)
            .text("status_name", name)
            .raw("approval_status", self.approval)
            .raw("bank_info", spelling.empty_object())
            .raw("collect_amount_rmb", 0)
            .raw("collect_amount_usd", 0)
            .raw("not_collect_amount_rmb", self.number_json(cny))
            .raw("not_collect_amount_usd", self.number_json(dollars))
            .raw("cost_list", self.costs_json())
            .raw("product_list", self.lines_json())
            .raw("file_list", "[]")
            .raw("link_status", "[]")
            .finish()
    }

    fn header_fields(&self, company: Option<&Company>, spelling: Spelling) -> ObjectText {
        let count = self.lines.iter().map(|line| line.count).sum();
        let date = self.account_date();
        let date = if self.index % 5 == 4 { date } else { format!("{date} 00:00:00") };
        let remark = match self.edition {
            0 => String::new(),
            edition => format!("第{edition}次修改"),
        };
        ObjectText::new()
            .raw("order_id", self.id)
            .text("order_no", &self.number)
            .text("name", &format!("order {}", self.number))
            .text("account_date", &date)
            .text("currency", self.currency.code)
            .raw("exchange_rate", self.number_json(self.rate))
            .raw("exchange_rate_usd", self.number_json(self.rate_in_dollars()))
            .raw("amount", self.number_json(self.total()))
            .raw("amount_rmb", self.number_json(self.in_cny(self.total())))
            .raw("amount_usd", self.number_json(self.in_dollars(self.total())))
            .raw("product_total_amount", self.number_json(self.products_total()))
            .raw("product_total_count", self.number_json(count))
            .raw("addition_cost_amount", self.number_json(self.additional_cost))
            .text("company_name", company.map_or("", |company| &company.name))
            .raw("company", company_json(company, spelling))
            .text("customer_name", self.contact)
            .raw("users", r#"[{"user_id":1,"rate":"100"}]"#)
            .raw("departments_info", r#"[{"department_id":0,"rate":"100","name":"我的企业"}]"#)
            .text("price_contract", self.price_contract)
            .text("remark", &remark)
            .raw("ali_status_info", spelling.empty_object())
            .text("create_time", &clock::to_text(self.created))
            .text("update_time", &clock::to_text(self.updated))
            .raw("archive_type", 1)
            .raw("source_type", 1)
            .text("1101060384", &format!("PO-{}", self.index + 7_000))
    }

    fn lines_json(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| line.text(self)).collect();
        json_text::array(lines.iter().map(String::as_str))
    }

    fn costs_json(&self) -> String {
        if self.additional_cost == 0 {
            return "[]".to_owned();
        }
        let amount = self.number_json(self.additional_cost);
        let cost = ObjectText::new()
            .text("cost_name", "运费")
            .raw("percent_type", 0)
            .raw("percent_amount", &amount)
            .raw("cost", &amount)
            .text("cost_remark", "");
        json_text::array([cost.finish().as_str()])
    }
}

impl Line {
    fn make(order: u64, place: u64, dice: &mut StdRng) -> Self {
        let unit_price = dice.random_range(15..=40_000);
        let is_first = place == 0;
        let count = match dice.random_range(0..10) {
            _ if is_first && order % 75 == 40 => 0,
            0 => dice.random_range(1..=200) * 50,
            _ => dice.random_range(1..=600) * 100,
        };
        // A discount on the line is what makes the price per piece a fraction that does not end.
        let discount = if count > 0 && dice.random_ratio(1, 3) { dice.random_range(1..100) } else { 0 };
        let product = if is_first && order % 60 == 30 { SAMPLE } else { dice.random_range(0..SAMPLE) };
        Self {
            id: FIRST_LINE_ID + order * 100 + place,
            product,
            count,
            unit_price,
            cost: (rounded(unit_price * count, 100) - discount).max(0),
        }
    }

    fn text(&self, order: &Order) -> String {
        let (number, name, chinese_name, unit) =
            made_up::PRODUCTS.get(self.product).copied().unwrap_or(made_up::PRODUCTS[0]);
        let product_id = FIRST_PRODUCT_ID + u64::try_from(self.product).unwrap_or_default();
        let id = if self.id.is_multiple_of(3) { format!("\"{}\"", self.id) } else { self.id.to_string() };
        ObjectText::new()
            .raw("unique_id", id)
            .raw("product_id", product_id)
            .text("sku_id", &format!("{product_id}01"))
            .text("product_no", number)
            .text("sku_code", number)
            .text("product_name", name)
            .text("product_cn_name", chinese_name)
            .text("product_model", "")
            .text("unit", unit)
            .raw("count", order.number_json(self.count))
            .raw("unit_price", order.number_json(self.unit_price))
            .raw("cost_amount", order.number_json(self.cost))
            .raw("other_cost", 0)
            .text("vat_rate", "13.00")
            .text("1101060501", "")
            .finish()
    }
}

/// The order's own snapshot of its customer: without a code when it was entered before the customer was.
fn company_json(company: Option<&Company>, spelling: Spelling) -> String {
    let Some(company) = company else { return spelling.empty_object().to_owned() };
    ObjectText::new()
        .raw("company_id", company.id)
        .text("name", &company.name)
        .text("serial_id", if company.late { "" } else { &company.serial_id })
        .finish()
}

/// A quotient rounded half up; both are not negative.
fn rounded(dividend: i64, divisor: i64) -> i64 {
    (dividend + divisor / 2) / divisor
}

/// Hundredths with both decimals.
fn padded(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Hundredths without zeros at the end.
fn trimmed(hundredths: i64) -> String {
    padded(hundredths).trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_follow_the_vendors_sample() {
        // 300 USD at 725 for a hundred are 2175 CNY.
        assert_eq!(rounded(30_000 * 72_500, 10_000), 217_500);
        assert_eq!((trimmed(217_500), padded(217_500)), ("2175".to_owned(), "2175.00".to_owned()));
        assert_eq!(
            (trimmed(250), trimmed(0), trimmed(10_000)),
            ("2.5".to_owned(), "0".to_owned(), "100".to_owned())
        );
    }
}
