//! 金蝶云星空 over real HTTP: signed headers, sessions, saves with an outcome per document, steps, queries.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use serde_json::{Value, json};
use support::{Answer, customer, kingdee, kingdee_path, kingdee_raw, sandbox, save_customers, send, signed};
use weir_sandbox::{Fault, RefusedNumbers, Rule, Running, When, kingdee::DocumentStatus};

fn status(answer: &Value) -> &Value {
    &answer["Result"]["ResponseStatus"]
}

async fn save(running: &Running, models: &[Value]) -> Value {
    save_customers(running, models).await.unwrap().json()
}

async fn post(running: &Running, service: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send(running, "POST", &kingdee_path(service), headers, body).await.unwrap()
}

async fn query(running: &Running, keys: &str, filter: &Value) -> Value {
    let data = json!({ "FormId": "BD_Customer", "FieldKeys": keys, "FilterString": filter });
    kingdee(running, "ExecuteBillQuery", &json!({ "data": data })).await
}

#[tokio::test]
async fn signed_headers_are_verified_exactly_and_open_a_session() {
    let running = sandbox(|options| {
        options.clock_offset_seconds = 1_700_000_000 - jiff::Timestamp::now().as_second();
    })
    .await;
    let path = kingdee_path("DynamicFormService.BatchSave");
    let body = json!({ "formid": "BD_Customer", "data": { "Model": [customer("1", "一")] } }).to_string();
    let call = |timestamp: &'static str, secret: &'static str| {
        let (running, path, body) = (&running, &path, &body);
        async move {
            let headers = signed(path, timestamp, secret);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            send(running, "POST", path, &headers, body).await.unwrap()
        }
    };
    let secret = "0123456789abcdef0123456789abcdef";
    // The worked example of the contract, character by character.
    let example = signed(&path, "1700000000", secret);
    assert_eq!(
        example[5].1,
        "ZjM0MDU3MGY4ZGYyOTBkY2M5NDQ5ZTUwMTIwNzM0MTExNzQ2YjA4OGYwNmMxZjAyYTYzMjQxOTk0OWIzZWUwNg=="
    );
    let wrong = call("1700000000", "another secret").await.json();
    assert_eq!(status(&wrong)["MsgCode"], 1);
    assert_eq!(status(&wrong)["Errors"][0]["Message"], "会话信息已丢失，请重新登录");
    assert_eq!(status(&call("1699999000", secret).await.json())["MsgCode"], 1, "stale");
    let good = call("1700000000", secret).await;
    assert_eq!(status(&good.json())["IsSuccess"], true, "{}", good.body);
    let cookie = good.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(cookie.starts_with("kdservice-sessionid="), "{cookie}");
    assert_eq!(
        status(&call("1700000000123", secret).await.json())["MsgCode"],
        11,
        "milliseconds; number in use"
    );

    // Within a live session nothing is verified; afterwards a cookie alone is not enough.
    let view = json!({ "formid": "BD_Customer", "data": { "Number": "1" } }).to_string();
    let inside = post(&running, "DynamicFormService.View", &[("Cookie", &cookie)], &view).await.json();
    assert_eq!(inside["Result"]["Result"]["Name"][0]["Value"], "一");
    running.handle().expire_kingdee_sessions();
    let outside = post(&running, "DynamicFormService.View", &[("Cookie", &cookie)], &view).await.json();
    assert_eq!(status(&outside)["Errors"][0]["Message"], "会话已超时，请重新登录");
}

#[tokio::test]
async fn logins_give_one_session_id_three_times() {
    let running = sandbox(|_| {}).await;
    let account = "65f0c0ffee0001";
    let positional = json!({ "parameters": [account, "integration", "demo-password", 2052] }).to_string();
    let named =
        json!({ "acctID": account, "username": "integration", "password": "demo-password", "lcid": 2052 });
    let app_id = "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz";
    let app =
        json!({ "parameters": [account, "integration", app_id, "0123456789abcdef0123456789abcdef", 2052] });
    for (service, body) in [
        ("AuthService.ValidateUser", positional.clone()),
        ("AuthService.ValidateUser", named.to_string()),
        ("AuthService.LoginByAppSecret", app.to_string()),
    ] {
        let answer = post(&running, service, &[], &body).await;
        let told = answer.json();
        assert_eq!(told["LoginResultType"], 1, "{told}");
        let id = told["KDSVCSessionId"].as_str().unwrap();
        assert_eq!(told["Context"]["SessionId"], id);
        assert!(answer.header("set-cookie").unwrap().contains(id));
        let body = r#"{"parameters":["{\"FormId\":\"BD_Customer\",\"FieldKeys\":\"FNumber\"}"]}"#;
        let rows =
            post(&running, "DynamicFormService.ExecuteBillQuery", &[("kdservice-sessionid", id)], body).await;
        assert_eq!(rows.json(), json!([]));
    }
    let wrong = positional.replace("demo-password", "guess");
    let refused = post(&running, "AuthService.ValidateUser", &[], &wrong).await.json();
    assert_eq!((&refused["LoginResultType"], &refused["KDSVCSessionId"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn paths_have_no_case_and_a_wrong_data_centre_no_envelope() {
    let running = sandbox(|_| {}).await;
    let path = "/K3Cloud/kingdee.bos.webapi.servicesstub.authservice.validateuser.COMMON.kdsvc";
    let body = json!({ "parameters": ["65f0c0ffee0001", "integration", "demo-password", 2052] }).to_string();
    assert_eq!(send(&running, "POST", path, &[], &body).await.unwrap().json()["LoginResultType"], 1);
    let headers = [("X-Api-Signature", "x"), ("X-Kd-Appdata", "b3RoZXIsdXNlciwyMDUyLDA=")];
    assert_eq!(post(&running, "DynamicFormService.View", &headers, "{}").await.status, 500);
    let unknown = send(&running, "POST", "/k3cloud/nothing", &[], "{}").await.unwrap();
    assert_eq!(unknown.status, 404);
    let broken = kingdee_raw(&running, "Save", &json!("no object")).await.unwrap();
    assert!(broken.status == 200 && broken.body.starts_with("response_error:"), "{}", broken.body);
}

#[tokio::test]
async fn a_batch_ends_mixed_and_tells_each_document_apart() {
    let running = sandbox(|options| {
        options
            .knobs
            .refuse_numbers(RefusedNumbers { numbers: vec!["9".to_owned()], ..RefusedNumbers::default() });
    })
    .await;
    let mut odd = customer("5", "五");
    odd["FUnheardOf"] = json!("x");
    odd["FSELLER"] = json!({ "FNUMBER": "GW999999_1" });
    let mut no_organisation = customer("6", "六");
    no_organisation["FUseOrgId"] = json!({ "FNumber": "no such" });
    let models = [
        customer("1", "杭州云锦商贸有限公司"),
        customer("2", " "),
        customer("3", &"长".repeat(101)),
        customer("1", "again"),
        odd,
        no_organisation,
        customer("9", "frozen"),
    ];
    let answer = save(&running, &models).await;
    let told = status(&answer);
    assert_eq!(
        (&told["IsSuccess"], &told["ErrorCode"], &told["MsgCode"]),
        (&json!(false), &json!(500), &json!(11))
    );
    let of = |list: &str| -> Vec<u64> {
        told[list].as_array().unwrap().iter().map(|entry| entry["DIndex"].as_u64().unwrap()).collect()
    };
    assert_eq!((of("SuccessEntitys"), of("Errors")), (vec![0, 4], vec![1, 2, 3, 5, 6]));
    let words: Vec<_> =
        told["Errors"].as_array().unwrap().iter().map(|error| error["Message"].as_str().unwrap()).collect();
    assert_eq!(words[0], "字段“客户名称”是必填项");
    assert!(words[1].contains("超过最大长度100"), "{}", words[1]);
    assert_eq!(words[2], "违反字段唯一性要求：编码唯一。[1]在当前系统中已经被使用。");
    assert_eq!(words[3], "字段“使用组织”是必填项");
    assert!(words[4].contains("不允许保存"), "{}", words[4]);

    let state = support::get(&running, "/_sandbox/state").await;
    let stored = &state["kingdee"]["documents"]["BD_Customer"];
    assert_eq!(stored.as_object().unwrap().len(), 2);
    let first = &stored["100001"];
    assert_eq!(
        json!([first["number"], first["status"], first["creates"], first["updates"]]),
        json!(["1", "C", 1, 0])
    );
    assert_eq!(first["fields"]["FDescription"], "10000001");
    assert_eq!(state["kingdee"]["unknown_keys"], json!({ "BD_Customer.FUnheardOf": 1 }));
    assert_eq!(state["kingdee"]["duplicate_creates"], json!({ "1": 1 }));
    let actions: Vec<_> =
        state["kingdee"]["writes"].as_array().unwrap().iter().map(|write| &write["action"]).collect();
    assert_eq!(json!(actions), json!(["create", "submit", "audit", "create", "submit", "audit"]));

    let mut verified = customer("7", "七");
    verified["FSELLER"] = json!({ "FNumber": "GW999999_1" });
    let data = json!({ "Model": [verified], "IsVerifyBaseDataField": "true" });
    let refused = kingdee(&running, "batchSave", &json!({ "formid": "BD_Customer", "data": data })).await;
    assert!(
        status(&refused)["Errors"][0]["Message"].as_str().unwrap().contains("“GW999999_1”不存在"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_audited_document_changes_only_after_unaudit() {
    let running = sandbox(|_| {}).await;
    let id = status(&save(&running, &[customer("1", "before")]).await)["SuccessEntitys"][0]["Id"].clone();
    let update = json!({ "formid": "BD_Customer", "data": {
        "NeedUpDateFields": ["FName"], "NeedReturnFields": ["FNumber", "FDocumentStatus"],
        "Model": { "FCUSTID": id, "FName": "after", "FDescription": "not named" },
    } });
    let refused = kingdee(&running, "Save", &update).await;
    assert!(status(&refused)["Errors"][0]["Message"].as_str().unwrap().contains("已审核"), "{refused}");
    let numbers = json!({ "formid": "BD_Customer", "data": { "Numbers": ["1", "none"] } });
    let step = kingdee(&running, "UnAudit", &numbers).await;
    assert_eq!(status(&step)["SuccessEntitys"][0]["DIndex"], 0);
    assert_eq!(
        status(&step)["Errors"][0],
        json!({ "FieldName": null, "Message": "传递的编码值不存在", "DIndex": 1 })
    );
    let updated = kingdee(&running, "Save", &update).await;
    assert_eq!(status(&updated)["IsSuccess"], true, "{updated}");
    assert_eq!(updated["Result"]["NeedReturnData"], json!([{ "FNumber": "1", "FDocumentStatus": "D" }]));
    let ids = json!({ "formid": "BD_Customer", "data": { "Ids": id.to_string() } });
    assert!(
        status(&kingdee(&running, "Audit", &ids).await)["Errors"][0]["Message"]
            .as_str()
            .unwrap()
            .contains("未提交")
    );
    assert_eq!(status(&kingdee(&running, "Submit", &ids).await)["IsSuccess"], true);
    assert_eq!(status(&kingdee(&running, "Audit", &ids).await)["IsSuccess"], true);
    let view =
        kingdee(&running, "View", &json!({ "formid": "BD_Customer", "data": { "Number": "1" } })).await;
    let told = &view["Result"]["Result"];
    assert_eq!(
        json!([told["Id"], told["DocumentStatus"], told["Name"][0]["Value"]]),
        json!([id, "C", "after"])
    );
    assert_eq!(told["Description"][0]["Value"], "10000001");
    assert_eq!(told["CreateOrgId"]["Number"], "100");
    assert_eq!(status(&kingdee(&running, "Delete", &ids).await)["IsSuccess"], false);
    assert_eq!(running.handle().state().kingdee.store.document("BD_Customer", "1").unwrap().updates, 1);
}

#[tokio::test]
async fn a_refused_audit_leaves_a_stored_document() {
    let running = sandbox(|_| {}).await;
    running.handle().set(Fault::AuditRefused, Rule::new(When::Next(1)));
    let answer = save(&running, &[customer("1", "一"), customer("2", "二")]).await;
    assert_eq!(status(&answer)["Errors"][0]["DIndex"], 0);
    assert_eq!(status(&answer)["SuccessEntitys"].as_array().unwrap().len(), 2);
    let state = running.handle().state();
    let standing = |number| state.kingdee.store.document("BD_Customer", number).unwrap().status;
    assert_eq!((standing("1"), standing("2")), (DocumentStatus::InReview, DocumentStatus::Audited));
}

#[tokio::test]
async fn a_batch_can_be_refused_whole_and_an_answer_can_be_half() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    let batch = [customer("1", "一"), customer("2", ""), customer("3", "三")];
    for (code, index) in [("", Value::Null), ("first", json!(0))] {
        handle.set(Fault::UnnamedRefusal, Rule::new(When::Next(1)).code(code));
        let refused = save(&running, &batch).await;
        assert_eq!(status(&refused)["SuccessEntitys"], json!([]));
        assert_eq!(
            (status(&refused)["MsgCode"].clone(), status(&refused)["Errors"][0]["DIndex"].clone()),
            (json!(4), index)
        );
    }
    assert_eq!(handle.state().kingdee.store.documents("BD_Customer").count(), 0);
    // Without a document at fault the knob changes nothing.
    handle.set(Fault::UnnamedRefusal, Rule::new(When::Next(1)));
    let good = save(&running, &batch[..1]).await;
    assert_eq!(status(&good)["IsSuccess"], true, "{good}");

    handle.set(Fault::HalfTold, Rule::new(When::Next(1)));
    let half = save(&running, &[customer("4", "四"), customer("5", "五")]).await;
    let told = status(&half)["SuccessEntitys"].as_array().unwrap();
    assert_eq!((told.len(), &told[0]["Number"]), (1, &json!("4")));
    assert!(handle.state().kingdee.store.document("BD_Customer", "5").is_some());
}

#[tokio::test]
async fn a_person_may_work_with_the_same_documents() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    save(&running, &[customer("1", "一")]).await;
    let id = handle.state().kingdee.store.document("BD_Customer", "1").unwrap().id;
    let ids = json!({ "formid": "BD_Customer", "data": { "Ids": id.to_string() } });
    handle.set(Fault::PersonActs, Rule::new(When::Next(1)).on("UnAudit").code("unaudit"));
    let late = kingdee(&running, "UnAudit", &ids).await;
    assert!(status(&late)["Errors"][0]["Message"].as_str().unwrap().contains("未提交"), "{late}");
    kingdee(&running, "Submit", &ids).await;
    handle.set(Fault::PersonActs, Rule::new(When::Next(1)).on("BatchSave").code("audit"));
    let mut update = customer("1", "二");
    update["FCUSTID"] = json!(id);
    let late = save(&running, &[update]).await;
    assert!(status(&late)["Errors"][0]["Message"].as_str().unwrap().contains("已审核"), "{late}");
}

#[tokio::test]
async fn queries_filter_sort_page_and_fail_inside_the_array() {
    let running = sandbox(|_| {}).await;
    let models: Vec<_> = (1..=5).map(|number| customer(&format!("C{number}"), "店")).collect();
    save(&running, &models).await;
    let filter = json!("FNumber in ('C1','c2','X') and FCreateOrgId.FNumber = '100'");
    let rows = query(&running, "FCUSTID,FNumber,FSELLER.FNumber,FDocumentStatus", &filter).await;
    assert_eq!(rows, json!([[100_001, "C1", "GW000001_1", "C"], [100_002, "C2", "GW000001_1", "C"]]));
    let array = json!([{ "Left": "", "FieldName": "FNumber", "Compare": "67", "Value": "C4", "Right": "", "Logic": "0" }]);
    assert_eq!(query(&running, "FNumber", &array).await, json!([["C4"]]));
    let page = |start: u64, limit: u64, top: u64| {
        json!({ "data": {
            "FormId": "BD_Customer", "FieldKeys": "FNumber", "OrderString": "FNumber desc",
            "StartRow": start, "Limit": limit, "TopRowCount": top,
        } })
    };
    assert_eq!(kingdee(&running, "ExecuteBillQuery", &page(1, 2, 0)).await, json!([["C4"], ["C3"]]));
    assert_eq!(
        kingdee(&running, "ExecuteBillQuery", &page(2, 2, 2)).await,
        json!([]),
        "TopRowCount is absolute"
    );
    assert_eq!(kingdee(&running, "BillQuery", &page(4, 2, 0)).await, json!([{ "FNumber": "C1" }]));
    let unknown = query(&running, "FNoSuch", &Value::Null).await;
    assert_eq!(status(&unknown[0][0])["MsgCode"], 9);
    let no_form = kingdee(&running, "Save", &json!({ "formid": "NO_Such", "data": { "Model": {} } })).await;
    assert_eq!(status(&no_form)["MsgCode"], 4);
    let info = kingdee(&running, "QueryBusinessInfo", &json!({ "data": { "FormId": "BD_Customer" } })).await;
    let fields = info["Result"]["NeedReturnData"]["Entrys"][0]["Fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["Key"] == "FName" && field["MustInput"] == 1));
}

#[tokio::test]
async fn a_deleted_number_may_come_again_and_is_counted() {
    let running = sandbox(|_| {}).await;
    let draft = json!({ "formid": "BD_Customer", "data": { "Model": customer("A1", "一") } });
    assert_eq!(kingdee(&running, "Draft", &draft).await["Result"]["Id"], 100_001);
    let other_case = json!({ "formid": "BD_Customer", "data": { "Model": customer("a1", "一") } });
    assert_eq!(status(&kingdee(&running, "Save", &other_case).await)["MsgCode"], 11, "the number is in use");
    let numbers = json!({ "formid": "BD_Customer", "data": { "Numbers": ["A1"] } });
    assert_eq!(status(&kingdee(&running, "Delete", &numbers).await)["IsSuccess"], true);
    assert_eq!(kingdee(&running, "Save", &other_case).await["Result"]["Id"], 100_002);
    let mut elsewhere = customer("A1", "二");
    elsewhere["FCreateOrgId"] = json!({ "FNumber": "101" });
    assert_eq!(status(&save(&running, &[elsewhere]).await)["IsSuccess"], true, "unique per organisation");
    let mut unnumbered = customer("", "三");
    unnumbered.as_object_mut().unwrap().remove("FNumber");
    assert_eq!(status(&save(&running, &[unnumbered]).await)["SuccessEntitys"][0]["Number"], "CUST100004");
    let state = running.handle().state();
    let told: Vec<_> = state
        .kingdee
        .store
        .documents("BD_Customer")
        .map(|document| (document.id, document.creates))
        .collect();
    assert_eq!(told, [(100_002, 2), (100_003, 1), (100_004, 1)]);
    assert_eq!(state.kingdee.store.duplicate_creates()["a1"], 1);
}

#[tokio::test]
async fn a_login_may_be_signed() {
    use sha2::Digest as _;
    let running = sandbox(|_| {}).await;
    let timestamp = jiff::Timestamp::now().as_second().to_string();
    let app_id = "200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz";
    let mut texts =
        ["65f0c0ffee0001", "integration", app_id, "0123456789abcdef0123456789abcdef", timestamp.as_str()];
    texts.sort_unstable();
    let sign = hex::encode(sha2::Sha256::digest(texts.concat()));
    let login = |sign: &str| {
        json!({ "parameters": ["65f0c0ffee0001", "integration", app_id, timestamp, sign, 2052] }).to_string()
    };
    let good = post(&running, "AuthService.LoginBySign", &[], &login(&sign)).await.json();
    assert_eq!(good["LoginResultType"], 1, "{good}");
    let wrong = post(&running, "AuthService.LoginBySign", &[], &login("forged")).await.json();
    assert_eq!(wrong["LoginResultType"], 0);
}
