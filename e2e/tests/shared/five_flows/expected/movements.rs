//! Seed 004: a movement of 聚水潭 becomes a row.

use serde_json::Value;

use super::Row;
use crate::{decimal::with_places, truth::text_of};

pub const TABLE: &str = "jst_sku_sn_movement";
/// The columns; the first is the key.
pub const COLUMNS: [&str; 14] = [
    "movement_key",
    "ioi_sn_id",
    "sku_sn",
    "sku_id",
    "io_id",
    "o_id",
    "inout_type",
    "cost_price",
    "cost_amount",
    "remark",
    "supplier_id",
    "supplier_name",
    "create_time",
    "modified_time",
];
/// A price that is no number: the sandbox makes such a movement on purpose.
const NO_PRICE: &str = "暂无";

/// The stored row; `None` when it fits into no row.
pub fn row(id: &str, record: &Value) -> Option<Row> {
    let cell = |column: &&str| match (*column, &record[*column]) {
        ("movement_key", _) => Some(id.to_owned()),
        (_, Value::Null) => None,
        ("cost_price" | "cost_amount", value) => Some(with_places(&text_of(value), 6)),
        (_, value) => Some(text_of(value)),
    };
    (record["cost_price"] != NO_PRICE).then(|| COLUMNS.iter().map(cell).collect())
}
