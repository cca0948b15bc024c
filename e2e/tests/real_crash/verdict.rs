//! The verdict of a test: everything where it belongs, and the dead letters exact.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::Value;
use weir_kafka::{StartOffset, Tail};
use weir_model::letter::DeadLetter;
use weir_sandbox::Fault;
use weir_schemas::Codec;

use crate::{
    crew::Crew,
    expected::{customers, movements, orders, returns},
    judge,
    project::{AFTERSALES, COMPANIES, CUSTOMERS, FLOWS, MOVEMENTS, ORDERS, RETURNS},
    stand::Stand,
    tallies::Tallies,
    truth::Truth,
};

/// Longer than anything takes that a killed or stopped process may leave behind: back-offs, sessions, locks.
const LIMIT: Duration = Duration::from_secs(240);
const QUIET: Duration = Duration::from_millis(500);

/// Lets the records come to rest and the sandbox behave, waits until everything has arrived, and judges the letters.
/// Gives a line for the report.
pub fn expect_exact(stand: &Stand, crew: &mut Crew<'_>) -> String {
    stand.rest();
    for fault in [Fault::LostReply, Fault::Slow, Fault::Http5xx, Fault::CutRequest] {
        stand.sandbox.clear(fault);
    }
    judge::expect_complete(stand, &mut Tallies::open(stand), LIMIT);
    crew.expect_running();
    let letters: usize = FLOWS.iter().map(|(flow, _)| expect_letters(stand, flow)).sum();
    FLOWS.iter().for_each(|(_, source)| expect_source_letters(stand, source));
    let state = stand.sandbox.state();
    format!(
        "{} changes; {} documents in Kingdee, {} orders in K/3 WISE, {} and {} rows, {letters} letters; 0 missing, \
         0 double, 0 stale, 0 wrong",
        state.jushuitan.changes + state.wangdiantong.changes + state.okki.changes,
        ["BD_Customer", "SAL_RETURNSTOCK"]
            .map(|form| state.kingdee.store.documents(form).count())
            .iter()
            .sum::<usize>(),
        state.k3wise.store.orders().count(),
        stand.database.rows(movements::TABLE, &movements::COLUMNS[..1]).len(),
        stand.database.rows(crate::expected::aftersales::TABLE, &["refund_id"]).len(),
    )
}

/// A source has letters about orders that were removed between their list and their details, each once.
fn expect_source_letters(stand: &Stand, source: &str) {
    let removed = stand.sandbox.state().okki.removed_orders;
    let letters = read_letters(stand, source);
    for letter in &letters {
        let record: Value = serde_json::from_slice(&letter.payload).unwrap();
        let is_removed = removed.iter().any(|order| record["order_id"] == *order);
        assert!(letter.refusal.code.as_str() == "P-NO-DETAIL" && is_removed, "{source}: {letter:?}");
    }
    let records: BTreeSet<_> = letters.iter().map(|letter| &letter.record_id).collect();
    assert_eq!(records.len(), letters.len(), "{source}: two letters for one answer: {letters:?}");
}

/// Each state of a record has one letter at most, each letter is about a state that is refused, and each record that
/// is refused in its newest state has a letter that holds it. Gives the number of letters.
fn expect_letters(stand: &Stand, flow: &'static str) -> usize {
    let truth = Truth::of(stand);
    let letters = read_letters(stand, flow);
    let mut states = BTreeMap::<_, u32>::new();
    for letter in &letters {
        *states.entry((letter.record_id.clone(), letter.source_digest.to_string())).or_default() += 1;
    }
    let doubles: Vec<_> = states.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubles.is_empty(), "{flow}: more than one letter for one state: {doubles:?}");
    for letter in &letters {
        let record: Value = serde_json::from_slice(&letter.payload).unwrap();
        let id = &letter.record_id;
        let is_refused = match flow {
            CUSTOMERS => customers::document(&record).is_none(),
            MOVEMENTS => movements::row(id, &record).is_none(),
            ORDERS => orders::document(&record, &truth.companies).is_none(),
            RETURNS => returns::document(&record).is_none() || !returns::has_own_number(&record),
            COMPANIES | AFTERSALES => false,
            other => panic!("{other} is no flow"),
        };
        assert!(is_refused, "{flow}: a letter about what is not refused: {letter:?}");
    }
    let lettered: BTreeSet<_> = letters.iter().map(|letter| letter.record_id.clone()).collect();
    let missing: Vec<_> = judge::refused(stand)[flow].difference(&lettered).cloned().collect();
    assert!(missing.is_empty(), "{flow}: refused without a letter: {missing:?}");
    letters.len()
}

/// The letters of a flow or source, whole.
fn read_letters(stand: &Stand, owner: &str) -> Vec<DeadLetter> {
    let topic = stand.topics().dead(owner);
    let mut tail = Tail::open(stand.cluster(), &topic, StartOffset::Beginning).unwrap();
    let codec = Codec::single_object();
    let mut letters = Vec::new();
    while let Some(message) = tail.poll(QUIET).unwrap() {
        letters.push(codec.decode(&message.value.unwrap()).unwrap());
    }
    letters
}
