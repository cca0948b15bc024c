//! A wrong secret halts its flow with a clear message and few calls; the other flow goes on.

use crate::{
    judge::{customer_differences_now, movement_differences_now},
    letters,
    project::{CUSTOMERS, CUSTOMERS_SOURCE, Flaw, MOVEMENTS},
    stand::{Setup, Stand},
    waiting::eventually,
};

/// More would be a retry storm: each of the six partitions may try once, and once more.
const FEW: u64 = 12;

fn expect_movements(stand: &Stand) {
    eventually("the other flow goes on", || {
        let wrong = movement_differences_now(stand);
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    });
}

fn expect_no_letter_but_of_movements(stand: &Stand) {
    let letters = letters::list(stand);
    assert!(letters.iter().all(|letter| letter.owner == MOVEMENTS), "{letters:?}");
}

#[test]
fn a_wrong_secret_of_the_source_halts_its_flow_alone() {
    let mut setup = Setup::plain("source_secret", 41);
    setup.flaw = Flaw::JushuitanSecret;
    let stand = Stand::new(setup);
    let mut weir = stand.start("all", "one");
    let line = weir.wait_for_line(&["halted", CUSTOMERS_SOURCE, "P-CREDENTIAL"]);
    expect_movements(&stand);
    let calls = stand.calls("distributor/query");
    assert!(calls <= FEW, "{calls} calls with a wrong secret");
    assert!(!weir.log().contains("not-the-secret"), "invariant 8");
    expect_no_letter_but_of_movements(&stand);
    weir.expect_running();
    println!("{calls} calls, then: {line}");
}

#[test]
fn a_wrong_secret_of_kingdee_halts_its_flow_alone() {
    let mut setup = Setup::plain("target_secret", 42);
    setup.flaw = Flaw::KingdeeSecret;
    let stand = Stand::new(setup);
    let mut weir = stand.start("all", "one");
    let line = weir.wait_for_line(&["halted", CUSTOMERS, "K-CREDENTIAL"]);
    expect_movements(&stand);
    let calls = stand.calls("kingdee");
    assert!(calls <= FEW, "{calls} calls with a wrong secret");
    assert!(!weir.log().contains("ffffffffffffffffffffffffffffffff"), "invariant 8");
    expect_no_letter_but_of_movements(&stand);
    assert!(customer_differences_now(&stand).iter().all(|wrong| wrong.ends_with("is missing")));
    weir.expect_running();
    println!("{calls} calls, then: {line}");
}
