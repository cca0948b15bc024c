//! 旺店通·旗舰版 over real HTTP: both ways in, both signatures, page bases, mixed times, limits, archive.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{
    now, send, time_text,
    wangdiantong::{FLAGSHIP, flagship, flagship_at, flagship_qimen, form, post, qimen, texts, unlimited},
};
use weir_sandbox::{
    Fault, Rule, Running, When,
    wangdiantong::{Access, Edition},
};

const SEARCH: &str = "aftersales.refund.Refund.search";
const HISTORY: &str = "aftersales.refund.Refund.searchHistory";
const PAGING: [(&str, &str); 3] = [("page_no", "0"), ("page_size", "50"), ("calc_total", "1")];
const DAY: i64 = 86_400;

fn window(days_back: i64) -> Value {
    let now = now();
    json!({ "modified_from": time_text(now - days_back * DAY), "modified_to": time_text(now) })
}

async fn page(running: &Running, access: Access, number: u64, params: &Value) -> Value {
    match access {
        Access::Direct => {
            let (number, total) = (number.to_string(), if number == 0 { "1" } else { "0" });
            let paging = [("page_no", number.as_str()), ("page_size", "50"), ("calc_total", total)];
            flagship(running, SEARCH, &paging, params).await
        }
        Access::Qimen => {
            let pager = json!({ "page_size": "50", "page_no": number + 1 });
            flagship_qimen(running, params, &pager).await["response"].take()
        }
    }
}

#[tokio::test]
async fn the_worked_examples_verify_over_http_and_forged_ones_do_not() {
    let running = unlimited(|options| options.clock_offset_seconds = 1_705_284_000 - now()).await;
    let body = r#"[{"modified_from":"2024-01-14 00:00:00","modified_to":"2024-01-14 23:59:59"}]"#;
    let path = "/openapi?calc_total=1&key=demo3-app&method=aftersales.refund.Refund.search&page_no=0&page_size=50&salt=demosalt&sid=demo3&sign=122e579b9f41bcac9252d70aca02210b&timestamp=379936800&v=1.0";
    let json_type = [("Content-Type", "application/json")];
    let form_type = [("Content-Type", "application/x-www-form-urlencoded")];
    let changed = body.replace("23:59:59", "23:59:58");
    for (path, headers, body, status, word) in [
        (path.to_owned(), &json_type, body, 0, ""),
        (path.replace("122e", "122f"), &json_type, body, 1, "验证失败"),
        (path.to_owned(), &json_type, &changed, 1, "验证失败"),
        (path.to_owned(), &form_type, body, 1, "Content-Type"),
        (path.replace("sid=demo3", "sid=demo4"), &json_type, body, 1, "sid is not exists"),
        (path.replace("demosalt", "othersalt"), &json_type, body, 1, "app auth fail"),
        (path.replace("v=1.0", "v=2.0"), &json_type, body, 8, "v"),
        (path.replace("379936800", "379936600"), &json_type, body, 7, "时间戳"),
    ] {
        let answer = send(&running, "POST", &path, headers, body).await.unwrap().json();
        assert_eq!(answer["status"], status, "{path}: {answer}");
        assert!(answer["message"].as_str().unwrap_or_default().contains(word), "{answer}");
    }
}

#[tokio::test]
async fn the_double_signature_of_qimen_is_checked_inside_and_outside() {
    let running = unlimited(|options| options.clock_offset_seconds = 1_705_284_000 - now()).await;
    let params = r#"{"modified_from":"2024-01-14 00:00:00","modified_to":"2024-01-14 23:59:59"}"#;
    let fields = |inner: &str, outer: &str| {
        form(&[
            ("app_key", "12345678"),
            ("datetime", "2024-01-15 10:00:00"),
            ("format", "json"),
            ("method", FLAGSHIP),
            ("pager", r#"{"page_size":50,"page_no":1}"#),
            ("params", params),
            ("sign_method", "md5"),
            ("target_app_key", "21363512"),
            ("timestamp", "2024-01-15 10:00:00"),
            ("v", "2.0"),
            ("wdt3_customer_id", "demo3"),
            ("wdt_appkey", "demo3-app"),
            ("wdt_salt", "demosalt"),
            ("wdt_sign", inner),
            ("sign", outer),
        ])
    };
    let (inner, outer) = ("97451cafcd3eccd8122ec98f371e21f4", "79E5BD1FCDBBC6E1E3C6C22663E9F04E");
    let answer = post(&running, "/router/qm", &fields(inner, outer)).await;
    assert_eq!(answer["response"]["status"], 0, "{answer}");
    let forged = post(&running, "/router/qm", &fields(inner, "79E5BD1FCDBBC6E1E3C6C22663E9F04F")).await;
    assert_eq!(forged["response"]["code"], "25");

    // The outer signature is right, the inner one is not.
    let live = unlimited(|_| {}).await;
    let (params, datetime) = (window(1).to_string(), time_text(now()));
    let business = [
        ("params", params.as_str()),
        ("pager", r#"{"page_size":50,"page_no":1}"#),
        ("datetime", &datetime),
        ("wdt3_customer_id", "demo3"),
        ("wdt_appkey", "demo3-app"),
        ("wdt_salt", "demosalt"),
        ("wdt_sign", inner),
    ];
    let answer = qimen(&live, FLAGSHIP, "hmac", &business).await;
    assert_eq!(
        (&answer["response"]["status"], &answer["response"]["message"]),
        (&json!(1), &json!("验证失败"))
    );
}

#[tokio::test]
async fn both_ways_give_their_records_page_by_page() {
    let running = unlimited(|_| {}).await;
    for access in [Access::Direct, Access::Qimen] {
        let first = page(&running, access, 0, &window(25)).await;
        let total: usize = first["data"]["total_count"].to_string().parse().unwrap();
        let truth = running.handle().refunds(Edition::Flagship, access);
        assert_eq!(truth.len(), total);
        let mut seen = BTreeSet::from_iter(texts(&first["data"]["order"]));
        for number in 1..total.div_ceil(50) {
            let answer = page(&running, access, number.try_into().unwrap(), &window(25)).await;
            assert_eq!(answer["data"].get("total_count").is_some(), access == Access::Qimen);
            seen.extend(texts(&answer["data"]["order"]));
        }
        assert_eq!(seen, BTreeSet::from_iter(truth), "{access:?}");
    }
    let below = flagship_qimen(&running, &window(1), &json!({ "page_size": 50, "page_no": 0 })).await;
    assert_eq!(below["response"]["status"], 100, "Qimen counts from 1");
}

#[tokio::test]
async fn times_come_in_the_mixture_the_vendor_sends() {
    let running = unlimited(|_| {}).await;
    let records = |access| -> Vec<Value> {
        let texts = running.handle().refunds(Edition::Flagship, access);
        texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    };
    let rows = records(Access::Direct);
    for row in &rows {
        let millis: i64 = row["modified"].to_string().parse().unwrap();
        assert_eq!(row["modified_date"], time_text(millis / 1_000));
        assert!(row["created"].is_number() && row["settle_time"].is_string());
        assert!(row["platform_id"].is_string() && row["process_status"].is_string());
        assert!(!["101", "105"].contains(&row["shop_no"].as_str().unwrap()));
        for line in row["detail_list"].as_array().unwrap() {
            assert!(
                line["created"].is_string()
                    && line["modified"].is_number()
                    && line["platform_id"].is_number()
            );
        }
    }
    assert!(rows.iter().any(|row| row["settle_time"] == ""));
    assert!(rows.iter().any(|row| row["detail_list"] == json!([])));
    assert!(rows.iter().any(|row| row.get("fenxiao_nick_name").is_none()));
    assert!(rows.iter().any(|row| row["return_goods_amount"].to_string().ends_with(".9000")), "zeros stay");
    assert!(rows.iter().all(|row| row.get("wms_code").is_some()));
    assert!(records(Access::Qimen).iter().all(|row| row.get("wms_code").is_none()));
}

#[tokio::test]
async fn calls_that_break_a_rule_are_refused_in_the_vendors_words() {
    let running = unlimited(|_| {}).await;
    let wide = json!({ "modified_from": time_text(now() - 31 * DAY), "modified_to": time_text(now()) });
    for (paging, params, status, word) in [
        (PAGING.as_slice(), window(30), 0, ""),
        (&PAGING, json!({ "status": 90 }), 100, "参数中必须包含起止时间"),
        (&PAGING, wide, 100, "您的查询时间过宽"),
        (&[], window(1), 100, "此方法仅支持分页查询"),
        (&PAGING, json!({ "no_such_name": 1 }), 2, "no_such_name"),
        (&[("page_no", "0"), ("page_size", "201")], window(1), 100, "page_size"),
        (&PAGING, json!({ "refund_no": "TK", "fuzzy_query": true }), 99, "模糊"),
        (&PAGING, json!("no object"), 1, "类型"),
    ] {
        let answer = flagship(&running, SEARCH, paging, &params).await;
        assert_eq!(answer["status"], status, "{params}: {answer}");
        assert!(answer["message"].as_str().unwrap_or_default().contains(word), "{answer}");
    }
    assert_eq!(flagship_at(&running, now() - 130, SEARCH, &PAGING, &window(1)).await["status"], 7);
    assert_eq!(flagship(&running, "goods.Goods.queryWithSpec", &PAGING, &window(1)).await["status"], 99);
}

#[tokio::test]
async fn limits_are_told_in_four_wordings() {
    let running = unlimited(|options| options.wangdiantong.calls_per_minute = Some(2)).await;
    let mut words = BTreeSet::new();
    for turn in 0..6 {
        let access = if turn % 2 == 0 { Access::Direct } else { Access::Qimen };
        let answer = page(&running, access, 0, &window(1)).await;
        assert_eq!(answer["status"], if turn < 2 { 0 } else { 100 });
        words.extend(answer["message"].as_str().map(str::to_owned));
    }
    assert_eq!(words.len(), 4);
    for part in ["超过每分钟最大调用频率限制", "超过每分钟最大并发次数限制"] {
        assert_eq!(words.iter().filter(|text| text.contains(part)).count(), 2, "{words:?}");
    }
    assert_eq!(running.handle().state().wangdiantong.throttled["demo3"], 4);
}

#[tokio::test]
async fn the_archive_and_filters_choose_records() {
    let running = unlimited(|options| options.wangdiantong.archive_after_days = 7).await;
    let total = |answer: Value| answer["data"]["total_count"].to_string().parse::<usize>().unwrap();
    let live = total(flagship(&running, SEARCH, &PAGING, &window(25)).await);
    let archived = total(flagship(&running, HISTORY, &PAGING, &window(25)).await);
    assert!(live > 0 && archived > 0);
    let truth = running.handle().refunds(Edition::Flagship, Access::Direct);
    assert_eq!(live + archived, truth.len());
    let mut params = window(7);
    params["status"] = json!(90);
    params["shop_nos"] = json!("103,104");
    params["order_type"] = json!(1);
    let found = flagship(&running, SEARCH, &PAGING, &params).await;
    let rows = found["data"]["order"].as_array().unwrap();
    assert!(rows.len() > 1);
    assert!(rows.iter().all(|row| row["status"] == 90 && row["shop_no"] != "102"));
    assert!(rows.is_sorted_by_key(|row| std::cmp::Reverse(row["modified_date"].as_str().unwrap())));
}

#[tokio::test]
async fn the_seeds_unsigned_call_is_served_only_where_it_may() {
    let path = "/openapi2/wdt_aftersales_refund_refund_search.php";
    let body = json!({ "pager": { "page_size": "50", "page_no": "1" }, "params": window(25) }).to_string();
    let strict = unlimited(|_| {}).await;
    assert_eq!(post(&strict, path, &body).await["response"]["status"], 1);
    let lenient = unlimited(|options| options.wangdiantong.require_sign = false).await;
    let answer = post(&lenient, path, &body).await;
    assert_eq!(answer["response"]["data"]["total_count"], 230);
}

#[tokio::test]
async fn faults_strike() {
    let running = unlimited(|_| {}).await;
    let handle = running.handle();
    let next = || Rule::new(When::Next(1));
    handle.set(Fault::VendorError, next());
    let limited = page(&running, Access::Direct, 0, &window(25)).await;
    assert!(limited["message"].as_str().unwrap().contains("超过每分钟最大调用频率限制"));
    handle.set(Fault::VendorError, next().code("7 时间戳错误"));
    assert_eq!(page(&running, Access::Direct, 0, &window(25)).await["status"], 7);
    handle.set(Fault::GatewayFailure, next());
    assert_eq!(page(&running, Access::Qimen, 0, &window(25)).await["flag"], "failure");
    handle.set(Fault::EmptyPage, next());
    let empty = page(&running, Access::Direct, 0, &window(25)).await;
    assert_eq!(empty["data"]["order"], json!([]));
    assert_ne!(page(&running, Access::Direct, 0, &window(25)).await["data"]["order"], json!([]));
    handle.set(Fault::MissingList, next());
    let none = page(&running, Access::Qimen, 0, &json!({ "refund_no": "TK0" })).await;
    assert_eq!((none["data"].get("order"), &none["data"]["total_count"]), (None, &json!(0)));
    handle.set(Fault::NumbersAsText, next());
    let as_text = page(&running, Access::Direct, 0, &window(25)).await;
    assert!(as_text["status"] == "0" && as_text["data"]["order"][0]["refund_id"].is_string());
}
