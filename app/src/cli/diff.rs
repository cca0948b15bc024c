//! Arguments of `weir diff`.

use std::path::PathBuf;

use clap::Args;

use super::Project;

/// Options of `weir diff`.
#[derive(Args, Clone, Debug)]
pub struct Diff {
    /// A flow of the project
    pub flow: String,
    /// The flow file that is to take its place
    #[arg(long, value_name = "FILE")]
    pub against: PathBuf,
    #[command(flatten)]
    pub project: Project,
    /// Only records that were polled from then on: a date or local time of the source's zone, RFC 3339, or -7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only records that were polled before
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// The version to compare with; by default the one that runs
    #[arg(long, value_name = "VERSION")]
    pub from: Option<u32>,
    /// Read at most so many raw records, the newest
    #[arg(long, default_value_t = 100_000, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Map every state of a record; by default only its newest
    #[arg(long)]
    pub all_states: bool,
    /// Show so many examples of each difference
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    pub examples: usize,
    /// List every document that changes
    #[arg(long)]
    pub list: bool,
    /// Reference rows as a test file has them under lookups; by default those in Kafka
    #[arg(long, value_name = "FILE")]
    pub lookups: Option<PathBuf>,
    /// Mask personal data in the examples
    #[arg(long)]
    pub mask: bool,
}
