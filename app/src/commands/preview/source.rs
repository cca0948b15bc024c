//! Where the records of a preview come from: a file, the raw topic, or the source itself. All are only read.

use std::{io::Read as _, ops::ControlFlow, path::Path, sync::Arc, time::Duration};

use serde_json::value::RawValue;
use weir_kafka::{
    Admin, Cluster, Isolation, Message, StartOffset, TopicPartition,
    reader::{read_to_end, watermarks},
};
use weir_model::{
    lookup::field_of,
    processor::Input,
    record::{Position, RawRecord, Version},
    settings::{Localized, Problems},
    time::Clock as _,
};
use weir_runtime::{clock::SystemClock, health::Health, map::Intake, telemetry::Metrics, topics::Topics};
use weir_schemas::Codec;

use super::{Subject, Taken};
use crate::{cli::Preview, codec, exit::Failure, files, project, receipts};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Offsets that are read first, from a partition's end; each further step back is twice as long.
const FIRST_STEP: i64 = 2_000;

/// The records that the options ask for.
pub async fn take(options: &Preview, subject: &Subject) -> Result<Vec<Taken>, Failure> {
    match (&options.record, &options.raw, options.live) {
        (Some(file), _, _) => of_file(file, subject, options.deleted),
        (_, Some(number), _) => of_topic(number, subject).await.map(|taken| vec![taken]),
        (_, _, Some(most)) => of_source(most, subject).await,
        (None, None, None) => Err(Failure::invalid("say which record: --record, --raw or --live")),
    }
}

/// A file's record, or each of its list. What is no JSON is a record too: the flow refuses it.
fn of_file(file: &Path, subject: &Subject, deleted: bool) -> Result<Vec<Taken>, Failure> {
    let (text, origin) = if file == Path::new("-") {
        (from_stdin()?, Localized::new("标准输入", "standard input"))
    } else {
        (from_file(file)?, both(file.display().to_string()))
    };
    let list: Vec<String> = match serde_json::from_str::<Vec<Box<RawValue>>>(&text) {
        Ok(list) => list.iter().map(|record| record.get().to_owned()).collect(),
        Err(_) => vec![text],
    };
    if list.is_empty() {
        return Err(Failure::invalid(format!("{} holds an empty list of records", file.display())));
    }
    let (now, source) = (SystemClock.now(), &subject.flow.spec.source.name);
    let taken = |record: String| Taken {
        input: weir_cases::input(source, record.into_bytes(), deleted, now),
        origin: origin.clone(),
    };
    Ok(list.into_iter().map(taken).collect())
}

fn from_file(file: &Path) -> Result<String, Failure> {
    let mut problems = Problems::new(file.display().to_string());
    files::read(file, &mut problems)
        .ok_or_else(|| Failure::invalid(problems.list().first().map(ToString::to_string).unwrap_or_default()))
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::environment("read a record from standard input", &error))?;
    Ok(text)
}

/// The newest raw record with this id or number.
async fn of_topic(number: &str, subject: &Subject) -> Result<Taken, Failure> {
    let project = subject.project()?;
    let config = &project.config;
    let cluster = Cluster::remote(config.kafka.clone())?;
    let admin = Admin::open(&cluster)?;
    admin.wait_ready(PATIENCE)?;
    let intake = receipts::intake(&subject.flow.spec, project);
    let topic = intake.topic(&Topics::new(&config.prefix));
    let partitions = admin.partition_counts()?.get(&topic).copied().ok_or_else(|| {
        Failure::missing(format!("topic {topic} does not exist; create it with `weir topics apply`"))
    })?;
    let wanted = Wanted {
        number: number.to_owned(),
        field: subject.flow.spec.source.metadata.number.clone(),
        codec: codec::of(config).await?,
        intake,
    };
    let newest = tokio::task::spawn_blocking(move || {
        let mut newest: Option<Input> = None;
        for partition in 0..partitions {
            let found = search(&cluster, &TopicPartition::new(topic.as_str(), partition), &wanted)?;
            if let Some(found) = found
                && newest.as_ref().is_none_or(|known| known.version < found.version)
            {
                newest = Some(found);
            }
        }
        Ok::<_, Failure>(newest.ok_or(topic))
    });
    let newest = newest.await.map_err(|error| Failure::environment("search the raw topic", &error))??;
    let input = newest.map_err(|topic| {
        Failure::invalid(format!("{topic} holds no record with the id or number {number:?}"))
    })?;
    let origin = &input.origin;
    let origin = both(format!("{}/{} offset {}", origin.topic, origin.partition, origin.offset));
    Ok(Taken { input, origin })
}

/// What is looked for in a raw topic.
struct Wanted {
    number: String,
    /// The field that holds the number; empty when the flow names none.
    field: String,
    codec: Codec,
    intake: Intake,
}

/// Searches a partition backwards, so that a recent record of a long topic is found soon.
fn search(cluster: &Cluster, partition: &TopicPartition, wanted: &Wanted) -> Result<Option<Input>, Failure> {
    let ends = watermarks(cluster, partition, Isolation::Committed)?;
    let (mut end, mut step) = (ends.high, FIRST_STEP);
    while end > ends.low {
        let start = (end - step).max(ends.low);
        let mut found = None;
        read_to_end(cluster, partition, StartOffset::At(start), Isolation::Committed, |message| {
            if message.offset >= end {
                return ControlFlow::Break(());
            }
            // Later ones take the place: the last is the newest.
            if let Some(input) = wanted.input(&message) {
                found = Some(input);
            }
            ControlFlow::Continue(())
        })?;
        if found.is_some() {
            return Ok(found);
        }
        (end, step) = (start, step.saturating_mul(2));
    }
    Ok(None)
}

impl Wanted {
    /// The record as the mapping stage takes it, if it is the one.
    fn input(&self, message: &Message) -> Option<Input> {
        let input = self.intake.input(&self.codec, message, true).ok()??;
        let is_it = input.record.id.as_str() == self.number || self.has_number(&input.record);
        is_it.then_some(input)
    }

    fn has_number(&self, record: &RawRecord) -> bool {
        // Most records are told by a look at their bytes.
        let likely = || std::str::from_utf8(&record.payload).is_ok_and(|text| text.contains(&self.number));
        if self.field.is_empty() || !likely() {
            return false;
        }
        let payload = serde_json::from_slice(&record.payload).unwrap_or_default();
        field_of(&payload, &self.field).is_some_and(|number| number == self.number)
    }
}

/// The first records of one page of the source's API.
async fn of_source(most: usize, subject: &Subject) -> Result<Vec<Taken>, Failure> {
    let project = subject.project()?;
    let source = &subject.flow.spec.source;
    if let Some(flow) = &source.receipts {
        return Err(Failure::invalid(format!(
            "the flow reads the receipts of {flow} and no API; show one of them with --raw NUMBER"
        )));
    }
    let connection = project.connection(&source.connection)?;
    let file = project.file.display().to_string();
    let account = project::account(&source.connection, connection, &project.config, &file);
    let services = weir_producers::Services {
        clock: Arc::new(SystemClock),
        metrics: Metrics::default(),
        health: Health::default(),
    };
    let account =
        weir_producers::build(&connection.system, &account, std::slice::from_ref(source), &services)
            .map_err(|error| Failure::invalid(weir_runtime::stage::chain(&error)))?;
    let sample = account.sample(&source.name).await.map_err(|error| Failure::missing(error.explanation()))?;
    let sample = sample.filter(|sample| !sample.records.is_empty()).ok_or_else(|| {
        Failure::missing(format!("{} has no record in its newest window; try --raw or --record", source.name))
    })?;
    let taken = |record: RawRecord| {
        let origin = Position { topic: String::new(), partition: 0, offset: 0 };
        let appended_at = record.polled_at;
        let input = Input { record, origin, version: Version::default(), appended_at };
        Taken {
            input,
            origin: Localized::new(
                format!("{} 的接口", source.connection),
                format!("the API of {}", source.connection),
            ),
        }
    };
    Ok(sample.records.into_iter().take(most).map(taken).collect())
}

impl Subject {
    fn project(&self) -> Result<&project::Project, Failure> {
        self.project
            .as_ref()
            .ok_or_else(|| Failure::invalid("a project is needed: name it with -c weir.yaml"))
    }
}

fn both(text: String) -> Localized {
    Localized { zh: text.clone(), en: text }
}
