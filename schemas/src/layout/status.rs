//! Heartbeats: who runs what, the values of `weir.status`.

use jiff::Timestamp;
use weir_model::{letter::Stage, names::InstanceName};

use super::{enum_layout, record_layout};

/// A heartbeat of one process.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The process.
    pub instance: InstanceName,
    /// Its software version.
    pub software: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// What it runs.
    pub stages: Vec<StageStatus>,
}

/// One stage of one source or flow in a process.
#[derive(Clone, Debug, PartialEq)]
pub struct StageStatus {
    /// The stage.
    pub stage: Stage,
    /// The source (producers) or flow (processors, sinks).
    pub subject: String,
    /// How it fares.
    pub condition: Condition,
    /// What it waits for, why it was paused or halted, or which newer version it could not take over; empty otherwise.
    pub why: String,
    /// Ordinal of the flow version it applies; 0 for producers.
    pub flow_ordinal: u32,
    /// The partitions it owns.
    pub partitions: Vec<i32>,
}

/// How a stage fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Not ready yet.
    Starting,
    /// At work, or ready for it.
    Ready,
    /// Something it needs is away; it goes on when that returns.
    Waiting,
    /// A person let it stand still.
    Paused,
    /// Stopped until a person acts.
    Halted,
}

record_layout!(Status { instance, software, started_at, at, stages });
record_layout!(StageStatus { stage, subject, condition, why, flow_ordinal, partitions });
enum_layout!(Condition { Starting, Ready, Waiting, Paused, Halted });
