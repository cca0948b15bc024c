//! What a refund search of the flagship edition asks for (contract wangdiantong-flagship §4 and §7).

use serde_json::{Map, Value};

use crate::ListOrder;

use super::super::{
    Refusal, fields,
    records::{Criterion, NumberField, Query, TextField, TimeField},
    refund::Refund,
    sign::Fields,
};

use super::{BY_TEXT, REFUSED, text};

/// The vendor advises no more; a hard limit is not documented.
const LARGEST_PAGE: u64 = 200;
const LONGEST_WINDOW_SECONDS: i64 = 30 * 86_400;
const UNKNOWN_NAME: i64 = 2;
const NO_WINDOW: &str = "参数中必须包含起止时间";

const WINDOWS: [(&str, &str, TimeField); 4] = [
    ("modified_from", "modified_to", TimeField::Modified),
    ("settle_from", "settle_to", TimeField::Settled),
    ("agree_from", "agree_to", TimeField::Agreed),
    ("current_phase_timeout_from", "current_phase_timeout_to", TimeField::Settled),
];

/// Parameters that name a document: with one of them no window is needed.
const DOCUMENTS: [(&str, TextField); 5] = [
    ("refund_no", TextField::RefundNo),
    ("raw_refund_nos", TextField::PlatformNo),
    ("tid", TextField::Tid),
    ("trade_no", TextField::TradeNo),
    ("return_logistics_no", TextField::Parcel),
];

const TEXTS: [(&str, TextField); 3] = [
    ("shop_nos", TextField::Shop),
    ("return_warehouse_nos", TextField::Warehouse),
    ("buyer_nick", TextField::Buyer),
];

const NUMBERS: [(&str, NumberField); 4] = [
    ("status", text::status),
    ("stockin_status", text::stockin_status),
    ("type", |refund: &Refund| refund.kind),
    ("rr_status", |refund: &Refund| refund.stage.platform_status()),
];

/// Known, but without effect on records that are made up.
const OTHERS: [&str; 5] = [
    "order_type",
    "fuzzy_query",
    "return_mask_manual_intercept",
    "refund_mask_reject_return",
    "need_gov_subsidy_info",
];

/// Which page, as the call counts, of how many rows.
#[derive(Debug)]
pub struct Pager {
    no: u64,
    size: u64,
    pub calc_total: bool,
}

impl Pager {
    /// The pager of the vendor's own gateway: parameters of the query.
    pub fn of_fields(fields: &Fields) -> Result<Self, Refusal> {
        let whole = |name: &str| fields::whole(fields, name, REFUSED);
        Ok(Self {
            no: whole("page_no")?.ok_or_else(only_pages)?,
            size: whole("page_size")?.ok_or_else(only_pages)?,
            calc_total: whole("calc_total")? == Some(1),
        })
    }

    /// The pager of Qimen: an object, its numbers maybe texts.
    pub fn of_object(pager: &Map<String, Value>) -> Result<Self, Refusal> {
        let whole = |name: &str| {
            let text = pager.get(name).and_then(plain).ok_or_else(only_pages)?;
            text.parse().map_err(|_| Refusal::new(REFUSED, format!("{name}必须是整数")))
        };
        Ok(Self { no: whole("page_no")?, size: whole("page_size")?, calc_total: true })
    }
}

fn only_pages() -> Refusal {
    Refusal::new(BY_TEXT, "此方法仅支持分页查询")
}

/// A text or number as text; nothing for null, empty text and anything else.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether documents are to be matched by a part of their number.
pub fn is_fuzzy(params: &Map<String, Value>) -> bool {
    matches!(params.get("fuzzy_query"), Some(Value::Bool(true)))
}

/// Reads the query object; `first_page` is the number of the access's first page.
pub fn read(
    params: &Map<String, Value>,
    pager: &Pager,
    first_page: u64,
    strict_page_size: bool,
) -> Result<Query, Refusal> {
    check_names(params)?;
    let mut criteria = documents(params);
    criteria.extend(windows(params)?);
    if criteria.is_empty() {
        return Err(Refusal::new(BY_TEXT, NO_WINDOW));
    }
    for (name, field) in TEXTS {
        if let Some(value) = params.get(name).and_then(plain) {
            criteria.push(Criterion::OneOf(field, fields::list(&value)));
        }
    }
    for (name, field) in NUMBERS {
        if let Some(value) = params.get(name).and_then(plain) {
            let wanted = value.parse().map_err(|_| Refusal::new(REFUSED, format!("{name}必须是整数")))?;
            criteria.push(Criterion::Is(field, wanted));
        }
    }
    let page = pager.no.checked_sub(first_page);
    let page = page.ok_or_else(|| Refusal::new(BY_TEXT, format!("page_no从{first_page}开始")))?;
    if pager.size == 0 || (strict_page_size && pager.size > LARGEST_PAGE) {
        return Err(Refusal::new(BY_TEXT, "page_size必须在1到200之间"));
    }
    let newest_first = params.get("order_type").and_then(plain).as_deref() == Some("1");
    let order = newest_first.then_some(ListOrder::ModifiedDescending);
    Ok(Query { criteria, page, page_size: pager.size, order })
}

fn check_names(params: &Map<String, Value>) -> Result<(), Refusal> {
    let known = |name: &str| {
        OTHERS.contains(&name)
            || WINDOWS.iter().any(|(from, to, _)| [*from, *to].contains(&name))
            || DOCUMENTS.iter().chain(&TEXTS).any(|(known, _)| *known == name)
            || NUMBERS.iter().any(|(known, _)| *known == name)
    };
    match params.keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::new(UNKNOWN_NAME, format!("未知的参数名{name}"))),
    }
}

fn documents(params: &Map<String, Value>) -> Vec<Criterion> {
    let fuzzy = is_fuzzy(params);
    let named = DOCUMENTS.iter().filter_map(|(name, field)| {
        let value = params.get(*name).and_then(plain)?;
        Some(if fuzzy {
            Criterion::Contains(*field, value)
        } else {
            Criterion::OneOf(*field, fields::list(&value))
        })
    });
    named.collect()
}

fn windows(params: &Map<String, Value>) -> Result<Vec<Criterion>, Refusal> {
    let mut criteria = Vec::new();
    for (from_name, to_name, field) in WINDOWS {
        let (from, to) = match (params.get(from_name).and_then(plain), params.get(to_name).and_then(plain)) {
            (None, None) => continue,
            (Some(from), Some(to)) => {
                (fields::time(from_name, &from, REFUSED)?, fields::time(to_name, &to, REFUSED)?)
            }
            _ => return Err(Refusal::new(BY_TEXT, NO_WINDOW)),
        };
        if to < from {
            return Err(Refusal::new(BY_TEXT, "结束时间早于开始时间"));
        }
        if to - from > LONGEST_WINDOW_SECONDS {
            return Err(Refusal::new(BY_TEXT, "您的查询时间过宽，最大跨度为30天"));
        }
        criteria.push(Criterion::Within(field, from, to));
    }
    Ok(criteria)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(params: &str, pager: &str, first_page: u64) -> (i64, String) {
        let read = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let query = Pager::of_object(&read(pager))
            .and_then(|pager| super::read(&read(params), &pager, first_page, true));
        query.err().map_or((0, String::new()), |refusal| (refusal.code, refusal.text))
    }

    const WINDOW: &str = r#"{"modified_from":"2024-01-01 00:00:00","modified_to":"2024-01-31 00:00:00"}"#;
    const PAGER: &str = r#"{"page_size":"50","page_no":"1"}"#;

    #[test]
    fn a_window_or_a_document_is_needed() {
        assert_eq!(refusal(WINDOW, PAGER, 1).0, 0);
        assert_eq!(refusal(r#"{"refund_no":"TK1"}"#, PAGER, 1).0, 0);
        for params in ["{}", r#"{"shop_nos":"101"}"#, r#"{"modified_from":"2024-01-01 00:00:00"}"#] {
            assert_eq!(refusal(params, PAGER, 1), (100, NO_WINDOW.to_owned()), "{params}");
        }
        let wide = WINDOW.replace("31 00:00:00", "31 00:00:01");
        assert!(refusal(&wide, PAGER, 1).1.contains("您的查询时间过宽"));
    }

    #[test]
    fn pages_count_from_where_the_access_says() {
        let first = r#"{"page_size":50,"page_no":0}"#;
        assert_eq!((refusal(WINDOW, first, 0).0, refusal(WINDOW, first, 1).0), (0, 100));
        assert!(refusal(WINDOW, r#"{"page_size":50}"#, 1).1.contains("仅支持分页查询"));
        assert_eq!(refusal(WINDOW, r#"{"page_size":201,"page_no":1}"#, 1).0, 100);
        assert_eq!(refusal(WINDOW, r#"{"page_size":"x","page_no":1}"#, 1).0, 1);
    }

    #[test]
    fn unknown_names_are_refused() {
        assert_eq!(refusal(r#"{"refund_no":"TK1","start_time":"x"}"#, PAGER, 1).0, 2);
    }
}
