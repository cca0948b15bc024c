//! Reading back from the sandbox, over real HTTP: what is there of a day, what was changed and deleted by hand, and what a fix
//! makes of it.

use serde_json::{Value, json};
use weir_model::figures::{Measure, Paths};
use weir_model::flow::FlowSpec;
use weir_model::names::RecordId;
use weir_model::outcome::Written;
use weir_model::record::Reason;
use weir_model::settings::Problems;
use weir_model::target::{Delivery, Holding, ReadBack as _};

use super::GalaxyReadBack;
use super::tests::{Site, changed, delivery, short, written};

const RETURNS: &str = r#"
version: 1
flow: returns
source: {name: a, system: jushuitan, metadata: {api: /x, id: id}}
target:
  system: kingdee-galaxy
  key: [FBillNo]
  metadata:
    api: batchSave
    otherRequest:
      - {field: FormId, type: string, value: SAL_RETURNSTOCK}
"#;

fn returns() -> FlowSpec {
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(RETURNS, &mut problems).unwrap();
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    flow
}

fn line(material: &str, quantity: &str, price: &str) -> Value {
    let text = format!(
        r#"{{"FMaterialId": {{"FNumber": "{material}"}}, "FUnitID": {{"FNumber": "Pcs"}}, "FRealQty": {quantity},
            "FTaxPrice": {price}, "FEntryTaxRate": 13, "FIsFree": false, "FReturnType": {{"FNumber": "THLX01_SYS"}},
            "FOwnerTypeId": "BD_OwnerOrg", "FOwnerId": {{"FNumber": "101"}}, "FStockId": {{"FNumber": "CK002"}}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn bill(number: &str, date: &str, lines: &[Value]) -> Delivery {
    let mut bill = delivery(number, "");
    let body = json!({
        "FBillTypeID": {"FNumber": "XSTHD01_SYS"}, "FBillNo": number, "FDate": date,
        "FSaleOrgId": {"FNumber": "102"}, "FStockOrgId": {"FNumber": "101"}, "FRetcustId": {"FNumber": "S0001"},
        "SubHeadEntity": {"FSettleOrgId": {"FNumber": "102"}, "FSettleCurrId": {"FNumber": "PRE001"}},
        "FEntity": lines,
    });
    bill.document.body = body.to_string().into();
    bill.document.key = number.to_owned();
    bill.document.record_id = RecordId::from(number);
    bill
}

/// The same bill, delivered before as `written`; `reason` says why it comes again.
fn again(bill: &Delivery, written: &Written, reason: Reason) -> Delivery {
    let mut again = bill.clone();
    again.previous = changed(&bill.document.number, "", written).previous;
    if let Some(previous) = &mut again.previous {
        previous.key.clone_from(&bill.document.key);
    }
    again.document.reason = reason;
    again
}

fn paths() -> Paths {
    Paths {
        day: Some("FDate".into()),
        shop: Some("FRetcustId.FNumber".into()),
        pieces: Measure::parse("FEntity.FRealQty", true),
        amount: Measure::parse("FEntity.FRealQty * FEntity.FTaxPrice", true),
    }
}

fn told(holdings: &[Holding]) -> Vec<String> {
    let mut told: Vec<String> = holdings
        .iter()
        .map(|Holding { key, figures }| {
            let number = |number: &Option<weir_model::decimal::Decimal>| {
                number.as_ref().map(|number| number.trimmed().to_string()).unwrap_or_default()
            };
            let day = figures.day.map(|day| day.to_string()).unwrap_or_default();
            format!("{key} {day} {} {} {}", figures.shop, number(&figures.pieces), number(&figures.amount))
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn bills_of_a_day_come_back_with_their_figures_and_a_fix_mends_them() {
    let site = Site::with(&returns(), |_| {}).await;
    let bills = [
        bill("TK1", "2024-01-14 00:00:00", &[line("G001", "1", "59.90"), line("G002", "2", "0.05")]),
        bill("TK2", "2024-01-14 23:59:59", &[line("G001", "3", "10")]),
        bill("TK3", "2024-01-15 00:00:00", &[line("G001", "1", "1")]),
    ];
    let outcomes = site.deliver(&bills).await;
    assert_eq!(short(&outcomes), "delivered, delivered, delivered");
    let reading = Site::target_of(&returns(), &site.running.base_url());
    let reading = GalaxyReadBack::new(reading, &["FBillNo".to_owned()], &paths());
    let (from, until) = (jiff::civil::date(2024, 1, 14), jiff::civil::date(2024, 1, 15));
    let expected: Vec<Holding> =
        bills.iter().flat_map(|bill| reading.expected(&bill.document).unwrap()).collect();
    let of_day = ["TK1 2024-01-14 S0001 3 60", "TK2 2024-01-14 S0001 3 30"];
    assert_eq!(told(&reading.list(from, until).await.unwrap().unwrap()), of_day);
    assert_eq!(told(&expected)[..2], of_day);
    assert_eq!(
        told(&reading.find(&["TK3".into(), "TK'9".into()]).await.unwrap()),
        ["TK3 2024-01-15 S0001 1 1"]
    );

    // A hand changes one quantity; the receipt still says what was delivered.
    let [first, second, _] = [0, 1, 2].map(|at| written(&outcomes[at]));
    let by_hand = again(&bill("TK1", "2024-01-14 00:00:00", &[line("G001", "7", "1")]), &first, Reason::Poll);
    assert_eq!(short(&site.deliver(&[by_hand]).await), "delivered");
    assert_eq!(told(&reading.find(&["TK1".into()]).await.unwrap()), ["TK1 2024-01-14 S0001 7 7"]);
    assert_eq!(short(&site.deliver(&[again(&bills[0], &first, Reason::Fix)]).await), "delivered");
    assert_eq!(told(&reading.list(from, until).await.unwrap().unwrap()), of_day);

    // One that is gone is a letter for a poll and made anew by a fix, once.
    let mut gone = second;
    gone.id = "1".to_owned();
    let absent = bill("TK9", "2024-01-14 10:00:00", &[line("G001", "1", "1")]);
    assert_eq!(short(&site.deliver(&[again(&absent, &gone, Reason::Poll)]).await), "reject K-GONE");
    let fixed = site.deliver(&[again(&absent, &gone, Reason::Fix)]).await;
    assert_eq!(short(&fixed), "delivered");
    let unheard = Delivery { unresolved: true, ..again(&absent, &gone, Reason::Fix) };
    assert_eq!(written(&site.deliver(&[unheard]).await[0]), written(&fixed[0]));
    assert_eq!(reading.list(from, until).await.unwrap().unwrap().len(), 3);

    // So is one that a person repaired, once the very bytes that were delivered are sent again.
    let mut repaired =
        again(&bill("TK8", "2024-01-15 10:00:00", &[line("G001", "1", "1")]), &gone, Reason::Retry);
    repaired.document.repaired = true;
    assert_eq!(short(&site.deliver(&[repaired.clone()]).await), "reject K-GONE");
    let Delivery { document, previous, .. } = &mut repaired;
    let previous = previous.as_mut().unwrap();
    previous.repaired = true;
    (previous.source_digest, previous.document_digest) = (document.source_digest, document.digest);
    assert_eq!(short(&site.deliver(&[repaired]).await), "delivered");
}
