//! What MariaDB or its certificate refuses: the flow halts with a message that names the setting to mend, and once it is
//! mended everything arrives.

use crate::{
    judge::expect_complete,
    links::{KafkaLink, MySqlLink},
    project::MOVEMENTS,
    stand::{Stand, assert_no_secret},
};

/// What is wrong, how the project says it, and a word of the message.
fn wrong_links() -> [(&'static str, MySqlLink, &'static str); 4] {
    let right = MySqlLink::verified;
    [
        ("a wrong password", right().with("password", "${file:secrets/wrong}"), "password"),
        ("another authority", right().with("tls_ca_file", "tls/other.pem"), "tls_ca_file"),
        ("another host name", right().host("localhost"), "host name"),
        ("no TLS", right().without("tls_ca_file").with("tls", "disabled"), "tls if the server"),
    ]
}

#[test]
fn what_mysql_refuses_is_named_and_halts() {
    let mut stand = Stand::new("mysql", 53);
    stand.command(&["topics", "apply"]);
    let kafka = KafkaLink::login("SCRAM-SHA-512");
    let project = stand.project();
    let _producer = stand.start(&project, "producers", "producer");
    let _processor = stand.start(&project, "processors", "processor");
    for (what, link, word) in wrong_links() {
        let wrong = stand.link("wrong", &kafka, &link);
        expect_halt(&stand, &wrong, what, word);
        let (code, told) = stand.ended(&wrong, &["probe"]);
        assert_eq!(code, Some(3), "{what}: {told}");
        assert!(told.contains(word), "{what}: {told}");
        assert_no_secret(&told);
    }
    stand.mysql.change(&stand.authority.expired("127.0.0.1")).unwrap();
    stand.mysql.restart().unwrap();
    expect_halt(&stand, &project, "an expired certificate", "expired");
    stand.mysql.change(&stand.authority.identity("127.0.0.1")).unwrap();
    stand.mysql.restart().unwrap();
    let sink = stand.start(&project, "sinks", "sink");
    expect_complete(&stand, "refused by MariaDB five times");
    assert_no_secret(&sink.log());
}

fn expect_halt(stand: &Stand, project: &std::path::Path, what: &str, word: &str) {
    // A log of its own: another trouble's line is not this one's.
    let sink = stand.start(project, "sinks", &what.replace(' ', "-"));
    let line = sink.wait_for_line(&["halted", MOVEMENTS, "S-LOGIN", word]);
    println!("{what}: {line}");
    assert_no_secret(&sink.log());
}
