//! `weir reconcile`: what a source says of a day beside what its target holds, in records, pieces and money, with every record
//! that differs and why. What is decided is in `compare` (pure), what is read in `reading`, what the source is asked in `jobs`.

mod compare;
mod given_up;
mod jobs;
mod reading;
mod report;

use std::{collections::HashSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use weir_model::{flow::ReconcileSpec, names::InstanceName, settings::Problems, target::ReadBack};
use weir_sinks::{Clients, Setup};

use super::control::Desk;
use crate::{
    cli::{By, Cli, Language, Reconcile},
    exit::Failure,
    output::{self, say},
    project::Flow,
};
use compare::{Difference, Records, Report, compare};
use reading::Reading;
use report::{Answer, Mended};

/// The most days that are compared at once: what is compared is held in memory.
const MOST_DAYS: i32 = 31;

/// Compares a flow's source with its target; with `--fix` mends what can be mended and compares again. Ends as a failure
/// without words when something differs.
pub async fn run(options: &Reconcile, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(&options.project, cli).await?;
    let reading = reading_of(&desk, options)?;
    let by_shop = options.by == Some(By::Shop);
    let mut notes = Vec::new();
    let now = Timestamp::now();
    let census = if options.without_source {
        None
    } else {
        Some(census(&reading, options, cli, now, &mut notes).await?)
    };
    let (report, census) = compared(&reading, census, now, by_shop, &mut notes).await?;
    let mut answer = Answer {
        flow: reading.flow.spec.name.to_string(),
        days: (options.day, options.until.unwrap_or(options.day)),
        asked_source: census.is_some(),
        report,
        mended: None,
        notes,
    };
    if options.fix {
        let before = std::mem::take(&mut answer.report.differences);
        answer.mended = mend(&reading, options, cli, &before).await?;
        answer.report.differences = before;
        if let Some(mended) = &mut answer.mended {
            // What was noted before is noted again where it still holds.
            let mut notes = Vec::new();
            let (after, _) = compared(&reading, census, now, by_shop, &mut notes).await?;
            mended.sort_out(&answer.report.differences, &after.differences);
            answer.report = after;
            answer.notes = notes;
        }
    }
    if cli.json {
        say!("{}", answer.json(options.limit));
    } else {
        output::tell(&answer.text(options.limit, desk.language));
    }
    if answer.report.differences.is_empty() { Ok(()) } else { Err(Failure::runtime("")) }
}

/// Checks what was asked, and finds the way to both sides.
fn reading_of<'d>(desk: &'d Desk, options: &Reconcile) -> Result<Reading<'d>, Failure> {
    let flow = flow_of(desk, &options.flow)?;
    let name = &flow.spec.name;
    let zh = |text: &str| format!("{name}：{text}");
    let invalid = |chinese: &str, english: &str| {
        Failure::invalid(match desk.language {
            Language::Zh => zh(chinese),
            Language::En => format!("{name}: {english}"),
        })
    };
    let spec = flow.spec.reconcile.as_ref().ok_or_else(|| {
        invalid(
            "流程没有写 reconcile；加上 reconcile: {day: 日期字段, target: {day: …}}",
            "the flow has no reconcile; add reconcile: {day: FIELD, target: {day: …}}",
        )
    })?;
    if flow.spec.source.receipts.is_some() {
        return Err(invalid(
            "来源是另一流程的回执，没有可以清点的来源",
            "its source is another flow's receipts, which nobody can count",
        ));
    }
    let last = options.until.unwrap_or(options.day);
    let days = last.since(options.day).map_or(-1, |span| span.get_days());
    if !(0..MOST_DAYS).contains(&days) {
        return Err(invalid(
            "--until 应在 --day 当天或之后，最多 31 天",
            "--until is the day of --day or a later one, 31 days at most",
        ));
    }
    let zone = desk.project.connection(&flow.spec.source.connection)?.zone.clone();
    let until = last.tomorrow().map_err(|error| Failure::invalid(error.to_string()))?;
    let target = target_of(desk, flow, spec)?;
    Ok(Reading { desk, flow, spec, zone, from: options.day, until, target })
}

fn flow_of<'d>(desk: &'d Desk, name: &str) -> Result<&'d Flow, Failure> {
    let flows = &desk.project.flows;
    flows.iter().find(|flow| flow.spec.name.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = flows.iter().map(|flow| flow.spec.name.as_str()).collect();
        let names = names.join(", ");
        Failure::invalid(match desk.language {
            Language::Zh => format!("没有流程 {name:?}；已有：{names}"),
            Language::En => format!("no flow is called {name:?}; there are: {names}"),
        })
    })
}

fn target_of(desk: &Desk, flow: &Flow, spec: &ReconcileSpec) -> Result<Arc<dyn ReadBack>, Failure> {
    let target = &flow.spec.target;
    let mut problems = Problems::new(&flow.file);
    let connection = desk.project.config.connections.get(&target.connection);
    let setup = Setup {
        flow: &flow.spec.name,
        topic: "",
        cluster: "",
        owner: &InstanceName::from("reconcile"),
        target,
        connection: connection.map_or(&weir_model::Json::Null, |connection| &connection.settings),
        connection_path: connection.map_or("", |connection| connection.path.as_str()),
        clients: &Clients::default(),
    };
    weir_sinks::build_read_back(&setup, &spec.target, &mut problems).ok_or_else(|| {
        let told = problems.list().iter().map(|problem| output::problem_text(problem, desk.language));
        Failure::invalid(told.collect::<Vec<_>>().join("\n"))
    })
}

/// Has the owner of the source count it.
async fn census(
    reading: &Reading<'_>,
    options: &Reconcile,
    cli: &Cli,
    now: Timestamp,
    notes: &mut Vec<String>,
) -> Result<Records, Failure> {
    let job = jobs::census(reading, now)?;
    jobs::carried_out(reading.desk, &job, options.patience, cli.json).await?;
    let (records, complaints) = reading.census(&job.id, job.at)?;
    notes.extend(complaints);
    Ok(records)
}

/// Compares the sides as they are now; gives the census back for another time.
async fn compared(
    reading: &Reading<'_>,
    census: Option<Records>,
    counted_at: Timestamp,
    by_shop: bool,
    notes: &mut Vec<String>,
) -> Result<(Report, Option<Records>), Failure> {
    let polled = reading.polled()?;
    if polled.is_trimmed {
        let zh = "主题中较早的记录已被清理，可能缺少这些天的一部分";
        let en = "older records were removed from the topic: a part of these days may be missing";
        notes.push(reading.desk.say(zh, en).to_owned());
    }
    for complaint in polled.complaints {
        if !notes.contains(&complaint) {
            notes.push(complaint);
        }
    }
    let poll = &reading.flow.spec.source.poll;
    let (mut sides, note) = reading.sides(census, polled.records).await?;
    notes.extend(note);
    sides.settled_until = Some(counted_at - (poll.settle_lag + poll.every * 2));
    let report = compare(&sides, by_shop);
    Ok((report, sides.source))
}

/// Has what can be mended read again and written as it is at the source; `None` when nothing can.
async fn mend(
    reading: &Reading<'_>,
    options: &Reconcile,
    cli: &Cli,
    differences: &[Difference],
) -> Result<Option<Mended>, Failure> {
    let Some(job) = jobs::fix(reading, differences, Timestamp::now())? else { return Ok(None) };
    jobs::carried_out(reading.desk, &job, options.patience, cli.json).await?;
    let patience = options.patience.min(Duration::from_secs(600));
    let is_through = jobs::written(reading, patience).await?;
    let asked: HashSet<String> = job.only.iter().map(ToString::to_string).collect();
    Ok(Some(Mended::new(job.id, asked.len(), is_through)))
}
