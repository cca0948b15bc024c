//! 金蝶 K/3 WISE over real HTTP: tokens, sales orders written once, refusals in every shape, lists and details.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use serde_json::{Value, json};
use support::{Answer, sandbox, send};
use weir_sandbox::{Fault, RefusedNumbers, Rule, Running, When, k3wise};

const CREATE: &str = "/K3API/Token/Create?authorityCode=4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920";

async fn token(running: &Running) -> String {
    let answer = send(running, "GET", CREATE, &[], "").await.unwrap().json();
    assert_eq!(answer["Data"]["Code"], "Y", "{answer}");
    answer["Data"]["Token"].as_str().unwrap().to_owned()
}

async fn call(running: &Running, action: &str, token: &str, body: &Value) -> Option<Answer> {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    send(running, "POST", &format!("/K3API/SO/{action}?Token={token}"), &headers, &body.to_string()).await
}

async fn ask(running: &Running, action: &str, body: &Value) -> Value {
    let token = token(running).await;
    call(running, action, &token, body).await.unwrap().json()
}

fn reference(number: &str) -> Value {
    json!({ "FNumber": number, "FName": "1" })
}

/// A sales order as the seed writes it.
fn order(number: &str) -> Value {
    json!({ "Data": {
        "Page1": [{
            "FBillNo": number, "FCancellation": "false", "Fdate": "2024-03-12", "FCustID": reference("C0032"),
            "FAreaPS": reference("1"), "FExchangeRate": "7.1825",
        }],
        "Page2": [
            { "FItemID": reference("5.B2-1116"), "FAuxQty": "3500", "FAuxTaxPrice": "11.0682" },
            { "FItemID": reference("5.C1-0301"), "FAuxQty": 2, "FAuxTaxPrice": "0.10" },
        ],
    } })
}

/// The order with a value of its header changed.
fn with_header(number: &str, key: &str, value: Value) -> Value {
    let mut order = order(number);
    order["Data"]["Page1"][0][key] = value;
    order
}

fn with_row(number: &str, key: &str, value: Value) -> Value {
    let mut order = order(number);
    order["Data"]["Page2"][1][key] = value;
    order
}

#[tokio::test]
async fn tokens_stay_the_same_and_end() {
    let running = sandbox(|options| options.k3wise.token_lifetime_seconds = 100).await;
    let first = token(&running).await;
    assert_eq!(token(&running).await, first);
    running.handle().advance_clock(60);
    let answer = send(&running, "GET", &CREATE.to_ascii_lowercase(), &[], "").await.unwrap().json();
    let left = answer["Data"]["Validity"].as_u64().unwrap();
    assert!(left <= 40 && answer["Data"]["Token"] == first.as_str(), "{answer}");
    running.handle().advance_clock(60);
    let over = call(&running, "Save", &first, &order("X1")).await.unwrap().json();
    assert!(over["StatusCode"] == 401 && over["Message"].as_str().unwrap().contains("Token"), "{over}");
    let second = token(&running).await;
    assert_ne!(second, first);
    running.handle().expire_k3wise_token();
    assert_eq!(call(&running, "Save", &second, &order("X1")).await.unwrap().json()["StatusCode"], 401);
    let wrong = send(&running, "GET", "/K3API/Token/Create?authorityCode=0", &[], "").await.unwrap().json();
    assert_eq!((&wrong["StatusCode"], &wrong["Data"]["Code"]), (&json!(201), &json!("N")));
    let state = running.handle().state().k3wise;
    assert_eq!((state.tokens_issued, state.store.orders().count()), (2, 0));
}

#[tokio::test]
async fn an_order_is_written_once_and_found_again() {
    let running = sandbox(|_| {}).await;
    let saved = ask(&running, "Save", &order("XM20240312001")).await;
    assert_eq!(saved["StatusCode"], 200, "{saved}");
    assert_eq!(saved["Data"]["BillNo"], "XM20240312001");
    let again = ask(&running, "Save", &order("xm20240312001")).await;
    assert_eq!(again["StatusCode"], 201);
    assert!(again["Message"].as_str().unwrap().contains("xm20240312001"), "names the number: {again}");

    let detail = ask(&running, "GetDetail", &json!({ "Data": { "FBillNo": "XM20240312001" } })).await;
    let (header, rows) = (&detail["Data"]["Page1"][0], &detail["Data"]["Page2"]);
    assert_eq!(header["FInterID"], saved["Data"]["InterID"]);
    assert_eq!(header["FCustID"], json!({ "FNumber": "C0032", "FName": "客户0032" }), "the real name");
    assert_eq!((&rows[0]["Fauxqty"], &rows[1]["FAuxTaxPrice"]), (&json!("3500"), &json!("0.10")));
    let absent = ask(&running, "GetDetail", &json!({ "Data": { "FBillNo": "X9" } })).await;
    assert_eq!((&absent["StatusCode"], &absent["Data"]), (&json!(201), &Value::Null));

    let unnumbered = ask(&running, "Save", &order("")).await;
    assert!(unnumbered["Data"]["BillNo"].as_str().unwrap().starts_with("SEORD"), "{unnumbered}");
    let store = running.handle().state().k3wise.store;
    assert_eq!(store.orders().count(), 2);
    assert_eq!(store.order("XM20240312001").unwrap().creates, 1);
    assert_eq!(store.duplicate_creates()["xm20240312001"], 1);
}

#[tokio::test]
async fn routes_keys_and_the_token_have_no_case() {
    let running = sandbox(|_| {}).await;
    let token = token(&running).await;
    let body = order("X1").to_string().replace("\"Data\"", "\"data\"").replace("\"Fdate\"", "\"FDATE\"");
    let path = format!("/k3api/so/SAVE?token={token}");
    let saved = send(&running, "POST", &path, &[], &body).await.unwrap().json();
    assert_eq!(saved["StatusCode"], 200, "{saved}");
    for method in ["GET", "POST"] {
        let path = format!("/K3API/SO/GetTemplate?Token={token}");
        let template = send(&running, method, &path, &[], "").await.unwrap().json();
        assert_eq!(template["Data"]["Data"]["Page1"][0]["FTranType"], 81, "{template}");
        assert!(template["Data"]["Data"]["Page2"][0].get("Fauxqty").is_some());
    }
    assert_eq!(send(&running, "GET", &path, &[], "").await.unwrap().status, 405);
    assert_eq!(send(&running, "POST", "/K3API/SalesOrder/Save", &[], "{}").await.unwrap().status, 404);
    let broken = send(&running, "POST", &path, &[], "{\"Data\":").await.unwrap();
    assert_eq!((broken.status, &broken.json()["StatusCode"]), (200, &json!(500)));
    let mut odd = with_header("X2", "FHeadSelfS0123", json!("kept"));
    odd["Data"]["Page1"][0]["FNoSuchField"] = json!("kept too");
    assert_eq!(ask(&running, "Save", &odd).await["StatusCode"], 200);
    let store = running.handle().state().k3wise.store;
    assert_eq!(store.order("X2").unwrap().header["FHeadSelfS0123"], "kept");
    assert_eq!(store.unknown_keys().keys().collect::<Vec<_>>(), ["Page1.FNoSuchField"]);
}

#[tokio::test]
async fn documents_are_refused_in_words() {
    let running = sandbox(|options| {
        options.knobs.refuse_numbers(RefusedNumbers { every: 0, numbers: vec!["X13".to_owned()] });
    })
    .await;
    let mut two_headers = order("X1");
    two_headers["Data"]["Page1"] = json!([{}, {}]);
    let mut no_rows = order("X1");
    no_rows["Data"]["Page2"] = json!([]);
    let without_price = with_row("X1", "FAuxTaxPrice", json!(""));
    for (body, words) in [
        (with_header("X1", "FCustID", reference("C0045")), "客户代码 [C0045] 不存在"),
        (with_header("X1", "FCustID", reference("")), "客户代码 [FCustID] 必录"),
        (with_header("X1", "Fdate", json!("2024-02-30")), "不是有效日期"),
        (with_header("X1", "FExchangeRate", json!("abc")), "不是数值"),
        (with_row("X1", "FItemID", reference("SAMPLE-01")), "第 2 行分录：物料代码 [SAMPLE-01] 不存在"),
        (with_row("X1", "FAuxQty", json!("0.00")), "第 2 行分录：数量 [Fauxqty] 必须大于零"),
        (without_price, "不能同时为空"),
        (two_headers, "Page1必须有且只有一条记录"),
        (no_rows, "Page2"),
        (order("X13"), "信用额度"),
        (json!({}), "Data"),
    ] {
        let refused = ask(&running, "Save", &body).await;
        assert_eq!((&refused["StatusCode"], &refused["Data"]), (&json!(201), &Value::Null), "{refused}");
        assert!(refused["Message"].as_str().unwrap().contains(words), "{refused}");
    }
    assert_eq!(running.handle().state().k3wise.store.writes().len(), 0, "all or nothing");
}

#[tokio::test]
async fn a_strict_site_wants_more_fields() {
    let running = sandbox(|options| options.k3wise.mandatory = k3wise::Mandatory::Strict).await;
    let refused = ask(&running, "Save", &order("X1")).await;
    assert!(refused["Message"].as_str().unwrap().contains("[FDeptID] 必录"), "{refused}");
    let mut full = with_header("X1", "FDeptID", reference("D20"));
    full["Data"]["Page1"][0]["FEmpID"] = reference("2747");
    for row in [0, 1] {
        full["Data"]["Page2"][row]["FUnitID"] = reference("S01");
        full["Data"]["Page2"][row]["FDate1"] = json!("2024-04-05");
    }
    assert_eq!(ask(&running, "Save", &full).await["StatusCode"], 200);
}

#[tokio::test]
async fn builds_tell_successes_and_failures_apart_in_their_own_ways() {
    use k3wise::SuccessShape;
    let row = |status: bool| move |answer: &Value| answer["Data"][0]["FStatus"] == status;
    type IsRight = fn(&Value) -> bool;
    let checks: [(SuccessShape, IsRight); 3] = [
        (SuccessShape::BillNo, |answer| {
            answer["Data"]["BillNo"] == "X1" && answer["Message"] == "Successful"
        }),
        (SuccessShape::Message, |answer| answer["Message"] == "X1" && answer["Data"].is_null()),
        (SuccessShape::Bare, |answer| answer["Message"] == "Successful" && answer["Data"].is_null()),
    ];
    for (shape, is_right) in checks {
        let running = sandbox(|options| options.k3wise.success_shape = shape).await;
        let saved = ask(&running, "Save", &order("X1")).await;
        assert!(saved["StatusCode"] == 200 && is_right(&saved), "{shape:?}: {saved}");
        assert_eq!(ask(&running, "Save", &order("X1")).await["StatusCode"], 201);
    }
    let running = sandbox(|options| options.k3wise.success_shape = SuccessShape::Rows).await;
    let saved = ask(&running, "Save", &order("X1")).await;
    assert!(row(true)(&saved) && saved["Data"][0]["FNumber"] == "X1", "{saved}");
    let refused = ask(&running, "Save", &order("X1")).await;
    assert_eq!((&refused["StatusCode"], &refused["Message"]), (&json!(200), &json!("Successful")));
    assert!(row(false)(&refused), "a failure under a success: {refused}");
    let running = sandbox(|options| options.k3wise.success_shape = SuccessShape::WrappedRows).await;
    assert_eq!(ask(&running, "Save", &order("X1")).await["Data"][0]["Data"][0]["FStatus"], true);
}

#[tokio::test]
async fn orders_are_updated_audited_and_deleted() {
    let running = sandbox(|_| {}).await;
    ask(&running, "Save", &order("X1")).await;
    ask(&running, "Save", &order("X2")).await;
    let change = json!({ "FBillNo": "X1", "Data": { "Page1": [{ "FExplanation": "第二版" }] } });
    assert_eq!(ask(&running, "Update", &change).await["Data"]["BillNo"], "X1");
    let store = running.handle().state().k3wise.store;
    let changed = store.order("X1").unwrap();
    assert_eq!(
        (changed.rows.len(), changed.updates, &changed.header["FExplanation"]),
        (2, 1, &json!("第二版"))
    );

    let handle = running.handle();
    handle.set(Fault::AuditRefused, Rule::new(When::Next(1)));
    let named = json!({ "data": { "FBillNo": "X1" } });
    assert_eq!(ask(&running, "CheckBill", &named).await["StatusCode"], 201);
    assert_eq!(ask(&running, "CheckBill", &named).await["StatusCode"], 200);
    assert!(ask(&running, "CheckBill", &named).await["Message"].as_str().unwrap().contains("已审核"));
    assert!(ask(&running, "Update", &change).await["Message"].as_str().unwrap().contains("已审核"));
    let both = json!({ "data": [{ "FBillNo": "X2" }, { "FBillNo": "X1" }] });
    assert_eq!(ask(&running, "Delete", &both).await["StatusCode"], 201, "all or nothing");
    assert_eq!(ask(&running, "Delete", &json!({ "data": [{ "FBillNo": "X2" }] })).await["StatusCode"], 200);
    let writes: Vec<_> = handle.state().k3wise.store.writes().iter().map(|write| write.action).collect();
    assert_eq!(writes, ["create", "create", "update", "audit", "delete"]);
    ask(&running, "Save", &order("X3")).await;
    handle.set(Fault::PersonActs, Rule::new(When::Next(1)).on("Update"));
    let change = json!({ "FBillNo": "X3", "Data": { "Page1": [{ "FExplanation": "第二版" }] } });
    assert!(ask(&running, "Update", &change).await["Message"].as_str().unwrap().contains("已审核"));
    let unknown = json!({ "FBillNo": "X2", "Data": { "Page1": [{}] } });
    assert!(ask(&running, "Update", &unknown).await["Message"].as_str().unwrap().contains("不存在"));
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let running = sandbox(|_| {}).await;
    for number in ["X1", "X2", "X3"] {
        ask(&running, "Save", &order(number)).await;
    }
    let list = |data: Value| {
        let running = &running;
        async move { ask(running, "GetList", &json!({ "Data": data })).await["Data"].take() }
    };
    let found = list(json!({ "Filter": "[FBillNo]='X2'", "Fields": "FBillNo,FItemID", "Top": "100" })).await;
    assert_eq!(
        (&found["ROWCOUNT"], &found["DATA"][1]["FItemID"]["FNumber"]),
        (&json!(2), &json!("5.C1-0301"))
    );
    let newest = json!({ "SelectPage": "1", "OrderBy": "[FBillNo] desc", "PageSize": "2", "PageIndex": "2" });
    let page = list(newest).await;
    assert_eq!((&page["ROWCOUNT"], page["DATA"].as_array().unwrap().len()), (&json!(3), 1));
    assert_eq!(page["DATA"][0]["FBillNo"], "X1");
    assert_eq!(list(json!({ "Filter": "[FBillNo]='none'" })).await["DATA"], json!([]));
    for data in
        [json!({ "Filter": "[FNoSuch]='1'" }), json!({ "Filter": "FBillNo" }), json!({ "PageIndex": "0" })]
    {
        assert_eq!(list(data).await, Value::Null);
    }
}

#[tokio::test]
async fn faults_strike_as_they_are_told_to() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    let token = token(&running).await;
    let save = |number: &'static str| {
        let (running, token) = (&running, &token);
        async move { call(running, "Save", token, &order(number)).await }
    };
    handle.set(Fault::LostReply, Rule::new(When::Next(1)).on("SO/Save"));
    assert!(save("X1").await.is_none());
    assert!(handle.state().k3wise.store.order("X1").is_some(), "stored, and nobody was told");
    handle.set(Fault::Http5xx, Rule::new(When::Next(1)).on("k3wise").code("503"));
    assert_eq!(save("X2").await.unwrap().status, 503);
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).code("row"));
    let row = save("X2").await.unwrap().json();
    assert_eq!((&row["StatusCode"], &row["Data"][0]["FStatus"]), (&json!(200), &json!(false)));
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).code("failed_row"));
    let row = save("X2").await.unwrap().json();
    assert_eq!((&row["StatusCode"], &row["Data"][0]["FStatus"]), (&json!(201), &json!(false)));
    for (code, words) in [
        ("locked", "锁定"),
        ("deadlock", "死锁"),
        ("licence", "许可"),
        ("unauthorised", "模块未授权"),
        ("period", "已结账"),
    ] {
        handle.set(Fault::VendorError, Rule::new(When::Next(1)).code(code));
        let refused = save("X2").await.unwrap().json();
        assert!(refused["Message"].as_str().unwrap().contains(words), "{refused}");
    }
    assert!(handle.state().k3wise.store.order("X2").is_none(), "nothing was done");
    handle.set(Fault::CodeAsText, Rule::new(When::Next(1)));
    assert_eq!(save("X2").await.unwrap().json()["StatusCode"], "200");
    handle.set(Fault::ExpiredToken, Rule::new(When::Next(1)));
    assert_eq!(save("X3").await.unwrap().json()["StatusCode"], 401);
    assert_eq!(handle.state().calls["k3wise SO/Save"].faults["lost_reply"], 1);
}
