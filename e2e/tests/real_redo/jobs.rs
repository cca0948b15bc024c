//! `kill -9` in the middle of a bulk repair and of replays that run as jobs (invariant 7): whoever carries them on goes on
//! from the last chunk that was committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use weir_model::names::FlowName;
use weir_runtime::control::{announce, is_over, read};
use weir_sandbox::{Fault, RefusedNumbers, Rule, When, kingdee::DocumentStatus};
use weir_schemas::{Codec, Job, JobKind, JobLetter, JobState};

use crate::{
    ends::written,
    judge::{expect_no_double, text_of},
    movements,
    project::{CUSTOMERS, CUSTOMERS_SOURCE, FLOWS, MOVEMENTS, MOVEMENTS_SOURCE},
    returns::{letters, placed_letters, replay, sent_again},
    stand::{Setup, Stand},
    tallies::Tallies,
    waiting::{eventually, until},
};

const CUSTOMER_RECORDS: u32 = 600;
const MOVEMENT_RECORDS: u32 = 3_000;
const KILLS: usize = 5;
const REPAIR: &str = "repair-everything";
/// What the rule of the repair puts into the records.
const REPAIRED: &str = "修好了";

/// Kingdee refuses every fifth customer.
fn stand() -> Stand {
    let mut setup = Setup::plain("jobs", 95);
    setup.sandbox.customers = CUSTOMER_RECORDS;
    setup.sandbox.movements = MOVEMENT_RECORDS;
    setup.sandbox.knobs.refuse_numbers(RefusedNumbers { every: 5, numbers: Vec::new() });
    Stand::new(setup)
}

/// Waits until all records came to an end, so often in all as `times` says for each flow.
fn until_ended(tallies: &mut Tallies, what: &str, due: u64) {
    eventually(what, || {
        let unbalanced = tallies.unbalanced();
        let sinks = FLOWS.map(|(flow, _)| tallies.sink(flow));
        let ended: u64 =
            sinks.iter().map(|sink| sink.delivered + sink.unchanged + sink.dead + sink.superseded).sum();
        if unbalanced.is_empty() && ended >= due {
            Ok(())
        } else {
            Err(format!("{ended} of {due}: {unbalanced:?}"))
        }
    });
}

/// The letters that Kingdee wrote of customers whose records are in order, by their places.
fn to_be_repaired(stand: &Stand) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for (place, letter) in placed_letters(stand, CUSTOMERS) {
        let record: Value = serde_json::from_slice(&letter.payload).unwrap();
        let name = text_of(&record["name"]);
        if !name.is_empty() && name.chars().count() <= 100 {
            places.insert(letter.record_id, place);
        }
    }
    places
}

fn repair(letters: &BTreeMap<String, String>) -> Job {
    let letter = |place: &String| JobLetter { place: place.clone(), payload: None };
    Job {
        id: REPAIR.to_owned(),
        kind: JobKind::Repair,
        subject: CUSTOMERS.to_owned(),
        from: None,
        until: None,
        only: Vec::new(),
        ranges: Vec::new(),
        letters: letters.values().map(letter).collect(),
        edit: json!([{"path": "co_id", "set": REPAIRED}]).to_string(),
        note: String::new(),
        by: "e2e".to_owned(),
        at: Timestamp::now(),
        cancelled: None,
    }
}

fn state_of(stand: &Stand, id: &str) -> (JobState, String) {
    let known = read(stand.cluster(), &stand.topics(), &Codec::single_object()).unwrap();
    let job = known.job(id).unwrap();
    (known.job_state(job), format!("{:?}", known.progress(id)))
}

fn sent(stand: &Stand) -> i64 {
    FLOWS.iter().map(|(flow, _)| written(stand, &stand.topics().redo(&FlowName::from(*flow)))).sum()
}

/// What is not as the source has it, or the rule of the repair.
fn wrong(stand: &Stand, repaired: &BTreeMap<String, String>) -> Vec<String> {
    let state = stand.sandbox.state();
    let mut stored: BTreeMap<_, _> =
        state.kingdee.store.documents("BD_Customer").map(|found| (found.number.clone(), found)).collect();
    let refused: BTreeSet<String> =
        letters(stand, CUSTOMERS).into_iter().map(|letter| letter.record_id).collect();
    let mut wrong = Vec::new();
    for text in stand.sandbox.distributors() {
        let record: Value = serde_json::from_str(&text).unwrap();
        let id = text_of(&record["drp_co_id"]);
        let is_repaired = repaired.contains_key(&id);
        let remark = if is_repaired { REPAIRED.to_owned() } else { text_of(&record["co_id"]) };
        match stored.remove(&id) {
            None if refused.contains(&id) && !is_repaired => {}
            Some(found)
                if found.status == DocumentStatus::Audited
                    && text_of(&found.fields["FName"]) == text_of(&record["name"])
                    && text_of(&found.fields["FDescription"]) == remark => {}
            found => wrong.push(format!("customer {id} is {found:?} for {record}, {remark}")),
        }
    }
    wrong.extend(stored.keys().map(|id| format!("customer {id} should not be there")));
    let (rows, refused) = (movements::stored(&stand.database).len(), letters(stand, MOVEMENTS).len());
    if rows + refused != MOVEMENT_RECORDS as usize {
        wrong.push(format!("{rows} movements are stored and {refused} refused"));
    }
    wrong.truncate(5);
    wrong
}

/// Every record of a job was sent once: none is missing, none twice.
fn expect_sent_once(stand: &Stand, flow: &str, job: &str, count: usize) {
    let again = sent_again(stand, flow);
    let of: Vec<_> = again.iter().filter(|redo| redo.job == job).collect();
    let origins: BTreeSet<_> = of.iter().map(|redo| (redo.origin.partition, redo.origin.offset)).collect();
    assert_eq!((of.len(), origins.len()), (count, count), "records of {job}");
}

#[test]
fn a_bulk_repair_and_replays_go_on_over_kills_and_send_each_record_once() {
    let stand = stand();
    let mut tallies = Tallies::open(&stand);
    let all = u64::from(CUSTOMER_RECORDS + MOVEMENT_RECORDS);
    let weir = stand.start("all", "one");
    until_ended(&mut tallies, "everything comes to an end", all);
    weir.kill();
    // What was Kingdee's own fault is mended; it answers late, or not at all, now and then.
    stand.sandbox.merge_knobs(r#"{"refused_numbers": null}"#).unwrap();
    stand.sandbox.set(Fault::LostReply, Rule::new(When::Every(3)).on("BatchSave"));
    stand.sandbox.set(Fault::Slow, Rule::new(When::Every(2)).on("BatchSave").millis(300));
    let refused = FLOWS.map(|(flow, _)| letters(&stand, flow));
    let repaired = to_be_repaired(&stand);
    assert!(repaired.len() > 100, "{}", repaired.len());

    announce(stand.cluster(), &stand.topics(), &Codec::single_object(), &repair(&repaired)).unwrap();
    let replayed = FLOWS.map(|(flow, source)| {
        let told = stand.command(&["replay", flow, "--since", "2000-01-01", "--detach", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        (flow, told["id"].as_str().unwrap().to_owned(), replay(&stand, source).len())
    });
    let ids: Vec<&str> = replayed.iter().map(|(_, id, _)| id.as_str()).chain([REPAIR]).collect();
    let is_over = || ids.iter().all(|id| is_over(state_of(&stand, id).0));
    let mut dice = StdRng::seed_from_u64(95);
    let mut in_the_middle = 0;
    for _ in 0..KILLS {
        let before = sent(&stand);
        let weir = stand.start("all", "one");
        until("a job goes on", || sent(&stand) > before || is_over());
        // Not a wait for anything: the kill may come at any moment.
        thread::sleep(Duration::from_millis(dice.random_range(0..300)));
        weir.kill();
        in_the_middle += usize::from(!is_over());
    }
    let mut weir = stand.start("all", "one");
    for id in &ids {
        eventually("the jobs end", || match state_of(&stand, id) {
            (JobState::Finished, _) => Ok(()),
            (state, progress) => Err(format!("{id} is {state:?}: {progress}")),
        });
    }
    let again: usize = replayed.iter().map(|(.., count)| count).sum::<usize>() + repaired.len();
    until_ended(&mut tallies, "what the jobs sent comes to an end", all + again as u64);
    eventually("everything is at the targets", || {
        let wrong = wrong(&stand, &repaired);
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    });
    expect_sent_once(&stand, CUSTOMERS, REPAIR, repaired.len());
    for (flow, id, count) in &replayed {
        expect_sent_once(&stand, flow, id, *count);
    }
    expect_no_double(&stand);
    assert_eq!(FLOWS.map(|(flow, _)| letters(&stand, flow)), refused, "nobody is told anything twice");
    weir.expect_running();
    println!(
        "{in_the_middle} of {KILLS} kills in the middle of a repair of {} letters and replays of {CUSTOMERS_SOURCE} and \
         {MOVEMENTS_SOURCE}; {again} records sent again, 0 missing, 0 double; {:?} {:?}",
        repaired.len(),
        tallies.sink(CUSTOMERS),
        tallies.sink(MOVEMENTS),
    );
}
