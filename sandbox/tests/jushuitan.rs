//! 聚水潭 over real HTTP: signatures, checks, tokens, quotas, both envelopes, paging.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{
    DISTRIBUTORS, MOVEMENTS, ask, get, jushuitan, jushuitan_body, now, sandbox, send, time_text, token_call,
};
use weir_sandbox::{Rule, Running, When, jushuitan::Quota};

fn window(page: u64, size: u64, from: i64, to: i64) -> Value {
    json!({
        "page_index": page.to_string(), "page_size": size,
        "modified_begin": time_text(from), "modified_end": time_text(to),
    })
}

/// Every distributor that windows over the whole span give, last page first.
async fn all_distributors(running: &Running) -> Vec<Value> {
    let mut rows = Vec::new();
    let now = now();
    for week in 0..3 {
        let (from, to) = (now - (week + 1) * 7 * 86_400, now - week * 7 * 86_400 - 1);
        let first = ask(running, DISTRIBUTORS, &window(1, 50, from, to)).await;
        for page in (1..=first["data"]["page_count"].as_u64().unwrap()).rev() {
            let answer = ask(running, DISTRIBUTORS, &window(page, 50, from, to)).await;
            rows.extend(answer["data"]["datas"].as_array().unwrap().iter().cloned());
        }
    }
    rows
}

#[tokio::test]
async fn the_wire_samples_verify_over_http() {
    // The clock stands at the samples' time.
    let running = sandbox(|options| {
        options.clock_offset_seconds = 1_705_284_000 - now();
    })
    .await;
    let j5 = "app_key=demo-key&access_token=demo-token&timestamp=1705284000&charset=utf-8&version=2&biz=%7B%22page_index%22%3A%221%22%2C%22page_size%22%3A%221000%22%2C%22create_time_start%22%3A%222024-01-14+00%3A00%3A00%22%2C%22create_time_end%22%3A%222024-01-14+23%3A59%3A59%22%7D&sign=ea662c4869ea4214b5638ed863c203ad";
    let answer = send(&running, "POST", MOVEMENTS, &[], j5).await.unwrap();
    assert_eq!((answer.status, &answer.json()["code"]), (200, &json!(0)), "{}", answer.body);
    let forged = j5.replace("ea662c48", "ea662c49");
    let answer = send(&running, "POST", MOVEMENTS, &[], &forged).await.unwrap().json();
    assert_eq!((&answer["code"], &answer["data"]), (&json!(10), &Value::Null));
    assert_eq!(running.handle().state().calls[&format!("jushuitan {MOVEMENTS}")].refused["10"], 1);
}

#[tokio::test]
async fn calls_that_break_a_rule_are_refused_with_the_vendors_code() {
    let running = sandbox(|_| {}).await;
    let now = now();
    let base = |timestamp: i64, charset: &str, version: &str, biz: &str| {
        jushuitan_body(
            "demo-secret",
            &[
                ("app_key", "demo-key"),
                ("access_token", "demo-token"),
                ("timestamp", &timestamp.to_string()),
                ("charset", charset),
                ("version", version),
                ("biz", biz),
            ],
        )
    };
    let page = r#"{"page_index":1,"page_size":50}"#;
    let long = window(1, 50, now - 8 * 86_400, now).to_string();
    let half = r#"{"page_index":1,"page_size":50,"modified_begin":"2024-01-08 00:00:00"}"#;
    for (body, code, word) in [
        (base(now, "utf-8", "2", page), 0, ""),
        (base(now - 700, "utf-8", "2", page), 140, "timestamp"),
        (base(now, "gbk", "2", page), 140, "charset"),
        (base(now, "utf-8", "1", page), 140, "version"),
        (base(now, "utf-8", "2", "nothing"), 140, "biz"),
        (base(now, "utf-8", "2", &long), 140, "7天"),
        (base(now, "utf-8", "2", half), 140, "同时"),
        (base(now, "utf-8", "2", r#"{"page_index":1,"page_size":51}"#), 140, "page_size"),
        (jushuitan_body("demo-secret", &[("app_key", "demo-key")]), 140, "charset"),
        (base(now, "utf-8", "2", page).replace("demo-token", "other-token"), 10, "签名"),
    ] {
        let answer = send(&running, "POST", DISTRIBUTORS, &[], &body).await.unwrap().json();
        assert_eq!(answer["code"], code, "{answer}");
        assert!(answer["msg"].as_str().unwrap().contains(word), "{answer}");
    }
    let other =
        jushuitan(&running, DISTRIBUTORS, "other-token", &json!({"page_index":1,"page_size":1})).await;
    assert_eq!(other.unwrap().json()["code"], 100);
}

#[tokio::test]
async fn every_distributor_comes_once_with_the_bytes_it_is_stored_with() {
    let running = sandbox(|_| {}).await;
    let rows = all_distributors(&running).await;
    let ids: BTreeSet<_> = rows.iter().map(|row| row["drp_co_id"].to_string()).collect();
    assert_eq!((rows.len(), ids.len()), (120, 120));
    let truth = get(&running, "/_sandbox/records/distributors").await;
    assert_eq!(truth["total"], 120);
    for row in truth["records"].as_array().unwrap() {
        assert!(rows.contains(row));
    }
    assert!(rows.iter().any(|row| row["name"] == ""));
    assert!(rows.iter().any(|row| row["drp_co_id"].to_string().len() == 19));
    assert!(running.handle().distributors().iter().any(|text| text.contains(r#".00","deposit_amount":"#)));
}

#[tokio::test]
async fn the_envelope_tells_where_the_end_is() {
    let running = sandbox(|options| options.customers = 60).await;
    let page = |index: u64| json!({ "page_index": index, "page_size": 50 });
    let first = ask(&running, DISTRIBUTORS, &page(1)).await;
    let told = |name: &str| first["data"][name].clone();
    assert_eq!(json!([told("data_count"), told("page_count"), told("has_next")]), json!([60, 2, true]));
    assert_eq!(first["issuccess"], true);
    let last = ask(&running, DISTRIBUTORS, &page(2)).await;
    assert_eq!(last["data"]["has_next"], false);
    assert_eq!(last["data"]["datas"].as_array().unwrap().len(), 10);
    let name = first["data"]["datas"][0]["name"].clone();
    let by_name = json!({ "page_index": 1, "page_size": 50, "drp_co_ids": [{ "drp_co_name": name }] });
    let named = ask(&running, DISTRIBUTORS, &by_name).await;
    assert!(named["data"]["datas"].as_array().unwrap().iter().all(|row| row["name"] == name));
    let id = first["data"]["datas"][3]["drp_co_id"].clone();
    let by_id =
        ask(&running, DISTRIBUTORS, &json!({ "page_index": 1, "page_size": 5, "drp_co_ids": [id] })).await;
    assert_eq!(by_id["data"]["data_count"], 1);
}

#[tokio::test]
async fn movements_are_a_bare_array_behind_a_cursor() {
    let running = sandbox(|_| {}).await;
    let mut after = json!(0);
    let mut rows = Vec::new();
    loop {
        let answer = ask(
            &running,
            MOVEMENTS,
            &json!({
                "page_index": 1, "page_size": 70, "last_ioi_sn_id": after,
                "create_time_start": time_text(now() - 29 * 86_400), "create_time_end": time_text(now()),
            }),
        )
        .await;
        assert_eq!((&answer["code"], &answer["msg"]), (&json!(0), &Value::Null));
        let page = answer["data"].as_array().unwrap().clone();
        after = page.last().map_or(after, |row| row["ioi_sn_id"].clone());
        let short = page.len() < 70;
        rows.extend(page);
        if short {
            break;
        }
    }
    assert_eq!(rows.len(), 300);
    let codes: BTreeSet<_> = rows.iter().map(|row| row["sku_sn"].to_string()).collect();
    assert!(codes.len() < 150, "codes move several times");
    assert!(rows.iter().any(|row| row["ioi_sn_id"].to_string().len() == 19));
    assert!(rows.iter().any(|row| row["o_id"].is_number()) && rows.iter().any(|row| row["o_id"].is_string()));
    let texts = running.handle().movements();
    assert!(texts.iter().any(|text| text.contains(r#".00","cost_amount":"#)), "zeros stay");

    let long = json!({ "page_index": 1, "create_time_start": time_text(now() - 31 * 86_400), "create_time_end": time_text(now()) });
    assert_eq!(ask(&running, MOVEMENTS, &long).await["code"], 140);
    let by_code = json!({ "page_index": 1, "sku_sns": [rows[0]["sku_sn"]] });
    let found = ask(&running, MOVEMENTS, &by_code).await;
    assert!(found["data"].as_array().unwrap().iter().all(|row| row["sku_sn"] == rows[0]["sku_sn"]));
    let last_week = ask(&running, MOVEMENTS, &json!({ "page_index": 1 })).await;
    assert!((1..300).contains(&last_week["data"].as_array().unwrap().len()));
}

#[tokio::test]
async fn some_records_are_of_no_use_further_down() {
    let running = sandbox(|options| (options.customers, options.movements) = (600, 6_000)).await;
    let names = running
        .handle()
        .distributors()
        .into_iter()
        .map(|text| serde_json::from_str::<Value>(&text).unwrap()["name"].as_str().unwrap().to_owned());
    let names: Vec<_> = names.collect();
    assert_eq!(names.iter().filter(|name| name.is_empty()).count(), 4);
    assert_eq!(names.iter().filter(|name| name.chars().count() > 100).count(), 2);
    assert_eq!(names[1], names[2]);
    let movements = running.handle().movements();
    assert_eq!(movements.iter().filter(|text| text.contains(r#""cost_price":"暂无""#)).count(), 4);
    let again = sandbox(|options| (options.customers, options.movements) = (600, 6_000)).await;
    let undated = |texts: Vec<String>| -> Vec<Value> {
        texts
            .iter()
            .map(|text| {
                let mut row: Value = serde_json::from_str(text).unwrap();
                let fields = row.as_object_mut().unwrap();
                fields.retain(|name, _| !name.contains("time") && name != "created" && name != "modified");
                row
            })
            .collect()
    };
    assert_eq!(undated(running.handle().distributors()), undated(again.handle().distributors()));
    assert_eq!(undated(movements), undated(again.handle().movements()));
}

#[tokio::test]
async fn a_renewal_ends_the_old_token() {
    let running = sandbox(|_| {}).await;
    let biz = json!({ "page_index": 1, "page_size": 1 });
    running.handle().expire_jushuitan_token();
    assert_eq!(ask(&running, DISTRIBUTORS, &biz).await["code"], 100);
    let renew = |token: String| {
        let running = &running;
        async move {
            let fields =
                [("grant_type", "refresh_token"), ("refresh_token", token.as_str()), ("scope", "all")];
            token_call(running, "/openWeb/auth/refreshToken", &fields).await
        }
    };
    let renewed = renew("demo-refresh".to_owned()).await;
    assert_eq!((&renewed["code"], &renewed["data"]["expires_in"]), (&json!(0), &json!(2_592_000)));
    let token = renewed["data"]["access_token"].as_str().unwrap();
    let answer = jushuitan(&running, DISTRIBUTORS, token, &biz).await.unwrap();
    assert_eq!(answer.json()["code"], 0);
    assert_eq!(ask(&running, DISTRIBUTORS, &biz).await["code"], 100, "the old token stays dead");
    assert_eq!(renew("demo-refresh".to_owned()).await["code"], 100, "a refresh token is used once");
    for (path, code, wanted) in [
        ("/openWeb/auth/getInitToken", "abcdef", 0),
        ("/openWeb/auth/getInitToken", "abc", 140),
        ("/openWeb/auth/accessToken", "123456", 0),
        ("/openWeb/auth/accessToken", "654321", 140),
    ] {
        let fields = [("grant_type", "authorization_code"), ("code", code)];
        assert_eq!(token_call(&running, path, &fields).await["code"], wanted, "{path} {code}");
    }
    running.handle().advance_clock(500);
    assert_eq!(jushuitan(&running, DISTRIBUTORS, token, &biz).await.unwrap().json()["code"], 100);
}

#[tokio::test]
async fn a_third_party_application_may_not_renew() {
    let running = sandbox(|options| options.jushuitan.third_party = true).await;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", "demo-refresh"), ("scope", "all")];
    assert_eq!(token_call(&running, "/openWeb/auth/refreshToken", &fields).await["code"], 150);
}

#[tokio::test]
async fn the_quota_counts_per_endpoint_and_refusals_are_told() {
    let running = sandbox(|options| {
        options.jushuitan.quota = Some(Quota { per_second: 1_000, per_minute: 3 });
    })
    .await;
    let biz = json!({ "page_index": 1, "page_size": 1 });
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(ask(&running, DISTRIBUTORS, &biz).await["code"].clone());
    }
    assert_eq!(json!(codes), json!([0, 0, 0, 200]));
    assert_eq!(ask(&running, MOVEMENTS, &biz).await["code"], 0);
    assert_eq!(running.handle().state().jushuitan.quota_refusals[DISTRIBUTORS], 1);
}

#[tokio::test]
async fn the_shapes_of_an_answer_can_be_bent() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    let biz = |page: u64| json!({ "page_index": page, "page_size": 50 });
    let next = || Rule::new(When::Next(1));

    handle.set(weir_sandbox::Fault::CodeAsText, next());
    handle.set(weir_sandbox::Fault::NullMsg, next());
    let bent = ask(&running, DISTRIBUTORS, &biz(1)).await;
    assert_eq!((&bent["code"], &bent["msg"]), (&json!("0"), &Value::Null));

    handle.set(weir_sandbox::Fault::HasNextOnEmptyPage, next());
    let beyond = ask(&running, DISTRIBUTORS, &biz(9)).await;
    assert_eq!((&beyond["data"]["has_next"], &beyond["data"]["datas"]), (&json!(true), &json!([])));

    let first = ask(&running, DISTRIBUTORS, &biz(1)).await;
    handle.set(weir_sandbox::Fault::RepeatedPage, next());
    let repeated = ask(&running, DISTRIBUTORS, &biz(2)).await;
    assert_eq!(repeated["data"]["datas"], first["data"]["datas"]);

    handle.set(weir_sandbox::Fault::MissingId, next());
    let without = ask(&running, DISTRIBUTORS, &biz(2)).await;
    assert_eq!(without["data"]["datas"][0].get("drp_co_id"), None);
    assert!(without["data"]["datas"][1].get("drp_co_id").is_some());

    handle.set(weir_sandbox::Fault::WrongTotal, next());
    assert_eq!(ask(&running, DISTRIBUTORS, &biz(1)).await["data"]["data_count"], 127);
    handle.set(weir_sandbox::Fault::WrongTotal, next().code("0"));
    let untold = ask(&running, DISTRIBUTORS, &biz(1)).await;
    assert_eq!((&untold["data"]["data_count"], &untold["data"]["has_next"]), (&json!(0), &json!(true)));

    handle.set(weir_sandbox::Fault::WithoutRowIds, next());
    let rows = ask(&running, MOVEMENTS, &json!({ "page_index": 1 })).await;
    assert!(rows["data"].as_array().unwrap().iter().all(|row| row.get("ioi_sn_id").is_none()));
}
