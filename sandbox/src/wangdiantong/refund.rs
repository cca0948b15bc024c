//! One refund or exchange order (退换单): the facts, apart from how an edition writes them.

use rand::{RngExt as _, rngs::StdRng};

use crate::{clock, made_up};

use super::catalogue::{Amount, Goods, Shop};

/// Of so many refunds one has no lines.
const WITHOUT_LINES_EVERY: u64 = 50;
const FIRST_ID: u64 = 1_130_001;
const FIRST_LINE_ID: u64 = 5_000_001;
/// The most lines a refund has: line ids of refunds do not meet.
const LARGEST_LINES: u64 = 4;

/// How far a refund has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Cancelled,
    ToReview,
    Agreed,
    ToReceive,
    ToSettle,
    Done,
}

impl Stage {
    fn random(dice: &mut StdRng) -> Self {
        match dice.random_range(0..10) {
            0 => Self::ToReview,
            1 => Self::Agreed,
            2 => Self::ToReceive,
            3 => Self::ToSettle,
            4 => Self::Cancelled,
            _ => Self::Done,
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Cancelled => Self::Cancelled,
            Self::ToReview => Self::Agreed,
            Self::Agreed => Self::ToReceive,
            Self::ToReceive => Self::ToSettle,
            Self::ToSettle | Self::Done => Self::Done,
        }
    }

    /// The platform's state (contracts: `status` of the enterprise edition, `rr_status` of the flagship).
    pub fn platform_status(self) -> u32 {
        match self {
            Self::Cancelled => 1,
            Self::ToReview => 2,
            Self::Agreed => 3,
            Self::ToReceive | Self::ToSettle => 4,
            Self::Done => 5,
        }
    }
}

/// A returned line.
#[derive(Debug, Clone)]
pub struct Line {
    pub id: u64,
    pub goods: Goods,
    pub sold: Amount,
    pub refunded: Amount,
}

impl Line {
    /// What is given back for the line.
    pub fn amount(&self) -> Amount {
        self.goods.price.times(self.refunded)
    }
}

/// One refund.
#[derive(Debug, Clone)]
pub struct Refund {
    pub index: u64,
    pub id: u64,
    pub shop: &'static Shop,
    /// 1 refund only, 2 return, 3 exchange, 4 refund without return; the same in both editions.
    pub kind: u32,
    pub stage: Stage,
    pub buyer: String,
    pub phone: String,
    pub asked: i64,
    pub agreed: Option<i64>,
    pub settled: Option<i64>,
    pub created: i64,
    pub modified: i64,
    /// Whether it moved to the archive before its age would have taken it there.
    pub archived: bool,
    /// How often it was modified.
    pub edition: u32,
    pub lines: Vec<Line>,
}

impl Refund {
    /// Makes a refund that was last modified at `modified`.
    pub fn make(index: u64, modified: i64, dice: &mut StdRng) -> Self {
        let stage = Stage::random(dice);
        let created = modified - dice.random_range(600..3 * 86_400);
        let count = if index % WITHOUT_LINES_EVERY == 7 { 0 } else { dice.random_range(1..=LARGEST_LINES) };
        let lines = (0..count).map(|place| {
            let sold = dice.random_range(1..=3) * 10_000;
            let refunded =
                if dice.random_ratio(1, 8) { 5_000 } else { dice.random_range(1..=sold / 10_000) * 10_000 };
            Line {
                id: FIRST_LINE_ID + index * LARGEST_LINES + place,
                goods: Goods::of(dice.random_range(1..=60)),
                sold: Amount(sold),
                refunded: Amount(refunded),
            }
        });
        let lines = lines.collect();
        let mut made = Self {
            index,
            id: FIRST_ID + index,
            shop: Shop::of(index),
            kind: [2, 2, 2, 1, 3, 4].get(dice.random_range(0..6)).copied().unwrap_or(2),
            stage,
            buyer: made_up::person(dice),
            phone: made_up::masked_phone(dice),
            asked: created - 300,
            agreed: None,
            settled: None,
            created,
            modified,
            archived: false,
            edition: 0,
            lines,
        };
        made.date_stage();
        made
    }

    /// Modifies it: it goes a step further, and every third time a line vanishes while another is left.
    pub fn modify(&mut self, now: i64) {
        self.edition += 1;
        self.modified = now;
        self.stage = self.stage.next();
        if self.edition.is_multiple_of(3) && self.lines.len() > 1 {
            self.lines.pop();
        }
        self.date_stage();
    }

    /// Sets the times that the stage brings with it.
    fn date_stage(&mut self) {
        if self.stage >= Stage::Agreed && self.agreed.is_none() {
            self.agreed = Some(self.created + 300);
        }
        if self.stage == Stage::Done && self.settled.is_none() {
            self.settled = Some(self.modified - 1);
        }
    }

    fn dated(&self, prefix: &str, seconds: i64) -> String {
        let digits: String = clock::to_text(seconds).chars().filter(char::is_ascii_digit).take(8).collect();
        format!("{prefix}{}{:06}", digits.get(2..).unwrap_or_default(), self.index + 1)
    }

    /// The ERP's number.
    pub fn no(&self) -> String {
        self.dated("TK", self.created)
    }

    /// The platform's number of the refund.
    pub fn platform_no(&self) -> String {
        self.dated("PF", self.created)
    }

    /// The platform's number of the trade.
    pub fn tid(&self) -> String {
        self.dated("T", self.asked - 86_400)
    }

    /// The ERP's number of the trade.
    pub fn trade_no(&self) -> String {
        self.dated("JY", self.asked - 86_400)
    }

    /// The ERP's id of the trade.
    pub fn trade_id(&self) -> u64 {
        7_000_001 + self.index
    }

    /// Which of the two warehouses takes the goods back.
    pub fn warehouse_no(&self) -> &'static str {
        if self.index.is_multiple_of(4) { "WH02" } else { "WH01" }
    }

    /// The id of that warehouse.
    pub fn warehouse_id(&self) -> u32 {
        if self.index.is_multiple_of(4) { 2 } else { 1 }
    }

    /// The parcel in which the goods come back; empty when none is on its way.
    pub fn parcel_no(&self) -> String {
        if self.kind == 2 && self.stage >= Stage::ToReceive {
            self.dated("SF", self.created)
        } else {
            String::new()
        }
    }

    /// Why the buyer asks.
    pub fn reason(&self) -> &'static str {
        let reasons = ["七天无理由", "尺码不合适", "质量问题", ""];
        usize::try_from(self.index).ok().and_then(|at| reasons.get(at % 4)).copied().unwrap_or_default()
    }

    /// What was noted: texts that quoting must survive, or which edition of the record it is.
    pub fn remark(&self) -> String {
        match (self.edition, self.index % 20) {
            (0, 3) => "客户说\"不合身\"，换 40' 码\\已沟通".to_owned(),
            (0, _) => String::new(),
            (edition, _) => format!("第{edition}次变更"),
        }
    }

    /// All that was returned.
    pub fn quantity(&self) -> Amount {
        self.lines.iter().map(|line| line.refunded).sum()
    }

    /// What is asked back.
    pub fn amount(&self) -> Amount {
        self.lines.iter().map(Line::amount).sum()
    }

    /// What was given back.
    pub fn paid_back(&self) -> Amount {
        if self.stage == Stage::Done { self.amount() } else { Amount::default() }
    }

    /// How much of a line came into the warehouse.
    pub fn received(&self, line: &Line) -> Amount {
        if self.kind == 2 && self.stage >= Stage::ToSettle { line.refunded } else { Amount::default() }
    }
}

/// A time as both editions write it; none is empty text.
pub fn time(seconds: Option<i64>) -> String {
    seconds.map(clock::to_text).unwrap_or_default()
}
