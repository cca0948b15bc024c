//! `kill -9` at random moments (invariant 7): no document lost, none written twice, no older state over a newer one.

use std::{thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_sandbox::{Fault, Rule, When};

use crate::{
    judge::expect_complete,
    stand::{Setup, Stand},
};

const STAGES: [&str; 3] = ["producers", "processors", "sinks"];

/// Stored without an answer, or answered late: a process is killed not knowing what became of its call.
fn mean_to_batches(mut setup: Setup) -> Setup {
    let knobs = &mut setup.sandbox.knobs;
    knobs.set(Fault::LostReply, Rule::new(When::Every(3)).on("BatchSave"));
    knobs.set(Fault::Slow, Rule::new(When::Every(2)).on("BatchSave").millis(600));
    setup
}

/// Lets the processes run for a while that is a matter of chance. Not a wait for anything: the kill may come at any
/// moment.
fn run_for_a_while(dice: &mut StdRng) {
    thread::sleep(Duration::from_millis(dice.random_range(200..=2_600)));
}

#[test]
fn killing_one_process_of_all_stages_loses_and_doubles_nothing() {
    const KILLS: u32 = 8;
    let stand = Stand::new(mean_to_batches(Setup::plain("killed", 21)).changing(150));
    let mut dice = StdRng::seed_from_u64(21);
    for _ in 0..KILLS {
        let weir = stand.start("all", "one");
        run_for_a_while(&mut dice);
        weir.kill();
    }
    let mut weir = stand.start("all", "one");
    expect_complete(&stand, &format!("{KILLS} kills of one process"));
    weir.expect_running();
}

#[test]
fn killing_any_of_three_processes_while_a_second_sink_joins_and_leaves() {
    const KILLS: u32 = 7;
    let stand = Stand::new(mean_to_batches(Setup::plain("three", 31)).changing(150));
    let mut dice = StdRng::seed_from_u64(31);
    let mut processes: Vec<_> = STAGES.iter().map(|stages| stand.start(stages, stages)).collect();
    let mut second_sink = None;
    for kill in 0..KILLS {
        run_for_a_while(&mut dice);
        let victim = dice.random_range(0..STAGES.len());
        processes.remove(victim).kill();
        processes.insert(victim, stand.start(STAGES[victim], STAGES[victim]));
        if kill == 1 {
            second_sink = Some(stand.start("sinks", "sinks-2"));
        }
    }
    let second_sink = second_sink.unwrap();
    second_sink.wait_for_line(&["sink took partitions over"]);
    let status = second_sink.terminate();
    assert_eq!(status.code(), Some(0), "the second sink leaves in order: {status}");
    expect_complete(&stand, &format!("{KILLS} kills among three processes, a sink that came and went"));
}
