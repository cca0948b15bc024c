//! The plain case: every record of every source becomes just the document that its seed says.

use std::collections::BTreeSet;

use serde_json::Value;
use weir_sandbox::Options;

use crate::{
    expected::orders,
    judge::{colliding, expect_complete, expect_no_second_create, refused},
    letters::Letter,
    project::{FLOWS, ORDERS, RETURNS},
    stand::Stand,
    tallies::Tallies,
    truth::Truth,
    waiting::{LIMIT, until},
};

fn with_letters(letters: &[Letter], flow: &str, code: Option<&str>) -> BTreeSet<String> {
    let of_flow = letters.iter().filter(|letter| letter.owner == flow);
    of_flow
        .filter(|letter| code.is_none_or(|code| letter.code == code))
        .map(|letter| letter.record.clone())
        .collect()
}

fn waiting(stand: &Stand) -> u64 {
    let answer: Value = serde_json::from_str(&stand.command(&["wait", "list", ORDERS, "--json"])).unwrap();
    answer["total"].as_u64().unwrap()
}

#[test]
fn every_document_is_what_its_seed_says_field_by_field() {
    let mut options = Options {
        seed: 5,
        customers: 150,
        movements: 800,
        orders: 150,
        companies: 40,
        refunds: 300,
        ..Options::default()
    };
    options.okki.late_company_seconds = 25;
    let stand = Stand::new("arrival", options);
    let mut tallies = Tallies::open(&stand);
    let mut weir = stand.start();
    until("orders wait for their customers", || waiting(&stand) > 0);
    let letters = expect_complete(&stand, &mut tallies, LIMIT);
    expect_no_second_create(&stand);
    weir.expect_running();
    assert_eq!(waiting(&stand), 0);
    let truth = Truth::of(&stand);
    assert!(truth.orders.values().any(orders::waits), "no order came before its customer");
    // The seed's condition_bk is switched off: refunds that it would leave out are compared like all others.
    let left_out = |record: &Value| record["status"] != "5" || record["shop_no"] == "103";
    assert!(truth.refunds.values().any(left_out));

    let mut due = refused(&stand);
    let collide = colliding(&stand);
    let collided = with_letters(&letters, RETURNS, Some("K-DUPLICATE"));
    let owners: Vec<_> = collide.difference(&collided).collect();
    assert_eq!(
        (collide.len() > 1, owners.len()),
        (true, 1),
        "{collide:?} collide, {collided:?} have letters"
    );
    due.get_mut(RETURNS).unwrap().extend(collide.iter().filter(|id| !owners.contains(id)).cloned());
    for (flow, source) in FLOWS {
        assert_eq!(with_letters(&letters, flow, None), due[flow], "the letters of {flow}");
        assert_eq!(with_letters(&letters, source, None), BTreeSet::new(), "the letters of {source}");
        println!("{flow}: {:?}", tallies.sink(flow));
    }
}
