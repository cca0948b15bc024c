//! `weir diff`: what a changed flow file would make of records that were polled already, beside what the running one makes
//! of them (design §8). Nothing is sent: topics are read, and both mappings are pure.

mod compare;
mod fields;
mod json;
mod records;
mod summary;
mod text;

use std::collections::BTreeSet;

use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    flow::SourceSpec,
    lookup::{LookupIndex, Lookups, NoLookups},
    processor::Processor as _,
    settings::parse_duration,
};
use weir_runtime::map::Intake;

use self::{
    compare::{Side, compare},
    records::{Plan, Read, Span},
    summary::{Extent, Summary},
};
use super::{
    control::Desk,
    page::Page,
    preview::{refuse, rows},
    times,
};
use crate::{
    cli::{Cli, Diff},
    exit::Failure,
    masking::Masking,
    output::tell,
    project::{self, Flow},
    receipts,
};

/// What is compared.
struct Sides {
    /// The version of the old text; `None` for the project's file, where none was published.
    version: Option<u32>,
    old: Flow,
    new: Flow,
}

impl Sides {
    /// Whether polling would bring other records as well, which no comparison of what was polled shows.
    fn polls_otherwise(&self) -> bool {
        let of = |source: &SourceSpec| {
            let SourceSpec {
                system, connection, key, key_fallback, modified, poll, settings, metadata, ..
            } = source.clone();
            (system, connection, key, key_fallback, modified, poll, settings, metadata.api, metadata.request)
        };
        of(&self.old.spec.source) != of(&self.new.spec.source)
    }
}

/// All that is told.
struct Answer<'a> {
    options: &'a Diff,
    sides: &'a Sides,
    span: &'a Span,
    topic: &'a str,
    left_out: u64,
    read: &'a Read,
    summary: &'a Summary,
}

/// Compares two mappings of a flow.
pub async fn run(options: &Diff, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(&options.project, cli).await?;
    let page = Page::of_stdout(desk.language);
    let sides = sides(options, &desk, cli)?;
    let zone = receipts::zone(&sides.old.spec, &desk.project.config.connections);
    let span = span(options, &zone, &desk)?;
    let intake = receipts::intake(&sides.old.spec, &desk.project);
    let plan = records::plan(&desk, &intake, &span)?;
    let rows = lookups(options, &sides, &desk, cli).await?;
    let masking = Masking::of(&desk.project.config.privacy, options.mask);
    let extent = Extent { examples: options.examples, list: options.list };
    let work = Work { desk, intake, plan, sides, rows, masking, extent };
    let done = tokio::task::spawn_blocking(move || work.run());
    let done = done.await.map_err(|error| Failure::environment("compare the mappings", &error))??;
    let Done { sides, topic, left_out, read, summary } = done;
    let answer = Answer {
        options,
        sides: &sides,
        span: &span,
        topic: &topic,
        left_out,
        read: &read,
        summary: &summary,
    };
    if read.found + read.unreadable == 0 {
        return Err(Failure::invalid(text::nothing(&answer, page)));
    }
    if cli.json {
        tell(&format!("{}\n", json::answer(&answer)));
    } else {
        tell(&text::answer(&answer, page));
    }
    Ok(())
}

/// The reading and the comparison, which block.
struct Work {
    desk: Desk,
    intake: Intake,
    plan: Plan,
    sides: Sides,
    rows: Box<dyn Lookups>,
    masking: Masking,
    extent: Extent,
}

/// What came of it.
struct Done {
    sides: Sides,
    topic: String,
    left_out: u64,
    read: Read,
    summary: Summary,
}

impl Work {
    fn run(self) -> Result<Done, Failure> {
        let Self { desk, intake, plan, sides, rows, masking, extent } = self;
        let mut summary = Summary::new(extent);
        let (old, new) = (Side::of(&sides.old), Side::of(&sides.new));
        let read = records::read(&desk, &intake, &plan, |input| {
            let changes = compare(input, &*rows, &old, &new);
            // Personal values are known by the fields of the record that they stand in.
            let mask = || masking.learn(serde_json::from_slice(&input.record.payload).ok().as_ref());
            summary.take(input.record.id.as_str(), changes, mask);
        })?;
        Ok(Done { topic: plan.topic, left_out: plan.left_out, sides, read, summary })
    }
}

/// The two texts of the flow.
fn sides(options: &Diff, desk: &Desk, cli: &Cli) -> Result<Sides, Failure> {
    let named = desk.project.flows.iter().find(|flow| flow.spec.name.as_str() == options.flow);
    let Some(own) = named else {
        let names: Vec<&str> =
            project::names(&desk.project.flows).into_iter().map(|name| name.as_str()).collect();
        let (flow, names) = (&options.flow, names.join(", "));
        return Err(Failure::invalid(desk.say(
            &format!("没有流程 {flow:?}；已有：{names}"),
            &format!("no flow is called {flow:?}; there are: {names}"),
        )));
    };
    let (new, problems) = desk.project.read_flow(&options.against);
    let Some(new) = new else { return Err(refuse(&problems, cli)) };
    let (version, old) = former(options, own, desk)?;
    let file = options.against.display();
    if new.spec.name != own.spec.name {
        let (is, wanted) = (&new.spec.name, &own.spec.name);
        return Err(Failure::invalid(desk.say(
            &format!("{file} 是流程 {is}，不是 {wanted}；--against 需要 {wanted} 的另一份文件"),
            &format!("{file} is flow {is}, not {wanted}; --against takes another text of {wanted}"),
        )));
    }
    if new.spec.source.name != old.spec.source.name || new.spec.source.receipts != old.spec.source.receipts {
        let (is, wanted) = (&new.spec.source.name, &old.spec.source.name);
        return Err(Failure::invalid(desk.say(
            &format!("{file} 读取来源 {is}，而不是 {wanted}：已轮询的记录不是它会映射的记录，无从比较"),
            &format!(
                "{file} reads the source {is}, not {wanted}: the records that were polled are not those that it would map, so \
                 there is nothing to compare"
            ),
        )));
    }
    Ok(Sides { version, old, new })
}

/// The text to compare with: the one that runs, the file where none was published, or the version that was asked for.
fn former(options: &Diff, own: &Flow, desk: &Desk) -> Result<(Option<u32>, Flow), Failure> {
    let name = &own.spec.name;
    let exists =
        weir_kafka::Admin::open(&desk.cluster)?.partition_counts()?.contains_key(&desk.topics.control());
    let known = if exists { desk.known()? } else { Default::default() };
    let text = match options.from {
        None => known.newest(name),
        Some(ordinal) => {
            let found = known.text(name, ordinal);
            let versions = || {
                known.texts(name).map(|text| text.version.ordinal.to_string()).collect::<Vec<_>>().join(", ")
            };
            Some(found.ok_or_else(|| {
                Failure::invalid(desk.say(
                    &format!("流程 {name} 没有版本 {ordinal}；已发布：{}", versions()),
                    &format!("flow {name} has no version {ordinal}; published: {}", versions()),
                ))
            })?)
        }
    };
    let Some(text) = text else { return Ok((None, own.clone())) };
    let ordinal = text.version.ordinal;
    let compiled = desk.project.compile(name, &text.text, format!("{name}@{ordinal}"));
    let flow = compiled.map_err(|why| {
        Failure::invalid(desk.say(
            &format!("流程 {name} 的版本 {ordinal} 无法用于此项目：{why}；用 --from 选择其他版本"),
            &format!("version {ordinal} of flow {name} cannot be used in this project: {why}; choose another with --from"),
        ))
    })?;
    Ok((Some(ordinal), flow))
}

/// The records that the options ask for.
fn span(options: &Diff, zone: &TimeZone, desk: &Desk) -> Result<Span, Failure> {
    let time = |text: &Option<String>| {
        let Some(text) = text else { return Ok(None) };
        let ago = text.strip_prefix('-').and_then(parse_duration);
        let back = ago.and_then(|ago| Timestamp::now().checked_sub(ago).ok());
        // A replay of the same time takes whole seconds.
        let back = back.and_then(|time| Timestamp::from_second(time.as_second()).ok());
        back.map_or_else(|| times::parse(text, zone, desk.language), Ok).map(Some)
    };
    let (since, until) = (time(&options.since)?, time(&options.until)?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err(Failure::invalid(desk.say("--since 须早于 --until", "--since must be before --until")));
    }
    Ok(Span { since, until, limit: options.limit, all_states: options.all_states })
}

/// The rows that both mappings look up in: one state of them, so that only the mappings differ.
async fn lookups(options: &Diff, sides: &Sides, desk: &Desk, cli: &Cli) -> Result<Box<dyn Lookups>, Failure> {
    let indexes: BTreeSet<LookupIndex> =
        [&sides.old, &sides.new].iter().flat_map(|flow| flow.mapping.lookups().iter().cloned()).collect();
    let indexes: Vec<LookupIndex> = indexes.into_iter().collect();
    Ok(match &options.lookups {
        Some(file) => Box::new(rows::of_file(file, cli)?),
        None if indexes.is_empty() => Box::new(NoLookups),
        None => Box::new(rows::of_kafka(&desk.project, &indexes).await?),
    })
}

/// The times of a span in words that need no language.
fn ends(span: &Span) -> (Option<String>, Option<String>) {
    (span.since.map(|time| time.to_string()), span.until.map(|time| time.to_string()))
}

/// The number of documents that a replay of this time would write by the new mapping: those whose content differs, and
/// those that were not delivered before.
fn rewritten(summary: &Summary) -> u64 {
    use compare::Kind::{Accepted, Added, Changed, KeyChanged};
    [Changed, KeyChanged, Accepted, Added].into_iter().map(|kind| summary.count(kind)).sum()
}
