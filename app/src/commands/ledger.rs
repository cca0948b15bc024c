//! `weir ledger`: how far the ledger is, and its tables made anew.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use weir_ledger::{Follower, Freshness, LedgerStatus, SchemaStatus};

use super::control::Desk;
use crate::{
    cli::{Cli, Language, LedgerRebuild, Project as ProjectOption},
    codec,
    exit::Failure,
    ledger,
    output::{self, say},
};

/// How long topics are read first, and how long Kafka is asked what is left.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a rebuild tells how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// Tells how the ledger is, also without Kafka.
pub async fn status(option: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let language = output::language(cli.lang);
    let project = super::load(option, cli)?;
    let opened = ledger::open(&project).await?;
    let cluster = weir_kafka::Cluster::remote(project.config.kafka.clone())?;
    let topics = weir_runtime::topics::Topics::new(&project.config.prefix);
    let codec = codec::of(&project.config).await?;
    let follower = ledger::follower(&project, &opened, &cluster, &topics, &codec);
    // As every command that asks the ledger: what is left after that is a backlog.
    let freshness = ledger::catch_up(&follower, PATIENCE).await?;
    let mut status = opened.status().await.map_err(|error| ledger::failed(&error))?;
    // Where there is no answer, the freshness tells why.
    if let Ok(Ok(left)) = tokio::time::timeout(PATIENCE, follower.behind()).await {
        for (topic, left) in left {
            status.topics.entry(topic).or_default().left = Some(left);
        }
    }
    let trouble = freshness.behind;
    if cli.json {
        say!("{}", whole(&status, trouble.as_deref()));
    } else {
        tell(&status, trouble.as_deref(), language);
    }
    Ok(())
}

/// Makes the projection anew.
pub async fn rebuild(options: &LedgerRebuild, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(&options.project, cli).await?;
    let opened = ledger::open(&desk.project).await?;
    let follower = ledger::follower(&desk.project, &opened, &desk.cluster, &desk.topics, &desk.codec);
    let began = Instant::now();
    follower.begin_rebuild().await.map_err(|error| ledger::failed(&error))?;
    let freshness = read_on(&follower, Duration::from_secs(options.patience), &desk, cli).await?;
    let status = opened.status().await.map_err(|error| ledger::failed(&error))?;
    let (seconds, records) =
        (began.elapsed().as_secs(), status.projection.rows.get("record").copied().unwrap_or(0));
    if cli.json {
        let mut told = whole(&status, None);
        if let Some(told) = told.as_object_mut() {
            told.insert("seconds".to_owned(), seconds.into());
            told.insert("behind".to_owned(), freshness.behind.clone().into());
        }
        say!("{told}");
    } else {
        let events = status.projection.rows.get("event").copied().unwrap_or(0);
        match desk.language {
            Language::Zh => say!("已重建：{records} 条记录，{events} 个事件，用时 {seconds} 秒；账簿未动"),
            Language::En => {
                say!("rebuilt: {records} records, {events} events, in {seconds} s; the book was not touched");
            }
        }
    }
    match ledger::note(&freshness) {
        None => Ok(()),
        Some(note) => Err(Failure::runtime(output::pick(&note, desk.language))),
    }
}

/// Reads the topics, and tells how far it is every now and then.
async fn read_on(
    follower: &Follower,
    patience: Duration,
    desk: &Desk,
    cli: &Cli,
) -> Result<Freshness, Failure> {
    let end = Instant::now() + patience;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let freshness = ledger::catch_up(follower, left.min(TOLD_EVERY)).await?;
        if freshness.behind.is_none() || left <= TOLD_EVERY {
            return Ok(freshness);
        }
        if let Ok(left) = follower.behind().await
            && !cli.json
        {
            let left: i64 = left.values().sum();
            match desk.language {
                Language::Zh => eprintln!("还剩 {left} 条主题记录"),
                Language::En => eprintln!("{left} topic records are left"),
            }
        }
    }
}

fn tell(status: &LedgerStatus, trouble: Option<&str>, language: Language) {
    let topics: Vec<Vec<String>> = status
        .topics
        .iter()
        .map(|(topic, status)| {
            let left = status.left.map_or("?".to_owned(), |left| left.to_string());
            vec![topic.clone(), status.read.to_string(), left]
        })
        .collect();
    output::tell(&output::table(&["topic", "read", "left"], &topics));
    let schemas = [("projection", &status.projection), ("book", &status.book)];
    let rows: Vec<Vec<String>> = schemas
        .iter()
        .flat_map(|(name, schema)| {
            schema
                .rows
                .iter()
                .map(|(table, rows)| vec![(*name).to_owned(), (*table).to_owned(), rows.to_string()])
        })
        .collect();
    output::tell(&format!("\n{}", output::table(&["schema", "table", "rows"], &rows)));
    for (name, schema) in schemas {
        let mebibytes = schema.bytes.div_ceil(1 << 20);
        say!("{name}: {} ({mebibytes} MiB)", schema.place);
    }
    let as_of = status.as_of.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    match (language, as_of) {
        (Language::Zh, Some(at)) => say!("截至 {at}"),
        (Language::En, Some(at)) => say!("as of {at}"),
        (Language::Zh, None) => say!("还没有读过主题；运行 `weir run ledger`，或任何查询台账的命令"),
        (Language::En, None) => {
            say!(
                "the topics were never read to their end; run `weir run ledger`, or any command that asks the ledger"
            );
        }
    }
    if let Some(trouble) = trouble {
        eprintln!("{trouble}");
    }
}

fn whole(status: &LedgerStatus, trouble: Option<&str>) -> Value {
    let schema =
        |schema: &SchemaStatus| json!({"place": schema.place, "bytes": schema.bytes, "rows": schema.rows});
    let topics: BTreeMap<&String, Value> = status
        .topics
        .iter()
        .map(|(topic, status)| (topic, json!({"read": status.read, "left": status.left})))
        .collect();
    json!({
        "as_of": status.as_of.map(|at| at.to_string()),
        "projection": schema(&status.projection),
        "book": schema(&status.book),
        "topics": topics,
        "trouble": trouble,
    })
}
