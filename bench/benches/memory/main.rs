//! What the services cost in memory: idle, with a backlog of a million records, with a million receipts; and how long they
//! take from their start, and from a `kill -9`, to a delivered record. Numbers for people, nothing is asserted.
//!
//! Needs the program `weir` of the same profile (`cargo build --release -p weir`), and what `cargo xtask services env`
//! prints. `-- idle backlog polling receipts starts` picks parts, `-- 100000` takes another number of records.

mod backlog;
mod parts;
mod service;
mod stand;

use anyhow::{Result, bail};

use crate::stand::Servers;

const RECORDS: u64 = 1_000_000;

fn main() -> Result<()> {
    // Cargo hands `--bench` to every benchmark.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let records = words.iter().find_map(|word| word.parse().ok()).unwrap_or(RECORDS);
    let chosen: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| word.parse::<u64>().is_err()).collect();
    let chosen =
        if chosen.is_empty() { vec!["idle", "backlog", "polling", "receipts", "starts"] } else { chosen };
    let servers = Servers::start()?;
    for part in chosen {
        match part {
            "idle" => parts::idle(&servers)?,
            "backlog" => parts::backlog(&servers, records)?,
            "polling" => parts::polling(&servers, records)?,
            "receipts" => parts::receipts(&servers, records)?,
            "starts" => parts::starts(&servers)?,
            other => bail!("there is no part {other}; choose of idle, backlog, polling, receipts, starts"),
        }
    }
    Ok(())
}
