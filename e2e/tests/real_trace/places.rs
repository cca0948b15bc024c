//! Records that no flow has mapped yet are found in the raw topics.

use weir_sandbox::Options;

use crate::{
    answers::{hit, kinds, trace},
    process::Weir,
    project::{CUSTOMERS, RETURNS},
    stand::Stand,
    truth::{Truth, text_of},
    waiting::until,
};

#[test]
fn what_was_only_polled_is_found_and_said_to_be_waiting_for_its_flow() {
    let options = Options {
        seed: 12,
        customers: 30,
        movements: 20,
        orders: 20,
        companies: 10,
        refunds: 30,
        ..Options::default()
    };
    let stand = Stand::new("polled", options);
    let _producers = Weir::start(&stand.project, "producers", "one");
    let truth = Truth::of(&stand);
    let (customer, _) = truth.customers.iter().next().unwrap();
    let (refund, record) = truth.refunds.iter().next().unwrap();
    let tid = text_of(&record["tid"]);
    until("the refund was polled", || !trace(&stand.project, &[&tid]).found(&tid).is_empty());
    for (number, flow, id) in [(customer, CUSTOMERS, customer), (&tid, RETURNS, refund)] {
        until("the record was polled", || {
            hit(&trace(&stand.project, &[number]).found(number), flow, id).is_some()
        });
        let answer = trace(&stand.project, &[number]);
        let found = answer.found(number);
        let life = hit(&found, flow, id).unwrap();
        assert_eq!((answer.code, &life["state"]), (0, &"unmapped".into()), "{life:#}");
        assert_eq!(kinds(life), ["polled"], "{life:#}");
        assert!(life["verdict"]["en"].as_str().unwrap().contains("has not mapped it yet"), "{life:#}");
    }
    let unknown = trace(&stand.project, &["NOBODY-7"]);
    let behind = &unknown.json["searched"]["not_mapped_yet"];
    assert!(behind[CUSTOMERS].as_u64().unwrap() >= 30, "{behind}");
}
