//! One pool, transaction and row type over SQLite and MySQL: the few operations that the ledger needs.
//!
//! Statements stand in both dialects' common part: `?` for values, `REPLACE INTO`, no functions but those that both
//! know. Sums are cast (`CAST(SUM(x) AS SIGNED)`), for MySQL makes decimals of them. Values are always bound, never
//! text.

mod value;

use std::{path::Path, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, MySql, MySqlPool, Row as _, Sqlite, SqlitePool,
    Transaction,
    mysql::{MySqlArguments, MySqlPoolOptions, MySqlRow},
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};

pub use value::Value;

use crate::{
    error::Error,
    settings::{MySqlServer, Settings},
};

/// One that writes, and some that answer.
const CONNECTIONS: u32 = 4;
const ACQUIRE: Duration = Duration::from_secs(30);
/// Below the session's `wait_timeout` of 60 s, so that the server never closes a connection under the pool.
const IDLE: Duration = Duration::from_secs(45);
/// How long a statement waits for another writer: a batch takes a fraction of a second, a rebuild's first step more.
const LOCK_WAIT: Duration = Duration::from_secs(60);
/// KiB of pages that a SQLite connection keeps.
const CACHE_KIB: &str = "-65536";
/// Values that both servers let a statement bind.
const MAX_VALUES: usize = 32_766;
/// Rows per statement: more save nothing, and the server keeps every prepared statement in memory.
const MAX_ROWS: usize = 500;

/// One schema: a pool of connections to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    pool: Pool,
    place: Arc<str>,
}

#[derive(Clone, Debug)]
enum Pool {
    MySql(MySqlPool),
    Sqlite(SqlitePool),
}

/// An open transaction; dropped, it is rolled back.
pub struct Session {
    open: Open,
    place: Arc<str>,
}

enum Open {
    MySql(Transaction<'static, MySql>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// A row of an answer.
#[derive(Debug)]
pub struct Row {
    found: Found,
    place: Arc<str>,
}

#[derive(Debug)]
enum Found {
    MySql(MySqlRow),
    Sqlite(SqliteRow),
}

impl Database {
    /// Opens projection and book.
    pub(crate) async fn open_both(settings: &Settings) -> Result<[Self; 2], Error> {
        match settings {
            Settings::Sqlite { folder } => {
                std::fs::create_dir_all(folder)
                    .map_err(|source| Error::Folder { path: folder.clone(), source })?;
                Ok([
                    Self::sqlite(&folder.join("projection.sqlite")),
                    Self::sqlite(&folder.join("book.sqlite")),
                ])
            }
            Settings::MySql(server) => {
                let collation = make_databases(server).await?;
                Ok([
                    Self::mysql(server, &server.projection, collation),
                    Self::mysql(server, &server.book, collation),
                ])
            }
        }
    }

    fn sqlite(file: &Path) -> Self {
        // A lost tail of the log costs a re-read: progress stands in the same transaction (invariant 2).
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(LOCK_WAIT)
            .pragma("cache_size", CACHE_KIB)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Self { pool: Pool::Sqlite(pool), place: file.display().to_string().into() }
    }

    fn mysql(server: &MySqlServer, name: &str, collation: &'static str) -> Self {
        let options = (*server.options).clone().database(name).charset("utf8mb4").collation(collation);
        let pool = MySqlPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(IDLE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(AssertSqlSafe(session_settings())).await?;
                    connection.execute(ISOLATION).await.map(|_| ())
                })
            })
            .connect_lazy_with(options.disable_statement_logging());
        let place = format!("database {name} on {}", server.server());
        Self { pool: Pool::MySql(pool), place: place.into() }
    }

    /// Where it lies, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it is SQLite.
    pub fn is_sqlite(&self) -> bool {
        matches!(self.pool, Pool::Sqlite(_))
    }

    /// Opens a transaction that writes; in SQLite as the writer at once, so that it never has to be upgraded.
    ///
    /// # Errors
    /// The database cannot be reached, or other writers do not come to an end.
    pub async fn begin(&self) -> Result<Session, Error> {
        let failed = |source| failure("begin a transaction", &self.place, source);
        let open = match &self.pool {
            Pool::MySql(pool) => Open::MySql(pool.begin().await.map_err(failed)?),
            Pool::Sqlite(pool) => Open::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?),
        };
        Ok(Session { open, place: Arc::clone(&self.place) })
    }

    /// Reads rows, outside any transaction.
    ///
    /// # Errors
    /// The database does not answer, or refuses the statement.
    pub async fn fetch(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let failed = |source| failure(&attempted(sql), &self.place, source);
        let text = AssertSqlSafe(sql.to_owned());
        let rows: Vec<Found> = match &self.pool {
            Pool::MySql(pool) => {
                let rows = bind_mysql(sqlx::query(text), values).fetch_all(pool).await.map_err(failed)?;
                rows.into_iter().map(Found::MySql).collect()
            }
            Pool::Sqlite(pool) => {
                let rows = bind_sqlite(sqlx::query(text), values).fetch_all(pool).await.map_err(failed)?;
                rows.into_iter().map(Found::Sqlite).collect()
            }
        };
        Ok(self.rows(rows))
    }

    fn rows(&self, found: Vec<Found>) -> Vec<Row> {
        found.into_iter().map(|found| Row { found, place: Arc::clone(&self.place) }).collect()
    }

    /// Bytes on disk, as far as the database tells.
    pub(crate) async fn bytes(&self) -> Result<u64, Error> {
        let sql = if self.is_sqlite() {
            "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()"
        } else {
            "SELECT CAST(SUM(data_length + index_length) AS SIGNED) AS n FROM information_schema.tables \
             WHERE table_schema = DATABASE()"
        };
        let rows = self.fetch(sql, &[]).await?;
        let bytes = rows.first().map(|row| row.plain_integer("n")).transpose()?.unwrap_or(0);
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Runs a statement that defines something. `WITHOUT_ROWID` and long text are put into the dialect's words.
    pub(crate) async fn define(&self, sql: &str) -> Result<(), Error> {
        self.define_by(sql).await.map_err(|source| failure(&attempted(sql), &self.place, source))
    }

    /// As `define`; what is there already stays.
    pub(crate) async fn define_once(&self, sql: &str) -> Result<(), Error> {
        match self.define_by(sql).await {
            Err(sqlx::Error::Database(error)) if is_there_already(error.as_ref()) => Ok(()),
            done => done.map_err(|source| failure(&attempted(sql), &self.place, source)),
        }
    }

    async fn define_by(&self, sql: &str) -> Result<(), sqlx::Error> {
        match &self.pool {
            Pool::MySql(pool) => {
                pool.execute(AssertSqlSafe(sql.replace(" WITHOUT_ROWID", ""))).await.map(|_| ())
            }
            Pool::Sqlite(pool) => {
                pool.execute(AssertSqlSafe(sql.replace("WITHOUT_ROWID", "WITHOUT ROWID"))).await.map(|_| ())
            }
        }
    }

    /// Says that a version of the schema is complete; another program may have said so just before.
    pub(crate) async fn note_version(&self, version: i64) -> Result<(), Error> {
        let mut session = self.begin().await?;
        session.execute("REPLACE INTO schema_version (version) VALUES (?)", &[version.into()]).await?;
        session.commit().await
    }
}

/// Takes no gap locks: whoever writes has taken a turn before.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// Our session's own rules, whatever the server's defaults: nothing is cut in silence, nobody waits for a lock for
/// ever, and a vanished host loses its locks within a minute.
fn session_settings() -> String {
    let lock_wait = LOCK_WAIT.as_secs();
    format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', \
         innodb_lock_wait_timeout = {lock_wait}, wait_timeout = 60"
    )
}

/// Makes the databases that are missing; the collation that tells all texts apart, also by spaces at their end, as
/// SQLite does.
async fn make_databases(server: &MySqlServer) -> Result<&'static str, Error> {
    let place = server.server();
    let failed = |attempted: &str, source| failure(attempted, &place, source);
    let pool = MySqlPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE)
        .connect_lazy_with((*server.options).clone().disable_statement_logging());
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(&pool)
        .await
        .map_err(|source| failed("ask the server's version", source))?;
    let collation = if version.contains("MariaDB") { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
    for name in [&server.projection, &server.book] {
        let sql = format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE {collation}");
        let attempted = format!("make the database {name}");
        pool.execute(AssertSqlSafe(sql)).await.map_err(|source| failed(&attempted, source))?;
    }
    pool.close().await;
    Ok(collation)
}

/// MySQL: 1050 table, 1061 index, 1062 row. SQLite has no number for it.
fn is_there_already(error: &(dyn sqlx::error::DatabaseError + 'static)) -> bool {
    match error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        Some(error) => matches!(error.number(), 1050 | 1061 | 1062),
        None => error.message().contains("already exists") || error.is_unique_violation(),
    }
}

fn failure(attempted: &str, place: &str, source: sqlx::Error) -> Error {
    Error::Sql { attempted: attempted.to_owned(), place: place.to_owned(), source }
}

/// The beginning of a statement.
fn attempted(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().take(6).collect();
    format!("run `{} …`", words.join(" "))
}

impl Session {
    /// Runs a statement; the number of rows that it matched.
    ///
    /// # Errors
    /// The database does not answer, or refuses the statement.
    pub async fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, Error> {
        self.execute_with(sql, values.iter()).await
    }

    async fn execute_with(&mut self, sql: &str, values: impl Iterator<Item = &Value>) -> Result<u64, Error> {
        let text = AssertSqlSafe(sql.to_owned());
        let done = match &mut self.open {
            Open::MySql(open) => bind_mysql(sqlx::query(text), values)
                .execute(&mut **open)
                .await
                .map(|done| done.rows_affected()),
            Open::Sqlite(open) => bind_sqlite(sqlx::query(text), values)
                .execute(&mut **open)
                .await
                .map(|done| done.rows_affected()),
        };
        done.map_err(|source| failure(&attempted(sql), &self.place, source))
    }

    /// Reads rows.
    ///
    /// # Errors
    /// The database does not answer, or refuses the statement.
    pub async fn fetch(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let text = AssertSqlSafe(sql.to_owned());
        let rows: Result<Vec<Found>, sqlx::Error> = match &mut self.open {
            Open::MySql(open) => bind_mysql(sqlx::query(text), values)
                .fetch_all(&mut **open)
                .await
                .map(|rows| rows.into_iter().map(Found::MySql).collect()),
            Open::Sqlite(open) => bind_sqlite(sqlx::query(text), values)
                .fetch_all(&mut **open)
                .await
                .map(|rows| rows.into_iter().map(Found::Sqlite).collect()),
        };
        let rows = rows.map_err(|source| failure(&attempted(sql), &self.place, source))?;
        Ok(rows.into_iter().map(|found| Row { found, place: Arc::clone(&self.place) }).collect())
    }

    /// Puts rows into a table; those with the same primary key are replaced. `columns` are separated by commas, and each
    /// row has a value for each.
    ///
    /// # Errors
    /// The database does not answer, or refuses a value.
    pub async fn replace(&mut self, table: &str, columns: &str, rows: &[Vec<Value>]) -> Result<(), Error> {
        let width = columns.split(',').count();
        let tuple = format!("({})", vec!["?"; width].join(","));
        for rows in full_chunks(rows, (MAX_VALUES / width).min(MAX_ROWS)) {
            let tuples = vec![tuple.as_str(); rows.len()].join(",");
            let sql = format!("REPLACE INTO {table} ({columns}) VALUES {tuples}");
            self.execute_with(&sql, rows.iter().flatten()).await?;
        }
        Ok(())
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// Nobody knows whether it is; reading tells.
    pub async fn commit(self) -> Result<(), Error> {
        let place = self.place;
        let done = match self.open {
            Open::MySql(open) => open.commit().await,
            Open::Sqlite(open) => open.commit().await,
        };
        done.map_err(|source| failure("commit", &place, source))
    }
}

/// Chunks of `size`, the rest in powers of two: few different statements, each prepared once per connection.
pub(crate) fn full_chunks<T>(rows: &[T], size: usize) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let length = if left.len() >= size { size } else { 1 << left.len().ilog2() };
        let (chunk, rest) = left.split_at_checked(length)?;
        left = rest;
        Some(chunk)
    })
}

fn bind_mysql<'q, 'v>(
    mut query: Query<'q, MySql, MySqlArguments>,
    values: impl IntoIterator<Item = &'v Value>,
) -> Query<'q, MySql, MySqlArguments> {
    for value in values {
        query = match value {
            Value::Integer(number) => query.bind(*number),
            other => query.bind(other.as_text()),
        };
    }
    query
}

fn bind_sqlite<'q, 'v>(
    mut query: Query<'q, Sqlite, SqliteArguments>,
    values: impl IntoIterator<Item = &'v Value>,
) -> Query<'q, Sqlite, SqliteArguments> {
    for value in values {
        query = match value {
            Value::Integer(number) => query.bind(*number),
            other => query.bind(other.as_text()),
        };
    }
    query
}

impl Row {
    /// Text of a column; `None` is NULL.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn text(&self, column: &str) -> Result<Option<String>, Error> {
        let value = match &self.found {
            Found::MySql(row) => row.try_get(column),
            Found::Sqlite(row) => row.try_get(column),
        };
        value.map_err(|source| self.failure(column, source))
    }

    /// Whole number of a column; `None` is NULL.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn integer(&self, column: &str) -> Result<Option<i64>, Error> {
        let value = match &self.found {
            Found::MySql(row) => row.try_get(column),
            Found::Sqlite(row) => row.try_get(column),
        };
        value.map_err(|source| self.failure(column, source))
    }

    /// Text of a column; empty for NULL.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn plain_text(&self, column: &str) -> Result<String, Error> {
        Ok(self.text(column)?.unwrap_or_default())
    }

    /// Whole number of a column; 0 for NULL.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn plain_integer(&self, column: &str) -> Result<i64, Error> {
        Ok(self.integer(column)?.unwrap_or_default())
    }

    fn failure(&self, column: &str, source: sqlx::Error) -> Error {
        failure(&format!("read column {column}"), &self.place, source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_put_into_few_shapes_of_statements() {
        let rows = [0; 1_303];
        let lengths: Vec<usize> = full_chunks(&rows, 500).map(<[_]>::len).collect();
        assert_eq!(lengths, [500, 500, 256, 32, 8, 4, 2, 1]);
        assert_eq!(full_chunks::<u8>(&[], 500).count(), 0);
    }
}
