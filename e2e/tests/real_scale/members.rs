//! Processes of all stages come and go while records change (invariants 3, 4 and 7).

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_sandbox::{Change, Fault, Options, Rule, When};

use crate::{
    crew::{Crew, Exit, Successor},
    judge::{expect_complete, refused},
    ownership::Callers,
    project::{CUSTOMERS, FLOWS},
    stand::Stand,
    tallies::Tallies,
    waiting::until,
};

/// Far longer than seven processes need on a machine that does other things as well.
const LIMIT: Duration = Duration::from_secs(300);
/// One test at a time: each has seven processes, and a member that gets no time to answer loses what it owns.
static TURN: Mutex<()> = Mutex::new(());

/// Data that changes while it is read, and answers to writes that get lost.
fn changing(seed: u64) -> Options {
    let mut options = Options {
        seed,
        customers: 80,
        movements: 400,
        orders: 60,
        companies: 24,
        refunds: 150,
        span_seconds: 4 * 86_400,
        change: Change { rate: 0.2, limit: 60, late_by_seconds: 1 },
        ..Options::default()
    };
    options.okki.late_company_seconds = 15;
    options.knobs.set(Fault::LostReply, Rule::new(When::Every(7)).on("Save"));
    options
}

#[test]
fn processes_of_every_stage_come_and_go_while_records_change() {
    const CHANGES: [(Exit, Successor); 8] = [
        (Exit::Killed, Successor::Same),
        (Exit::Terminated, Successor::Another),
        (Exit::Killed, Successor::Another),
        (Exit::Terminated, Successor::Same),
        (Exit::Killed, Successor::Same),
        (Exit::Killed, Successor::Another),
        (Exit::Terminated, Successor::Same),
        (Exit::Terminated, Successor::Another),
    ];
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stand = Stand::new("members", changing(9));
    let mut tallies = Tallies::open(&stand);
    let mut dice = StdRng::seed_from_u64(9);
    let mut crew = Crew::start(&stand);
    until("documents arrive", || stand.sandbox.state().kingdee.store.documents("BD_Customer").count() > 0);
    for (exit, successor) in CHANGES {
        // Not a wait for anything: a process may leave at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(200..=3_000)));
        crew.replace(&mut dice, exit, successor);
    }
    let letters = expect_complete(&stand, &mut tallies, LIMIT);
    crew.expect_running();
    for (flow, records) in refused(&stand) {
        for record in records {
            let explained = letters.iter().any(|letter| letter.owner == flow && letter.record == record);
            assert!(explained, "{record} of {flow} was refused without a letter");
        }
    }
    let calls = stand.calls.so_far();
    // Every process that came or left may have moved it once, and the group may have moved it on.
    let most_handovers = 2 * CHANGES.len() + 7;
    let accounts = Callers::of_accounts(&calls);
    accounts.expect_one_at_a_time("account", most_handovers);
    let partitions = Callers::of_partitions(&stand, &calls);
    partitions.expect_one_at_a_time("partition", most_handovers);
    println!(
        "{} calls; owners of accounts: {:?}; of partitions: {:?}",
        calls.len(),
        accounts.counts(),
        partitions.counts()
    );
    for (flow, _) in FLOWS {
        println!("{flow}: {:?}", tallies.sink(flow));
    }
    crew.terminate();
}

#[test]
fn what_stays_with_its_owner_is_not_taken_from_it() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stand = Stand::new("kept", Options { customers: 60, movements: 100, ..changing(10) });
    let producers = [stand.start("producers", "producers-1"), stand.start("producers", "producers-2")];
    let processors = stand.start("processors", "processors-1");
    let first = stand.start("sinks", "sinks-1");
    first.wait_for_line(&["sink took partitions over", CUSTOMERS, "partitions=6"]);
    let second = stand.start("sinks", "sinks-2");
    second.wait_for_line(&["sink took partitions over", CUSTOMERS, "partitions=3"]);
    let third = stand.start("sinks", "sinks-3");
    third.wait_for_line(&["sink took partitions over", CUSTOMERS, "partitions=2"]);
    // Three took six, three and two: whatever one keeps when another comes is not handed to it anew.
    for (sink, taken) in [(&first, 1), (&second, 1), (&third, 1)] {
        let log = sink.log();
        let takes =
            log.lines().filter(|line| line.contains("took partitions over") && line.contains(CUSTOMERS));
        assert_eq!(takes.count(), taken, "{log}");
    }
    let mut tallies = Tallies::open(&stand);
    expect_complete(&stand, &mut tallies, LIMIT);
    let accounts = Callers::of_accounts(&stand.calls.so_far());
    accounts.expect_one_at_a_time("account", 4);
    let pollers: Vec<&str> = accounts.all().into_iter().collect();
    assert_eq!(pollers, ["producers-1", "producers-2"], "the accounts are spread: {:?}", accounts.counts());
    let status = third.terminate();
    assert_eq!(status.code(), Some(0), "the third sink leaves in order: {status}");
    for weir in producers.into_iter().chain([processors, first, second]) {
        let status = weir.terminate();
        assert_eq!(status.code(), Some(0), "a process ends in order: {status}");
    }
}
