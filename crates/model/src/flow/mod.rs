//! A flow as its YAML file tells it: source → filter → flatten → check → map → target.
//!
//! The file has keys of ours, read strictly, and two `metadata` sections in the seeds' own language (contract
//! qeasy-metadata), whose unknown keys are kept with a warning.

mod columns;
mod endings;
mod fragment;
pub mod language;
mod metadata;
mod receipts;
mod reconcile;
mod rules;
mod spec;

pub use columns::{Column, ColumnType, TableSpec};
pub use endings::{HaltAfter, OnLeave};
pub use fragment::{FragmentSide, FragmentSpec};
pub use language::Language;
pub use metadata::{
    ConditionItem, DerivedField, GroupCalculate, Item, OmissionRemedy, Operation, Parser, SourceMetadata,
    TargetMetadata,
};
pub use reconcile::ReconcileSpec;
pub use rules::{CheckSpec, LookupSpec, OnDelete, OnMissing, RULES, Rule, Severity};
pub use spec::{FlowSpec, Poll, SourceSpec, StartFrom, TargetSpec};
