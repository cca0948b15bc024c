//! How long a live record takes to its row, without a replay and beside one. The figures are told, never asserted: the
//! machines of a test run are loaded with others.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    desk::{FLOW, PLAIN, TABLE, ask, order, replay, wait_for_state},
    stand::Stand,
    waiting::LIMIT,
};

const RECORDS: usize = 15_000;
const LIVE: usize = 25;
const PAUSE: Duration = Duration::from_millis(150);

/// Sends live records one by one; how long each took to its row, the shortest first.
fn delays(stand: &Stand, first: usize) -> Vec<Duration> {
    let mut delays: Vec<Duration> = (first..first + LIVE).map(|number| delay(stand, number)).collect();
    delays.sort_unstable();
    delays
}

fn delay(stand: &Stand, number: usize) -> Duration {
    thread::sleep(PAUSE);
    let order = order(number);
    let row = format!("{TABLE} WHERE id = '{}'", order["id"].as_str().unwrap());
    stand.send(&[order]);
    let sent = Instant::now();
    while stand.database.rows(&row, &["id"]).is_empty() {
        assert!(sent.elapsed() < LIMIT, "{row} never came");
        thread::sleep(Duration::from_millis(5));
    }
    sent.elapsed()
}

#[test]
fn live_records_overtake_a_replay() {
    let stand = Stand::new("beside", &[PLAIN]);
    let orders: Vec<_> = (0..RECORDS).map(order).collect();
    orders.chunks(1_000).for_each(|some| stand.send(some));
    let (mapping, writing) = (stand.start("processors", "p"), stand.start("sinks", "s"));
    stand.wait_for_ended(FLOW, RECORDS as i128);
    let alone = delays(&stand, RECORDS);
    let (id, started) = (replay(&stand, &[]), Instant::now());
    wait_for_state(&stand, &id, "running");
    let beside = delays(&stand, RECORDS + LIVE);
    let during = ask(&stand, &["jobs", "show", &id]);
    let job = wait_for_state(&stand, &id, "finished");
    let took = started.elapsed();
    let live = RECORDS + 2 * LIVE;
    let counts = stand.wait_for_ended(FLOW, (live + RECORDS + LIVE) as i128);
    assert_eq!((counts.delivered, counts.unchanged), (live as u64, (RECORDS + LIVE) as u64), "{counts:?}");
    assert_eq!(stand.rows(TABLE).len(), live);
    let told = |delays: &[Duration]| {
        let at = |share: usize| delays[(delays.len() - 1) * share / 100];
        format!("median {:?}, nine of ten {:?}, longest {:?}", at(50), at(90), at(100))
    };
    println!("a live record to its row, without a replay: {}", told(&alone));
    println!("a live record to its row, beside a replay:  {}", told(&beside));
    println!(
        "replayed {} records in {took:?}; {} were sent when the last live one was written",
        job["sent"], during["sent"]
    );
    assert!(mapping.terminate().success() && writing.terminate().success());
}
