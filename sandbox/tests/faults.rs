//! The knobs that know nothing of a system, and records that change while they are paged.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use support::{
    DISTRIBUTORS, MOVEMENTS, ask, customer, get, jushuitan, now, sandbox, save_customers, send, time_text,
};
use weir_sandbox::{Change, Fault, Rule, Running, When, jushuitan::ListOrder};

fn page() -> Value {
    json!({ "page_index": 1, "page_size": 50 })
}

async fn turn(running: &Running, knobs: &Value) -> u16 {
    send(running, "POST", "/_sandbox/knobs", &[], &knobs.to_string()).await.unwrap().status
}

#[tokio::test]
async fn a_lost_reply_is_stored_and_a_cut_request_is_not() {
    let running = sandbox(|_| {}).await;
    assert_eq!(turn(&running, &json!({ "lost_reply": { "next": 1, "on": "BatchSave" } })).await, 200);
    assert!(save_customers(&running, &[customer("1", "一")]).await.is_none());
    assert_eq!(turn(&running, &json!({ "cut_request": { "next": 1 } })).await, 200);
    assert!(save_customers(&running, &[customer("2", "二")]).await.is_none());
    let again = save_customers(&running, &[customer("1", "一"), customer("2", "二")]).await.unwrap().json();
    assert_eq!(again["Result"]["ResponseStatus"]["SuccessEntitys"][0]["Number"], "2");
    let state = running.handle().state();
    assert!(state.kingdee.store.document("BD_Customer", "1").is_some());
    let count = &state.calls["kingdee BatchSave"];
    assert_eq!((count.received, count.faults["lost_reply"], count.faults["cut_request"]), (3, 1, 1));
    assert_eq!(get(&running, "/_sandbox/state").await["knobs"]["lost_reply"]["next"], 0);
}

#[tokio::test]
async fn http_and_text_faults() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    let call = || async { jushuitan(&running, DISTRIBUTORS, "demo-token", &page()).await.unwrap() };
    let next = || Rule::new(When::Next(1));
    handle.set(Fault::Http429, next());
    let answer = call().await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    handle.set(Fault::Http5xx, next());
    assert_eq!(call().await.status, 502);
    handle.set(Fault::Http5xx, next().code("503"));
    assert_eq!(call().await.status, 503);
    handle.set(Fault::HtmlAnswer, next());
    let answer = call().await;
    assert!(answer.status == 200 && answer.body.starts_with("<html>"));
    handle.set(Fault::TruncatedJson, next());
    let answer = call().await;
    assert!(answer.status == 200 && serde_json::from_str::<Value>(&answer.body).is_err());
    assert!(call().await.header("date").unwrap().ends_with("GMT"));
}

#[tokio::test]
async fn a_slow_answer_is_stored_before_it_comes() {
    let running = sandbox(|_| {}).await;
    running.handle().set(Fault::Slow, Rule::new(When::Next(1)).millis(600_000));
    let stored = async {
        while running.handle().state().kingdee.store.document("BD_Customer", "1").is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let models = [customer("1", "一")];
    tokio::select! {
        answer = save_customers(&running, &models) => panic!("answered at once: {answer:?}"),
        () = stored => {}
    }
    let again = save_customers(&running, &models).await.unwrap().json();
    assert_eq!(again["Result"]["ResponseStatus"]["MsgCode"], 11);
}

#[tokio::test]
async fn vendor_errors_come_with_status_200() {
    let running = sandbox(|_| {}).await;
    let handle = running.handle();
    for code in [199, 200, 100] {
        handle.set(Fault::VendorError, Rule::new(When::Next(1)).code(code.to_string()));
        assert_eq!(ask(&running, MOVEMENTS, &page()).await["code"], code);
    }
    for code in [13, 14, 6] {
        handle.set(Fault::VendorError, Rule::new(When::Next(1)).code(code.to_string()));
        let answer = save_customers(&running, &[customer("1", "一")]).await.unwrap().json();
        assert_eq!(answer["Result"]["ResponseStatus"]["MsgCode"], code);
    }
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).code("200 每页数量超过限制"));
    let told = ask(&running, MOVEMENTS, &page()).await;
    assert_eq!((&told["code"], &told["msg"]), (&json!(200), &json!("每页数量超过限制")));
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).code("519/4006"));
    let gateway = save_customers(&running, &[customer("1", "一")]).await.unwrap();
    assert_eq!((gateway.status, &gateway.json()["errcode"]), (519, &json!("4006")));
    handle.set(Fault::VendorError, Rule::new(When::Next(1)).code("response_error"));
    let answer = save_customers(&running, &[customer("1", "一")]).await.unwrap();
    assert!(answer.body.starts_with("response_error:"));
    assert!(handle.state().kingdee.store.document("BD_Customer", "1").is_none(), "nothing was stored");
}

#[tokio::test]
async fn tokens_and_sessions_can_end_at_any_call() {
    let running = sandbox(|_| {}).await;
    running.handle().set(Fault::ExpiredToken, Rule::new(When::Next(1)).on("jushuitan"));
    assert_eq!(ask(&running, DISTRIBUTORS, &page()).await["code"], 100);
    assert_eq!(ask(&running, DISTRIBUTORS, &page()).await["code"], 100, "until it is renewed");
    running.handle().set(Fault::ExpiredToken, Rule::new(When::Every(1)));
    let renewed = save_customers(&running, &[customer("1", "一")]).await.unwrap();
    assert!(renewed.header("set-cookie").is_some(), "a good signature renews the session silently");
}

#[tokio::test]
async fn the_control_pages_answer() {
    let running = sandbox(|_| {}).await;
    assert_eq!(get(&running, "/_sandbox/health").await, json!({ "status": "ok" }));
    assert_eq!(turn(&running, &json!({ "no_such_knob": { "next": 1 } })).await, 400);
    assert_eq!(
        turn(&running, &json!({ "slow": { "next": 1 }, "refused_numbers": { "every": 7 } })).await,
        200
    );
    let knobs = get(&running, "/_sandbox/knobs").await;
    assert_eq!(knobs, json!({ "slow": { "next": 1 }, "refused_numbers": { "every": 7, "numbers": [] } }));
    let before = get(&running, "/_sandbox/state").await["now"].as_i64().unwrap();
    let body = json!({ "advance_seconds": 3_600 }).to_string();
    let moved = send(&running, "POST", "/_sandbox/clock", &[], &body).await.unwrap().json();
    assert!(moved["now"].as_i64().unwrap() >= before + 3_600);
    assert_eq!(get(&running, "/_sandbox/records/movements").await["total"], 300);
    let address = running.address();
    running.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// Pages a settled window as a careful client does, and returns the newest state seen of each id.
async fn page_carefully(running: &Running, from: i64, to: i64, seen: &mut BTreeMap<String, Value>) {
    loop {
        let biz = |index: u64| {
            json!({
                "page_index": index, "page_size": 50, "modified_begin": time_text(from), "modified_end": time_text(to),
            })
        };
        let first = ask(running, DISTRIBUTORS, &biz(1)).await;
        let total = first["data"]["data_count"].as_u64().unwrap();
        for index in (1..=first["data"]["page_count"].as_u64().unwrap()).rev() {
            let answer = ask(running, DISTRIBUTORS, &biz(index)).await;
            for row in answer["data"]["datas"].as_array().unwrap() {
                let newest = seen.entry(row["drp_co_id"].to_string()).or_insert_with(|| row.clone());
                if row["modified"].as_str() >= newest["modified"].as_str() {
                    *newest = row.clone();
                }
            }
        }
        if ask(running, DISTRIBUTORS, &biz(1)).await["data"]["data_count"].as_u64().unwrap() <= total {
            return;
        }
    }
}

#[tokio::test]
async fn records_change_while_paged_and_come_to_rest() {
    for (seed, order) in
        [(1, ListOrder::ModifiedAscending), (2, ListOrder::ModifiedDescending), (3, ListOrder::Id)]
    {
        let running = sandbox(|options| {
            options.seed = seed;
            options.customers = 400;
            options.change = Change { rate: 0.02, limit: 60, ..Change::default() };
            options.leaving_share = 0.2;
            options.jushuitan.list_order = order;
        })
        .await;
        let mut seen = BTreeMap::new();
        // Windows end a minute ago, so that what changes now leaves them.
        let settled = now() - 60;
        for week in (0..3).rev() {
            let to = settled - week * 7 * 86_400;
            page_carefully(&running, to - 7 * 86_400, to, &mut seen).await;
        }
        assert!(running.handle().state().jushuitan.changes > 0);
        while running.handle().state().jushuitan.changes < 60 {
            ask(&running, DISTRIBUTORS, &page()).await;
        }
        // At rest now: one more pass up to the present sees the newest state of everything that was not deleted.
        page_carefully(&running, settled, now(), &mut seen).await;
        let state = running.handle().state().jushuitan;
        assert!(!state.deleted_distributors.is_empty(), "some left");
        let deleted: Vec<_> = state.deleted_distributors.iter().map(u64::to_string).collect();
        seen.retain(|id, _| !deleted.contains(id));
        let truth = get(&running, "/_sandbox/records/distributors").await;
        let truth: BTreeMap<_, _> = truth["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["drp_co_id"].to_string(), row.clone()))
            .collect();
        assert!(truth.len() + deleted.len() > 400, "some were added");
        assert!(truth.values().any(|row| row["remark"].as_str().unwrap().contains("资料变更")));
        assert_eq!(seen, truth);
    }
}

#[tokio::test]
async fn movements_are_only_appended() {
    let running = sandbox(|options| {
        options.change = Change { rate: 1.0, limit: 6, ..Change::default() };
    })
    .await;
    let before = running.handle().movements();
    for _ in 0..8 {
        ask(&running, MOVEMENTS, &page()).await;
    }
    let after = running.handle().movements();
    assert_eq!((after.len(), &after[..300]), (306, before.as_slice()));
}
