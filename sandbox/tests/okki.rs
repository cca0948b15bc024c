//! 小满 OKKI over real HTTP: tokens and scopes, pages and windows of orders, lines per order, customers that come late.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{Answer, sandbox, send, time_text};
use weir_sandbox::{Change, Fault, Rule, Running, When, okki};

const LIST: &str = "/v1/invoices/order/list";
const INFO: &str = "/v1/invoices/order/info";
const GRANT: &str = "grant_type=client_credentials&client_id=demo-client&client_secret=demo-secret";

async fn token(running: &Running, scope: &str) -> String {
    let body = format!("{GRANT}&scope={scope}");
    let answer = send(running, "POST", "/v1/oauth2/access_token", &[], &body).await.unwrap().json();
    answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn call(running: &Running, token: &str, path: &str, query: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let path = format!("{path}?{query}");
    send(running, "GET", &path, &[("Authorization", &authorization)], "").await.unwrap()
}

async fn ask(running: &Running, token: &str, path: &str, query: &str) -> Value {
    call(running, token, path, query).await.json()
}

/// Every row of a filter, from page 1 to the last.
async fn all(running: &Running, token: &str, path: &str, filter: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let answer = ask(running, token, path, &format!("{filter}&count=100&start_index={page}")).await;
        let list = answer["data"]["list"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let is_last = list.len() < 100;
        rows.extend(list);
        if is_last {
            break;
        }
    }
    rows
}

#[tokio::test]
async fn tokens_open_their_modules_and_end() {
    let running = sandbox(|_| {}).await;
    let wrong = GRANT.replace("demo-secret", "guess") + "&scope=invoices";
    let refused = send(&running, "POST", "/v1/oauth2/access_token", &[], &wrong).await.unwrap();
    assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_client")));
    let unknown = format!("{GRANT}&scope=everything");
    let refused = send(&running, "POST", "/v1/oauth2/access_token", &[], &unknown).await.unwrap();
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("invalid_scope")));

    let orders_only = token(&running, "invoices").await;
    assert_eq!(ask(&running, &orders_only, LIST, "").await["code"], 200);
    let barred = ask(&running, &orders_only, "/v1/company/list", "").await;
    assert_eq!(barred["message"], "no permission company scopes");
    assert_eq!(call(&running, "no-token", LIST, "").await.status, 401);

    running.handle().expire_okki_tokens();
    let over = call(&running, &orders_only, LIST, "").await;
    assert_eq!((over.status, &over.json()["message"]), (401, &json!("access_denied")));
    let fresh = token(&running, "invoices").await;
    assert_ne!(fresh, orders_only);
    running.handle().advance_clock(28_801);
    assert_eq!(call(&running, &fresh, LIST, "").await.status, 401, "a life of eight hours");
    assert_eq!(running.handle().state().okki.tokens_issued, 2);
}

#[tokio::test]
async fn both_grants_take_json_and_the_password_grant_renews() {
    let running = sandbox(|options| options.okki.tells_expiry = false).await;
    let body = json!({
        "grant_type": "password", "client_id": "demo-client", "client_secret": "demo-secret", "scope": "invoices",
        "username": "demo@example.com",
        "password": "41bd876b085d6031cb0e04de35b88d77f83a4ba39f879fee40805ac19e356023",
    });
    let told =
        send(&running, "POST", "/v1/oauth2/access_token", &[], &body.to_string()).await.unwrap().json();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(28_800)));
    let renewal = format!(
        "grant_type=refresh_token&client_id=demo-client&client_secret=demo-secret&refresh_token={}",
        told["refresh_token"].as_str().unwrap()
    );
    let renewed = send(&running, "POST", "/v1/oauth2/refresh_token", &[], &renewal).await.unwrap().json();
    let access = renewed["access_token"].as_str().unwrap();
    assert_eq!(ask(&running, access, LIST, "").await["code"], 200);
    let again = send(&running, "POST", "/v1/oauth2/refresh_token", &[], &renewal).await.unwrap();
    assert_eq!((again.status, &again.json()["hint"]), (401, &json!("Token has been revoked")));

    let body = GRANT.to_owned() + "&scope=invoices";
    let told = send(&running, "POST", "/v1/oauth2/access_token", &[], &body).await.unwrap().json();
    assert!(told.get("expires_in").is_none() && told.get("refresh_token").is_none(), "{told}");
}

#[tokio::test]
async fn the_list_has_headers_and_the_call_for_one_order_has_lines() {
    let running = sandbox(|_| {}).await;
    let token = token(&running, "invoices").await;
    let rows = all(&running, &token, LIST, "").await;
    assert_eq!(rows.len(), running.handle().state().okki.orders);
    let numbers: Vec<_> = rows.iter().filter(|row| row["amount"].is_number()).collect();
    assert!(!numbers.is_empty() && numbers.len() < rows.len(), "numbers come as numbers and as texts");
    let truth = running.handle().orders();
    let mut zero_counts = 0;
    for row in &rows {
        assert!(row.get("product_list").is_none() && row.get("company_id").is_none(), "{row}");
        assert!(row["1101060384"].is_string(), "custom fields have numeric names");
        let info = ask(&running, &token, INFO, &format!("order_id={}", row["order_id"])).await;
        let text = info["data"].to_string();
        assert!(truth.contains(&text), "{text}");
        let data = info["data"].as_object().unwrap();
        assert!(row.as_object().unwrap().iter().all(|(key, value)| data.get(key) == Some(value)));
        let lines = data["product_list"].as_array().unwrap();
        assert!(!lines.is_empty());
        zero_counts += lines
            .iter()
            .filter(|line| matches!(line["count"].to_string().as_str(), "0" | "\"0.00\""))
            .count();
    }
    assert!(zero_counts > 0, "a count may be 0");
    let by_number = format!("order_no={}", rows[0]["order_no"].as_str().unwrap());
    assert_eq!(ask(&running, &token, INFO, &by_number).await["data"]["order_id"], rows[0]["order_id"]);
    let unknown = ask(&running, &token, INFO, "order_id=1").await;
    assert_eq!((&unknown["code"], &unknown["message"]), (&json!(404), &json!("Not Found Resource")));
    assert_eq!(ask(&running, &token, INFO, "").await["code"], 400);
}

#[tokio::test]
async fn windows_statuses_and_removed_orders_are_told_apart() {
    let running = sandbox(|options| options.okki.time_precision = okki::TimePrecision::DateTime).await;
    let token = token(&running, "invoices").await;
    let rows = all(&running, &token, LIST, "status=0&removed=0&approval=0").await;
    let middle = rows[rows.len() / 2]["update_time"].as_str().unwrap();
    let at = middle.replace(' ', "+");
    let older = all(&running, &token, LIST, &format!("end_time={at}")).await;
    let newer = all(&running, &token, LIST, &format!("start_time={at}")).await;
    let both = rows.iter().filter(|row| row["update_time"] == middle).count();
    assert_eq!(older.len() + newer.len(), rows.len() + both, "closed at both ends");

    let removed = all(&running, &token, LIST, "removed=1").await;
    let state = running.handle().state().okki;
    let ids: Vec<_> = removed.iter().map(|row| row["order_id"].as_u64().unwrap()).collect();
    assert!(!ids.is_empty() && ids.len() == state.removed_orders.len());
    assert_eq!(
        all(&running, &token, LIST, "removed=1&time_type=4&start_time=2000-01-01").await.len(),
        ids.len()
    );
    assert_eq!(ask(&running, &token, INFO, &format!("order_id={}", ids[0])).await["code"], 404);

    let enums = ask(&running, &token, "/v1/invoices/order/orderEnums", "").await;
    let statuses = enums["data"]["order_status_list"].as_array().unwrap();
    let codes: Vec<_> = statuses.iter().map(|status| status["code"].to_string()).collect();
    let mut total = 0;
    for code in &codes {
        total += all(&running, &token, LIST, &format!("status={code}")).await.len();
    }
    assert_eq!(total, rows.len());
    assert_eq!(all(&running, &token, LIST, &format!("status={}", codes.join(","))).await.len(), rows.len());
    assert!(all(&running, &token, LIST, "approval=1").await.len() < rows.len());
}

#[tokio::test]
async fn an_order_may_come_before_its_customer() {
    let running = sandbox(|options| options.okki.late_company_seconds = 3_600).await;
    let token = token(&running, "invoices+company").await;
    let rows = all(&running, &token, LIST, "").await;
    let early: BTreeMap<_, _> = all(&running, &token, "/v1/company/list", "")
        .await
        .into_iter()
        .map(|row| (row["company_id"].to_string(), row["serial_id"].clone()))
        .collect();
    let waiting: Vec<_> =
        rows.iter().filter(|row| !early.contains_key(&row["company"]["company_id"].to_string())).collect();
    assert!(!waiting.is_empty() && waiting.len() < rows.len() / 4, "{}", waiting.len());
    assert!(waiting.iter().all(|row| row["company"]["serial_id"] == ""), "the snapshot has no code");
    let known =
        rows.iter().find(|row| early.contains_key(&row["company"]["company_id"].to_string())).unwrap();
    assert_eq!(known["company"]["serial_id"], early[&known["company"]["company_id"].to_string()]);

    running.handle().advance_clock(3_600);
    let answer = ask(&running, &token, "/v1/company/list", "count=500").await;
    assert_eq!(answer["data"]["totalItem"], 80);
    let wanted = format!("company_id={}", waiting[0]["company"]["company_id"]);
    let company = ask(&running, &token, "/v1/company/info", &wanted).await;
    assert!(company["data"]["serial_id"].as_str().unwrap().starts_with('C'), "{company}");
}

#[tokio::test]
async fn orders_change_while_they_are_paged() {
    let change = Change { rate: 0.02, limit: 60, late_by_seconds: 5 };
    let running = sandbox(|options| options.change = change).await;
    let token = token(&running, "invoices").await;
    let before = running.handle().state().okki;
    for _ in 0..40 {
        ask(&running, &token, LIST, "").await;
    }
    let after = running.handle().state().okki;
    assert_eq!(after.changes, 60);
    assert!(after.removed_orders.len() > before.removed_orders.len());
    let modified = running.handle().orders().iter().filter(|order| order.contains("次修改")).count();
    assert!(modified > 20, "{modified}");
    let since = format!("start_time={}", time_text(support::now() - 86_400).replace(' ', "+"));
    assert!(!all(&running, &token, LIST, &since).await.is_empty());
}

#[tokio::test]
async fn faults_strike_as_they_are_told_to() {
    let running = sandbox(|options| {
        options.okki.quota = Some(okki::Quota { per_second: 1_000, per_minute: 7 });
    })
    .await;
    let handle = running.handle();
    let token = token(&running, "invoices").await;
    handle.set(Fault::ExpiredToken, Rule::new(When::Next(1)).on("order/info"));
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).on("order/list"));
    let frequent = ask(&running, &token, LIST, "").await;
    assert_eq!((&frequent["code"], &frequent["data"]), (&json!(429), &Value::Null));
    assert_eq!(call(&running, &token, INFO, "order_id=1").await.status, 401);
    for (code, status) in [("invalid_grant", 400), ("access_denied", 401), ("server_error", 500)] {
        handle.set(Fault::VendorError, Rule::new(When::Next(1)).on("oauth2").code(code));
        let refused = send(&running, "POST", "/v1/oauth2/access_token", &[], GRANT).await.unwrap();
        assert_eq!((refused.status, &refused.json()["error"]), (status, &json!(code)));
    }
    let token = self::token(&running, "invoices").await;
    handle.set(Fault::WrongTotal, Rule::new(When::Next(1)));
    let told = ask(&running, &token, LIST, "").await["data"]["count"].as_u64().unwrap();
    assert_eq!(ask(&running, &token, LIST, "").await["data"]["count"], told - 7);
    handle.set(Fault::EmptyObjectAsList, Rule::new(When::Next(1)));
    assert_eq!(ask(&running, &token, LIST, "").await["data"]["list"][0]["ali_status_info"], json!([]));
    handle.set(Fault::CodeAsText, Rule::new(When::Next(1)));
    assert_eq!(ask(&running, &token, LIST, "").await["code"], "200");
    assert_eq!(ask(&running, &token, LIST, "").await["data"]["list"][0]["ali_status_info"], json!({}));
    assert_eq!(call(&running, &token, LIST, "").await.status, 429, "the eighth call of the minute");
}

#[tokio::test]
async fn one_order_may_vanish_between_its_list_and_its_lines() {
    let running = sandbox(|_| {}).await;
    let token = token(&running, "invoices").await;
    let listed = ask(&running, &token, LIST, "").await["data"]["list"].take();
    let wanted = format!("order_id={}", listed[0]["order_id"]);
    running.handle().set(Fault::VendorError, Rule::new(When::Next(1)).on("order/info").code("404"));
    assert_eq!(ask(&running, &token, LIST, "").await["code"], 200, "the list is another call");
    let vanished = ask(&running, &token, INFO, &wanted).await;
    assert_eq!((&vanished["code"], &vanished["message"]), (&json!(404), &json!("Not Found Resource")));
    assert_eq!(ask(&running, &token, INFO, &wanted).await["code"], 200);
}

#[tokio::test]
async fn an_account_as_the_seed_imagines_it() {
    let running = sandbox(|options| {
        options.okki.needs_token = false;
        options.okki.embed_lines = true;
    })
    .await;
    let answer = send(&running, "GET", LIST, &[], "").await.unwrap().json();
    assert!(answer["data"]["list"][0]["product_list"].is_array(), "{answer}");
}
