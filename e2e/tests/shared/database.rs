//! A database of a test's own on a MariaDB or MySQL, looked into past the system under test.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};
use tokio::{runtime::Handle, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);

/// The database; it goes when this value is dropped.
pub struct Database {
    runtime: Handle,
    server: String,
    name: String,
}

impl Database {
    /// Makes a database on the server of `url`.
    pub fn create(runtime: Handle, url: &str, name: &str) -> Self {
        let server = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        let database = Self { runtime, server, name: name.to_owned() };
        let create = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
        database.execute(&database.server, &create).unwrap();
        database
    }

    /// URL of the database.
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Where Weir keeps what it knows beside the user's tables.
    pub fn state_schema(&self) -> String {
        format!("{}_state", self.name)
    }

    /// The rows of a table, every column as text; none while the table isn't there.
    pub fn rows(&self, table: &str, columns: &[&str]) -> Vec<Vec<Option<String>>> {
        let texts: Vec<String> = columns.iter().map(|column| format!("CAST(`{column}` AS CHAR)")).collect();
        let sql = format!("SELECT {} FROM {table}", texts.join(", "));
        let query = async {
            let mut connection = MySqlConnection::connect(&self.url()).await?;
            sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await
        };
        let rows = match self.runtime.block_on(query) {
            Ok(rows) => rows,
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42S02") => Vec::new(),
            Err(error) => panic!("read {table}: {error}"),
        };
        rows.iter().map(|row| (0..columns.len()).map(|index| row.get(index)).collect()).collect()
    }

    fn execute(&self, url: &str, sql: &str) -> Result<(), String> {
        let attempt = async {
            let mut connection = MySqlConnection::connect(url).await?;
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await
        };
        let attempt = async { timeout(PATIENCE, attempt).await };
        let done = self.runtime.block_on(attempt).map_err(|error| error.to_string())?;
        done.map(|_| ()).map_err(|error| error.to_string())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        for name in [self.name.clone(), self.state_schema()] {
            if let Err(error) = self.execute(&self.server, &format!("DROP DATABASE IF EXISTS {name}")) {
                eprintln!("could not drop the database {name}: {error}");
            }
        }
    }
}
