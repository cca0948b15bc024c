//! Whether the brokers let us in. The client library repeats a connection that was refused as it repeats one that broke,
//! and its calls say nothing but "timed out"; why a connection failed stands in its log alone, which is read here.
//!
//! Relies on the texts of librdkafka 2.12 (`rd_kafka_broker_fail`): a line of facility `FAIL` for each connection that
//! ended, repeated every half minute while the reason stays the same.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use weir_model::outcome::Code;

/// Codes of refused connections; each has a page in `docs/errors`.
pub mod codes {
    use super::Code;

    /// User, password or mechanism is wrong.
    pub const LOGIN: Code = Code::new("B-LOGIN");
    /// A certificate was not accepted, the broker's or ours.
    pub const CERTIFICATE: Code = Code::new("B-CERTIFICATE");
    /// The listener speaks another protocol.
    pub const PROTOCOL: Code = Code::new("B-PROTOCOL");
}

/// What a client's failed connections are told as.
const FACILITY: &str = "FAIL";
/// The library tells the same reason again after half a minute; one that was not told again is over.
const HOLDS: Duration = Duration::from_secs(45);
/// Reasons that pass: the connection broke or timed out in the middle of a login.
const PASSING: &str = "Local: ";

/// What is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// User, password or mechanism.
    Login,
    /// The broker's certificate, as we see it.
    BrokerCertificate,
    /// Our certificate, as the broker sees it, or that there is none.
    OwnCertificate,
    /// We speak TLS and the listener seems not to. A broker that is starting hangs up like this too, so it is a guess.
    NoTls,
    /// The listener seems to want TLS or a login: a guess as well.
    WantsMore,
}

impl Fault {
    /// Texts of the library, and what they mean. The first that fits counts.
    const TEXTS: [(&str, Fault); 15] = [
        ("certificate verify failed", Self::BrokerCertificate),
        ("alert certificate required", Self::OwnCertificate),
        ("alert bad certificate", Self::OwnCertificate),
        ("alert unknown ca", Self::OwnCertificate),
        ("alert certificate expired", Self::OwnCertificate),
        ("alert certificate unknown", Self::OwnCertificate),
        ("client SSL authentication might be required", Self::OwnCertificate),
        ("wrong version number", Self::NoTls),
        ("connecting to a PLAINTEXT broker listener", Self::NoTls),
        ("SASL authentication error", Self::Login),
        ("mechanism handshake failed", Self::Login),
        ("Failed to initialize SASL", Self::Login),
        ("incorrect security.protocol", Self::WantsMore),
        ("broker might require SASL", Self::WantsMore),
        // Hung up at the first request.
        ("in state APIVERSION_QUERY", Self::WantsMore),
    ];

    fn of(line: &str) -> Option<Self> {
        let (_, fault) = Self::TEXTS.iter().find(|(text, _)| line.contains(text))?;
        let passes = *fault == Self::Login && line.contains(PASSING);
        (!passes).then_some(*fault)
    }

    /// Its code.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Login => codes::LOGIN,
            Self::BrokerCertificate | Self::OwnCertificate => codes::CERTIFICATE,
            Self::NoTls | Self::WantsMore => codes::PROTOCOL,
        }
    }

    /// What happened, and which setting to look at.
    fn advice(self) -> &'static str {
        match self {
            Self::Login => {
                "authentication failed; check user, password and mechanism in kafka.security, and that the broker has \
                 this user"
            }
            Self::BrokerCertificate => {
                "the broker's certificate is not accepted: it is signed by none of kafka.security.ca_file, has expired, \
                 or is made for another host name than kafka.brokers gives"
            }
            Self::OwnCertificate => {
                "the broker does not accept our certificate; check kafka.security.certificate_file and key_file"
            }
            Self::NoTls => {
                "the listener seems not to speak TLS; check the port in kafka.brokers, and kafka.security.protocol"
            }
            Self::WantsMore => {
                "the listener seems to want TLS or a login; check kafka.security.protocol (ssl, sasl_ssl), and the port \
                 in kafka.brokers"
            }
        }
    }

    /// Whether nothing but a person's hand mends it.
    fn is_certain(self) -> bool {
        !matches!(self, Self::NoTls | Self::WantsMore)
    }
}

/// A connection that a broker or a certificate refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// What is at fault.
    pub fault: Fault,
    /// What the library said: broker and reason. It holds no secret: a password is never part of an answer.
    said: String,
}

impl Denial {
    /// Whether nothing but a person's hand mends it.
    pub(crate) fn is_certain(&self) -> bool {
        self.fault.is_certain()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} [{}]", self.fault.code(), self.fault.advice(), self.said)
    }
}

/// What the clients of one cluster were last told about their access. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access(Arc<Mutex<Option<(Instant, Denial)>>>);

impl Access {
    /// Takes note of a log line, if it tells of a refused connection.
    pub(crate) fn note(&self, facility: &str, line: &str) {
        if facility != FACILITY {
            return;
        }
        let Some(fault) = Fault::of(line) else { return };
        let said = line.split_once("]: ").map_or(line, |(_thread, rest)| rest).to_owned();
        *self.last() = Some((Instant::now(), Denial { fault, said }));
    }

    /// A call went through: what was told before is over.
    pub(crate) fn granted(&self) {
        *self.last() = None;
    }

    /// The refusal that holds now and that only a person mends.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.told().filter(|denial| denial.fault.is_certain())
    }

    /// The refusal that holds now, a guess among them.
    pub(crate) fn told(&self) -> Option<Denial> {
        self.last().as_ref().filter(|(told, _)| told.elapsed() < HOLDS).map(|(_, denial)| denial.clone())
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Denial)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_read_from_the_librarys_words() {
        let table = [
            (
                "sasl_ssl://127.0.0.1:9093/bootstrap: SASL authentication error: Authentication failed during \
                 authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 5ms in state AUTH_REQ)",
                Some(Fault::Login),
            ),
            (
                "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported \
                 mechanisms: PLAIN",
                Some(Fault::Login),
            ),
            ("SASL authentication error: SaslAuthenticateRequest failed: Local: Timed out", None),
            (
                "SASL PLAIN mechanism handshake failed: Local: Broker transport failure: broker's supported mechanisms: ",
                None,
            ),
            (
                "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could \
                 not be verified, verify that ssl.ca.location is correctly configured",
                Some(Fault::BrokerCertificate),
            ),
            (
                "Receive failed: ssl/record/rec_layer_s3.c:1590: error:0A00045C:SSL routines::tlsv13 alert certificate \
                 required: SSL alert number 116",
                Some(Fault::OwnCertificate),
            ),
            (
                "SSL handshake failed: error:0A00010B:SSL routines::wrong version number: (after 3ms)",
                Some(Fault::NoTls),
            ),
            (
                "SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener?",
                Some(Fault::NoTls),
            ),
            ("Disconnected (after 4ms in state APIVERSION_QUERY)", Some(Fault::WantsMore)),
            ("Connect to ipv4#127.0.0.1:1 failed: Connection refused", None),
        ];
        for (line, fault) in table {
            assert_eq!(Fault::of(line), fault, "{line}");
        }
    }

    #[test]
    fn a_refusal_holds_until_a_call_goes_through_and_a_guess_is_no_refusal() {
        let access = Access::default();
        access.note("CONFWARN", "[thrd:app]: SASL authentication error: x");
        assert_eq!(access.told(), None, "another facility");
        access.note(FACILITY, "[thrd:b]: b/1: SASL authentication error: refused");
        let denial = access.clone().denial().unwrap();
        assert_eq!(denial.fault, Fault::Login);
        assert!(denial.to_string().starts_with("B-LOGIN: authentication failed"), "{denial}");
        assert!(denial.to_string().ends_with("[b/1: SASL authentication error: refused]"), "{denial}");
        access.granted();
        assert_eq!(access.denial(), None);
        access
            .note(FACILITY, "b: Disconnected: might be caused by incorrect security.protocol configuration");
        assert_eq!(access.denial(), None);
        assert_eq!(access.told().unwrap().fault, Fault::WantsMore);
    }
}
