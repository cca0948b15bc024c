//! `weir wait list`: what waits for which row of a collection, read from the wait topics themselves.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use weir_kafka::{Admin, Cluster, Isolation, StartOffset, TopicPartition, reader::read_to_end};
use weir_model::{Json, flow::OnMissing, lookup::field_of};
use weir_runtime::{stage::chain, topics::Topics};
use weir_schemas::{Codec, ParkedRecord};

use super::load;
use crate::{
    cli::{Cli, Language, WaitList},
    codec,
    exit::Failure,
    output::{self, say},
    project::{Flow, Project},
};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What records wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Awaited {
    flow: String,
    collection: String,
    reference: String,
}

/// A record that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    since: Timestamp,
    /// `None` where the flow has changed since and lets nothing wait for this collection.
    until: Option<Timestamp>,
    record: String,
    number: String,
}

/// Lists what waits, by what it waits for, the most awaited first.
pub async fn list(options: &WaitList, cli: &Cli) -> Result<(), Failure> {
    let project = load(&options.project, cli)?;
    let language = output::language(cli.lang);
    let flows = flows(&project, options.flow.as_deref(), language)?;
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    let admin = Admin::open(&cluster)?;
    admin.wait_ready(PATIENCE)?;
    let partitions = admin.partition_counts()?;
    let codec = codec::of(&project.config).await?;
    let topics = Topics::new(&project.config.prefix);
    let mut awaited: BTreeMap<Awaited, Vec<Waiting>> = BTreeMap::new();
    for flow in flows {
        let topic = topics.wait(&flow.spec.name);
        let count = partitions.get(&topic).copied().ok_or_else(|| missing_topic(&topic, language))?;
        for partition in (0..count).map(|number| TopicPartition::new(topic.as_str(), number)) {
            for (key, waiting) in read(&cluster, &codec, flow, &partition)? {
                awaited.entry(key).or_default().push(waiting);
            }
        }
    }
    awaited.retain(|key, _| {
        options.collection.as_ref().is_none_or(|name| *name == key.collection)
            && options.reference.as_ref().is_none_or(|text| *text == key.reference)
    });
    let groups = sorted(awaited);
    if cli.json {
        say!("{}", whole(&groups, options.limit));
    } else {
        output::tell(&text(&groups, options.limit, language));
    }
    Ok(())
}

/// The flows whose records can wait; one of them when it is named.
fn flows<'p>(
    project: &'p Project,
    named: Option<&str>,
    language: Language,
) -> Result<Vec<&'p Flow>, Failure> {
    let Some(named) = named else { return Ok(project.flows.iter().collect()) };
    let found: Vec<&Flow> = project.flows.iter().filter(|flow| flow.spec.name.as_str() == named).collect();
    if found.is_empty() {
        let names: Vec<&str> = project.flows.iter().map(|flow| flow.spec.name.as_str()).collect();
        let names = names.join(", ");
        return Err(Failure::invalid(match language {
            Language::Zh => format!("没有流程 {named:?}；已有：{names}"),
            Language::En => format!("no flow is called {named:?}; there are: {names}"),
        }));
    }
    Ok(found)
}

fn missing_topic(topic: &str, language: Language) -> Failure {
    Failure::missing(match language {
        Language::Zh => format!("主题 {topic} 不存在；用 `weir topics apply` 创建"),
        Language::En => format!("topic {topic} does not exist; create it with `weir topics apply`"),
    })
}

/// What is parked in a partition: the newest value of each key that is no tombstone.
fn read(
    cluster: &Cluster,
    codec: &Codec,
    flow: &Flow,
    partition: &TopicPartition,
) -> Result<Vec<(Awaited, Waiting)>, Failure> {
    let mut parked: BTreeMap<Vec<u8>, (Awaited, Waiting)> = BTreeMap::new();
    read_to_end(cluster, partition, StartOffset::Beginning, Isolation::Committed, |message| {
        let Some(key) = message.key else { return ControlFlow::Continue(()) };
        match message.value.map(|value| codec.decode::<ParkedRecord>(&value)) {
            Some(Ok(record)) => {
                parked.insert(key.to_vec(), of_record(flow, record));
            }
            Some(Err(error)) => eprintln!("{partition} {}: {}", message.offset, chain(&error)),
            None => {
                parked.remove(&*key);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(parked.into_values().collect())
}

fn of_record(flow: &Flow, parked: ParkedRecord) -> (Awaited, Waiting) {
    let wait_max = flow
        .spec
        .lookups
        .get(&parked.collection)
        .filter(|lookup| lookup.on_missing == OnMissing::Wait)
        .and_then(|lookup| SignedDuration::try_from(lookup.wait_max).ok());
    let number = serde_json::from_slice::<Json>(&parked.record.payload)
        .ok()
        .and_then(|payload| field_of(&payload, &flow.spec.source.metadata.number));
    let waiting = Waiting {
        since: parked.parked_since,
        until: wait_max.and_then(|wait_max| parked.parked_since.checked_add(wait_max).ok()),
        record: parked.record.id.to_string(),
        number: number.unwrap_or_default(),
    };
    let awaited = Awaited {
        flow: flow.spec.name.to_string(),
        collection: parked.collection,
        reference: parked.reference,
    };
    (awaited, waiting)
}

/// The most awaited first, in each those who wait longest.
fn sorted(awaited: BTreeMap<Awaited, Vec<Waiting>>) -> Vec<(Awaited, Vec<Waiting>)> {
    let mut groups: Vec<(Awaited, Vec<Waiting>)> = awaited.into_iter().collect();
    for (_, records) in &mut groups {
        records.sort_by(|one, other| (one.since, &one.record).cmp(&(other.since, &other.record)));
    }
    groups.sort_by_key(|(_, records)| std::cmp::Reverse(records.len()));
    groups
}

fn total(groups: &[(Awaited, Vec<Waiting>)]) -> usize {
    groups.iter().map(|(_, records)| records.len()).sum()
}

/// The answer of `--json`; of each reference at most `limit` records.
fn whole(groups: &[(Awaited, Vec<Waiting>)], limit: usize) -> Value {
    let record = |waiting: &Waiting| {
        json!({
            "record": waiting.record, "number": waiting.number, "since": waiting.since.to_string(),
            "until": waiting.until.map(|until| until.to_string()),
        })
    };
    let group = |(awaited, records): &(Awaited, Vec<Waiting>)| {
        json!({
            "flow": awaited.flow, "collection": awaited.collection, "reference": awaited.reference,
            "count": records.len(), "records": records.iter().take(limit).map(record).collect::<Vec<_>>(),
        })
    };
    json!({"total": total(groups), "references": groups.iter().map(group).collect::<Vec<_>>()})
}

/// For people: a paragraph for each reference, with at most `limit` records.
fn text(groups: &[(Awaited, Vec<Waiting>)], limit: usize, language: Language) -> String {
    let headings = match language {
        Language::Zh => ["  单号", "记录", "等待自", "最迟到"],
        Language::En => ["  number", "record", "since", "until"],
    };
    let mut text = String::new();
    for (Awaited { flow, collection, reference }, records) in groups {
        let count = records.len();
        text.push_str(&match language {
            Language::Zh => format!("{flow}：{count} 条记录等待集合 {collection} 中的 {reference}\n"),
            Language::En => format!("{flow}: {count} waiting for {reference} in {collection}\n"),
        });
        let rows: Vec<Vec<String>> = records.iter().take(limit).map(row).collect();
        text.push_str(&output::table(&headings, &rows));
        if count > rows.len() {
            let more = count - rows.len();
            text.push_str(&match language {
                Language::Zh => format!("  另有 {more} 条\n"),
                Language::En => format!("  and {more} more\n"),
            });
        }
        text.push('\n');
    }
    let (total, references) = (total(groups), groups.len());
    text.push_str(&match language {
        Language::Zh => format!("{total} 条记录在等待 {references} 行参照数据\n"),
        Language::En => format!("records waiting: {total}, for rows: {references}\n"),
    });
    text
}

fn row(waiting: &Waiting) -> Vec<String> {
    let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    vec![
        format!("  {}", waiting.number),
        waiting.record.clone(),
        time(waiting.since),
        waiting.until.map(time).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Vec<(Awaited, Vec<Waiting>)> {
        let awaited = |reference: &str| Awaited {
            flow: "orders".to_owned(),
            collection: "shops".to_owned(),
            reference: reference.to_owned(),
        };
        let waiting = |record: &str, since: i64| Waiting {
            since: Timestamp::from_second(since).unwrap(),
            until: Some(Timestamp::from_second(since + 3_600).unwrap()),
            record: record.to_owned(),
            number: format!("N{record}"),
        };
        sorted(BTreeMap::from([
            (awaited("no=1"), vec![waiting("7", 60)]),
            (awaited("no=2"), vec![waiting("9", 60), waiting("8", 0)]),
        ]))
    }

    #[test]
    fn the_most_awaited_comes_first_and_who_waits_longest() {
        let expected = "orders: 2 waiting for no=2 in shops\n  \
             number  record  since                 until\n  \
             N8           8  1970-01-01 00:00:00Z  1970-01-01 01:00:00Z\n  and 1 more\n\n\
             orders: 1 waiting for no=1 in shops\n  \
             number  record  since                 until\n  \
             N7           7  1970-01-01 00:01:00Z  1970-01-01 01:01:00Z\n\n\
             records waiting: 3, for rows: 2\n";
        assert_eq!(text(&groups(), 1, Language::En), expected);
    }

    #[test]
    fn the_answer_for_programs_counts_all_and_shows_some() {
        let answer = whole(&groups(), 1);
        assert_eq!(answer["total"], json!(3));
        assert_eq!(answer["references"][0]["count"], json!(2));
        let shown = json!([{
            "record": "8", "number": "N8", "since": "1970-01-01T00:00:00Z", "until": "1970-01-01T01:00:00Z",
        }]);
        assert_eq!(answer["references"][0]["records"], shown);
    }
}
