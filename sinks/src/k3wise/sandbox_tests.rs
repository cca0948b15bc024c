//! The target against the sandbox: a reading of the contract that shares nothing with the client.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use weir_sandbox::When::{Every, Next};
use weir_sandbox::k3wise::Mandatory;
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox};

use super::tests::{self, flow, short};
use super::*;
use jiff::Timestamp;
use weir_model::digest::Digest;
use weir_model::figures::{Measure, Paths};
use weir_model::outcome::Written;
use weir_model::receipt::{Delivered, Standing};
use weir_model::record::{Reason, Version};
use weir_model::target::{Batch, Delivery, Ownership, ReadBack as _, Target as _};

struct Site {
    running: Running,
    target: WiseTarget,
}

impl Site {
    async fn start() -> Self {
        Self::with("{}", Mandatory::Seed).await
    }

    async fn with(settings: &str, mandatory: Mandatory) -> Self {
        let mut options = Options { customers: 1, movements: 1, orders: 1, refunds: 1, ..Options::default() };
        options.k3wise.mandatory = mandatory;
        let running = Sandbox::start(options, "127.0.0.1:0").await.unwrap();
        let connection = json!({
            "base_url": format!("{}/K3API/", running.base_url()),
            "authority_code": "4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920",
            "calls_per_second": 200,
        });
        let mut problems = Problems::new("weir.yaml");
        let target = WiseTarget::build(
            &flow("/SO/Save", settings).target,
            &connection,
            "connections.k",
            &Clients::default(),
            &mut problems,
        );
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        Self { running, target: target.unwrap() }
    }

    async fn outcomes(&self, deliveries: &[Delivery]) -> Vec<Outcome> {
        let batch =
            Batch { partition: 0, deliveries, settled: &[], next_offset: 0, ownership: Ownership::sole() };
        self.target.deliver(batch).await.unwrap()
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<String> {
        let outcomes = self.outcomes(deliveries).await;
        // The internal id is the server's own business.
        outcomes
            .iter()
            .map(|outcome| short(outcome).split('/').next().unwrap_or_default().to_owned())
            .collect()
    }
}

impl Site {
    fn calls(&self, call: &str) -> u64 {
        let counts = self.running.handle().state().calls;
        counts.iter().filter(|(name, _)| name.contains(call)).map(|(_, count)| count.received).sum()
    }

    /// Whether a document is audited, and how often it was created and updated.
    fn stored(&self, number: &str) -> (bool, usize, u32) {
        let store = self.running.handle().state().k3wise.store;
        let order = store.order(number).unwrap();
        (order.audited, order.creates, order.updates)
    }
}

/// A document whose customer and item the sandbox knows: those of the contract's example.
fn delivery(number: &str) -> Delivery {
    let mut delivery = tests::delivery(number);
    let text = String::from_utf8(delivery.document.body.to_vec()).unwrap();
    let known = text
        .replace("\"C1\"", "\"C0032\"")
        .replace("\"A\"", "\"5.B2-1116\"")
        .replace("\"B\"", "\"5.B2-1116\"");
    // It insists on a price, which the seed sends.
    delivery.document.body = known.replace("\"FAuxQty\"", "\"FAuxTaxPrice\":\"11.0682\",\"FAuxQty\"").into();
    delivery
}

/// The order delivered as `number` before, now with another quantity.
fn changed(number: &str) -> Delivery {
    let mut changed = Delivery { previous: Some(delivered(number)), ..delivery(number) };
    let text = String::from_utf8(changed.document.body.to_vec()).unwrap();
    changed.document.body = text.replace("3500", "7").into();
    changed
}

fn unresolved(number: &str) -> Delivery {
    Delivery { unresolved: true, ..delivery(number) }
}

#[tokio::test]
async fn documents_are_written_side_by_side_and_a_taken_number_is_refused() {
    let site = Site::start().await;
    assert!(site.target.probe().await.unwrap().problems.is_empty());
    let numbers: Vec<String> = (0..9).map(|at| format!("XM{at}")).collect();
    let deliveries: Vec<Delivery> = numbers.iter().map(|number| delivery(number)).collect();
    let expect: Vec<String> = numbers.iter().map(|number| format!("delivered {number}")).collect();
    assert_eq!(site.deliver(&deliveries).await, expect);
    assert_eq!(site.deliver(&[delivery("XM3")]).await, ["reject K-DUPLICATE"]);
}

#[tokio::test]
async fn a_lost_reply_and_a_cut_request_end_in_one_document() {
    let site = Site::start().await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    for (fault, number) in [(Fault::LostReply, "XM2"), (Fault::CutRequest, "XM3"), (Fault::Http5xx, "XM4")] {
        site.running.handle().set(fault, Rule::new(Next(1)));
        assert_eq!(site.deliver(&[delivery(number)]).await, ["unknown K-AWAY"], "{fault:?}");
        assert_eq!(site.deliver(&[unresolved(number)]).await, [format!("delivered {number}")], "{fault:?}");
        assert_eq!(site.deliver(&[delivery(number)]).await, ["reject K-DUPLICATE"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_not_asked_for_every_document() {
    let site = Site::start().await;
    site.running.handle().set(Fault::Http5xx, Rule::new(Every(1)).on("SO/Save"));
    let deliveries: Vec<Delivery> = (0..20).map(|at| delivery(&format!("XM{at}"))).collect();
    let outcomes = site.deliver(&deliveries).await;
    assert!(outcomes.iter().all(|outcome| outcome.ends_with("K-AWAY")), "{outcomes:?}");
    assert!(site.calls("SO/Save") < 10, "{}", site.calls("SO/Save"));
    site.running.handle().clear(Fault::Http5xx);
    let again: Vec<Delivery> = (0..20).map(|at| unresolved(&format!("XM{at}"))).collect();
    assert!(site.deliver(&again).await.iter().all(|outcome| outcome.starts_with("delivered")));
}

#[tokio::test]
async fn a_token_that_ended_costs_nothing() {
    let site = Site::start().await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    site.running.handle().expire_k3wise_token();
    assert_eq!(site.deliver(&[delivery("XM2")]).await, ["delivered XM2"]);
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_of_a_batch_is_renewed_once() {
    let site = Site::start().await;
    assert_eq!(site.deliver(&[delivery("XM0")]).await, ["delivered XM0"]);
    let issued = || site.running.handle().state().k3wise.tokens_issued;
    assert_eq!(issued(), 1);
    // Of nine calls, four of them side by side, one ends the token for all.
    site.running.handle().set(Fault::ExpiredToken, Rule::new(Next(1)).on("SO/Save"));
    let numbers: Vec<String> = (1..10).map(|at| format!("XM{at}")).collect();
    let deliveries: Vec<Delivery> = numbers.iter().map(|number| delivery(number)).collect();
    let expect: Vec<String> = numbers.iter().map(|number| format!("delivered {number}")).collect();
    assert_eq!(site.deliver(&deliveries).await, expect);
    assert_eq!(issued(), 2);
    for number in &numbers {
        assert_eq!(site.stored(number), (false, 1, 0), "{number}");
    }
}

#[tokio::test]
async fn an_audit_follows_the_save_and_is_never_the_reason_for_another() {
    let site = Site::with("{audit: true}", Mandatory::Seed).await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    assert_eq!(site.stored("XM1"), (true, 1, 0));
    // The audit was made and its answer lost: the status tells, and nothing is called again.
    site.running.handle().set(Fault::LostReply, Rule::new(Next(1)).on("SO/CheckBill"));
    assert_eq!(site.deliver(&[delivery("XM2")]).await, ["unknown K-AWAY"]);
    assert_eq!(site.deliver(&[unresolved("XM2")]).await, ["delivered XM2"]);
    assert_eq!((site.stored("XM2"), site.calls("SO/CheckBill")), ((true, 1, 0), 2));
    // It was not made: only that step runs.
    site.running.handle().set(Fault::Http5xx, Rule::new(Next(1)).on("SO/CheckBill"));
    assert_eq!(site.deliver(&[delivery("XM3")]).await, ["unknown K-AWAY"]);
    assert_eq!(site.deliver(&[unresolved("XM3")]).await, ["delivered XM3"]);
    assert_eq!((site.stored("XM3"), site.calls("SO/CheckBill")), ((true, 1, 0), 4));
    // It was refused: the document stays, in the server's words, and a retry runs this step alone.
    site.running.handle().set(Fault::AuditRefused, Rule::new(Every(1)));
    let outcome = site.outcomes(&[delivery("XM4")]).await.remove(0);
    let Outcome::Incomplete { written, refusal } = outcome else { panic!("{outcome:?}") };
    assert!(refusal.message.starts_with("XM4 is stored and was not audited: "), "{}", refusal.message);
    assert_eq!((site.stored("XM4"), site.calls("SO/Save")), ((false, 1, 0), 4));
    site.running.handle().clear(Fault::AuditRefused);
    let again = Delivery { previous: Some(Delivered { written, ..delivered("XM4") }), ..delivery("XM4") };
    assert_eq!(site.deliver(&[again]).await, ["delivered XM4"]);
    assert_eq!((site.stored("XM4"), site.calls("SO/Save")), ((true, 1, 0), 4));
}

#[tokio::test]
async fn a_person_who_audits_first_is_no_reason_for_a_letter_unless_there_is_a_change() {
    let site = Site::with("{audit: true, on_change: update}", Mandatory::Seed).await;
    site.running.handle().set(Fault::PersonActs, Rule::new(Next(1)).on("CheckBill"));
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    let site = Site::with("{on_change: update}", Mandatory::Seed).await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    site.running.handle().set(Fault::PersonActs, Rule::new(Next(1)).on("Update"));
    assert_eq!(site.deliver(&[changed("XM1")]).await, ["reject K-AUDITED"]);
    assert_eq!(site.stored("XM1"), (true, 1, 0));
}

#[tokio::test]
async fn a_process_whose_partition_may_be_anothers_makes_no_further_call_that_writes() {
    for (allowed, calls) in [(0, (0, 0)), (1, (1, 0))] {
        let site = Site::with("{audit: true}", Mandatory::Seed).await;
        let asked = AtomicUsize::new(0);
        let is_ours = || asked.fetch_add(1, Ordering::SeqCst) < allowed;
        let deliveries = [delivery("XM1")];
        let ownership = Ownership::new(&is_ours);
        let batch = Batch { partition: 0, deliveries: &deliveries, settled: &[], next_offset: 0, ownership };
        assert_eq!(short(&site.target.deliver(batch).await.unwrap()[0]), "unknown K-NOT-OURS");
        assert_eq!((site.calls("SO/Save"), site.calls("SO/CheckBill")), calls, "{allowed}");
        assert_eq!(site.deliver(&[unresolved("XM1")]).await, ["delivered XM1"]);
        assert_eq!(site.stored("XM1"), (true, 1, 0));
    }
}

#[tokio::test]
async fn a_changed_order_is_updated_once_whatever_becomes_of_the_answer() {
    for (fault, first) in [
        (Fault::LostReply, "unknown K-AWAY"),
        (Fault::CutRequest, "unknown K-AWAY"),
        (Fault::Http5xx, "unknown K-AWAY"),
        (Fault::TruncatedJson, "delivered XM1"),
        (Fault::HtmlAnswer, "delivered XM1"),
    ] {
        let site = Site::with("{on_change: update}", Mandatory::Seed).await;
        assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
        site.running.handle().set(fault, Rule::new(Next(1)).on("Update"));
        assert_eq!(site.deliver(&[changed("XM1")]).await, [first], "{fault:?}");
        let again = Delivery { unresolved: true, ..changed("XM1") };
        assert_eq!(site.deliver(&[again]).await, ["delivered XM1"], "{fault:?}");
        assert_eq!(site.stored("XM1"), (false, 1, 1), "{fault:?}");
    }
}

#[tokio::test]
async fn every_failure_of_the_contract_leads_to_its_outcome() {
    let site = Site::start().await;
    let handle = site.running.handle();
    for (code, expect) in [
        ("locked", "retry K-LOCKED"),
        ("deadlock", "retry K-LOCKED"),
        ("licence", "retry K-LICENCE"),
        ("unauthorised", "halt K-PERMISSION"),
        ("period", "reject K-STATE"),
        ("row", "reject K-REFERENCE"),
        ("failed_row", "reject K-REFERENCE"),
        ("201 Faild", "reject K-UNCLEAR"),
        ("401", "halt K-CREDENTIAL"),
        ("500", "reject K-UNCLEAR"),
    ] {
        handle.set(Fault::VendorError, Rule::new(Every(1)).on("SO/Save").code(code));
        assert_eq!(site.deliver(&[delivery("XM1")]).await, [expect], "{code}");
    }
    handle.clear(Fault::VendorError);
    for (status, expect) in [
        ("404", "halt K-ARGUMENT"),
        ("413", "reject K-TOO-LARGE"),
        ("500", "unknown K-AWAY"),
        ("502", "unknown K-AWAY"),
        ("503", "unknown K-AWAY"),
        ("504", "unknown K-AWAY"),
    ] {
        handle.set(Fault::Http5xx, Rule::new(Every(1)).on("SO/Save").code(status));
        assert_eq!(site.deliver(&[delivery("XM1")]).await, [expect], "{status}");
    }
    handle.clear(Fault::Http5xx);
    // A server that is away in any way refuses no document.
    for fault in [Fault::Http5xx, Fault::HtmlAnswer, Fault::CutRequest, Fault::Http429, Fault::TruncatedJson]
    {
        handle.set(fault, Rule::new(Every(1)).on("SO/"));
        for outcome in site.outcomes(&[delivery("XM1"), unresolved("XM2")]).await {
            let held = matches!(outcome, Outcome::Unknown(_) | Outcome::Retry { .. });
            assert!(held, "{fault:?} {outcome:?}");
        }
        handle.clear(fault);
    }
    // A line without a quantity is refused for what it says (contract kingdee-k3wise §7: permanent).
    let mut empty = delivery("XM1");
    let text = String::from_utf8(empty.document.body.to_vec()).unwrap();
    empty.document.body = text.replace("3500", "0").into();
    assert_eq!(site.deliver(&[empty]).await, ["reject K-VALIDATION"]);
}

/// What flow okki-order-to-k3wise sends, its sandbox values included, with a time behind the dates.
fn order(number: &str) -> Delivery {
    let reference = |number: &str, name: &str| json!({"FNumber": number, "FName": name});
    let body = json!({
        "Page1": [{
            "FBillNo": number, "FCancellation": "false", "Fdate": "2024-03-12 10:15:00",
            "FCustID": reference("C0032", "1"), "FAreaPS": reference("1", "1"),
            "FCurrencyID": reference("USD", ""), "FExchangeRate": "7.18",
            "FDeptID": reference("D20", ""), "FEmpID": reference("2747", ""),
        }],
        "Page2": [{
            "FItemID": reference("5.B2-1116", ""), "FAuxQty": "3500", "FAuxTaxPrice": "11.0682",
            "FUnitID": reference("S01", ""), "FDate1": "2024-03-12 10:15:00",
        }],
    });
    let mut delivery = delivery(number);
    delivery.document.body = body.to_string().into();
    delivery
}

#[tokio::test]
async fn the_fields_of_the_flow_pass_a_strict_site_and_a_missing_one_does_not() {
    let site = Site::with("{}", Mandatory::Strict).await;
    assert_eq!(site.deliver(&[order("XM1"), delivery("XM2")]).await, ["delivered XM1", "reject K-MANDATORY"]);
    let store = site.running.handle().state().k3wise.store;
    let stored = store.order("XM1").unwrap();
    assert_eq!(
        (stored.value("Fdate", None).as_str(), stored.value("FExchangeRate", None).as_str()),
        ("2024-03-12", "7.18")
    );
    // The stored one is known again, whatever time the source tells.
    let again = Delivery { unresolved: true, ..order("XM1") };
    assert_eq!(site.deliver(&[again]).await, ["delivered XM1"]);
    assert_eq!(site.stored("XM1"), (false, 1, 0));
}

/// The removal of an order that was delivered as `number`, as `on_delete` maps it.
fn removal(number: &str, previous: Option<&Delivered>) -> Delivery {
    let mut delivery = delivery(number);
    let text = String::from_utf8(delivery.document.body.to_vec()).unwrap();
    let cancelled = text.replace(r#""FCancellation":"false""#, r#""FCancellation":"true""#);
    assert_ne!(text, cancelled);
    delivery.document.body = cancelled.into();
    delivery.document.deleted = true;
    delivery.previous = previous.cloned();
    delivery
}

fn delivered(number: &str) -> Delivered {
    Delivered {
        version: Version::default(),
        source_digest: Digest::default(),
        document_digest: Digest::default(),
        key: number.to_owned(),
        written: Written { id: String::new(), number: number.to_owned() },
        flow_ordinal: 1,
        at: Timestamp::UNIX_EPOCH,
        standing: Standing::Held,
        repaired: false,
    }
}

#[tokio::test]
async fn a_removed_order_is_cancelled_once_and_never_made_anew() {
    // `on_change` is `dead-letter` here, which is not asked.
    let site = Site::start().await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    let previous = delivered("XM1");
    // The second time is after a crash.
    for _ in 0..2 {
        assert_eq!(site.deliver(&[removal("XM1", Some(&previous))]).await, ["delivered XM1"]);
    }
    let store = site.running.handle().state().k3wise.store;
    let order = store.order("XM1").unwrap();
    assert_eq!((order.value("FCancellation", None).as_str(), order.creates, order.updates), ("true", 1, 1));
    let gone = delivered("XM2");
    let lost = Delivery { unresolved: true, ..removal("XM3", None) };
    let nothing_there = [removal("XM2", Some(&gone)), lost];
    assert_eq!(site.deliver(&nothing_there).await, ["Unchanged", "Unchanged"]);
    assert_eq!(site.running.handle().state().k3wise.store.writes().len(), 2);
}

#[tokio::test]
async fn orders_of_a_day_come_back_and_a_fix_makes_anew_what_is_gone() {
    let site = Site::with("{on_change: update}", Mandatory::Seed).await;
    assert_eq!(site.deliver(&[delivery("XM1"), delivery("XM2")]).await, ["delivered XM1", "delivered XM2"]);
    let paths = Paths {
        day: Some("Page1.FDATE".into()),
        shop: None,
        pieces: Measure::parse("Page2.Fauxqty", true),
        amount: Measure::parse("Page2.Fauxqty * Page2.FAuxTaxPrice", true),
    };
    let reading = WiseReadBack::new(site.target, &paths);
    let expected = reading.expected(&delivery("XM1").document).unwrap();
    let day = expected[0].figures.day.unwrap();
    let listed = reading.list(day, day.tomorrow().unwrap()).await.unwrap().unwrap();
    assert_eq!(listed.iter().map(|holding| holding.key.as_str()).collect::<Vec<_>>(), ["XM1", "XM2"]);
    assert_eq!(listed[0], expected[0]);
    assert!(listed[0].figures.amount.is_some());
    assert_eq!(reading.find(&["XM2".into(), "XM9".into()]).await.unwrap().len(), 1);
    assert_eq!(
        reading.list(day.tomorrow().unwrap(), day.tomorrow().unwrap()).await.unwrap(),
        Some(Vec::new())
    );
}

#[tokio::test]
async fn a_fix_makes_anew_what_is_gone_once() {
    let site = Site::start().await;
    let gone = |reason| {
        let mut gone = Delivery { previous: Some(delivered("XM7")), ..delivery("XM7") };
        gone.document.reason = reason;
        gone
    };
    assert_eq!(site.deliver(&[gone(Reason::Poll)]).await, ["reject K-GONE"]);
    assert_eq!(site.deliver(&[gone(Reason::Fix)]).await, ["delivered XM7"]);
    assert_eq!(site.deliver(&[Delivery { unresolved: true, ..gone(Reason::Fix) }]).await, ["delivered XM7"]);
    assert_eq!(site.stored("XM7").1, 1);
}
