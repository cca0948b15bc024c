//! What a server of a test shows and asks for over TLS. Certificates are made by the test, as text in PEM: this crate stays
//! light.

use std::fmt::Write as _;

/// A certificate with its key, both PEM; the key unlocked PKCS#8.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate, followed by those of authorities between it and the trusted one.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// A listener of Kafka that speaks TLS, beside the one without.
#[derive(Debug, Clone)]
pub struct Listener {
    /// Its name in the settings, in capitals and unlike the other listeners'.
    pub name: &'static str,
    /// What it shows to clients.
    pub identity: Identity,
    /// Whom it lets in.
    pub admits: Admits,
}

/// Whom a listener lets in.
#[derive(Debug, Clone)]
pub enum Admits {
    /// Who knows a user's password, by SCRAM-SHA-512 or PLAIN.
    User {
        /// The user.
        name: &'static str,
        /// The password, without quotes, commas and brackets.
        password: String,
    },
    /// Who has a certificate of these authorities (PEM).
    Holders(String),
}

impl Listener {
    /// The protocol's name in Kafka's settings.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.admits {
            Admits::User { .. } => "SASL_SSL",
            Admits::Holders(_) => "SSL",
        }
    }

    /// What Kafka's data directory is formatted with, so that SCRAM knows the user.
    pub(crate) fn scram(&self) -> Option<String> {
        let Admits::User { name, password } = &self.admits else { return None };
        Some(format!("SCRAM-SHA-512=[name={name},password={password}]"))
    }

    /// Its lines in Kafka's properties.
    pub(crate) fn properties(&self) -> String {
        let mut text = String::new();
        let prefix = format!("listener.name.{}", self.name.to_lowercase());
        let mut set = |name: &str, value: &str| {
            // A line break would end the value.
            let _infallible = writeln!(text, "{prefix}.{name}={}", value.trim().replace('\n', "\\n"));
        };
        set("ssl.keystore.type", "PEM");
        set("ssl.keystore.certificate.chain", &self.identity.certificate);
        set("ssl.keystore.key", &self.identity.key);
        match &self.admits {
            Admits::User { name, password } => {
                let module = "org.apache.kafka.common.security";
                set("sasl.enabled.mechanisms", "SCRAM-SHA-512,PLAIN");
                set("scram-sha-512.sasl.jaas.config", &format!("{module}.scram.ScramLoginModule required;"));
                let users = format!("user_{name}=\"{password}\"");
                set("plain.sasl.jaas.config", &format!("{module}.plain.PlainLoginModule required {users};"));
            }
            Admits::Holders(authorities) => {
                set("ssl.client.auth", "required");
                set("ssl.truststore.type", "PEM");
                set("ssl.truststore.certificates", authorities);
            }
        }
        text
    }
}
