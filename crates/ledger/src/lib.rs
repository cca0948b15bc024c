//! The ledger: what the topics hold as tables that answer questions, and a book of what people did (design §1, §8).
//!
//! Two schemas, each in SQLite (two files) or MySQL (two databases). The *projection* is made of receipts, letters,
//! documents, parked records, windows, tallies and heartbeats, and can be made anew at any time. The *book* knows what
//! no topic knows, and no rebuild touches it. All SQL on either stands in this crate.
//!
//! | Module | Holds |
//! | --- | --- |
//! | [`book`] | what people did with letters, when and why |
//! | [`cause`] | what letters have in common |
//! | [`coverage`] | what was read of a source, and where the holes are |
//! | [`database`] | one pool, transaction and row type over SQLite and MySQL |
//! | [`letters`] | dead letters and how each stands |
//! | [`follower`] | brings the projection to what the topics hold |
//! | [`scope`] | which topics are followed |
//! | `facts`, `event`, `record` | what topic records say, laid out for the tables |
//! | `write` | a batch and how far it was read, in one transaction |
//! | [`settings`] | where the ledger lies |
//! | `rebuild` | makes the projection anew |
//! | [`status`] | how far behind, how many rows, how large |
//! | [`text`] | how text is cut to the width of a column |
//! | [`trace`] | the life of a record, found by any of its numbers |

pub mod book;
pub mod cause;
pub mod coverage;
pub mod database;
pub mod error;
mod event;
mod facts;
pub mod follower;
pub mod letters;
mod migrations;
mod rebuild;
mod record;
pub mod scope;
pub mod settings;
pub mod status;
pub mod text;
pub mod trace;
mod write;

pub use database::{Database, Row, Session, Value};
pub use error::Error;
pub use follower::{Follower, Freshness};
pub use scope::{FlowScope, Scope};
pub use settings::{MySqlServer, Settings};
pub use status::{LedgerStatus, SchemaStatus, TopicStatus};

/// The two schemas of a project. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What the topics hold.
    pub projection: Database,
    /// What people did.
    pub book: Database,
}

impl Ledger {
    /// Opens both schemas, makes those that are missing and brings them to this version.
    ///
    /// # Errors
    /// The server or folder cannot be reached or written, or a newer version of Weir wrote the schemas.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        let [projection, book] = Database::open_both(settings).await?;
        migrations::run(&projection, &migrations::PROJECTION).await?;
        migrations::run(&book, &migrations::BOOK).await?;
        Ok(Self { projection, book })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ledger_is_made_once_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::beside(folder.path());
        for _ in 0..2 {
            let ledger = Ledger::open(&settings).await.unwrap();
            let rows = ledger.projection.fetch("SELECT COUNT(*) AS n FROM record", &[]).await.unwrap();
            assert_eq!(rows[0].integer("n").unwrap(), Some(0));
            let turns = ledger.projection.fetch("SELECT taken FROM turn", &[]).await.unwrap();
            assert_eq!(turns.len(), 1);
            assert!(ledger.book.fetch("SELECT id FROM action", &[]).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn what_newer_software_wrote_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::beside(folder.path());
        let ledger = Ledger::open(&settings).await.unwrap();
        ledger.book.note_version(99).await.unwrap();
        let error = Ledger::open(&settings).await.unwrap_err();
        assert!(matches!(error, Error::Newer { found: 99, .. }), "{error}");
    }
}
