//! One record through every step of a flow, told step by step. The steps are those of the running system: an
//! explanation listens to the same code ([`crate::trace`]) and ends with its outcome.

use std::cell::RefCell;

use weir_model::{
    Json,
    flow::Severity,
    lookup::Lookups,
    processor::{Input, Processed},
};

use crate::{
    flow::CompiledFlow,
    trace::{Trace, Watch},
};

/// Stands before the path of a field that only removed records have.
pub const ON_DELETE: &str = "on_delete.";

/// What became of a record, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The number shown to people.
    pub number: String,
    /// Whether the record counts as removed at its source.
    pub deletion: DeletionStep,
    /// The filter's verdict and every condition.
    pub filter: FilterStep,
    /// The rows that checks and mapping see: the flattened ones, or the record itself.
    pub rows: Vec<Json>,
    /// The checks, in the flow's order, as far as they came.
    pub checks: Vec<CheckStep>,
    /// The documents; of a refused one the fields up to the refusal.
    pub parts: Vec<PartStep>,
    /// The outcome, the same as [`weir_model::processor::Processor::process`] gives.
    pub processed: Processed,
}

/// Whether a record counts as removed at its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletionStep {
    /// Whether it does.
    pub removed: bool,
    /// Whether the source itself said so.
    pub by_source: bool,
    /// `deleted_when` in words; empty when the flow has none.
    pub rule: String,
    /// Its conditions, also those that did not decide.
    pub conditions: Vec<ConditionStep>,
}

/// What the filter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterStep {
    /// Whether the record stays.
    pub verdict: FilterVerdict,
    /// The rule in words; empty when the flow has no filter.
    pub rule: String,
    /// Every condition, also those that did not decide.
    pub conditions: Vec<ConditionStep>,
}

/// The filter's verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterVerdict {
    /// The record did not come to the filter.
    #[default]
    NotReached,
    /// It stays.
    Kept,
    /// It is left out.
    Dropped,
    /// A condition could not be decided: the record is refused.
    Undecided,
}

/// One condition of the filter on this record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConditionStep {
    /// Where it stands in the file.
    pub path: String,
    /// The condition in words.
    pub text: String,
    /// The value compared, of every row for a field of rows.
    pub value: String,
    /// Whether it holds; for a field of rows, whether a row is left.
    pub passed: bool,
    /// How many rows it removes.
    pub removed_rows: usize,
}

/// One check on this record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckStep {
    /// Its name.
    pub name: String,
    /// What a failure means.
    pub severity: Severity,
    /// Whether the record fulfils it.
    pub passed: bool,
    /// The rule in words; when it failed, what failed and with which values.
    pub text: String,
    /// The rows that fail, counted from 0; empty for a check of the record itself.
    pub rows: Vec<usize>,
}

/// One document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartStep {
    /// Its fields, in the document's order.
    pub fields: Vec<FieldStep>,
    /// The document; `None` when it was refused.
    pub document: Option<Json>,
}

/// One field of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldStep {
    /// Its place, such as `FEntity[0].FQty`; for a SQL target the row and the column, `rows[0].amount`.
    pub path: String,
    /// The expression; `None` for an item that has only a default.
    pub expression: Option<String>,
    /// What the expression reads, and the values.
    pub inputs: Vec<(String, String)>,
    /// The parser's name.
    pub parser: Option<String>,
    /// The value as JSON text; `None` when the field is left out.
    pub value: Option<String>,
    /// Why the field refuses the document.
    pub problem: Option<String>,
}

/// A field that a flow maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// Its path in the document, or its column.
    pub path: String,
    /// The expression; `None` for an item that has only a default.
    pub expression: Option<String>,
    /// The branches of the expression, in the order in which a probe numbers them.
    pub branches: Vec<String>,
}

impl CompiledFlow {
    /// Maps one record and tells every step.
    pub fn explain(&self, input: &Input, lookups: &dyn Lookups) -> Explanation {
        let trace = RefCell::new(Trace::default());
        let (number, processed) = self.run(input, lookups, None, Watch::new(&trace));
        let Trace { deletion, filter, rows, checks, parts, .. } = trace.into_inner();
        Explanation { number, deletion, filter, rows, checks, parts, processed }
    }

    /// Every field that the flow maps, in order; those that only removed records have come last, below `on_delete`.
    pub fn fields(&self) -> Vec<FieldInfo> {
        let mut fields = self.mapping().fields();
        fields.extend(self.removal().fields());
        fields
    }
}
