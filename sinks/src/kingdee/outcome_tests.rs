//! What becomes of documents whose call fails, against the sandbox: each failure of the contract, as a whole and in part.

use serde_json::json;
use weir_model::outcome::Outcome;
use weir_sandbox::When::{Every, Next};
use weir_sandbox::{Fault, RefusedNumbers, Rule};

use super::tests::{Site, changed, delivery, flow, short, unresolved, written};

/// How often each document was created: never twice.
fn creates(site: &Site, numbers: &[&str]) -> Vec<usize> {
    numbers.iter().map(|number| site.stored(number).map_or(0, |(_, _, creates, _)| creates)).collect()
}

#[tokio::test]
async fn every_code_of_the_contract_leads_to_its_outcome() {
    let site = Site::start("{}").await;
    for (code, expect) in [
        ("0", "reject K-UNCLEAR"),
        ("1", "halt K-CREDENTIAL"),
        ("2", "halt K-PERMISSION"),
        ("3", "halt K-ARGUMENT"),
        ("4", "reject K-UNCLEAR"),
        ("5", "halt K-ARGUMENT"),
        ("6", "unknown K-AWAY"),
        ("7", "retry K-LICENCE"),
        ("8", "halt K-ARGUMENT"),
        ("9", "reject K-VALIDATION"),
        ("10", "reject K-ABSENT"),
        ("11", "reject K-VALIDATION"),
        ("12", "reject K-STATE"),
        ("13", "retry K-LOCKED"),
        ("14", "retry K-THROTTLED"),
        ("15", "halt K-PERMISSION"),
        ("-10001", "halt K-CREDENTIAL"),
        ("99", "reject K-UNCLEAR"),
        ("519/4002", "halt K-CREDENTIAL"),
        ("519/4006", "halt K-CLOCK"),
        ("519/5001", "halt K-ARGUMENT"),
        ("response_error", "reject K-UNCLEAR"),
        ("11 字段“客户”是必填项", "reject K-MANDATORY"),
        ("11 字段“客户”的基础资料编码“S9”不存在", "reject K-REFERENCE"),
        ("11 编码为“1”的客户已审核，不允许修改", "reject K-STATE"),
        ("4 事务(进程 ID 57)与另一个进程被死锁在锁资源上", "unknown K-AWAY"),
        ("4 执行超时已过期", "unknown K-AWAY"),
        ("4 业务对象BD_Customer2不存在", "halt K-ARGUMENT"),
    ] {
        site.handle().set(Fault::VendorError, Rule::new(Every(1)).on("BatchSave").code(code));
        assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), expect, "{code}");
    }
    site.handle().clear(Fault::VendorError);
    for (status, expect) in [
        ("401", "halt K-CREDENTIAL"),
        ("403", "halt K-PERMISSION"),
        ("404", "halt K-ARGUMENT"),
        ("408", "unknown K-AWAY"),
        ("413", "reject K-TOO-LARGE"),
        ("500", "unknown K-AWAY"),
        ("502", "unknown K-AWAY"),
        ("503", "unknown K-AWAY"),
        ("504", "unknown K-AWAY"),
    ] {
        site.handle().set(Fault::Http5xx, Rule::new(Every(1)).on("BatchSave").code(status));
        assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), expect, "{status}");
    }
    site.handle().clear(Fault::Http5xx);
    assert_eq!(creates(&site, &["1"]), [0], "none of them stored anything");
}

#[tokio::test]
async fn a_target_that_is_down_in_any_way_refuses_no_document() {
    let site = Site::start("{}").await;
    for fault in [Fault::Http5xx, Fault::HtmlAnswer, Fault::CutRequest, Fault::Http429, Fault::TruncatedJson]
    {
        site.handle().set(fault, Rule::new(Every(1)).on("kingdee"));
        for outcome in site.deliver(&[delivery("1", "甲"), unresolved("2", "乙")]).await {
            let held = matches!(outcome, Outcome::Unknown(_) | Outcome::Retry { .. });
            assert!(held, "{fault:?} {outcome:?}");
        }
        site.handle().clear(fault);
    }
}

#[tokio::test]
async fn an_answer_later_than_the_time_out_is_looked_up() {
    let site = Site::with(&flow("{}"), |connection| connection["read_timeout"] = json!("300ms")).await;
    site.handle().set(Fault::Slow, Rule::new(Next(1)).on("BatchSave").millis(1_500));
    assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "unknown K-AWAY");
    assert_eq!(short(&site.deliver(&[unresolved("1", "甲")]).await), "delivered");
    assert_eq!((creates(&site, &["1"]), site.calls("BatchSave")), (vec![1], 1));
}

#[tokio::test]
async fn a_page_of_a_gateway_is_looked_up_and_sent_once_more() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::HtmlAnswer, Rule::new(Next(1)).on("BatchSave"));
    assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "delivered");
    assert_eq!((creates(&site, &["1"]), site.calls("BatchSave")), (vec![1], 2));
    // Alone and always so, it is this document that the gateway does not let through.
    site.handle().set(Fault::HtmlAnswer, Rule::new(Every(1)).on("BatchSave"));
    assert_eq!(short(&site.deliver(&[delivery("2", "乙")]).await), "reject K-UNREADABLE");
}

#[tokio::test]
async fn a_batch_refused_without_a_name_is_halved_until_the_culprit_stands_alone() {
    let numbers = ["1", "2", "3", "4", "5", "6", "7", "8"];
    // 1 whole, 2 halves three times, and two more tries of the one that stands alone; where the answer blames the first
    // document, that one goes alone and the other seven are halved.
    for (code, most_calls) in [("", 9), ("first", 12)] {
        let site = Site::start("{}").await;
        let refused = RefusedNumbers { numbers: vec!["6".into()], ..RefusedNumbers::default() };
        site.handle().merge_knobs(&json!({ "refused_numbers": refused }).to_string()).unwrap();
        site.handle().set(Fault::UnnamedRefusal, Rule::new(Every(1)).code(code));
        let deliveries: Vec<_> = numbers.iter().map(|number| delivery(number, "甲")).collect();
        let outcomes = short(&site.deliver(&deliveries).await);
        assert_eq!(
            outcomes,
            "delivered, delivered, delivered, delivered, delivered, reject K-UNCLEAR, delivered, delivered"
        );
        assert_eq!(creates(&site, &numbers), [1, 1, 1, 1, 1, 0, 1, 1]);
        assert!(site.calls("BatchSave") <= most_calls, "{code}: {}", site.calls("BatchSave"));
    }
}

#[tokio::test]
async fn a_batch_that_fails_for_no_document_is_sent_once_and_left_alone() {
    let site = Site::start("{}").await;
    let batch = || ["1", "2", "3", "4"].map(|number| delivery(number, "甲"));
    // The failure of the whole batch is told of its first document.
    for (code, expect) in [("13", "retry K-LOCKED"), ("6", "unknown K-AWAY")] {
        let calls = site.calls("BatchSave");
        site.handle().set(Fault::VendorError, Rule::new(Every(1)).on("BatchSave").code(code));
        let others = ", unknown K-UNMENTIONED".repeat(3);
        assert_eq!(short(&site.deliver(&batch()).await), format!("{expect}{others}"));
        assert_eq!(site.calls("BatchSave"), calls + 1, "{code}");
    }
    // The site goes away while a batch is halved: what is left is not tried.
    let calls = site.calls("BatchSave");
    site.handle().set(Fault::VendorError, Rule::new(Next(1)).on("BatchSave").code("response_error"));
    site.handle().set(Fault::CutRequest, Rule::new(Every(2)).on("BatchSave"));
    let expect = "unknown K-AWAY, unknown K-AWAY, unknown K-AWAY, unknown K-AWAY";
    assert_eq!(short(&site.deliver(&batch()).await), expect);
    assert_eq!(site.calls("BatchSave"), calls + 2);
}

#[tokio::test]
async fn what_an_answer_leaves_out_is_unknown_and_found() {
    let site = Site::start("{}").await;
    site.handle().set(Fault::HalfTold, Rule::new(Next(1)));
    let outcomes = site.deliver(&[delivery("1", "甲"), delivery("2", "乙"), delivery("3", "丙")]).await;
    assert_eq!(short(&outcomes), "delivered, unknown K-UNMENTIONED, unknown K-UNMENTIONED");
    assert_eq!(
        short(&site.deliver(&[unresolved("2", "乙"), unresolved("3", "丙")]).await),
        "delivered, delivered"
    );
    // An answer that tells of nobody is looked up at once.
    site.handle().set(Fault::HalfTold, Rule::new(Next(1)));
    assert_eq!(short(&site.deliver(&[delivery("4", "丁")]).await), "delivered");
    assert_eq!((creates(&site, &["1", "2", "3", "4"]), site.calls("BatchSave")), (vec![1, 1, 1, 1], 2));
}

#[tokio::test]
async fn a_number_in_use_is_ours_only_after_an_attempt_that_was_left_unknown() {
    let site = Site::start("{}").await;
    let first = written(&site.deliver(&[delivery("1", "甲")]).await[0]);
    assert_eq!(short(&site.deliver(&[delivery("1", "甲")]).await), "reject K-DUPLICATE");
    assert_eq!(short(&site.deliver(&[unresolved("1", "甲")]).await), "delivered");
    // With the receipt's id it is ours whatever it holds; with another it never is.
    let mut known = changed("1", "乙", &first);
    known.unresolved = true;
    assert_eq!(short(&site.deliver(&[known]).await), "delivered");
    assert_eq!(
        site.stored("1").map(|(name, _, creates, updates)| (name, creates, updates)),
        Some(("乙".into(), 1, 1))
    );
    // The version before comes again after a crash: the content is compared, and it is written as the newest decided.
    let calls = site.calls("BatchSave");
    assert_eq!(short(&site.deliver(&[changed("1", "乙", &first)]).await), "delivered");
    assert_eq!(site.calls("BatchSave"), calls, "nothing is written that is there");
}

#[tokio::test]
async fn a_key_that_the_form_does_not_know_hides_the_content_and_not_the_document() {
    let site = Site::start("{}").await;
    let with_key = |number: &str| {
        let mut delivery = unresolved(number, "甲");
        let text = String::from_utf8(delivery.document.body.to_vec()).unwrap();
        delivery.document.body = text.replacen('{', "{\"F_Unknown\":\"x\",", 1).into();
        delivery
    };
    assert_eq!(short(&site.deliver(&[with_key("1")]).await), "delivered");
    let outcomes = site.deliver(&[with_key("1")]).await;
    let Outcome::Reject(refusal) = &outcomes[0] else { panic!("{outcomes:?}") };
    assert!(refusal.code.as_str() == "K-CONFLICT" && refusal.message.contains("cannot be seen"), "{refusal}");
    assert_eq!(creates(&site, &["1"]), [1]);
}
