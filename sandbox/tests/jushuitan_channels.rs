//! 聚水潭's successor of the distributors' endpoint: the same distributors in other words (contract jushuitan §4).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::{DISTRIBUTORS, ask, get, jushuitan, now, sandbox, time_text};
use weir_sandbox::{Change, Fault, Rule, Running, When, jushuitan::Quota};

const CHANNELS: &str = "/open/api/drp/inneropen/partner/supplier/querymychannel";

async fn page(running: &Running, page: u64, more: Value) -> Value {
    let mut biz = json!({ "page_num": page, "page_size": "50" });
    biz.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask(running, CHANNELS, &biz).await
}

fn rows(answer: &Value) -> Vec<Value> {
    answer["data"]["channel_vos"].as_array().unwrap_or_else(|| panic!("no list in {answer}")).clone()
}

/// A week, the `age`th back from now.
fn week(age: i64) -> Value {
    let to = now() - age * 7 * 86_400;
    json!({ "updated_start": time_text(to - 7 * 86_400 + 1), "updated_end": time_text(to) })
}

#[tokio::test]
async fn the_same_distributors_come_in_other_words() {
    let running = sandbox(|_| {}).await;
    let mut found = BTreeMap::new();
    for age in 0..3 {
        let first = page(&running, 1, week(age)).await;
        assert_eq!((&first["code"], first["data"].get("has_next")), (&json!(0), None));
        for number in 1..=first["data"]["total"].as_u64().unwrap().div_ceil(50) {
            for row in rows(&page(&running, number, week(age)).await) {
                found.insert(row["channel_co_id"].to_string(), row);
            }
        }
    }
    let by_id = |texts: Vec<String>, id: &str| -> BTreeMap<String, Value> {
        let rows = texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
        rows.map(|row| (row[id].to_string(), row)).collect()
    };
    let channels = by_id(running.handle().channels(), "channel_co_id");
    assert_eq!((found.len(), &found), (120, &channels));
    let records = get(&running, "/_sandbox/records/channels").await["records"].take();
    assert_eq!(records.as_array().unwrap().len(), 120);
    for (id, distributor) in by_id(running.handle().distributors(), "drp_co_id") {
        let channel = &channels[&id];
        for (theirs, ours) in [
            ("co_name", "name"),
            ("contact_name", "contact_name"),
            ("contact_phone", "contact_phone"),
            ("supplier_remark", "remark"),
            ("apply_time", "created"),
            ("updated", "modified"),
        ] {
            assert_eq!(channel[theirs], distributor[ours], "{theirs} of {id}");
        }
        let confirmed = matches!(channel["status"].as_u64().unwrap(), 2 | 4);
        assert_eq!(channel["confirm_time"].is_string(), confirmed);
        for name in ["bill_name", "supplier_salesman_name", "dis_level"] {
            assert!(channel[name].is_string(), "{name}");
        }
    }
}

#[tokio::test]
async fn a_status_selects_and_bad_parameters_are_refused() {
    let running = sandbox(|_| {}).await;
    let mut seen = 0;
    for status in 0..=4_u64 {
        let answer = page(&running, 1, json!({ "status": status.to_string(), "page_size": 100 })).await;
        assert!(rows(&answer).iter().all(|row| row["status"] == status));
        let total = answer["data"]["total"].as_u64().unwrap();
        assert!(if status == 2 { total > 60 } else { total == 6 }, "{total} of status {status}");
        seen += total;
    }
    assert_eq!(seen, 120);
    for (more, word) in [
        (json!({ "status": 5 }), "status"),
        (json!({ "page_size": 101 }), "100"),
        (json!({ "page_num": 0 }), "page_num"),
        (json!({ "page_num": null }), "page_num"),
        (json!({ "updated_start": time_text(now()) }), "同时"),
        (json!({ "updated_start": time_text(now() - 8 * 86_400), "updated_end": time_text(now()) }), "7天"),
    ] {
        let refused = page(&running, 1, more).await;
        assert_eq!(refused["code"], 140, "{refused}");
        assert!(refused["msg"].as_str().unwrap().contains(word), "{refused}");
    }
    let biz = json!({ "page_num": 1, "page_size": 1 });
    let stranger = jushuitan(&running, CHANNELS, "other-token", &biz).await.unwrap().json();
    assert_eq!(stranger["code"], 100);
}

#[tokio::test]
async fn its_quota_is_its_own_and_its_answers_can_be_bent() {
    let running = sandbox(|options| {
        options.jushuitan.quota = Some(Quota { per_second: 1_000, per_minute: 4 });
    })
    .await;
    let handle = running.handle();
    let next = || Rule::new(When::Next(1)).on("querymychannel");
    handle.set(Fault::CodeAsText, next());
    handle.set(Fault::WrongTotal, next());
    let first = page(&running, 1, json!({})).await;
    assert_eq!((&first["code"], &first["data"]["total"]), (&json!("0"), &json!(127)));
    handle.set(Fault::RepeatedPage, next());
    assert_eq!(rows(&page(&running, 2, json!({})).await), rows(&first));
    handle.set(Fault::MissingId, next());
    let bent = rows(&page(&running, 1, json!({})).await);
    assert!(bent[0].get("channel_co_id").is_none() && bent[1].get("channel_co_id").is_some());
    handle.set(Fault::ExpiredToken, next());
    assert_eq!(page(&running, 1, json!({})).await["code"], 100, "no call of the quota is used up");
}

#[tokio::test]
async fn the_quota_counts_it_apart_from_the_old_endpoint() {
    let running = sandbox(|options| {
        options.jushuitan.quota = Some(Quota { per_second: 1_000, per_minute: 2 });
    })
    .await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(page(&running, 1, json!({})).await["code"].clone());
    }
    assert_eq!(json!(codes), json!([0, 0, 200]));
    assert_eq!(ask(&running, DISTRIBUTORS, &json!({ "page_index": 1, "page_size": 1 })).await["code"], 0);
    assert_eq!(running.handle().state().jushuitan.quota_refusals[CHANNELS], 1);
}

#[tokio::test]
async fn records_change_while_they_are_paged() {
    let running = sandbox(|options| {
        options.customers = 400;
        options.change = Change { rate: 0.05, limit: 60, ..Change::default() };
    })
    .await;
    let before: BTreeSet<_> = running.handle().channels().into_iter().collect();
    for number in 1..=3 {
        page(&running, number, week(0)).await;
    }
    let state = running.handle().state().jushuitan;
    assert!(state.changes > 0 && state.distributors > 400);
    let changed = running.handle().channels().into_iter().filter(|text| !before.contains(text)).count();
    assert!(changed > 0 && changed <= usize::try_from(state.changes).unwrap());
}
