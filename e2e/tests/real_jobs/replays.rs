//! Everything is replayed while processes are killed (invariant 7), then under a new mapping.

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    desk::{FLOW, PLAIN, TABLE, order, replay, wait_for_state, written},
    letters,
    stand::{Flow, Stand},
    waiting::{eventually, until},
};

const RECORDS: usize = 6_000;
const KILLS: usize = 5;
const CHANGED: Flow = Flow { amount: "7{amount}", ..PLAIN };

/// The amounts that the table is to hold, under a mapping.
fn wait_for_amounts(stand: &Stand, records: usize, prefix: &str) {
    eventually("the rows of the table", || {
        let rows = stand.rows(TABLE);
        let is_right = |number: &usize| {
            let order = order(*number);
            let expected = format!("{prefix}{}", order["amount"].as_str().unwrap());
            rows.get(order["id"].as_str().unwrap()) == Some(&expected)
        };
        let right = (0..records).filter(is_right).count();
        let told = format!("{right} of {} rows are as they should be, of {records}", rows.len());
        if right == records && rows.len() == records { Ok(()) } else { Err(told) }
    });
}

#[test]
fn a_replay_over_kills_changes_nothing_and_a_new_mapping_reaches_old_records() {
    let stand = Stand::new("jobs", &[PLAIN]);
    let orders: Vec<_> = (0..RECORDS).map(order).collect();
    stand.send(&orders);
    let (mut mapping, mut writing) = (stand.start("processors", "p"), stand.start("sinks", "s"));
    stand.wait_for_ended(FLOW, RECORDS as i128);

    let id = replay(&stand, &[]);
    let mut dice = StdRng::seed_from_u64(6);
    for kill in 0..KILLS {
        let share = i64::try_from((kill + 1) * RECORDS / (KILLS + 2)).unwrap();
        until("the replay goes on", || written(&stand) > share);
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(0..300)));
        mapping.kill();
        mapping = stand.start("processors", "p");
        if kill % 2 == 1 {
            writing.kill();
            writing = stand.start("sinks", "s");
        }
        // Live records go on coming beside it.
        stand.send(&[order(RECORDS + kill)]);
    }
    let job = wait_for_state(&stand, &id, "finished");
    assert_eq!(job["sent"], RECORDS, "{job}");
    assert_eq!(job["done"], job["total"], "{job}");
    assert_eq!((&job["refused"], &job["unsent"]), (&0.into(), &0.into()), "{job}");
    let live = RECORDS + KILLS;
    let counts = stand.wait_for_ended(FLOW, (live + RECORDS) as i128);
    assert_eq!(
        (counts.delivered, counts.unchanged, counts.dead),
        (live as u64, RECORDS as u64, 0),
        "{counts:?}"
    );
    wait_for_amounts(&stand, live, "");

    // Under a new mapping every old record is a changed document, once.
    stand.write(CHANGED);
    stand.command(&["flows", "apply"]);
    mapping.wait_for_line(&["ending, to start as it is wanted now"]);
    let id = replay(&stand, &[]);
    let before = written(&stand);
    until("the replay goes on", || written(&stand) > before + 1_000);
    mapping.kill();
    let mut mapping = stand.start("processors", "p");
    let job = wait_for_state(&stand, &id, "finished");
    assert_eq!(job["sent"], live, "{job}");
    wait_for_amounts(&stand, live, "7");
    let counts = stand.wait_for_ended(FLOW, (live + RECORDS + live) as i128);
    assert_eq!(counts.delivered + counts.unchanged, (live + RECORDS + live) as u64, "{counts:?}");
    assert_eq!(counts.delivered, 2 * live as u64, "each is written once more: {counts:?}");
    assert_eq!(letters::list(&stand).len(), 0);
    mapping.expect_running();
    writing.expect_running();
}

#[test]
fn a_replay_of_which_too_much_is_refused_ends_and_the_flow_goes_on() {
    const FEW: usize = 700;
    let stand = Stand::new("refused", &[PLAIN]);
    let orders: Vec<_> = (0..FEW).map(order).collect();
    stand.send(&orders);
    let weir = stand.start("all", "one");
    stand.wait_for_ended(FLOW, FEW as i128);
    stand.write(Flow { amount: "about {amount}", ..PLAIN });
    stand.command(&["flows", "apply"]);
    weir.wait_for_line(&["ending, to start as it is wanted now"]);
    let job = wait_for_state(&stand, &replay(&stand, &[]), "failed");
    assert_eq!(job["cause"]["code"], "J-REFUSED", "{job}");
    let counts = stand.wait_for_ended(FLOW, FEW as i128 + 500);
    assert!(counts.dead >= 100, "{counts:?}");
    // The flow itself is not halted, and what it goes on with is what people mended.
    stand.write(PLAIN);
    stand.command(&["flows", "apply"]);
    stand.send(&[order(FEW)]);
    wait_for_amounts(&stand, FEW + 1, "");
    assert!(weir.terminate().success());
}
