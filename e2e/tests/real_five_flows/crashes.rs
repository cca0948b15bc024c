//! `kill -9` at random moments while records change and answers to writes are lost (invariant 7): all five flows end with the newest
//! state of every record, once each.

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_sandbox::{Change, Fault, Options, Rule, When};

use crate::{
    judge::{expect_complete, expect_no_second_create, refused},
    project::FLOWS,
    stand::Stand,
    tallies::Tallies,
    waiting::LIMIT,
};

#[test]
fn killing_the_process_of_all_flows_loses_and_doubles_nothing() {
    const KILLS: u32 = 5;
    let mut options = Options {
        seed: 6,
        customers: 60,
        movements: 300,
        orders: 60,
        companies: 24,
        refunds: 150,
        span_seconds: 4 * 86_400,
        change: Change { rate: 0.2, limit: 30, late_by_seconds: 1 },
        ..Options::default()
    };
    options.okki.late_company_seconds = 10;
    // Of the calls that write: stored, and nobody is told.
    options.knobs.set(Fault::LostReply, Rule::new(When::Every(5)).on("Save"));
    let stand = Stand::new("killed", options);
    let mut tallies = Tallies::open(&stand);
    let mut dice = StdRng::seed_from_u64(6);
    for _ in 0..KILLS {
        let weir = stand.start();
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(800..=5_000)));
        weir.kill();
    }
    let mut weir = stand.start();
    let letters = expect_complete(&stand, &mut tallies, LIMIT);
    expect_no_second_create(&stand);
    weir.expect_running();
    for (flow, records) in refused(&stand) {
        for record in records {
            let explained = letters.iter().any(|letter| letter.owner == flow && letter.record == record);
            assert!(explained, "{record} of {flow} was refused without a letter");
        }
    }
    for (flow, _) in FLOWS {
        println!("{flow}: {:?}", tallies.sink(flow));
    }
}
