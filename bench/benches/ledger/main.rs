//! What the ledger takes: how fast it follows, how large it gets, how long questions take. Numbers for people, nothing is
//! asserted.
//!
//! Needs `WEIR_KAFKA` and `WEIR_MYSQL` (`eval "$(cargo xtask services env)"`). `-- 100000` takes another number of records,
//! `-- sqlite` or `-- mysql` one of the two. Records come in slices that are trimmed afterwards, so that Kafka stays small;
//! only the following is timed.

mod records;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use weir_kafka::{Admin, Cluster};
use weir_ledger::{
    FlowScope, Follower, Ledger, Scope, Settings,
    coverage::Coverage,
    letters::{Filter, State},
    trace::Key,
};
use weir_model::{
    names::{FlowName, SourceName},
    settings::{Fields, Problems},
};
use weir_runtime::{clock::SystemClock, topics::Topics};
use weir_schemas::Codec;

use crate::records::Slice;

const RECORDS: u64 = 1_000_000;
const SLICE: u64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(3_600);
/// How often each question is asked; the slowest answer counts as well.
const ASKED: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    // Cargo hands `--bench` to every benchmark.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let records = words.iter().find_map(|word| word.parse().ok()).unwrap_or(RECORDS);
    let chosen = |name: &str| {
        let mut names = words.iter().filter(|word| word.parse::<u64>().is_err()).peekable();
        names.peek().is_none() || names.any(|word| word == name)
    };
    let prefix = format!("ledger-bench-{}", std::process::id());
    let topics = Topics::new(&prefix);
    let (flow, source) = (FlowName::from("orders"), SourceName::from("shop"));
    let brokers = std::env::var("WEIR_KAFKA").context("WEIR_KAFKA names the brokers")?;
    let cluster = Cluster::remote(weir_kafka::Settings::plaintext(brokers))?;
    let admin = Admin::open(&cluster)?;
    admin.apply(&topics.specs([&source], [&flow]), 1)?;
    let folder = tempfile::tempdir()?;
    let mut stores = Vec::new();
    if chosen("sqlite") {
        stores.push(("SQLite", Settings::beside(folder.path())));
    }
    if chosen("mysql") {
        stores.push(("MySQL", server(&prefix)?));
    }
    let mut ledgers = Vec::new();
    for (name, settings) in stores {
        let ledger = Ledger::open(&settings).await?;
        let scope = FlowScope { name: flow.clone(), numbers: vec!["tid".to_owned()] };
        let scope = Scope::new(&topics, Codec::single_object(), vec![scope], [source.clone()]);
        let follower = Follower::new(ledger.clone(), scope, cluster.clone(), Arc::new(SystemClock));
        ledgers.push((name, ledger, follower, Duration::ZERO));
    }
    let mut offset = 0;
    while offset < records {
        let slice = Slice {
            topics: &topics,
            flow: &flow,
            source: &source,
            from: offset,
            count: SLICE.min(records - offset),
        };
        slice.publish(&cluster)?;
        for (_, _, follower, took) in &mut ledgers {
            let began = Instant::now();
            let freshness = follower.catch_up(PATIENCE).await?;
            *took += began.elapsed();
            if let Some(why) = freshness.behind {
                bail!("the ledger did not get to the end: {why}");
            }
        }
        slice.trim(&cluster, &admin)?;
        offset += slice.count;
        for (name, _, _, took) in &ledgers {
            println!("{name}: {offset} records in {took:.1?}");
        }
    }
    for (name, ledger, _, took) in &ledgers {
        tell(name, ledger, &flow, &source, records, *took).await?;
    }
    remove(&admin, &prefix, &ledgers).await
}

/// A ledger on the server, in databases of its own.
fn server(prefix: &str) -> Result<Settings> {
    let prefix = prefix.replace('-', "_");
    let url = std::env::var("WEIR_MYSQL").context("WEIR_MYSQL names the server")?;
    let server = serde_json::json!({
        "mysql": {"url": url, "projection": format!("{prefix}_p"), "book": format!("{prefix}_b")},
    });
    let mut problems = Problems::new("weir.yaml");
    let fields = Fields::of(&server, "ledger", &mut problems);
    Ok(Settings::read(fields, std::path::Path::new("."), &mut problems))
}

async fn tell(
    name: &str,
    ledger: &Ledger,
    flow: &FlowName,
    source: &SourceName,
    records: u64,
    took: Duration,
) -> Result<()> {
    let status = ledger.status().await?;
    println!("\n{name}: {records} records in {:.1?}, {} records/s", took, rate(records, took));
    println!("  {} MiB; rows: {:?}", status.projection.bytes >> 20, status.projection.rows);
    let middle = records / 2;
    ask("a record by its number", || async {
        Ok(ledger.find_number(&format!("T{middle}"), None, 20).await?.len())
    })
    .await?;
    ask("a life", || async {
        let key = Key { flow: flow.to_string(), record_id: format!("SO{middle}") };
        Ok(ledger.life(&key).await?.map_or(0, |life| life.events.len()))
    })
    .await?;
    ask("numbers like an unknown one", || async { Ok(ledger.similar_numbers("XX0001", 8).await?.len()) })
        .await?;
    let open = Filter { owners: vec![flow.to_string()], states: vec![State::Open], ..Filter::default() };
    ask("open letters by cause", || async { Ok(ledger.letter_groups(&open, &|_| false).await?.len()) })
        .await?;
    ask("open letters, all", || async { Ok(ledger.letter_heads(&open, &|_| false).await?.len()) }).await?;
    ask("records of each flow", || async { Ok(ledger.record_counts().await?.len()) }).await?;
    ask("coverage of a source", || async {
        let coverage = Coverage::of(&ledger.projection, source, None).await?;
        Ok(coverage.holes().count())
    })
    .await?;
    ask("ledger status", || async { Ok(ledger.status().await?.topics.len()) }).await
}

/// Records a second.
fn rate(records: u64, took: Duration) -> u128 {
    u128::from(records) * 1_000 / took.as_millis().max(1)
}

/// Asks a question some times and tells the median and the slowest answer.
async fn ask<F: Future<Output = Result<usize>>>(question: &str, asking: impl Fn() -> F) -> Result<()> {
    let mut times = Vec::with_capacity(ASKED);
    let mut found = 0;
    for _ in 0..ASKED {
        let began = Instant::now();
        found = asking().await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    println!("  {question}: {:.1?}, at most {:.1?} ({found} found)", at(ASKED / 2), at(ASKED - 1));
    Ok(())
}

async fn remove(admin: &Admin, prefix: &str, ledgers: &[(&str, Ledger, Follower, Duration)]) -> Result<()> {
    let topics = admin.partition_counts()?;
    let own: Vec<&str> =
        topics.keys().map(String::as_str).filter(|topic| topic.starts_with(prefix)).collect();
    admin.delete(&own)?;
    for (_, ledger, ..) in ledgers.iter().filter(|(_, ledger, ..)| !ledger.book.is_sqlite()) {
        for schema in ["p", "b"] {
            let mut session = ledger.book.begin().await?;
            session.execute(&format!("DROP DATABASE {}_{schema}", prefix.replace('-', "_")), &[]).await?;
        }
    }
    Ok(())
}
