//! `kill -9` of the producer in the middle of two backfills, beside a live flow (invariant 7).

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_schemas::JobState;

use crate::{
    judge::expect_complete,
    past::{backfill, change, cursors, days_ago, shorten_windows, standing, until_state},
    project::{CUSTOMERS_SOURCE, FLOWS, MOVEMENTS_SOURCE},
    stand::{Setup, Stand},
    waiting::until,
};

const CUSTOMERS: u32 = 400;
const MOVEMENTS: u32 = 2_000;
const KILLS: u32 = 6;

#[test]
fn a_producer_that_is_killed_in_the_middle_of_a_backfill_leaves_nothing_out_and_nothing_twice() {
    let mut setup = Setup::plain("backfill", 77).changing(60);
    (setup.sandbox.customers, setup.sandbox.movements) = (CUSTOMERS, MOVEMENTS);
    let stand = Stand::new(setup);
    change(&stand, "start_from: -30d", "start_from: -4d");
    shorten_windows(&stand, "8h");
    let _processors = stand.start("processors", "processors");
    let _sinks = stand.start("sinks", "sinks");
    let mut producers = stand.start("producers", "producers");
    until("the live flow has begun", || stand.stored().1 > 0);

    // The sandbox's records are of the last twenty days.
    let jobs = [CUSTOMERS_SOURCE, MOVEMENTS_SOURCE]
        .map(|source| backfill(&stand, source, days_ago(21), days_ago(4)));
    let mut dice = StdRng::seed_from_u64(77);
    let mut kills_in_the_middle = 0;
    for _ in 0..KILLS {
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(300..=2_500)));
        producers.kill();
        let is_open = |id: &String| standing(&stand, id).0 != JobState::Finished;
        kills_in_the_middle += u32::from(jobs.iter().any(is_open));
        producers = stand.start("producers", "producers");
    }
    let published: u64 = jobs.iter().map(|id| until_state(&stand, id, JobState::Finished).1).sum();
    assert!(kills_in_the_middle > 0, "the jobs were over before the first kill");
    expect_complete(&stand, &format!("{KILLS} kills of the producer, {kills_in_the_middle} in a backfill"));
    let past = u64::from(CUSTOMERS + MOVEMENTS) * 3 / 4;
    assert!(published >= past, "{published} records of the past were published, and about {past} lie there");
    for (_, source) in FLOWS {
        let cursors = cursors(&stand, source);
        assert!(cursors.iter().all(|cursor| cursor.job.is_empty()), "{cursors:?}");
    }
    producers.expect_running();
}
