//! 金蝶云星空: sales returns (`SAL_RETURNSTOCK`) with a part and rows, written within a session of `ValidateUser`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use serde_json::{Value, json};
use support::{kingdee, kingdee_path, sandbox, send};
use weir_sandbox::{Running, kingdee::DocumentStatus};

/// The sample of the contract (§8).
fn sales_return(number: &str) -> Value {
    let reference = |number: &str| json!({ "FNumber": number });
    json!({
        "FID": 0, "FBillTypeID": reference("XSTHD01_SYS"), "FBillNo": number, "FDate": "2024-02-29 10:15:00",
        "FSaleOrgId": reference("102"), "FStockOrgId": reference("101"), "FRetcustId": reference("S0001"),
        "FHeadNote": "refund of order 9001",
        "SubHeadEntity": { "FSettleOrgId": reference("102"), "FSettleCurrId": reference("PRE001") },
        "FEntity": [row("SKU-1", "59.90"), row("G017-RED", "0.10")],
    })
}

fn row(material: &str, price: &str) -> Value {
    json!({
        "FMaterialId": { "FNumber": material }, "FUnitID": { "FNumber": "Pcs" }, "FRealQty": 2, "FTaxPrice": price,
        "FEntryTaxRate": 13, "FIsFree": false, "FReturnType": { "FNumber": "THLX01_SYS" },
        "FOwnerTypeId": "BD_OwnerOrg", "FOwnerId": { "FNumber": "101" }, "FStockId": { "FNumber": "CK001" },
        "FNote": "line",
    })
}

async fn save(running: &Running, data: Value) -> Value {
    let body = json!({ "formid": "SAL_RETURNSTOCK", "data": data });
    kingdee(running, "BatchSave", &body).await["Result"].take()
}

async fn query(running: &Running, keys: &str, filter: &str) -> Value {
    let data = json!({ "FormId": "SAL_RETURNSTOCK", "FieldKeys": keys, "FilterString": filter });
    kingdee(running, "ExecuteBillQuery", &json!({ "data": data })).await
}

#[tokio::test]
async fn a_return_is_stored_and_queried_by_its_rows() {
    let running = sandbox(|_| {}).await;
    let models = [sales_return("TK1"), sales_return("TK2")];
    let saved = save(
        &running,
        json!({ "Model": models, "NeedReturnFields": ["FBillNo", "FEntity.FEntryID"], "IsAutoSubmitAndAudit": true }),
    )
    .await;
    assert_eq!(saved["ResponseStatus"]["IsSuccess"], true, "{saved}");
    let id = saved["ResponseStatus"]["SuccessEntitys"][0]["Id"].as_i64().unwrap();
    let returned = json!({ "FBillNo": "TK1", "FEntity": [{ "FEntryID": id * 1_000 + 1 }, { "FEntryID": id * 1_000 + 2 }] });
    assert_eq!(saved["NeedReturnData"][0], returned);

    let keys =
        "FBillNo,FRetcustId.FNumber,FSettleCurrId.FNumber,FEntity_FSeq,FMaterialId.FNumber,FTaxPrice,FIsFree";
    let rows = query(&running, keys, "FBillNo='TK1'").await;
    assert_eq!(rows[0].to_string(), r#"["TK1","S0001","PRE001",1,"SKU-1",59.90,false]"#);
    assert_eq!(rows[1].to_string(), r#"["TK1","S0001","PRE001",2,"G017-RED",0.10,false]"#);
    assert_eq!(query(&running, "FBillNo", "FBillNo in ('TK1','TK2')").await, json!([["TK1"], ["TK2"]]));
    assert_eq!(query(&running, "FBillNo", "FMaterialId.FNumber='SKU-1'").await.as_array().unwrap().len(), 2);

    let data = json!({ "formid": "SAL_RETURNSTOCK", "data": { "Number": "TK2" } });
    let view = kingdee(&running, "View", &data).await["Result"]["Result"].take();
    assert_eq!((&view["DocumentStatus"], &view["HeadNote"]), (&json!("C"), &json!("refund of order 9001")));
    assert_eq!(view["Entity"][1]["MaterialId"]["Number"], "G017-RED");
    assert_eq!(view["SubHeadEntity"][0]["SettleCurrId"]["Number"], "PRE001");

    let again = save(&running, json!({ "Model": [sales_return("tk1")] })).await["ResponseStatus"].take();
    assert_eq!(again["MsgCode"], 11);
    let words = "违反字段唯一性要求：编码唯一。[tk1]在当前系统中已经被使用。";
    assert_eq!(
        (&again["Errors"][0]["FieldName"], &again["Errors"][0]["Message"]),
        (&json!("FBillNo"), &json!(words))
    );
}

#[tokio::test]
async fn what_a_return_lacks_is_told_per_field_and_row() {
    let running = sandbox(|_| {}).await;
    let mut model = sales_return("TK1");
    model["FRetcustId"] = json!({ "FNumber": "" });
    model["FDate"] = json!("no date");
    model.as_object_mut().unwrap().shift_remove("SubHeadEntity");
    model["FEntity"][1].as_object_mut().unwrap().shift_remove("FStockId");
    model["FEntity"][0]["FRealQty"] = json!("two");
    model["FEntity"][0]["FNoSuchKey"] = json!(1);
    let refused = save(&running, json!({ "Model": [model] })).await["ResponseStatus"].take();
    let errors = refused["Errors"].as_array().unwrap();
    let words: Vec<_> = errors.iter().map(|error| error["Message"].as_str().unwrap()).collect();
    assert_eq!(
        words,
        [
            "字段“日期”的值格式不正确",
            "字段“客户”是必填项",
            "字段“结算组织”是必填项",
            "字段“结算币别”是必填项",
            "单据体实体【明细信息】第【1】行分录，字段“实退数量”的值格式不正确",
            "单据体实体【明细信息】第【2】行分录，【仓库】字段必录",
        ]
    );
    assert!(errors.iter().all(|error| error["DIndex"] == 0));
    let mut empty = sales_return("TK2");
    empty["FEntity"] = json!([]);
    let mut unknown = sales_return("TK3");
    unknown["FEntity"][0]["FMaterialId"] = json!({ "FNumber": "NONE" });
    let verified = json!({ "Model": [empty, unknown, sales_return("TK4")], "IsVerifyBaseDataField": true });
    let mixed = save(&running, verified).await["ResponseStatus"].take();
    assert_eq!(mixed["Errors"][0]["Message"], "单据体“明细信息”至少要有一行分录");
    assert_eq!(
        mixed["Errors"][1]["Message"],
        "单据体实体【明细信息】第【1】行分录，字段“物料编码”的基础资料编码“NONE”不存在"
    );
    assert_eq!(mixed["SuccessEntitys"][0]["DIndex"], 2);
    let store = running.handle().state().kingdee.store;
    assert_eq!(store.documents("SAL_RETURNSTOCK").count(), 1);
    assert_eq!(store.unknown_keys()["SAL_RETURNSTOCK.FEntity.FNoSuchKey"], 1);
}

#[tokio::test]
async fn an_update_replaces_rows_or_keeps_them() {
    let running = sandbox(|_| {}).await;
    let saved = save(&running, json!({ "Model": [sales_return("TK1")] })).await;
    let id = saved["ResponseStatus"]["SuccessEntitys"][0]["Id"].as_i64().unwrap();
    let update = |rows: Value, delete: bool| {
        let model = json!({ "FID": id, "FEntity": rows });
        save(&running, json!({ "Model": [model], "IsDeleteEntry": delete }))
    };
    let second = json!([{ "FEntryID": id * 1_000 + 2, "FNote": "changed" }, row("G001", "1")]);
    update(second, false).await;
    let rows = query(&running, "FMaterialId.FNumber,FNote", "").await;
    assert_eq!(rows, json!([["SKU-1", "line"], ["G017-RED", "changed"], ["G001", "line"]]));
    update(json!([row("G002", "1")]), true).await;
    assert_eq!(query(&running, "FMaterialId.FNumber", "").await, json!([["G002"]]));
    let store = running.handle().state().kingdee.store;
    let document = store.document("SAL_RETURNSTOCK", "TK1").unwrap();
    assert_eq!((document.status, document.creates, document.updates), (DocumentStatus::Created, 1, 2));
}

#[tokio::test]
async fn a_session_of_validate_user_writes_until_it_is_over() {
    let running = sandbox(|_| {}).await;
    let login = json!({ "parameters": ["65f0c0ffee0001", "integration", "demo-password", 2052] }).to_string();
    let body = json!({ "formid": "SAL_RETURNSTOCK", "data": { "Model": [sales_return("TK1")] } }).to_string();
    let write = |session: String| {
        let (running, body) = (&running, &body);
        async move {
            let path = kingdee_path("DynamicFormService.BatchSave");
            let cookie = format!("kdservice-sessionid={session}");
            let answer = send(running, "POST", &path, &[("Cookie", &cookie)], body).await.unwrap().json();
            answer["Result"]["ResponseStatus"].clone()
        }
    };
    let log_in = || async {
        let path = kingdee_path("AuthService.ValidateUser");
        let told = send(&running, "POST", &path, &[], &login).await.unwrap().json();
        told["KDSVCSessionId"].as_str().unwrap().to_owned()
    };
    let first = log_in().await;
    running.handle().expire_kingdee_sessions();
    let over = write(first).await;
    assert_eq!(
        (&over["MsgCode"], &over["Errors"][0]["Message"]),
        (&json!(1), &json!("会话已超时，请重新登录"))
    );
    assert_eq!(write(log_in().await).await["IsSuccess"], true);
    assert_eq!(running.handle().state().kingdee.store.writes().len(), 1);
}
