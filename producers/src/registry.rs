//! Every system that can be polled, in one list, and the three stages of a source's life: `check` (structure, no I/O),
//! `build` (opens a client, calls nothing), and [`Account::probe`] (one cheap call).

use std::sync::Arc;

use jiff::tz::TimeZone;
use thiserror::Error;
use weir_clients::{http, seal::SealError, wangdiantong::Edition};
use weir_model::{
    Json,
    digest::Digest,
    flow::SourceSpec,
    names::ConnectionName,
    secret::Secret,
    settings::{Problems, unknown_word},
    time::Clock,
};
use weir_runtime::{health::Health, telemetry::Metrics};

use crate::{account::Account, jushuitan, okki, wangdiantong, window::PlanError};

/// A connection as the project's configuration tells it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name; the account.
    pub name: ConnectionName,
    /// The file it stands in, for problems.
    pub file: String,
    /// Where its settings stand in that file.
    pub path: String,
    /// The zone of the remote system's times.
    pub zone: TimeZone,
    /// The system's own settings, with secrets substituted.
    pub settings: Json,
    /// The project's `seal_key`, with which renewed tokens are kept.
    pub seal_key: Option<Secret>,
}

/// A system that can be polled.
#[derive(Clone, Copy)]
pub struct System {
    /// The name in flows and connections.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
    /// The settings of a connection that tell its remote account.
    identity: &'static [&'static str],
    check: fn(&SourceSpec, &mut Problems),
    check_connection: fn(&Connection, &mut Problems),
    build: Build,
}

type Build = fn(&Connection, &[SourceSpec], &Services) -> Result<Account, BuildError>;

/// What the process hands to every account. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where pages and progress are counted.
    pub metrics: Metrics,
    /// Where each source, as `source <name>`, tells how it is.
    pub health: Health,
}

/// Why an account could not be put together.
#[derive(Debug, Error)]
pub enum BuildError {
    /// No such system is polled.
    #[error("system {system:?} cannot be polled; known systems: {known}")]
    UnknownSystem {
        /// What the connection says.
        system: String,
        /// The names of all.
        known: String,
    },
    /// The settings have errors; all of them are in the list.
    #[error("the settings of the connection or of a source have errors: {}", first_of(.0))]
    Settings(Problems),
    /// A source's windows cannot be planned.
    #[error("windows cannot be planned")]
    Plan(#[from] PlanError),
    /// The client could not be set up.
    #[error("the client could not be set up")]
    Http(#[from] http::BuildError),
    /// Renewed tokens could not be kept.
    #[error("the key that seals renewed tokens could not be made")]
    Seal(#[from] SealError),
}

fn first_of(problems: &Problems) -> String {
    problems.list().first().map(ToString::to_string).unwrap_or_default()
}

/// All systems.
pub fn systems() -> Vec<System> {
    vec![
        System {
            name: jushuitan::SYSTEM,
            summary: jushuitan::SUMMARY,
            identity: &["app_key", "access_token"],
            check: jushuitan::check,
            check_connection: jushuitan::check_connection,
            build: jushuitan::build,
        },
        System {
            name: okki::SYSTEM,
            summary: okki::SUMMARY,
            identity: &["client_id"],
            check: okki::check,
            check_connection: okki::check_connection,
            build: okki::build,
        },
        System {
            name: Edition::Enterprise.system(),
            summary: wangdiantong::summary(Edition::Enterprise),
            identity: &["sid"],
            check: |spec, problems| wangdiantong::check(Edition::Enterprise, spec, problems),
            check_connection: |connection, problems| {
                wangdiantong::check_connection(Edition::Enterprise, connection, problems);
            },
            build: |connection, sources, services| {
                wangdiantong::build(Edition::Enterprise, connection, sources, services)
            },
        },
        System {
            name: Edition::Flagship.system(),
            summary: wangdiantong::summary(Edition::Flagship),
            identity: &["sid"],
            check: |spec, problems| wangdiantong::check(Edition::Flagship, spec, problems),
            check_connection: |connection, problems| {
                wangdiantong::check_connection(Edition::Flagship, connection, problems);
            },
            build: |connection, sources, services| {
                wangdiantong::build(Edition::Flagship, connection, sources, services)
            },
        },
    ]
}

/// Checks a source's structure: its API, request, paging and windows.
pub fn check(spec: &SourceSpec, problems: &mut Problems) {
    match find(&spec.system) {
        Some(system) => (system.check)(spec, problems),
        // An empty one was reported as missing when the flow was read.
        None if spec.system.is_empty() => {}
        None => unknown_word("source.system".to_owned(), &spec.system, &names(), problems),
    }
}

/// Checks the own settings of a connection of `system`; a system that is not polled has none here.
pub fn check_connection(system: &str, connection: &Connection, problems: &mut Problems) {
    if let Some(system) = find(system) {
        (system.check_connection)(connection, problems);
    }
}

/// What tells the remote account of a connection of `system` from all others; `None` when its settings do not say.
///
/// The vendors count the calls of an account, and a quota is kept per connection: two connections of one account would
/// exceed it together. A digest, for a token can be part of it (invariant 8).
pub fn remote_account(system: &str, connection: &Connection) -> Option<Digest> {
    let text = |name: &str| connection.settings.get(name).and_then(Json::as_str).map(str::trim);
    let fields = find(system)?.identity.iter().map(|name| text(name).filter(|text| !text.is_empty()));
    let identity: Vec<&str> = fields.collect::<Option<_>>()?;
    // The same words at another server, such as a sandbox, are another account.
    let server = text("base_url").unwrap_or_default();
    let parts = [system, server].into_iter().chain(identity);
    Some(Digest::of_parts(parts.map(str::as_bytes)))
}

/// Puts the account of `connection` together with all its sources; nothing is called and nothing spawned.
///
/// # Errors
/// When the settings cannot work; all problems at once.
pub fn build(
    system: &str,
    connection: &Connection,
    sources: &[SourceSpec],
    services: &Services,
) -> Result<Account, BuildError> {
    let found = find(system)
        .ok_or_else(|| BuildError::UnknownSystem { system: system.to_owned(), known: names().join(", ") })?;
    (found.build)(connection, sources, services)
}

fn find(name: &str) -> Option<System> {
    systems().into_iter().find(|system| system.name == name)
}

fn names() -> Vec<&'static str> {
    systems().iter().map(|system| system.name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn account(system: &str, settings: Json) -> Option<Digest> {
        let connection = Connection {
            name: "shop".into(),
            file: "weir.yaml".into(),
            path: "connections.shop".into(),
            zone: TimeZone::UTC,
            settings,
            seal_key: None,
        };
        remote_account(system, &connection)
    }

    #[test]
    fn an_account_is_told_by_what_the_vendor_counts_by() {
        let edition = "wangdiantong-enterprise";
        let own = account(edition, json!({"sid": "demo", "app_key": "a", "access": "direct"}));
        assert!(own.is_some());
        assert_eq!(own, account(edition, json!({"sid": "demo", "qimen_app_key": "q", "access": "qimen"})));
        assert_ne!(own, account(edition, json!({"sid": "other", "app_key": "a"})));
        assert_ne!(own, account(edition, json!({"sid": "demo", "base_url": "http://127.0.0.1:1/"})));
        assert_ne!(own, account("wangdiantong-flagship", json!({"sid": "demo"})));
        let token = |token| account("jushuitan", json!({"app_key": "a", "access_token": token}));
        assert_ne!(token("x"), token("y"));
        assert_eq!((token(""), account("mysql", json!({"sid": "demo"}))), (None, None));
    }
}
