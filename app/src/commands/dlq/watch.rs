//! Waiting until letters that were sent again have their answers.

use std::{
    collections::BTreeSet,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use weir_ledger::letters::{Filter, LetterId, State};
use weir_runtime::control::{self, is_over};

use super::{Letterbox, state_text};
use crate::{cli::Cli, exit::Failure, output::say};

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Pause between plain lines.
const PLAIN: Duration = Duration::from_secs(5);
/// How long answers are waited for after the last one came and the jobs are over: a record may wait for a row of a
/// collection, or its flow may stand still.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the answers to all these letters, then tells them. A letter that was refused again is a failure.
pub async fn run(
    letterbox: &mut Letterbox,
    owner: &str,
    jobs: &[String],
    letters: &[LetterId],
    cli: &Cli,
) -> Result<(), Failure> {
    let wanted: BTreeSet<&LetterId> = letters.iter().collect();
    let bar = bar(letters.len(), cli);
    let (mut last, mut since, mut plain) = ([0; State::ALL.len()], Instant::now(), Instant::now());
    loop {
        let (counts, over) = look(letterbox, owner, jobs, &wanted).await?;
        if counts != last {
            (last, since) = (counts, Instant::now());
        }
        let left = of(counts, State::Resent);
        if let Some(bar) = &bar {
            bar.set_position(letters.len().saturating_sub(left).try_into().unwrap_or(u64::MAX));
        } else if !cli.json && plain.elapsed() >= PLAIN {
            plain = Instant::now();
            eprintln!("{}", letterbox.counts_line(counts));
        }
        if over && (left == 0 || since.elapsed() > PATIENCE) {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => {
                eprintln!("{}", letterbox.say("任务继续运行；`weir jobs list` 查看", "the job goes on; `weir jobs list` tells how far it is"));
                return Ok(());
            }
        }
    }
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    if cli.json {
        let states =
            State::ALL.iter().zip(last).map(|(state, count)| (state.as_str().to_owned(), json!(count)));
        let states: serde_json::Map<_, _> = states.collect();
        say!("{}", json!({"letters": letters.len(), "jobs": jobs, "states": states}));
    } else {
        say!("{}", letterbox.counts_line(last));
    }
    if of(last, State::Solved) == letters.len() {
        return Ok(());
    }
    Err(Failure::runtime(letterbox.say(
        format!("有死信没有解决；见 `weir dlq group {owner}`"),
        format!("not all letters are solved; see `weir dlq group {owner}`"),
    )))
}

fn of(counts: [usize; State::ALL.len()], state: State) -> usize {
    State::ALL.iter().zip(counts).find(|(known, _)| **known == state).map_or(0, |(_, count)| count)
}

/// How the letters stand, and whether the jobs are over.
async fn look(
    letterbox: &mut Letterbox,
    owner: &str,
    jobs: &[String],
    wanted: &BTreeSet<&LetterId>,
) -> Result<([usize; State::ALL.len()], bool), Failure> {
    let kafka = letterbox.kafka()?;
    let known = control::read(&kafka.cluster, &letterbox.topics, &kafka.codec)?;
    let over = jobs.iter().all(|id| known.job(id).is_none_or(|job| is_over(known.job_state(job))));
    letterbox.known = known;
    letterbox.freshen().await?;
    let heads = letterbox.heads(&Filter { owners: vec![owner.to_owned()], ..Filter::default() }).await?;
    let counts = State::ALL
        .map(|state| heads.iter().filter(|head| head.state == state && wanted.contains(&head.id)).count());
    Ok((counts, over))
}

fn bar(letters: usize, cli: &Cli) -> Option<ProgressBar> {
    if cli.json || !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(letters.try_into().unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{elapsed} {wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    Some(bar)
}

impl Letterbox {
    fn counts_line(&self, counts: [usize; State::ALL.len()]) -> String {
        let counts = State::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
        let counts: Vec<String> =
            counts.map(|(state, count)| format!("{} {count}", state_text(*state, self.language))).collect();
        counts.join(" · ")
    }
}
