//! No needless write and no stale one: what did not change, or is older, causes no statement on the table, also after the
//! sink was killed.

use crate::{
    stand::{PARTITIONS, Stand, State, id},
    waiting::{eventually, until},
};

const RECORDS: usize = 2_000;

#[test]
fn only_what_changed_is_written() {
    let stand = Stand::new("needless");
    let first: Vec<State> = (0..RECORDS).map(|record| State::new(record, 10, "1.50")).collect();
    stand.publish(&first);
    let sink = stand.start();
    until("all rows are there", || stand.amounts().len() == RECORDS);
    sink.kill();
    let mut sink = stand.start();
    sink.wait_for_line(&["sink took partitions over"]);
    assert_eq!(stand.written().values().sum::<usize>(), RECORDS);

    // The same states read again, then older ones, then one per partition that did change: once that one is there, all
    // before it were dealt with.
    let again = first.clone();
    let stale: Vec<State> = (0..RECORDS).map(|record| State::new(record, 5, "0.01")).collect();
    let partitions = usize::try_from(PARTITIONS).unwrap();
    let changed: Vec<State> = (0..partitions).map(|record| State::new(record, 20, "2.50")).collect();
    stand.publish(&[again, stale, changed].concat());
    eventually("what changed is written", || {
        let amounts = stand.amounts();
        let missing: Vec<String> = (0..partitions)
            .map(id)
            .filter(|id| amounts.get(id).is_none_or(|amount| amount != "2.50"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} are as they were")) }
    });
    let written = stand.written();
    for record in 0..RECORDS {
        let expected = if record < partitions { 2 } else { 1 };
        assert_eq!(written.get(&id(record)), Some(&expected), "writes of {}", id(record));
    }
    assert_eq!(stand.amounts().values().filter(|amount| *amount == "1.50").count(), RECORDS - partitions);
    sink.expect_running();
    assert!(sink.terminate().success());
}
