//! Arguments of `weir run` and `weir demo`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Project;

/// Options of `weir demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// End when every record has come to its end; on a terminal the demo goes on polling otherwise
    #[arg(long)]
    pub once: bool,
    /// Customers that exist at the start
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub customers: u32,
    /// Stock movements that exist at the start
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub movements: u32,
    /// Decides the made-up data and its changes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where configuration and SQLite files are put; replaced at each start
    #[arg(long, default_value = ".weir/demo", value_name = "FOLDER")]
    pub dir: PathBuf,
}

/// Options of `weir run`.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Which stages this process runs
    #[arg(value_enum, default_value_t = Stages::All)]
    pub stages: Stages,
    #[command(flatten)]
    pub project: Project,
    /// Name of this process, stable over restarts; by default the host's name and a free slot
    #[arg(long, env = "WEIR_INSTANCE", value_name = "NAME")]
    pub instance: Option<String>,
}

/// Stages of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stages {
    /// Polling
    Producers,
    /// Mapping
    Processors,
    /// Delivery
    Sinks,
    /// The tables that answer questions
    Ledger,
    /// All of them
    All,
}
