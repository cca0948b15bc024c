//! One connection to the server, set as the mapping language reads MySQL: texts exactly, the zone of China, a fixed
//! moment.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _, mysql::MySqlRow};
use tokio::runtime::Runtime;

/// What every session says first. Division by zero stays a warning, so that it can be told from other NULLs.
const SESSION: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_bin, \
    sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
    time_zone = '+08:00', timestamp = 1710403200.9";
/// `ER_DIVISION_BY_ZERO`.
const DIVISION_BY_ZERO: u32 = 1365;

/// What an expression gives: text, `None` for NULL, or the server's refusal.
pub type Answer = Result<Option<String>, String>;

/// The server.
pub struct Server {
    runtime: Runtime,
    connection: MySqlConnection,
}

impl Server {
    /// Connects to the server that `WEIR_MYSQL` names.
    pub fn connect() -> Self {
        let url = std::env::var("WEIR_MYSQL").expect(
            "WEIR_MYSQL is not set: name a server, such as mysql://user:password@127.0.0.1:3306, or run these tests \
             through `cargo xtask test`",
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(MySqlConnection::connect(&url)).unwrap();
        let mut server = Self { runtime, connection };
        server.rows(SESSION).unwrap();
        server
    }

    /// What each expression gives, all in one round trip unless the server refuses one of them.
    pub fn evaluate(&mut self, expressions: &[&str]) -> Vec<Answer> {
        match self.select(expressions) {
            Ok(texts) => texts.into_iter().map(Ok).collect(),
            Err(refusal) => match expressions {
                [_] => vec![Err(refusal)],
                _ => expressions.iter().flat_map(|expression| self.evaluate(&[expression])).collect(),
            },
        }
    }

    /// Whether the server divides by zero in this expression.
    pub fn divides_by_zero(&mut self, expression: &str) -> bool {
        self.select(&[expression]).unwrap();
        let warnings = self.rows("SHOW WARNINGS").unwrap();
        warnings.iter().any(|row| row.get::<u32, _>("Code") == DIVISION_BY_ZERO)
    }

    fn select(&mut self, expressions: &[&str]) -> Result<Vec<Option<String>>, String> {
        let columns: Vec<String> =
            expressions.iter().map(|expression| format!("CAST({expression} AS CHAR)")).collect();
        let rows = self.rows(&format!("SELECT {}", columns.join(", ")))?;
        Ok(rows.iter().flat_map(|row| (0..row.len()).map(|column| row.get(column))).collect())
    }

    fn rows(&mut self, sql: &str) -> Result<Vec<MySqlRow>, String> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.connection);
        self.runtime.block_on(query).map_err(|error| error.to_string())
    }
}
