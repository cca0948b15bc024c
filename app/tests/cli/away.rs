//! Commands that need Kafka, while it is away: they say so within a bounded time and exit with 3.

use std::net::TcpListener;

use crate::weir::{Answer, weir_with};

/// An address on which nobody listens: it was free a moment ago, and nothing else in these tests listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

fn away(arguments: &[&str]) -> (String, Answer) {
    let broker = nobody();
    let mysql = format!("mysql://weir:hunter2@{}/books", nobody());
    let sandbox = format!("http://{}", nobody());
    let answer = weir_with(
        &[arguments, &["-c", "../examples/local/weir.yaml"]].concat(),
        &[("WEIR_KAFKA", &broker), ("WEIR_MYSQL", &mysql), ("WEIR_SANDBOX", &sandbox)],
    );
    assert!(!answer.err.contains("hunter2") && !answer.out.contains("hunter2"), "{answer:?}");
    (broker, answer)
}

#[test]
fn topics_apply_gives_up_and_names_the_broker() {
    let (broker, answer) = away(&["topics", "apply", "--patience", "2"]);
    assert_eq!((answer.code, answer.out.as_str()), (3, ""), "{answer:?}");
    assert!(answer.err.contains(&broker), "{answer:?}");
    assert!(answer.err.contains("weir: "), "{answer:?}");
}

#[test]
fn dlq_list_gives_up_and_names_the_broker() {
    let (broker, answer) = away(&["dlq", "list"]);
    assert_eq!((answer.code, answer.out.as_str()), (3, ""), "{answer:?}");
    assert!(answer.err.contains(&broker), "{answer:?}");
}

#[test]
fn a_misspelt_flow_is_told_before_anything_is_connected_to() {
    for command in [&["dlq", "list", "jushuitan"][..], &["dlq", "show", "jushuitan", "0:1"]] {
        let (broker, answer) = away(command);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
        assert!(answer.err.contains("jushuitan-customer-to-kingdee"), "{answer:?}");
        assert!(!answer.err.contains(&broker), "{answer:?}");
    }
}

#[test]
fn a_misspelt_source_or_time_is_told_before_anything_is_connected_to() {
    let cases = [
        (&["backfill", "jushuitan", "--from", "2024-01-01"][..], "jushuitan-customers"),
        (&["coverage", "jushuitan"], "jushuitan-customers"),
        (&["coverage", "jushuitan-customers", "--since", "yesterday"], "2024-01-31"),
        (&["backfill", "jushuitan-customers", "--from", "last year"], "2024-01-31"),
        (
            &["backfill", "jushuitan-customers", "--from", "2024-02-01", "--until", "2024-01-01"],
            "2024-02-01 00:00:00",
        ),
        (&["backfill", "jushuitan-customers"], "--from"),
    ];
    for (command, words) in cases {
        let (broker, answer) = away(command);
        assert_eq!((answer.code, answer.out.as_str()), (2, ""), "{answer:?}");
        assert!(answer.err.contains(words) && !answer.err.contains(&broker), "{answer:?}");
    }
}

#[test]
fn probe_tells_everything_that_is_away() {
    let (broker, answer) = away(&["probe", "--json"]);
    assert_eq!(answer.code, 3, "{answer:?}");
    let json = answer.json();
    let probes = json["probes"].as_array().unwrap();
    assert_eq!(probes[0]["what"], format!("kafka {broker}"));
    // Kafka, four accounts and six targets: one that is away does not hide the others.
    assert_eq!(probes.len(), 11, "{json}");
    // A collection is a topic: there is nothing beside Kafka to reach.
    for probe in probes.iter().filter(|probe| probe["what"] != "target of okki-companies") {
        assert_eq!(probe["ok"], false, "{probe}");
        assert!(!probe["problems"][0].as_str().unwrap().is_empty(), "{probe}");
    }
}
