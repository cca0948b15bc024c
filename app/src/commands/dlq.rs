//! `weir dlq list` and `show`: dead letters as they stand in their topics.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use serde_json::{Value, json};
use weir_kafka::{Admin, Cluster, Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::letter::DeadLetter;
use weir_runtime::{stage::chain, topics::Topics};
use weir_schemas::Codec;

use super::load;
use crate::{
    cli::{Cli, DlqList, DlqShow, Project as ProjectOption},
    codec,
    exit::Failure,
    masking::Masking,
    output::{self, say},
    project::Project,
};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A letter and where it stands.
pub struct Found {
    place: String,
    letter: DeadLetter,
}

impl Found {
    /// The letter on one line, below its owner's name.
    pub fn line(&self) -> String {
        let DeadLetter { record_id, refusal, .. } = &self.letter;
        format!("  ✗ {record_id}: {refusal}")
    }
}

/// Lists letters, the newest last.
pub async fn list(options: &DlqList, cli: &Cli) -> Result<(), Failure> {
    let (project, owners, cluster, codec) = open(&options.project, options.owner.as_deref(), cli).await?;
    let mut found = Vec::new();
    for owner in owners {
        found.extend(read_letters(&cluster, &codec, &Topics::new(&project.config.prefix), &owner)?);
    }
    found.retain(|found| {
        options.code.as_deref().is_none_or(|code| found.letter.refusal.code.as_str() == code)
    });
    found.sort_by_key(|found| found.letter.at);
    let total = found.len();
    let newest = found.split_off(total.saturating_sub(options.limit));
    let masking = Masking::of(&project.config.privacy, options.mask);
    if cli.json {
        let list: Vec<Value> = newest.iter().map(|found| masked(&masking, found, &brief(found))).collect();
        say!("{}", json!({"total": total, "letters": list}));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = newest
        .iter()
        .map(|Found { place, letter }| {
            let text = letter.refusal.message.lines().next().unwrap_or_default();
            let (payload, document) = (content(&letter.payload), content(&letter.body));
            let text = masking.learn([&payload, &document]).text(text).into_owned();
            vec![
                letter.owner.clone(),
                place.clone(),
                letter.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
                if letter.number.is_empty() { letter.record_id.clone() } else { letter.number.clone() },
                letter.refusal.code.to_string(),
                text,
            ]
        })
        .collect();
    output::tell(&output::table(&["owner", "letter", "at", "number", "code", "cause"], &rows));
    say!("{total} letters, {} shown", rows.len());
    Ok(())
}

/// Shows one letter whole.
pub async fn show(options: &DlqShow, cli: &Cli) -> Result<(), Failure> {
    let (project, owners, cluster, codec) = open(&options.project, Some(&options.owner), cli).await?;
    let owner = owners.first().unwrap_or(&options.owner);
    let wanted = |found: &Found| {
        found.place == options.letter
            || found.letter.record_id == options.letter
            || (!found.letter.number.is_empty() && found.letter.number == options.letter)
    };
    let matching: Vec<Found> = read_letters(&cluster, &codec, &Topics::new(&project.config.prefix), owner)?
        .into_iter()
        .filter(wanted)
        .collect();
    if matching.is_empty() {
        return Err(Failure::invalid(format!(
            "{owner} has no dead letter {:?}; see `weir dlq list {owner}`",
            options.letter
        )));
    }
    let masking = Masking::of(&project.config.privacy, options.mask);
    for found in &matching {
        let whole = masked(&masking, found, &whole(found));
        if cli.json {
            say!("{whole}");
        } else {
            print_whole(&whole);
        }
    }
    Ok(())
}

/// What a command about letters works with; what is misspelt is told before anything is connected to.
async fn open(
    option: &ProjectOption,
    owner: Option<&str>,
    cli: &Cli,
) -> Result<(Project, Vec<String>, Cluster, Codec), Failure> {
    let project = load(option, cli)?;
    let owners = owners(&project, owner)?;
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    Admin::open(&cluster)?.wait_ready(PATIENCE)?;
    let codec = codec::of(&project.config).await?;
    Ok((project, owners, cluster, codec))
}

/// The flows and sources that can have letters; one of them when it is named.
fn owners(project: &Project, named: Option<&str>) -> Result<Vec<String>, Failure> {
    let flows = project.flows.iter().map(|flow| flow.spec.name.to_string());
    let sources = project.sources().into_iter().map(|source| source.name.to_string());
    // A flow and a source may have one name, and then share a topic.
    let all: Vec<String> = flows.chain(sources).collect::<BTreeSet<_>>().into_iter().collect();
    let Some(named) = named else { return Ok(all) };
    if all.iter().any(|owner| owner == named) {
        Ok(vec![named.to_owned()])
    } else {
        Err(Failure::invalid(format!("no flow or source is called {named:?}; there are: {}", all.join(", "))))
    }
}

/// All letters of a flow or source, partition by partition.
pub fn read_letters(
    cluster: &Cluster,
    codec: &Codec,
    topics: &Topics,
    owner: &str,
) -> Result<Vec<Found>, Failure> {
    let topic = topics.dead(owner);
    let partitions = Admin::open(cluster)?.partition_counts()?.get(&topic).copied().ok_or_else(|| {
        Failure::missing(format!("topic {topic} does not exist; create it with `weir topics apply`"))
    })?;
    let mut found = Vec::new();
    for number in 0..partitions {
        let partition = TopicPartition::new(topic.as_str(), number);
        read_to_end(cluster, &partition, StartOffset::Beginning, Isolation::Committed, |message| {
            let Some(value) = message.value else { return ControlFlow::Continue(()) };
            let place = format!("{number}:{}", message.offset);
            match codec.decode::<DeadLetter>(&value) {
                Ok(letter) => found.push(Found { place, letter }),
                Err(error) => eprintln!("{topic} {place}: {}", chain(&error)),
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(found)
}

fn brief(Found { place, letter }: &Found) -> Value {
    json!({
        "owner": letter.owner, "letter": place, "at": letter.at.to_string(), "stage": letter.stage.as_str(),
        "record": letter.record_id, "key": letter.key, "number": letter.number,
        "code": letter.refusal.code.as_str(), "message": letter.refusal.message, "field": letter.refusal.field,
    })
}

fn whole(found: &Found) -> Value {
    let letter = &found.letter;
    let mut whole = brief(found);
    if let Some(entries) = whole.as_object_mut() {
        let origin =
            letter.origin.as_ref().map(|at| format!("{}/{} offset {}", at.topic, at.partition, at.offset));
        entries.insert("origin".into(), json!(origin));
        entries.insert("reason".into(), json!(letter.reason.as_str()));
        entries.insert("flow_version".into(), json!(letter.flow_ordinal));
        entries.insert("payload".into(), content(&letter.payload));
        entries.insert("document".into(), content(&letter.body));
    }
    whole
}

/// What may be shown of an answer about a letter.
fn masked(masking: &Masking, found: &Found, answer: &Value) -> Value {
    let (payload, document) = (content(&found.letter.payload), content(&found.letter.body));
    masking.learn([&payload, &document]).json(answer)
}

/// JSON as JSON, anything else as text.
fn content(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn print_whole(whole: &Value) {
    for (key, value) in whole.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) => say!("{key:13} {text}"),
            Value::Object(_) | Value::Array(_) => say!("{key}\n{value:#}"),
            other => say!("{key:13} {other}"),
        }
    }
    output::tell("\n");
}
