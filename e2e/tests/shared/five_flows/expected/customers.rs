//! Seed 001: a distributor of 聚水潭 becomes a customer.

use serde_json::{Value, json};

use super::numbered;
use crate::truth::text_of;

/// The longest name that Kingdee takes, in characters.
const LONGEST_NAME: usize = 100;

/// The stored document; `None` when Kingdee refuses it, for want of a name or for its length.
pub fn document(record: &Value) -> Option<Value> {
    let name = text_of(&record["name"]);
    let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME;
    fits.then(|| {
        json!({
            "FNumber": text_of(&record["drp_co_id"]),
            "FName": name,
            "FUseOrgId": numbered("100"),
            "FCreateOrgId": numbered("100"),
            "FDescription": text_of(&record["co_id"]),
            "FSELLER": numbered("GW000001_1"),
            "FTRADINGCURRID": numbered("PRE001"),
        })
    })
}
