//! What the client library tells us on the side: its log lines and errors, handed to `tracing`.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

use crate::access::Access;

/// Forwards a log line of the library.
pub(crate) fn forward_log(level: RDKafkaLogLevel, facility: &str, line: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(target: "kafka_client", facility, "{line}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "kafka_client", facility, "{line}"),
        // The library's "notice" and "info" speak of single connections: too fine for our own info level.
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            tracing::debug!(target: "kafka_client", facility, "{line}");
        }
    }
}

/// Forwards an error that belongs to no call. The library goes on by itself. A connection that failed is told by the
/// library's log already; the end of a partition comes this way too, and is none.
pub(crate) fn forward_error(error: &KafkaError, reason: &str) {
    use RDKafkaErrorCode as Code;
    match error {
        KafkaError::Global(Code::PartitionEOF) => return,
        KafkaError::Global(
            Code::AllBrokersDown | Code::Authentication | Code::BrokerTransportFailure | Code::SSL,
        ) => {
            tracing::debug!(target: "kafka_client", %error, reason, "kafka client reports a connection");
            return;
        }
        _ => {}
    }
    tracing::warn!(target: "kafka_client", %error, reason, "kafka client reports an error");
}

/// The context of clients that need no callbacks of their own.
#[derive(Clone, Default)]
pub(crate) struct LoggingContext {
    access: Access,
    /// Whoever asked tells what came of it.
    is_quiet: bool,
}

impl LoggingContext {
    /// As [`LoggingContext::new`], for a client whose failed connections are told by its user.
    pub(crate) fn quiet(access: Access) -> Self {
        Self { access, is_quiet: true }
    }

    /// For a client of the cluster whose access this is.
    pub(crate) fn new(access: Access) -> Self {
        Self { access, is_quiet: false }
    }
}

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.access.note(facility, line);
        if !self.is_quiet {
            forward_log(level, facility, line);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        forward_error(&error, reason);
    }
}

impl ConsumerContext for LoggingContext {}

impl ProducerContext for LoggingContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}
