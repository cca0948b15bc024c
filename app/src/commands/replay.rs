//! `weir replay`: announces that raw records of a stretch of time are to be mapped once more, after a look at which.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_kafka::{Admin, Inspector, Message, StretchReader};
use weir_model::{
    Json,
    lookup::field_of,
    names::{FlowName, RecordId},
    numbers::numbers_of,
    processor::Input,
    time::local_text,
};
use weir_runtime::{
    control::new_id,
    jobs::{Extent, is_within},
    map::Intake,
};
use weir_schemas::{Job, JobKind};

use super::{
    control::{Desk, person},
    jobs, times,
};
use crate::{
    cli::{Cli, Language, Replay},
    exit::Failure,
    output::{self, say},
    project::{Flow, names},
    receipts,
};

/// Announces a replay and watches it, or only tells what it would replay.
pub async fn run(options: &Replay, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(&options.project, cli).await?;
    let plan = Plan::make(options, &desk)?;
    if options.dry_run {
        return plan.tell(&desk, cli);
    }
    if plan.extent.offsets() == 0 {
        return nothing(&plan, &desk, cli);
    }
    plan.warn(&desk, cli);
    let job = plan.job(options);
    jobs::start(&desk, &job, options.detach, cli).await
}

/// What is to be replayed.
struct Plan<'a> {
    flow: &'a Flow,
    since: Timestamp,
    until: Timestamp,
    extent: Extent,
    /// Whether the brokers tell when they took a record; the demo's does not, so each record tells itself.
    keeps_times: bool,
    /// The records that it is limited to; empty for all.
    only: Vec<RecordId>,
    /// What there is, when it was counted.
    found: Option<Found>,
}

/// What was found in the stretch of time.
#[derive(Default)]
struct Found {
    /// Records by partition.
    records: BTreeMap<i32, u64>,
    ids: BTreeSet<String>,
    /// The keys asked for under which something was found.
    keys: BTreeSet<String>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl<'a> Plan<'a> {
    fn make(options: &Replay, desk: &'a Desk) -> Result<Self, Failure> {
        let flow = flow_of(desk, &options.flow)?;
        let zone = receipts::zone(&flow.spec, &desk.project.config.connections);
        let now = Timestamp::now();
        let since = times::parse(&options.since, &zone, desk.language)?;
        let until = options.until.as_deref().map(|text| times::parse(text, &zone, desk.language));
        // What is appended after the announcement is mapped anyway.
        let until = until.transpose()?.map_or(now, |until| until.min(now));
        if since >= until {
            let (since, until) = (local_text(since, &zone), local_text(until, &zone));
            return Err(Failure::invalid(match desk.language {
                Language::Zh => format!("起始时间 {since} 不早于结束时间 {until}"),
                Language::En => format!("the start {since} is not before the end {until}"),
            }));
        }
        let intake = receipts::intake(&flow.spec, &desk.project);
        let topic = intake.topic(&desk.topics);
        let (inspector, keeps_times) =
            (Inspector::open(&desk.cluster)?, Admin::open(&desk.cluster)?.keeps_times()?);
        let extent = if keeps_times {
            Extent::find(&inspector, &topic, Some(since), Some(until))?
        } else {
            Extent::whole(&inspector, &topic)?
        };
        let mut plan = Self { flow, since, until, extent, keeps_times, only: Vec::new(), found: None };
        if options.dry_run || !options.only.is_empty() {
            let found = plan.count(desk, &intake, &options.only)?;
            expect_all(&options.only, &found, desk.language)?;
            if !options.only.is_empty() {
                plan.only = found.ids.iter().map(|id| RecordId::from(id.as_str())).collect();
            }
            plan.found = Some(found);
        }
        Ok(plan)
    }

    /// Reads what is to be replayed, and counts it.
    fn count(&self, desk: &Desk, intake: &Intake, only: &[String]) -> Result<Found, Failure> {
        let mut found = Found::default();
        let stretches = self.extent.stretches.iter().copied();
        let reader = StretchReader::open(&desk.cluster, &intake.topic(&desk.topics), stretches)?;
        reader.for_each(|message| {
            // One that cannot be read is told by the job; here it is under no key.
            let Ok(Some(input)) = intake.input(&desk.codec, &message, self.keeps_times) else { return };
            if !self.keeps_times && !is_within(input.appended_at, Some(self.since), Some(self.until)) {
                return;
            }
            let keys = keys_of(self.flow, &input, only);
            if only.is_empty() || !keys.is_empty() {
                found.take(&message, &input, keys);
            }
        })?;
        Ok(found)
    }

    fn job(&self, options: &Replay) -> Job {
        let at = Timestamp::now();
        Job {
            id: new_id(JobKind::Replay, at),
            kind: JobKind::Replay,
            subject: self.flow.spec.name.to_string(),
            from: Some(self.since),
            until: Some(self.until),
            only: self.only.clone(),
            ranges: Vec::new(),
            letters: Vec::new(),
            edit: String::new(),
            note: options.note.clone(),
            by: person(),
            at,
            cancelled: None,
        }
    }

    /// Says that not all of what was asked for is still there.
    fn warn(&self, desk: &Desk, cli: &Cli) {
        if let Some(words) = self.trimmed(desk).filter(|_| !cli.json) {
            eprintln!("{words}");
        }
    }

    /// Only what is older than the horizon is ever removed.
    fn trimmed(&self, desk: &Desk) -> Option<String> {
        let horizon = desk.project.config.horizons.raw;
        if Timestamp::now().checked_sub(horizon).is_ok_and(|horizon| self.since >= horizon) {
            return None;
        }
        let zone = receipts::zone(&self.flow.spec, &desk.project.config.connections);
        let kept = local_text(self.extent.kept_since?, &zone);
        Some(match desk.language {
            Language::Zh => format!("{kept} 之前的记录已被清理，无法重放；`weir backfill` 可从来源重新读取"),
            Language::En => format!(
                "records from before {kept} were removed already and cannot be replayed; `weir backfill` reads them from the source again"
            ),
        })
    }

    fn tell(&self, desk: &Desk, cli: &Cli) -> Result<(), Failure> {
        if cli.json {
            say!("{}", self.json());
            return Ok(());
        }
        let zone = receipts::zone(&self.flow.spec, &desk.project.config.connections);
        let time = |at: Timestamp| local_text(at, &zone);
        let none = Found::default();
        let found = self.found.as_ref().unwrap_or(&none);
        let (records, ids) = (found.records.values().sum::<u64>(), found.ids.len());
        let (flow, since, until) = (&self.flow.spec.name, time(self.since), time(self.until));
        match desk.language {
            Language::Zh => {
                say!("{flow}：{since} 至 {until} 轮询到的记录 {records} 条，{ids} 个不同的来源记录");
            }
            Language::En => say!(
                "{flow}: polled from {since} until {until}: {records} records of {ids} different source records"
            ),
        }
        let headings = match desk.language {
            Language::Zh => ["分区", "记录"],
            Language::En => ["partition", "records"],
        };
        let rows: Vec<Vec<String>> =
            found.records.iter().map(|(number, count)| vec![number.to_string(), count.to_string()]).collect();
        output::tell(&output::table(&headings, &rows));
        if let (Some(first), Some(last)) = (found.first, found.last) {
            match desk.language {
                Language::Zh => say!("实际范围：{} 至 {}", time(first), time(last)),
                Language::En => say!("really there: {} to {}", time(first), time(last)),
            }
        }
        self.warn(desk, cli);
        match desk.language {
            Language::Zh => say!("仅试算，没有公布作业"),
            Language::En => say!("this was a dry run; nothing was announced"),
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let none = Found::default();
        let found = self.found.as_ref().unwrap_or(&none);
        let partition = |(number, count): (&i32, &u64)| json!({"partition": number, "records": count});
        json!({
            "flow": self.flow.spec.name.as_str(), "dry_run": true,
            "since": self.since.to_string(), "until": self.until.to_string(),
            "records": found.records.values().sum::<u64>(), "distinct": found.ids.len(),
            "partitions": found.records.iter().map(partition).collect::<Vec<_>>(),
            "first": found.first.map(|at| at.to_string()), "last": found.last.map(|at| at.to_string()),
            "kept_since": self.extent.kept_since.map(|at| at.to_string()),
        })
    }
}

impl Found {
    fn take(&mut self, message: &Message, input: &Input, keys: BTreeSet<String>) {
        *self.records.entry(message.partition).or_default() += 1;
        self.ids.insert(input.record.id.to_string());
        self.keys.extend(keys);
        self.first = Some(self.first.map_or(input.appended_at, |first| first.min(input.appended_at)));
        self.last = self.last.max(Some(input.appended_at));
    }
}

/// Under which of the keys that were asked for people know a record: its id, its number, or a further one.
fn keys_of(flow: &Flow, input: &Input, only: &[String]) -> BTreeSet<String> {
    if only.is_empty() {
        return BTreeSet::new();
    }
    let source = &flow.spec.source;
    let mut names = BTreeSet::from([input.record.id.to_string()]);
    names.extend(numbers_of(&input.record.payload, &source.numbers));
    let payload = serde_json::from_slice::<Json>(&input.record.payload).ok();
    names.extend(payload.and_then(|payload| field_of(&payload, &source.metadata.number)));
    only.iter().filter(|key| names.contains(*key)).cloned().collect()
}

fn expect_all(only: &[String], found: &Found, language: Language) -> Result<(), Failure> {
    let missing: Vec<&str> =
        only.iter().filter(|key| !found.keys.contains(*key)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(", ");
    Err(Failure::invalid(match language {
        Language::Zh => format!("这段时间内没有轮询到 {list}；没有公布作业。`weir trace` 可查单据的经过"),
        Language::En => format!(
            "nothing was polled in that time under {list}; nothing was announced. `weir trace` tells the life of a document"
        ),
    }))
}

fn flow_of<'a>(desk: &'a Desk, name: &str) -> Result<&'a Flow, Failure> {
    let flows = &desk.project.flows;
    flows.iter().find(|flow| flow.spec.name.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = names(flows).into_iter().map(FlowName::as_str).collect();
        let known = known.join(", ");
        Failure::invalid(match desk.language {
            Language::Zh => format!("没有流程 {name}；有：{known}"),
            Language::En => format!("no flow is called {name}; there are: {known}"),
        })
    })
}

/// There is nothing to replay, and no job to announce.
fn nothing(plan: &Plan<'_>, desk: &Desk, cli: &Cli) -> Result<(), Failure> {
    if cli.json {
        say!("{}", json!({"id": null, "flow": plan.flow.spec.name.as_str(), "records": 0}));
        return Ok(());
    }
    match desk.language {
        Language::Zh => say!("这段时间内没有轮询到记录，没有公布作业"),
        Language::En => say!("nothing was polled in that time; nothing was announced"),
    }
    plan.warn(desk, cli);
    Ok(())
}
