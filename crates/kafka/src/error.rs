//! Errors of this crate, and the one question a loop asks of them: what now?

use std::fmt;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::access::Denial;
use crate::record::TopicPartition;

/// What the caller of a failed operation should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing is wrong for good: brokers are away or busy. Say so, wait, do the same again.
    Retriable,
    /// Abort the transaction, rewind every input partition to the start of the batch, begin again. The producer
    /// stays usable.
    AbortTransaction,
    /// Another client owns this transactional id or group instance. Stop what it stands for; take it back only when
    /// the group still calls it ours.
    Fenced,
    /// The client is spent. Drop it; if what it stands for is still owned (ask the group, by polling), make a new one
    /// and go on from what is committed, not from the batch in hand: a commit that failed this way may have passed.
    Fatal,
    /// The offset asked for is no longer, or not yet, in the partition. Halt: a person decides (invariant 3).
    OutOfRange,
    /// A person must change something first: settings, rights, topics, an oversize record.
    Refused,
    /// The brokers let nobody in with this login or these certificates. Halt: a person must mend them.
    Denied,
}

/// Something that did not work, with what was being attempted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client library or the broker refused an operation.
    #[error("could not {attempted}")]
    Client {
        /// What was being done, as a verb phrase.
        attempted: String,
        /// What to do about it.
        class: Class,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// An operation that is repeated by itself did not get through before its deadline.
    #[error("could not {attempted} within {}; are the brokers reachable?", Seconds(.waited))]
    Deadline {
        /// What was being done.
        attempted: String,
        /// How long it was tried.
        waited: Duration,
        /// The last refusal, if one came.
        #[source]
        source: Option<Cause>,
    },
    /// The brokers refuse the connection, or we theirs: a wrong password, a certificate that is not accepted.
    #[error("could not {attempted}: {denial}")]
    Denied {
        /// What was being done.
        attempted: String,
        /// What is at fault.
        denial: Denial,
    },
    /// Settings that the client library does not take, such as a certificate's file that cannot be read.
    #[error("could not {attempted}: the Kafka settings cannot be used")]
    Settings {
        /// What was being done.
        attempted: String,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// A commit after a record was refused: committing would lose that record in silence (invariant 3).
    #[error(
        "refused to commit the transaction of {transactional_id}: a record of it was not taken; abort it"
    )]
    Incomplete {
        /// Whose transaction.
        transactional_id: String,
        /// Why the record was refused.
        #[source]
        source: Option<Cause>,
    },
    /// The broker ended a transaction that stayed open too long. It answers as if another producer had taken the id
    /// over; this producer's own clock tells the two apart.
    #[error(
        "could not {attempted}: the transaction was open longer than its {} and the broker has aborted it; nothing of \
         it was written",
        Seconds(.timeout)
    )]
    TransactionTimedOut {
        /// What was being done.
        attempted: String,
        /// The transaction timeout.
        timeout: Duration,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// An offset that the partition does not hold.
    #[error(
        "{}: the offset to read from is outside the partition: its records were removed, or the topic was deleted \
         and made again; compare the cluster id and reset the offset explicitly",
        Where(.partition)
    )]
    OutOfRange {
        /// Which partition, where it is known.
        partition: Option<TopicPartition>,
        /// What the library said.
        #[source]
        source: Cause,
    },
    /// A topic that has another number of partitions. More partitions would move keys (invariant 4).
    #[error(
        "topic {topic} has {found} partitions, {wanted} are needed; the number is fixed for good: make the topic \
         anew, or use another prefix"
    )]
    PartitionCount {
        /// The topic.
        topic: String,
        /// The number the configuration asks for.
        wanted: i32,
        /// The number the cluster has.
        found: i32,
    },
    /// A topic that is not there.
    #[error("topic {topic} does not exist; create it with `weir topics apply`")]
    NoSuchTopic {
        /// The topic.
        topic: String,
    },
    /// Settings that need more than this build can do.
    #[error("{wanted} needs a build with `--features {feature}`")]
    Feature {
        /// The setting.
        wanted: String,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// An override of a client setting that the guarantees rest on.
    #[error("the Kafka setting {key} cannot be overridden: what Weir promises rests on it; remove it")]
    Override {
        /// The setting.
        key: String,
    },
    /// The local copy of a partition could not be read or written.
    #[error("could not {attempted}; the copy can be rebuilt: delete it and start again")]
    Table {
        /// What was being done.
        attempted: String,
        /// What the store said.
        #[source]
        source: Box<redb::Error>,
    },
    /// A file of the local copy could not be removed or created.
    #[error("could not {attempted}")]
    File {
        /// What was being done.
        attempted: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Client { class, .. } => *class,
            Self::Deadline { .. } => Class::Retriable,
            Self::Denied { .. } => Class::Denied,
            Self::Incomplete { .. } => Class::AbortTransaction,
            Self::OutOfRange { .. } => Class::OutOfRange,
            Self::PartitionCount { .. }
            | Self::Settings { .. }
            | Self::NoSuchTopic { .. }
            | Self::Feature { .. }
            | Self::Override { .. } => Class::Refused,
            Self::TransactionTimedOut { .. } | Self::Table { .. } | Self::File { .. } => Class::Fatal,
        }
    }

    /// Whether the group refused it because it came from nobody whom it counts as a member.
    #[must_use]
    pub fn is_of_no_member(&self) -> bool {
        matches!(self, Self::Client { source, .. } if source.is_of_no_member())
    }

    /// An error of the library, with its class.
    pub(crate) fn client(attempted: impl Into<String>, source: KafkaError) -> Self {
        let attempted = attempted.into();
        match source {
            KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..) => {
                Self::Settings { attempted, source: Cause::new(source) }
            }
            source => Self::Client { attempted, class: classify(&source), source: Cause::new(source) },
        }
    }

    /// Whether it may come of a refused connection, about which the call itself says nothing.
    pub(crate) fn may_be_denied(&self) -> bool {
        match self {
            Self::Deadline { .. } => true,
            Self::Client { class, source, .. } => {
                *class == Class::Retriable || source.is_refused_connection()
            }
            _ => false,
        }
    }

    /// An error of the library in a place where only one class makes sense.
    pub(crate) fn of_class(attempted: impl Into<String>, class: Class, source: KafkaError) -> Self {
        Self::Client { attempted: attempted.into(), class, source: Cause::new(source) }
    }
}

/// What the client library said, kept apart from its types.
#[derive(Clone)]
pub struct Cause(Box<KafkaError>);

impl Cause {
    pub(crate) fn new(error: KafkaError) -> Self {
        Self(Box::new(error))
    }

    fn is_refused_connection(&self) -> bool {
        use RDKafkaErrorCode::{Authentication, SSL, SaslAuthenticationFailed};
        code_of(&self.0).is_some_and(|code| matches!(code, Authentication | SSL | SaslAuthenticationFailed))
    }

    fn is_of_no_member(&self) -> bool {
        use RDKafkaErrorCode::{FencedInstanceId, IllegalGeneration, UnknownMemberId};
        code_of(&self.0)
            .is_some_and(|code| matches!(code, FencedInstanceId | IllegalGeneration | UnknownMemberId))
    }

    /// The name of the error in the Kafka protocol or the library, as `ProducerFenced`; none for errors without a code.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        code_of(&self.0).map(|code| format!("{code:?}"))
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl std::error::Error for Cause {}

struct Seconds<'a>(&'a Duration);

impl fmt::Display for Seconds<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{} s", self.0.as_secs(), self.0.subsec_millis() / 100)
    }
}

struct Where<'a>(&'a Option<TopicPartition>);

impl fmt::Display for Where<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(partition) => partition.fmt(formatter),
            None => formatter.write_str("a subscribed partition"),
        }
    }
}

/// The code inside an error of the library, if it has one.
pub(crate) fn code_of(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        // rdkafka's own accessor leaves these out.
        KafkaError::Transaction(inner) => Some(inner.code()),
        KafkaError::MessageConsumptionFatal(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// The class of an error of the library: the table of the transaction calls first, then the codes of all others.
pub(crate) fn classify(error: &KafkaError) -> Class {
    if let KafkaError::Transaction(inner) = error {
        return if inner.is_fatal() {
            classify_fatal(inner.code())
        } else if inner.txn_requires_abort() {
            Class::AbortTransaction
        } else if inner.is_retriable() {
            Class::Retriable
        } else {
            // A call out of order, or something unknown: the state of the producer cannot be trusted.
            Class::Fatal
        };
    }
    match code_of(error) {
        Some(code) if matches!(error, KafkaError::MessageConsumptionFatal(_)) => classify_fatal(code),
        Some(code) => classify_code(code),
        None => Class::Refused,
    }
}

pub(crate) fn classify_fatal(code: RDKafkaErrorCode) -> Class {
    match code {
        RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::FencedInstanceId => {
            Class::Fenced
        }
        _ => Class::Fatal,
    }
}

fn classify_code(code: RDKafkaErrorCode) -> Class {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Fenced | Code::ProducerFenced | Code::FencedInstanceId => Class::Fenced,
        Code::Fatal => Class::Fatal,
        Code::AutoOffsetReset | Code::OffsetOutOfRange => Class::OutOfRange,
        Code::Authentication
        | Code::SSL
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::InvalidArgument
        | Code::InvalidConfig
        | Code::InvalidPartitions
        | Code::InvalidReplicationFactor
        | Code::InvalidTopic
        | Code::MessageSizeTooLarge
        | Code::NotImplemented
        | Code::PolicyViolation
        | Code::SaslAuthenticationFailed
        | Code::TopicAlreadyExists
        | Code::TopicAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::UnknownPartition
        | Code::UnknownTopic
        | Code::UnknownTopicOrPartition
        | Code::UnsupportedFeature
        | Code::UnsupportedSASLMechanism
        | Code::UnsupportedVersion => Class::Refused,
        Code::IllegalGeneration
        | Code::InvalidProducerEpoch
        | Code::InvalidProducerIdMapping
        | Code::InvalidTransactionalState
        | Code::OutOfOrderSequenceNumber
        | Code::State
        | Code::UnknownProducerId => Class::Fatal,
        // Brokers away, leaders moving, queues full: what remains passes.
        _ => Class::Retriable,
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

    use super::{Class, classify};

    #[test]
    fn plain_codes_get_the_class_a_loop_can_act_on() {
        let expectations = [
            (KafkaError::MessageConsumption(Code::AllBrokersDown), Class::Retriable),
            (KafkaError::MessageConsumption(Code::AutoOffsetReset), Class::OutOfRange),
            (KafkaError::MessageConsumption(Code::TopicAuthorizationFailed), Class::Refused),
            (KafkaError::MessageConsumption(Code::UnknownTopicOrPartition), Class::Refused),
            (KafkaError::MessageConsumptionFatal(Code::FencedInstanceId), Class::Fenced),
            (KafkaError::MessageConsumptionFatal(Code::Fatal), Class::Fatal),
            (KafkaError::MessageProduction(Code::MessageSizeTooLarge), Class::Refused),
            (KafkaError::MetadataFetch(Code::OperationTimedOut), Class::Retriable),
        ];
        for (error, class) in expectations {
            assert_eq!(classify(&error), class, "{error:?}");
        }
    }
}
