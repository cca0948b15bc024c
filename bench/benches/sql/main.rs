//! Kafka → MySQL at the database's own speed (design §11): rows of 71 columns, counted in the table, written by Weir, by
//! mq-bridge and as ready-made statements, each twice in one run; then with one bad row in a thousand.
//!
//! Starts a Kafka and a MariaDB of its own; needs what the tests need (`cargo xtask services env`), the program
//! `weir` of the release profile, Python and PyPI. See `bench/README.md` for what is compared and what is not.

mod peer;
mod process;
#[path = "../shared/python.rs"]
mod python;
mod ready;
mod rows;
mod servers;
mod watch;
mod weir;

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use clap::Parser;

use rows::{Form, Rows};
use servers::{PARTITIONS, Servers};
use watch::Seen;

/// Whoever is not done by then is stopped, and what arrived is counted.
const LIMIT: Duration = Duration::from_secs(240);
/// The same with bad rows, on which a peer may stand still.
const LIMIT_WITH_BAD: Duration = Duration::from_secs(60);

/// Writes rows of 71 columns from Kafka into MariaDB and prints how fast they arrive.
#[derive(Parser)]
struct Options {
    /// Rows of a run.
    #[arg(long, default_value_t = 200_000)]
    rows: usize,
    /// The statement.
    #[arg(long, value_enum, default_value = "replace")]
    form: Form,
    /// How often everything is measured.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// Who is measured.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ready,weir,peer")]
    only: Vec<Who>,
    /// The rows: clean ones, or those with bad ones among them.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "clean,bad")]
    data: Vec<Data>,
    /// What `cargo bench` says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Who {
    /// Ready-made statements.
    Ready,
    /// `weir run sinks`.
    Weir,
    /// mq-bridge.
    Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Data {
    /// Every row fits.
    Clean,
    /// One row in 1,000 does not.
    Bad,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir().context("make a folder")?;
    let peer_folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peer");
    std::fs::create_dir_all(&peer_folder).with_context(|| format!("make {}", peer_folder.display()))?;
    let servers = Servers::start().await?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{} rows of {} columns, {:?}, load {load}", options.rows, rows::names().len(), options.form);
    println!("{:<34} {:>9} {:>10} {:>15} {:>9}", "", "rows/s", "rows", "CPU s/100k rows", "MiB");
    for data in &options.data {
        let rows = Rows { count: options.rows, with_bad: *data == Data::Bad };
        let topic = format!("peer-{data:?}").to_lowercase();
        if options.only.contains(&Who::Peer) {
            peer::fill(&servers, &topic, rows)?;
        }
        for round in 1..=options.rounds {
            let run = Run { options: &options, data: *data, rows, round };
            run.measure(&servers, folder.path(), &peer_folder, &topic).await?;
        }
    }
    Ok(())
}

/// A round over one kind of rows.
struct Run<'a> {
    options: &'a Options,
    data: Data,
    rows: Rows,
    round: usize,
}

impl Run<'_> {
    async fn measure(&self, servers: &Servers, folder: &Path, peer_folder: &Path, topic: &str) -> Result<()> {
        let Self { options, data, rows, round } = self;
        let form = options.form;
        let limit = if rows.with_bad { LIMIT_WITH_BAD } else { LIMIT };
        let name = format!("{data:?}-{round}").to_lowercase();
        // A statement that fails as a whole has no rate.
        if options.only.contains(&Who::Ready) && !rows.with_bad {
            for connections in [1, usize::try_from(PARTITIONS).unwrap_or(1)] {
                let wall = ready::send(servers, form, *rows, connections).await?;
                let title = format!("{name}: ready-made, {connections} connection(s)");
                println!("{title:<34} {:>9} {:>10}", rate(rows.count, wall), rows.count);
            }
        }
        if options.only.contains(&Who::Weir) {
            let seen = weir::deliver(servers, folder, form, *rows, &name, limit).await?;
            self.show("weir", seen);
        }
        if options.only.contains(&Who::Peer) {
            let seen = peer::deliver(servers, peer_folder, form, *rows, (topic, &name), limit).await?;
            self.show("mq-bridge", seen);
        }
        Ok(())
    }

    fn show(&self, who: &str, seen: Seen) {
        let Seen { rows, wall, cpu, peak_kib, complete } = seen;
        let title = format!("{:?}-{}: {who}", self.data, self.round).to_lowercase();
        let milliseconds = cpu.as_millis() * 100_000 / (rows.max(1) as u128);
        let rest = if complete { "" } else { "  not all arrived" };
        println!(
            "{title:<34} {:>9} {rows:>10} {:>12}.{:02} {:>9}{rest}",
            rate(rows, wall),
            milliseconds / 1_000,
            milliseconds % 1_000 / 10,
            peak_kib / 1_024
        );
    }
}

fn rate(rows: usize, wall: Duration) -> u128 {
    rows as u128 * 1_000_000 / wall.as_micros().max(1)
}
