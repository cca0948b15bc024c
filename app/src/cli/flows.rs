//! Arguments of `weir flows …`.

use clap::{Args, Subcommand};

use super::Project;

/// `weir flows …`
#[derive(Debug, Subcommand)]
pub enum Flows {
    /// List the flows: newest version, whether the file is that version, state, who runs them
    #[command(after_help = "Examples:\n  weir flows list -c weir.yaml\n  weir flows list --json")]
    List(Project),
    /// Check the project and publish changed flow files as new versions; all processes take them over
    #[command(
        after_help = "Examples:\n  weir flows apply                 all flows whose file was changed\n  weir flows apply orders refunds\n  weir flows apply orders --json"
    )]
    Apply(FlowsApply),
    /// Let a flow stand still in all processes: calls in flight finish, polling goes on, nothing is lost
    #[command(after_help = "Example:\n  weir flows pause orders --reason \"month end\"")]
    Pause(FlowsPause),
    /// Run a paused or halted flow again, with connections and secrets read anew
    #[command(after_help = "Example:\n  weir flows resume orders")]
    Resume(FlowsResume),
    /// Let every process read its own weir.yaml, secrets and flow files anew
    #[command(after_help = "Example:\n  weir flows reload -c weir.yaml")]
    Reload(Project),
}

/// Options of `weir flows apply`.
#[derive(Args, Clone, Debug)]
pub struct FlowsApply {
    #[command(flatten)]
    pub project: Project,
    /// The flows; all of the project when none is named
    #[arg(value_name = "FLOW")]
    pub flows: Vec<String>,
}

/// Options of `weir flows pause`.
#[derive(Args, Clone, Debug)]
pub struct FlowsPause {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub flow: String,
    /// Why, for those who see it stand still
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub reason: String,
}

/// Options of `weir flows resume`.
#[derive(Args, Clone, Debug)]
pub struct FlowsResume {
    #[command(flatten)]
    pub project: Project,
    /// The flow
    pub flow: String,
}
