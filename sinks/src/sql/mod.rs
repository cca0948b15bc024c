//! The SQL target: one implementation for MySQL, MariaDB and SQLite (design §7).
//!
//! Documents are lists of rows in column order, written as upserts by the flow's key or by the flow's own statement, or
//! the named values of several statements (`execute`). Rows, offset and outcomes share
//! one database transaction that a stale owner cannot commit, so each document is written exactly once in effect.
//!
//! `config` reads settings, `value` turns bodies into bound values, `statement` builds SQL text (all three pure),
//! `main_sql` checks a flow's own statement, `execute` is the way of several of them, `form` chooses between the two ways, `orphans` deletes rows that a record lost, `removal` those of a removed one, `database` is the pool, `state` keeps offsets and outcomes, `read_back` reads for a comparison, `write` upserts and isolates bad documents, `run` is one
//! delivery, `inspect` compares the table with the flow, `classify` reads error codes and `tls` failed handshakes.

mod classify;
mod config;
mod database;
mod execute;
mod form;
mod inspect;
mod main_sql;
mod orphans;
mod read_back;
mod removal;
mod run;
mod state;
mod statement;
mod tls;
mod value;
mod write;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{OnceCell, Semaphore};
use weir_model::{
    Json,
    flow::TargetSpec,
    outcome::{Outcome, Refusal},
    settings::Problems,
    target::{Batch, BatchLimits, Claim, ProbeReport, Target, TargetError},
};

pub use classify::codes;
pub use read_back::SqlReadBack;
pub use statement::Dialect;

use crate::{FileSetting, Setup};
use classify::Failure;
use config::Server;
use database::Database;
use form::Form;
use run::Held;
use state::{Identity, State};

/// Bytes of values per statement, however much more the server would accept.
const MAX_PACKET: usize = 8 << 20;
/// Batches that are turned into values and written at a time. More do not make one server quicker, and each holds its
/// values twice.
const WRITERS: usize = 4;
/// What a packet holds besides values.
const PACKET_OVERHEAD: usize = 16 << 10;

/// Files that a connection to MySQL names.
pub(crate) const MYSQL_FILES: [FileSetting; 3] = [
    FileSetting { key: config::AUTHORITIES, is_needed: true },
    FileSetting { key: config::CERTIFICATE, is_needed: true },
    FileSetting { key: config::KEY, is_needed: true },
];
/// The file that a connection to SQLite names.
pub(crate) const SQLITE_FILES: [FileSetting; 1] = [FileSetting { key: config::PATH, is_needed: false }];

/// Checks the target section of a flow. Pure.
pub fn check(target: &TargetSpec, dialect: Dialect, problems: &mut Problems) {
    Form::read(target, dialect, problems);
}

/// Checks the settings of a connection. Pure.
pub fn check_connection(dialect: Dialect, connection: &Json, path: &str, problems: &mut Problems) {
    Server::read(dialect, connection, path, problems);
}

/// Where the documents of one flow go.
pub struct SqlTarget {
    database: Database,
    form: Form,
    state: State,
    /// Bytes a statement may carry; known once the tables are there.
    packet: OnceCell<usize>,
    partitions: Mutex<HashMap<i32, Arc<tokio::sync::Mutex<Held>>>>,
    writers: Semaphore,
}

impl SqlTarget {
    /// Reads the settings; connects to nothing. `None` when they have errors.
    pub fn build(setup: &Setup<'_>, dialect: Dialect, problems: &mut Problems) -> Option<Self> {
        let mut found = Problems::new("");
        let form = Form::read(setup.target, dialect, &mut found);
        let server = Server::read(dialect, setup.connection, setup.connection_path, &mut found);
        let has_errors = found.has_errors();
        problems.append(found);
        let server = server.filter(|_| !has_errors)?;
        let schema = match &server {
            Server::MySql { state_schema, .. } => state_schema.clone(),
            Server::Sqlite { .. } => String::new(),
        };
        let identity = Identity {
            flow: setup.flow.as_str(),
            topic: setup.topic,
            cluster: setup.cluster,
            owner: setup.owner.as_str(),
        };
        Some(Self {
            state: State::new(dialect, &schema, &identity),
            database: Database::open(server),
            form,
            packet: OnceCell::new(),
            partitions: Mutex::default(),
            writers: Semaphore::new(WRITERS),
        })
    }

    /// Makes the tables ready and insists that those of the flow fit, once per process.
    async fn prepare_tables(&self) -> Result<usize, Failure> {
        self.state.create(&self.database).await?;
        let problems = self.form.make_ready(&self.database).await?;
        if problems.is_empty() {
            return self.packet_bytes().await;
        }
        Err(Failure::Halted(Refusal::new(codes::TABLE, problems.join("; "))))
    }

    async fn packet_bytes(&self) -> Result<usize, Failure> {
        let Dialect::MySql = self.database.dialect() else { return Ok(MAX_PACKET) };
        let rows = self.database.fetch("SELECT CAST(@@max_allowed_packet AS SIGNED)", &[]).await?;
        let accepted = rows.first().map(|row| row.required_integer(0)).transpose()?.unwrap_or_default();
        let accepted = usize::try_from(accepted).unwrap_or_default();
        Ok(accepted.saturating_sub(PACKET_OVERHEAD).clamp(1_024, MAX_PACKET))
    }

    async fn probe_tables(&self) -> Result<ProbeReport, Failure> {
        let dialect = self.database.dialect();
        let facts = match dialect {
            Dialect::MySql => {
                let asked =
                    "SELECT CAST(VERSION() AS CHAR), CAST(CURRENT_USER() AS CHAR), CAST(DATABASE() AS CHAR)";
                let rows = self.database.fetch(asked, &[]).await?;
                match rows.first() {
                    Some(row) => vec![
                        format!("server {}", row.required_text(0)?),
                        format!("logged in as {}, database {}", row.required_text(1)?, row.required_text(2)?),
                    ],
                    None => Vec::new(),
                }
            }
            Dialect::Sqlite => {
                let rows = self.database.fetch("SELECT sqlite_version()", &[]).await?;
                let version = rows.first().map(|row| row.required_text(0)).transpose()?;
                vec![format!("SQLite {}", version.unwrap_or_default())]
            }
        };
        let mut report = ProbeReport { facts, problems: Vec::new() };
        self.form.probe(&self.database, &mut report).await?;
        Ok(report)
    }

    fn partitions(&self) -> MutexGuard<'_, HashMap<i32, Arc<tokio::sync::Mutex<Held>>>> {
        // The map is whole between any two statements, so a panic elsewhere spoils nothing.
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for SqlTarget {
    fn limits(&self) -> BatchLimits {
        self.form.limits()
    }

    /// The offset is stored beside the rows: nothing has to be announced.
    fn announces(&self) -> bool {
        false
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        Ok(self.probe_tables().await?)
    }

    async fn claim(&self, partition: i32) -> Result<Claim, TargetError> {
        self.packet.get_or_try_init(|| self.prepare_tables()).await?;
        let (held, claim) = self.claim_partition(partition).await?;
        self.partitions().insert(partition, Arc::new(tokio::sync::Mutex::new(held)));
        Ok(claim)
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        let held = self.partitions().get(&batch.partition).cloned();
        let (Some(held), Some(packet)) = (held, self.packet.get()) else {
            let message = format!("partition {} was not claimed by this process", batch.partition);
            return Err(TargetError::Fenced(Refusal::new(codes::FENCED, message)));
        };
        let mut held = held.lock().await;
        // It is never closed, so an error only means that nobody is counted.
        let _turn = self.writers.acquire().await.ok();
        self.deliver_batch(&mut held, &batch, *packet).await
    }

    async fn release(&self, partition: i32) {
        self.partitions().remove(&partition);
    }
}
