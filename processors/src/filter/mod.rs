//! `condition` (contract qeasy-metadata §8): an OR of ANDs over the record and over the rows of its lists. It stands
//! before flattening. `condition_bk` is a second one where the flow says `condition_bk: apply`; both must hold.

mod condition;

use weir_expr::{Cause, Context, KeptRows, Scope};
use weir_model::{
    flow::{ConditionItem, SourceMetadata, language::ConditionBk, language::NoRowsLeft},
    outcome::Refusal,
    settings::{Localized, Problems},
};

use self::condition::{Condition, Verdict, in_words};
use crate::{
    codes,
    explain::{ConditionStep, FilterStep, FilterVerdict},
};

/// The filter of a flow.
#[derive(Debug, Default)]
pub struct Filter {
    /// `condition`, and `condition_bk` where it is applied; all must hold.
    rules: Vec<Rule>,
    /// Whether a record whose rows were all removed stays.
    keep_without_rows: bool,
}

/// An OR of ANDs.
#[derive(Debug)]
pub struct Rule {
    alternatives: Vec<Vec<Condition>>,
    /// The rule in words, for the verdict.
    words: String,
}

/// Which rows of which lists stay; a list that is not named keeps all.
#[derive(Clone, Debug, Default)]
pub struct RowMasks(Vec<(String, Vec<bool>)>);

impl RowMasks {
    /// Which rows of `list` stay; `None` keeps all.
    pub fn of(&self, list: &str) -> Option<&[bool]> {
        self.0.iter().find(|(name, _)| name == list).map(|(_, mask)| mask.as_slice())
    }

    /// Removes the rows of `list` that the filter removed.
    pub fn retain<T>(&self, list: &str, rows: &mut Vec<T>) {
        if let Some(mask) = self.of(list) {
            let mut kept = mask.iter();
            rows.retain(|_| kept.next().copied().unwrap_or(false));
        }
    }

    /// The rows that stay of all lists but one.
    #[must_use]
    pub fn without(&self, list: &str) -> Self {
        Self(self.0.iter().filter(|(name, _)| name != list).cloned().collect())
    }

    /// Keeps only the rows that `mask` keeps too.
    fn restrict(&mut self, list: &str, mask: Vec<bool>) {
        match self.0.iter_mut().find(|(known, _)| known == list) {
            Some((_, both)) => both.iter_mut().zip(mask).for_each(|(kept, keep)| *kept &= keep),
            None => self.0.push((list.to_owned(), mask)),
        }
    }

    /// Whether a list has lost all its rows.
    fn has_emptied(&self) -> bool {
        self.0.iter().any(|(_, mask)| !mask.contains(&true))
    }
}

impl KeptRows for RowMasks {
    fn retain(&self, list: &str, rows: &mut Vec<&str>) {
        Self::retain(self, list, rows);
    }
}

/// What the filter says of a record.
#[derive(Debug)]
pub enum Decision {
    /// It stays, with these rows.
    Keep(RowMasks),
    /// It is left out by the rule.
    Drop(String),
}

impl Filter {
    /// Compiles the filter of a source; what is wrong with it goes into `problems`.
    pub fn compile(source: &SourceMetadata, scope: &mut Scope, problems: &mut Problems) -> Self {
        let keep_without_rows = scope.language().no_rows_left == NoRowsLeft::Keep;
        let mut rules: Vec<Rule> =
            Rule::compile("condition", &source.condition, scope, problems).into_iter().collect();
        if !source.condition_bk.is_empty() {
            let applied = scope.language().condition_bk == ConditionBk::Apply;
            report_parked(&source.path, applied, problems);
            if applied {
                rules.extend(Rule::compile("condition_bk", &source.condition_bk, scope, problems));
            }
        }
        Self { rules, keep_without_rows }
    }

    /// Decides about a record.
    pub fn decide(&self, context: &Context<'_, '_>) -> Result<Decision, Refusal> {
        let mut masks = RowMasks::default();
        for rule in &self.rules {
            let Some(kept) = rule.accepts(context)? else { return Ok(Decision::Drop(rule.words.clone())) };
            for (list, mask) in kept.0 {
                masks.restrict(&list, mask);
            }
            if !self.keep_without_rows && masks.has_emptied() {
                return Ok(Decision::Drop(rule.words.clone()));
            }
        }
        Ok(Decision::Keep(masks))
    }

    /// Tells the verdict and how every condition stands, also those that did not decide.
    pub fn explain(&self, context: &Context<'_, '_>, decision: &Result<Decision, Refusal>) -> FilterStep {
        let verdict = match decision {
            Ok(Decision::Keep(_)) => FilterVerdict::Kept,
            Ok(Decision::Drop(_)) => FilterVerdict::Dropped,
            Err(_) => FilterVerdict::Undecided,
        };
        let words: Vec<&str> = self.rules.iter().map(|rule| rule.words.as_str()).collect();
        FilterStep {
            verdict,
            rule: words.join("; "),
            conditions: self.rules.iter().flat_map(|rule| rule.explain(context)).collect(),
        }
    }
}

/// `condition_bk` is never passed over in silence: no source decides what it means (contract qeasy-metadata §8).
fn report_parked(path: &str, applied: bool, problems: &mut Problems) {
    let path = format!("{path}.condition_bk");
    if applied {
        let message = Localized::new(
            "condition_bk 与 condition 同时作为过滤条件",
            "condition_bk filters beside condition; both must hold",
        );
        problems.warn(path, message);
        return;
    }
    problems.warn_with(
        path,
        Localized::new(
            "condition_bk 按停用的备份处理，不起过滤作用",
            "condition_bk is taken for a parked copy and filters nothing",
        ),
        Localized::new(
            "如需过滤，写 language: {condition_bk: apply}",
            "write language: {condition_bk: apply} to filter by it",
        ),
    );
}

impl Rule {
    /// Compiles the rule that stands under `key`. `None` when it has no condition.
    pub fn compile(
        key: &str,
        alternatives: &[Vec<ConditionItem>],
        scope: &mut Scope,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut compiled = Vec::new();
        let mut words = Vec::new();
        for alternative in alternatives.iter().filter(|alternative| !alternative.is_empty()) {
            let items = alternative.iter();
            compiled.push(items.filter_map(|item| Condition::compile(item, scope, problems)).collect());
            words.push(alternative.iter().map(in_words).collect::<Vec<_>>().join(" and "));
        }
        let words = format!("{key}: {}", words.join(" or "));
        (!compiled.is_empty()).then_some(Self { alternatives: compiled, words })
    }

    /// The rule in words.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Whether a record fulfils it; conditions on rows hold when a row is left.
    pub fn holds(&self, context: &Context<'_, '_>) -> Result<bool, Refusal> {
        Ok(self.accepts(context)?.is_some_and(|rows| !rows.has_emptied()))
    }

    /// How every condition stands, also those that did not decide.
    pub fn explain(&self, context: &Context<'_, '_>) -> Vec<ConditionStep> {
        self.alternatives.iter().flatten().map(|condition| condition.explain(context)).collect()
    }

    /// The rows that stay; `None` when the rule leaves the record out.
    fn accepts(&self, context: &Context<'_, '_>) -> Result<Option<RowMasks>, Refusal> {
        let mut live = Vec::new();
        for alternative in &self.alternatives {
            live.extend(accepted_rows(alternative, context)?);
        }
        if live.is_empty() {
            return Ok(None);
        }
        if live.iter().any(|masks| masks.0.is_empty()) {
            return Ok(Some(RowMasks::default()));
        }
        Ok(Some(either(live)))
    }
}

/// The rows that an AND of conditions accepts; `None` when it does not accept the record.
fn accepted_rows(conditions: &[Condition], context: &Context<'_, '_>) -> Result<Option<RowMasks>, Refusal> {
    let mut masks = RowMasks::default();
    for condition in conditions {
        let refuse = |cause: Cause| {
            let message = format!("the condition at {} cannot be decided: {cause}", condition.path);
            Refusal::new(codes::CONDITION, message).at(condition.field())
        };
        match condition.decide(context).map_err(refuse)? {
            Verdict::Record(false) => return Ok(None),
            Verdict::Record(true) => {}
            Verdict::Rows(_, mask) if condition.strict => {
                if mask.contains(&false) {
                    return Ok(None);
                }
            }
            Verdict::Rows(list, mask) => masks.restrict(list, mask),
        }
    }
    Ok(Some(masks))
}

/// The rows that at least one alternative accepts; one that does not speak of a list accepts all its rows.
fn either(live: Vec<RowMasks>) -> RowMasks {
    let alternatives = live.len();
    let mut merged: Vec<(String, Vec<bool>, usize)> = Vec::new();
    for (name, mask) in live.into_iter().flat_map(|masks| masks.0) {
        match merged.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, any, count)) => {
                any.iter_mut().zip(mask).for_each(|(kept, keep)| *kept |= keep);
                *count += 1;
            }
            None => merged.push((name, mask, 1)),
        }
    }
    let spoken = merged.into_iter().filter(|(_, _, count)| *count == alternatives);
    RowMasks(spoken.map(|(name, mask, _)| (name, mask)).collect())
}
