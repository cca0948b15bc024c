//! Documents of an older version of the flow that still stand in the topic are delivered by that version's target.

use serde_json::json;

use crate::stand::{Flow, Stand};

const FIRST: Flow = Flow::plain("orders", "orders_first");
const SECOND: Flow = Flow::plain("orders", "orders_second");

#[test]
fn each_document_goes_where_the_version_that_made_it_says() {
    let stand = Stand::new("versions", &[FIRST]);
    let processors = stand.start("processors", "mapping");
    stand.send(&[json!({"id": "A", "amount": "1.10"}), json!({"id": "B", "amount": "2.20"})]);
    stand.wait_for_documents("orders", 2);
    assert!(processors.terminate().success());

    stand.write(SECOND);
    let processors = stand.start("processors", "mapping");
    stand.send(&[json!({"id": "A", "amount": "9.90"}), json!({"id": "C", "amount": "3.30"})]);
    stand.wait_for_documents("orders", 4);

    let sinks = stand.start("sinks", "writing");
    stand.wait_for_rows("orders_first", &[("A", "1.10"), ("B", "2.20")]);
    stand.wait_for_rows("orders_second", &[("A", "9.90"), ("C", "3.30")]);
    let line = sinks.wait_for_line(&["delivering documents of another version of the flow"]);
    assert!(line.contains("orders"), "{line}");
    assert!(sinks.terminate().success() && processors.terminate().success());
}
