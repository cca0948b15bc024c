//! Many letters at once.

use std::{
    thread,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    desk::{ORDERS, count, dlq, states},
    process::Weir,
    stand::Stand,
    waiting::{eventually, until},
};

/// Records whose amount does not fit its column.
const TOO_LARGE: usize = 2_000;
/// Records whose id does not fit.
const TOO_LONG: usize = 40;
const GOOD: usize = 60;
const KILLS: usize = 5;

fn records() -> Vec<Value> {
    let too_large =
        (0..TOO_LARGE).map(|number| json!({"id": format!("L{number}"), "amount": "12345678901.00"}));
    let too_long = (0..TOO_LONG).map(|number| json!({"id": format!("{number:040}"), "amount": "1.00"}));
    let good = (0..GOOD).map(|number| json!({"id": format!("G{number}"), "amount": "2.00"}));
    too_large.chain(too_long).chain(good).collect()
}

/// The cause that so many open letters have.
fn cause_of(stand: &Stand, letters: usize) -> String {
    let groups = dlq(stand, &["group", ORDERS.name]);
    let groups = groups["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| count(&group["count"]) == letters);
    let group = group.unwrap_or_else(|| panic!("no cause has {letters} letters: {groups:?}"));
    group["cause_id"].as_str().unwrap().to_owned()
}

/// What is wrong with the table: every record is to be there but those that were given up, the mended ones mended.
fn wrong(stand: &Stand) -> Result<(), String> {
    let rows = stand.rows(ORDERS.table);
    let mended = (0..TOO_LARGE)
        .filter(|number| rows.get(&format!("L{number}")).is_some_and(|amount| amount == "7.50"));
    let good =
        (0..GOOD).filter(|number| rows.get(&format!("G{number}")).is_some_and(|amount| amount == "2.00"));
    let (mended, good, all) = (mended.count(), good.count(), rows.len());
    if (mended, good, all) == (TOO_LARGE, GOOD, TOO_LARGE + GOOD) {
        Ok(())
    } else {
        Err(format!("{mended} mended and {good} good rows of {all}"))
    }
}

/// `kill -9` of one process after the other, each followed by another of its name.
fn kill_some(stand: &Stand, mut processors: Weir, mut sinks: Weir) -> (Weir, Weir) {
    let mut chance = StdRng::seed_from_u64(6);
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(chance.random_range(100..1_500)));
        if chance.random() {
            processors.kill();
            processors = stand.start("processors", "mapping");
        } else {
            sinks.kill();
            sinks = stand.start("sinks", "writing");
        }
    }
    (processors, sinks)
}

#[test]
fn one_rule_mends_all_letters_of_a_cause_while_processes_are_killed() {
    let stand = Stand::new("letters", &[ORDERS]);
    let processors = stand.start("processors", "mapping");
    let sinks = stand.start("sinks", "writing");
    stand.send(&records());
    stand.wait_for_ended(ORDERS.name, (TOO_LARGE + TOO_LONG + GOOD) as i128);
    assert_eq!(
        states(&stand),
        json!({"open": TOO_LARGE + TOO_LONG, "resent": 0, "solved": 0, "given-up": 0, "failed-again": 0})
    );

    let (too_large, too_long) = (cause_of(&stand, TOO_LARGE), cause_of(&stand, TOO_LONG));
    let asked = ["replay", ORDERS.name, "--cause", &too_large, "--set", "amount=7.50"];
    let dry = dlq(&stand, &[&asked[..], &["--dry-run"]].concat());
    assert_eq!((count(&dry["letters"]), &dry["jobs"]), (TOO_LARGE, &json!([])));
    assert_eq!(dry["sample"], json!(["  amount: \"12345678901.00\" → \"7.50\""]));
    // A rule that fits none of them sends none.
    let misfit =
        dlq(&stand, &["replay", ORDERS.name, "--cause", &too_large, "--remove", "memo", "--dry-run"]);
    assert_eq!((count(&misfit["letters"]), count(&misfit["rule_does_not_fit"])), (0, TOO_LARGE));

    let began = Instant::now();
    let sent = dlq(&stand, &[&asked[..], &["--yes", "--by", "周敏", "--reason", "金额写错"]].concat());
    assert_eq!(count(&sent["letters"]), TOO_LARGE);
    let (processors, sinks) = kill_some(&stand, processors, sinks);
    eventually("every letter is mended", || wrong(&stand));
    let expected =
        json!({"open": TOO_LONG, "resent": 0, "solved": TOO_LARGE, "given-up": 0, "failed-again": 0});
    until("every letter is solved", || states(&stand) == expected);
    eprintln!("{TOO_LARGE} letters mended and solved in {:?}, with {KILLS} kills", began.elapsed());

    // The source sends what it always sent: nothing that was mended is undone, and nobody is told again.
    stand.send(&records());
    let all = TOO_LARGE + TOO_LONG + GOOD;
    let counts = stand.wait_for_ended(ORDERS.name, (2 * all + TOO_LARGE) as i128);
    assert_eq!(wrong(&stand), Ok(()), "{counts:?}");
    assert_eq!(states(&stand), expected);

    let dropped = dlq(
        &stand,
        &["drop", ORDERS.name, "--cause", &too_long, "--reason", "测试订单", "--yes", "--by", "林工"],
    );
    assert_eq!(count(&dropped["given_up"]), TOO_LONG);
    let history = dlq(&stand, &["history", ORDERS.name]);
    let told: Vec<(&str, &str, &str, usize)> = history["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| {
            let text = |key: &str| action[key].as_str().unwrap();
            (text("kind"), text("by"), text("reason"), count(&action["letters"]))
        })
        .collect();
    assert_eq!(told, [("replay", "周敏", "金额写错", TOO_LARGE), ("drop", "林工", "测试订单", TOO_LONG)]);

    let expected =
        json!({"open": 0, "resent": 0, "solved": TOO_LARGE, "given-up": TOO_LONG, "failed-again": 0});
    assert_eq!(states(&stand), expected);
    stand.command(&["ledger", "rebuild"]);
    assert_eq!(states(&stand), expected, "a rebuild changes no state");
    assert!(processors.terminate().success() && sinks.terminate().success());
}
