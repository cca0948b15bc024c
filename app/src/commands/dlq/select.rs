//! Which letters a command is about.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use weir_ledger::letters::{Filter, Head, Place, State};

use super::{Letterbox, ledger_failed, zone_of};
use crate::{
    cli::{DlqFilter, DlqStage, DlqState, Language},
    commands::times,
    exit::Failure,
    project::Project,
};

/// The flows and sources that can have letters; one of them when it is named.
pub fn owners(project: &Project, named: Option<&str>, language: Language) -> Result<Vec<String>, Failure> {
    let flows = project.flows.iter().map(|flow| flow.spec.name.to_string());
    let sources = project.sources().into_iter().map(|source| source.name.to_string());
    // A flow and a source may have one name, and then share a topic.
    let all: Vec<String> = flows.chain(sources).collect::<BTreeSet<_>>().into_iter().collect();
    let Some(named) = named else { return Ok(all) };
    if all.iter().any(|owner| owner == named) {
        return Ok(vec![named.to_owned()]);
    }
    let all = all.join(", ");
    Err(Failure::invalid(match language {
        Language::Zh => format!("没有名为 {named:?} 的流程或来源；有：{all}"),
        Language::En => format!("no flow or source is called {named:?}; there are: {all}"),
    }))
}

/// The filter of a command line.
pub fn filter(
    project: &Project,
    owners: &[String],
    asked: &DlqFilter,
    state: DlqState,
    language: Language,
) -> Result<Filter, Failure> {
    let zone = owners.first().map_or(TimeZone::UTC, |owner| zone_of(project, owner));
    let time =
        |text: &Option<String>| text.as_deref().map(|text| times::parse(text, &zone, language)).transpose();
    let stage = asked.stage.map(|stage| match stage {
        DlqStage::Producer => "producer",
        DlqStage::Processor => "processor",
        DlqStage::Sink => "sink",
    });
    let states = match state {
        DlqState::Open => vec![State::Open],
        DlqState::Resent => vec![State::Resent],
        DlqState::Solved => vec![State::Solved],
        DlqState::GivenUp => vec![State::GivenUp],
        DlqState::FailedAgain => vec![State::FailedAgain],
        DlqState::All => Vec::new(),
    };
    Ok(Filter {
        owners: owners.to_vec(),
        code: asked.code.clone(),
        cause: asked.cause.clone(),
        since: time(&asked.since)?,
        until: time(&asked.until)?,
        number: asked.number.clone(),
        stage: stage.map(str::to_owned),
        text: asked.text.clone(),
        states,
        places: Vec::new(),
    })
}

impl Letterbox {
    /// The letters that a filter lets through, the newest first.
    pub async fn heads(&self, filter: &Filter) -> Result<Vec<Head>, Failure> {
        let ended_early = self.ended_early();
        self.ledger.letter_heads(filter, &ended_early).await.map_err(|error| ledger_failed(&error))
    }

    /// The letters that someone named: by place that one, by number the newest of each record.
    pub async fn named(&self, owner: &str, names: &[String]) -> Result<Vec<Head>, Failure> {
        let mut found: BTreeMap<Place, Head> = BTreeMap::new();
        for name in names {
            let mut filter = Filter { owners: vec![owner.to_owned()], ..Filter::default() };
            let place = name.parse::<Place>();
            match place {
                Ok(place) => filter.places = vec![place],
                Err(()) => filter.number = Some(name.clone()),
            }
            let mut heads = self.heads(&filter).await?;
            heads.retain(|head| place.is_ok() || head.state != State::FailedAgain);
            if heads.is_empty() {
                return Err(Failure::invalid(self.say(
                    format!("{owner} 没有死信 {name:?}；见 `weir dlq list {owner} --state all`"),
                    format!("{owner} has no dead letter {name:?}; see `weir dlq list {owner} --state all`"),
                )));
            }
            found.extend(heads.into_iter().map(|head| (head.id.place, head)));
        }
        Ok(found.into_values().collect())
    }

    /// What a command that does something is about: letters that are named, whatever their state, or the open ones that a
    /// filter lets through. All of them only when that is said.
    pub async fn chosen(
        &self,
        owner: &str,
        names: &[String],
        asked: &DlqFilter,
        all: bool,
    ) -> Result<Vec<Head>, Failure> {
        let is_filtered = [&asked.code, &asked.cause, &asked.since, &asked.until, &asked.number, &asked.text]
            .iter()
            .any(|part| part.is_some())
            || asked.stage.is_some();
        match (names.is_empty(), is_filtered, all) {
            (false, false, false) => self.named(owner, names).await,
            (true, true, false) | (true, false, true) => {
                let owners = [owner.to_owned()];
                self.heads(&filter(&self.project, &owners, asked, DlqState::Open, self.language)?).await
            }
            (true, false, false) => Err(Failure::invalid(self.say(
                "请说明是哪些死信：写出它们，或用 --cause、--code、--number 等筛选，或用 --all",
                "say which letters are meant: name them, filter by --cause, --code, --number …, or write --all",
            ))),
            _ => Err(Failure::invalid(self.say(
                "写出死信、筛选、--all 三者只能选一",
                "naming letters, a filter and --all exclude each other",
            ))),
        }
    }
}
