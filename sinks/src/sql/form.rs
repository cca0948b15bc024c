//! The two ways in which a flow writes its documents: rows of one table, or statements of its own (`execute`).
//!
//! Whatever differs between them goes through here; claiming, offsets and outcomes are the same for both.

use tracing::info;
use weir_model::{
    document::Document,
    flow::TargetSpec,
    outcome::Outcome,
    settings::Problems,
    target::{BatchLimits, Delivery, ProbeReport},
};

use super::{
    classify::Failure,
    config::TableSettings,
    database::{Database, Session},
    execute::{Calls, Execute},
    inspect,
    orphans::Orphans,
    removal::Removal,
    statement::{Dialect, Upsert, create_table},
    value::read_body,
    write::{Caution, Prepared as PreparedRows, Rows, Writer},
};

/// How a flow's documents are written.
pub(super) enum Form {
    /// Rows of one table.
    Table(Box<Table>),
    /// Statements of the flow's own.
    Execute(Box<Execute>),
}

/// The table of a flow.
pub(super) struct Table {
    settings: TableSettings,
    upsert: Upsert,
    orphans: Option<Orphans>,
    removal: Option<Removal>,
}

/// The documents of a batch, ready to be written.
pub(super) enum Prepared<'a> {
    /// Rows of one table.
    Rows(Vec<PreparedRows<'a>>),
    /// Runs of statements.
    Calls(Vec<Calls<'a>>),
}

impl Form {
    /// Reads the target section of a flow; errors go to `problems`.
    pub(super) fn read(target: &TargetSpec, dialect: Dialect, problems: &mut Problems) -> Self {
        if target.runs_statements() {
            return Self::Execute(Box::new(Execute::read(target, dialect, problems)));
        }
        let settings = TableSettings::read(target, dialect, problems);
        let upsert = Upsert::new(dialect, &settings);
        let orphans = Orphans::new(dialect, &settings);
        let removal = Removal::new(dialect, &settings);
        Self::Table(Box::new(Table { settings, upsert, orphans, removal }))
    }

    /// How large a batch may be.
    pub(super) fn limits(&self) -> BatchLimits {
        match self {
            Self::Table(table) => table.settings.limits,
            Self::Execute(execute) => execute.limits,
        }
    }

    /// Makes the flow's tables ready; what does not fit comes back as lines for a person.
    pub(super) async fn make_ready(&self, database: &Database) -> Result<Vec<String>, Failure> {
        match self {
            Self::Table(table) => table.make_ready(database).await,
            Self::Execute(execute) => execute.make_ready(database).await,
        }
    }

    /// Compares the flow with the tables and creates nothing.
    pub(super) async fn probe(&self, database: &Database, report: &mut ProbeReport) -> Result<(), Failure> {
        match self {
            Self::Table(table) => table.probe(database, report).await,
            Self::Execute(execute) => {
                report.problems = execute.make_ready(database).await?;
                if report.problems.is_empty() {
                    let tables = execute.tables().join(", ");
                    report.facts.push(format!("the statements of the flow fit the tables ({tables})"));
                }
                Ok(())
            }
        }
    }

    /// Turns the bodies of a batch into values; `packet` is what a statement may carry.
    pub(super) fn prepare<'a>(&self, deliveries: &'a [Delivery], packet: usize) -> Prepared<'a> {
        let documents = deliveries.iter().map(|delivery| &delivery.document);
        match self {
            Self::Table(table) => {
                Prepared::Rows(documents.map(|document| table.prepare(document, packet)).collect())
            }
            Self::Execute(execute) => {
                Prepared::Calls(documents.map(|document| execute.calls(&document.body, packet)).collect())
            }
        }
    }

    /// Writes those documents of a batch that are open; one outcome for each of them, in their order.
    pub(super) async fn write(
        &self,
        session: &mut Session,
        prepared: &Prepared<'_>,
        is_open: &[bool],
        packet: usize,
        caution: &mut Caution,
    ) -> Result<Vec<Outcome>, Failure> {
        match (self, prepared) {
            (Self::Table(table), Prepared::Rows(documents)) => {
                let columns = &table.settings.table.columns;
                let writer = Writer {
                    upsert: &table.upsert,
                    orphans: table.orphans.as_ref(),
                    removal: table.removal.as_ref(),
                    columns,
                    packet,
                };
                writer.write(session, &open(documents, is_open), caution).await
            }
            (Self::Execute(execute), Prepared::Calls(documents)) => {
                execute.write(session, &open(documents, is_open)).await
            }
            // A form writes what it prepared.
            (Self::Table(_), Prepared::Calls(_)) | (Self::Execute(_), Prepared::Rows(_)) => Ok(Vec::new()),
        }
    }
}

fn open<'d, T>(documents: &'d [T], is_open: &[bool]) -> Vec<&'d T> {
    documents.iter().zip(is_open).filter_map(|(document, is_open)| is_open.then_some(document)).collect()
}

impl Table {
    fn prepare<'a>(&self, document: &'a Document, packet: usize) -> PreparedRows<'a> {
        let columns = &self.settings.table.columns;
        let values = read_body(&document.body, columns)?;
        if document.deleted && self.removal.is_some() {
            return Ok(Rows::removed(values));
        }
        if let Some(orphans) = &self.orphans {
            orphans.check(&values)?;
        }
        Rows::new(values, columns.len(), packet)
    }

    async fn make_ready(&self, database: &Database) -> Result<Vec<String>, Failure> {
        let table = &self.settings.table;
        let dialect = database.dialect();
        let mut stored = inspect::stored_table(database, &table.table).await?;
        if stored.is_none() && table.create_table {
            database.define(&create_table(dialect, table, &self.settings.key)).await?;
            info!(table = table.table, "table created");
            stored = inspect::stored_table(database, &table.table).await?;
        }
        Ok(match &stored {
            Some(stored) => inspect::problems(&self.settings, stored, dialect),
            None => vec![self.missing()],
        })
    }

    async fn probe(&self, database: &Database, report: &mut ProbeReport) -> Result<(), Failure> {
        let table = &self.settings.table;
        match inspect::stored_table(database, &table.table).await? {
            Some(stored) => {
                report.problems = inspect::problems(&self.settings, &stored, database.dialect());
                if report.problems.is_empty() {
                    report.facts.push(format!("table {} fits the flow", table.table));
                }
            }
            None if table.create_table => {
                report.facts.push(format!("table {} is not there yet and will be created", table.table));
            }
            None => report.problems.push(self.missing()),
        }
        Ok(())
    }

    fn missing(&self) -> String {
        let name = &self.settings.table.table;
        format!("there is no table {name}: create it, or set target.settings.create_table: true")
    }
}
