//! What starts and ends as one: the stages of a flow, or the polling of all accounts.
//!
//! A task of its own brings each to what is wanted last, so that a flow whose target hangs in a call delays no other.
//! Stages end by draining (invariant 7): the next ones go on from what was committed.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use weir_model::digest::Digest;
use weir_runtime::{
    health::{Condition, Health, Part},
    stage::{Hold, StageThread},
    tasks::{TaskKind, spawn},
};

use super::plan::{Standing, Step, step};
use crate::exit::Failure;

/// Starts the stages of a unit.
pub type Start = Arc<dyn Fn(&Hold, &CancellationToken) -> Result<Vec<StageThread>, Failure> + Send + Sync>;

/// What a unit is to be.
#[derive(Clone)]
pub struct Wanted {
    /// What it is made of.
    pub revision: Digest,
    /// Why it is to stand still, if it is.
    pub hold: Option<Condition>,
    /// The newer configuration that it could not take over, and why.
    pub refused: Option<String>,
    /// The parts of the process that it is, and the version that each applies.
    pub parts: Vec<(Part, u32)>,
    /// What else it tells of.
    pub details: Vec<Part>,
    /// Starts it.
    pub start: Start,
}

/// A unit and its task.
pub struct Unit {
    wanted: watch::Sender<Option<Wanted>>,
    task: JoinHandle<usize>,
}

impl Unit {
    /// Begins with nothing that runs. `ended` hears of it when all stages have ended without having been told to.
    pub fn begin(name: &str, health: &Health, stop: &CancellationToken, ended: mpsc::Sender<()>) -> Self {
        let (wanted, told) = watch::channel(None);
        let keeper = Keeper {
            name: name.to_owned(),
            health: health.clone(),
            stop: stop.clone(),
            ended,
            running: None,
        };
        let task = spawn(format!("unit {name}"), TaskKind::Service, keeper.run(told));
        Self { wanted, task }
    }

    /// Says what it is to be from now on.
    pub fn want(&self, wanted: Option<Wanted>) {
        self.wanted.send_replace(wanted);
    }

    /// Whether it is to run.
    pub fn is_wanted(&self) -> bool {
        self.wanted.borrow().is_some()
    }

    /// Waits until it has ended after the process was told to stop, or nothing can be wanted of it any more; how many of
    /// its stages were halted.
    pub async fn ended(self) -> usize {
        drop(self.wanted);
        match self.task.await {
            Ok(halted) => halted,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => 0,
            },
        }
    }
}

/// What runs of a unit.
struct Running {
    wanted: Wanted,
    hold: Hold,
    stop: CancellationToken,
    threads: Vec<StageThread>,
}

struct Keeper {
    name: String,
    health: Health,
    /// The whole process is to stop.
    stop: CancellationToken,
    ended: mpsc::Sender<()>,
    running: Option<Running>,
}

impl Keeper {
    async fn run(mut self, mut told: watch::Receiver<Option<Wanted>>) -> usize {
        let mut said_ended = false;
        loop {
            let wanted = told.borrow_and_update().clone();
            said_ended &= !self.reconcile(wanted).await;
            let stages: Vec<CancellationToken> =
                self.running.iter().flat_map(|running| &running.threads).map(StageThread::stopped).collect();
            tokio::select! {
                () = self.stop.cancelled() => break,
                changed = told.changed() => if changed.is_err() { break },
                () = all(&stages), if !said_ended && !stages.is_empty() => {
                    said_ended = true;
                    // Without a conductor the process is ending anyway.
                    let _ = self.ended.send(()).await;
                }
            }
        }
        self.end().await
    }

    /// Does what is to be done; whether something was started.
    async fn reconcile(&mut self, wanted: Option<Wanted>) -> bool {
        let runs = self
            .running
            .as_ref()
            .map(|running| Standing { revision: running.wanted.revision, held: running.hold.is_set() });
        let standing =
            wanted.as_ref().map(|wanted| Standing { revision: wanted.revision, held: wanted.hold.is_some() });
        if let Some(Wanted { parts, refused, .. }) = &wanted {
            parts.iter().for_each(|(part, _)| self.health.refuse(part, refused.clone()));
        }
        match (step(runs, standing), wanted) {
            (Step::Start, Some(wanted)) => {
                self.start(wanted);
                return true;
            }
            (Step::Restart, Some(wanted)) => {
                tracing::info!(unit = self.name, "ending, to start as it is wanted now");
                self.end().await;
                self.start(wanted);
                return true;
            }
            (Step::Stop, _) => {
                tracing::info!(unit = self.name, "ending, it is not wanted any more");
                let parts = self.running.iter().flat_map(|running| running.wanted.parts.clone());
                let parts: Vec<(Part, u32)> = parts.collect();
                self.end().await;
                parts.iter().for_each(|(part, _)| self.health.forget(part));
            }
            (Step::Hold, Some(Wanted { hold: Some(why), .. })) => {
                if let Some(running) = &self.running {
                    running.hold.set(why);
                }
            }
            _ => {}
        }
        false
    }

    fn start(&mut self, wanted: Wanted) {
        if self.stop.is_cancelled() {
            return;
        }
        let (hold, stop) = (Hold::default(), self.stop.child_token());
        if let Some(why) = wanted.hold.clone() {
            hold.set(why);
        }
        for (part, flow_ordinal) in &wanted.parts {
            self.health.report(part, Condition::Starting);
            self.health.apply_version(part, *flow_ordinal);
        }
        let threads = (wanted.start)(&hold, &stop).unwrap_or_else(|failure| {
            tracing::error!(unit = self.name, cause = failure.message(), "cannot be started");
            for (part, _) in &wanted.parts {
                self.health.report(part, Condition::Halted(failure.message().to_owned()));
            }
            Vec::new()
        });
        self.running = Some(Running { wanted, hold, stop, threads });
    }

    /// Lets what runs drain; how many of its stages were halted.
    async fn end(&mut self) -> usize {
        let Some(running) = self.running.take() else { return 0 };
        running.stop.cancel();
        let mut halted = 0;
        for thread in running.threads {
            halted += usize::from(thread.ended().await.is_err());
        }
        running.wanted.details.iter().for_each(|part| self.health.forget(part));
        halted
    }
}

async fn all(stages: &[CancellationToken]) {
    for stage in stages {
        stage.cancelled().await;
    }
}
