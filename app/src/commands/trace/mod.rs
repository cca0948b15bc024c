//! `weir trace`: the life of a record, found by any of its numbers: how it stands in one sentence, then what happened in
//! order, with times and places. Relies on the ledger, on Kafka for what is newer, and answers without Kafka too.

mod answer;
mod payload;
mod story;
mod unknown;
mod unmapped;
mod verdict;
mod words;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use weir_kafka::Cluster;
use weir_ledger::{Ledger, trace::Life};
use weir_model::settings::Localized;
use weir_runtime::{
    control::{self, Known},
    topics::Topics,
};
use weir_schemas::Codec;

use self::{
    answer::{Answer, Extent, Hit},
    story::Story,
};
use super::load;
use crate::{
    cli::{Cli, Language, Trace},
    codec,
    exit::Failure,
    ledger,
    masking::Masking,
    output::{self, say},
    project::{Flow, Project},
    receipts,
};

/// Where a command about records looks.
struct Desk {
    project: Project,
    ledger: Ledger,
    topics: Topics,
    codec: Codec,
    /// None when Kafka is away.
    cluster: Option<Cluster>,
    known: Known,
    /// What happened before this moment is told.
    as_of: Timestamp,
    /// Why the ledger may be behind the topics; empty when it is not.
    note: Localized,
}

/// Tells the lives of the records that some numbers belong to.
pub async fn run(options: &Trace, cli: &Cli) -> Result<(), Failure> {
    let language = output::language(cli.lang);
    let desk = open(options, cli).await?;
    let masking = Masking::of(&desk.project.config.privacy, options.mask);
    let hides = options.mask || desk.project.config.privacy.mask_output;
    let mut answers = Vec::new();
    for number in &options.numbers {
        answers.push(desk.answer(number, options, hides).await?);
    }
    let unknown: Vec<String> =
        answers.iter().filter(|answer| answer.hits.is_empty()).map(|answer| answer.wanted.clone()).collect();
    let mut extent = Extent { as_of: desk.as_of, note: desk.note.clone(), ..Extent::default() };
    if !unknown.is_empty() {
        desk.look_further(&unknown, options, &mut answers, &mut extent).await?;
    }
    if cli.json {
        say!("{}", answer::json(&answers, &extent, &masking));
    } else {
        if !extent.note.en.is_empty() {
            eprintln!("{}", output::pick(&extent.note, language));
        }
        for answer in &answers {
            output::tell(&answer::text(answer, &extent, language, &masking));
        }
    }
    if answers.iter().any(|answer| answer.hits.is_empty()) {
        // It was told above where was looked.
        return Err(Failure::runtime(""));
    }
    Ok(())
}

/// Reads the project, opens the ledger and brings it up to date as far as Kafka answers.
async fn open(options: &Trace, cli: &Cli) -> Result<Desk, Failure> {
    let language = output::language(cli.lang);
    let project = load(&options.project, cli)?;
    check_flow(&project, options.flow.as_deref(), language)?;
    let opened = ledger::open(&project).await?;
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    let topics = Topics::new(&project.config.prefix);
    let codec = codec::of(&project.config).await?;
    let follower = ledger::follower(&project, &opened, &cluster, &topics, &codec);
    let freshness = ledger::catch_up(&follower, Duration::from_secs(options.patience)).await?;
    let note = ledger::note(&freshness).unwrap_or_default();
    let cluster = Some(cluster).filter(|_| freshness.behind.is_none());
    // Who announced a job is good to know, and no reason to keep an answer back.
    let known = cluster.as_ref().and_then(|cluster| control::read(cluster, &topics, &codec).ok());
    let known = known.unwrap_or_default();
    Ok(Desk { project, ledger: opened, topics, codec, cluster, known, as_of: freshness.as_of, note })
}

fn check_flow(project: &Project, named: Option<&str>, language: Language) -> Result<(), Failure> {
    let Some(named) = named else { return Ok(()) };
    let names: Vec<&str> = project.flows.iter().map(|flow| flow.spec.name.as_str()).collect();
    if names.contains(&named) {
        return Ok(());
    }
    let names = names.join(", ");
    Err(Failure::invalid(match language {
        Language::Zh => format!("没有流程 {named:?}；已有：{names}"),
        Language::En => format!("no flow is called {named:?}; there are: {names}"),
    }))
}

/// A time in a zone by its name.
fn local(at: Timestamp, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

impl Desk {
    fn flow(&self, name: &str) -> Option<&Flow> {
        self.project.flows.iter().find(|flow| flow.spec.name.as_str() == name)
    }

    fn story(&self, flow: Option<&Flow>) -> Story<'_> {
        let zone = match flow {
            Some(flow) => receipts::zone(&flow.spec, &self.project.config.connections),
            None => receipts::default_zone(),
        };
        let flow = flow.and_then(|flow| self.flow(flow.spec.name.as_str())).map(|flow| &flow.spec);
        Story { flow, zone, topics: &self.topics, known: &self.known }
    }

    /// What the ledger knows of a number.
    async fn answer(&self, number: &str, options: &Trace, hides: bool) -> Result<Answer, Failure> {
        let wanted = number.trim().to_owned();
        let flow = options.flow.as_deref();
        let mut keys = self
            .ledger
            .find_number(&wanted, flow, options.limit + 1)
            .await
            .map_err(|error| ledger::failed(&error))?;
        let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
        let more = keys.len() > limit;
        keys.truncate(limit);
        let mut hits = Vec::new();
        for key in &keys {
            if let Some(life) = self.ledger.life(key).await.map_err(|error| ledger::failed(&error))? {
                hits.push(self.hit(&life, options.payload, hides));
            }
        }
        if hits.is_empty() {
            hits = self.source_letters(&wanted).await?;
        }
        Ok(Answer { wanted, hits, more, similar: Vec::new() })
    }

    fn hit(&self, life: &Life, shows_parts: bool, hides: bool) -> Hit {
        let flow = self.flow(&life.key.flow);
        let story = self.story(flow);
        let reads = shows_parts || hides;
        let cluster = self.cluster.as_ref().filter(|_| reads);
        let parts =
            cluster.map(|cluster| payload::read(cluster, &self.codec, &story, life)).unwrap_or_default();
        let target = life.record.delivered.as_ref();
        Hit {
            flow: life.key.flow.clone(),
            title: flow.map(|flow| flow.spec.title.clone()).unwrap_or_default(),
            record_id: life.key.record_id.clone(),
            number: life.record.number.clone(),
            state: life.record.state.clone(),
            verdict: verdict::verdict(life, &story),
            numbers: life.numbers.clone(),
            target: target.map(|held| [held.id.clone(), held.number.clone(), held.key.clone()]),
            steps: story.steps(life),
            left_out: life.left_out,
            letters: life.letters.iter().map(|letter| format!("{} {}", letter.owner, letter.place)).collect(),
            zone: story.zone_name(),
            parts,
            shows_parts,
        }
    }

    /// Answers of sources that never became records are known by their letters alone.
    async fn source_letters(&self, wanted: &str) -> Result<Vec<Hit>, Failure> {
        let sources: Vec<String> =
            self.project.sources().into_iter().map(|source| source.name.to_string()).collect();
        let letters = self.ledger.letters_about(&sources, wanted).await;
        let story = self.story(None);
        let hits = letters.map_err(|error| ledger::failed(&error))?.into_iter().map(|letter| Hit {
            flow: letter.owner.clone(),
            title: Localized::default(),
            record_id: wanted.to_owned(),
            number: String::new(),
            state: "refused".to_owned(),
            verdict: verdict::of_source(&letter, &story),
            numbers: vec![wanted.to_owned()],
            target: None,
            steps: Vec::new(),
            left_out: 0,
            letters: vec![format!("{} {}", letter.owner, letter.place)],
            zone: story.zone_name(),
            parts: Vec::new(),
            shows_parts: false,
        });
        Ok(hits.collect())
    }
}

#[cfg(test)]
mod tests;
