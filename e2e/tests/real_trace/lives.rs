//! Every record is found by each of its numbers, and its life is told rightly.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weir_sandbox::Options;

use crate::{
    answers::{expect_in_order, hit, kinds, trace, trace_all},
    letters::{self, Letter},
    project::{AFTERSALES, COMPANIES, CUSTOMERS, FLOWS, MOVEMENTS, ORDERS, RETURNS},
    stand::Stand,
    tallies::Tallies,
    truth::{Truth, text_of},
    waiting::{LIMIT, eventually_within, until},
};

/// The bill number that the seed gives to all refunds of shops it does not know.
const SHARED_BILL: &str = "TK2402291737";
/// So many looks in a row must find everything at its end.
const CALM: u32 = 4;

/// A record that must be found.
struct Due {
    flow: &'static str,
    id: String,
    /// The number at the source.
    number: String,
    /// What else it is known by: orders and parcels behind a refund.
    others: Vec<String>,
    /// What the target must call it; empty where a target gives no numbers.
    target: String,
}

fn due(truth: &Truth) -> Vec<Due> {
    let kinds = [
        (CUSTOMERS, &truth.customers, "drp_co_id", &["name"][..], "drp_co_id"),
        (MOVEMENTS, &truth.movements, "sku_sn", &["io_id", "o_id"], ""),
        (COMPANIES, &truth.companies, "serial_id", &[], ""),
        (ORDERS, &truth.orders, "order_no", &[], "order_no"),
        (AFTERSALES, &truth.aftersales, "refund_no", &["return_logistics_no"], ""),
        (RETURNS, &truth.refunds, "refund_no", &["tid", "src_no"], "refund_no"),
    ];
    let mut due = Vec::new();
    for (flow, records, number, others, target) in kinds {
        for (id, record) in records {
            let text = |field: &str| text_of(&record[field]);
            due.push(Due {
                flow,
                id: id.clone(),
                number: text(number),
                others: others.iter().map(|field| text(field)).filter(|text| !text.is_empty()).collect(),
                target: if target.is_empty() { String::new() } else { text(target) },
            });
        }
    }
    due
}

/// Waits until every polled record has come to an end and nothing waits.
fn run_to_the_end(stand: &Stand) {
    let mut tallies = Tallies::open(stand);
    let mut calm = 0;
    eventually_within(2 * LIMIT, "every record has come to its end", || {
        let mut wrong = tallies.unbalanced();
        let unseen = FLOWS.iter().filter(|(flow, _)| tallies.sink(flow).accounted() == 0);
        wrong.extend(unseen.map(|(flow, _)| format!("{flow}: nothing has come to its end yet")));
        let answer: Value = serde_json::from_str(&stand.command(&["wait", "list", "--json"])).unwrap();
        if answer["total"] != 0 {
            wrong.push(format!("{} wait", answer["total"]));
        }
        calm = if wrong.is_empty() { calm + 1 } else { 0 };
        if calm >= CALM { Ok(()) } else { Err(wrong.join("\n")) }
    });
}

#[test]
fn every_record_is_found_by_each_of_its_numbers_and_its_life_is_told() {
    let mut options = Options {
        seed: 11,
        customers: 60,
        movements: 250,
        orders: 60,
        companies: 20,
        refunds: 120,
        ..Options::default()
    };
    options.okki.late_company_seconds = 30;
    let stand = Stand::new("trace", options);
    let mut weir = stand.start();
    let waiting = expect_waiting(&stand);
    run_to_the_end(&stand);
    weir.expect_running();
    let truth = Truth::of(&stand);
    let due = due(&truth);
    let letters = letters::list(&stand);
    expect_found(&stand, &due, &letters);
    let life = trace(&stand.project, &[&waiting]).found(&waiting);
    let life = hit(&life, ORDERS, &waiting).unwrap();
    let kinds = kinds(life);
    let at =
        |kind: &str| kinds.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("{kinds:?}"));
    assert!(at("polled") < at("waits") && at("waits") < at("released"), "{life:#}");
    expect_unknown(&stand);
    expect_payloads(&stand, &due);
    expect_an_answer_without_kafka(&stand, &due);
}

/// An order that came before its customer; its id.
fn expect_waiting(stand: &Stand) -> String {
    let mut waiting = String::new();
    until("an order waits for its customer", || {
        let answer: Value =
            serde_json::from_str(&stand.command(&["wait", "list", ORDERS, "--json"])).unwrap();
        let record = &answer["references"][0]["records"][0]["record"];
        waiting = record.as_str().unwrap_or_default().to_owned();
        if waiting.is_empty() {
            return false;
        }
        // It may have gone on between the two questions.
        let answer = trace(&stand.project, &[&waiting]);
        let found = answer.found(&waiting);
        let Some(life) = hit(&found, ORDERS, &waiting) else { return false };
        let sentence = life["verdict"]["en"].as_str().unwrap();
        life["state"] == "waiting"
            && sentence.contains("waits for company_id=")
            && sentence.contains("okki-companies")
            && kinds(life) == ["polled", "waits"]
    });
    waiting
}

fn expect_found(stand: &Stand, due: &[Due], letters: &[Letter]) {
    let mut letters_of: BTreeMap<(&str, &str), Vec<&Letter>> = BTreeMap::new();
    for letter in letters {
        letters_of.entry((&letter.owner, &letter.record)).or_default().push(letter);
    }
    let numbers: BTreeSet<String> = due
        .iter()
        .flat_map(|due| [&due.id, &due.number].into_iter().chain(&due.others).cloned().collect::<Vec<_>>())
        .collect();
    let found = trace_all(stand, &numbers.into_iter().collect::<Vec<_>>());
    let mut at_targets = BTreeMap::new();
    for record in due {
        for number in [&record.id, &record.number].into_iter().chain(&record.others) {
            let life = hit(&found[number], record.flow, &record.id);
            assert!(life.is_some(), "{} of {} is not found by {number:?}", record.id, record.flow);
        }
        let life = hit(&found[&record.id], record.flow, &record.id).unwrap();
        expect_in_order(life);
        let refusals = letters_of.get(&(record.flow, record.id.as_str()));
        match refusals.and_then(|letters| letters.last()) {
            Some(letter) => expect_refused(life, letter),
            None => {
                expect_delivered(life, record);
                let number = life["target"]["number"].as_str().unwrap().to_owned();
                if !number.is_empty() {
                    at_targets.insert(number, record);
                }
            }
        }
    }
    assert!(!letters.is_empty() && at_targets.len() > 100, "{} at targets", at_targets.len());
    let found = trace_all(stand, &at_targets.keys().cloned().collect::<Vec<_>>());
    for (number, record) in at_targets {
        assert!(
            hit(&found[&number], record.flow, &record.id).is_some(),
            "{number} at the target of {}",
            record.flow
        );
    }
}

/// In the target's own words, with its code, and with the letter that `weir dlq` names.
fn expect_refused(life: &Value, letter: &Letter) {
    assert_eq!(life["state"], "refused", "{life:#}");
    for language in ["zh", "en"] {
        let sentence = life["verdict"][language].as_str().unwrap();
        assert!(
            sentence.contains(&letter.message) && sentence.contains(&letter.code),
            "{sentence}: {letter:?}"
        );
    }
    let place = format!("{} {}", letter.owner, letter.place);
    assert!(life["letters"].as_array().unwrap().iter().any(|known| *known == place), "{life:#}");
    let advice = life["advice"].to_string();
    assert!(advice.contains(&format!("weir dlq show {place}")), "{advice}");
    let kinds = kinds(life);
    assert_eq!(kinds.first(), Some(&"polled"), "{life:#}");
    assert!(kinds.contains(&"refused") && kinds.contains(&"lettered"), "{life:#}");
}

fn expect_delivered(life: &Value, due: &Due) {
    assert_eq!(life["state"], "delivered", "{life:#}");
    let kinds = kinds(life);
    let at = |kind: &str| {
        kinds.iter().position(|known| *known == kind).unwrap_or_else(|| panic!("{kind}: {life:#}"))
    };
    assert!(at("polled") < at("mapped") && at("mapped") < at("delivered"), "{life:#}");
    if due.target.is_empty() {
        return;
    }
    assert!(at("sending") < at("delivered"), "an ERP is told of before it is asked: {life:#}");
    let number = life["target"]["number"].as_str().unwrap();
    assert!(number == due.target || (due.flow == RETURNS && number == SHARED_BILL), "{life:#}");
    let sentence = life["verdict"]["en"].as_str().unwrap();
    assert!(sentence.contains(number) && sentence.contains("by version 1 of the flow"), "{sentence}");
}

fn expect_unknown(stand: &Stand) {
    let unknown = trace(&stand.project, &["NOBODY-7"]);
    assert_eq!((unknown.code, unknown.found("NOBODY-7").len()), (1, 0));
    let searched = &unknown.json["searched"];
    assert!(searched["records"][CUSTOMERS].as_u64().unwrap() > 0, "{searched}");
    assert!(unknown.json["next"].as_array().unwrap().len() > 1, "{}", unknown.json);
    let customer = Truth::of(stand).customers.keys().next().unwrap().clone();
    let other_flow = trace(&stand.project, &["--flow", RETURNS, &format!("{customer}0")]);
    assert_eq!(other_flow.code, 1);
    let similar = trace(&stand.project, &[&customer[..customer.len() - 1]]);
    let similar = similar.json["answers"][0]["similar"].to_string();
    assert!(similar.contains(&customer), "{customer}: {similar}");
}

fn expect_payloads(stand: &Stand, due: &[Due]) {
    let refund = due.iter().find(|due| due.flow == RETURNS).unwrap();
    let answer = trace(&stand.project, &["--payload", "--flow", RETURNS, &refund.id]);
    let found = answer.found(&refund.id);
    let life = hit(&found, RETURNS, &refund.id).unwrap();
    assert_eq!(text_of(&life["source"]["content"]["refund_id"]), refund.id, "{life:#}");
    assert!(life["document"]["topic"].as_str().unwrap().contains(".doc."), "{life:#}");
    let customer = due.iter().find(|due| due.flow == CUSTOMERS).unwrap();
    let contact = |arguments: &[&str]| {
        let arguments = [arguments, &["--payload", "--flow", CUSTOMERS, &customer.id]].concat();
        let answer = trace(&stand.project, &arguments);
        let found = answer.found(&customer.id);
        text_of(&hit(&found, CUSTOMERS, &customer.id).unwrap()["source"]["content"]["contact_name"])
    };
    let (open, masked) = (contact(&[]), contact(&["--mask"]));
    assert!(
        !open.is_empty() && !open.contains('*') && masked.contains('*'),
        "{open:?} is masked as {masked:?}"
    );
}

/// Without Kafka the ledger answers, and says that it is not of now.
fn expect_an_answer_without_kafka(stand: &Stand, due: &[Due]) {
    let away = stand.project.with_file_name("away.yaml");
    let text = std::fs::read_to_string(&stand.project).unwrap();
    let kafka = text.lines().find(|line| line.starts_with("kafka:")).unwrap();
    let nowhere = "kafka: {brokers: '127.0.0.1:1', prefix: away}";
    std::fs::write(&away, text.replace(kafka, nowhere)).unwrap();
    let record = due.iter().find(|due| due.flow == CUSTOMERS).unwrap();
    let answer = trace(&away, &["--patience", "2", &record.id]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert!(hit(&answer.found(&record.id), CUSTOMERS, &record.id).is_some(), "{}", answer.json);
    assert!(answer.json["note"]["en"].as_str().is_some_and(|note| !note.is_empty()), "{}", answer.json);
}
