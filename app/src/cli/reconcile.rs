//! Arguments of `weir reconcile`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use weir_model::settings::parse_duration;

use super::Project;

/// Options of `weir reconcile`.
#[derive(Args, Clone, Debug)]
pub struct Reconcile {
    #[command(flatten)]
    pub project: Project,
    /// The flow whose two sides are compared
    pub flow: String,
    /// The day, in the zone of the source's connection
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub day: Date,
    /// The last day, for several at once
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<Date>,
    /// Count each shop by itself
    #[arg(long, value_enum)]
    pub by: Option<By>,
    /// Do not ask the source: compare what was polled with the target
    #[arg(long)]
    pub without_source: bool,
    /// Read again, from the source, what is missing or different, and write it as it is there
    #[arg(long)]
    pub fix: bool,
    /// How long the jobs at the source are waited for, such as 30m
    #[arg(long, default_value = "30m", value_parser = patience)]
    pub patience: Duration,
    /// At most so many differences are listed
    #[arg(long, default_value_t = 50)]
    pub limit: usize,
}

/// What is counted by itself beside the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// Each shop
    Shop,
}

fn patience(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a length of time, such as 90s, 30m or 2h".to_owned())
}
