//! The servers of the benchmark: a Kafka and a MariaDB of its own, the latter as durable as in production.

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection, Row as _};
use weir_kafka::{Admin, Cluster, Settings, TopicSpec};
use weir_testkit::{broker::Broker, mariadb::MariaDb};

use crate::rows::{self, KEY, TABLE};

/// Partitions of a flow's topics.
pub const PARTITIONS: i32 = 6;
/// Every commit reaches the disk; the pages and the log are as large as those of a small production server.
const SETTINGS: [&str; 4] = [
    "SET GLOBAL innodb_flush_log_at_trx_commit = 1",
    "SET GLOBAL innodb_buffer_pool_size = 1073741824",
    "SET GLOBAL innodb_log_file_size = 536870912",
    "SET GLOBAL max_allowed_packet = 16777216",
];

/// Both servers; they end, with their data, when this value is dropped.
pub struct Servers {
    broker: Broker,
    database: MariaDb,
    /// The brokers.
    pub cluster: Cluster,
}

impl Servers {
    /// Starts them.
    pub async fn start() -> Result<Self> {
        let broker = Broker::start().context("start Kafka")?;
        let database = MariaDb::start().context("start MariaDB")?;
        let cluster = Cluster::remote(Settings::plaintext(broker.bootstrap()))?;
        let servers = Self { broker, database, cluster };
        let mut connection = servers.connect().await?;
        for setting in SETTINGS {
            connection.execute(setting).await.with_context(|| format!("set up MariaDB: {setting}"))?;
        }
        Ok(servers)
    }

    /// Where Kafka is.
    pub fn brokers(&self) -> String {
        self.broker.bootstrap()
    }

    /// Where the table is.
    pub fn url(&self) -> String {
        self.database.url()
    }

    /// A connection that writes under the isolation that Weir uses too.
    pub async fn connect(&self) -> Result<MySqlConnection> {
        let mut connection = MySqlConnection::connect(&self.url()).await.context("connect to MariaDB")?;
        connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        Ok(connection)
    }

    /// An empty table.
    pub async fn renew_table(&self) -> Result<()> {
        let mut connection = self.connect().await?;
        let drop = format!("DROP TABLE IF EXISTS {TABLE}");
        connection.execute(AssertSqlSafe(drop)).await.context("drop the table")?;
        connection.execute(AssertSqlSafe(rows::create_table())).await.context("create the table")?;
        Ok(())
    }

    /// A topic for the peer.
    pub fn create_topic(&self, name: &str) -> Result<()> {
        Admin::open(&self.cluster)?.apply(&[TopicSpec::new(name, PARTITIONS)], 1)?;
        Ok(())
    }
}

/// Rows in the table.
pub async fn count(connection: &mut MySqlConnection) -> Result<usize> {
    scalar(connection, format!("SELECT COUNT(*) FROM {TABLE}")).await
}

/// Whether the table holds a row.
pub async fn has_rows(connection: &mut MySqlConnection) -> Result<bool> {
    Ok(scalar(connection, format!("SELECT COUNT(*) FROM (SELECT 1 FROM {TABLE} LIMIT 1) some")).await? > 0)
}

/// How many of these rows the table holds.
pub async fn count_of(connection: &mut MySqlConnection, serials: &[usize]) -> Result<usize> {
    let keys: Vec<String> = serials.iter().map(|serial| format!("'{}'", rows::key(*serial))).collect();
    scalar(connection, format!("SELECT COUNT(*) FROM {TABLE} WHERE {KEY} IN ({})", keys.join(","))).await
}

async fn scalar(connection: &mut MySqlConnection, sql: String) -> Result<usize> {
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(connection).await.context("look at the table")?;
    let count: i64 = row.try_get(0)?;
    usize::try_from(count).context("count rows")
}
