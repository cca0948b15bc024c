//! Settings of the SQL target: the flow's table and the connection's server. Structure only, no I/O.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions,
    mysql::{MySqlConnectOptions, MySqlSslMode},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use weir_model::{
    Json,
    flow::{ColumnType, OnDelete, OnLeave, TableSpec, TargetSpec},
    pem::Pem,
    settings::{Fields, Localized, Problems},
    target::BatchLimits,
};

use super::{
    main_sql::MainSql,
    statement::{Dialect, is_key, is_valid_identifier},
};

/// Columns that both MySQL and SQLite allow in a table.
const MAX_COLUMNS: usize = 1_000;
/// Bytes of an InnoDB index.
const MAX_KEY_BYTES: u32 = 3_072;
/// Documents of a batch.
const BATCH_DOCUMENTS: u64 = 1_000;
/// Settings of a connection that name files.
pub(super) const AUTHORITIES: &str = "tls_ca_file";
pub(super) const CERTIFICATE: &str = "tls_certificate_file";
pub(super) const KEY: &str = "tls_key_file";
pub(super) const PATH: &str = "path";
const DEFAULT_STATE_SCHEMA: &str = "weir";
/// The vendors' local times are Chinese ones; only `TIMESTAMP` columns depend on this.
const DEFAULT_TIME_ZONE: &str = "+08:00";
/// How long a statement waits for a lock (kafka notes §6), and SQLite for another process.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What a flow says about its table.
#[derive(Clone, Debug)]
pub(super) struct TableSettings {
    /// Name, columns and whether it may be created.
    pub(super) table: TableSpec,
    /// The key's columns.
    pub(super) key: Vec<String>,
    /// The flow's own statement for rows; an upsert by the key when there is none.
    pub(super) main_sql: Option<MainSql>,
    /// The key's columns that all rows of one record share; empty when the flow names none.
    pub(super) record_key: Vec<String>,
    /// The same, when rows that the record's newest state lacks are to be deleted; else empty.
    pub(super) orphans_of: Vec<String>,
    /// The key's columns by which rows of a record that was removed, or left the flow, are deleted; empty when they are not.
    pub(super) removal_of: Vec<String>,
    /// How large a batch may be.
    pub(super) limits: BatchLimits,
}

/// What becomes of rows that the newest state of their record lacks (contract decisions, "旺店通").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Orphans {
    /// They are deleted in the transaction that writes the others.
    Delete,
    /// They stay.
    Keep,
}

const ORPHANS: [(&str, Orphans); 2] = [("delete", Orphans::Delete), ("keep", Orphans::Keep)];

/// Where the table is.
pub(super) enum Server {
    /// MySQL or MariaDB.
    MySql {
        /// Address, login, TLS.
        options: Box<MySqlConnectOptions>,
        /// The schema of Weir's own tables.
        state_schema: String,
    },
    /// A file.
    Sqlite {
        /// Path and settings.
        options: Box<SqliteConnectOptions>,
    },
}

impl TableSettings {
    /// Reads `target.settings`; errors go to `problems`.
    pub(super) fn read(target: &TargetSpec, dialect: Dialect, problems: &mut Problems) -> Self {
        let mut fields = Fields::of(&target.settings, "target.settings", problems);
        let table = TableSpec::read(&mut fields, &target.key, problems);
        // A full batch of documents of one row is one statement.
        let rows = u64::try_from(dialect.rows_per_statement(table.columns.len())).unwrap_or(BATCH_DOCUMENTS);
        let limits = batch_limits(&mut fields, rows.min(BATCH_DOCUMENTS), problems);
        let (record_key, orphans) = record_key(&mut fields, &target.key, problems);
        fields.finish(problems);
        let main_sql = MainSql::read(target, &table, problems);
        let deletes = target.on_delete == OnDelete::Delete || target.on_leave == OnLeave::Delete;
        let removal_of = match (deletes, record_key.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => target.key.clone(),
            (true, false) => record_key.clone(),
        };
        let orphans_of = if orphans == Orphans::Delete { record_key.clone() } else { Vec::new() };
        let key = target.key.clone();
        let settings = Self { table, key, main_sql, record_key, orphans_of, removal_of, limits };
        settings.check_names(problems);
        settings.check_key(dialect, problems);
        settings
    }

    fn check_names(&self, problems: &mut Problems) {
        if !self.table.table.is_empty() {
            check_identifier("target.settings.table", &self.table.table, problems);
        }
        for column in self.table.columns.iter().filter(|column| !column.name.is_empty()) {
            check_identifier(&format!("{}.name", column.path), &column.name, problems);
        }
        let count = self.table.columns.len();
        if count > MAX_COLUMNS {
            let message = Localized::new(
                format!("共 {count} 列，最多 {MAX_COLUMNS} 列"),
                format!("{count} columns; at most {MAX_COLUMNS} fit into a table"),
            );
            problems.error("target.settings.columns", message);
        }
    }

    /// A MySQL key must fit into an index.
    fn check_key(&self, dialect: Dialect, problems: &mut Problems) {
        if dialect == Dialect::Sqlite {
            return;
        }
        let mut bytes = 0_u32;
        for column in self.table.columns.iter().filter(|column| self.key.contains(&column.name)) {
            match column.kind {
                ColumnType::Text => problems.error_with(
                    format!("{}.type", column.path),
                    Localized::new("主键列不能是 text", "a key column cannot be text"),
                    Localized::new("使用 varchar(n)", "use varchar(n)"),
                ),
                ColumnType::Varchar(length) => bytes = bytes.saturating_add(length.saturating_mul(4)),
                _ => bytes = bytes.saturating_add(8),
            }
        }
        if bytes > MAX_KEY_BYTES {
            let message = Localized::new(
                format!("主键列共 {bytes} 字节，索引最多 {MAX_KEY_BYTES} 字节"),
                format!("the key's columns take {bytes} bytes; an index holds {MAX_KEY_BYTES}"),
            );
            let suggestion =
                Localized::new("缩短主键的 varchar 列", "make the key's varchar columns shorter");
            problems.error_with("target.key", message, suggestion);
        }
    }
}

/// Reads how large a batch may be; `documents` unless the flow says so.
pub(super) fn batch_limits(fields: &mut Fields<'_>, documents: u64, problems: &mut Problems) -> BatchLimits {
    BatchLimits {
        documents: whole(fields.count("batch_documents", documents, 1..=10_000, problems)),
        bytes: whole(fields.count("batch_bytes", 2 << 20, 1_024..=(64 << 20), problems)),
        age: fields.duration("batch_age", Duration::from_millis(200), problems),
    }
}

/// Reads `record_key` and `orphans`: with a record key, orphans are deleted unless the flow keeps them.
fn record_key(fields: &mut Fields<'_>, key: &[String], problems: &mut Problems) -> (Vec<String>, Orphans) {
    let path = fields.path_of("record_key");
    let names: Vec<String> = fields
        .list("record_key", problems)
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let default = if names.is_empty() { Orphans::Keep } else { Orphans::Delete };
    let orphans = fields.choice("orphans", &ORPHANS, default, problems);
    let is_part = !names.is_empty() && names.len() < key.len() && names.iter().all(|name| is_key(key, name));
    if !is_part && (!names.is_empty() || orphans == Orphans::Delete) {
        let message = Localized::new(
            "record_key 应为 target.key 中的一部分列",
            "record_key names some of the columns of target.key, and not all of them",
        );
        let suggestion = Localized::new(
            "写同一来源记录的各行共有的主键列，如 [refund_id]",
            "write the key columns that all rows of one source record share, such as [refund_id]",
        );
        problems.error_with(path, message, suggestion);
    }
    (if is_part { names } else { Vec::new() }, orphans)
}

impl Server {
    /// Reads the settings of a connection; `None` when there is no usable address.
    pub(super) fn read(
        dialect: Dialect,
        connection: &Json,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut fields = Fields::of(connection, path, problems);
        let server = match dialect {
            Dialect::MySql => mysql(&mut fields, problems),
            Dialect::Sqlite => sqlite(&mut fields, problems),
        };
        fields.finish(problems);
        server
    }
}

fn mysql(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Server> {
    let url = fields.required_secret("url", problems);
    let user = fields.text("user", problems);
    let password = fields.secret("password", problems);
    let state_schema =
        fields.text("state_schema", problems).unwrap_or_else(|| DEFAULT_STATE_SCHEMA.to_owned());
    check_identifier(&fields.path_of("state_schema"), &state_schema, problems);
    let time_zone =
        fields.text("session_time_zone", problems).unwrap_or_else(|| DEFAULT_TIME_ZONE.to_owned());
    if !is_utc_offset(&time_zone) {
        let message =
            Localized::new(format!("{time_zone:?} 不是时差"), format!("{time_zone:?} is no offset from UTC"));
        let suggestion = Localized::new("写 \"+08:00\" 这样的时差", "write an offset such as \"+08:00\"");
        problems.error_with(fields.path_of("session_time_zone"), message, suggestion);
        return None;
    }
    let tls = tls(fields, problems);
    if url.is_empty() {
        return None;
    }
    // The parser's own error could show parts of the URL, hence of the password (invariant 8).
    let parsed = MySqlConnectOptions::from_str(url.expose()).ok();
    let Some(mut options) = parsed.filter(|options| options.get_database().is_some_and(|d| !d.is_empty()))
    else {
        let message =
            Localized::new("不是 MySQL 地址，或缺少数据库名", "is no MySQL address, or names no database");
        let suggestion = Localized::new(
            "写 mysql://用户:密码@主机:3306/数据库，密码中的特殊字符用 %XX",
            "write mysql://user:password@host:3306/database, special characters of the password as %XX",
        );
        problems.error_with(fields.path_of("url"), message, suggestion);
        return None;
    };
    if let Some(user) = user {
        options = options.username(&user);
    }
    if let Some(password) = password {
        options = options.password(password.expose());
    }
    let options = tls.apply(options).timezone(time_zone).charset("utf8mb4").disable_statement_logging();
    Some(Server::MySql { options: Box::new(options), state_schema })
}

/// How the connection is secured. Certificates and keys are paths or texts in PEM.
struct Tls {
    mode: Option<MySqlSslMode>,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

fn tls(fields: &mut Fields<'_>, problems: &mut Problems) -> Tls {
    let modes = [
        ("disabled", Some(MySqlSslMode::Disabled)),
        ("preferred", Some(MySqlSslMode::Preferred)),
        ("required", Some(MySqlSslMode::Required)),
        ("verify-ca", Some(MySqlSslMode::VerifyCa)),
        ("verify-identity", Some(MySqlSslMode::VerifyIdentity)),
    ];
    let tls = Tls {
        mode: fields.choice("tls", &modes, None, problems),
        authorities: fields.text(AUTHORITIES, problems),
        certificate: fields.text(CERTIFICATE, problems),
        key: fields.text(KEY, problems),
    };
    tls.check(fields, problems);
    tls
}

impl Tls {
    /// Whoever names an authority wants the server to be checked; a client's certificate is nothing without its key.
    fn check(&self, fields: &Fields<'_>, problems: &mut Problems) {
        let checks_nothing = self
            .mode
            .is_some_and(|mode| !matches!(mode, MySqlSslMode::VerifyCa | MySqlSslMode::VerifyIdentity));
        if self.authorities.is_some() && checks_nothing {
            let message = Localized::new(
                "写了 tls_ca_file，但此方式不校验服务器的证书",
                "tls_ca_file is given, but this mode does not check the server's certificate",
            );
            let suggestion =
                Localized::new("写 verify-identity 或 verify-ca", "write verify-identity or verify-ca");
            problems.error_with(fields.path_of("tls"), message, suggestion);
        }
        if self.certificate.is_some() != self.key.is_some() {
            let message = Localized::new(
                "tls_certificate_file 与 tls_key_file 应同时给出",
                "tls_certificate_file and tls_key_file go together",
            );
            problems.error(fields.path_of(CERTIFICATE), message);
        }
    }

    fn apply(self, mut options: MySqlConnectOptions) -> MySqlConnectOptions {
        let default = self.authorities.is_some().then_some(MySqlSslMode::VerifyIdentity);
        if let Some(mode) = self.mode.or(default) {
            options = options.ssl_mode(mode);
        }
        if let Some(setting) = self.authorities {
            options = if Pem::is_text(&setting) {
                options.ssl_ca_from_pem(setting.into_bytes())
            } else {
                options.ssl_ca(setting)
            };
        }
        if let Some(setting) = self.certificate {
            options = if Pem::is_text(&setting) {
                options.ssl_client_cert_from_pem(setting)
            } else {
                options.ssl_client_cert(setting)
            };
        }
        match self.key {
            Some(setting) if Pem::is_text(&setting) => options.ssl_client_key_from_pem(setting),
            Some(setting) => options.ssl_client_key(setting),
            None => options,
        }
    }
}

fn sqlite(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Server> {
    let path = fields.required_text(PATH, problems);
    if path.is_empty() {
        return None;
    }
    // A committed batch must survive a power cut too (invariant 1), hence FULL.
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_WAIT)
        .disable_statement_logging();
    Some(Server::Sqlite { options: Box::new(options) })
}

fn check_identifier(path: &str, name: &str, problems: &mut Problems) {
    if !is_valid_identifier(name) {
        let message = Localized::new(
            format!("{name:?} 不能用作表名、列名或库名"),
            format!("{name:?} cannot name a table, column or schema"),
        );
        let suggestion = Localized::new(
            "1 到 64 个字符，不含引号、点、斜线、控制字符",
            "use 1 to 64 characters without quotes, dots, slashes and control characters",
        );
        problems.error_with(path, message, suggestion);
    }
}

/// `+HH:MM` or `-HH:MM`: what goes into the session's settings, so nothing else may pass.
fn is_utc_offset(text: &str) -> bool {
    let Some((hours, minutes)) = text.strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let two_digits = |part: &str, below: u8| {
        part.len() == 2
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse::<u8>().is_ok_and(|number| number < below)
    };
    two_digits(hours, 15) && two_digits(minutes, 60)
}

fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems_of(dialect: Dialect, connection: &Json) -> Vec<String> {
        let mut problems = Problems::new("weir.yaml");
        Server::read(dialect, connection, "connections.db", &mut problems);
        problems.list().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_connections_read_without_a_word() {
        let url = "mysql://u:p%40ss@127.0.0.1:3306/shop";
        assert!(problems_of(Dialect::MySql, &json!({"url": url})).is_empty());
        let full = json!({"url": url, "user": "a", "password": "b", "tls": "verify-ca", "tls_ca_file": "ca.pem",
            "state_schema": "weir_state", "session_time_zone": "-03:30"});
        assert!(problems_of(Dialect::MySql, &full).is_empty());
        assert!(problems_of(Dialect::Sqlite, &json!({"path": "x.db"})).is_empty());
    }

    #[test]
    fn naming_an_authority_means_checking_the_server() {
        let mode_of = |connection: Json| {
            let server = Server::read(Dialect::MySql, &connection, "c", &mut Problems::new("weir.yaml"));
            let Some(Server::MySql { options, .. }) = server else { panic!("no server") };
            format!("{:?}", options.get_ssl_mode())
        };
        let url = "mysql://u@h/d";
        assert_eq!(mode_of(json!({"url": url})), "Preferred");
        assert_eq!(mode_of(json!({"url": url, "tls_ca_file": "ca.pem"})), "VerifyIdentity");
        assert_eq!(mode_of(json!({"url": url, "tls_ca_file": "ca.pem", "tls": "verify-ca"})), "VerifyCa");
    }

    #[test]
    fn problems_come_at_once_and_never_show_the_password() {
        let bad = json!({"url": "mysql://u:hunter2@host:99999999/", "tls": "on", "state_schema": "a`b", "pasword": "x"});
        let said = problems_of(Dialect::MySql, &bad);
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(!said.join("\n").contains("hunter2"), "{said:?}");
        let unchecked = json!({"url": "mysql://u@h/d", "tls": "required", "tls_ca_file": "ca.pem", "tls_key_file": "k.pem"});
        assert_eq!(problems_of(Dialect::MySql, &unchecked).len(), 2);
        let zone = json!({"url": "mysql://u@h/d", "session_time_zone": "'; DROP TABLE x; --"});
        assert_eq!(problems_of(Dialect::MySql, &zone).len(), 1);
        assert_eq!(problems_of(Dialect::Sqlite, &json!({})).len(), 1);
    }
}
