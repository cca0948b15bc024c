//! The shops and the goods that made-up refunds are about.

use super::Access;

/// The merchant's shops as master data would list them. Refunds of two further ones, `998` and `999`, come as well, on
/// purpose: a lookup by shop finds nothing for them.
pub const KNOWN_SHOPS: [(&str, &str); 6] = [
    ("101", "云锦天猫旗舰店"),
    ("102", "云锦京东自营店"),
    ("103", "云锦抖音小店"),
    ("104", "云锦线下门店"),
    ("105", "云锦拼多多店"),
    ("106", "云锦微商城"),
];

/// One shop.
#[derive(Debug)]
pub struct Shop {
    pub id: u32,
    pub no: &'static str,
    pub name: &'static str,
    pub platform: u32,
}

// Of the platforms' codes the contracts tell 127 (the merchant's own shops) only; the others are made up.
const TAOBAO: u32 = 1;
const PINDUODUO: u32 = 39;

const SHOPS: [Shop; 6] = [
    Shop { id: 11, no: KNOWN_SHOPS[0].0, name: KNOWN_SHOPS[0].1, platform: TAOBAO },
    Shop { id: 12, no: KNOWN_SHOPS[1].0, name: KNOWN_SHOPS[1].1, platform: 3 },
    Shop { id: 13, no: KNOWN_SHOPS[2].0, name: KNOWN_SHOPS[2].1, platform: 69 },
    Shop { id: 14, no: KNOWN_SHOPS[3].0, name: KNOWN_SHOPS[3].1, platform: 127 },
    Shop { id: 15, no: KNOWN_SHOPS[4].0, name: KNOWN_SHOPS[4].1, platform: PINDUODUO },
    Shop { id: 16, no: KNOWN_SHOPS[5].0, name: KNOWN_SHOPS[5].1, platform: 127 },
];

const UNKNOWN_SHOPS: [Shop; 2] = [
    Shop { id: 98, no: "998", name: "试营业门店", platform: 127 },
    Shop { id: 99, no: "999", name: "临时活动店", platform: 127 },
];

/// Of so many refunds one is of a shop that no master data knows.
const UNKNOWN_EVERY: u64 = 60;

impl Shop {
    /// The shop of a refund.
    pub fn of(index: u64) -> &'static Self {
        let pick = |shops: &'static [Self], number: u64| {
            usize::try_from(number).ok().and_then(|at| shops.get(at % shops.len()))
        };
        let picked = if index % UNKNOWN_EVERY == 17 {
            pick(&UNKNOWN_SHOPS, index / UNKNOWN_EVERY)
        } else {
            pick(&SHOPS, index)
        };
        picked.unwrap_or(&SHOPS[3])
    }

    /// Whether the shop's refunds are given out by this access of the enterprise edition: its own gateway gives none of
    /// the Taobao family (contract wangdiantong-enterprise, table of paths).
    pub fn is_open_to_enterprise(&self, access: Access) -> bool {
        access == Access::Qimen || self.platform != TAOBAO
    }

    /// As for the enterprise edition; the flagship's own gateway gives none of Pinduoduo either (contract
    /// wangdiantong-flagship, table of paths).
    pub fn is_open_to_flagship(&self, access: Access) -> bool {
        access == Access::Qimen || ![TAOBAO, PINDUODUO].contains(&self.platform)
    }
}

/// A price or quantity in ten-thousandths: the four decimals both editions give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(pub i64);

impl Amount {
    const ONE: i64 = 10_000;

    /// A price times a quantity. Quantities are whole or half and prices even, so nothing is cut off.
    pub fn times(self, quantity: Self) -> Self {
        Self(self.0 * quantity.0 / Self::ONE)
    }

    /// `59.0000`.
    pub fn four_decimals(self) -> String {
        format!("{}.{:04}", self.0 / Self::ONE, self.0 % Self::ONE)
    }

    /// A JSON number: `59` when it is whole, `59.9000` otherwise.
    pub fn number(self) -> String {
        if self.0 % Self::ONE == 0 { (self.0 / Self::ONE).to_string() } else { self.four_decimals() }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

/// One piece of goods.
#[derive(Debug, Clone)]
pub struct Goods {
    pub id: u64,
    pub no: String,
    pub spec_no: String,
    pub name: &'static str,
    pub spec_name: &'static str,
    pub price: Amount,
    pub list_price: Amount,
}

const NAMES: [&str; 8] = [
    "纯棉圆领T恤",
    "高腰直筒牛仔裤",
    "羊毛针织衫",
    "防风冲锋衣",
    "真丝连衣裙",
    "婴儿连体衣",
    "运动短裤",
    "亚麻衬衫",
];
const SPECS: [(&str, &str); 5] =
    [("RED", "红色"), ("BLK", "黑色 L"), ("WHT", "白色 \"M\""), ("BLU", "蓝色"), ("GRN", "绿色")];

impl Goods {
    /// Goods number 1 and up; the same number is always the same goods.
    pub fn of(number: u64) -> Self {
        let at = usize::try_from(number).unwrap_or_default();
        let name = NAMES.get(at % NAMES.len()).copied().unwrap_or_default();
        let (code, spec_name) = SPECS.get(at % SPECS.len()).copied().unwrap_or_default();
        // Prices with no, one, two and four decimals, all of them even ten-thousandths.
        let tail = [0, 9_000, 9_900, 1_234].get(at % 4).copied().unwrap_or_default();
        let whole = i64::try_from(number * 37 % 480).unwrap_or_default() + 9;
        let price = Amount(whole * Amount::ONE + tail);
        Self {
            id: 30_000 + number,
            no: format!("G{number:03}"),
            spec_no: format!("G{number:03}-{code}"),
            name,
            spec_name,
            price,
            list_price: Amount(price.0 + 10 * Amount::ONE),
        }
    }

    /// Its bar code.
    pub fn barcode(&self) -> String {
        format!("69{:011}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_four_decimals() {
        assert_eq!(Amount(590_000).four_decimals(), "59.0000");
        assert_eq!((Amount(590_000).number().as_str(), Amount(1_234).number().as_str()), ("59", "0.1234"));
        assert_eq!(Amount(91_234).times(Amount(5_000)), Amount(45_617));
    }

    #[test]
    fn own_gateways_hide_platforms() {
        let hidden = |open: fn(&Shop, Access) -> bool| {
            SHOPS.iter().filter(|shop| !open(shop, Access::Direct)).map(|shop| shop.no).collect::<Vec<_>>()
        };
        assert_eq!(hidden(Shop::is_open_to_enterprise), ["101"]);
        assert_eq!(hidden(Shop::is_open_to_flagship), ["101", "105"]);
        assert!(SHOPS.iter().all(|shop| shop.is_open_to_flagship(Access::Qimen)));
    }
}
