//! Jobs that a comparison gives to the owner of the source: a census of what is there, and a fix of what differs.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use weir_kafka::{Inspector, TopicPartition, inspect::GroupOffsets};
use weir_model::names::RecordId;
use weir_runtime::control;
use weir_schemas::{Job, JobKind, JobState, TimeRange};

use super::{compare::Difference, reading::Reading};
use crate::{
    cli::Language,
    commands::control::{Desk, person},
    exit::Failure,
};

/// Between two looks at how far a job is.
const LOOK: Duration = Duration::from_millis(500);
/// Between two lines that tell how far it is.
const TELL: Duration = Duration::from_secs(5);
/// Stretches of time that lie no farther apart are read as one: a window costs a call at least.
const NEAR: Duration = Duration::from_secs(60);

/// A job of the flow's source over some time, not yet announced.
pub fn job(desk: &Reading<'_>, kind: JobKind, now: Timestamp) -> Job {
    Job {
        id: control::new_id(kind, now),
        kind,
        subject: desk.flow.spec.source.name.to_string(),
        from: None,
        until: None,
        only: Vec::new(),
        ranges: Vec::new(),
        letters: Vec::new(),
        edit: String::new(),
        note: format!("weir reconcile {} --day {}", desk.flow.spec.name, desk.from),
        by: person(),
        at: now,
        cancelled: None,
    }
}

/// Announces a job and waits until it is over; tells how far it is on standard error.
///
/// # Errors
/// It failed, was called off, or was not over in time; it then goes on by itself.
pub async fn carried_out(desk: &Desk, job: &Job, patience: Duration, is_quiet: bool) -> Result<(), Failure> {
    control::announce(&desk.cluster, &desk.topics, &desk.codec, job)?;
    let (begun, mut told) = (Instant::now(), None::<Instant>);
    loop {
        tokio::time::sleep(LOOK).await;
        let known = desk.known()?;
        let progress = known.progress(&job.id);
        let state = control::state(known.job(&job.id).map_or(job, |job| job), progress);
        let cause = progress.and_then(|progress| progress.cause.as_ref());
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        let done = progress.map_or(0, |progress| progress.done);
        match state {
            JobState::Finished => return Ok(()),
            JobState::Failed | JobState::Cancelled => return Err(failed(desk, &job.id, &cause)),
            JobState::Announced | JobState::Running | JobState::Held => {}
        }
        if begun.elapsed() > patience {
            return Err(out_of_patience(desk, &job.id, state, &cause));
        }
        if !is_quiet && told.is_none_or(|told| told.elapsed() >= TELL) {
            told = Some(Instant::now());
            eprintln!("{}", line(desk.language, &job.id, state, done, &cause));
        }
    }
}

fn line(language: Language, id: &str, state: JobState, done: u64, cause: &str) -> String {
    let text = match (language, state) {
        (Language::Zh, JobState::Announced) => "等待来源的进程接手".to_owned(),
        (Language::En, JobState::Announced) => "waits for a process that polls the source".to_owned(),
        (Language::Zh, JobState::Held) => format!("暂停 {cause}"),
        (Language::En, JobState::Held) => format!("held {cause}"),
        (Language::Zh, _) => format!("已读 {done} 条记录"),
        (Language::En, _) => format!("{done} records read"),
    };
    format!("{id}: {text}")
}

fn failed(desk: &Desk, id: &str, cause: &str) -> Failure {
    Failure::runtime(match desk.language {
        Language::Zh => format!("作业 {id} 没有完成：{cause}"),
        Language::En => format!("job {id} was not carried out: {cause}"),
    })
}

fn out_of_patience(desk: &Desk, id: &str, state: JobState, cause: &str) -> Failure {
    let nobody = state == JobState::Announced;
    Failure::missing(match (desk.language, nobody) {
        (Language::Zh, true) => {
            format!("没有进程接手作业 {id}：运行 `weir run producers`，或用 --without-source")
        }
        (Language::En, true) => {
            format!("no process took job {id} up: start `weir run producers`, or use --without-source")
        }
        (Language::Zh, false) => format!("作业 {id} 在限时内没有完成，仍在继续；加长 --patience。{cause}"),
        (Language::En, false) => {
            format!("job {id} was not over in time and goes on; give it a longer --patience. {cause}")
        }
    })
}

/// The census of the days that are compared.
///
/// # Errors
/// The days have not begun.
pub fn census(reading: &Reading<'_>, now: Timestamp) -> Result<Job, Failure> {
    let source = &reading.flow.spec.source;
    let from = reading.start()?;
    let settled = now - source.poll.settle_lag;
    let end_of_days = reading.midnight(reading.until)?;
    let is_modified = reading.spec.source.day.as_deref() == Some(source.modified.as_str());
    let until = match (reading.spec.changes_for, is_modified) {
        (Some(changes_for), _) => end_of_days.checked_add(changes_for).unwrap_or(settled),
        (None, true) => end_of_days,
        (None, false) => settled,
    };
    let until = until.min(settled);
    if until <= from {
        return Err(Failure::invalid(match reading.desk.language {
            Language::Zh => format!("{} 还没有可以清点的记录", reading.from),
            Language::En => format!("{} has no records yet that could be counted", reading.from),
        }));
    }
    Ok(Job { from: Some(from), until: Some(until), ..job(reading, JobKind::Census, now) })
}

/// A fix of exactly these differences; `None` when nothing can be mended.
pub fn fix(
    reading: &Reading<'_>,
    differences: &[Difference],
    now: Timestamp,
) -> Result<Option<Job>, Failure> {
    let mendable: Vec<&Difference> =
        differences.iter().filter(|difference| difference.is_mendable()).collect();
    let only: BTreeSet<&RecordId> =
        mendable.iter().filter_map(|difference| difference.record.as_ref()).collect();
    if only.is_empty() {
        return Ok(None);
    }
    let mut ranges = Vec::new();
    for difference in mendable {
        ranges.push(stretch(reading, difference)?);
    }
    let only = only.into_iter().cloned().collect();
    Ok(Some(Job { only, ranges: merged(ranges), ..job(reading, JobKind::Fix, now) }))
}

/// Where a record is found again: around the time it was modified, or in its day where records never change.
fn stretch(reading: &Reading<'_>, difference: &Difference) -> Result<TimeRange, Failure> {
    let never_changes = reading.spec.changes_for == Some(Duration::ZERO);
    match difference.modified.filter(|_| !never_changes) {
        Some(modified) => {
            let second = Duration::from_secs(1);
            Ok(TimeRange { from: modified - second, until: modified + second + second })
        }
        None => {
            let day = difference.day.unwrap_or(reading.from);
            let next = day.tomorrow().map_err(|error| Failure::invalid(error.to_string()))?;
            Ok(TimeRange { from: reading.midnight(day)?, until: reading.midnight(next)? })
        }
    }
}

fn merged(mut ranges: Vec<TimeRange>) -> Vec<TimeRange> {
    ranges.sort_by_key(|range| range.from);
    let mut merged: Vec<TimeRange> = Vec::new();
    for range in ranges {
        match merged.last_mut().filter(|last| range.from <= last.until + NEAR) {
            Some(last) => last.until = last.until.max(range.until),
            None => merged.push(range),
        }
    }
    merged
}

/// Waits until everything that was polled up to now has been mapped, and everything that was mapped then, written. False
/// when it was not in time.
pub async fn written(reading: &Reading<'_>, patience: Duration) -> Result<bool, Failure> {
    let (desk, flow) = (reading.desk, &reading.flow.spec);
    let raw = desk.topics.raw(&flow.source.name);
    let doc = desk.topics.doc(&flow.name);
    let deadline = Instant::now() + patience;
    Ok(passed(desk, &raw, &desk.topics.processors_group(&flow.name), deadline).await?
        && passed(desk, &doc, &desk.topics.sinks_group(&flow.name), deadline).await?)
}

async fn passed(desk: &Desk, topic: &str, group: &str, deadline: Instant) -> Result<bool, Failure> {
    let counts = weir_kafka::Admin::open(&desk.cluster)?.partition_counts()?;
    let count = counts.get(topic).copied().unwrap_or_default();
    let partitions: Vec<TopicPartition> =
        (0..count).map(|number| TopicPartition::new(topic, number)).collect();
    let inspector = Inspector::open(&desk.cluster)?;
    let group = GroupOffsets::open(&desk.cluster, group)?;
    let ends: Vec<i64> = partitions
        .iter()
        .map(|partition| inspector.ends(partition).map(|ends| ends.high))
        .collect::<Result<_, _>>()?;
    loop {
        let mut is_behind = false;
        for ((partition, committed), end) in group.committed(&partitions)?.iter().zip(&ends) {
            let low = inspector.ends(partition)?.low;
            let next = committed.unwrap_or(low).max(low);
            // What stands between the last record and the end may be the mark of a transaction.
            is_behind |= next < *end && inspector.time_at(partition, next)?.is_some();
        }
        if !is_behind || Instant::now() > deadline {
            return Ok(!is_behind);
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_are_near_become_one() {
        let range = |from: i64, until: i64| TimeRange {
            from: Timestamp::from_second(from).unwrap(),
            until: Timestamp::from_second(until).unwrap(),
        };
        let ranges = vec![range(500, 503), range(0, 3), range(60, 63), range(1, 2)];
        assert_eq!(merged(ranges), [range(0, 63), range(500, 503)]);
    }
}
