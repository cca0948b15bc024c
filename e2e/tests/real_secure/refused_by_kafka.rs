//! What Kafka or its certificates refuse: the command ends with exit code 3, a running process halts, the message names the
//! code and the setting to mend, and nothing is lost by it.

use std::time::Duration;

use crate::{
    judge::expect_complete,
    links::{ELSEWHERE, EXPIRED, KAFKA_PASSWORD, KafkaLink, LOGIN, MySqlLink, OPEN, WRONG_PASSWORD},
    stand::{Stand, assert_no_secret, login},
    waiting::until,
};

/// How long a stage may take to find out that its login is refused.
const PATIENCE: Duration = Duration::from_secs(300);

/// What is wrong, how the project says it, and words of the message.
fn wrong_links() -> [(&'static str, KafkaLink, [&'static str; 2]); 7] {
    let scram = || KafkaLink::login("SCRAM-SHA-512");
    [
        (
            "a wrong password, SCRAM",
            scram().with("password", "${file:secrets/wrong}"),
            ["B-LOGIN", "kafka.security"],
        ),
        (
            "a wrong password, PLAIN",
            KafkaLink::login("PLAIN").with("password", "${file:secrets/wrong}"),
            ["B-LOGIN", "kafka.security"],
        ),
        ("a mechanism the broker lacks", KafkaLink::login("SCRAM-SHA-256"), ["B-LOGIN", "mechanism"]),
        ("another authority", scram().with("ca_file", "tls/other.pem"), ["B-CERTIFICATE", "ca_file"]),
        ("an expired certificate", scram().at(EXPIRED), ["B-CERTIFICATE", "expired"]),
        ("a certificate for another host", scram().at(ELSEWHERE), ["B-CERTIFICATE", "host name"]),
        (
            "no certificate of ours",
            KafkaLink::holder().without("certificate_file").without("key_file"),
            ["B-CERTIFICATE", "certificate_file"],
        ),
    ]
}

#[test]
fn what_kafka_refuses_is_named_and_halts() {
    let stand = Stand::new("kafka", 52);
    stand.command(&["topics", "apply"]);
    let mysql = MySqlLink::verified();
    for (what, link, words) in wrong_links() {
        let project = stand.link("wrong", &link, &mysql);
        let (code, told) = stand.ended(&project, &["run", "all", "--instance", "one"]);
        assert_eq!(code, Some(3), "{what}: {told}");
        assert!(words.iter().all(|word| told.contains(word)), "{what}: {told}");
        assert_no_secret(&told);
    }
    a_wrong_protocol_is_guessed(&stand, &KafkaLink::plain(LOGIN), "sasl_ssl");
    a_wrong_protocol_is_guessed(&stand, &KafkaLink::login("PLAIN").at(OPEN), "kafka.security.protocol");
}

/// A broker that is starting hangs up in the same way, so the process waits; it says what may be wrong.
fn a_wrong_protocol_is_guessed(stand: &Stand, link: &KafkaLink, word: &str) {
    let project = stand.link("wrong", link, &MySqlLink::verified());
    let weir = stand.start(&project, "all", "waiting");
    weir.wait_for_line(&["waiting for Kafka", "B-PROTOCOL", word]);
    drop(weir);
    let (code, told) = stand.ended(&project, &["probe"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("B-PROTOCOL"), "{told}");
}

#[test]
fn a_password_that_changes_halts_what_runs() {
    let mut stand = Stand::new("running", 54);
    stand.command(&["topics", "apply"]);
    let project = stand.link("plain", &KafkaLink::login("PLAIN"), &MySqlLink::verified());
    let weir = stand.start(&project, "all", "one");
    until("rows are stored", || stand.stored().1 > 0);
    stand.broker.change(&login(&stand.authority, WRONG_PASSWORD)).unwrap();
    stand.broker.restart().unwrap();
    // Who is refused in the middle of a transaction first waits for its end, half a minute at a time.
    for part in ["producers", "processor", "sink"] {
        weir.wait_for_line_within(PATIENCE, &["stage is halted", part, "B-LOGIN"]);
    }
    assert_no_secret(&weir.log());
    drop(weir);
    stand.broker.change(&login(&stand.authority, KAFKA_PASSWORD)).unwrap();
    stand.broker.restart().unwrap();
    let weir = stand.start(&project, "all", "one");
    expect_complete(&stand, "a password that changed and came back");
    assert_no_secret(&weir.log());
}
