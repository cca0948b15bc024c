//! What is told of a number that the ledger does not know: where was looked, what could hide it, what to try next.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use weir_ledger::coverage::Coverage;
use weir_model::{names::SourceName, settings::Localized};
use weir_runtime::stage::chain;

use super::{
    Desk,
    answer::{Answer, Extent, Hit},
    unmapped::{self, Behind},
    verdict,
};
use crate::{cli::Trace, exit::Failure, ledger, project::Flow, receipts};

/// The most suggestions for a number that is not known.
const SUGGESTIONS: usize = 8;
/// The most holes of a source that are told.
const SHOWN_HOLES: usize = 5;

impl Desk {
    /// For numbers that the ledger does not know: records that were only polled, numbers that are like them, windows that
    /// were not read, and what to try next.
    pub(super) async fn look_further(
        &self,
        unknown: &[String],
        options: &Trace,
        answers: &mut [Answer],
        extent: &mut Extent,
    ) -> Result<(), Failure> {
        let behind = self.behind(unknown, options).await?;
        for answer in answers.iter_mut().filter(|answer| answer.hits.is_empty()) {
            for (flow, behind) in &behind {
                answer.hits.extend(self.unmapped(flow, behind, &answer.wanted));
            }
            if answer.hits.is_empty() {
                let similar = self.ledger.similar_numbers(&answer.wanted, SUGGESTIONS).await;
                answer.similar = similar.map_err(|error| ledger::failed(&error))?;
            }
        }
        extent.records = self.ledger.record_counts().await.map_err(|error| ledger::failed(&error))?;
        extent.behind = behind.into_iter().map(|(flow, behind)| (flow, behind.records)).collect();
        self.cover(options, extent).await
    }

    /// What the flows have not mapped yet; nothing when Kafka is away.
    async fn behind(&self, wanted: &[String], options: &Trace) -> Result<BTreeMap<String, Behind>, Failure> {
        let Some(cluster) = &self.cluster else { return Ok(BTreeMap::new()) };
        let mut flows = Vec::new();
        for flow in self.polled(options) {
            let mapped = self.ledger.mapped_up_to(flow.spec.name.as_str()).await;
            let mapped = mapped.map_err(|error| ledger::failed(&error))?;
            flows.push(unmapped::Flow { spec: &flow.spec, mapped });
        }
        let behind = unmapped::look(cluster, &self.codec, &self.topics, &flows, wanted);
        // What the ledger knows was asked already: the answer stands without it.
        Ok(behind.unwrap_or_else(|error| {
            eprintln!("{}", chain(&error));
            BTreeMap::new()
        }))
    }

    fn unmapped(&self, flow: &str, behind: &Behind, wanted: &str) -> Vec<Hit> {
        let spec = self.flow(flow);
        let story = self.story(spec);
        let fitting = behind.found.iter().filter(|found| found.wanted == wanted);
        let hit = |found: &unmapped::Found| Hit {
            flow: flow.to_owned(),
            title: spec.map(|flow| flow.spec.title.clone()).unwrap_or_default(),
            record_id: found.record_id.clone(),
            number: String::new(),
            state: "unmapped".to_owned(),
            verdict: verdict::of_unmapped(flow, found.polled_at, &story),
            numbers: vec![wanted.to_owned()],
            target: None,
            steps: vec![story.polled_only(found)],
            left_out: 0,
            letters: Vec::new(),
            zone: story.zone_name(),
            parts: Vec::new(),
            shows_parts: false,
        };
        fitting.map(hit).collect()
    }

    /// What was read of each source, and what was not; then the commands that go on where this one ends.
    async fn cover(&self, options: &Trace, extent: &mut Extent) -> Result<(), Failure> {
        let mut sources: Vec<(&SourceName, TimeZone)> = self
            .polled(options)
            .map(|flow| {
                let zone = receipts::zone(&flow.spec, &self.project.config.connections);
                (&flow.spec.source.name, zone)
            })
            .collect();
        sources.dedup_by(|(one, _), (other, _)| one == other);
        for (source, zone) in &sources {
            let coverage = Coverage::of(&self.ledger.projection, source, None).await;
            let coverage = coverage.map_err(|error| ledger::failed(&error))?;
            extent.coverage.push(covered(source, &coverage, zone));
            if coverage.holes().next().is_some() {
                extent.next.push(format!("weir backfill {source} --holes"));
            }
        }
        // A command for each of many would bury the one that is meant.
        let (source, flow) = match (sources.as_slice(), options.flow.as_deref()) {
            ([(source, _)], flow) => (source.to_string(), flow.unwrap_or("FLOW").to_owned()),
            (_, flow) => ("SOURCE".to_owned(), flow.unwrap_or("FLOW").to_owned()),
        };
        extent.next.push(format!("weir coverage {source}"));
        extent.next.push(format!("weir reconcile {flow} --day YYYY-MM-DD"));
        Ok(())
    }

    /// The flows that read an API, or the one that is asked for.
    fn polled<'d>(&'d self, options: &'d Trace) -> impl Iterator<Item = &'d Flow> {
        let is_meant =
            |flow: &&Flow| options.flow.as_deref().is_none_or(|name| flow.spec.name.as_str() == name);
        self.project.flows.iter().filter(|flow| flow.spec.source.receipts.is_none()).filter(is_meant)
    }
}

/// What was read of a source, in words.
fn covered(source: &SourceName, coverage: &Coverage, zone: &TimeZone) -> Localized {
    let time = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
    let (Some(begin), Some(until)) = (coverage.begin(), coverage.until()) else {
        return Localized::new(
            format!("数据源 {source}：没有按时间窗口读取的记录"),
            format!("source {source}: no window of time was read"),
        );
    };
    let (begin, until) = (time(begin), time(until));
    let holes: Vec<String> =
        coverage.holes().map(|hole| format!("{} – {}", time(hole.from), time(hole.until))).collect();
    let more = holes.len().saturating_sub(SHOWN_HOLES);
    let shown = holes.get(..holes.len().min(SHOWN_HOLES)).unwrap_or_default().join(", ");
    match (holes.is_empty(), more) {
        (true, _) => Localized::new(
            format!("数据源 {source}：已读 {begin} – {until}，没有空洞"),
            format!("source {source}: read from {begin} to {until}, without a hole"),
        ),
        (false, 0) => Localized::new(
            format!("数据源 {source}：已读 {begin} – {until}，空洞：{shown}"),
            format!("source {source}: read from {begin} to {until}, but for {shown}"),
        ),
        (false, more) => Localized::new(
            format!("数据源 {source}：已读 {begin} – {until}，空洞：{shown}，另有 {more} 处"),
            format!("source {source}: read from {begin} to {until}, but for {shown} and {more} more"),
        ),
    }
}
