//! What can go wrong with the ledger.

use std::path::PathBuf;

use thiserror::Error;

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
        let Self::Sql { source, .. } = self else { return false };
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
