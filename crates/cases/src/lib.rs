//! Tests of flows: records in, documents or refusals out, read from `*.test.yaml` and run without Kafka.
//!
//! Pure: the caller reads the files and hands in their text. [`Suite::parse`] reads a test file, [`Runner`] runs its cases
//! against a compiled flow, [`Coverage`] counts what of the flow they touched, [`junit`] writes what CI systems read.

mod compare;
mod coverage;
mod input;
pub mod junit;
mod run;
mod spec;

pub use compare::Difference;
pub use coverage::{BranchCoverage, CheckCoverage, Coverage, FieldCoverage};
pub use input::input;
pub use run::{CaseResult, Runner, by_column, columns};
pub use spec::{Case, Expectation, Expected, ReadFile, Row, Rows, Suite, local_time, lookups};
