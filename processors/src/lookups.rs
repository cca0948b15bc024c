//! What a flow makes of a lookup's answer: `on_missing`, `several_matches`, and one question to the table per row and
//! record (contract qeasy-metadata §4, design §6).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use weir_model::{
    flow::{FlowSpec, LookupSpec, OnMissing, language::SeveralMatches},
    lookup::{Found, LookupError, Lookups, Missing, Query},
};

/// What the flow says about its lookups.
#[derive(Debug, Default)]
pub struct LookupRules {
    by_collection: BTreeMap<String, LookupSpec>,
    several: SeveralMatches,
}

impl LookupRules {
    /// The rules of a flow, by collection; `lookups:` may name a collection by its alias too.
    pub fn of(flow: &FlowSpec) -> Self {
        let name = |name: &String| flow.aliases.get(name).unwrap_or(name).clone();
        Self {
            by_collection: flow.lookups.iter().map(|(known, spec)| (name(known), *spec)).collect(),
            several: flow.language.several_matches,
        }
    }
}

/// The reference rows as one record sees them.
pub struct RecordLookups<'l> {
    rows: &'l dyn Lookups,
    rules: &'l LookupRules,
    /// Answers to this record, by collection, field and reference. A record's rows often ask the same again.
    answers: Mutex<HashMap<(String, String, String), Answer>>,
}

type Answer = Result<Option<Found>, LookupError>;

impl<'l> RecordLookups<'l> {
    /// Rows under the rules of a flow, for one record.
    pub fn new(rows: &'l dyn Lookups, rules: &'l LookupRules) -> Self {
        Self { rows, rules, answers: Mutex::default() }
    }

    fn ask(&self, query: &Query<'_>) -> Answer {
        let Some(found) = self.rows.find(query)? else { return self.missing(query) };
        if found.several && self.rules.several == SeveralMatches::Reject {
            let collection = query.collection.to_owned();
            return Err(LookupError::Several { collection, reference: query.reference() });
        }
        Ok(Some(found))
    }

    fn missing(&self, query: &Query<'_>) -> Answer {
        let spec = self.rules.by_collection.get(query.collection).copied().unwrap_or_default();
        let wait_max = match spec.on_missing {
            OnMissing::Empty => return Ok(None),
            OnMissing::Reject => None,
            OnMissing::Wait => Some(spec.wait_max),
        };
        Err(LookupError::Missing(Missing {
            collection: query.collection.to_owned(),
            reference: query.reference(),
            wait_max,
        }))
    }
}

impl Lookups for RecordLookups<'_> {
    fn find(&self, query: &Query<'_>) -> Answer {
        let asked = (query.collection.to_owned(), query.field.to_owned(), query.reference());
        // The map is whole even if another thread died while it held the lock.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.entry(asked).or_insert_with(|| self.ask(query)).clone()
    }
}
