//! 旺店通 while its records change: what a poller may miss, by every way into both editions, over twenty seeds.
//! Of the records that change some move to the archive, which shifts the later ones of a settled window too.
//!
//! The poller here is the plainest that is right (last page first over a settled window) and the plainest that is
//! wrong (first page first); that the second one loses records shows that the changes bite.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{
    now, time_text,
    wangdiantong::{enterprise, enterprise_qimen, flagship, flagship_qimen, unlimited},
};
use weir_sandbox::{
    Change, Running,
    wangdiantong::{Access, Edition},
};

const WAYS: [(Edition, Access); 4] = [
    (Edition::Enterprise, Access::Direct),
    (Edition::Enterprise, Access::Qimen),
    (Edition::Flagship, Access::Direct),
    (Edition::Flagship, Access::Qimen),
];
const PAGE: u64 = 40;

/// A settled window: it ends before anything that is added or modified while it is read.
struct Window {
    from: String,
    to: String,
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A page of the window, counted from 0: its total, if it is told, and its ids.
async fn page(
    running: &Running,
    way: (Edition, Access),
    window: &Window,
    number: u64,
) -> (Option<u64>, Vec<String>) {
    let (no, size) = (number.to_string(), PAGE.to_string());
    let fields = [
        ("start_time", window.from.as_str()),
        ("end_time", &window.to),
        ("page_no", &no),
        ("page_size", &size),
    ];
    let params = json!({ "modified_from": window.from, "modified_to": window.to });
    let answer = match way {
        (Edition::Enterprise, Access::Direct) => enterprise(running, "refund_query.php", &fields).await,
        (Edition::Enterprise, Access::Qimen) => enterprise_qimen(running, &fields).await["response"].take(),
        (Edition::Flagship, Access::Direct) => {
            let paging = [("page_no", no.as_str()), ("page_size", &size), ("calc_total", "1")];
            flagship(running, "aftersales.refund.Refund.search", &paging, &params).await["data"].take()
        }
        (Edition::Flagship, Access::Qimen) => {
            let pager = json!({ "page_no": number + 1, "page_size": PAGE });
            flagship_qimen(running, &params, &pager).await["response"]["data"].take()
        }
    };
    let total = answer.get("total_count").map(|total| text_of(total).parse().unwrap());
    let rows = answer.get("refunds").or(answer.get("order")).unwrap().as_array().unwrap();
    (total, rows.iter().map(|row| text_of(&row["refund_id"])).collect())
}

/// Reads the window page by page, once.
async fn read(
    running: &Running,
    way: (Edition, Access),
    window: &Window,
    last_page_first: bool,
) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let (total, _) = page(running, way, window, 0).await;
    let pages = total.unwrap().div_ceil(PAGE);
    let mut numbers: Vec<_> = (0..pages).collect();
    if last_page_first {
        numbers.reverse();
    }
    for number in numbers {
        ids.extend(page(running, way, window, number).await.1);
    }
    ids
}

/// Ids of records that are in the window still and were not read; what moved to the archive has left the window too.
fn missing(running: &Running, way: (Edition, Access), window: &Window, read: &BTreeSet<String>) -> usize {
    let records = running.handle().refunds(way.0, way.1);
    let state = running.handle().state().wangdiantong;
    let archived = match way.0 {
        Edition::Enterprise => state.enterprise_archived,
        Edition::Flagship => state.flagship_archived,
    };
    let archived: BTreeSet<_> = archived.iter().map(u64::to_string).collect();
    let left_out = records.iter().filter(|text| {
        let row: Value = serde_json::from_str(text).unwrap();
        let modified = row.get("modified_date").unwrap_or(&row["modified"]).as_str().unwrap();
        let id = text_of(&row["refund_id"]);
        modified <= window.to.as_str() && !read.contains(&id) && !archived.contains(&id)
    });
    left_out.count()
}

#[tokio::test]
async fn last_page_first_misses_nothing_and_first_page_first_does() {
    for way in WAYS {
        let (mut lost_forward, mut left) = (0, 0);
        for seed in 1..=20 {
            for last_page_first in [true, false] {
                let running = unlimited(|options| {
                    options.seed = seed;
                    options.change = Change { rate: 0.02, limit: 1_000, late_by_seconds: 20 };
                    options.leaving_share = 0.3;
                })
                .await;
                let window = Window { from: time_text(now() - 25 * 86_400), to: time_text(now() - 60) };
                let ids = read(&running, way, &window, last_page_first).await;
                let missing = missing(&running, way, &window, &ids);
                let state = running.handle().state().wangdiantong;
                assert!(state.changes > 0, "nothing changed");
                left += state.enterprise_archived.len() + state.flagship_archived.len();
                if last_page_first {
                    assert_eq!(missing, 0, "{way:?}, seed {seed}");
                } else {
                    lost_forward += missing;
                }
            }
        }
        assert!(left > 0, "{way:?}: nothing moved to the archive");
        assert!(lost_forward > 0, "{way:?}: records that leave a window shift later ones");
    }
}
