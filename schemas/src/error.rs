//! Why bytes of a topic could not be read.

use thiserror::Error;

use crate::registry::RegistryError;

/// A topic value could not be read.
///
/// None of these is the record's own fault: they mean that a foreign program wrote to the topic, that a newer
/// version of Weir did, or that storage is damaged. A stage holds its partition (invariant 3), it skips nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The value starts like neither of the two frames.
    #[error(
        "a value of {subject} starts with {start:02x?}, which is neither Avro single-object encoding (c3 01) nor \
         a schema registry's frame (00): something else writes to this topic"
    )]
    UnknownFrame {
        /// What was expected.
        subject: &'static str,
        /// The first bytes, at most four.
        start: Vec<u8>,
    },
    /// The schema that wrote the value is not known here.
    #[error(
        "a value of {subject} was written by schema {fingerprint:016x}, unknown to this version of weir: upgrade \
         this instance to the version that writes the topic"
    )]
    UnknownFingerprint {
        /// What was expected.
        subject: &'static str,
        /// CRC-64-AVRO of the writer's schema.
        fingerprint: u64,
    },
    /// The registry's id has not been learned yet: [`Codec::learn`](crate::Codec::learn) it and read again.
    #[error(
        "a value of {subject} was written by schema id {id} of a registry, which was not asked for it: configure \
         the schema registry that the writers use"
    )]
    UnknownId {
        /// What was expected.
        subject: &'static str,
        /// The id in the frame.
        id: u32,
    },
    /// The value is of another type.
    #[error(
        "expected a value of {subject}, found one of {found}: the topic holds what does not belong there"
    )]
    WrongSubject {
        /// What was expected.
        subject: &'static str,
        /// What the schema names.
        found: String,
    },
    /// The bytes don't follow the schema they name.
    #[error("a value of {subject} is damaged")]
    Malformed {
        /// What was expected.
        subject: &'static str,
        /// Where and why.
        #[source]
        source: Malformed,
    },
    /// The value was written by another version and cannot be turned into today's.
    #[error("a value of {subject} that schema {fingerprint:016x} wrote cannot be read as version {version}")]
    Unresolvable {
        /// What was expected.
        subject: &'static str,
        /// CRC-64-AVRO of the writer's schema.
        fingerprint: u64,
        /// Today's version.
        version: u32,
        /// Avro's reason.
        #[source]
        source: Box<apache_avro::Error>,
    },
}

/// Bytes that don't follow their schema.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("at byte {at}: {problem}")]
pub struct Malformed {
    /// Offset in the value, without its frame.
    pub at: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

/// A registry's schema could not be learned.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The registry could not tell.
    #[error("cannot ask the schema registry for the id of {subject}")]
    Register {
        /// The subject.
        subject: &'static str,
        /// The registry's reason.
        #[source]
        source: RegistryError,
    },
    /// The registry could not tell.
    #[error("cannot fetch schema {id} from the schema registry")]
    Fetch {
        /// The id.
        id: u32,
        /// The registry's reason.
        #[source]
        source: RegistryError,
    },
    /// The registry's answer is no schema of a record.
    #[error("schema {id} of the registry is no Avro record: another program uses this id")]
    NoRecord {
        /// The id.
        id: u32,
        /// Avro's reason, unless it is a schema of another kind.
        #[source]
        source: Option<Box<apache_avro::Error>>,
    },
}
