//! Where documents go: one module per target system, each an implementation of [`weir_model::target::Target`].
//!
//! [`check`] and [`check_connection`] look at settings only; [`build`] opens nothing yet and starts no task, so a
//! target that is away is met at `probe` or `claim`. [`build_read_back`] makes what reads a target for a comparison. All systems are listed in the functions below.

pub mod collection;
mod erp;
pub mod k3wise;
pub mod kingdee;
pub mod sql;

use std::sync::Arc;

use weir_model::{
    Json,
    figures::Paths,
    flow::TargetSpec,
    names::{FlowName, InstanceName},
    settings::{Localized, Problems, unknown_word},
    target::{ReadBack, Target},
};

pub use erp::Clients;
use sql::Dialect;

/// The target systems that [`build`] knows, as written in `target.system`.
pub const SYSTEMS: [&str; 5] = [kingdee::SYSTEM, k3wise::SYSTEM, "mysql", "sqlite", collection::SYSTEM];

/// All that a target is built from.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// The flow whose documents are written.
    pub flow: &'a FlowName,
    /// The document topic: offsets are kept under its name.
    pub topic: &'a str,
    /// Id of the Kafka cluster, so that offsets of another one are never taken for its own; empty when unknown.
    pub cluster: &'a str,
    /// This process, shown to whoever is fenced by it.
    pub owner: &'a InstanceName,
    /// The flow's target section.
    pub target: &'a TargetSpec,
    /// The settings of the connection it names.
    pub connection: &'a Json,
    /// Where these stand in the configuration, such as `connections.mysql`.
    pub connection_path: &'a str,
    /// The clients that flows of one connection share.
    pub clients: &'a Clients,
}

/// One line for people about a system of [`SYSTEMS`].
pub fn summary(system: &str) -> &'static str {
    match system {
        kingdee::SYSTEM => {
            "金蝶云星空 (Kingdee Cloud Galaxy): forms through BatchSave, submitted and audited on request"
        }
        k3wise::SYSTEM => "金蝶 K/3 WISE (Kingdee K/3 WISE): documents through K3API, one per call",
        "mysql" => "MySQL or MariaDB: rows upserted by key, exactly once with their offsets",
        "sqlite" => "SQLite: as mysql, in a file; for the demo and for tests",
        collection::SYSTEM => "a collection of the project: reference rows that lookups of other flows find",
        _ => "",
    }
}

/// A setting of a connection that names a file.
#[derive(Clone, Copy, Debug)]
pub struct FileSetting {
    /// The setting.
    pub key: &'static str,
    /// Whether the file must be there; else it is made.
    pub is_needed: bool,
}

/// The settings of connections to `system` that name files. Relative ones start at the working folder: whoever reads them
/// from a file makes them absolute first.
pub fn files(system: &str) -> &'static [FileSetting] {
    match system {
        "mysql" => &sql::MYSQL_FILES,
        "sqlite" => &sql::SQLITE_FILES,
        _ => &[],
    }
}

/// Checks the target section of a flow: structure only, no I/O, no connection needed.
pub fn check(target: &TargetSpec, problems: &mut Problems) {
    match target.system.as_str() {
        kingdee::SYSTEM => kingdee::check(target, problems),
        k3wise::SYSTEM => k3wise::check(target, problems),
        "mysql" => sql::check(target, Dialect::MySql, problems),
        "sqlite" => sql::check(target, Dialect::Sqlite, problems),
        collection::SYSTEM => {
            collection::name(target, problems);
        }
        other => unknown_system("target.system", other, problems),
    }
}

/// Checks the settings of a connection to `system`, found at `path`: structure only, no I/O.
pub fn check_connection(system: &str, connection: &Json, path: &str, problems: &mut Problems) {
    match system {
        kingdee::SYSTEM => kingdee::check_connection(connection, path, problems),
        k3wise::SYSTEM => k3wise::check_connection(connection, path, problems),
        "mysql" => sql::check_connection(Dialect::MySql, connection, path, problems),
        "sqlite" => sql::check_connection(Dialect::Sqlite, connection, path, problems),
        collection::SYSTEM => collection::check_connection(connection, path, problems),
        other => unknown_system(path, other, problems),
    }
}

/// Makes the target of a flow; `None` when the settings have errors, which are then in `problems`.
pub fn build(setup: &Setup<'_>, problems: &mut Problems) -> Option<Arc<dyn Target>> {
    let dialect = match setup.target.system.as_str() {
        kingdee::SYSTEM => {
            let Setup { target, connection, connection_path, clients, .. } = *setup;
            let target =
                kingdee::GalaxyTarget::build(target, connection, connection_path, clients, problems)?;
            return Some(Arc::new(target));
        }
        k3wise::SYSTEM => {
            let Setup { target, connection, connection_path, clients, .. } = *setup;
            let target = k3wise::WiseTarget::build(target, connection, connection_path, clients, problems)?;
            return Some(Arc::new(target));
        }
        collection::SYSTEM => {
            let target = collection::CollectionTarget::build(setup.target, problems)?;
            return Some(Arc::new(target));
        }
        "mysql" => Dialect::MySql,
        "sqlite" => Dialect::Sqlite,
        other => {
            unknown_system("target.system", other, problems);
            return None;
        }
    };
    let target = sql::SqlTarget::build(setup, dialect, problems)?;
    Some(Arc::new(target))
}

/// Makes what reads back the documents of a flow, counted by `paths`; `None` when the settings have errors or the target
/// cannot be read back, which is then in `problems`.
pub fn build_read_back(
    setup: &Setup<'_>,
    paths: &Paths,
    problems: &mut Problems,
) -> Option<Arc<dyn ReadBack>> {
    let Setup { target, connection, connection_path, clients, .. } = *setup;
    match target.system.as_str() {
        kingdee::SYSTEM => {
            let target =
                kingdee::GalaxyTarget::build(target, connection, connection_path, clients, problems)?;
            Some(Arc::new(kingdee::GalaxyReadBack::new(target, &setup.target.key, paths)))
        }
        k3wise::SYSTEM => {
            let target = k3wise::WiseTarget::build(target, connection, connection_path, clients, problems)?;
            Some(Arc::new(k3wise::WiseReadBack::new(target, paths)))
        }
        "mysql" => Some(Arc::new(sql::SqlReadBack::build(setup, Dialect::MySql, paths, problems)?)),
        "sqlite" => Some(Arc::new(sql::SqlReadBack::build(setup, Dialect::Sqlite, paths, problems)?)),
        other => {
            let message = Localized::new(
                format!("目标 {other:?} 不能读回，无法对账"),
                format!("a target of system {other:?} cannot be read back, so nothing can be compared"),
            );
            problems.error("target.system", message);
            None
        }
    }
}

fn unknown_system(path: &str, system: &str, problems: &mut Problems) {
    // An empty one was reported as missing when the flow was read.
    if !system.is_empty() {
        unknown_word(path.to_owned(), system, &SYSTEMS, problems);
    }
}
