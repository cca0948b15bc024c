//! What becomes of a record by two mappings, document by document. Pure.

use weir_model::{
    document::Verdict,
    lookup::{Lookups, Missing},
    processor::{Input, Mapped, Processed, Processor as _},
};

use super::fields::{FieldChange, differences, tree};
use crate::project::Flow;

/// What stands for a field where a record counts as removed by one mapping alone.
const REMOVED: &str = "(deleted)";

/// A mapping, with what is needed to name what it makes.
pub struct Side<'f> {
    flow: &'f Flow,
    /// The columns of its table; `None` for a target that takes documents.
    columns: Option<Vec<String>>,
}

impl<'f> Side<'f> {
    /// The mapping of a flow.
    pub fn of(flow: &'f Flow) -> Self {
        Self { flow, columns: weir_cases::columns(&flow.spec) }
    }
}

/// How the new mapping's document stands to the old one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The values are the same.
    Same,
    /// Some values differ.
    Changed,
    /// It has another business key.
    KeyChanged,
    /// It was not delivered, and is now.
    Accepted,
    /// It was delivered, filtered or waited, and is refused now.
    Refused,
    /// It is refused for another reason than before.
    RefusedOtherwise,
    /// A rule of the flow leaves it out now.
    Filtered,
    /// It waits for a reference row now.
    Waiting,
    /// The record becomes more documents.
    Added,
    /// The record becomes fewer documents.
    Gone,
}

impl Kind {
    /// All of them, in the order they are told.
    pub const ALL: [Self; 10] = [
        Self::Same,
        Self::Changed,
        Self::KeyChanged,
        Self::Accepted,
        Self::Refused,
        Self::RefusedOtherwise,
        Self::Filtered,
        Self::Waiting,
        Self::Added,
        Self::Gone,
    ];

    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::KeyChanged => "key_changed",
            Self::Accepted => "newly_delivered",
            Self::Refused => "newly_refused",
            Self::RefusedOtherwise => "refused_otherwise",
            Self::Filtered => "newly_filtered",
            Self::Waiting => "newly_waiting",
            Self::Added => "further",
            Self::Gone => "gone",
        }
    }
}

/// A document and what is otherwise about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentChange {
    /// What people call it.
    pub number: String,
    /// How it stands.
    pub kind: Kind,
    /// What tells its kind from others: the refusal's code and field, the rule, the collection.
    pub cause: String,
    /// In words what it was and is, where no fields say so.
    pub was: String,
    /// See `was`.
    pub is: String,
    /// The values that differ.
    pub fields: Vec<FieldChange>,
}

/// Maps a record by both and compares what comes of it.
pub fn compare(input: &Input, rows: &dyn Lookups, old: &Side<'_>, new: &Side<'_>) -> Vec<DocumentChange> {
    let was = states(old.flow.mapping.process(input, rows));
    let is = states(new.flow.mapping.process(input, rows));
    let count = was.len().max(is.len());
    (0..count)
        .map(|part| {
            let (was, is) = (was.get(part), is.get(part));
            let number = number([is, was], input);
            DocumentChange { number, ..change(was, is, old, new) }
        })
        .collect()
}

/// What a mapping makes of one part of a record.
enum State {
    Document(Mapped),
    Waits(Missing),
}

fn states(processed: Processed) -> Vec<State> {
    match processed {
        Processed::One(mapped) => vec![State::Document(mapped)],
        Processed::Parts(parts) => parts.into_iter().map(State::Document).collect(),
        Processed::Waits(missing) => vec![State::Waits(missing)],
    }
}

/// The number that people know; the record's id where neither mapping tells one.
fn number(states: [Option<&State>; 2], input: &Input) -> String {
    let told = states.into_iter().flatten().find_map(|state| match state {
        State::Document(mapped) if !mapped.number.is_empty() => Some(mapped.number.clone()),
        State::Document(mapped) if !mapped.key.is_empty() => Some(mapped.key.clone()),
        State::Document(_) | State::Waits(_) => None,
    });
    told.unwrap_or_else(|| input.record.id.to_string())
}

fn change(was: Option<&State>, is: Option<&State>, old: &Side<'_>, new: &Side<'_>) -> DocumentChange {
    let told = |kind, cause: String| DocumentChange {
        number: String::new(),
        kind,
        cause,
        was: was.map(words).unwrap_or_default(),
        is: is.map(words).unwrap_or_default(),
        fields: Vec::new(),
    };
    let (Some(was), Some(is)) = (was, is) else {
        return told(if was.is_none() { Kind::Added } else { Kind::Gone }, String::new());
    };
    let (former, cause) = (ending(was), ending(is));
    match (&former, &cause) {
        (Ending::Delivered(was), Ending::Delivered(is)) => {
            let fields = values(was, is, old, new);
            let kind = match (was.key == is.key, fields.is_empty()) {
                (false, _) => Kind::KeyChanged,
                (true, false) => Kind::Changed,
                (true, true) => Kind::Same,
            };
            let keys =
                if kind == Kind::KeyChanged { (was.key.clone(), is.key.clone()) } else { Default::default() };
            DocumentChange { was: keys.0, is: keys.1, fields, ..told(kind, String::new()) }
        }
        (Ending::Refused(was), Ending::Refused(is)) if was != is => told(Kind::RefusedOtherwise, is.clone()),
        (Ending::Refused(_), Ending::Refused(_))
        | (Ending::Filtered(_), Ending::Filtered(_))
        | (Ending::Waits(_), Ending::Waits(_)) => told(Kind::Same, String::new()),
        (_, Ending::Delivered(_)) => told(Kind::Accepted, String::new()),
        (_, Ending::Refused(why)) => told(Kind::Refused, why.clone()),
        (_, Ending::Filtered(rule)) => told(Kind::Filtered, rule.clone()),
        (_, Ending::Waits(collection)) => told(Kind::Waiting, collection.clone()),
    }
}

/// The values that differ between two documents.
fn values(was: &Mapped, is: &Mapped, old: &Side<'_>, new: &Side<'_>) -> Vec<FieldChange> {
    let mut changes = if was.body == is.body && old.columns == new.columns {
        Vec::new()
    } else {
        differences(&tree(&was.body, old.columns.as_deref()), &tree(&is.body, new.columns.as_deref()))
    };
    if was.deleted != is.deleted {
        let (old, new) = (Some(was.deleted.into()), Some(is.deleted.into()));
        changes.push(FieldChange { field: REMOVED.to_owned(), place: REMOVED.to_owned(), old, new });
    }
    changes
}

/// Where a document ends, with what tells one such ending from another.
enum Ending<'s> {
    Delivered(&'s Mapped),
    Filtered(String),
    Refused(String),
    Waits(String),
}

fn ending(state: &State) -> Ending<'_> {
    match state {
        // Without a time to wait the processor refuses it.
        State::Waits(missing) if missing.wait_max.is_none() => {
            Ending::Refused(format!("M-MISSING {}", missing.collection))
        }
        State::Waits(missing) => Ending::Waits(missing.collection.clone()),
        State::Document(mapped) => match &mapped.verdict {
            Verdict::Mapped => Ending::Delivered(mapped),
            Verdict::Filtered(rule) => Ending::Filtered(rule.clone()),
            Verdict::Refused(refusal) => {
                let field = refusal.field.as_deref().map(|field| format!(" {field}")).unwrap_or_default();
                Ending::Refused(format!("{}{field}", refusal.code.as_str()))
            }
        },
    }
}

/// What became of it, in a few words that need no language.
fn words(state: &State) -> String {
    match state {
        State::Waits(missing) => format!("{} {}", missing.collection, missing.reference),
        State::Document(mapped) => match &mapped.verdict {
            Verdict::Mapped => mapped.key.clone(),
            Verdict::Filtered(rule) => rule.clone(),
            Verdict::Refused(refusal) => refusal.to_string(),
        },
    }
}
