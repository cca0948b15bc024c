//! The differences of many records, grouped and counted. Pure; its size does not grow with the records, but for the list
//! that somebody asked for.

use std::collections::BTreeMap;

use weir_model::{Json, decimal::Decimal};

use super::compare::{DocumentChange, Kind};
use crate::masking::Mask;

/// What is kept of the differences.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Examples of each group.
    pub examples: usize,
    /// Whether every document that changes is listed.
    pub list: bool,
}

/// The differences so far.
#[derive(Debug)]
pub struct Summary {
    extent: Extent,
    /// Records that were mapped.
    pub records: u64,
    /// Documents by how they stand.
    pub documents: BTreeMap<Kind, u64>,
    /// Values that differ, by their field.
    fields: BTreeMap<String, Group>,
    /// Documents that end otherwise, by how and why.
    endings: BTreeMap<(Kind, String), Group>,
    /// The documents that change, when they are listed.
    pub list: Vec<Listed>,
}

/// Differences of one kind.
#[derive(Clone, Debug)]
pub struct Group {
    /// Documents that have it.
    pub documents: u64,
    /// Values that differ; of some documents there are several.
    pub values: u64,
    /// What the numbers grew by in all; `None` where values are no numbers.
    pub sum: Option<Decimal>,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The document.
    pub number: String,
    /// Where in it; empty for the document as a whole.
    pub place: String,
    /// What it was.
    pub old: Option<Json>,
    /// What it is.
    pub new: Option<Json>,
}

/// A document that changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The document.
    pub number: String,
    /// The record that it is made of.
    pub record: String,
    /// How it stands.
    pub kind: Kind,
    /// Why, or which fields differ.
    pub what: String,
}

impl Default for Group {
    fn default() -> Self {
        Self { documents: 0, values: 0, sum: Some(Decimal::zero()), examples: Vec::new() }
    }
}

impl Summary {
    /// Nothing yet.
    pub fn new(extent: Extent) -> Self {
        Self {
            extent,
            records: 0,
            documents: BTreeMap::new(),
            fields: BTreeMap::new(),
            endings: BTreeMap::new(),
            list: Vec::new(),
        }
    }

    /// Takes the documents of a record in; `mask` is asked for where an example is kept.
    pub fn take<'m>(&mut self, record: &str, changes: Vec<DocumentChange>, mask: impl Fn() -> Mask<'m>) {
        self.records += 1;
        for change in changes {
            *self.documents.entry(change.kind).or_default() += 1;
            if change.kind == Kind::Same {
                continue;
            }
            if self.extent.list {
                self.list.push(listed(record, &change));
            }
            self.take_fields(&change, &mask);
            if change.kind != Kind::Changed {
                self.take_ending(change, &mask);
            }
        }
    }

    fn take_fields<'m>(&mut self, change: &DocumentChange, mask: &impl Fn() -> Mask<'m>) {
        let mut seen = std::collections::BTreeSet::new();
        for value in &change.fields {
            let group = self.fields.entry(value.field.clone()).or_default();
            group.documents += u64::from(seen.insert(&value.field));
            group.values += 1;
            let grown = growth(value.old.as_ref(), value.new.as_ref());
            group.sum = group
                .sum
                .take()
                .zip(grown)
                .map(|(sum, grown)| sum.as_big() + grown.as_big())
                .map(Decimal::from);
            if group.examples.len() < self.extent.examples {
                let mask = mask();
                let shown = |value: &Option<Json>| value.as_ref().map(|value| mask.json(value));
                group.examples.push(Example {
                    number: change.number.clone(),
                    place: value.place.clone(),
                    old: shown(&value.old),
                    new: shown(&value.new),
                });
            }
        }
    }

    fn take_ending<'m>(&mut self, change: DocumentChange, mask: &impl Fn() -> Mask<'m>) {
        let group = self.endings.entry((change.kind, change.cause)).or_default();
        group.documents += 1;
        if group.examples.len() < self.extent.examples {
            let mask = mask();
            let shown = |text: String| (!text.is_empty()).then(|| mask.json(&Json::String(text)));
            let (old, new) = (shown(change.was), shown(change.is));
            group.examples.push(Example { number: change.number, place: String::new(), old, new });
        }
    }

    /// Documents that stand so.
    pub fn count(&self, kind: Kind) -> u64 {
        self.documents.get(&kind).copied().unwrap_or_default()
    }

    /// Whether anything would change.
    pub fn has_changes(&self) -> bool {
        self.documents.keys().any(|kind| *kind != Kind::Same)
    }

    /// The fields whose values differ, those of most documents first.
    pub fn fields(&self) -> Vec<(&str, &Group)> {
        let mut fields: Vec<(&str, &Group)> =
            self.fields.iter().map(|(name, group)| (name.as_str(), group)).collect();
        fields.sort_by_key(|(_, group)| std::cmp::Reverse(group.documents));
        fields
    }

    /// The documents that end otherwise, the largest group first.
    pub fn endings(&self) -> Vec<(Kind, &str, &Group)> {
        let each = self.endings.iter().map(|((kind, cause), group)| (*kind, cause.as_str(), group));
        let mut endings: Vec<(Kind, &str, &Group)> = each.collect();
        endings.sort_by_key(|(_, _, group)| std::cmp::Reverse(group.documents));
        endings
    }
}

fn listed(record: &str, change: &DocumentChange) -> Listed {
    let what = if change.fields.is_empty() {
        change.cause.clone()
    } else {
        let mut fields: Vec<&str> = change.fields.iter().map(|value| value.field.as_str()).collect();
        fields.sort_unstable();
        fields.dedup();
        fields.join(", ")
    };
    Listed { number: change.number.clone(), record: record.to_owned(), kind: change.kind, what }
}

/// What a number grew by; nothing counts as zero beside a number.
fn growth(old: Option<&Json>, new: Option<&Json>) -> Option<Decimal> {
    let zero = Decimal::zero();
    let (old, new) = match (old.map(number), new.map(number)) {
        (Some(old), Some(new)) => (old?, new?),
        (Some(old), None) => (old?, zero),
        (None, Some(new)) => (zero, new?),
        (None, None) => return None,
    };
    Some(Decimal::from(new.as_big() - old.as_big()))
}

/// A number as JSON or as text (invariant 5). Text with leading zeros names something, such as a customer.
fn number(value: &Json) -> Option<Decimal> {
    match value {
        Json::Number(number) => number.to_string().parse().ok(),
        Json::String(text) => {
            let digits = text.trim_start_matches('-');
            let is_name = digits.starts_with('0') && !digits.starts_with("0.") && digits != "0";
            if is_name { None } else { text.parse().ok() }
        }
        Json::Null => Some(Decimal::zero()),
        Json::Bool(_) | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::fields::FieldChange, *};
    use crate::{config::Privacy, masking::Masking};

    fn change(kind: Kind, cause: &str, fields: &[(&str, Json, Json)]) -> DocumentChange {
        let field = |(field, old, new): &(&str, Json, Json)| FieldChange {
            field: (*field).to_owned(),
            place: (*field).to_owned(),
            old: Some(old.clone()),
            new: Some(new.clone()),
        };
        DocumentChange {
            number: "SO1".to_owned(),
            kind,
            cause: cause.to_owned(),
            was: String::new(),
            is: String::new(),
            fields: fields.iter().map(field).collect(),
        }
    }

    fn summary(changes: Vec<DocumentChange>) -> Summary {
        let masking = Masking::of(&Privacy::default(), false);
        let mut summary = Summary::new(Extent { examples: 1, list: true });
        for change in changes {
            summary.take("r", vec![change], || masking.learn([]));
        }
        summary
    }

    #[test]
    fn sums_are_exact_and_only_of_numbers() {
        let price: Json = serde_json::from_str("1.10").unwrap();
        let summary = summary(vec![
            change(Kind::Changed, "", &[("price", price, json!("1.3")), ("note", json!("a"), json!("b"))]),
            change(
                Kind::Changed,
                "",
                &[("price", json!("0.1"), json!("0.3")), ("code", json!("007"), json!("008"))],
            ),
            change(Kind::Same, "", &[]),
        ]);
        let told: Vec<(&str, u64, Option<String>)> = summary
            .fields()
            .into_iter()
            .map(|(name, group)| (name, group.documents, group.sum.as_ref().map(ToString::to_string)))
            .collect();
        assert_eq!(told, [("price", 2, Some("0.40".to_owned())), ("code", 1, None), ("note", 1, None)]);
        assert_eq!((summary.count(Kind::Same), summary.count(Kind::Changed), summary.list.len()), (1, 2, 2));
        assert_eq!(summary.list[0].what, "note, price");
        assert_eq!(summary.fields()[0].1.examples.len(), 1);
    }

    #[test]
    fn endings_are_grouped_by_their_cause() {
        let summary = summary(vec![
            change(Kind::Refused, "M-CHECK price", &[]),
            change(Kind::Refused, "M-EXPRESSION", &[]),
            change(Kind::Refused, "M-EXPRESSION", &[]),
        ]);
        let told: Vec<(&str, u64)> =
            summary.endings().into_iter().map(|(_, cause, group)| (cause, group.documents)).collect();
        assert_eq!(told, [("M-EXPRESSION", 2), ("M-CHECK price", 1)]);
        assert!(summary.has_changes());
    }
}
