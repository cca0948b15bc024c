//! The successor of the distributors' endpoint: `/open/api/drp/inneropen/partner/supplier/querymychannel` (contract
//! jushuitan §4, at its end).
//!
//! It lists the same distributors in other words: pages of up to 100, the total beside the list, no `has_next`. Most
//! cooperations are active; of every 20 distributors one stands in each of the four other states.

use crate::{
    calls::Call,
    clock,
    json_text::{self, ObjectText},
    world::World,
};

use super::{
    Endpoint, Refusal,
    biz::Biz,
    distributors::{Distributor, Query, told_total},
    spoil_rows,
};

/// The largest page the endpoint gives.
const LARGEST_PAGE: u64 = 100;
/// The longest window the endpoint takes.
const LONGEST_WINDOW_DAYS: i64 = 7;
const SALESMEN: [&str; 3] = ["王敏", "陈强", "林静"];

/// How a cooperation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    ToAuthorise = 0,
    ToReview = 1,
    Active = 2,
    Refused = 3,
    Ended = 4,
}

impl Status {
    const ALL: [Self; 5] = [Self::ToAuthorise, Self::ToReview, Self::Active, Self::Refused, Self::Ended];

    /// How the cooperation with a distributor stands.
    pub fn of(record: &Distributor) -> Self {
        match record.index % 20 {
            3 => Self::ToAuthorise,
            8 => Self::ToReview,
            13 => Self::Refused,
            18 => Self::Ended,
            _ => Self::Active,
        }
    }

    fn code(self) -> u64 {
        self as u64
    }

    /// Whether the cooperation was confirmed at some time.
    fn was_confirmed(self) -> bool {
        matches!(self, Self::Active | Self::Ended)
    }

    fn read(biz: &Biz) -> Result<Option<Self>, Refusal> {
        let Some(code) = biz.whole("status")? else { return Ok(None) };
        let known = Self::ALL.into_iter().find(|status| status.code() == code);
        known.map(Some).ok_or_else(|| Refusal::parameter("status必须在0到4之间"))
    }
}

/// A distributor as this endpoint writes it.
pub fn text(record: &Distributor) -> String {
    let status = Status::of(record);
    let confirmed = status.was_confirmed().then(|| clock::to_text(record.created + 3_600));
    let by_index = |texts: &[&'static str]| {
        let turn = usize::try_from(record.index).unwrap_or_default();
        texts.iter().cycle().nth(turn % texts.len().max(1)).copied().unwrap_or_default()
    };
    ObjectText::new()
        .raw("channel_co_id", record.id)
        .text("co_name", &record.name)
        .raw("status", status.code())
        .text("apply_time", &clock::to_text(record.created))
        .text_or_null("confirm_time", confirmed.as_deref())
        .text("bill_name", &record.name)
        .text("contact_name", &record.contact)
        .text("contact_phone", &record.phone)
        .text("supplier_remark", &record.remark())
        .text("supplier_salesman_name", by_index(&SALESMEN))
        .text("dis_level", by_index(&["1", "2", "3", "4"]))
        .text("updated", &clock::to_text(record.modified))
        .finish()
}

/// Answers a page; afterwards records may change.
pub fn serve(world: &mut World, call: &Call, biz: &Biz) -> Result<String, Refusal> {
    let query = Query {
        page: biz.page("page_num", None, LARGEST_PAGE)?,
        window: biz.window("updated_start", "updated_end", LONGEST_WINDOW_DAYS)?,
        ids: Vec::new(),
        names: Vec::new(),
        status: Status::read(biz)?,
    };
    let now = world.clock.now();
    let (total, rows) = world.jushuitan.distributors.page(&query, text);
    let rows = spoil_rows(world, call, Endpoint::Channels, query.page.index, rows);
    let told_total = told_total(world, call, total);
    let crate::jushuitan::System { distributors, changes, .. } = &mut world.jushuitan;
    distributors.change(&query, changes, now);
    let list = json_text::array(rows.iter().map(String::as_str));
    Ok(ObjectText::new().raw("total", told_total).raw("channel_vos", list).finish())
}
