//! The customers of Kingdee against the rows that were written back, and against the receipts they were made of.

use std::{collections::BTreeMap, ops::ControlFlow, thread, time::Duration};

use jiff::tz::TimeZone;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_kafka::{Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::{names::FlowName, receipt::Receipt};
use weir_runtime::topics::FLOW_PARTITIONS;
use weir_schemas::Codec;

use crate::{
    judge::customer_differences_now,
    letters,
    project::CUSTOMERS,
    stand::{Setup, Stand},
    waiting::{eventually, until},
};

const FLOW: &str = "kingdee-customer-numbers-to-mysql";
const TEXT: &str = include_str!("../../../examples/write-back/kingdee-customer-numbers-to-mysql.yaml");
const COLUMNS: [&str; 4] = ["customer", "kingdee_id", "kingdee_number", "delivered_at"];

/// A row by its customer: id, number, when it was delivered.
type Rows = BTreeMap<String, [String; 3]>;

/// Adds the flow to the project of a stand.
fn add_flow(stand: &Stand) {
    std::fs::write(stand.file(&format!("flows/{FLOW}.yaml")), TEXT).unwrap();
    stand.command(&["topics", "apply"]);
}

/// The rows as they lie in the database. A customer that is there twice ends the test.
fn stored(stand: &Stand) -> Rows {
    let rows = stand.database.rows("kingdee_customer", &COLUMNS);
    let count = rows.len();
    let text = |row: &[Option<String>], at: usize| row[at].clone().unwrap_or_default();
    let rows: Rows =
        rows.iter().map(|row| (text(row, 0), [text(row, 1), text(row, 2), text(row, 3)])).collect();
    assert_eq!(rows.len(), count, "a customer is written back twice");
    rows
}

/// The rows as the receipts of the customers' flow want them.
fn delivered(stand: &Stand) -> Rows {
    let topic = stand.topics().receipt(&FlowName::from(CUSTOMERS));
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let mut rows = Rows::new();
    for number in 0..FLOW_PARTITIONS {
        let partition = TopicPartition::new(topic.as_str(), number);
        let take = |message: weir_kafka::Message| {
            let receipt: Receipt = Codec::single_object().decode(&message.value.unwrap()).unwrap();
            if let Some(delivered) = receipt.delivered {
                let at = delivered.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
                let row = [delivered.written.id, delivered.written.number, at];
                rows.insert(receipt.record_id.to_string(), row);
            }
            ControlFlow::Continue(())
        };
        read_to_end(stand.cluster(), &partition, StartOffset::Beginning, Isolation::Committed, take).unwrap();
    }
    rows
}

/// The numbers and ids of Kingdee itself.
fn at_kingdee(stand: &Stand) -> BTreeMap<String, String> {
    let state = stand.sandbox.state();
    state
        .kingdee
        .store
        .documents("BD_Customer")
        .map(|document| (document.number.clone(), document.id.to_string()))
        .collect()
}

/// Waits until all customers have arrived at Kingdee, with all changes, and have been written back.
fn expect_written_back(stand: &Stand) {
    eventually("every customer is written back", || {
        let changes = stand.sandbox.state().jushuitan.changes;
        if changes < stand.changes {
            return Err(format!("the shop still changes: {changes} of {}", stand.changes));
        }
        let wrong = customer_differences_now(stand);
        if !wrong.is_empty() {
            return Err(wrong.join("\n"));
        }
        let (rows, receipts) = (stored(stand), delivered(stand));
        let wrong: Vec<String> = receipts
            .iter()
            .filter(|(customer, row)| rows.get(*customer) != Some(row))
            .map(|(customer, row)| format!("{customer}: {:?} for {row:?}", rows.get(customer)))
            .collect();
        if wrong.is_empty() && rows.len() == receipts.len() { Ok(()) } else { Err(wrong.join("\n")) }
    });
    let rows = stored(stand).into_values().map(|[id, number, _]| (number, id));
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), at_kingdee(stand), "the numbers are those of Kingdee");
}

/// A flow of receipts is replayed and traced like any other: what is there already is not written again.
fn expect_replayed_and_traced(stand: &Stand) {
    let rows = stored(stand);
    let job = stand.command(&["replay", FLOW, "--since", "2020-01-01", "--json"]);
    assert!(job.contains("finished"), "{job}");
    assert_eq!(stored(stand), rows, "nothing is written anew");
    let told = stand.command(&["trace", rows.keys().next().unwrap(), "--flow", FLOW, "--lang", "en"]);
    let receipts = stand.topics().receipt(&FlowName::from(CUSTOMERS));
    for part in [format!("taken from the receipts of {CUSTOMERS}"), receipts, "stored at MySQL".to_owned()] {
        assert!(told.contains(&part), "{part}: {told}");
    }
}

#[test]
fn numbers_are_written_back_through_kills_and_follow_changes() {
    const KILLS: u32 = 5;
    let stand = Stand::new(Setup::plain("receipts", 41).changing(80));
    add_flow(&stand);
    let mut dice = StdRng::seed_from_u64(41);
    for kill in 0..KILLS {
        let weir = stand.start("all", "one");
        if kill == 0 {
            until("the first customers are written back", || !stored(&stand).is_empty());
        }
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(500..=3_000)));
        weir.kill();
    }
    let mut weir = stand.start("all", "one");
    expect_written_back(&stand);
    expect_replayed_and_traced(&stand);
    weir.expect_running();
    let status = weir.terminate();
    assert_eq!(status.code(), Some(0), "a drain ends with code 0: {status}");
    let letters = letters::list(&stand);
    assert!(letters.iter().all(|letter| letter.owner != FLOW), "{letters:?}");
}
