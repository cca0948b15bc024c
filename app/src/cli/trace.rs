//! Arguments of `weir trace`.

use clap::Args;

use super::Project;

/// Options of `weir trace`.
#[derive(Args, Clone, Debug)]
pub struct Trace {
    #[command(flatten)]
    pub project: Project,
    /// What to look for: the number of an order or refund, on the platform or in the ERP; a record's id; the number or id
    /// at the target
    #[arg(required = true, value_name = "NUMBER")]
    pub numbers: Vec<String>,
    /// Only in this flow
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    /// Also show the source's bytes, the document and the letters, read from Kafka
    #[arg(long)]
    pub payload: bool,
    /// Hide names, phones, addresses and the like
    #[arg(long)]
    pub mask: bool,
    /// At most so many records of each number
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub limit: u32,
    /// How many seconds Kafka is waited for; then the ledger answers with what it has
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub patience: u64,
}
