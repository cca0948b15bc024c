//! Weir's own tables beside the data: per partition the epoch that fences a stale owner and the offset up to which
//! documents are durable, and every outcome but a `Delivered` without an id until its receipt is out.
//!
//! They live in a schema of their own on the same server (a prefix in SQLite), because only then one transaction
//! covers rows and offset (invariants 2 and 7).

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use weir_model::outcome::{Code, Outcome, Refusal, Written};

use super::{
    classify::{Failure, codes},
    database::{Database, Row, Session, Statement},
    statement::{Dialect, placeholders},
    value::Value,
};

/// Outcomes stored by one statement.
const OUTCOMES_PER_STATEMENT: usize = 200;

/// What the database holds of a partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    /// The owner's epoch.
    pub(super) epoch: i64,
    /// Documents below are durable; `None` before the first batch.
    pub(super) next: Option<i64>,
    /// Outcomes of documents below `next` that are still kept: all but `Delivered` without an id.
    pub(super) outcomes: BTreeMap<i64, Outcome>,
}

/// The state of one flow's document topic.
#[derive(Clone, Debug)]
pub(super) struct State {
    dialect: Dialect,
    /// The schema, quoted; empty in SQLite.
    schema: String,
    offsets: String,
    outcomes: String,
    flow: String,
    topic: String,
    cluster: String,
    owner: String,
}

/// Whose state it is.
pub(super) struct Identity<'a> {
    pub(super) flow: &'a str,
    pub(super) topic: &'a str,
    pub(super) cluster: &'a str,
    pub(super) owner: &'a str,
}

impl State {
    /// The state tables of `schema`, for one topic.
    pub(super) fn new(dialect: Dialect, schema: &str, identity: &Identity<'_>) -> Self {
        let (schema, prefix) = match dialect {
            Dialect::MySql => (dialect.quote(schema), format!("{}.sink_", dialect.quote(schema))),
            Dialect::Sqlite => (String::new(), "weir_sink_".to_owned()),
        };
        Self {
            dialect,
            schema,
            offsets: format!("{prefix}offset"),
            outcomes: format!("{prefix}outcome"),
            flow: identity.flow.to_owned(),
            topic: identity.topic.to_owned(),
            cluster: identity.cluster.to_owned(),
            owner: identity.owner.to_owned(),
        }
    }

    /// Creates what is missing.
    pub(super) async fn create(&self, database: &Database) -> Result<(), Failure> {
        let Self { schema, offsets, outcomes, .. } = self;
        let (text, options) = match self.dialect {
            Dialect::MySql => {
                let exists = "SELECT CAST(COUNT(*) AS SIGNED) FROM information_schema.schemata \
                              WHERE CONCAT('`', REPLACE(schema_name, '`', '``'), '`') = ?";
                let found = database.fetch(exists, &[text(schema)]).await?;
                // Asked first: an account may use the schema without being allowed to create one.
                if found.first().map(|row| row.required_integer(0)).transpose()? != Some(1) {
                    database
                        .define(&format!("CREATE DATABASE IF NOT EXISTS {schema} CHARACTER SET utf8mb4"))
                        .await?;
                }
                ("MEDIUMTEXT", " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            }
            Dialect::Sqlite => ("TEXT", ""),
        };
        let key = "flow VARCHAR(80) NOT NULL, topic VARCHAR(249) NOT NULL, partition_number BIGINT NOT NULL";
        let define_offsets = format!(
            "CREATE TABLE IF NOT EXISTS {offsets} ({key}, next_offset BIGINT NULL, epoch BIGINT NOT NULL, \
             owner VARCHAR(255) NOT NULL, cluster_id VARCHAR(255) NOT NULL, \
             PRIMARY KEY (flow, topic, partition_number)){options}"
        );
        let define_outcomes = format!(
            "CREATE TABLE IF NOT EXISTS {outcomes} ({key}, document_offset BIGINT NOT NULL, outcome {text} NOT NULL, \
             PRIMARY KEY (flow, topic, partition_number, document_offset)){options}"
        );
        database.define(&define_offsets).await?;
        database.define(&define_outcomes).await
    }

    /// Raises the epoch: from here on a former owner's transactions match no row (invariant 7). The caller commits.
    pub(super) async fn claim(&self, session: &mut Session, partition: i32) -> Result<Stored, Failure> {
        let offsets = &self.offsets;
        let insert = format!(
            "INSERT INTO {offsets} (flow, topic, partition_number, epoch, owner, cluster_id) VALUES (?,?,?,1,?,?)"
        );
        let raise = match self.dialect {
            Dialect::MySql => {
                format!("{insert} ON DUPLICATE KEY UPDATE epoch = epoch + 1, owner = VALUES(owner)")
            }
            Dialect::Sqlite => format!(
                "{insert} ON CONFLICT (flow, topic, partition_number) \
                 DO UPDATE SET epoch = epoch + 1, owner = excluded.owner"
            ),
        };
        let [flow, topic, number] = self.key(partition);
        let values = [flow, topic, number, text(&self.owner), text(&self.cluster)];
        session.execute(Statement::Text(&raise), &[&values]).await?;
        let (stored, cluster) = self.read(session, partition).await?;
        if !cluster.is_empty() && !self.cluster.is_empty() && cluster != self.cluster {
            let message = format!(
                "the offsets of topic {} in {offsets} belong to Kafka cluster {cluster}, this one is {}: delete the \
                 row to begin anew (documents that are there are then written again over themselves)",
                self.topic, self.cluster
            );
            return Err(Failure::Halted(Refusal::new(codes::OFFSET, message)));
        }
        Ok(stored)
    }

    /// The first statement of every delivery: moves the offset if the partition is still ours and stands where we
    /// left it. Whether it did; the row is locked from here on.
    pub(super) async fn advance(
        &self,
        session: &mut Session,
        partition: i32,
        held: &Stored,
        next: i64,
    ) -> Result<bool, Failure> {
        let equal = match self.dialect {
            Dialect::MySql => "<=>",
            Dialect::Sqlite => "IS",
        };
        let update = format!(
            "UPDATE {} SET next_offset = ? WHERE flow = ? AND topic = ? AND partition_number = ? AND epoch = ? \
             AND next_offset {equal} ?",
            self.offsets
        );
        let [flow, topic, number] = self.key(partition);
        let expected = held.next.map_or(Value::Null, Value::Integer);
        let values = [Value::Integer(next), flow, topic, number, Value::Integer(held.epoch), expected];
        // sqlx asks MySQL for matched rows, not for changed ones.
        Ok(session.execute(Statement::Text(&update), &[&values]).await? == 1)
    }

    /// What is stored now, after [`State::advance`] found it elsewhere.
    ///
    /// # Errors
    /// `Fenced` when another process raised the epoch.
    pub(super) async fn look(
        &self,
        session: &mut Session,
        partition: i32,
        epoch: i64,
    ) -> Result<Stored, Failure> {
        let (stored, _) = self.read(session, partition).await?;
        if stored.epoch == epoch {
            return Ok(stored);
        }
        let owner = self.read_owner(session, partition).await?;
        let message = format!(
            "partition {partition} of {} belongs to {owner} since epoch {}, ours was {epoch}",
            self.topic, stored.epoch
        );
        Err(Failure::Fenced(Refusal::new(codes::FENCED, message)))
    }

    /// Forgets the outcomes of documents below `start`: their receipts are out.
    pub(super) async fn purge(
        &self,
        session: &mut Session,
        partition: i32,
        start: i64,
    ) -> Result<(), Failure> {
        let delete = format!(
            "DELETE FROM {} WHERE flow = ? AND topic = ? AND partition_number = ? AND document_offset < ?",
            self.outcomes
        );
        let [flow, topic, number] = self.key(partition);
        let values = [flow, topic, number, Value::Integer(start)];
        session.execute(Statement::Text(&delete), &[&values]).await.map(|_| ())
    }

    /// Keeps outcomes until their receipts are out.
    pub(super) async fn keep(
        &self,
        session: &mut Session,
        partition: i32,
        outcomes: &BTreeMap<i64, Outcome>,
    ) -> Result<(), Failure> {
        let rows: Vec<(i64, String)> = outcomes
            .iter()
            .filter_map(|(offset, outcome)| KeptOutcome::of(outcome).map(|kept| (*offset, kept)))
            .map(|(offset, kept)| kept.text().map(|text| (offset, text)))
            .collect::<Result<_, _>>()?;
        for some in rows.chunks(OUTCOMES_PER_STATEMENT) {
            let insert = format!(
                "INSERT INTO {} (flow, topic, partition_number, document_offset, outcome) VALUES {}",
                self.outcomes,
                vec![placeholders(5); some.len()].join(",")
            );
            let mut values = Vec::with_capacity(some.len() * 5);
            for (offset, outcome) in some {
                values.extend(self.key(partition));
                values.extend([Value::Integer(*offset), text(outcome)]);
            }
            session.execute(Statement::Text(&insert), &[&values]).await?;
        }
        Ok(())
    }

    async fn read(&self, session: &mut Session, partition: i32) -> Result<(Stored, String), Failure> {
        let key = self.key(partition);
        let whose = "WHERE flow = ? AND topic = ? AND partition_number = ?";
        let lock = match self.dialect {
            // A plain read would see an old snapshot (kafka notes §6).
            Dialect::MySql => " FOR UPDATE",
            Dialect::Sqlite => "",
        };
        let offsets = &self.offsets;
        let select = format!("SELECT epoch, next_offset, cluster_id FROM {offsets} {whose}{lock}");
        let rows = session.fetch(&select, &key).await?;
        let Some(row) = rows.first() else { return Ok(Default::default()) };
        let select = format!("SELECT document_offset, outcome FROM {} {whose}", self.outcomes);
        let kept = session.fetch(&select, &key).await?;
        let outcomes = kept.iter().map(kept_outcome).collect::<Result<_, _>>()?;
        let stored = Stored { epoch: row.required_integer(0)?, next: row.integer(1)?, outcomes };
        Ok((stored, row.required_text(2)?))
    }

    async fn read_owner(&self, session: &mut Session, partition: i32) -> Result<String, Failure> {
        let select = format!(
            "SELECT owner FROM {} WHERE flow = ? AND topic = ? AND partition_number = ?",
            self.offsets
        );
        let rows = session.fetch(&select, &self.key(partition)).await?;
        match rows.first() {
            Some(row) => row.required_text(0),
            None => Ok("nobody".to_owned()),
        }
    }

    fn key(&self, partition: i32) -> [Value<'_>; 3] {
        [text(&self.flow), text(&self.topic), Value::Integer(i64::from(partition))]
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn kept_outcome(row: &Row) -> Result<(i64, Outcome), Failure> {
    let (offset, text) = (row.required_integer(0)?, row.required_text(1)?);
    let kept: KeptOutcome = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    Ok((offset, kept.into()))
}

fn unreadable(error: &serde_json::Error) -> Failure {
    let message = format!("a stored outcome cannot be read or written: {error}");
    Failure::Halted(Refusal::new(codes::UNCLEAR, message))
}

/// A final outcome as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", deny_unknown_fields)]
enum KeptOutcome {
    /// With the id that a statement generated.
    Delivered {
        id: String,
    },
    Unchanged,
    Superseded,
    Reject {
        code: String,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        field: Option<String>,
    },
}

impl KeptOutcome {
    /// `None` for `Delivered` without an id, which is what an offset below `next_offset` means by itself, and for the
    /// outcomes that are not final: a batch that has one is not committed.
    fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Delivered(written) if !written.id.is_empty() => {
                Some(Self::Delivered { id: written.id.clone() })
            }
            Outcome::Unchanged => Some(Self::Unchanged),
            Outcome::Superseded => Some(Self::Superseded),
            Outcome::Reject(refusal) => Some(Self::Reject {
                code: refusal.code.to_string(),
                message: refusal.message.clone(),
                field: refusal.field.clone(),
            }),
            // Rows are written whole, so none of theirs is incomplete.
            Outcome::Delivered(_)
            | Outcome::Incomplete { .. }
            | Outcome::Retry { .. }
            | Outcome::Unknown(_)
            | Outcome::Halt(_) => None,
        }
    }

    fn text(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|error| unreadable(&error))
    }
}

impl From<KeptOutcome> for Outcome {
    fn from(kept: KeptOutcome) -> Self {
        match kept {
            KeptOutcome::Delivered { id } => Self::Delivered(Written { id, number: String::new() }),
            KeptOutcome::Unchanged => Self::Unchanged,
            KeptOutcome::Superseded => Self::Superseded,
            KeptOutcome::Reject { code, message, field } => {
                Self::Reject(Refusal { code: Code::from(code), message, field })
            }
        }
    }
}
