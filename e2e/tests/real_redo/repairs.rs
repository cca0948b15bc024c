//! `kill -9` while letters are resent and everything is replayed (invariant 7), then all that could undo a repair.

use std::{collections::BTreeMap, thread, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use weir_model::{letter::DeadLetter, names::FlowName, record::Reason, tally::Counts};
use weir_sandbox::{Fault, Rule, When, kingdee::DocumentStatus};
use weir_schemas::RedoRecord;

use crate::{
    ends::written,
    judge::{customer_differences_now, expect_complete, expect_no_double, movement_differences_now, text_of},
    movements,
    project::{CUSTOMERS, CUSTOMERS_SOURCE, FLOWS, MOVEMENTS, MOVEMENTS_SOURCE},
    returns::{letters, poll_again, replay, resend, send_again},
    stand::{Setup, Stand},
    tallies::Tallies,
    waiting::{eventually, until},
};

const CUSTOMER_RECORDS: u32 = 300;
const KILLS: usize = 6;

/// What a person makes of the record of a letter; every third is resent as it was, for the target was at fault.
fn repair(letter: &DeadLetter, number: usize) -> Option<Value> {
    let mut record: Value = serde_json::from_slice(&letter.payload).unwrap();
    let is_at_fault = text_of(&record["name"]).is_empty() || letter.refusal.code.as_str() != "K-VALIDATION";
    if letter.owner == MOVEMENTS {
        record["cost_price"] = serde_json::from_str("1.50").unwrap();
    } else if is_at_fault || !number.is_multiple_of(3) {
        record["name"] = Value::from(format!("修好的客户{}", letter.record_id));
    } else {
        return None;
    }
    Some(record)
}

/// What the targets are to hold of the resent records: the customer's name or the movement's price, by record.
fn expected(again: &[RedoRecord], field: &str) -> BTreeMap<String, String> {
    let told = |redo: &RedoRecord| {
        let record: Value = serde_json::from_slice(&redo.record.payload).unwrap();
        (redo.record.id.to_string(), text_of(&record[field]))
    };
    again.iter().map(told).collect()
}

/// What is still wrong: everything the source sent is there, and of the resent records what a person made of them.
fn wrong(
    stand: &Stand,
    customers: &BTreeMap<String, String>,
    prices: &BTreeMap<String, String>,
) -> Vec<String> {
    let is_resent = |line: &String| {
        let id = line.split(' ').nth(1).unwrap_or_default();
        line.ends_with("should not be there") && (customers.contains_key(id) || prices.contains_key(id))
    };
    let mut wrong = customer_differences_now(stand);
    wrong.extend(movement_differences_now(stand));
    wrong.retain(|line| !is_resent(line));
    let state = stand.sandbox.state();
    let stored: BTreeMap<_, _> =
        state.kingdee.store.documents("BD_Customer").map(|found| (found.number.as_str(), found)).collect();
    for (id, name) in customers {
        match stored.get(id.as_str()) {
            Some(found)
                if found.status == DocumentStatus::Audited && text_of(&found.fields["FName"]) == *name => {}
            found => wrong.push(format!("customer {id} is {found:?} and should be {name}")),
        }
    }
    let rows = movements::stored(&stand.database);
    for (id, price) in prices {
        let column = movements::COLUMNS.iter().position(|column| *column == "cost_price").unwrap();
        let found = rows.get(id).and_then(|row| row[column].clone());
        if found != Some(format!("{price}0000")) {
            wrong.push(format!("movement {id} costs {found:?} and should cost {price}"));
        }
    }
    wrong
}

fn documents(stand: &Stand) -> i64 {
    FLOWS.iter().map(|(flow, _)| written(stand, &stand.topics().doc(&FlowName::from(*flow)))).sum()
}

/// The system after everything was delivered but what was refused, with what became of that.
struct Repairs {
    stand: Stand,
    tallies: Tallies,
    /// The letters of each flow.
    refused: [Vec<DeadLetter>; 2],
    /// All that re-enters, by flow: the resent letters, and a replay of everything.
    again: Vec<(&'static str, RedoRecord)>,
    names: BTreeMap<String, String>,
    costs: BTreeMap<String, String>,
}

impl Repairs {
    fn new(stand: Stand) -> Self {
        let refused = [CUSTOMERS, MOVEMENTS].map(|flow| letters(&stand, flow));
        let resent = |letters: &[DeadLetter], source: &str| -> Vec<RedoRecord> {
            let one = |(number, letter)| resend(letter, source, repair(letter, number).as_ref());
            letters.iter().enumerate().map(one).collect()
        };
        let customers = resent(&refused[0], CUSTOMERS_SOURCE);
        let movements = resent(&refused[1], MOVEMENTS_SOURCE);
        assert!(customers.len() >= 5 && !movements.is_empty(), "{customers:?} {movements:?}");
        assert!(customers.iter().any(|redo| !redo.repaired), "one is resent as it was");
        let (names, costs) = (expected(&customers, "name"), expected(&movements, "cost_price"));
        let of_flow = |flow| move |redo| (flow, redo);
        let mut again: Vec<_> = customers.into_iter().map(of_flow(CUSTOMERS)).collect();
        again.extend(movements.into_iter().map(of_flow(MOVEMENTS)));
        for (flow, source) in FLOWS {
            again.extend(replay(&stand, source).into_iter().map(of_flow(flow)));
        }
        Self { tallies: Tallies::open(&stand), stand, refused, again, names, costs }
    }

    /// Sends one of so many parts of all that re-enters.
    fn send_part(&self, part: usize, of: usize) {
        for (flow, _) in FLOWS {
            let own = self.again.iter().enumerate().filter(|(at, (own, _))| at % of == part && *own == flow);
            send_again(&self.stand, flow, &own.map(|(_, (_, redo))| redo.clone()).collect::<Vec<_>>());
        }
    }

    /// Waits until so many documents have come to their end at the sinks, in all.
    fn until_ended(&mut self, what: &str, due: u64) {
        eventually(what, || {
            self.tallies.unbalanced();
            let ended = self.ended();
            if ended >= due { Ok(()) } else { Err(format!("{ended} of {due} have ended")) }
        });
    }

    fn ended(&self) -> u64 {
        let of = |counts: Counts| counts.delivered + counts.unchanged + counts.dead + counts.superseded;
        FLOWS.iter().map(|(flow, _)| of(self.tallies.sink(flow))).sum()
    }

    /// Everything is at the targets as it should be and adds up, nothing twice; and nobody was told anything twice.
    fn expect_settled(&mut self, what: &str) {
        eventually(what, || {
            let mut found = wrong(&self.stand, &self.names, &self.costs);
            found.extend(self.tallies.unbalanced());
            if found.is_empty() { Ok(()) } else { Err(found.join("\n")) }
        });
        expect_no_double(&self.stand);
        let told = [CUSTOMERS, MOVEMENTS].map(|flow| letters(&self.stand, flow));
        assert_eq!(told, self.refused, "{what}: somebody was told a second time");
    }
}

fn stand() -> Stand {
    let mut setup = Setup::plain("redo", 91);
    setup.sandbox.customers = CUSTOMER_RECORDS;
    setup.sandbox.knobs.set(Fault::LostReply, Rule::new(When::Every(3)).on("BatchSave"));
    setup.sandbox.knobs.set(Fault::Slow, Rule::new(When::Every(2)).on("BatchSave").millis(300));
    Stand::new(setup)
}

#[test]
fn what_re_enters_is_delivered_once_over_kills_and_nothing_undoes_a_repair() {
    let stand = stand();
    let weir = stand.start("all", "one");
    expect_complete(&stand, "nothing happens");
    weir.kill();
    // What was Kingdee's own fault is mended there.
    stand.sandbox.merge_knobs(r#"{"refused_numbers": null}"#).unwrap();
    let mut repairs = Repairs::new(stand);
    let (count, letters) = (repairs.again.len(), repairs.refused.concat().len());
    let mut dice = StdRng::seed_from_u64(91);
    for part in 0..KILLS {
        repairs.send_part(part, KILLS);
        let before = documents(&repairs.stand);
        let weir = repairs.stand.start("all", "one");
        until("something re-enters", || documents(&repairs.stand) > before);
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(0..700)));
        weir.kill();
    }
    let mut weir = repairs.stand.start("all", "one");
    // Each record came to an end when it was polled and once more now; each resent one besides.
    let due = u64::try_from(2 * count - letters).unwrap();
    repairs.until_ended("everything re-enters", due);
    repairs.expect_settled("what re-enters is at the targets");

    // The look-back, the remedy, a backfill and a fix find the originals again.
    let writes = |stand: &Stand| stand.sandbox.state().kingdee.store.writes().len();
    let before = writes(&repairs.stand);
    for reason in [Reason::Poll, Reason::Remedy, Reason::Backfill, Reason::Fix] {
        let due = repairs.ended() + u64::try_from(letters).unwrap();
        for ((_, source), letters) in FLOWS.into_iter().zip(&repairs.refused) {
            poll_again(&repairs.stand, source, letters, reason);
        }
        repairs.until_ended("the originals come to their end", due);
        assert_eq!(wrong(&repairs.stand, &repairs.names, &repairs.costs), [""; 0], "{reason:?}");
    }
    assert_eq!(writes(&repairs.stand), before, "Kingdee was told something");
    expect_no_double(&repairs.stand);
    weir.expect_running();
    println!(
        "{KILLS} kills while {count} records re-entered, {letters} of them resent letters; {:?} {:?}",
        repairs.tallies.sink(CUSTOMERS),
        repairs.tallies.sink(MOVEMENTS)
    );
}
