//! Counting at the destination: what is in the table, seen by a connection of its own.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{
    process::Measured,
    rows::{Flaw, Rows},
    servers::{Servers, count, count_of, has_rows},
};

const LOOK: Duration = Duration::from_millis(20);
/// Whoever brings no row for so long has stopped.
const SILENCE: Duration = Duration::from_secs(60);
/// Rows at the end whose arrival is waited for.
const LAST: usize = 200;

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Rows that arrived after the first look that found some.
    pub rows: usize,
    /// From that look to the last row.
    pub wall: Duration,
    /// Processor time of the process in that time.
    pub cpu: Duration,
    /// Its resident memory at most, in KiB.
    pub peak_kib: u64,
    /// Whether every row came that can come.
    pub complete: bool,
}

/// Watches the table until all sound rows are there, or `limit` has passed since the first.
pub async fn watch(servers: &Servers, rows: Rows, process: &mut Measured, limit: Duration) -> Result<Seen> {
    let mut connection = servers.connect().await?;
    let started = Instant::now();
    while !has_rows(&mut connection).await? {
        process.cpu()?;
        if started.elapsed() > SILENCE {
            bail!("no row arrived within {} s", SILENCE.as_secs());
        }
        tokio::time::sleep(LOOK).await;
    }
    let (first, cpu_before) = (Instant::now(), process.cpu()?);
    let before = count(&mut connection).await?;
    let last: Vec<usize> =
        (0..rows.count).rev().filter(|serial| rows.flaw(*serial) == Flaw::None).take(LAST).collect();
    let (mut wall, mut arrived) = (first.elapsed(), before);
    let mut complete = false;
    while !complete && first.elapsed() < limit {
        tokio::time::sleep(LOOK).await;
        if count_of(&mut connection, &last).await? == last.len() {
            wall = first.elapsed();
            arrived = count(&mut connection).await?;
            complete = arrived == rows.sound_count();
        }
    }
    let (cpu, peak_kib) = (process.cpu()?.saturating_sub(cpu_before), process.peak_kib()?);
    if !complete {
        wall = first.elapsed();
        arrived = count(&mut connection).await?;
    }
    Ok(Seen { rows: arrived.saturating_sub(before), wall, cpu, peak_kib, complete })
}
