//! What can go wrong with the ledger.

use std::path::PathBuf;

use thiserror::Error;
use weir_kafka::Class;
use weir_schemas::DecodeError;

/// Why the ledger did not do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The folder of the SQLite files cannot be made.
    #[error("the ledger's folder {} cannot be made; check the rights, or name another with `ledger.folder`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database did not do what was asked.
    #[error("could not {attempted} in the ledger ({place})")]
    Sql {
        /// What was asked.
        attempted: String,
        /// Which schema, and where it lies.
        place: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A topic's record cannot be read.
    #[error("record at {place} cannot be read; a newer Weir wrote it, or something else did")]
    Unreadable {
        /// Topic, partition and offset.
        place: String,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// Kafka did not do what was asked.
    #[error(transparent)]
    Kafka(#[from] weir_kafka::Error),
    /// A thread cannot be started.
    #[error("could not start a thread to read the topics")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Topics that the ledger follows are not there.
    #[error("{} topics are missing, {} among them; run `weir topics apply`", topics.len(), topics.first().map_or("", String::as_str))]
    Missing {
        /// Their names.
        topics: Vec<String>,
    },
    /// A topic is shorter than what was read of it.
    #[error(
        "{place} ends at offset {end}, and the ledger has read up to {read}: the topic was deleted and made again; run \
         `weir ledger rebuild`"
    )]
    Recreated {
        /// Topic and partition.
        place: String,
        /// How far the ledger has read.
        read: i64,
        /// Where the partition ends.
        end: i64,
    },
    /// A newer version of Weir wrote the schema.
    #[error(
        "the ledger ({place}) has version {found}, and this program knows versions up to {known}; use the newer program"
    )]
    Newer {
        /// Which schema, and where it lies.
        place: String,
        /// The version it has.
        found: i64,
        /// The version this program makes.
        known: i64,
    },
}

impl Error {
    /// Whether the same may work a little later: the server is away, or another writer was faster.
    pub fn is_transient(&self) -> bool {
        let source = match self {
            Self::Sql { source, .. } => source,
            Self::Kafka(error) => return matches!(error.class(), Class::Retriable),
            Self::Folder { .. }
            | Self::Unreadable { .. }
            | Self::Thread { .. }
            | Self::Missing { .. }
            | Self::Recreated { .. }
            | Self::Newer { .. } => return false,
        };
        match source {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
            // SQLite: 5 busy, 6 locked. MySQL: 1205 lock wait, 1213 deadlock, 1053 shutdown, 1290 and 3100 read only.
            sqlx::Error::Database(error) => {
                let number = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
                let number = number.map(|error| i64::from(error.number()));
                let code = number.or_else(|| error.code().and_then(|code| code.parse().ok()));
                match code {
                    Some(1053 | 1205 | 1213 | 1290 | 3100) => number.is_some(),
                    // The lower eight bits of SQLite's extended code are the plain one.
                    Some(code) => number.is_none() && matches!(code & 0xff, 5 | 6),
                    None => false,
                }
            }
            _ => false,
        }
    }
}
