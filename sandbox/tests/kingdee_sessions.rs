//! 金蝶云星空: logins that are refused in several ways, sessions that end in several words, and calls that name their
//! operation or are asked for later (contract kingdee-galaxy §2 and §3).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use serde_json::{Value, json};
use support::{customer, kingdee, kingdee_path, sandbox, save_customers, send, signed};
use weir_sandbox::{Fault, Rule, Running, When, kingdee::DocumentStatus};

async fn log_in(running: &Running) -> Value {
    let login = json!({ "parameters": ["65f0c0ffee0001", "integration", "demo-password", 2052] });
    let path = kingdee_path("AuthService.ValidateUser");
    send(running, "POST", &path, &[], &login.to_string()).await.unwrap().json()
}

/// The status of a View with these headers.
async fn view(running: &Running, headers: &[(&str, &str)]) -> Value {
    let body = json!({ "formid": "BD_Customer", "data": { "Number": "1" } }).to_string();
    let path = kingdee_path("DynamicFormService.View");
    let answer = send(running, "POST", &path, headers, &body).await.unwrap().json();
    answer["Result"]["ResponseStatus"].clone()
}

fn once() -> Rule {
    Rule::new(When::Next(1))
}

#[tokio::test]
async fn logins_are_refused_in_several_ways() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    handle.set(Fault::VendorError, once().on("ValidateUser"));
    let throttled = log_in(&running).await;
    assert_eq!((&throttled["LoginResultType"], &throttled["IsSuccessByAPI"]), (&json!(0), &json!(false)));
    assert!(throttled["Message"].as_str().unwrap().contains("频繁"), "{throttled}");
    handle.set(Fault::VendorError, once().on("ValidateUser").code("-4 密码已过期，请修改密码"));
    let policy = log_in(&running).await;
    assert_eq!(
        (&policy["LoginResultType"], &policy["Message"]),
        (&json!(-4), &json!("密码已过期，请修改密码"))
    );
    handle.set(Fault::VendorError, once().on("ValidateUser").code("licence"));
    let page = log_in(&running).await;
    assert_eq!((&page["LoginResultType"], &page["IsSuccessByAPI"]), (&json!(1), &json!(true)));
    assert_eq!((&page["KDSVCSessionId"], page["FormId"].is_string()), (&Value::Null, true), "no session");
    handle.set(Fault::Http429, once().on("ValidateUser"));
    let path = kingdee_path("AuthService.ValidateUser");
    assert_eq!(send(&running, "POST", &path, &[], "{}").await.unwrap().status, 429);

    assert_eq!(handle.state().kingdee.sessions_opened, 0);
    assert!(log_in(&running).await["KDSVCSessionId"].is_string());
    assert_eq!(handle.state().kingdee.sessions_opened, 1);
    assert_eq!(handle.state().calls["kingdee ValidateUser"].refused["login"], 3);
}

#[tokio::test]
async fn a_lost_session_is_told_in_the_words_of_the_site() {
    let running = sandbox(|_| {}).await;
    for words in ["会话已超时，请重新登录", "未登录", "ctx == null"] {
        let id = log_in(&running).await["KDSVCSessionId"].as_str().unwrap().to_owned();
        let session = [("kdservice-sessionid", id.as_str())];
        assert_eq!(view(&running, &session).await["MsgCode"], 10, "within the session");
        running.handle().set(Fault::ExpiredToken, once().code(words));
        let lost = view(&running, &session).await;
        assert_eq!((&lost["MsgCode"], &lost["Errors"][0]["Message"]), (&json!(1), &json!(words)));
        assert_eq!(view(&running, &session).await["Errors"][0]["Message"], words, "it stays lost");
    }
    let opened = running.handle().state().kingdee.sessions_opened;
    // An ended session beside good signed headers is renewed in silence; beside forged ones it is not.
    let path = kingdee_path("DynamicFormService.View");
    let timestamp = support::now().to_string();
    let renewed = |secret: &'static str| {
        let mut headers = signed(&path, &timestamp, secret);
        headers.push(("kdservice-sessionid", "00000000-0000-0000-0000-000000000000".to_owned()));
        headers
    };
    for (secret, code) in [("0123456789abcdef0123456789abcdef", 10), ("forged", 1)] {
        let headers = renewed(secret);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(view(&running, &headers).await["MsgCode"], code, "{secret}");
    }
    assert_eq!(running.handle().state().kingdee.sessions_opened, opened + 1);
}

#[tokio::test]
async fn a_call_may_name_its_operation() {
    let running = sandbox(|_| {}).await;
    let draft = json!({ "formid": "BD_Customer", "data": { "Model": customer("1", "一") } });
    kingdee(&running, "Save", &draft).await;
    let data = json!({ "Numbers": ["1"] });
    let by_name = json!({ "formid": "BD_Customer", "opNumber": "Submit", "data": data });
    let told = kingdee(&running, "ExcuteOperation", &by_name).await;
    assert_eq!(told["Result"]["ResponseStatus"]["SuccessEntitys"][0]["Number"], "1", "{told}");
    let by_place = json!({ "parameters": ["BD_Customer", "Audit", data.to_string()] });
    let told = kingdee(&running, "ExecuteOperation", &by_place).await;
    assert_eq!(told["Result"]["ResponseStatus"]["IsSuccess"], true, "{told}");
    let store = running.handle().state().kingdee.store;
    assert_eq!(store.document("BD_Customer", "1").unwrap().status, DocumentStatus::Audited);
    for (name, code) in [("", 3), ("NoSuchStep", 4)] {
        let body = json!({ "formid": "BD_Customer", "opNumber": name, "data": data });
        let refused = kingdee(&running, "ExcuteOperation", &body).await;
        assert_eq!(refused["Result"]["ResponseStatus"]["MsgCode"], code, "{refused}");
    }
}

#[tokio::test]
async fn a_batch_may_be_begun_and_asked_for_later() {
    let running = sandbox(|_| {}).await;
    let mut body = json!({
        "formid": "BD_Customer", "data": { "Model": [customer("1", "一"), customer("2", "")] },
    });
    body["beginmethod"] = json!("BeginQueryImpl");
    body["querymethod"] = json!("QueryAsyncResult");
    let begun = kingdee(&running, "BatchSave", &body).await;
    assert_eq!((&begun["Status"], &begun["Result"]), (&json!(1), &Value::Null));
    let ask = |id: &Value| json!({ "queryInfo": json!({ "TaskId": id, "Cancelled": false }).to_string() });
    let told = kingdee(&running, "QueryAsyncResult", &ask(&begun["TaskId"])).await;
    assert_eq!(told["Status"], 2, "{told}");
    let status = &told["Result"]["Result"]["ResponseStatus"];
    assert_eq!(
        (&status["SuccessEntitys"][0]["DIndex"], &status["Errors"][0]["DIndex"]),
        (&json!(0), &json!(1))
    );
    let unknown = kingdee(&running, "QueryAsyncResult", &ask(&json!("task-9"))).await;
    assert_eq!(unknown["Result"]["ResponseStatus"]["MsgCode"], 10, "{unknown}");
    assert!(save_customers(&running, &[customer("3", "三")]).await.unwrap().json().get("TaskId").is_none());
}
