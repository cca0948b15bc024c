//! The target against the sandbox: a reading of the contract that shares nothing with the client.

use serde_json::json;
use weir_sandbox::When::Next;
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox};

use super::tests::{self, flow, short};
use super::*;
use jiff::Timestamp;
use weir_model::digest::Digest;
use weir_model::outcome::Written;
use weir_model::receipt::Delivered;
use weir_model::record::Version;
use weir_model::target::{Batch, Delivery, Target as _};

struct Site {
    running: Running,
    target: WiseTarget,
}

impl Site {
    async fn start() -> Self {
        let options = Options { customers: 1, movements: 1, orders: 1, refunds: 1, ..Options::default() };
        let running = Sandbox::start(options, "127.0.0.1:0").await.unwrap();
        let connection = json!({
            "base_url": format!("{}/K3API/", running.base_url()),
            "authority_code": "4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920",
            "calls_per_second": 200,
        });
        let mut problems = Problems::new("weir.yaml");
        let target = WiseTarget::build(
            &flow("/SO/Save", "{}").target,
            &connection,
            "connections.k",
            &Clients::default(),
            &mut problems,
        );
        assert!(problems.list().is_empty(), "{:?}", problems.list());
        Self { running, target: target.unwrap() }
    }

    async fn deliver(&self, deliveries: &[Delivery]) -> Vec<String> {
        let batch = Batch { partition: 0, deliveries, settled: &[], next_offset: 0 };
        let outcomes = self.target.deliver(batch).await.unwrap();
        // The internal id is the server's own business.
        outcomes
            .iter()
            .map(|outcome| short(outcome).split('/').next().unwrap_or_default().to_owned())
            .collect()
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
async fn a_token_that_ended_costs_nothing() {
    let site = Site::start().await;
    assert_eq!(site.deliver(&[delivery("XM1")]).await, ["delivered XM1"]);
    site.running.handle().expire_k3wise_token();
    assert_eq!(site.deliver(&[delivery("XM2")]).await, ["delivered XM2"]);
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
