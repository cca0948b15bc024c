//! The wire: what stands in Weir's topics, and how it is read for ever.
//!
//! Every topic value has an Avro schema in `avsc/`; the types of `weir-model` cross no wire themselves, their
//! layouts here do. [`Codec`] frames and reads them (design §4): Avro single-object encoding by default, the
//! Confluent frame once a schema registry told its ids.
//!
//! Values are laid out by hand-checked field lists instead of through generic value trees, so that a record's
//! payload is copied once on its way out and never on its way in. What another version wrote is read by Avro's
//! schema resolution. `history/` keeps every version that was ever written, with sample bytes; the tests read
//! them all, and compare each layout with what the Avro library makes of it, field by field.

mod binary;
mod codec;
mod error;
mod layout;
mod registry;
mod wire;

pub use codec::Codec;
pub use error::{DecodeError, LearnError, Malformed};
pub use layout::{
    collection::CollectionRow,
    control::{
        Cancelled, Control, FlowState, FlowText, Job, JobKind, JobLetter, JobProgress, JobState, Reload,
        RunState, TimeRange,
    },
    redo::RedoRecord,
    status::{Condition, StageStatus, Status},
    wait::ParkedRecord,
};
pub use registry::{Registry, RegistryError};
pub use wire::{SchemaVersion, Subject, Wire, subjects};

/// Header that carries the W3C trace context from poll to answer.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// Header that carries why a record is on its way: the text of [`weir_model::record::Reason`].
pub const REASON_HEADER: &str = "weir-reason";

/// Header that carries the id of the job that brought a record.
pub const JOB_HEADER: &str = "weir-job";
