//! Seed 003: an order of 小满 OKKI becomes a sales order of K/3 WISE.

use serde_json::{Value, json};

use crate::{
    decimal::{is_zero, quotient},
    truth::{Records, text_of},
};

/// A product that the books do not know: the sandbox sells it on purpose.
const UNKNOWN_PRODUCT: &str = "SAMPLE-01";

/// A document: `Page1`'s one row, and the rows of `Page2`.
pub type Pages = (Value, Vec<Value>);

/// The stored order; `None` when K/3 WISE refuses it, for a quantity of 0 or an unknown product.
pub fn document(record: &Value, companies: &Records) -> Option<Pages> {
    let lines = record["product_list"].as_array().unwrap();
    let is_refused =
        |line: &Value| is_zero(&text_of(&line["count"])) || line["product_no"] == UNKNOWN_PRODUCT;
    if lines.iter().any(is_refused) {
        return None;
    }
    let date: String = text_of(&record["account_date"]).chars().take(10).collect();
    let currency = match text_of(&record["currency"]).as_str() {
        "CNY" => "RMB".to_owned(),
        other => other.to_owned(),
    };
    let header = json!({
        "FBillNo": text_of(&record["order_no"]),
        "FCancellation": "false",
        "Fdate": date,
        "FCustID": {"FNumber": customer(record, companies), "FName": "1"},
        "FAreaPS": {"FNumber": "1", "FName": "1"},
        "FCurrencyID": {"FNumber": currency, "FName": ""},
        "FExchangeRate": quotient(&text_of(&record["exchange_rate"]), "100"),
        "FDeptID": {"FNumber": "D20", "FName": ""},
        "FEmpID": {"FNumber": "2747", "FName": ""},
    });
    Some((header, lines.iter().map(|line| row(line, &date)).collect()))
}

fn row(line: &Value, date: &str) -> Value {
    let count = text_of(&line["count"]);
    json!({
        "FItemID": {"FNumber": text_of(&line["product_no"]), "FName": ""},
        // The template's own spelling of FAuxQty.
        "Fauxqty": count,
        "FAuxTaxPrice": quotient(&text_of(&line["cost_amount"]), &count),
        "FUnitID": {"FNumber": "S01", "FName": ""},
        "FDate1": date,
    })
}

/// The code of the customer: the order's own, or that of the customer who came later.
fn customer(record: &Value, companies: &Records) -> String {
    match text_of(&record["company"]["serial_id"]) {
        code if code.is_empty() => {
            text_of(&companies[&text_of(&record["company"]["company_id"])]["serial_id"])
        }
        code => code,
    }
}

/// Whether the order came before its customer.
pub fn waits(record: &Value) -> bool {
    record["company"]["serial_id"] == ""
}
