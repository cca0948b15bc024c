//! An ERP's flow: a bill is deleted, one is changed and one added by a person at the ERP.

use serde_json::{Value, json};
use weir_sandbox::wangdiantong::{Access, Edition};

use crate::{
    answer::{options, reconcile},
    erp::Person,
    project::RETURNS,
    stand::Stand,
    waiting::eventually,
};

/// What keeps records from the ERP by the seed itself: refunds of unknown shops share one number.
const BY_THE_SEED: [&str; 1] = ["refused"];

/// A line as the flow sends it, of another quantity.
fn line(quantity: u32) -> Value {
    json!({
        "FMaterialId": {"FNumber": "G001"}, "FUnitID": {"FNumber": "Pcs"}, "FRealQty": quantity, "FTaxPrice": 1,
        "FEntryTaxRate": 13, "FIsFree": false, "FReturnType": {"FNumber": "THLX01_SYS"}, "FOwnerTypeId": "BD_OwnerOrg",
        "FOwnerId": {"FNumber": "101"}, "FStockId": {"FNumber": "CK002"},
    })
}

#[test]
fn a_bill_gone_one_changed_and_one_too_many_are_named_and_the_first_two_mended() {
    let stand = Stand::new("reconcile_bills", options());
    let mut weir = stand.start();
    let records: Vec<Value> = stand
        .sandbox
        .refunds(Edition::Enterprise, Access::Direct)
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    let mut days: Vec<&str> = records.iter().map(|one| &one["created"].as_str().unwrap()[..10]).collect();
    days.sort_unstable();
    let days = (*days.first().unwrap(), *days.last().unwrap());
    let compare = |more: &[&str]| reconcile(&stand, RETURNS, days, more);
    let first = eventually("everything polled is at the ERP or refused", || {
        let answer = compare(&["--limit", "1000"]);
        let differences = answer.differences(&BY_THE_SEED);
        let is_whole = usize::try_from(answer.total("topic")).unwrap() == records.len();
        if differences.is_empty() && is_whole { Ok(answer) } else { Err(format!("{differences:?}")) }
    });
    assert!(first.total("target") > 3, "{}", first.json);

    let person = Person::log_in(&stand.project);
    let query = json!({"FormId": "SAL_RETURNSTOCK", "FieldKeys": "FID,FBillNo", "FilterString": "", "OrderString": "FID", "Limit": 2000});
    let bills = person.bills("ExecuteBillQuery", &query);
    let bill = |at: usize| (bills[at][0].clone(), bills[at][1].as_str().unwrap().to_owned());
    let ((_, gone), (id, changed)) = (bill(0), bill(1));
    person.bills("Delete", &json!({"Numbers": [gone]}));
    person.bills("Save", &json!({"Model": {"FID": id, "FEntity": [line(99)]}}));
    person.bills("Save", &json!({"Model": {
        "FBillTypeID": {"FNumber": "XSTHD01_SYS"}, "FBillNo": "HAND", "FDate": format!("{} 10:00:00", days.0),
        "FSaleOrgId": {"FNumber": "102"}, "FStockOrgId": {"FNumber": "101"}, "FRetcustId": {"FNumber": "S0001"},
        "SubHeadEntity": {"FSettleOrgId": {"FNumber": "102"}, "FSettleCurrId": {"FNumber": "PRE001"}},
        "FEntity": [line(1)],
    }}));

    let mut named = vec![format!("{gone} missing"), format!("{changed} differs"), "HAND too_many".to_owned()];
    named.sort();
    let answer = compare(&["--without-source", "--limit", "1000"]);
    assert_eq!((answer.code, answer.differences(&BY_THE_SEED)), (1, named), "{}", answer.json);

    let answer = compare(&["--fix", "--limit", "1000"]);
    let left = vec!["HAND too_many".to_owned()];
    assert_eq!((answer.code, answer.differences(&BY_THE_SEED)), (1, left), "{}", answer.json);
    let mut mended = vec![gone, changed];
    mended.sort();
    assert_eq!(answer.mended(), mended, "{}", answer.json);

    person.bills("Delete", &json!({"Numbers": ["HAND"]}));
    let answer = compare(&["--limit", "1000"]);
    assert_eq!(answer.differences(&BY_THE_SEED), Vec::<String>::new(), "{}", answer.json);
    assert_eq!(answer.json["lines"], first.json["lines"]);
    weir.expect_running();
}
