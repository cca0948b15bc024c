//! Seed 002: an after-sales order of 旺店通·旗舰版 becomes rows, one for each of its lines.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::Row;
use crate::{decimal::with_places, truth::text_of};

pub const TABLE: &str = "aftersales_refund_refund_search";
/// The columns of the seed's own statement, in its order.
pub const COLUMNS: &str = "refund_id src_tids refund_no remark type stockin_status flag_name return_goods_count \
     receiver_telno receiver_name modified note_count shop_no from_type created settle_time check_time \
     return_logistics_no trade_no_list guarantee_refund_amount return_goods_amount return_logistics_name reason_name \
     refund_reason buyer_nick operator_name actual_refund_amount revert_reason_name return_warehouse_no \
     direct_refund_amount receive_amount customer_name fenxiao_nick_name status shop_id trade_id raw_refund_nos pay_id \
     provider_refund_no shop_platform_id tid_list sub_platform_id return_warehouse_id platform_id wms_owner_no \
     warehouse_type bad_reason modified_date return_mask_info process_status reason_id revert_reason customer_id \
     consign_mode refund_time fenxiao_tid fenxiao_nick_no wms_code detail_list_rec_id detail_list_refund_id \
     detail_list_oid detail_list_trade_order_id detail_list_platform_id detail_list_tid detail_list_trade_no \
     detail_list_num detail_list_price detail_listal_price detail_list_checked_cost_price detail_list_refund_num \
     detail_list_total_amount detail_list_refund_amount detail_list_is_guarantee detail_list_goods_no \
     detail_list_goods_name detail_list_spec_name detail_list_spec_no";

/// Columns of four decimals.
const AMOUNTS: [&str; 13] = [
    "return_goods_count",
    "guarantee_refund_amount",
    "return_goods_amount",
    "actual_refund_amount",
    "direct_refund_amount",
    "receive_amount",
    "detail_list_num",
    "detail_list_price",
    "detail_listal_price",
    "detail_list_checked_cost_price",
    "detail_list_refund_num",
    "detail_list_total_amount",
    "detail_list_refund_amount",
];
/// Columns whose empty texts are no times.
const TIMES: [&str; 4] = ["settle_time", "check_time", "modified_date", "refund_time"];

/// The columns, one by one.
pub fn columns() -> Vec<&'static str> {
    COLUMNS.split_whitespace().collect()
}

/// The stored rows of a record. One without lines is a row whose line id is empty.
pub fn rows(record: &Value) -> Vec<Row> {
    let lines = record["detail_list"].as_array().unwrap();
    let nothing = [serde_json::json!({"rec_id": ""})];
    let lines = if lines.is_empty() { nothing.as_slice() } else { lines.as_slice() };
    lines
        .iter()
        .map(|line| columns().into_iter().map(|column| cell(column, record, line)).collect())
        .collect()
}

fn cell(column: &str, record: &Value, line: &Value) -> Option<String> {
    let value = match column.strip_prefix("detail_list_") {
        Some(field) => &line[field],
        // No line has the field that the seed's spelling of detail_listal_price names.
        None => &record[column],
    };
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ if AMOUNTS.contains(&column) => Some(with_places(&text_of(value), 4)),
        _ if matches!(column, "created" | "modified") => Some(local_time(value)),
        Value::String(text) if text.is_empty() && TIMES.contains(&column) => None,
        _ => Some(text_of(value)),
    }
}

/// Milliseconds since 1970 as the time of day in China.
fn local_time(milliseconds: &Value) -> String {
    let at = Timestamp::from_millisecond(milliseconds.as_i64().unwrap()).unwrap();
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}
