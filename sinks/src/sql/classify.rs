//! What a database error means: by MySQL's error number and SQLSTATE, by SQLite's result code.
//!
//! A deterministic error is never retried, a transient one never dead-lettered (design §7); one that no table
//! explains is repeated a few times and then halts the flow, for the document is not known to be at fault.

use sqlx::{error::DatabaseError, mysql::MySqlDatabaseError};
use weir_model::{
    outcome::{Code, Refusal},
    target::TargetError,
};

use super::tls;

/// Codes of this target; each has a page in `docs/errors`.
pub mod codes {
    use super::Code;

    /// The document's body is no list of rows of the table's width.
    pub const BODY: Code = Code::new("S-BODY");
    /// A column cannot hold its value unchanged.
    pub const VALUE: Code = Code::new("S-VALUE");
    /// A constraint of the table refuses the row: NOT NULL, UNIQUE, CHECK, FOREIGN KEY, or a trigger.
    pub const CONSTRAINT: Code = Code::new("S-CONSTRAINT");
    /// A row is larger than the server accepts.
    pub const TOO_LARGE: Code = Code::new("S-TOO-LARGE");
    /// The server cannot be reached, or the connection broke.
    pub const AWAY: Code = Code::new("S-AWAY");
    /// Somebody else holds a lock for too long.
    pub const LOCKED: Code = Code::new("S-LOCKED");
    /// The server is read-only, full or short of memory.
    pub const UNABLE: Code = Code::new("S-UNABLE");
    /// User, password or TLS settings are refused.
    pub const LOGIN: Code = Code::new("S-LOGIN");
    /// The account lacks a privilege.
    pub const PRIVILEGE: Code = Code::new("S-PRIVILEGE");
    /// Database, table or column is missing, or the table does not fit the flow.
    pub const TABLE: Code = Code::new("S-TABLE");
    /// An error that no table explains.
    pub const UNCLEAR: Code = Code::new("S-UNCLEAR");
    /// Another process took the partition over.
    pub const FENCED: Code = Code::new("S-FENCED");
    /// The offsets in the database do not fit the topic.
    pub const OFFSET: Code = Code::new("S-OFFSET");

    /// All of them.
    pub const ALL: &[Code] = &[
        BODY, VALUE, CONSTRAINT, TOO_LARGE, AWAY, LOCKED, UNABLE, LOGIN, PRIVILEGE, TABLE, UNCLEAR, FENCED,
        OFFSET,
    ];
}

/// What stood in the way of a statement, and what now.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// The values are at fault: it will fail again, and others will not.
    Refused(Refusal),
    /// It passes within moments: try the transaction again.
    Locked(Refusal),
    /// The server cannot work: try again later.
    Away(Refusal),
    /// No table explains it: try a few times, then halt.
    Unclear(Refusal),
    /// A person must act.
    Halted(Refusal),
    /// The partition belongs to another process.
    Fenced(Refusal),
}

impl From<Failure> for TargetError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Locked(cause) | Failure::Away(cause) => Self::Away(cause),
            // A refusal outside a document's rows concerns a statement of ours.
            Failure::Refused(cause) | Failure::Unclear(cause) | Failure::Halted(cause) => Self::Halted(cause),
            Failure::Fenced(cause) => Self::Fenced(cause),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let away = |message: String| Self::Away(Refusal::new(codes::AWAY, message));
        match error {
            sqlx::Error::Database(error) => database(error.as_ref()),
            sqlx::Error::PoolTimedOut => away(
                "no connection in time: the server cannot be reached, or allows no further connection"
                    .to_owned(),
            ),
            sqlx::Error::Tls(error) => Self::Halted(Refusal::new(
                codes::LOGIN,
                format!("TLS failed: {error}; check tls, tls_ca_file and the server's certificate"),
            )),
            sqlx::Error::Io(error) => match tls::fault(&error) {
                Some(fault) => Self::Halted(Refusal::new(codes::LOGIN, fault)),
                None => away(format!("the connection failed: {error}")),
            },
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => {
                away(error.to_string())
            }
            // What is left are misread answers of a connection that is out of step.
            sqlx::Error::Protocol(_) => away(format!("the connection is out of step: {error}")),
            other => Self::Unclear(Refusal::new(codes::UNCLEAR, other.to_string())),
        }
    }
}

fn database(error: &dyn DatabaseError) -> Failure {
    match error.try_downcast_ref::<MySqlDatabaseError>() {
        Some(error) => mysql(error.number(), error.code().unwrap_or_default(), error.message()),
        None => {
            let code = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
            sqlite(code, error.message())
        }
    }
}

/// MariaDB says no more than "access denied" to whoever comes without TLS where it is demanded.
const LOGIN_ADVICE: &str =
    "; check the connection's user and password, and tls if the server or this account demands it";
const TLS_ADVICE: &str = "; set tls of the connection to verify-identity, and tls_ca_file";

/// By error number where SQLSTATE is too coarse (HY000, 08S01), by its class otherwise.
fn mysql(number: u16, state: &str, message: &str) -> Failure {
    let said = format!("{message} [SQLSTATE {state}, error {number}]");
    let refusal = |code: Code, advice: &str| Refusal::new(code, format!("{said}{advice}"));
    let class = state.get(..2).unwrap_or_default();
    match (number, class) {
        // Lock wait, deadlock, changed since read, NOWAIT, read lock, table altered meanwhile, statement to be prepared
        // anew.
        (1020 | 1205 | 1213 | 1223 | 1412 | 1615 | 3572, _) | (_, "40") => {
            Failure::Locked(refusal(codes::LOCKED, ""))
        }
        (1044 | 1142 | 1143 | 1227 | 1370, _) => {
            Failure::Halted(refusal(codes::PRIVILEGE, "; grant the account this privilege"))
        }
        // Access denied, host not allowed, locked account, expired password, no such plug-in.
        (1045 | 1130 | 1251 | 1698 | 1820 | 1862 | 1873 | 2059 | 3118 | 4151, _) | (_, "28") => {
            Failure::Halted(refusal(codes::LOGIN, LOGIN_ADVICE))
        }
        // The server takes TLS alone.
        (3159, _) => Failure::Halted(refusal(codes::LOGIN, TLS_ADVICE)),
        (1153, _) => Failure::Halted(refusal(
            codes::TABLE,
            "; max_allowed_packet was lowered since the start: restart this process",
        )),
        // Files that cannot be read or written, disk full, table full, storage error, out of memory, threads, locks or
        // prepared statements, a commit that failed, read-only or offline server, a replication hook.
        (
            1003 | 1016 | 1021 | 1024 | 1026 | 1030 | 1037 | 1038 | 1041 | 1114 | 1135 | 1180 | 1206 | 1290
            | 1461 | 1637 | 1792 | 1836 | 3032 | 3100,
            _,
        ) => Failure::Away(refusal(codes::UNABLE, "")),
        // Too many connections, shutdown, killed, timed out, host blocked, lost connection, a statement of a connection
        // that a proxy replaced, a proxy without a server.
        (
            1040
            | 1053
            | 1077..=1080
            | 1129
            | 1152
            | 1158..=1161
            | 1184
            | 1203
            | 1226
            | 1243
            | 1317
            | 1927
            | 1969
            | 2006
            | 2013
            | 2055
            | 3024
            | 3169
            | 4031
            | 9001,
            _,
        )
        | (_, "08" | "70") => Failure::Away(refusal(codes::AWAY, "")),
        // The values make the row too large for the engine's pages.
        (1118, _) => Failure::Refused(refusal(codes::TOO_LARGE, "")),
        // A value that a type cannot hold; also those that share HY000: incorrect value, no default, no such character
        // in the column's set, no partition for it.
        (1265 | 1292 | 1300 | 1364 | 1366 | 1406 | 1411 | 1526 | 1748 | 3140 | 3156 | 3988, _)
        | (_, "22") => Failure::Refused(refusal(codes::VALUE, "")),
        // CHECK constraints of MySQL and MariaDB; a trigger's SIGNAL.
        (3819 | 4025, _) | (_, "23" | "45") => Failure::Refused(refusal(codes::CONSTRAINT, "")),
        // Unknown database, table or column, no such key, a trigger at odds with the statement, and all that the
        // server calls an error of syntax or access: about the statement, whatever the values.
        (1049 | 1051 | 1054 | 1109 | 1146 | 1442 | 1709, _) | (_, "21" | "42") => {
            Failure::Halted(refusal(codes::TABLE, "; run `weir probe` to compare the table with the flow"))
        }
        _ => Failure::Unclear(refusal(codes::UNCLEAR, "")),
    }
}

/// By primary result code; the extended one goes into the message.
fn sqlite(code: u32, message: &str) -> Failure {
    let refusal = |class: Code| Refusal::new(class, format!("{message} [SQLite result {code}]"));
    match code & 0xff {
        // BUSY, LOCKED.
        5 | 6 => Failure::Locked(refusal(codes::LOCKED)),
        // PERM, AUTH, READONLY: a file's permissions.
        3 | 8 | 23 => Failure::Halted(refusal(codes::PRIVILEGE)),
        // ERROR (no such table or column), CANTOPEN, CORRUPT, SCHEMA, NOTADB.
        1 | 11 | 14 | 17 | 26 => Failure::Halted(refusal(codes::TABLE)),
        // NOMEM, IOERR, FULL, PROTOCOL.
        7 | 10 | 13 | 15 => Failure::Away(refusal(codes::UNABLE)),
        // INTERRUPT, ABORT.
        4 | 9 => Failure::Away(refusal(codes::AWAY)),
        18 => Failure::Refused(refusal(codes::TOO_LARGE)),
        19 => Failure::Refused(refusal(codes::CONSTRAINT)),
        20 => Failure::Refused(refusal(codes::VALUE)),
        _ => Failure::Unclear(refusal(codes::UNCLEAR)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mysql_code(number: u16, state: &str) -> (&'static str, String) {
        named(mysql(number, state, "said"))
    }

    fn named(failure: Failure) -> (&'static str, String) {
        let (name, refusal) = match failure {
            Failure::Refused(refusal) => ("refused", refusal),
            Failure::Locked(refusal) => ("locked", refusal),
            Failure::Away(refusal) => ("away", refusal),
            Failure::Unclear(refusal) => ("unclear", refusal),
            Failure::Halted(refusal) => ("halted", refusal),
            Failure::Fenced(refusal) => ("fenced", refusal),
        };
        (name, refusal.code.to_string())
    }

    #[test]
    fn mysql_errors_are_told_apart() {
        let table = [
            (1406, "22001", "refused", "S-VALUE"),
            (1366, "HY000", "refused", "S-VALUE"),
            (1364, "HY000", "refused", "S-VALUE"),
            (1048, "23000", "refused", "S-CONSTRAINT"),
            (4025, "23000", "refused", "S-CONSTRAINT"),
            (3819, "HY000", "refused", "S-CONSTRAINT"),
            (1644, "45000", "refused", "S-CONSTRAINT"),
            (1205, "HY000", "locked", "S-LOCKED"),
            (1213, "40001", "locked", "S-LOCKED"),
            (1040, "08004", "away", "S-AWAY"),
            (1317, "70100", "away", "S-AWAY"),
            (1927, "70100", "away", "S-AWAY"),
            (1290, "HY000", "away", "S-UNABLE"),
            (1114, "HY000", "away", "S-UNABLE"),
            (1045, "28000", "halted", "S-LOGIN"),
            (3159, "08004", "halted", "S-LOGIN"),
            (1044, "42000", "halted", "S-PRIVILEGE"),
            (1146, "42S02", "halted", "S-TABLE"),
            (1054, "42S22", "halted", "S-TABLE"),
            (1105, "HY000", "unclear", "S-UNCLEAR"),
        ];
        for (number, state, name, code) in table {
            assert_eq!(mysql_code(number, state), (name, code.to_owned()), "{number} {state}");
        }
    }

    /// What a row, or the flow, is at fault for: repeating the statement changes nothing.
    const DETERMINISTIC: &[(u16, &str)] = &[
        (1044, "42000"),
        (1045, "28000"),
        (1048, "23000"),
        (1049, "42000"),
        (1054, "42S22"),
        (1062, "23000"),
        (1064, "42000"),
        (1118, "42000"),
        (1136, "21S01"),
        (1142, "42000"),
        (1146, "42S02"),
        (1153, "08S01"),
        (1169, "23000"),
        (1216, "23000"),
        (1264, "22003"),
        (1265, "01000"),
        (1292, "22007"),
        (1300, "HY000"),
        (1305, "42000"),
        (1364, "HY000"),
        (1365, "22012"),
        (1366, "HY000"),
        (1366, "22007"),
        (1406, "22001"),
        (1441, "22008"),
        (1442, "HY000"),
        (1451, "23000"),
        (1452, "23000"),
        (1526, "HY000"),
        (1644, "45000"),
        (1690, "22003"),
        (1748, "HY000"),
        (3140, "22032"),
        (3819, "HY000"),
        (3988, "HY000"),
        (4025, "23000"),
    ];

    /// What passes by itself, or when an administrator acts: no document is at fault.
    const TRANSIENT: &[(u16, &str)] = &[
        (1020, "HY000"),
        (1021, "HY000"),
        (1026, "HY000"),
        (1030, "HY000"),
        (1037, "HY001"),
        (1040, "08004"),
        (1047, "08S01"),
        (1053, "08S01"),
        (1077, "00000"),
        (1079, "00000"),
        (1114, "HY000"),
        (1129, "HY000"),
        (1135, "HY000"),
        (1152, "08S01"),
        (1158, "08S01"),
        (1159, "08S01"),
        (1160, "08S01"),
        (1161, "08S01"),
        (1180, "HY000"),
        (1184, "08S01"),
        (1203, "42000"),
        (1205, "HY000"),
        (1206, "HY000"),
        (1213, "40001"),
        (1223, "HY000"),
        (1226, "42000"),
        (1243, "HY000"),
        (1290, "HY000"),
        (1317, "70100"),
        (1412, "HY000"),
        (1461, "42000"),
        (1615, "HY000"),
        (1637, "HY000"),
        (1792, "25006"),
        (1836, "HY000"),
        (1927, "70100"),
        (1969, "70100"),
        (2006, "HY000"),
        (2013, "HY000"),
        (3024, "HY000"),
        (3032, "HY000"),
        (3101, "40000"),
        (3572, "HY000"),
        (4031, "HY000"),
        (9001, "HY000"),
    ];

    #[test]
    fn a_deterministic_error_is_never_retried_and_a_transient_one_never_lettered() {
        for (number, state) in DETERMINISTIC {
            let (name, _) = mysql_code(*number, state);
            assert!(matches!(name, "refused" | "halted"), "{number} {state}: {name}");
        }
        for (number, state) in TRANSIENT {
            let failure = mysql(*number, state, "said");
            assert!(
                matches!(failure, Failure::Locked(_) | Failure::Away(_)),
                "{number} {state}: {failure:?}"
            );
            assert!(matches!(TargetError::from(failure), TargetError::Away(_)), "{number} {state}");
        }
    }

    #[test]
    fn sqlite_errors_are_told_apart() {
        let table = [
            (1299, "refused", "S-CONSTRAINT"),
            (5, "locked", "S-LOCKED"),
            (13, "away", "S-UNABLE"),
            (1, "halted", "S-TABLE"),
            (1544, "halted", "S-PRIVILEGE"),
        ];
        for (result, name, code) in table {
            assert_eq!(named(sqlite(result, "said")), (name, code.to_owned()), "{result}");
        }
    }
}
