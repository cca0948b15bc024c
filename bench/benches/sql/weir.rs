//! The real `weir run sinks` between a document topic and the table.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value as Json;
use weir_kafka::{OutRecord, Publisher};
use weir_model::{
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    names::FlowName,
    record::{Position, Reason, Version},
};
use weir_runtime::topics::Topics;
use weir_schemas::Codec;

use crate::{
    process::Measured,
    rows::{self, Flaw, Form, GUARDED, KEY, NARROW, Rows, TABLE},
    servers::Servers,
    watch::{Seen, watch},
};

const PREFIX: &str = "bench";
const SOURCE: &str = "refunds";
/// Records of one call to the producer.
const CHUNK: usize = 10_000;
/// Letters may follow the last row by so many looks at their topic.
const LETTER_LOOKS: usize = 100;
const LETTER_PAUSE: Duration = Duration::from_millis(200);

/// The program of the same profile: `target/release/deps/<bench>` → `target/release/weir`.
fn program() -> Result<PathBuf> {
    let bench = std::env::current_exe().context("find this program")?;
    let folder = bench.parent().and_then(Path::parent).context("find the build folder")?;
    let program = folder.join("weir");
    ensure!(program.is_file(), "{} is missing: run `cargo build --release -p weir`", program.display());
    Ok(program)
}

/// Delivers all rows with a flow of their own; the bad ones must end as letters that name column and value.
pub async fn deliver(
    servers: &Servers,
    folder: &Path,
    form: Form,
    rows: Rows,
    run: &str,
    limit: Duration,
) -> Result<Seen> {
    let flow = format!("refund-{run}");
    let project = project(servers, folder, form, &flow)?;
    let status = Command::new(program()?)
        .args(["topics", "apply", "--config"])
        .arg(&project)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .context("run weir topics apply")?;
    ensure!(status.success(), "weir topics apply: {status}");
    fill(servers, &FlowName::from(&flow), rows)?;
    servers.renew_table().await?;
    let mut command = Command::new(program()?);
    command.args(["run", "sinks", "--instance", "bench", "--config"]).arg(&project);
    let mut process = Measured::start(&mut command, &folder.join(format!("{flow}.log")))?;
    let seen = watch(servers, rows, &mut process, limit).await?;
    if seen.complete {
        check_letters(&project, rows)?;
    }
    Ok(seen)
}

/// Writes the documents, as the mapping stage would have made them.
fn fill(servers: &Servers, flow: &FlowName, rows: Rows) -> Result<()> {
    let topics = Topics::new(PREFIX);
    let codec = Codec::single_object();
    let topic: std::sync::Arc<str> = topics.doc(flow).into();
    let mut publisher = Publisher::open(&servers.cluster)?;
    let serials: Vec<usize> = (0..rows.count).collect();
    for chunk in serials.chunks(CHUNK) {
        let records: Vec<OutRecord> = chunk
            .iter()
            .map(|serial| {
                let value = codec.encode(&document(flow, *serial, rows.flaw(*serial)));
                OutRecord::new(std::sync::Arc::clone(&topic), rows::key(*serial), value)
            })
            .collect();
        publisher.publish(&records).context("write documents")?;
    }
    Ok(())
}

fn document(flow: &FlowName, serial: usize, flaw: Flaw) -> Document {
    let (key, body, payload) = (rows::key(serial), rows::body(serial, flaw), rows::record(serial, flaw));
    let offset = i64::try_from(serial).unwrap_or(i64::MAX);
    Document {
        flow: flow.clone(),
        // The first version of a flow that was never published.
        flow_version: FlowVersion { ordinal: 1, digest: Digest::of(flow.as_str().as_bytes()) },
        record_id: (&key).into(),
        number: key.clone(),
        key,
        verdict: Verdict::Mapped,
        digest: Digest::of(body.as_bytes()),
        body: body.into_bytes().into(),
        source_digest: Digest::of(payload.as_bytes()),
        payload: payload.into_bytes().into(),
        version: Version { modified_us: 1_705_197_600_000_000, appended_ms: 1_705_197_601_000, offset },
        origin: Position { topic: Topics::new(PREFIX).raw(&SOURCE.into()), partition: 0, offset },
        reason: Reason::Poll,
        polled_at: Timestamp::UNIX_EPOCH,
        deleted: false,
        part: 0,
        repaired: false,
        job: String::new(),
    }
}

/// Every bad row has exactly one letter, which names the column and the value.
fn check_letters(project: &Path, rows: Rows) -> Result<()> {
    let expected = rows.bad().count();
    let mut letters = letters(project)?;
    for _ in 0..LETTER_LOOKS {
        if letters.len() >= expected {
            break;
        }
        std::thread::sleep(LETTER_PAUSE);
        letters = self::letters(project)?;
    }
    ensure!(letters.len() == expected, "{} letters for {expected} bad rows", letters.len());
    let names = |message: &str| {
        (message.contains(GUARDED) && message.contains("-1.5000"))
            || (message.contains(NARROW) && message.contains("xxxx"))
    };
    match letters.iter().find(|message| !names(message)) {
        None => Ok(()),
        Some(message) => bail!("a letter names no column and value: {message}"),
    }
}

/// The messages of all letters of the flow.
fn letters(project: &Path) -> Result<Vec<String>> {
    let output = Command::new(program()?)
        .args(["dlq", "list", "--json", "--limit", "1000000", "--config"])
        .arg(project)
        .output()
        .context("run weir dlq list")?;
    ensure!(output.status.success(), "weir dlq list: {}", String::from_utf8_lossy(&output.stderr));
    let answer: Json = serde_json::from_slice(&output.stdout).context("read the letters")?;
    let letters = answer.get("letters").and_then(Json::as_array).context("read the letters")?;
    let message = |letter: &Json| letter.get("message").and_then(Json::as_str).map(str::to_owned);
    Ok(letters.iter().filter_map(message).collect())
}

/// A project with one flow into the table; gives the path of its `weir.yaml`.
fn project(servers: &Servers, folder: &Path, form: Form, flow: &str) -> Result<PathBuf> {
    let folder = folder.join(flow);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let (brokers, url) = (servers.brokers(), servers.url());
    let text = format!(
        "version: 1\n\
         kafka: {{brokers: '{brokers}', prefix: {PREFIX}}}\n\
         connections:\n\
         \x20 jushuitan: {{system: jushuitan, base_url: 'http://127.0.0.1:9', app_key: k, app_secret: s, access_token: t}}\n\
         \x20 mysql: {{system: mysql, url: '{url}', state_schema: weir_state}}\n\
         flows: [flow.yaml]\n\
         state_dir: state\n"
    );
    let file = folder.join("weir.yaml");
    fs::write(&file, text).context("write weir.yaml")?;
    fs::write(folder.join("flow.yaml"), flow_text(form, flow)?).context("write the flow")?;
    Ok(file)
}

fn flow_text(form: Form, flow: &str) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "version: 1\nflow: {flow}\nsource:\n  name: {SOURCE}\n  system: jushuitan\n  metadata:\n    \
         api: /open/webapi/wmsapi/skusn/queryinoutitemskusns\n    id: {KEY}\n    number: {KEY}\n    \
         request:\n      \
         - {{field: create_time_start, type: string, value: \"{{{{LAST_SYNC_TIME|datetime}}}}\"}}\n      \
         - {{field: create_time_end, type: string, value: \"{{{{CURRENT_TIME|datetime}}}}\"}}\n\
         target:\n  system: mysql\n  key: [{KEY}]\n  settings:\n    table: {TABLE}\n    columns:\n"
    );
    for (name, kind) in rows::columns() {
        let null = if name == KEY { ", nullable: false" } else { "" };
        writeln!(text, "      - {{name: {name}, type: \"{kind}\"{null}}}")?;
    }
    text.push_str("  metadata:\n    api: batchexecute\n    request:\n");
    for name in rows::names() {
        writeln!(text, "      - {{field: {name}, type: string, value: \"{{{name}}}\"}}")?;
    }
    if form == Form::Replace {
        let names = rows::names().join(", ");
        write!(
            text,
            "    otherRequest:\n      - {{field: main_sql, value: \"REPLACE INTO {TABLE} ({names}) VALUES\"}}\n      \
             - {{field: limit, value: \"1000\"}}\n"
        )?;
    }
    Ok(text)
}
