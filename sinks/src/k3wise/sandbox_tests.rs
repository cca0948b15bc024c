//! The target against the sandbox: a reading of the contract that shares nothing with the client.

use serde_json::json;
use weir_sandbox::When::Next;
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox};

use super::tests::{self, flow, short};
use super::*;
use weir_model::target::Delivery;

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
        let target =
            WiseTarget::build(&flow("/SO/Save", "{}").target, &connection, "connections.k", &mut problems);
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
