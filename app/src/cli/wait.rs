//! Arguments of `weir wait …`.

use clap::{Args, Subcommand};

use super::Project;

/// `weir wait …`
#[derive(Debug, Subcommand)]
pub enum Wait {
    /// List what waits for which row, since when and until when, the most awaited row first
    #[command(
        after_help = "Examples:\n  weir wait list -c weir.yaml\n  weir wait list orders --collection shops --reference shop_no=S01\n  weir wait list --json"
    )]
    List(WaitList),
}

/// Options of `weir wait list`.
#[derive(Args, Clone, Debug)]
pub struct WaitList {
    #[command(flatten)]
    pub project: Project,
    /// Only records of this flow
    pub flow: Option<String>,
    /// Only those that wait for a row of this collection
    #[arg(long)]
    pub collection: Option<String>,
    /// Only those that wait for this row, as the list names it
    #[arg(long)]
    pub reference: Option<String>,
    /// At most so many records of each row
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
}
