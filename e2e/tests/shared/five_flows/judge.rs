//! The judge: compares what the targets hold with what the expectation makes of the sources' records.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::Value;
use weir_sandbox::kingdee::{Document, DocumentStatus};

use crate::{
    expected::{aftersales, customers, movements, orders, returns},
    letters::{self, Letter},
    project::{AFTERSALES, COMPANIES, CUSTOMERS, MOVEMENTS, ORDERS, RETURNS},
    stand::Stand,
    tallies::Tallies,
    truth::{Records, Truth, text_of},
    waiting::eventually_within,
};

const SHOWN_DIFFERENCES: usize = 10;
/// For so long nothing must differ: a record that changed last is polled, and a late write shows, within that time.
const CALM: Duration = Duration::from_secs(8);

/// Waits, until `limit`, for everything to have arrived, to add up and to stay so; then makes sure that nothing was
/// created twice. Gives the letters.
pub fn expect_complete(stand: &Stand, tallies: &mut Tallies, limit: Duration) -> Vec<Letter> {
    let (mut calm_since, mut before) = (Instant::now(), None);
    eventually_within(limit, "everything has arrived", || {
        let changes = changes(stand);
        let mut wrong = differences(stand);
        wrong.extend(tallies.unbalanced());
        if !wrong.is_empty() {
            calm_since = Instant::now();
            return Err(wrong.join("\n"));
        }
        if before.replace(changes) != Some(changes) {
            calm_since = Instant::now();
        }
        let calm = calm_since.elapsed();
        if calm >= CALM { Ok(()) } else { Err(format!("nothing differs, for {calm:?}")) }
    });
    expect_no_double(stand);
    letters::list(stand)
}

/// Records of all sources that changed or were added so far.
fn changes(stand: &Stand) -> u32 {
    let state = stand.sandbox.state();
    state.jushuitan.changes + state.wangdiantong.changes + state.okki.changes
}

/// What is missing, stale, or too much at the targets; a line each.
fn differences(stand: &Stand) -> Vec<String> {
    let truth = Truth::of(stand);
    let mut wrong = customer_differences(stand, &truth.customers);
    wrong.extend(return_differences(stand, &truth.refunds));
    wrong.extend(order_differences(stand, &truth));
    wrong.extend(row_differences(stand, &truth));
    let hidden = wrong.len().saturating_sub(SHOWN_DIFFERENCES);
    wrong.truncate(SHOWN_DIFFERENCES);
    if hidden > 0 {
        wrong.push(format!("and {hidden} more"));
    }
    wrong
}

fn customer_differences(stand: &Stand, records: &Records) -> Vec<String> {
    let mut stored = documents(stand, "BD_Customer");
    let mut wrong = Vec::new();
    for (id, record) in records {
        let Some(expected) = customers::document(record) else {
            continue;
        };
        match stored.remove(id) {
            Some(document)
                if document.status == DocumentStatus::Audited
                    && Value::Object(document.fields.clone()) == expected => {}
            found => wrong.push(format!("customer {id} is {found:?} for {expected}")),
        }
    }
    // One that was stored and lost its name since is refused, and stays as it was.
    wrong.extend(
        stored.into_keys().filter(|id| !records.contains_key(id)).map(|id| format!("customer {id}?")),
    );
    wrong
}

/// The refunds of unknown shops share one bill, which is that of one of them.
fn return_differences(stand: &Stand, records: &Records) -> Vec<String> {
    let mut stored = documents(stand, "SAL_RETURNSTOCK");
    let mut wrong = Vec::new();
    let shared = stored.remove(returns::SHARED_NUMBER).map(|document| Value::Object(document.fields));
    let mut owners = records.values().filter(|record| !returns::has_own_number(record));
    if !owners.any(|record| shared.is_some() && returns::document(record) == shared) {
        wrong.push(format!("the bill of refunds of unknown shops is that of none of them: {shared:?}"));
    }
    for record in records.values().filter(|record| returns::has_own_number(record)) {
        let number = text_of(&record["refund_no"]);
        let found = stored.remove(&number).map(|document| Value::Object(document.fields));
        let expected = returns::document(record);
        if found != expected {
            wrong.push(format!("return {number} is {found:?} for {expected:?}"));
        }
    }
    wrong.extend(stored.into_keys().map(|number| format!("return {number} should not be there")));
    wrong
}

fn order_differences(stand: &Stand, truth: &Truth) -> Vec<String> {
    let state = stand.sandbox.state();
    let mut stored: BTreeMap<String, orders::Pages> = state
        .k3wise
        .store
        .orders()
        .map(|order| {
            let rows = order.rows.iter().cloned().map(Value::Object).collect();
            (order.number.clone(), (Value::Object(order.header.clone()), rows))
        })
        .collect();
    let mut wrong = Vec::new();
    for record in truth.orders.values() {
        let number = text_of(&record["order_no"]);
        let (found, expected) = (stored.remove(&number), orders::document(record, &truth.companies));
        if expected.is_some() && found != expected {
            wrong.push(format!("order {number} is {found:?} for {expected:?}"));
        }
    }
    // An order that was removed after it was written stays: that is the flow's default.
    if stored.len() > state.okki.removed_orders.len() {
        wrong.push(format!("orders that nobody placed: {:?}", stored.keys()));
    }
    wrong
}

fn row_differences(stand: &Stand, truth: &Truth) -> Vec<String> {
    let expected = truth.movements.iter().filter_map(|(id, record)| movements::row(id, record));
    let found = stand.database.rows(movements::TABLE, &movements::COLUMNS);
    let mut wrong = set_differences(MOVEMENTS, expected, found);
    let expected = truth.aftersales.values().flat_map(aftersales::rows);
    let found = stand.database.rows(aftersales::TABLE, &aftersales::columns());
    wrong.extend(set_differences(AFTERSALES, expected, found));
    wrong
}

fn set_differences(
    flow: &str,
    expected: impl Iterator<Item = Vec<Option<String>>>,
    found: Vec<Vec<Option<String>>>,
) -> Vec<String> {
    let (count, expected) = (found.len(), expected.collect::<BTreeSet<_>>());
    let found: BTreeSet<_> = found.into_iter().collect();
    let mut wrong: Vec<_> =
        expected.difference(&found).map(|row| format!("{flow}: no row {row:?}")).collect();
    wrong.extend(found.difference(&expected).map(|row| format!("{flow}: {row:?} should not be there")));
    if found.len() != count {
        wrong.push(format!("{flow}: rows are there twice"));
    }
    wrong
}

fn documents(stand: &Stand, form: &str) -> BTreeMap<String, Document> {
    let store = stand.sandbox.state().kingdee.store;
    store.documents(form).map(|document| (document.number.clone(), document.clone())).collect()
}

/// Invariant 7: created once each. What was refused as there already is what the seed makes collide, and nothing else.
fn expect_no_double(stand: &Stand) {
    let state = stand.sandbox.state();
    let (galaxy, wise) = (state.kingdee.store, state.k3wise.store);
    for form in ["BD_Customer", "SAL_RETURNSTOCK"] {
        let doubles: Vec<_> = galaxy.documents(form).filter(|document| document.creates != 1).collect();
        assert!(doubles.is_empty(), "created more than once: {doubles:?}");
    }
    let doubles: Vec<_> = wise.orders().filter(|order| order.creates != 1).collect();
    assert!(doubles.is_empty(), "created more than once: {doubles:?}");
    assert!(galaxy.unknown_keys().is_empty(), "{:?}", galaxy.unknown_keys());
    assert!(wise.unknown_keys().is_empty(), "{:?}", wise.unknown_keys());
}

/// No create was even tried a second time, but for what the seed makes collide. A process that is stopped in the middle of a
/// call and woken up after its work was taken over may try: the target then refuses it.
pub fn expect_no_second_create(stand: &Stand) {
    let state = stand.sandbox.state();
    let (galaxy, wise) = (state.kingdee.store, state.k3wise.store);
    let refused: Vec<_> = galaxy.duplicate_creates().keys().collect();
    assert_eq!(refused, [returns::SHARED_NUMBER]);
    assert!(wise.duplicate_creates().is_empty(), "created again: {:?}", wise.duplicate_creates());
}

/// The records that must have letters in their newest state, by flow.
pub fn refused(stand: &Stand) -> BTreeMap<&'static str, BTreeSet<String>> {
    let truth = Truth::of(stand);
    let of = |records: &Records, is_refused: &dyn Fn(&String, &Value) -> bool| {
        let refused = records.iter().filter(|(id, record)| is_refused(id, record));
        refused.map(|(id, _)| id.clone()).collect::<BTreeSet<_>>()
    };
    BTreeMap::from([
        (CUSTOMERS, of(&truth.customers, &|_, record| customers::document(record).is_none())),
        (MOVEMENTS, of(&truth.movements, &|id, record| movements::row(id, record).is_none())),
        (COMPANIES, BTreeSet::new()),
        (ORDERS, of(&truth.orders, &|_, record| orders::document(record, &truth.companies).is_none())),
        (AFTERSALES, BTreeSet::new()),
        (RETURNS, of(&truth.refunds, &|_, record| returns::document(record).is_none())),
    ])
}

/// The refunds of unknown shops that have lines: of these all but one must have a letter.
pub fn colliding(stand: &Stand) -> BTreeSet<String> {
    let refunds = Truth::of(stand).refunds;
    let collides = |record: &Value| !returns::has_own_number(record) && returns::document(record).is_some();
    refunds.iter().filter(|(_, record)| collides(record)).map(|(id, _)| id.clone()).collect()
}
