//! Seed 000: a refund of 旺店通·企业版 becomes a sales return.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::numbered;
use crate::{decimal::is_zero, project::SHOPS, truth::text_of};

/// The number that the seed gives to every refund of a shop that is not known.
pub const SHARED_NUMBER: &str = "TK2402291737";

/// E-mail addresses by shop number.
fn emails() -> BTreeMap<&'static str, &'static str> {
    let mut lines = SHOPS.lines();
    assert_eq!(lines.next(), Some("shop_no,name,email"));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0], cells[2])
        })
        .collect()
}

/// Whether the shop of a refund has an e-mail address: only then does it keep its own number.
pub fn has_own_number(record: &Value) -> bool {
    emails().get(text_of(&record["shop_no"]).as_str()).is_some_and(|email| !email.is_empty())
}

/// The stored document; `None` when Kingdee refuses it for having no lines.
pub fn document(record: &Value) -> Option<Value> {
    let lines = record["refund_order_list"].as_array().unwrap();
    let number =
        if has_own_number(record) { text_of(&record["refund_no"]) } else { SHARED_NUMBER.to_owned() };
    (!lines.is_empty()).then(|| {
        json!({
            "FBillTypeID": numbered("XSTHD01_SYS"),
            "FBillNo": number,
            "FDate": text_of(&record["created"]),
            "FSaleOrgId": numbered("102"),
            "FStockOrgId": numbered("101"),
            "FRetcustId": numbered("S0001"),
            "FHeadNote": text_of(&record["remark"]),
            "SubHeadEntity": {"FSettleOrgId": numbered("102"), "FSettleCurrId": numbered("PRE001")},
            "FEntity": lines.iter().map(row).collect::<Vec<_>>(),
        })
    })
}

fn row(line: &Value) -> Value {
    let price = text_of(&line["price"]);
    json!({
        "FMaterialId": numbered(&text_of(&line["goods_no"])),
        "FUnitID": numbered("Pcs"),
        "FRealQty": number(&text_of(&line["refund_num"])),
        "FTaxPrice": number(&price),
        "FEntryTaxRate": 13,
        "FIsFree": is_zero(&price),
        "FReturnType": numbered("THLX01_SYS"),
        "FOwnerTypeId": "BD_OwnerOrg",
        "FOwnerId": numbered("101"),
        "FStockId": numbered("CK002"),
    })
}

/// A JSON number of the same digits: `59.0000` stays that.
fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}
