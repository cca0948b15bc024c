//! Where the brokers are and how to log in; and the in-process broker of the demo.
//!
//! Every client of the process is configured from here, so the settings that the guarantees rest on are named once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::producer::{BaseProducer, Producer as _};
use weir_model::{pem::Pem, secret::Secret};

use crate::access::Access;
use crate::admin::TopicSpec;
use crate::context::LoggingContext;
use crate::error::Error;

/// How long an operation that is repeated by itself may take before it is reported as an error.
pub(crate) const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Client settings a configuration may not change: exactly once, explicit offsets and events in a loop rest on them.
const OURS: [&str; 13] = [
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "isolation.level",
    "partition.assignment.strategy",
    "partitioner",
    "transactional.id",
];

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Host and port of one or more brokers, separated by commas.
    pub brokers: String,
    /// The name brokers log for us.
    pub client_id: String,
    /// Encryption and login.
    pub security: Security,
    /// Further settings of librdkafka, applied to every client last. Those the guarantees rest on are refused.
    pub overrides: BTreeMap<String, String>,
}

impl Settings {
    /// A cluster without encryption or login, as on loopback.
    pub fn plaintext(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            client_id: "weir".to_owned(),
            security: Security::Plaintext,
            overrides: BTreeMap::new(),
        }
    }

    /// Whether clients can be made of these settings by this build. Nothing is read or connected.
    ///
    /// # Errors
    /// [`Error::Feature`] when they need TLS or SCRAM and this build has none; [`Error::Override`] for an override that
    /// may not be.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(key) = self.overrides.keys().find(|key| OURS.contains(&key.as_str())) {
            return Err(Error::Override { key: key.clone() });
        }
        if cfg!(feature = "tls") {
            return Ok(());
        }
        let wanted = match &self.security {
            Security::Plaintext => return Ok(()),
            Security::Tls(_) | Security::SaslTls(..) => "TLS to Kafka",
            Security::Sasl(sasl) if sasl.mechanism == SaslMechanism::Plain => return Ok(()),
            Security::Sasl(_) => "a SCRAM login to Kafka",
        };
        Err(Error::Feature { wanted: wanted.to_owned(), feature: "tls" })
    }
}

/// Encryption and login.
#[derive(Debug, Clone, Default)]
pub enum Security {
    /// Neither.
    #[default]
    Plaintext,
    /// TLS, with a client certificate if one is named.
    Tls(Tls),
    /// A login over a clear connection.
    Sasl(Sasl),
    /// A login over TLS.
    SaslTls(Sasl, Tls),
}

/// Certificates, in PEM.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Who signs the brokers' certificates; none trusts the system's list.
    pub authorities: Option<Pem>,
    /// Our own certificate, where brokers ask for one.
    pub certificate: Option<Pem>,
    /// The key of that certificate.
    pub key: Option<Pem>,
    /// What opens the key, when it is locked.
    pub key_password: Option<Secret>,
}

/// A login.
#[derive(Debug, Clone)]
pub struct Sasl {
    /// How the password is shown to the broker.
    pub mechanism: SaslMechanism,
    /// The user.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// How a password is shown to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// In clear; over TLS only, please.
    Plain,
    /// SCRAM-SHA-256.
    ScramSha256,
    /// SCRAM-SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// A cluster to make clients for. Cheap to clone; clients keep it alive.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
    access: Access,
}

enum Inner {
    Remote(Settings),
    InProcess {
        /// The client that hosts librdkafka's mock cluster; the brokers live as long as it does.
        host: BaseProducer<LoggingContext>,
        brokers: String,
    },
}

impl Cluster {
    /// A cluster of real brokers. Nothing is connected yet.
    ///
    /// # Errors
    /// Those of [`Settings::check`].
    pub fn remote(settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self { inner: Arc::new(Inner::Remote(settings)), access: Access::default() })
    }

    /// A broker inside this process that holds these topics and forgets them when the last clone is dropped.
    ///
    /// It is librdkafka's mock cluster: it fences nobody, does not keep offsets sent in a transaction, has no time
    /// look-up, never hides or compacts, and drops the oldest records beyond 5 MiB a partition (design §10).
    ///
    /// # Errors
    /// [`Error::Client`] when the brokers or a topic could not be made.
    pub fn in_process(topics: &[TopicSpec]) -> Result<Self, Error> {
        let host: BaseProducer<LoggingContext> = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .create_with_context(LoggingContext::default())
            .map_err(|source| Error::client("start the in-process Kafka broker", source))?;
        let brokers = host.client().mock_cluster().map(|mock| mock.bootstrap_servers()).unwrap_or_default();
        let inner = Arc::new(Inner::InProcess { host, brokers });
        let cluster = Self { inner, access: Access::default() };
        for topic in topics {
            cluster.create_in_process(topic)?;
        }
        Ok(cluster)
    }

    /// Whether this is the broker inside the process, which keeps nothing.
    #[must_use]
    pub fn is_in_process(&self) -> bool {
        matches!(*self.inner, Inner::InProcess { .. })
    }

    /// The addresses clients connect to first.
    #[must_use]
    pub fn brokers(&self) -> &str {
        match &*self.inner {
            Inner::Remote(settings) => &settings.brokers,
            Inner::InProcess { brokers, .. } => brokers,
        }
    }

    /// Makes a topic on the in-process broker, which has no admin protocol; does nothing on a real one.
    pub(crate) fn create_in_process(&self, topic: &TopicSpec) -> Result<(), Error> {
        let Inner::InProcess { host, .. } = &*self.inner else { return Ok(()) };
        let Some(mock) = host.client().mock_cluster() else { return Ok(()) };
        mock.create_topic(&topic.name, topic.partitions, 1)
            .map_err(|source| Error::client(format!("create topic {} in process", topic.name), source))
    }

    /// Makes the in-process broker answer the next requests of a kind with these errors.
    #[cfg(test)]
    pub(crate) fn fail_next(
        &self,
        api: rdkafka::types::RDKafkaApiKey,
        errors: &[rdkafka::types::RDKafkaRespErr],
    ) {
        self.mock(|mock| mock.request_errors(api, errors));
    }

    /// Takes the in-process broker off the network, or puts it back.
    #[cfg(test)]
    pub(crate) fn set_reachable(&self, reachable: bool) {
        self.mock(|mock| if reachable { mock.broker_up(-1) } else { mock.broker_down(-1) }.unwrap());
    }

    #[cfg(test)]
    fn mock(&self, act: impl FnOnce(rdkafka::mocking::MockCluster<'_, LoggingContext>)) {
        let Inner::InProcess { host, .. } = &*self.inner else {
            panic!("only the in-process broker can be told to fail")
        };
        act(host.client().mock_cluster().unwrap());
    }

    /// What the clients of this cluster were told about their access.
    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// An error of a call, with the refused connection that is behind it, if one is. What is only guessed goes into the
    /// words of an error that passes.
    pub(crate) fn explain(&self, error: Error) -> Error {
        if !error.may_be_denied() {
            return error;
        }
        match (self.access.told(), error) {
            (Some(denial), Error::Client { attempted, .. } | Error::Deadline { attempted, .. })
                if denial.is_certain() =>
            {
                Error::Denied { attempted, denial }
            }
            (Some(denial), Error::Deadline { attempted, waited, source }) => {
                Error::Deadline { attempted: format!("{attempted} ({denial})"), waited, source }
            }
            (_, error) => error,
        }
    }

    /// The settings every client shares; `overrides` of the configuration come last.
    pub(crate) fn config(&self, purpose: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        // A connection that the broker closed at once is told at this level.
        config.set_log_level(RDKafkaLogLevel::Info);
        config.set("bootstrap.servers", self.brokers());
        // The client's own telemetry to the broker: half a megabyte of histograms a client, and nobody here reads it.
        config.set("enable.metrics.push", "false");
        for (key, value) in purpose {
            config.set(*key, *value);
        }
        if let Inner::Remote(settings) = &*self.inner {
            config.set("client.id", &settings.client_id);
            secure(&mut config, &settings.security);
            for (key, value) in &settings.overrides {
                config.set(key, value);
            }
        }
        config
    }

    /// How long an empty fetch may wait at the broker, in milliseconds. The mock broker sleeps the whole of it.
    pub(crate) fn fetch_wait_ms(&self, real: u32) -> String {
        if self.is_in_process() { 20.min(real) } else { real }.to_string()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("brokers", &self.brokers())
            .field("in_process", &self.is_in_process())
            .finish()
    }
}

fn secure(config: &mut ClientConfig, security: &Security) {
    let (protocol, sasl, tls) = match security {
        Security::Plaintext => ("plaintext", None, None),
        Security::Tls(tls) => ("ssl", None, Some(tls)),
        Security::Sasl(sasl) => ("sasl_plaintext", Some(sasl), None),
        Security::SaslTls(sasl, tls) => ("sasl_ssl", Some(sasl), Some(tls)),
    };
    config.set("security.protocol", protocol);
    if let Some(sasl) = sasl {
        config.set("sasl.mechanism", sasl.mechanism.name());
        config.set("sasl.username", &sasl.user);
        config.set("sasl.password", sasl.password.expose());
    }
    let Some(tls) = tls else { return };
    let parts = [("ssl.ca", &tls.authorities), ("ssl.certificate", &tls.certificate), ("ssl.key", &tls.key)];
    for (key, part) in parts {
        match part {
            Some(Pem::File(file)) => config.set(format!("{key}.location"), file.to_string_lossy()),
            Some(Pem::Text(text)) => config.set(format!("{key}.pem"), text.expose()),
            None => continue,
        };
    }
    if let Some(password) = &tls.key_password {
        config.set("ssl.key.password", password.expose());
    }
}
