//! The rows of the movements' flow, as they lie in the database.

use std::collections::BTreeMap;

use crate::database::Database;

/// The columns of a movement's row, as the flow creates them; the first is the key.
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

/// The rows by key.
pub fn stored(database: &Database) -> BTreeMap<String, Vec<Option<String>>> {
    let rows = database.rows("jst_sku_sn_movement", &COLUMNS);
    let count = rows.len();
    let rows: BTreeMap<_, _> =
        rows.into_iter().map(|row| (row[0].clone().unwrap_or_default(), row)).collect();
    assert_eq!(rows.len(), count, "a movement is stored twice");
    rows
}
