//! One pool, transaction and row type over MySQL and SQLite: the few operations that the target needs, with every
//! error classified. Values are always bound (never text), statements come from `statement` and `state`.

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Executor, MySql, MySqlPool, Row as _, SqlSafeStr, Sqlite, SqlitePool, Transaction,
    mysql::{MySqlArguments, MySqlPoolOptions, MySqlRow},
    query::Query,
    sqlite::{SqliteArguments, SqlitePoolOptions, SqliteRow},
};
use weir_model::outcome::Refusal;

use super::{
    classify::{Failure, codes},
    config::{LOCK_WAIT, Server},
    statement::Dialect,
    value::Value,
};

/// Transactions at once: those that write, and one for a partition that is claimed.
const MYSQL_CONNECTIONS: u32 = 5;
const MYSQL_ACQUIRE: Duration = Duration::from_secs(5);
/// SQLite has one writer: the partitions take turns at one connection.
const SQLITE_ACQUIRE: Duration = Duration::from_secs(30);
/// Below the session's `wait_timeout` of 60 s, so that the server never closes a connection under the pool.
const IDLE: Duration = Duration::from_secs(45);

/// A pool that connects when it is first used.
#[derive(Clone, Debug)]
pub(super) enum Database {
    /// MySQL or MariaDB.
    MySql(MySqlPool),
    /// SQLite.
    Sqlite(SqlitePool),
}

/// An open transaction; dropped, it is rolled back.
pub(super) enum Session {
    /// MySQL or MariaDB.
    MySql(Transaction<'static, MySql>),
    /// SQLite.
    Sqlite(Transaction<'static, Sqlite>),
}

/// A row of an answer.
pub(super) enum Row {
    /// MySQL or MariaDB.
    MySql(MySqlRow),
    /// SQLite.
    Sqlite(SqliteRow),
}

/// What a statement did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ran {
    /// Rows that it matched.
    pub(super) rows: u64,
    /// The id that the server says was generated last.
    pub(super) id: Option<String>,
}

/// A statement that is prepared once per connection, or one that is not worth keeping.
#[derive(Clone)]
pub(super) enum Statement<'a> {
    /// Kept by the connection.
    Kept(Arc<str>),
    /// Kept too, but seldom enough to copy its text.
    Text(&'a str),
}

impl Statement<'_> {
    fn text(self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(match self {
            Self::Kept(text) => text,
            Self::Text(text) => Arc::from(text),
        })
    }
}

impl Database {
    /// A pool for `server`; connects to nothing yet.
    pub(super) fn open(server: Server) -> Self {
        match server {
            Server::MySql { options, .. } => {
                let pool = MySqlPoolOptions::new()
                    .max_connections(MYSQL_CONNECTIONS)
                    .acquire_timeout(MYSQL_ACQUIRE)
                    .idle_timeout(IDLE)
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            connection.execute(AssertSqlSafe(session_settings())).await?;
                            connection.execute(ISOLATION).await.map(|_| ())
                        })
                    })
                    .connect_lazy_with(*options);
                Self::MySql(pool)
            }
            Server::Sqlite { options } => {
                let pool = SqlitePoolOptions::new()
                    .max_connections(1)
                    .acquire_timeout(SQLITE_ACQUIRE)
                    .connect_lazy_with(*options);
                Self::Sqlite(pool)
            }
        }
    }

    /// Whose SQL it speaks.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::MySql(_) => Dialect::MySql,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Opens a transaction; in SQLite as the writer at once, so that it never has to be upgraded.
    pub(super) async fn begin(&self) -> Result<Session, Failure> {
        Ok(match self {
            Self::MySql(pool) => Session::MySql(pool.begin().await?),
            Self::Sqlite(pool) => Session::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Runs a statement that defines something, outside any transaction.
    pub(super) async fn define(&self, sql: &str) -> Result<(), Failure> {
        match self {
            Self::MySql(pool) => pool.execute(AssertSqlSafe(sql.to_owned())).await.map(|_| ())?,
            Self::Sqlite(pool) => pool.execute(AssertSqlSafe(sql.to_owned())).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Has the server read a statement without running it.
    pub(super) async fn prepare(&self, sql: &str) -> Result<(), Failure> {
        let text = Statement::Text(sql).text().into_sql_str();
        match self {
            Self::MySql(pool) => pool.prepare(text).await.map(|_| ())?,
            Self::Sqlite(pool) => pool.prepare(text).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Reads rows, outside any transaction.
    pub(super) async fn fetch(&self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        let text = Statement::Text(sql).text();
        Ok(match self {
            Self::MySql(pool) => {
                let rows = bind_mysql(sqlx::query(text), &[values]).fetch_all(pool).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
            Self::Sqlite(pool) => {
                let rows = bind_sqlite(sqlx::query(text), &[values]).fetch_all(pool).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
        })
    }
}

/// Takes no gap locks, so partitions that write into one table rarely meet.
const ISOLATION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";

/// Our session's own rules, whatever the server's defaults: nothing is cut in silence, nobody waits for a lock for
/// ever, and a vanished host loses its locks within a minute (kafka notes §6).
fn session_settings() -> String {
    let lock_wait = LOCK_WAIT.as_secs();
    format!(
        "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,\
         ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = {lock_wait}, \
         wait_timeout = 60"
    )
}

impl Session {
    /// Runs a statement with the values of some rows, one after the other; returns the number of rows that it matched.
    pub(super) async fn execute(
        &mut self,
        statement: Statement<'_>,
        rows: &[&[Value<'_>]],
    ) -> Result<u64, Failure> {
        Ok(self.execute_rows(statement, rows).await?.rows)
    }

    /// Runs a statement; tells the generated id too.
    pub(super) async fn run(
        &mut self,
        statement: Statement<'_>,
        values: &[Value<'_>],
    ) -> Result<Ran, Failure> {
        self.execute_rows(statement, &[values]).await
    }

    /// Runs a statement that returns the id as its first column.
    pub(super) async fn run_returning(
        &mut self,
        statement: Statement<'_>,
        values: &[Value<'_>],
    ) -> Result<Ran, Failure> {
        let rows = self.fetch_rows(statement, values).await?;
        let id = rows.first().map(Row::id).transpose()?.flatten();
        Ok(Ran { rows: rows.len().try_into().unwrap_or(u64::MAX), id })
    }

    async fn execute_rows(
        &mut self,
        statement: Statement<'_>,
        rows: &[&[Value<'_>]],
    ) -> Result<Ran, Failure> {
        let text = statement.text();
        Ok(match self {
            Self::MySql(tx) => {
                let done = bind_mysql(sqlx::query(text), rows).execute(&mut **tx).await?;
                Ran { rows: done.rows_affected(), id: Some(done.last_insert_id().to_string()) }
            }
            Self::Sqlite(tx) => {
                let done = bind_sqlite(sqlx::query(text), rows).execute(&mut **tx).await?;
                Ran { rows: done.rows_affected(), id: Some(done.last_insert_rowid().to_string()) }
            }
        })
    }

    /// Runs a statement without values that is not prepared, such as `SAVEPOINT`.
    pub(super) async fn control(&mut self, sql: &'static str) -> Result<(), Failure> {
        match self {
            Self::MySql(tx) => tx.execute(sql).await.map(|_| ())?,
            Self::Sqlite(tx) => tx.execute(sql).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Reads rows.
    pub(super) async fn fetch(&mut self, sql: &str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        self.fetch_rows(Statement::Text(sql), values).await
    }

    async fn fetch_rows(
        &mut self,
        statement: Statement<'_>,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let text = statement.text();
        Ok(match self {
            Self::MySql(tx) => {
                let rows = bind_mysql(sqlx::query(text), &[values]).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
            Self::Sqlite(tx) => {
                let rows = bind_sqlite(sqlx::query(text), &[values]).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
        })
    }

    /// Makes it durable. After an error nobody knows whether it is: the epoch row tells.
    pub(super) async fn commit(self) -> Result<(), Failure> {
        match self {
            Self::MySql(tx) => tx.commit().await?,
            Self::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

fn bind_mysql<'q>(
    mut query: Query<'q, MySql, MySqlArguments>,
    rows: &[&[Value<'_>]],
) -> Query<'q, MySql, MySqlArguments> {
    for value in rows.iter().copied().flatten() {
        query = match value {
            Value::Null => query.bind(None::<&str>),
            Value::Integer(number) => query.bind(*number),
            Value::Text(text) => query.bind(&**text),
        };
    }
    query
}

fn bind_sqlite<'q>(
    mut query: Query<'q, Sqlite, SqliteArguments>,
    rows: &[&[Value<'_>]],
) -> Query<'q, Sqlite, SqliteArguments> {
    for value in rows.iter().copied().flatten() {
        query = match value {
            Value::Null => query.bind(None::<&str>),
            Value::Integer(number) => query.bind(*number),
            Value::Text(text) => query.bind(&**text),
        };
    }
    query
}

impl Row {
    /// Text of a column; `None` is NULL.
    pub(super) fn text(&self, index: usize) -> Result<Option<String>, Failure> {
        Ok(match self {
            Self::MySql(row) => row.try_get(index)?,
            Self::Sqlite(row) => row.try_get(index)?,
        })
    }

    /// Whole number of a column; `None` is NULL.
    pub(super) fn integer(&self, index: usize) -> Result<Option<i64>, Failure> {
        Ok(match self {
            Self::MySql(row) => row.try_get(index)?,
            Self::Sqlite(row) => row.try_get(index)?,
        })
    }

    /// An id in the first column, a number of any width or text; `None` is NULL.
    fn id(&self) -> Result<Option<String>, Failure> {
        if let Ok(number) = self.integer(0) {
            return Ok(number.map(|number| number.to_string()));
        }
        if let Self::MySql(row) = self
            && let Ok(number) = row.try_get::<Option<u64>, _>(0)
        {
            return Ok(number.map(|number| number.to_string()));
        }
        self.text(0)
    }

    /// Text that must be there.
    pub(super) fn required_text(&self, index: usize) -> Result<String, Failure> {
        self.text(index)?.ok_or_else(|| missing(index))
    }

    /// A whole number that must be there.
    pub(super) fn required_integer(&self, index: usize) -> Result<i64, Failure> {
        self.integer(index)?.ok_or_else(|| missing(index))
    }
}

fn missing(index: usize) -> Failure {
    Failure::Unclear(Refusal::new(codes::UNCLEAR, format!("the server's answer lacks column {index}")))
}
