//! The comparison itself: what the source says, what was polled, what became of it, and what the target holds. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{Timestamp, civil::Date};
use weir_model::{
    decimal::Decimal, digest::Digest, figures::Figures, names::RecordId, record::Version, target::Holding,
};

/// The newest state of a record on one side.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// Digest of its bytes.
    pub digest: Digest,
    /// Orders it among the states of its record; of a census only the source's time.
    pub version: Version,
    /// The source's time of modification.
    pub modified: Option<Timestamp>,
    /// The number that people know it by.
    pub number: String,
    /// What it counts; its day is within those that are compared.
    pub figures: Figures,
    /// Whether the source says that it was removed.
    pub deleted: bool,
}

/// Records by their id.
pub type Records = HashMap<RecordId, Counted>;

/// How a document of a record stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fate {
    /// The state that was delivered: its source digest, its business key as a holding, whether it was repaired, and what it is
    /// to be held as. `None` for nothing; the holdings are `None` where the document is no longer kept.
    pub delivered: Option<Delivered>,
    /// The newest state that was decided.
    pub version: Option<Version>,
    /// Why the newest attempt was refused, of which source digest: code and message.
    pub refused: Option<(Digest, String, String)>,
    /// Whether a person gave that refusal up.
    pub is_given_up: bool,
    /// Whether it is being sent.
    pub is_sending: bool,
    /// The row that it waits for.
    pub waiting: Option<(String, String)>,
    /// The rule that left it out, of the newest document.
    pub filtered: Option<(Version, String)>,
}

impl Fate {
    /// What was delivered and is still to be there.
    fn held(&self) -> Option<&Delivered> {
        self.delivered.as_ref().filter(|delivered| delivered.is_held)
    }

    /// Code and message of the newest attempt, when it was refused.
    fn refusal(&self) -> Option<(String, String)> {
        self.refused.as_ref().map(|(_, code, message)| (code.clone(), message.clone()))
    }
}

/// What was delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Digest of the source's bytes that it was made of.
    pub source_digest: Digest,
    /// Digest of the document.
    pub document_digest: Digest,
    /// The key of the holding that its business key names.
    pub key: String,
    /// Whether its bytes were repaired by a person.
    pub repaired: bool,
    /// Whether it is still to be there: it was not taken back.
    pub is_held: bool,
    /// Whether a rule leaves the record out since, and what was written stays.
    pub is_kept: bool,
    /// What the target is to hold; `None` where the document is no longer there to tell.
    pub expected: Option<Vec<Holding>>,
}

/// Fates by record, a document of the record each.
pub type Fates = HashMap<RecordId, Vec<Fate>>;

/// Everything that is compared.
#[derive(Debug, Default)]
pub struct Sides {
    /// What the source lists; `None` when it was not asked.
    pub source: Option<Records>,
    /// Records that changed at the source after this are not yet expected in the topic.
    pub settled_until: Option<Timestamp>,
    /// What was polled.
    pub topic: Records,
    /// What became of it.
    pub fates: Fates,
    /// What the target holds: of the day, and under the keys that were delivered.
    pub held: Vec<Holding>,
    /// Keys of holdings that belong to records of other days, or of records that were polled too long ago.
    pub of_others: HashSet<String>,
}

/// Why a record is no difference although the target does not hold its newest state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Explained {
    /// A rule of the flow leaves it out.
    Filtered,
    /// It was removed at the source.
    Removed,
    /// It was refused, and a person gave it up.
    GivenUp,
    /// It was written before a rule left it out, and stays (`on_leave: keep`).
    Kept,
    /// The source changed it a moment ago.
    Fresh,
    /// It is there, and what it was to hold is no longer known.
    Unweighed,
    /// The target holds it for a record of another day, or one that was polled too long ago.
    OtherDay,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The source has it and it was never polled.
    NotPolled,
    /// Another state of it was polled than the source has.
    PolledOlder,
    /// It was polled, and the source does not list it.
    NotAtSource,
    /// Its newest state was refused: code and message.
    Refused(String, String),
    /// It waits for a row of a collection: the collection and the row.
    Waiting(String, String),
    /// It is on its way.
    OnItsWay,
    /// It was delivered, and the target does not hold it.
    Missing,
    /// The target holds something else.
    Differs,
    /// The target holds it, and nothing of ours is known under its key.
    TooMany,
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// The record; `None` for what nobody knows.
    pub record: Option<RecordId>,
    /// The number that people know it by.
    pub number: String,
    /// The business key at the target; empty when it never had one.
    pub key: String,
    /// What should be.
    pub expected: Option<Figures>,
    /// What is.
    pub found: Option<Figures>,
    /// The day that it is counted for.
    pub day: Option<Date>,
    /// The shop that it is counted for.
    pub shop: String,
    /// The source's time of modification, where it is known.
    pub modified: Option<Timestamp>,
    /// Whether what was delivered was repaired by a person, so that the source's bytes must not take its place.
    pub repaired: bool,
    /// Why the target refused the newest attempt to write it: code and message.
    pub refusal: Option<(String, String)>,
}

impl Difference {
    fn of(kind: Kind, id: &RecordId, record: &Counted) -> Self {
        Self {
            kind,
            record: Some(id.clone()),
            number: if record.number.is_empty() { id.to_string() } else { record.number.clone() },
            key: String::new(),
            expected: None,
            found: None,
            day: record.figures.day,
            shop: record.figures.shop.clone(),
            modified: record.modified,
            repaired: false,
            refusal: None,
        }
    }

    /// Whether reading it from the source again mends it.
    pub fn is_mendable(&self) -> bool {
        matches!(self.kind, Kind::NotPolled | Kind::PolledOlder | Kind::Missing | Kind::Differs)
            && !self.repaired
            && self.record.is_some()
    }
}

/// Counts of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// Records, or documents.
    pub records: u64,
    /// Pieces.
    pub pieces: Option<Decimal>,
    /// Money.
    pub amount: Option<Decimal>,
}

impl Sum {
    fn add(&mut self, figures: &Figures) {
        self.records += 1;
        add_number(&mut self.pieces, figures.pieces.as_ref());
        add_number(&mut self.amount, figures.amount.as_ref());
    }
}

fn add_number(sum: &mut Option<Decimal>, number: Option<&Decimal>) {
    let Some(number) = number else { return };
    *sum = Some(match sum.take() {
        Some(sum) => Decimal::from(sum.as_big() + number.as_big()),
        None => number.clone(),
    });
}

/// What a day, or a shop of a day, counts on each side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// At the source; zero when it was not asked.
    pub source: Sum,
    /// In the topic.
    pub topic: Sum,
    /// As it was delivered, by the fields of the target.
    pub delivered: Sum,
    /// As the target holds it.
    pub target: Sum,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Report {
    /// By day and shop; the shop is empty unless shops are counted by themselves.
    pub lines: BTreeMap<(Date, String), Line>,
    /// What differs, by number.
    pub differences: Vec<Difference>,
    /// How many records are no difference, by why.
    pub explained: BTreeMap<Explained, u64>,
}

/// Compares the sides; `by_shop` counts each shop by itself.
pub fn compare(sides: &Sides, by_shop: bool) -> Report {
    let mut work = Work { sides, by_shop, held: HashMap::new(), report: Report::default() };
    for (at, holding) in sides.held.iter().enumerate() {
        work.held.entry(holding.key.as_str()).or_default().push(at);
    }
    if let Some(source) = &sides.source {
        work.source(source);
    }
    for (id, record) in &sides.topic {
        work.record(id, record);
    }
    work.leftovers();
    work.report
        .differences
        .sort_by(|one, other| (one.day, &one.number, &one.key).cmp(&(other.day, &other.number, &other.key)));
    work.report
}

struct Work<'s> {
    sides: &'s Sides,
    by_shop: bool,
    /// Places of what is held by its key, until a record claims it.
    held: HashMap<&'s str, Vec<usize>>,
    report: Report,
}

impl<'s> Work<'s> {
    fn line(&mut self, figures: &Figures) -> Option<&mut Line> {
        let shop = if self.by_shop { figures.shop.clone() } else { String::new() };
        Some(self.report.lines.entry((figures.day?, shop)).or_default())
    }

    fn explain(&mut self, why: Explained) {
        *self.report.explained.entry(why).or_default() += 1;
    }

    /// Counts the source, and finds what was polled otherwise or not at all.
    fn source(&mut self, source: &Records) {
        for (id, record) in source {
            let polled = self.sides.topic.get(id);
            if record.deleted && polled.is_none() {
                continue;
            }
            if !record.deleted
                && let Some(line) = self.line(&record.figures)
            {
                line.source.add(&record.figures);
            }
            let is_fresh = match (record.modified, self.sides.settled_until) {
                (Some(modified), Some(until)) => modified >= until,
                _ => false,
            } || polled.is_some_and(|polled| polled.modified > record.modified);
            let is_same =
                |polled: &Counted| polled.digest == record.digest && polled.deleted == record.deleted;
            if polled.is_some_and(is_same) {
                continue;
            }
            if is_fresh {
                self.explain(Explained::Fresh);
                continue;
            }
            let kind = if polled.is_some() { Kind::PolledOlder } else { Kind::NotPolled };
            self.report.differences.push(Difference {
                expected: Some(record.figures.clone()),
                found: polled.map(|polled| polled.figures.clone()),
                ..Difference::of(kind, id, record)
            });
        }
    }

    /// Counts a record that was polled, and follows it to the target.
    fn record(&mut self, id: &'s RecordId, record: &'s Counted) {
        if record.deleted {
            self.explain(Explained::Removed);
        } else {
            if let Some(line) = self.line(&record.figures) {
                line.topic.add(&record.figures);
            }
            let is_listed = self.sides.source.as_ref().is_none_or(|source| source.contains_key(id));
            if !is_listed {
                self.report.differences.push(Difference {
                    found: Some(record.figures.clone()),
                    ..Difference::of(Kind::NotAtSource, id, record)
                });
            }
        }
        let unknown = [Fate::default()];
        let fates = self.sides.fates.get(id).map_or(unknown.as_slice(), Vec::as_slice);
        for fate in fates {
            if let Some(delivered) = fate.held() {
                self.holdings(id, record, delivered, fate.refusal());
            }
        }
        if let Some((collection, reference)) = fates.iter().find_map(|fate| fate.waiting.as_ref()) {
            let kind = Kind::Waiting(collection.clone(), reference.clone());
            self.report.differences.push(Difference::of(kind, id, record));
            return;
        }
        for fate in fates {
            self.newest(id, record, fate);
        }
    }

    /// Whether the state that was polled last is the one that was delivered, and why not.
    fn newest(&mut self, id: &RecordId, record: &Counted, fate: &Fate) {
        let held = fate.held();
        if record.deleted || fate.delivered.as_ref().is_some_and(|last| last.source_digest == record.digest) {
            return;
        }
        let is_decided = fate.version.is_some_and(|version| version >= record.version);
        match (&fate.refused, &fate.filtered) {
            (Some((digest, ..)), _) if fate.is_given_up && (is_decided || *digest == record.digest) => {
                self.explain(Explained::GivenUp);
            }
            (Some((digest, code, message)), _) if is_decided || *digest == record.digest => {
                let kind = Kind::Refused(code.clone(), message.clone());
                self.report.differences.push(Difference::of(kind, id, record));
            }
            (_, Some((version, _))) if *version >= record.version => {
                let is_kept = held.is_some_and(|delivered| delivered.is_kept);
                self.explain(if is_kept { Explained::Kept } else { Explained::Filtered });
            }
            _ if is_decided && !fate.is_sending => {
                let why = if held.is_some() { Explained::Kept } else { Explained::Filtered };
                self.explain(why);
            }
            _ => self.report.differences.push(Difference::of(Kind::OnItsWay, id, record)),
        }
    }

    /// Looks for what was delivered among what is held.
    fn holdings(
        &mut self,
        id: &RecordId,
        record: &Counted,
        delivered: &Delivered,
        refusal: Option<(String, String)>,
    ) {
        let Some(expected) = &delivered.expected else {
            match self.claim(&delivered.key) {
                Some(found) => {
                    self.count_target(record, &found.figures);
                    self.explain(Explained::Unweighed);
                }
                None => {
                    self.report.differences.push(Difference {
                        key: delivered.key.clone(),
                        repaired: delivered.repaired,
                        refusal,
                        ..Difference::of(Kind::Missing, id, record)
                    });
                }
            }
            return;
        };
        for holding in expected {
            let placed = Figures {
                day: record.figures.day,
                shop: record.figures.shop.clone(),
                ..holding.figures.clone()
            };
            if let Some(line) = self.line(&placed) {
                line.delivered.add(&placed);
            }
            let found = self.claim(&holding.key).map(|found| found.figures.clone());
            if let Some(found) = &found {
                self.count_target(record, found);
            }
            if found.as_ref() == Some(&holding.figures) {
                continue;
            }
            let kind = if found.is_some() { Kind::Differs } else { Kind::Missing };
            self.report.differences.push(Difference {
                key: holding.key.clone(),
                expected: Some(holding.figures.clone()),
                found,
                repaired: delivered.repaired,
                refusal: refusal.clone(),
                ..Difference::of(kind, id, record)
            });
        }
    }

    fn claim(&mut self, key: &str) -> Option<&'s Holding> {
        let place = self.held.get_mut(key)?.pop()?;
        self.sides.held.get(place)
    }

    /// Counts what is held of a record for the day and shop of the record, so that the sides stand beside each other.
    fn count_target(&mut self, record: &Counted, figures: &Figures) {
        let placed =
            Figures { day: record.figures.day, shop: record.figures.shop.clone(), ..figures.clone() };
        if let Some(line) = self.line(&placed) {
            line.target.add(&placed);
        }
    }

    /// What is held and no record claimed.
    fn leftovers(&mut self) {
        let held = std::mem::take(&mut self.held);
        for holding in held.into_values().flatten().filter_map(|place| self.sides.held.get(place)) {
            if self.sides.of_others.contains(&holding.key) {
                self.explain(Explained::OtherDay);
                continue;
            }
            if let Some(line) = self.line(&holding.figures) {
                line.target.add(&holding.figures);
            }
            self.report.differences.push(Difference {
                kind: Kind::TooMany,
                record: None,
                number: holding.key.clone(),
                key: holding.key.clone(),
                expected: None,
                found: Some(holding.figures.clone()),
                day: holding.figures.day,
                shop: holding.figures.shop.clone(),
                modified: None,
                repaired: false,
                refusal: None,
            });
        }
    }
}

#[cfg(test)]
mod tests;
