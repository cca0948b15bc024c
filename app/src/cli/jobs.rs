//! Arguments of `weir replay` and `weir jobs …`.

use clap::{Args, Subcommand};

use super::Project;

/// Options of `weir replay`.
#[derive(Args, Clone, Debug)]
pub struct Replay {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub flow: String,
    /// Records that were polled from then on: a date or local time of the source's zone, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub since: String,
    /// And before then; without it, up to now
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Only these records, by id or by any of their numbers
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ',')]
    pub only: Vec<String>,
    /// Say what would be replayed, and announce nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Announce the job and return; `weir jobs watch` tells how it goes
    #[arg(long, conflicts_with = "dry_run")]
    pub detach: bool,
    /// What others are to know about it
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub note: String,
}

/// `weir jobs …`
#[derive(Debug, Subcommand)]
pub enum Jobs {
    /// List jobs, the newest first: backfills, replays, repairs, fixes
    #[command(after_help = "Examples:\n  weir jobs list -c weir.yaml\n  weir jobs list --open --json")]
    List(JobsList),
    /// Show all that is known of a job
    #[command(after_help = "Example:\n  weir jobs show replay-20240131-093000-1a2b")]
    Show(JobsOne),
    /// Watch a job until it is over; Ctrl-C leaves it running
    #[command(after_help = "Example:\n  weir jobs watch replay-20240131-093000-1a2b")]
    Watch(JobsOne),
    /// Call a job off; what it has published stays
    #[command(after_help = "Example:\n  weir jobs cancel replay-20240131-093000-1a2b --note \"wrong day\"")]
    Cancel(JobsCancel),
}

/// Options of `weir jobs list`.
#[derive(Args, Clone, Debug)]
pub struct JobsList {
    #[command(flatten)]
    pub project: Project,
    /// Only jobs of this flow or source
    pub subject: Option<String>,
    /// Only jobs that are not over
    #[arg(long)]
    pub open: bool,
    /// At most so many
    #[arg(long, default_value_t = 30)]
    pub limit: usize,
}

/// Options of commands about one job.
#[derive(Args, Clone, Debug)]
pub struct JobsOne {
    #[command(flatten)]
    pub project: Project,
    /// The job's id
    pub id: String,
}

/// Options of `weir jobs cancel`.
#[derive(Args, Clone, Debug)]
pub struct JobsCancel {
    #[command(flatten)]
    pub project: Project,
    /// The job's id
    pub id: String,
    /// Why, for those who look at it later
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub note: String,
}
