//! mq-bridge between a topic with the same rows as JSON and the same table.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use weir_kafka::{OutRecord, Publisher};

use crate::{
    process::Measured,
    python::python,
    rows::{self, Form, KEY, Rows, TABLE},
    servers::Servers,
    watch::{Seen, watch},
};

const CHUNK: usize = 10_000;

/// Writes the rows, each an object with its columns.
pub fn fill(servers: &Servers, topic: &str, rows: Rows) -> Result<()> {
    servers.create_topic(topic)?;
    let mut publisher = Publisher::open(&servers.cluster)?;
    let topic: std::sync::Arc<str> = topic.into();
    let serials: Vec<usize> = (0..rows.count).collect();
    for chunk in serials.chunks(CHUNK) {
        let record = |serial: &usize| {
            let value = rows::record(*serial, rows.flaw(*serial));
            OutRecord::new(std::sync::Arc::clone(&topic), rows::key(*serial), value)
        };
        let records: Vec<OutRecord> = chunk.iter().map(record).collect();
        publisher.publish(&records).context("write the peer's records")?;
    }
    Ok(())
}

/// Lets the peer write the topic's rows until all are there or its time is up.
pub async fn deliver(
    servers: &Servers,
    folder: &Path,
    form: Form,
    rows: Rows,
    (topic, run): (&str, &str),
    limit: Duration,
) -> Result<Seen> {
    let python = python(folder)?;
    servers.renew_table().await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/mq_bridge_sql.py");
    let mut command = Command::new(python);
    command.arg(script).args(["--brokers", &servers.brokers(), "--topic", topic, "--group", run]);
    command.args(["--database", &servers.url(), "--table", TABLE, "--key", KEY, "--verb", form.verb()]);
    command.args(["--columns", &rows::names().join(",")]);
    let mut process = Measured::start(&mut command, &folder.join(format!("peer-{run}.log")))?;
    watch(servers, rows, &mut process, limit).await
}
