//! What of a flow its tests touched: the fields that got a value, those of removed records apart, the branches that were
//! taken, the checks that held and failed.

use std::cell::RefCell;

use weir_expr::Probe;
use weir_processors::{
    CompiledFlow,
    explain::{Explanation, ON_DELETE},
};

/// Counts over all cases of a flow.
#[derive(Debug)]
pub struct Coverage {
    fields: Vec<Field>,
    checks: Vec<CheckCoverage>,
    /// Calls of the probe, which hears from inside an evaluation.
    taken: RefCell<Vec<(String, Vec<u64>)>>,
}

#[derive(Debug)]
struct Field {
    path: String,
    expression: Option<String>,
    branches: Vec<String>,
    reached: u64,
}

/// A field of the mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCoverage {
    /// Its path in the document, or its column.
    pub path: String,
    /// How many values it got.
    pub reached: u64,
    /// The branches of its expression.
    pub branches: Vec<BranchCoverage>,
}

/// A branch of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchCoverage {
    /// The branch as the expression writes it.
    pub name: String,
    /// How often it was taken.
    pub taken: u64,
}

/// A check of the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckCoverage {
    /// Its name.
    pub name: String,
    /// How many records fulfilled it.
    pub passed: u64,
    /// How many did not.
    pub failed: u64,
}

impl Coverage {
    /// Nothing is covered yet of `flow` and the checks of these names.
    pub fn new<'n>(flow: &CompiledFlow, checks: impl IntoIterator<Item = &'n str>) -> Self {
        let field = |info: weir_processors::explain::FieldInfo| Field {
            path: info.path,
            expression: info.expression,
            branches: info.branches,
            reached: 0,
        };
        let check = |name: &str| CheckCoverage { name: name.to_owned(), passed: 0, failed: 0 };
        Self {
            fields: flow.fields().into_iter().map(field).collect(),
            checks: checks.into_iter().map(check).collect(),
            taken: RefCell::default(),
        }
    }

    /// Takes what happened to one record.
    pub fn observe(&mut self, explanation: &Explanation) {
        let reached = explanation.parts.iter().flat_map(|part| &part.fields);
        for step in reached.filter(|step| step.value.is_some()) {
            let path = without_indexes(&step.path);
            // A column's step stands below its row.
            let column = path.strip_prefix("rows.").unwrap_or(&path);
            let names = [&path, column];
            let is_own = |field: &Field| {
                let own = field.path.strip_prefix(ON_DELETE);
                explanation.deletion.removed && own.is_some_and(|own| names.contains(&own))
            };
            let own = self.fields.iter().position(is_own);
            let at =
                own.or_else(|| self.fields.iter().position(|field| names.contains(&field.path.as_str())));
            if let Some(field) = at.and_then(|at| self.fields.get_mut(at)) {
                field.reached += 1;
            }
        }
        for step in &explanation.checks {
            if let Some(check) = self.checks.iter_mut().find(|check| check.name == step.name) {
                *if step.passed { &mut check.passed } else { &mut check.failed } += 1;
            }
        }
    }

    /// The fields, in the flow's order.
    pub fn fields(&self) -> Vec<FieldCoverage> {
        let taken = self.taken.borrow();
        let field = |field: &Field| {
            let counts = taken.iter().find(|(text, _)| Some(text) == field.expression.as_ref());
            let count = |index| counts.and_then(|(_, counts)| counts.get(index)).copied().unwrap_or_default();
            let branch =
                |(index, name): (usize, &String)| BranchCoverage { name: name.clone(), taken: count(index) };
            FieldCoverage {
                path: field.path.clone(),
                reached: field.reached,
                branches: field.branches.iter().enumerate().map(branch).collect(),
            }
        };
        self.fields.iter().map(field).collect()
    }

    /// The checks, in the flow's order.
    pub fn checks(&self) -> &[CheckCoverage] {
        &self.checks
    }

    /// Covered, and all there is to cover: every field, every branch, and both ends of every check.
    pub fn counts(&self) -> (usize, usize) {
        let fields = self.fields();
        let branches = fields.iter().flat_map(|field| &field.branches).map(|branch| branch.taken > 0);
        let ends = self.checks.iter().flat_map(|check| [check.passed > 0, check.failed > 0]);
        let all: Vec<bool> =
            fields.iter().map(|field| field.reached > 0).chain(branches).chain(ends).collect();
        (all.iter().filter(|covered| **covered).count(), all.len())
    }

    /// Whole percent, rounded down, so that 100 means everything.
    pub fn percent(&self) -> usize {
        let (covered, all) = self.counts();
        (covered * 100).checked_div(all).unwrap_or(100)
    }
}

impl Probe for Coverage {
    fn branch(&self, expression: &str, branch: usize) {
        let mut taken = self.taken.borrow_mut();
        let index = taken.iter().position(|(text, _)| text == expression).unwrap_or_else(|| {
            taken.push((expression.to_owned(), Vec::new()));
            taken.len() - 1
        });
        if let Some((_, counts)) = taken.get_mut(index) {
            if counts.len() <= branch {
                counts.resize(branch + 1, 0);
            }
            if let Some(count) = counts.get_mut(branch) {
                *count += 1;
            }
        }
    }
}

/// `FEntity[0].FQty` is the field `FEntity.FQty`.
fn without_indexes(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            let keep = !inside && *c != '[';
            inside = if inside { *c != ']' } else { *c == '[' };
            keep
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_indexes() {
        assert_eq!(without_indexes("FEntity[10].FLot[0].FQty"), "FEntity.FLot.FQty");
        assert_eq!(without_indexes("FName"), "FName");
    }
}
