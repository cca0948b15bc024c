//! What the remote systems hold: their records in their newest state, by id.

use std::collections::BTreeMap;

use serde_json::Value;
use weir_sandbox::wangdiantong::{Access, Edition};

use crate::stand::Stand;

/// Records by id.
pub type Records = BTreeMap<String, Value>;

/// The records of all sources.
pub struct Truth {
    pub customers: Records,
    pub movements: Records,
    pub refunds: Records,
    pub aftersales: Records,
    pub orders: Records,
    pub companies: Records,
}

impl Truth {
    /// Asks the sandbox past its interfaces.
    pub fn of(stand: &Stand) -> Self {
        let sandbox = &stand.sandbox;
        Self {
            customers: by("drp_co_id", &sandbox.distributors()),
            movements: by("ioi_sn_id", &sandbox.movements()),
            refunds: by("refund_id", &sandbox.refunds(Edition::Enterprise, Access::Direct)),
            aftersales: by("refund_id", &sandbox.refunds(Edition::Flagship, Access::Direct)),
            orders: by("order_id", &sandbox.orders()),
            companies: by("company_id", &sandbox.companies()),
        }
    }
}

fn by(key: &str, texts: &[String]) -> Records {
    let records: Records = texts
        .iter()
        .map(|text| serde_json::from_str::<Value>(text).unwrap())
        .map(|record| (text_of(&record[key]), record))
        .collect();
    assert_eq!(records.len(), texts.len(), "{key} repeats");
    records
}

/// A text or number as text, digit by digit; nothing as the empty text.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
