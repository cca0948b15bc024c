//! One flow is halted by a wrong secret, another is paused, and both stand still for longer than their topics' horizon.

use std::fs;

use weir_model::names::{FlowName, SourceName};

use crate::{
    ends::removed,
    judge::{customer_differences_now, movement_differences_now},
    letters,
    movements::COLUMNS,
    project::{CUSTOMERS, CUSTOMERS_SOURCE, Flaw, MOVEMENTS, MOVEMENTS_SOURCE},
    stand::{Setup, Stand},
    waiting::{eventually, until},
};

/// A second flow of the movements' source, into a table of its own.
const COPY: &str = "movements-copy";
const TABLE: &str = "jst_sku_sn_movement";
const COPY_TABLE: &str = "movement_copy";
const HORIZON: &str = "3s";

fn raw(stand: &Stand, source: &str) -> String {
    stand.topics().raw(&SourceName::from(source))
}

fn doc(stand: &Stand, flow: &str) -> String {
    stand.topics().doc(&FlowName::from(flow))
}

/// Short horizons, and the second flow beside the first.
fn add_to(stand: &Stand) {
    let file = stand.file("weir.yaml");
    let project = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{project}horizons: {{raw: {HORIZON}, doc: {HORIZON}}}\n")).unwrap();
    let flow = fs::read_to_string(stand.file(&format!("flows/{MOVEMENTS}.yaml"))).unwrap();
    let copy = flow.replace(&format!("flow: {MOVEMENTS}"), &format!("flow: {COPY}"));
    let copy = copy.replace(&format!("table: {TABLE}"), &format!("table: {COPY_TABLE}"));
    fs::write(stand.file(&format!("flows/{COPY}.yaml")), copy).unwrap();
    stand.command(&["topics", "apply"]);
    stand.command(&["flows", "apply"]);
}

fn mend_the_secret(stand: &Stand) {
    let file = stand.file("weir.yaml");
    let wrong = "ffffffffffffffffffffffffffffffff";
    let project = fs::read_to_string(&file).unwrap();
    assert!(project.contains(wrong));
    fs::write(&file, project.replace(wrong, "0123456789abcdef0123456789abcdef")).unwrap();
}

/// How the copy's table differs from the first flow's; the values of both come from the same records.
fn copy_differs(stand: &Stand) -> Result<(), String> {
    let rows = |table| {
        let mut rows = stand.database.rows(table, &COLUMNS);
        rows.sort();
        rows
    };
    let (first, copy) = (rows(TABLE), rows(COPY_TABLE));
    let (rows, copies) = (first.len(), copy.len());
    if first == copy { Ok(()) } else { Err(format!("{rows} rows, and {copies} in the copy, differ")) }
}

fn expect(what: &str, differences: impl Fn() -> Vec<String>) {
    eventually(what, || {
        let wrong = differences();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    });
}

fn until_removed(stand: &Stand, topic: &str) {
    until(&format!("old records of {topic} are removed"), || removed(stand, topic) > 0);
}

#[test]
fn a_flow_that_stands_still_past_the_horizon_loses_nothing() {
    let mut setup = Setup::plain("horizon", 61);
    setup.flaw = Flaw::KingdeeSecret;
    let stand = Stand::new(setup);
    add_to(&stand);
    stand.command(&["flows", "pause", COPY, "--reason", "the test holds it"]);
    let mut weir = stand.start("all", "one");
    weir.wait_for_line(&["halted", CUSTOMERS, "K-CREDENTIAL"]);
    expect("the flow that runs", || movement_differences_now(&stand));
    // Both were read by all that read them, and both are past the horizon: so trimming is at work, and has looked at
    // what the others hold.
    until_removed(&stand, &raw(&stand, CUSTOMERS_SOURCE));
    until_removed(&stand, &doc(&stand, MOVEMENTS));
    let warned = weir.wait_for_line(&["WARN", "behind by more than half the horizon", CUSTOMERS]);
    weir.wait_for_line(&["WARN", "behind by more than half the horizon", COPY]);
    let held = |topic: &str| assert_eq!(removed(&stand, topic), 0, "{topic} holds what was not read");
    held(&doc(&stand, CUSTOMERS));
    held(&raw(&stand, MOVEMENTS_SOURCE));
    assert_eq!(stand.stored().0, 0, "no customer was delivered yet");

    mend_the_secret(&stand);
    stand.command(&["flows", "resume", CUSTOMERS]);
    stand.command(&["flows", "resume", COPY]);
    expect("the flow that was halted", || customer_differences_now(&stand));
    eventually("the flow that was paused", || copy_differs(&stand));
    // Once all have read, the horizon decides again.
    until_removed(&stand, &doc(&stand, CUSTOMERS));
    until_removed(&stand, &doc(&stand, COPY));
    until_removed(&stand, &raw(&stand, MOVEMENTS_SOURCE));
    weir.expect_running();
    assert_eq!(weir.terminate().code(), Some(0));

    // A start on topics that were trimmed goes on where it was: nothing comes twice and nothing is missing.
    let before = letters::list(&stand).len();
    let mut weir = stand.start("all", "one");
    weir.wait_for_line(&["sink took partitions over", CUSTOMERS]);
    expect("customers after a restart", || customer_differences_now(&stand));
    expect("movements after a restart", || movement_differences_now(&stand));
    eventually("the copy after a restart", || copy_differs(&stand));
    assert!(stand.sandbox.state().kingdee.store.duplicate_creates().is_empty());
    assert_eq!(letters::list(&stand).len(), before, "no letter is written again");
    weir.expect_running();
    println!("{warned}");
}
