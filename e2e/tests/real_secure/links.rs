//! How a project is linked to Kafka and MySQL: the right ways, and parts of them that a test makes wrong.

use std::fmt::Write as _;

/// The user at Kafka.
pub const KAFKA_USER: &str = "pipeline";
/// What must be shown nowhere (invariant 8).
pub const KAFKA_PASSWORD: &str = "kafka-pass-7Qx2";
/// Likewise; the one of the throw-away server.
pub const MYSQL_PASSWORD: &str = "weir-throw-away";
/// A password that no server knows.
pub const WRONG_PASSWORD: &str = "wrong-pass-91Zk";

/// Listeners of the broker.
pub const LOGIN: &str = "LOGIN";
pub const HOLDERS: &str = "HOLDERS";
pub const EXPIRED: &str = "EXPIRED";
pub const ELSEWHERE: &str = "ELSEWHERE";
/// The one without TLS.
pub const OPEN: &str = "";

/// The `security` of Kafka, and the listener it is for.
#[derive(Clone, Debug)]
pub struct KafkaLink {
    pub listener: &'static str,
    keys: Vec<(&'static str, String)>,
}

impl KafkaLink {
    /// A login over TLS; the password comes from a file, the authority too.
    pub fn login(mechanism: &str) -> Self {
        Self { listener: LOGIN, keys: Vec::new() }
            .with("protocol", "sasl_ssl")
            .with("mechanism", mechanism)
            .with("user", KAFKA_USER)
            .with("password", "${file:secrets/kafka}")
            .with("ca_file", "tls/ca.pem")
    }

    /// A client's certificate instead of a login; key and authority come as text.
    pub fn holder() -> Self {
        Self { listener: HOLDERS, keys: Vec::new() }
            .with("protocol", "ssl")
            .with("ca_file", "${file:tls/ca.pem}")
            .with("certificate_file", "tls/client.pem")
            .with("key_file", "${file:tls/client.key}")
    }

    /// Neither TLS nor login.
    pub fn plain(listener: &'static str) -> Self {
        Self { listener, keys: Vec::new() }
    }

    /// Another listener.
    pub fn at(mut self, listener: &'static str) -> Self {
        self.listener = listener;
        self
    }

    /// Another value of a key.
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self.keys.push((key, value.to_owned()));
        self
    }

    /// Without a key.
    pub fn without(mut self, key: &'static str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self
    }

    /// The section of `weir.yaml`.
    pub fn section(&self, brokers: &str, prefix: &str) -> String {
        let mut text = format!("kafka:\n  brokers: '{brokers}'\n  prefix: {prefix}\n");
        if !self.keys.is_empty() {
            text.push_str("  security:\n");
        }
        for (key, value) in &self.keys {
            let _infallible = writeln!(text, "    {key}: '{value}'");
        }
        text
    }
}

/// The connection to MySQL.
#[derive(Clone, Debug)]
pub struct MySqlLink {
    pub host: &'static str,
    keys: Vec<(&'static str, String)>,
}

impl MySqlLink {
    /// TLS, with the server's certificate checked; the password comes from a file.
    pub fn verified() -> Self {
        Self { host: "127.0.0.1", keys: Vec::new() }
            .with("password", "${file:secrets/mysql}")
            .with("tls_ca_file", "tls/ca.pem")
    }

    /// Another name of the server.
    pub fn host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// Another value of a key.
    pub fn with(mut self, key: &'static str, value: &str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self.keys.push((key, value.to_owned()));
        self
    }

    /// Without a key.
    pub fn without(mut self, key: &'static str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self
    }

    /// The connection in `weir.yaml`; `place` is host, port and database.
    pub fn connection(&self, place: &str, state_schema: &str) -> String {
        let mut text = format!(
            "\x20 mysql:\n    system: mysql\n    url: 'mysql://weir@{place}'\n    state_schema: {state_schema}\n"
        );
        for (key, value) in &self.keys {
            let _infallible = writeln!(text, "    {key}: '{value}'");
        }
        text
    }
}
