//! Arguments of `weir ledger …`.

use clap::{Args, Subcommand};

use super::Project;

/// `weir ledger …`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Tell how far the ledger is behind each topic, how many rows it has, how large it is; reads on for some seconds first
    #[command(after_help = "Examples:\n  weir ledger status -c weir.yaml\n  weir ledger status --json")]
    Status(Project),
    /// Make the tables anew of what the topics hold; older rows and what people did stay
    #[command(
        after_help = "Examples:\n  weir ledger rebuild -c weir.yaml\n  weir ledger rebuild --patience 600 --json\n\nIt may run beside `weir run ledger`. When it is ended early, whoever follows next goes on."
    )]
    Rebuild(LedgerRebuild),
}

/// Options of `weir ledger rebuild`.
#[derive(Args, Clone, Debug)]
pub struct LedgerRebuild {
    #[command(flatten)]
    pub project: Project,
    /// Seconds to read topics for; what is left then is read by whoever follows next
    #[arg(long, default_value_t = 3_600, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub patience: u64,
}
