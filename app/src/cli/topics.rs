//! Arguments of `weir topics …`.

use clap::{Args, Subcommand};

use super::Project;

/// `weir topics …`
#[derive(Debug, Subcommand)]
pub enum Topics {
    /// Create missing topics and correct settings; never changes a number of partitions
    #[command(
        after_help = "Examples:\n  weir topics apply -c weir.yaml\n  weir topics apply -c weir.yaml --dry-run\n  weir topics apply -c weir.yaml --patience 120"
    )]
    Apply(TopicsApply),
}

/// Options of `weir topics apply`.
#[derive(Args, Clone, Debug)]
pub struct TopicsApply {
    #[command(flatten)]
    pub project: Project,
    /// Only tell what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// How long a broker that is just starting is waited for
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600), value_name = "SECONDS")]
    pub patience: u64,
}
