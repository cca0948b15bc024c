//! The one way to start a task: every task has a name and says what its failure means.

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// What stopping means for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Runs as long as its stage; told to stop by a token and then waited for.
    Service,
    /// One piece of work in flight; a drain waits for it under a deadline, and dropping it loses nothing because
    /// nothing of it was acknowledged (invariant 1).
    Work,
}

impl TaskKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Work => "work",
        }
    }
}

/// Starts `future` under a name that its log lines carry.
pub fn spawn<F>(name: impl Into<String>, kind: TaskKind, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let span = tracing::info_span!("task", name = name.into(), kind = kind.as_str());
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the function that gives tasks their name and kind"
    )]
    tokio::spawn(future.instrument(span))
}
