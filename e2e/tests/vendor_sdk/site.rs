//! What the vendor's client does with the sandbox: signed calls that open a session, saves, queries, views, refusals.

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox, When, kingdee::DocumentStatus};

use crate::client::VendorClient;

/// A sandbox and the vendor's client before it.
struct Site {
    client: VendorClient,
    sandbox: Running,
    // Last, because the sandbox is served by it.
    _runtime: Runtime,
}

impl Site {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(Options::default(), "127.0.0.1:0")).unwrap();
        Self { client: VendorClient::start(&sandbox.base_url()), sandbox, _runtime: runtime }
    }

    /// What is stored of a document, as the state page tells it.
    fn stored(&self, form: &str, number: &str) -> (Value, DocumentStatus) {
        let store = self.sandbox.handle().state().kingdee.store;
        let document = store.document(form, number).unwrap_or_else(|| panic!("no {form} {number}"));
        (Value::Object(document.fields.clone()), document.status)
    }

    /// How many calls of an operation came, and how many of them were refused.
    fn calls(&self, operation: &str) -> (u64, u64) {
        let calls = self.sandbox.handle().state().calls;
        let count = calls.get(&format!("kingdee {operation}"));
        count.map_or((0, 0), |count| (count.received, count.refused.values().sum()))
    }
}

fn status(answer: &Value) -> &Value {
    &answer["Result"]["ResponseStatus"]
}

/// A reference to base data.
fn number(number: &str) -> Value {
    json!({ "FNumber": number })
}

fn customer(code: &str, name: &str) -> Value {
    json!({
        "FCreateOrgId": number("100"), "FUseOrgId": number("100"), "FNumber": code, "FName": name,
        "FDescription": "10000001", "FSELLER": number("GW000001_1"),
    })
}

/// The contract's sample (§8), with prices that a binary float does not hold.
fn sales_return(bill: &str) -> Value {
    json!({
        "FBillTypeID": number("XSTHD01_SYS"), "FBillNo": bill, "FDate": "2024-02-29 10:15:00",
        "FSaleOrgId": number("102"), "FStockOrgId": number("101"), "FRetcustId": number("S0001"),
        "FHeadNote": "退货单 9001",
        "SubHeadEntity": { "FSettleOrgId": number("102"), "FSettleCurrId": number("PRE001") },
        "FEntity": [{
            "FMaterialId": number("SKU-1"), "FUnitID": number("Pcs"), "FRealQty": 2, "FTaxPrice": "59.90",
            "FEntryTaxRate": "13.00", "FIsFree": false, "FReturnType": number("THLX01_SYS"),
            "FOwnerTypeId": "BD_OwnerOrg", "FOwnerId": number("101"), "FStockId": number("CK001"), "FNote": "一",
        }],
    })
}

#[test]
fn customers_are_saved_queried_and_viewed_within_one_session() {
    let mut site = Site::new();
    let models = [customer("K1", "杭州云锦商贸有限公司"), customer("K2", " ")];
    let data = json!({ "IsAutoSubmitAndAudit": "true", "NeedReturnFields": ["FNumber"], "Model": models });
    let saved = site.client.call("BatchSave", &json!(["BD_Customer", data]));
    let told = status(&saved);
    assert_eq!((&told["IsSuccess"], &told["MsgCode"]), (&json!(false), &json!(11)), "{saved}");
    assert_eq!((&told["SuccessEntitys"][0]["DIndex"], &told["Errors"][0]["DIndex"]), (&json!(0), &json!(1)));
    let id = told["SuccessEntitys"][0]["Id"].as_i64().unwrap();
    assert_eq!(site.stored("BD_Customer", "K1"), (models[0].clone(), DocumentStatus::Audited));

    let query = json!({
        "FormId": "BD_Customer", "FieldKeys": "FCUSTID,FNumber,FName,FSELLER.FNumber,FDocumentStatus",
        "FilterString": "FNumber in ('K1','K2')", "Limit": 2_000,
    });
    let rows = site.client.call("ExecuteBillQuery", &json!([query]));
    assert_eq!(rows, json!([[id, "K1", "杭州云锦商贸有限公司", "GW000001_1", "C"]]));
    let objects = site.client.call("BillQuery", &json!([query]));
    assert_eq!(objects[0]["FName"], "杭州云锦商贸有限公司");
    let view = site.client.call("View", &json!(["BD_Customer", { "Number": "K1", "CreateOrgId": 0 }]));
    assert_eq!((&status(&view)["IsSuccess"], &view["Result"]["Result"]["Id"]), (&json!(true), &json!(id)));
    let nobody = site.client.call("View", &json!(["BD_Customer", { "Number": "nobody" }]));
    assert_eq!(status(&nobody)["Errors"][0]["Message"], "传递的编码值不存在");

    // The client keeps the session of its first answer; one that is over is renewed by its signed headers, unseen.
    assert_eq!(site.sandbox.handle().state().kingdee.sessions_opened, 1);
    site.sandbox.handle().expire_kingdee_sessions();
    let rows = site.client.call("ExecuteBillQuery", &json!([query]));
    assert_eq!(rows[0][0], id);
    assert_eq!(site.sandbox.handle().state().kingdee.sessions_opened, 2);
    assert_eq!(site.calls("ExecuteBillQuery"), (2, 0));
}

#[test]
fn a_return_goes_through_its_steps_and_keeps_its_decimals() {
    let mut site = Site::new();
    let model = sales_return("TK1");
    let saved = site.client.call("Save", &json!(["SAL_RETURNSTOCK", { "Model": model }]));
    assert_eq!(status(&saved)["IsSuccess"], true, "{saved}");
    assert_eq!((&saved["Result"]["Number"], saved["Result"]["Id"].is_i64()), (&json!("TK1"), true));
    assert_eq!(site.stored("SAL_RETURNSTOCK", "TK1"), (model.clone(), DocumentStatus::Created));
    let numbers = json!(["SAL_RETURNSTOCK", { "Numbers": ["TK1"] }]);
    for (step, stands) in [
        ("Submit", DocumentStatus::InReview),
        ("Audit", DocumentStatus::Audited),
        ("UnAudit", DocumentStatus::ToReaudit),
    ] {
        let told = site.client.call(step, &numbers);
        assert_eq!(status(&told)["IsSuccess"], true, "{told}");
        assert_eq!(site.stored("SAL_RETURNSTOCK", "TK1").1, stands);
    }
    let query = json!({
        "FormId": "SAL_RETURNSTOCK", "FieldKeys": "FBillNo,FTaxPrice,FEntryTaxRate,FMaterialId.FNumber",
        "FilterString": "FBillNo = 'TK1'",
    });
    let rows = site.client.call_for_text("ExecuteBillQuery", &json!([query]));
    assert_eq!(rows, r#"[["TK1",59.90,13.00,"SKU-1"]]"#);
    let view = site.client.call("View", &json!(["SAL_RETURNSTOCK", { "Number": "TK1" }]));
    assert_eq!(view["Result"]["Result"]["Entity"][0]["MaterialId"]["Number"], "SKU-1");

    let again = site.client.call("Save", &json!(["SAL_RETURNSTOCK", { "Model": model }]));
    let words = "违反字段唯一性要求：编码唯一。[TK1]在当前系统中已经被使用。";
    assert_eq!(
        (&status(&again)["MsgCode"], &status(&again)["Errors"][0]["Message"]),
        (&json!(11), &json!(words))
    );
    let deleted = site.client.call("Delete", &numbers);
    assert_eq!(status(&deleted)["IsSuccess"], true, "{deleted}");
    assert!(site.sandbox.handle().state().kingdee.store.document("SAL_RETURNSTOCK", "TK1").is_none());
}

#[test]
fn a_batch_is_begun_and_asked_for_and_a_step_is_named() {
    let mut site = Site::new();
    let data = json!({ "Model": [customer("K1", "一"), customer("K2", "二"), customer("K1", "三")] });
    let saved = site.client.call("BatchSaveQuery", &json!(["BD_Customer", data]));
    let told = status(&saved);
    assert_eq!(told["SuccessEntitys"].as_array().map(Vec::len), Some(2), "{saved}");
    assert_eq!(told["Errors"][0]["DIndex"], 2);
    assert_eq!(site.calls("QueryAsyncResult"), (1, 0));
    let submitted =
        site.client.call("ExcuteOperation", &json!(["BD_Customer", "Submit", { "Numbers": ["K2"] }]));
    assert_eq!(status(&submitted)["IsSuccess"], true, "{submitted}");
    assert_eq!(site.stored("BD_Customer", "K1").1, DocumentStatus::Created);
    assert_eq!(site.stored("BD_Customer", "K2").1, DocumentStatus::InReview);
    let info = site.client.call("QueryBusinessInfo", &json!([{ "FormId": "BD_Customer" }]));
    assert_eq!(info["Result"]["NeedReturnData"]["Entrys"][0]["Key"], "FBillHead", "{info}");
}

#[test]
fn wrong_credentials_and_exceptions_reach_the_client_as_its_errors() {
    let mut site = Site::new();
    let arguments = json!(["BD_Customer", { "Model": customer("K1", "一") }]);
    let refused = site.client.call_as("ffffffffffffffffffffffffffffffff", "Save", &arguments);
    let answer: Value = serde_json::from_str(refused["answer"].as_str().unwrap()).unwrap();
    assert_eq!((&status(&answer)["IsSuccess"], &status(&answer)["MsgCode"]), (&json!(false), &json!(1)));
    assert_eq!(status(&answer)["Errors"][0]["Message"], "会话信息已丢失，请重新登录");
    assert_eq!(site.sandbox.handle().state().kingdee.sessions_opened, 0);

    let elsewhere = json!({
        "acct_id": "0000000000", "user_name": "integration", "app_id": "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz",
        "app_secret": crate::client::SECRET, "server_url": format!("{}/k3cloud", site.sandbox.base_url()),
    });
    let raised = site.client.call_of(&elsewhere, "Save", &arguments);
    assert!(raised["error"].as_str().unwrap().contains("数据中心"), "{raised}");

    site.sandbox.handle().set(Fault::VendorError, Rule::new(When::Next(1)).code("response_error"));
    let raised = site.client.call_as(crate::client::SECRET, "Save", &arguments);
    assert!(raised["error"].is_string(), "status 200 and response_error: {raised}");
    let saved = site.client.call("Save", &arguments);
    assert_eq!(status(&saved)["IsSuccess"], true, "nothing was stored before: {saved}");
}
