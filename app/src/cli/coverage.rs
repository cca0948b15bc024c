//! Arguments of `weir coverage` and `weir backfill`.

use clap::Args;

use super::Project;

/// Options of `weir coverage`.
#[derive(Args, Clone, Debug)]
pub struct Coverage {
    #[command(flatten)]
    pub project: Project,
    /// The source
    pub source: String,
    /// Draw the map from then on: a date or local time of the source's zone, or RFC 3339; by default two weeks
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// How many seconds Kafka is waited for; then the ledger answers with what it has
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub patience: u64,
}

/// Options of `weir backfill`.
#[derive(Args, Clone, Debug)]
pub struct Backfill {
    #[command(flatten)]
    pub project: Project,
    /// The source
    pub source: String,
    /// Records modified from then on: a date or local time of the source's zone, or RFC 3339
    #[arg(long, value_name = "TIME", required_unless_present = "holes")]
    pub from: Option<String>,
    /// And before then; without it, up to what is settled now
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only the holes that `weir coverage` shows
    #[arg(long)]
    pub holes: bool,
    /// Say what would be read, and announce nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Announce the job and return; `weir jobs watch` tells how it goes
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
    /// What others are to know about it
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub note: String,
}
