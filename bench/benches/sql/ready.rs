//! What the database itself can do: ready-made statements of 1,000 rows as text, sent one after the other.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection};

use crate::{
    rows::{Form, Rows, statement},
    servers::{Servers, count},
};

/// Rows of a statement, each its own transaction.
const STATEMENT_ROWS: usize = 1_000;

/// Sends all rows over so many connections; the time from the first statement to the last answer.
pub async fn send(servers: &Servers, form: Form, rows: Rows, connections: usize) -> Result<Duration> {
    let mut shares: Vec<Vec<String>> = vec![Vec::new(); connections];
    let starts = (0..rows.count).step_by(STATEMENT_ROWS);
    for (share, start) in (0..connections).cycle().zip(starts) {
        let text = statement(form, start..rows.count.min(start + STATEMENT_ROWS));
        if let Some(share) = shares.get_mut(share) {
            share.push(text);
        }
    }
    servers.renew_table().await?;
    let mut opened = Vec::with_capacity(connections);
    for share in shares {
        opened.push((servers.connect().await?, share));
    }
    let started = Instant::now();
    let sending = opened.into_iter().map(|(connection, share)| send_all(connection, share));
    futures_util::future::try_join_all(sending).await?;
    let wall = started.elapsed();
    let arrived = count(&mut servers.connect().await?).await?;
    ensure!(arrived == rows.count, "{arrived} of {} rows arrived", rows.count);
    Ok(wall)
}

async fn send_all(mut connection: MySqlConnection, statements: Vec<String>) -> Result<()> {
    for text in statements {
        if let Err(error) = connection.execute(AssertSqlSafe(text)).await {
            bail!("a ready-made statement failed: {error}");
        }
    }
    Ok(())
}
