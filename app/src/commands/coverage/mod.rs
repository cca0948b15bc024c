//! `weir coverage`: the map of time of a source: what was read, the holes, what came late, how far the look-back reaches,
//! and the jobs that are reading more. Relies on the ledger, and answers without Kafka too.

mod answer;
mod map;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use weir_kafka::Cluster;
use weir_model::cursor::Lane;
use weir_runtime::{
    control::{self, is_over},
    poll::cursors_of,
    topics::Topics,
};

use self::answer::Answer;
pub use self::map::length;
use super::{load, polled::Polled, times};
use crate::{
    cli::{Cli, Coverage},
    codec,
    exit::Failure,
    ledger,
    output::{self, say},
};

/// How much of the map is drawn when nothing is said.
const DRAWN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Shows the map of a source.
pub async fn run(options: &Coverage, cli: &Cli) -> Result<(), Failure> {
    let language = output::language(cli.lang);
    let project = load(&options.project, cli)?;
    let polled = Polled::find(&project, &options.source, language)?;
    let since =
        options.since.as_deref().map(|text| times::parse(text, &polled.zone, language)).transpose()?;
    let cluster = Cluster::remote(project.config.kafka.clone())?;
    let (topics, codec) = (Topics::new(&project.config.prefix), codec::of(&project.config).await?);
    let patience = Duration::from_secs(options.patience);
    let (coverage, freshness) =
        polled.coverage(&project, (&cluster, &topics, &codec), since, patience).await?;
    let until = coverage.until().unwrap_or_else(Timestamp::now);
    let mut answer = Answer {
        source: polled.spec.name.to_string(),
        zone: polled.zone.clone(),
        since: since.unwrap_or_else(|| {
            let drawn = until.checked_sub(DRAWN).unwrap_or(until);
            coverage.begin().map_or(drawn, |begin| drawn.max(begin))
        }),
        until,
        coverage,
        reach: polled.poller()?.reach(None),
        read_until: None,
        jobs: Vec::new(),
        as_of: freshness.as_of,
        note: ledger::note(&freshness),
    };
    // Cursors and jobs are good to know, and no reason to keep an answer back.
    if freshness.behind.is_none() {
        let (account, source) = (polled.spec.connection.as_str(), &polled.spec.name);
        let cursors = cursors_of(&cluster, &topics, &codec, account, source).unwrap_or_default();
        let live = cursors.iter().find(|cursor| cursor.lane == Lane::Live && cursor.job.is_empty());
        answer.reach = polled.poller()?.reach(live);
        answer.read_until = live.map(|cursor| cursor.settled_until);
        let known = control::read(&cluster, &topics, &codec).unwrap_or_default();
        let own = known.jobs().filter(|job| job.subject == source.as_str());
        answer.jobs = own
            .filter(|job| !is_over(known.job_state(job)))
            .map(|job| (job.clone(), known.job_state(job), known.progress(&job.id).cloned()))
            .collect();
    }
    if cli.json {
        say!("{}", answer.json());
        return Ok(());
    }
    if let Some(note) = &answer.note {
        eprintln!("{}", output::pick(note, language));
    }
    output::tell(&answer.text(language));
    Ok(())
}
