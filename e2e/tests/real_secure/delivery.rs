//! Each stage logs in to Kafka in a way of its own, and the rows go to MariaDB over TLS: everything arrives.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use weir_testkit::process::free_port;

use crate::{
    judge::expect_complete,
    links::{KafkaLink, MySqlLink},
    stand::{Stand, assert_no_secret},
};

/// Lets the processes of a project serve their pages; gives the address.
fn with_pages(project: &Path) -> String {
    let address = format!("127.0.0.1:{}", free_port().unwrap());
    let text = fs::read_to_string(project).unwrap();
    fs::write(project, format!("{text}telemetry: {{listen: '{address}'}}\n")).unwrap();
    address
}

fn page(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn everything_arrives_over_tls_with_each_login() {
    let stand = Stand::new("delivery", 51);
    stand.command(&["topics", "apply"]);
    let mysql = MySqlLink::verified();
    let scram = stand.link("scram", &KafkaLink::login("SCRAM-SHA-512"), &mysql);
    let plain = stand.link("plain", &KafkaLink::login("PLAIN"), &mysql.clone().with("tls", "verify-ca"));
    let holder = stand.link("holder", &KafkaLink::holder(), &mysql.with("tls_ca_file", "${file:tls/ca.pem}"));
    let address = with_pages(&holder);
    let stages = [
        stand.start(&scram, "producers", "producer"),
        stand.start(&plain, "processors", "processor"),
        stand.start(&holder, "sinks", "sink"),
    ];
    expect_complete(&stand, "SCRAM-SHA-512, PLAIN and a client's certificate");
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert_no_secret(&page(&address, path));
    }
    for project in [&scram, &plain, &holder] {
        let (code, told) = stand.ended(project, &["probe"]);
        assert_eq!(code, Some(0), "{told}");
        assert_no_secret(&told);
    }
    for stage in stages {
        assert_no_secret(&stage.log());
        assert!(stage.terminate().success());
    }
}
