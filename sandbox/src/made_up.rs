//! Made-up names and goods that look like those of a Chinese merchant. None is meant to be a real firm or person.

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

const CITIES: [&str; 16] = [
    "杭州", "广州", "义乌", "深圳", "苏州", "成都", "武汉", "青岛", "厦门", "宁波", "郑州", "长沙", "泉州",
    "无锡", "佛山", "合肥",
];
const BRANDS: [&str; 24] = [
    "云锦", "恒达", "米多", "青禾", "瑞丰", "九州", "海棠", "鸿运", "晨曦", "锦绣", "博远", "佳禾", "天成",
    "明德", "松鹤", "启航", "广源", "永泰", "新纪", "华庭", "安然", "知味", "卓越", "嘉木",
];
const TRADES: [&str; 10] =
    ["商贸", "服饰", "电子商务", "供应链", "日用品", "家居", "鞋业", "母婴用品", "食品", "数码科技"];
const KINDS: [&str; 4] = ["有限公司", "有限责任公司", "批发部", "经营部"];
const FAMILY_NAMES: [&str; 14] =
    ["王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴", "徐", "孙", "欧阳", "林"];
const GIVEN_NAMES: [&str; 12] =
    ["伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "晓燕", "建国", "志明", "思远"];
const STYLES: [&str; 8] = ["TX", "WY", "NZ", "XZ", "BB", "SM", "JJ", "YD"];
const COLOURS: [&str; 6] = ["RED", "BLK", "WHT", "BLU", "GRN", "卡其"];
const SIZES: [&str; 5] = ["S", "M", "L", "XL", "均码"];

fn pick(dice: &mut StdRng, from: &[&'static str]) -> &'static str {
    from.choose(dice).copied().unwrap_or_default()
}

/// The name of a firm.
pub fn firm(dice: &mut StdRng) -> String {
    let parts = [pick(dice, &CITIES), pick(dice, &BRANDS), pick(dice, &TRADES), pick(dice, &KINDS)];
    parts.concat()
}

/// The name of a person.
pub fn person(dice: &mut StdRng) -> String {
    [pick(dice, &FAMILY_NAMES), pick(dice, &GIVEN_NAMES)].concat()
}

/// A mobile number with its middle hidden, as the platform shows it.
pub fn masked_phone(dice: &mut StdRng) -> String {
    format!("1{}****{:04}", dice.random_range(30..=99), dice.random_range(0..10_000))
}

/// The code of a piece of goods.
pub fn sku(dice: &mut StdRng) -> String {
    let style = pick(dice, &STYLES);
    let number = dice.random_range(1_000..10_000);
    format!("{style}{number}-{}-{}", pick(dice, &COLOURS), pick(dice, &SIZES))
}

/// An amount of money with two decimals, trailing zeros included.
pub fn money(dice: &mut StdRng, largest: u32) -> String {
    // Round prices are common, and are what loses its zeros on a careless way.
    let cents = match dice.random_range(0..3) {
        0 => 0,
        1 => dice.random_range(0..10) * 10,
        _ => dice.random_range(0..100),
    };
    format!("{}.{cents:02}", dice.random_range(1..=largest))
}
