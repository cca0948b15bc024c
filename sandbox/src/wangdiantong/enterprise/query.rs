//! What a refund query of the enterprise edition asks for (contract wangdiantong-enterprise §5).

use super::super::{
    Refusal, fields,
    records::{Criterion, Query, TextField, TimeField},
    sign::Fields,
};

use super::text;

const LARGEST_PAGE: u64 = 40;
const DEFAULT_PAGE: u64 = 40;
const LONGEST_WINDOW_SECONDS: i64 = 30 * 86_400;
const MOST_SHOPS: usize = 20;
// The contract knows that 1, 100 and 2104 are about arguments, not which is which.
const MALFORMED: i64 = 1;
const NO_WINDOW: i64 = 100;
const OUT_OF_RANGE: i64 = 2104;

/// Parameters that name a document: with one of them no window is needed.
const DOCUMENTS: [(&str, TextField); 4] = [
    ("refund_no", TextField::RefundNo),
    ("src_refund_no", TextField::PlatformNo),
    ("trade_no", TextField::TradeNo),
    ("tid", TextField::Tid),
];

/// Reads the business parameters.
pub fn read(fields: &Fields, strict_page_size: bool) -> Result<Query, Refusal> {
    let mut criteria = Vec::new();
    for (name, field) in DOCUMENTS {
        if let Some(value) = fields::present(fields, name) {
            criteria.push(Criterion::OneOf(field, vec![value.to_owned()]));
        }
    }
    match window(fields)? {
        Some(within) => criteria.push(within),
        None if criteria.is_empty() => {
            return Err(Refusal::new(NO_WINDOW, "start_time和end_time不能为空"));
        }
        None => {}
    }
    for (name, field) in [("shop_no", TextField::Shop), ("logistics_no", TextField::Parcel)] {
        if let Some(value) = fields::present(fields, name) {
            criteria.push(Criterion::OneOf(field, vec![value.to_owned()]));
        }
    }
    if let Some(value) = fields::present(fields, "shop_nos") {
        let shops = fields::list(value);
        if shops.len() > MOST_SHOPS {
            return Err(Refusal::new(OUT_OF_RANGE, "shop_nos最多20个店铺"));
        }
        criteria.push(Criterion::OneOf(TextField::Shop, shops));
    }
    if let Some(status) = fields::whole(fields, "process_status", MALFORMED)? {
        let status = u32::try_from(status).unwrap_or(u32::MAX);
        criteria.push(Criterion::Is(text::process_status, status));
    }
    let page = fields::whole(fields, "page_no", MALFORMED)?.unwrap_or(0);
    let page_size = fields::whole(fields, "page_size", MALFORMED)?.unwrap_or(DEFAULT_PAGE);
    if page_size == 0 || (strict_page_size && page_size > LARGEST_PAGE) {
        return Err(Refusal::new(OUT_OF_RANGE, "page_size必须在1到40之间"));
    }
    Ok(Query { criteria, page, page_size, order: None })
}

fn window(fields: &Fields) -> Result<Option<Criterion>, Refusal> {
    let (from, to) = match (fields::present(fields, "start_time"), fields::present(fields, "end_time")) {
        (None, None) => return Ok(None),
        (Some(from), Some(to)) => {
            (fields::time("start_time", from, MALFORMED)?, fields::time("end_time", to, MALFORMED)?)
        }
        _ => return Err(Refusal::new(NO_WINDOW, "start_time和end_time必须同时存在")),
    };
    let field = match fields::whole(fields, "time_type", MALFORMED)?.unwrap_or(0) {
        0 => TimeField::Modified,
        1 => TimeField::Settled,
        2 => TimeField::Created,
        _ => return Err(Refusal::new(OUT_OF_RANGE, "time_type必须是0、1或2")),
    };
    if to < from {
        return Err(Refusal::new(OUT_OF_RANGE, "end_time早于start_time"));
    }
    if to - from > LONGEST_WINDOW_SECONDS {
        return Err(Refusal::new(OUT_OF_RANGE, "start_time和end_time的间隔不能超过30天"));
    }
    Ok(Some(Criterion::Within(field, from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> i64 {
        let fields = fields::merged(query, b"").unwrap();
        read(&fields, true).err().map_or(0, |refusal| refusal.code)
    }

    const WINDOW: &str = "start_time=2024-01-01+00:00:00&end_time=2024-01-31+00:00:00";

    #[test]
    fn a_window_or_a_document_is_needed() {
        assert_eq!(code(WINDOW), 0);
        assert_eq!(code("refund_no=TK1"), 0);
        assert_eq!(code("shop_no=101"), 100);
        assert_eq!(code("start_time=2024-01-01+00:00:00"), 100);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for (more, wanted) in [
            ("page_size=40&page_no=3&time_type=2", 0),
            ("page_size=41", 2104),
            ("page_size=0", 2104),
            ("page_no=x", 1),
            ("time_type=3", 2104),
        ] {
            assert_eq!(code(&format!("{WINDOW}&{more}")), wanted, "{more}");
        }
        assert_eq!(code("start_time=2024-01-01+00:00:00&end_time=2024-01-31+00:00:01"), 2104);
        assert_eq!(code("start_time=2024-01-01+00:00:00&end_time=2023-12-31+00:00:00"), 2104);
        assert_eq!(code("start_time=2024-01-01&end_time=2024-01-02"), 1);
        let loose = fields::merged(&format!("{WINDOW}&page_size=100"), b"").unwrap();
        assert_eq!(read(&loose, false).unwrap().page_size, 100);
    }
}
