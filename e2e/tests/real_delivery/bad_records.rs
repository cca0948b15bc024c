//! A few bad records never hold the others; too many of them stop the flow, which loses nothing and goes on when a person
//! says so.

use serde_json::{Value, json};

use crate::{
    letters,
    stand::{Flow, Stand},
    waiting::until,
};

const PATIENT: Flow = Flow::plain("patient", "patient");
const STRICT: Flow =
    Flow { head: "halt_after: {refused: 8, within: 1h, percent: 50}\n", ..Flow::plain("strict", "strict") };

/// A record whose amount, in bad ones, does not fit its column.
fn order(number: usize, is_bad: bool) -> Value {
    let amount = if is_bad { "12345678901.00".to_owned() } else { format!("{number}.25") };
    json!({"id": format!("{number:04}"), "amount": amount})
}

#[test]
fn each_bad_record_is_lettered_once_and_all_others_arrive() {
    let stand = Stand::new("poison", &[PATIENT]);
    let processors = stand.start("processors", "mapping");
    let sinks = stand.start("sinks", "writing");
    let orders: Vec<Value> = (0..300).map(|number| order(number, number % 10 == 3)).collect();
    stand.send(&orders);
    stand.wait_for_ended("patient", 300);
    assert_eq!(stand.rows("patient").len(), 270);
    let bad: Vec<String> =
        (0..300).filter(|number| number % 10 == 3).map(|number| format!("{number:04}")).collect();
    let lettered = || {
        let mut records: Vec<String> =
            letters::list(&stand).into_iter().map(|letter| letter.record).collect();
        records.sort();
        records
    };
    assert_eq!(lettered(), bad);
    // The same states come again, to a process that has to restore what it knows: nothing is sent and nobody told.
    sinks.kill();
    let sinks = stand.start("sinks", "writing");
    stand.send(&orders);
    let counts = stand.wait_for_ended("patient", 600);
    assert_eq!((counts.delivered, counts.dead, counts.unchanged), (270, 30, 300));
    assert_eq!(lettered(), bad);
    assert!(sinks.terminate().success() && processors.terminate().success());
}

#[test]
fn a_flow_that_refuses_too_much_stops_and_goes_on_when_told() {
    let stand = Stand::new("strict", &[STRICT]);
    let processors = stand.start("processors", "mapping");
    let sinks = stand.start("sinks", "writing");
    let others = stand.start("sinks", "beside");
    stand.send(&(0..4).map(|number| order(number, false)).collect::<Vec<_>>());
    until("the good ones", || stand.rows("strict").len() == 4);
    stand.send(&(4..24).map(|number| order(number, true)).collect::<Vec<_>>());
    until("the flow is halted", || stand.command(&["flows", "list", "--json"]).contains("TOO-MANY-REFUSED"));
    let letters = letters::list(&stand).len();
    assert!((8..=20).contains(&letters), "{letters}");

    stand.send(&(24..40).map(|number| order(number, false)).collect::<Vec<_>>());
    // Both processes stand still: whoever starts now reads of the halt first, and delivers nothing either.
    assert!(others.terminate().success());
    let others = stand.start("sinks", "beside");
    others.wait_for_line(&["TOO-MANY-REFUSED"]);
    assert_eq!(stand.rows("strict").len(), 4);

    stand.command(&["flows", "resume", "strict"]);
    until("the flow is halted again or goes on", || {
        if stand.command(&["flows", "list", "--json"]).contains("TOO-MANY-REFUSED") {
            stand.command(&["flows", "resume", "strict"]);
        }
        stand.rows("strict").len() == 20
    });
    let counts = stand.wait_for_ended("strict", 40);
    assert_eq!((counts.delivered, counts.dead), (20, 20));
    let mut records: Vec<String> = letters::list(&stand).into_iter().map(|letter| letter.record).collect();
    records.sort();
    records.dedup();
    assert_eq!(records.len(), 20, "every bad one is lettered");
    assert_eq!(letters::list(&stand).len(), 20, "and once");
    drop((sinks, others, processors));
}
