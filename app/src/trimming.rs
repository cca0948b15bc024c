//! Trimming beside the stages of a process: it looks after the topics that its stages read.

use tokio_util::sync::{CancellationToken, DropGuard};
use weir_runtime::{stage::Deployment, trim::Trimmer};

use crate::{
    cli::Stages,
    exit::Failure,
    project::{Flow, Project},
};

/// Starts it, until `stop` is cancelled or the guard dropped: whoever configures other flows starts another.
pub fn start(
    project: &Project,
    deployment: &Deployment,
    stages: Stages,
    stop: &CancellationToken,
) -> Result<DropGuard, Failure> {
    // Receipts are kept for good: a flow that reads them holds no raw topic.
    let flow = |flow: &Flow| {
        let source = &flow.spec.source;
        (flow.spec.name.clone(), source.receipts.is_none().then(|| source.name.clone()))
    };
    let stop = stop.child_token();
    let trimmer = Trimmer {
        deployment: deployment.clone(),
        horizons: project.config.horizons,
        flows: project.flows.iter().map(flow).collect(),
        raw: matches!(stages, Stages::All | Stages::Processors),
        doc: matches!(stages, Stages::All | Stages::Sinks),
        stop: stop.clone(),
    };
    trimmer.start().map_err(|error| Failure::environment("start a thread", &error))?;
    Ok(stop.drop_guard())
}
