//! Arguments of `weir dlq …`.

use clap::{Args, Subcommand};

use super::Project;

/// `weir dlq …`
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters, grouped by flow or source
    #[command(
        after_help = "Examples:\n  weir dlq list -c weir.yaml\n  weir dlq list jushuitan-customer-to-kingdee --code K-REQUIRED --json"
    )]
    List(DlqList),
    /// Show a dead letter whole: cause, origin, record and document
    #[command(after_help = "Example:\n  weir dlq show jushuitan-customer-to-kingdee 0:17 -c weir.yaml")]
    Show(DlqShow),
}

/// Options of `weir dlq list`.
#[derive(Args, Clone, Debug)]
pub struct DlqList {
    #[command(flatten)]
    pub project: Project,
    /// Only letters of this flow or source
    pub owner: Option<String>,
    /// Only letters with this code
    #[arg(long)]
    pub code: Option<String>,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
    /// At most so many, the newest
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// Options of `weir dlq show`.
#[derive(Args, Clone, Debug)]
pub struct DlqShow {
    #[command(flatten)]
    pub project: Project,
    /// The flow or source
    pub owner: String,
    /// Mask names, telephone numbers and addresses (privacy.mask of weir.yaml)
    #[arg(long)]
    pub mask: bool,
    /// PARTITION:OFFSET as `weir dlq list` prints it, or the record's id or number
    pub letter: String,
}
