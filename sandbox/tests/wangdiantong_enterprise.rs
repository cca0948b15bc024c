//! 旺店通·企业版 over real HTTP: both ways in, signatures, windows, totals, limits, archive, changes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{
    get, now, send, time_text,
    wangdiantong::{enterprise, enterprise_at, enterprise_qimen, form, post, qimen, texts, unlimited},
};
use weir_sandbox::{
    Change, Fault, Rule, Running, Secret, When,
    wangdiantong::{Access, Edition},
};

const LIVE: &str = "refund_query.php";
const DAY: i64 = 86_400;

fn window(days_back: i64, page: u64) -> Vec<(&'static str, String)> {
    vec![
        ("start_time", time_text(now() - days_back * DAY)),
        ("end_time", time_text(now())),
        ("page_no", page.to_string()),
    ]
}

fn borrowed<'p>(fields: &'p [(&'static str, String)]) -> Vec<(&'static str, &'p str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

async fn ask(running: &Running, access: Access, fields: &[(&'static str, String)]) -> Value {
    match access {
        Access::Direct => enterprise(running, LIVE, &borrowed(fields)).await,
        Access::Qimen => enterprise_qimen(running, &borrowed(fields)).await["response"].take(),
    }
}

/// A sandbox whose clock stands at the time of a worked example.
async fn at(seconds: i64) -> Running {
    unlimited(|options| options.clock_offset_seconds = seconds - now()).await
}

#[tokio::test]
async fn the_vendors_own_example_verifies_over_http() {
    let running = unlimited(|options| {
        options.clock_offset_seconds = 1_470_042_310 - now();
        let account = &mut options.wangdiantong.enterprise;
        (account.sid, account.app_key) = ("test2".to_owned(), "test2-xx".to_owned());
        account.app_secret = Secret::new("12345");
    })
    .await;
    let a1 = "appkey=test2-xx&end_time=2016-08-01+13%3A00%3A00&page_no=0&page_size=40&sid=test2&start_time=2016-08-01+12%3A00%3A00&timestamp=1470042310&sign=ad4e6fe037ea6e3ba4768317be9d1309";
    let answer = post(&running, "/openapi2/refund_query.php", a1).await;
    assert_eq!((&answer["code"], &answer["message"]), (&json!(0), &json!("ok")), "{answer}");
    let forged = a1.replace("sign=ad4e", "sign=ad4f");
    assert_eq!(post(&running, "/openapi2/refund_query.php", &forged).await["code"], 2060);
}

#[tokio::test]
async fn the_worked_examples_verify_over_http_and_forged_ones_do_not() {
    let running = at(1_705_284_000).await;
    let a2 = "appkey=demo-app&end_time=2024-01-14+23%3A59%3A59&page_no=0&page_size=40&sid=demo-sid&start_time=2024-01-14+00%3A00%3A00&time_type=0&timestamp=1705284000&sign=7548a9ff5c0520f97328fef0dc393ce9";
    let a3 = |sign: &str| {
        form(&[
            ("sid", "demo-sid"),
            ("appkey", "demo-app"),
            ("timestamp", "1705284000"),
            ("shop_no", "旗舰店01"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("sign", sign),
        ])
    };
    for (body, code) in [
        (a2.to_owned(), 0),
        (a2.replace("sign=7548", "sign=7549"), 2060),
        (a2.replace("page_no=0", "page_no=1"), 2060),
        // A right signature gets as far as the missing window.
        (a3("192483405b25bcb2ea39b25bc09afe13"), 100),
        (a3("c6d10115258a29c4aae4af11a4d51f1b"), 100),
        (a3("c6d10115258a29c4aae4af11a4d51f1c"), 2060),
    ] {
        assert_eq!(post(&running, "/openapi2/refund_query.php", &body).await["code"], code, "{body}");
    }
    // Parameters in the query string are the same.
    let answer =
        send(&running, "POST", &format!("/openapi2/refund_query.php?{a2}"), &[], "").await.unwrap().json();
    assert_eq!(answer["code"], 0);
    let units = running.handle().state().wangdiantong.length_units;
    assert_eq!((units["chars"], units["bytes"], units["both"]), (1, 1, 2));

    let top = "app_key=12345678&end_time=2024-01-14+23%3A59%3A59&format=json&method=wdt.refund.query&page_no=0&page_size=40&sid=demo-sid&start_time=2024-01-14+00%3A00%3A00&target_app_key=21363512&timestamp=2024-01-15+10%3A00%3A00&v=2.0";
    for (digest, sign) in
        [("md5", "B2CB5C3431CCBF7AE7EBE48B365F1F24"), ("hmac", "A798F47D15CB259E35516CD4197D6BF0")]
    {
        let body = format!("{top}&sign_method={digest}&sign={sign}");
        let answer = post(&running, "/router/qm", &body).await;
        assert_eq!(answer["response"]["errorcode"], 0, "{answer}");
        let answer = send(&running, "GET", &format!("/router/qmtest?{body}"), &[], "").await.unwrap().json();
        assert_eq!(answer["response"]["errorcode"], 0, "{answer}");
        let forged = post(&running, "/router/qm", &body.replace("page_no=0", "page_no=1")).await;
        let gateway = &forged["response"];
        assert_eq!((&gateway["flag"], &gateway["code"]), (&json!("failure"), &json!("25")), "{forged}");
    }
}

#[tokio::test]
async fn both_ways_give_their_records_page_by_page() {
    let running = unlimited(|_| {}).await;
    for access in [Access::Direct, Access::Qimen] {
        let first = ask(&running, access, &window(25, 0)).await;
        let total: usize = match access {
            Access::Direct => first["total_count"].as_str().unwrap().parse().unwrap(),
            Access::Qimen => first["total_count"].to_string().parse().unwrap(),
        };
        let truth = running.handle().refunds(Edition::Enterprise, access);
        assert_eq!(truth.len(), total);
        let mut seen = BTreeSet::from_iter(texts(&first["refunds"]));
        for page in 1..total.div_ceil(40) {
            let answer = ask(&running, access, &window(25, page.try_into().unwrap())).await;
            assert_eq!(answer.get("total_count"), None, "told on page 0 only");
            seen.extend(texts(&answer["refunds"]));
        }
        assert_eq!(seen, BTreeSet::from_iter(truth), "{access:?}");
        let beyond = ask(&running, access, &window(25, 50)).await;
        assert_eq!(beyond["refunds"], json!([]));
    }
    let shops = |access| {
        let records = running.handle().refunds(Edition::Enterprise, access).into_iter();
        let shop = |text: String| {
            serde_json::from_str::<Value>(&text).unwrap()["shop_no"].as_str().unwrap().to_owned()
        };
        records.map(shop).collect::<BTreeSet<_>>()
    };
    assert!(shops(Access::Qimen).contains("101") && !shops(Access::Direct).contains("101"), "Taobao family");
    let page = get(&running, "/_sandbox/records/refunds/enterprise/qimen").await;
    assert_eq!(page["total"], 230);
}

#[tokio::test]
async fn records_mix_texts_and_numbers_and_keep_four_decimals() {
    let running = unlimited(|_| {}).await;
    let rows: Vec<Value> = running
        .handle()
        .refunds(Edition::Enterprise, Access::Qimen)
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert!(rows.iter().any(|row| row["refund_id"].is_string()));
    assert!(rows.iter().any(|row| row["refund_id"].is_number() && row["type"].is_number()));
    for row in &rows {
        for name in ["goods_amount", "refund_amount", "actual_refund_amount", "return_goods_count"] {
            let (_, decimals) = row[name].as_str().unwrap().split_once('.').unwrap();
            assert_eq!(decimals.len(), 4, "{row}");
        }
        for line in row["refund_order_list"].as_array().unwrap() {
            assert_eq!(line["refund_id"], row["refund_id"]);
        }
    }
    let lines = |count: usize| {
        rows.iter().filter(|row| row["refund_order_list"].as_array().unwrap().len() == count).count()
    };
    assert!(lines(0) > 0 && lines(1) > 0 && lines(3) > 0);
    let unknown = rows.iter().filter(|row| ["998", "999"].contains(&row["shop_no"].as_str().unwrap()));
    assert!(unknown.count() >= 2, "shops that no master data knows");
    let again = unlimited(|_| {}).await;
    let undated = |running: &Running| -> Vec<Value> {
        let texts = running.handle().refunds(Edition::Enterprise, Access::Qimen);
        let pick = |text: &String| -> Value {
            let row: Value = serde_json::from_str(text).unwrap();
            json!([
                row["refund_id"],
                row["shop_no"],
                row["refund_amount"],
                row["type"],
                row["status"],
                row["buyer_nick"]
            ])
        };
        texts.iter().map(pick).collect()
    };
    assert_eq!(undated(&running), undated(&again), "the seed decides");
}

#[tokio::test]
async fn calls_that_break_a_rule_are_refused() {
    let running = unlimited(|_| {}).await;
    let (from, to) = (time_text(now() - DAY), time_text(now()));
    let frame = [("start_time", from.as_str()), ("end_time", to.as_str())];
    let long = time_text(now() - 31 * DAY);
    for (fields, code) in [
        (vec![frame[0], frame[1]], 0),
        (vec![("refund_no", "TK0")], 0),
        (vec![frame[0], frame[1], ("page_size", "41")], 2104),
        (vec![frame[0], frame[1], ("page_no", "x")], 1),
        (vec![("start_time", &long), frame[1]], 2104),
        (vec![frame[0]], 100),
        (vec![("shop_no", "101")], 100),
    ] {
        let direct = enterprise(&running, LIVE, &fields).await;
        assert_eq!(direct["code"], code, "{fields:?}: {direct}");
        let qimen = enterprise_qimen(&running, &fields).await;
        assert_eq!(qimen["response"]["errorcode"], code, "{fields:?}: {qimen}");
    }
    assert_eq!(enterprise_at(&running, LIVE, now() - 310, &frame).await["code"], 2100);
    assert_eq!(post(&running, "/openapi2/refund_query.php", "sid=other").await["code"], 2030);
    let other = qimen(&running, "wdt.refund.query", "md5", &[("sid", "other"), frame[0], frame[1]]).await;
    assert_eq!(other["response"]["errorcode"], 2030);
    for (method, digest, business, code) in [
        ("hu3cgwt0tc.wdt.refund.query", "hmac", vec![("sid", "demo-sid"), frame[0], frame[1]], ""),
        ("wdt.refund.query", "md5", vec![frame[0], frame[1]], "40"),
        ("wdt.trade.query", "md5", vec![("sid", "demo-sid")], "22"),
        ("wdt.refund.query", "sha1", vec![("sid", "demo-sid")], "41"),
    ] {
        let answer = qimen(&running, method, digest, &business).await;
        assert_eq!(answer["response"]["code"].as_str().unwrap_or_default(), code, "{answer}");
    }
    let loose = unlimited(|options| options.wangdiantong.strict_page_size = false).await;
    let answer = enterprise(&loose, LIVE, &[frame[0], frame[1], ("page_size", "100")]).await;
    assert_eq!(answer["code"], 0);
}

#[tokio::test]
async fn the_router_refuses_in_its_own_words_and_order() {
    let running = unlimited(|_| {}).await;
    let (fresh, stale) = (time_text(now()), time_text(now() - 700));
    let mut given: Vec<(&'static str, &str)> = Vec::new();
    // Each step adds one parameter to those before it, a wrong one first.
    for (name, wrong, right, missing, refused) in [
        ("method", "wdt.trade.query", "wdt.refund.query", "21", "22"),
        ("app_key", "87654321", "12345678", "28", "29"),
        ("timestamp", stale.as_str(), fresh.as_str(), "30", "31"),
        ("v", "1.0", "2.0", "32", "34"),
        ("format", "xml", "json", "23", "23"),
        ("sign_method", "sha1", "md5", "40", "41"),
        ("sign", "0123456789ABCDEF0123456789ABCDEF", "", "24", "25"),
    ] {
        let failure = |fields: Vec<(&'static str, String)>| {
            let running = &running;
            async move { post(running, "/router/qm", &form(&borrowed(&fields))).await["response"].take() }
        };
        let owned = |fields: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
            fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
        };
        let without = failure(owned(&given)).await;
        assert_eq!((&without["flag"], &without["code"]), (&json!("failure"), &json!(missing)), "{name}");
        let mut fields = owned(&given);
        fields.push((name, wrong.to_owned()));
        assert_eq!(failure(fields).await["code"], refused, "{name}");
        given.push((name, right));
    }
}

#[tokio::test]
async fn filters_choose_records() {
    let running = unlimited(|_| {}).await;
    let truth = running.handle().refunds(Edition::Enterprise, Access::Qimen);
    let one: Value = serde_json::from_str(&truth[3]).unwrap();
    for (parameter, field) in
        [("refund_no", "refund_no"), ("src_refund_no", "src_no"), ("trade_no", "sales_tid"), ("tid", "tid")]
    {
        let found = enterprise_qimen(&running, &[(parameter, one[field].as_str().unwrap())]).await;
        assert_eq!(texts(&found["response"]["refunds"]), [truth[3].clone()], "{parameter}");
    }
    let mut fields = window(25, 0);
    fields.push(("shop_nos", "102,103".to_owned()));
    fields.push(("process_status", "90".to_owned()));
    let found = ask(&running, Access::Direct, &fields).await;
    let rows = found["refunds"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        assert!(["102", "103"].contains(&row["shop_no"].as_str().unwrap()));
        assert_eq!(row["process_status"].to_string().trim_matches('"'), "90");
        assert!(!row["finish_time"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_limit_of_a_minute_is_shared_by_both_ways() {
    let running = unlimited(|options| options.wangdiantong.calls_per_minute = Some(3)).await;
    let mut codes = Vec::new();
    for access in [Access::Direct, Access::Qimen, Access::Direct, Access::Qimen, Access::Direct] {
        let answer = ask(&running, access, &window(1, 0)).await;
        codes.push(answer.get("code").or(answer.get("errorcode")).unwrap().clone());
    }
    assert_eq!(json!(codes), json!([0, 0, 0, 1012, 1012]));
    assert_eq!(running.handle().state().wangdiantong.throttled["demo-sid"], 2);
}

#[tokio::test]
async fn the_archive_holds_what_the_live_endpoint_no_longer_holds() {
    let running = unlimited(|options| options.wangdiantong.archive_after_days = 7).await;
    let fields = window(25, 0);
    let fields = borrowed(&fields);
    let total = |answer: Value| answer["total_count"].as_str().unwrap().parse::<usize>().unwrap();
    let live = total(enterprise(&running, LIVE, &fields).await);
    let archived = total(enterprise(&running, "his_refund_query.php", &fields).await);
    assert!(live > 0 && archived > 0);
    assert_eq!(live + archived, running.handle().refunds(Edition::Enterprise, Access::Direct).len());
}

#[tokio::test]
async fn records_change_arrive_late_and_leave_while_they_are_paged() {
    let running = unlimited(|options| {
        options.change = Change { rate: 0.05, limit: 60, late_by_seconds: 20 };
    })
    .await;
    let (from, to) = (time_text(now() - 25 * DAY), time_text(now() - 60));
    let page = |number: u64| {
        let number = number.to_string();
        let (running, from, to) = (&running, &from, &to);
        async move {
            enterprise_qimen(running, &[("start_time", from), ("end_time", to), ("page_no", &number)]).await
        }
    };
    let total = |answer: &Value| answer["response"]["total_count"].to_string().parse::<u64>().unwrap();
    let before = total(&page(0).await);
    for number in (0..before.div_ceil(40)).rev() {
        page(number).await;
    }
    let after = total(&page(0).await);
    assert!(after < before, "changed records leave a settled window: {before}, then {after}");
    let state = running.handle().state().wangdiantong;
    assert!(state.changes > 0 && state.enterprise_refunds > 230, "{state:?}");
    let truth = running.handle().refunds(Edition::Enterprise, Access::Qimen);
    assert!(truth.iter().any(|text| text.contains("第1次变更")));
}

#[tokio::test]
async fn faults_strike() {
    let running = unlimited(|_| {}).await;
    let handle = running.handle();
    let next = || Rule::new(When::Next(1));
    let recent = || window(25, 0);

    handle.set(Fault::VendorError, next());
    assert_eq!(ask(&running, Access::Direct, &recent()).await["code"], 1012);
    handle.set(Fault::VendorError, next().code("9 权限不足"));
    let words = ask(&running, Access::Qimen, &recent()).await;
    assert_eq!((&words["errorcode"], &words["message"]), (&json!(9), &json!("权限不足")));
    for (code, wanted, sub_code) in [
        ("7", "7", "accesscontrol.limited-by-app-access-count"),
        ("8", "8", "accesscontrol.limited-by-api-access-count"),
        ("isp.remote-connection-timeout", "15", "isp.remote-connection-timeout"),
        ("29", "29", ""),
    ] {
        handle.set(Fault::GatewayFailure, next().code(code));
        let failure = ask(&running, Access::Qimen, &recent()).await;
        assert_eq!((&failure["code"], &failure["sub_code"]), (&json!(wanted), &json!(sub_code)));
    }
    handle.set(Fault::EmptyPage, next());
    let empty = ask(&running, Access::Direct, &recent()).await;
    assert_eq!(empty["refunds"], json!([]));
    assert_ne!(empty["total_count"], "0");
    handle.set(Fault::MissingList, next());
    let full = ask(&running, Access::Direct, &recent()).await;
    assert!(full.get("refunds").is_some(), "a list with rows is never missing");
    let none = enterprise(&running, LIVE, &[("refund_no", "TK0")]).await;
    assert_eq!((none.get("refunds"), &none["total_count"]), (None, &json!("0")));
    handle.set(Fault::NumbersAsText, next());
    let as_text = ask(&running, Access::Qimen, &recent()).await;
    assert_eq!(as_text["errorcode"], "0");
    assert!(as_text["refunds"].as_array().unwrap().iter().all(|row| row["refund_id"].is_string()));
    handle.set(Fault::WrongTotal, next().code("7000"));
    assert_eq!(ask(&running, Access::Direct, &recent()).await["total_count"], "7000");
    handle.set(Fault::RecordModified, next());
    let before = ask(&running, Access::Direct, &recent()).await;
    let id = &before["refunds"][0]["refund_no"];
    let after = enterprise(&running, LIVE, &[("refund_no", id.as_str().unwrap())]).await;
    assert_eq!(after["refunds"][0]["remark"], "第1次变更");
    assert_eq!(handle.state().calls["wangdiantong enterprise refund_query.php"].faults["empty_page"], 1);
}
