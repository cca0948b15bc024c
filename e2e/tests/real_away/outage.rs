//! Kingdee answers 503 and MariaDB is stopped, both for two minutes, while the shop goes on.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use weir_model::names::FlowName;
use weir_sandbox::{Change, Fault, Rule, When};
use weir_testkit::mariadb::MariaDb;

use crate::{
    ends::written,
    judge::expect_complete,
    process::Weir,
    project::{CUSTOMERS, MOVEMENTS},
    stand::{Setup, Stand},
    waiting::until,
};

const OUTAGE: Duration = Duration::from_secs(120);
const MOVEMENT_RECORDS: u32 = 30_000;
/// How much a service may take beyond what it took at rest. A flow's consumer reads 16 MiB ahead, and a lane holds a
/// few batches; there are two flows, and an allocator keeps what it once had.
const HEADROOM_KIB: u64 = 96 << 10;
/// In the second half of the outage the backlog grows on, and a service takes no more than this beyond its most in the
/// first half.
const FLAT_KIB: u64 = 16 << 10;

/// What a process keeps in memory, in KiB.
fn resident(weir: &Weir) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", weir.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim_end_matches("kB").trim().parse().unwrap()
}

/// The most that each service took in a stretch of time.
fn most(services: &[(&str, &Weir)], during: Duration) -> Vec<u64> {
    let mut most = vec![0; services.len()];
    let end = Instant::now() + during;
    while Instant::now() < end {
        for (known, (_, weir)) in most.iter_mut().zip(services) {
            *known = resident(weir).max(*known);
        }
        thread::sleep(Duration::from_secs(1));
    }
    most
}

fn documents(stand: &Stand) -> i64 {
    let doc = |flow| written(stand, &stand.topics().doc(&FlowName::from(flow)));
    doc(CUSTOMERS) + doc(MOVEMENTS)
}

#[test]
fn targets_that_are_away_for_two_minutes_cost_nothing_but_time() {
    let mut server = MariaDb::start().unwrap();
    let mut setup = Setup::plain("away", 81);
    setup.mysql = Some(server.url());
    setup.sandbox.movements = MOVEMENT_RECORDS;
    // Long enough for changes to go on all the time: each page brings one or none.
    setup.sandbox.change = Change { rate: 0.3, limit: 2_000, late_by_seconds: 1 };
    let mut stand = Stand::new(setup);
    stand.changes = 0;
    let mut sinks = stand.start("sinks", "write");
    let mut processors = stand.start("processors", "map");
    until("the sinks stand ready", || sinks.log().contains("sink took partitions over"));
    let at_rest = [resident(&processors), resident(&sinks)];

    server.stop();
    stand.sandbox.set(Fault::Http5xx, Rule::new(When::Every(1)).on("kingdee"));
    let mut producers = stand.start("producers", "read");
    until("documents wait in Kafka", || documents(&stand) > i64::from(MOVEMENT_RECORDS));
    let waiting = documents(&stand);
    let services = [("processors", &processors), ("sinks", &sinks)];
    let first = most(&services, OUTAGE / 2);
    let second = most(&services, OUTAGE / 2);
    let backlog = documents(&stand);
    assert!(backlog > waiting, "records keep coming while the targets are away: {waiting}, then {backlog}");
    let customers = stand.sandbox.state().kingdee.store.documents("BD_Customer").count();
    assert_eq!(customers, 0, "Kingdee was away all the time");
    for (index, (name, _)) in services.iter().enumerate() {
        let (rest, first, second) = (at_rest[index], first[index], second[index]);
        println!(
            "{name}: {rest} KiB at rest, then at most {first} and {second}, {backlog} documents in Kafka"
        );
        assert!(first.max(second) < rest + HEADROOM_KIB, "{name} keeps the backlog in memory");
        assert!(second < first + FLAT_KIB, "{name} grows while its target is away");
    }

    stand.sandbox.clear(Fault::Http5xx);
    server.restart().unwrap();
    stand.sandbox.allow_changes(0);
    expect_complete(&stand, "both targets away for two minutes");
    [&mut sinks, &mut processors, &mut producers].into_iter().for_each(Weir::expect_running);
}
