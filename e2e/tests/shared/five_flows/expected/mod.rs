//! What the seeds' mappings make of a record, written down by hand: no line of it goes through the mapping language.
//!
//! | Module | Seed | Document |
//! | --- | --- | --- |
//! | `customers` | 001 | `BD_Customer` of Kingdee Galaxy |
//! | `movements` | 004 | a row of `jst_sku_sn_movement` |
//! | `orders` | 003 | `SO` of K/3 WISE |
//! | `aftersales` | 002 | rows of `aftersales_refund_refund_search` |
//! | `returns` | 000 | `SAL_RETURNSTOCK` of Kingdee Galaxy |

pub mod aftersales;
pub mod customers;
pub mod movements;
pub mod orders;
pub mod returns;

use serde_json::{Value, json};

/// A row of a table, every column as text.
pub type Row = Vec<Option<String>>;

/// `ConvertObjectParser` with `FNumber`.
fn numbered(number: &str) -> Value {
    json!({"FNumber": number})
}
