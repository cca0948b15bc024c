//! Records that leave while they are paged: deleted, archived, removed. What is left moves up in the list; the state tells
//! which are gone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{
    DISTRIBUTORS, ask, get, now, sandbox, send, time_text,
    wangdiantong::{enterprise, flagship, unlimited},
};
use weir_sandbox::{
    Change, Options,
    wangdiantong::{Access, Edition},
};

const CHANGES: u32 = 40;

/// Of the records that change, half leave.
fn leaving(options: &mut Options) {
    options.change = Change { rate: 0.05, limit: CHANGES, ..Change::default() };
    options.leaving_share = 0.5;
}

fn ids(rows: &Value, name: &str) -> BTreeSet<String> {
    let rows = rows.as_array().unwrap_or_else(|| panic!("no rows: {rows}"));
    rows.iter().map(|row| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned)).collect()
}

fn texts(ids: &[u64]) -> BTreeSet<String> {
    ids.iter().map(u64::to_string).collect()
}

fn records(texts: &[String]) -> Value {
    texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()).collect()
}

#[tokio::test]
async fn deleted_distributors_are_in_neither_list() {
    let running = sandbox(leaving).await;
    let handle = running.handle();
    let before = ids(&records(&handle.distributors()), "drp_co_id");
    let page = json!({ "page_index": 1, "page_size": 50 });
    let first = ask(&running, DISTRIBUTORS, &page).await["data"]["data_count"].as_u64().unwrap();
    while handle.state().jushuitan.changes < CHANGES {
        ask(&running, DISTRIBUTORS, &page).await;
    }
    let state = handle.state().jushuitan;
    let deleted = texts(&state.deleted_distributors);
    assert!((10..=30).contains(&deleted.len()), "{deleted:?}");
    let left = ids(&records(&handle.distributors()), "drp_co_id");
    assert!(left.is_disjoint(&deleted));
    assert!(before.iter().all(|id| left.contains(id) || deleted.contains(id)));
    assert_eq!(left, ids(&records(&handle.channels()), "channel_co_id"));
    let told = ask(&running, DISTRIBUTORS, &page).await["data"]["data_count"].as_u64().unwrap();
    let added = left.difference(&before).count();
    assert_eq!((first, told), (120, 120 + added as u64 - before.intersection(&deleted).count() as u64));
    let told = get(&running, "/_sandbox/state").await;
    assert_eq!(told["jushuitan"]["deleted_distributors"], json!(state.deleted_distributors));
}

#[tokio::test]
async fn archived_refunds_are_served_by_the_history_method_alone() {
    let running = unlimited(leaving).await;
    let handle = running.handle();
    let before = handle.refunds(Edition::Enterprise, Access::Qimen).len();
    let (from, to) = (time_text(now() - 25 * 86_400), time_text(now() + 60));
    let params = json!({ "modified_from": from, "modified_to": to });
    let all_of = |method: &'static str, size: &'static str| {
        let (running, from, to) = (&running, from.clone(), to.clone());
        async move {
            let mut found = BTreeSet::new();
            for page in 0..40 {
                let page = page.to_string();
                let fields = [
                    ("start_time", from.as_str()),
                    ("end_time", &to),
                    ("page_no", &page),
                    ("page_size", size),
                ];
                let rows = enterprise(running, method, &fields).await["refunds"].take();
                if rows.as_array().unwrap().is_empty() {
                    break;
                }
                found.extend(ids(&rows, "refund_id"));
            }
            found
        }
    };
    while handle.state().wangdiantong.enterprise_archived.len() < 10 {
        all_of("refund_query.php", "40").await;
    }
    let state = handle.state().wangdiantong;
    let archived = texts(&state.enterprise_archived);
    let direct = ids(&records(&handle.refunds(Edition::Enterprise, Access::Direct)), "refund_id");
    let open: BTreeSet<_> = archived.intersection(&direct).cloned().collect();
    let live = all_of("refund_query.php", "40").await;
    assert!(live.is_disjoint(&archived));
    assert!(!open.is_empty());
    assert_eq!(all_of("his_refund_query.php", "40").await, open);
    assert!(
        handle.refunds(Edition::Enterprise, Access::Qimen).len() >= before,
        "the truth holds the archive"
    );

    let paging = [("page_no", "0"), ("page_size", "200"), ("calc_total", "1")];
    while handle.state().wangdiantong.flagship_archived.is_empty() {
        flagship(&running, "aftersales.refund.Refund.search", &paging, &params).await;
    }
    let history = flagship(&running, "aftersales.refund.Refund.searchHistory", &paging, &params).await;
    let archived = texts(&handle.state().wangdiantong.flagship_archived);
    assert!(ids(&history["data"]["order"], "refund_id").is_subset(&archived), "{history}");
}

#[tokio::test]
async fn removed_orders_are_listed_as_removed() {
    let running = sandbox(|options| {
        leaving(options);
        options.okki.needs_token = false;
    })
    .await;
    let handle = running.handle();
    let before = handle.state().okki.removed_orders;
    while handle.state().okki.changes < CHANGES {
        send(&running, "GET", "/v1/invoices/order/list", &[], "").await.unwrap();
    }
    let removed = handle.state().okki.removed_orders;
    assert!(removed.len() - before.len() > 10, "{removed:?}");
    let path = "/v1/invoices/order/list?removed=1&count=500";
    let listed = send(&running, "GET", path, &[], "").await.unwrap().json();
    assert_eq!(ids(&listed["data"]["list"], "order_id"), texts(&removed));
}
