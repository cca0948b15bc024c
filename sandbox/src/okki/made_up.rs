//! Made-up buyers, goods and terms of an exporter. None is meant to be a real firm or person.

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

const FIRST_WORDS: [&str; 16] = [
    "Northgate",
    "Blue Harbor",
    "Alpina",
    "Casa Verde",
    "Oakridge",
    "Sunfield",
    "Baltic",
    "Meridian",
    "Kestrel",
    "Lagoon",
    "Red Cedar",
    "Solano",
    "Vesta",
    "Tidewater",
    "Granite",
    "Juniper",
];
const TRADES: [&str; 8] =
    ["Hardware", "Outdoor", "Lighting", "Home & Garden", "Tools", "Kitchenware", "Textiles", "Toys"];
const KINDS: [&str; 6] = ["GmbH", "Ltd.", "LLC", "S.L.", "B.V.", "Pty Ltd"];
const PEOPLE: [&str; 8] = [
    "Anna Weber",
    "J. O'Neill",
    "María López",
    "Tom Fisher",
    "Ines Rocha",
    "Karl Lund",
    "Zoë Peeters",
    "Sam Tan",
];
const COUNTRIES: [&str; 6] = ["DE", "GB", "US", "ES", "NL", "AU"];

/// A currency with the price of 100 units in CNY, in hundredths.
#[derive(Debug, Clone, Copy)]
pub struct Currency {
    pub code: &'static str,
    pub name: &'static str,
    pub cny_for_hundred: i64,
}

const fn currency(code: &'static str, name: &'static str, cny_for_hundred: i64) -> Currency {
    Currency { code, name, cny_for_hundred }
}

/// The currencies of the account.
pub const CURRENCIES: [Currency; 6] = [
    currency("USD", "美元", 71_825),
    currency("EUR", "欧元", 78_130),
    currency("GBP", "英镑", 91_060),
    currency("HKD", "港币", 9_180),
    currency("JPY", "日元", 483),
    currency("CNY", "人民币", 10_000),
];

/// What one of a dollar's hundreds costs: the divisor of `exchange_rate_usd`.
pub const CNY_FOR_HUNDRED_DOLLARS: i64 = 71_825;

/// A product: number, English name, Chinese name, unit.
pub type Product = (&'static str, &'static str, &'static str, &'static str);

/// The products of the account. The last one is a sample that the books do not know.
pub const PRODUCTS: [Product; 13] = [
    ("5.B2-1116", "Stainless hinge 4 in", "不锈钢合页4寸", "PCS"),
    ("5.B2-1117", "Stainless hinge 5 in", "不锈钢合页5寸", "PCS"),
    ("5.B2-2040", "Door closer 60 kg", "闭门器60公斤", "PCS"),
    ("5.C1-0301", "LED bulb 9 W", "LED球泡9瓦", "PCS"),
    ("5.C1-0302", "LED bulb 12 W", "LED球泡12瓦", "PCS"),
    ("5.C1-0710", "Floodlight 50 W", "投光灯50瓦", "PCS"),
    ("5.D4-8801", "Garden hose 15 m", "花园水管15米", "SET"),
    ("5.D4-8802", "Garden hose 30 m", "花园水管30米", "SET"),
    ("5.D4-9100", "Sprinkler head", "喷头", "PCS"),
    ("5.E7-0012", "Screwdriver set 24", "螺丝刀24件套", "SET"),
    ("5.E7-0045", "Tape measure 5 m", "卷尺5米", "PCS"),
    ("5.E7-0100", "Tool box 16 in", "工具箱16寸", "PCS"),
    ("SAMPLE-01", "Sample, not for sale", "样品", "PCS"),
];

/// The statuses of orders: the account's own code and its name. The last is that of a cancelled order.
pub const STATUSES: [(u64, &str); 4] =
    [(10_240_001, "待确认"), (10_240_002, "执行中"), (10_240_003, "已完成"), (10_240_009, "已取消")];

/// Terms of delivery.
pub const PRICE_CONTRACTS: [&str; 4] = ["FOB", "CIF", "EXW", "DDP"];

/// One of a list.
pub fn pick<T: Copy>(dice: &mut StdRng, from: &[T]) -> Option<T> {
    from.choose(dice).copied()
}

fn word(dice: &mut StdRng, from: &[&'static str]) -> &'static str {
    pick(dice, from).unwrap_or_default()
}

/// The name of a buyer.
pub fn buyer(dice: &mut StdRng) -> String {
    format!("{} {} {}", word(dice, &FIRST_WORDS), word(dice, &TRADES), word(dice, &KINDS))
}

/// The name of a person.
pub fn person(dice: &mut StdRng) -> &'static str {
    word(dice, &PEOPLE)
}

/// The code of a country.
pub fn country(dice: &mut StdRng) -> &'static str {
    word(dice, &COUNTRIES)
}

/// Terms of delivery.
pub fn price_contract(dice: &mut StdRng) -> &'static str {
    word(dice, &PRICE_CONTRACTS)
}

/// The price of 100 units, some fen around the usual one.
pub fn rate(dice: &mut StdRng, currency: Currency) -> i64 {
    let around = currency.cny_for_hundred / 200;
    if currency.code == "CNY" || around == 0 {
        return currency.cny_for_hundred;
    }
    currency.cny_for_hundred + dice.random_range(-around..=around)
}
