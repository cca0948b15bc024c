//! The plain case: everything arrives, goes on arriving, and a signal ends it in order.

use crate::{
    judge::{customer_differences_now, expect_complete, movement_differences_now},
    stand::{Setup, Stand},
    waiting::until,
};

#[test]
fn everything_arrives_goes_on_arriving_and_stops_cleanly() {
    let stand = Stand::new(Setup::plain("arrival", 11).changing(60));
    let mut weir = stand.start("all", "one");
    until("the first customers and movements are stored", || {
        let (customers, movements) = stand.stored();
        customers > 0 && movements > 0
    });
    // Changes are made by polling, so these came after the first window was read.
    expect_complete(&stand, "60 changes while polling");
    weir.expect_running();
    let status = weir.terminate();
    assert_eq!(status.code(), Some(0), "a drain ends with code 0: {status}");
    assert!(customer_differences_now(&stand).is_empty() && movement_differences_now(&stand).is_empty());
}
