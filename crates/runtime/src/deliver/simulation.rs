//! Deciding and ending against a target that is written down in twenty lines: whatever is killed, lost or answered half, the
//! end is the one that an undisturbed run comes to, and that one is right.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use jiff::Timestamp;
use proptest::prelude::*;
use weir_model::{
    digest::Digest,
    document::{Document, Verdict},
    flow::{OnLeave, language::IdCheck},
    outcome::{Code, Refusal, Written},
    receipt::{Delivered, Receipt, Standing},
    record::Reason,
};

use super::{
    decide::{Decision, Settled, decide},
    ending::{Ending, sending},
    samples::document_of,
    treatment::Rules,
};

/// What happens around one document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Killed once the `sending` receipt is durable.
    KilledBeforeCall,
    /// Killed once the target has done its work.
    KilledAfterCall,
    /// The call is lost on its way, and nobody knows.
    LostRequest,
    /// The answer is lost on its way back.
    LostAnswer,
    /// Other documents of the batch did not end, then it was killed.
    Halted,
}

/// The states of a record that the source sends.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Mapped(u8),
    /// The target refuses this content.
    Rejected(u8),
    /// The target stores this content and refuses its audit.
    Incomplete(u8),
    Filtered(u8),
    Refused(u8),
    Removed,
}

#[derive(Clone, Debug)]
struct Step {
    record: u8,
    version: i64,
    kind: Kind,
    /// What a person made of that state.
    repair: Option<Kind>,
    reason: Reason,
    fault: Fault,
}

/// An ERP: it cannot store offsets, so it is asked before anything is sent again.
#[derive(Clone, Debug, Default, PartialEq)]
struct Erp {
    stored: BTreeMap<String, Bytes>,
    created: BTreeMap<String, u32>,
}

impl Erp {
    fn write(&mut self, document: &Document, previous: Option<&Delivered>, unresolved: bool) -> Ending {
        let key = &document.key;
        let found = (unresolved || previous.is_some()).then(|| self.stored.get(key)).flatten();
        let written = Written { id: format!("id of {key}"), number: key.clone() };
        if document.deleted {
            self.stored.remove(key);
            return Ending::Delivered(written);
        }
        let content = String::from_utf8_lossy(&document.body).into_owned();
        if content.contains("rejected") {
            return Ending::Rejected(Refusal::new(Code::new("K-VALIDATION"), "no"));
        }
        match found {
            Some(found) if previous.is_none() && *found != document.body => {
                return Ending::Rejected(Refusal::new(Code::new("K-CONFLICT"), "another's"));
            }
            Some(_) => {}
            None => *self.created.entry(key.clone()).or_default() += 1,
        }
        self.stored.insert(key.clone(), document.body.clone());
        match content.contains("incomplete") {
            true => Ending::Incomplete(written, Refusal::new(Code::new("K-STATE"), "no")),
            false => Ending::Delivered(written),
        }
    }
}

/// What is durable.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    erp: Erp,
    receipts: BTreeMap<String, Receipt>,
    letters: Vec<(usize, String)>,
    counted_left: u32,
}

impl World {
    /// Brings every document of the log to its end.
    fn run(steps: &[Step], rules: Rules, with_faults: bool) -> Self {
        let mut world = Self::default();
        for (offset, step) in steps.iter().enumerate() {
            let document = step.document(rules);
            let mut fault = if with_faults { step.fault } else { Fault::None };
            // Whoever is killed reads the document again, with what was durable.
            while !world.deliver(offset, &document, rules, &mut fault) {}
        }
        world
    }

    /// Whether the document has ended and its offset has moved.
    fn deliver(&mut self, offset: usize, document: &Document, rules: Rules, fault: &mut Fault) -> bool {
        let id = document.record_id.to_string();
        let before = self.receipts.get(&id).cloned();
        let ending = match decide(document, before.as_ref(), rules) {
            Decision::Settle(settled) => Ending::Settled(settled),
            Decision::Refuse(refusal) => Ending::Refused(refusal),
            Decision::Tell(refusal) => Ending::Told(refusal),
            Decision::Remove { previous } => {
                let removal = Document { verdict: Verdict::Mapped, deleted: true, ..document.clone() };
                self.erp.write(&removal, Some(&previous), false)
            }
            Decision::Deliver { previous, mut unresolved } => {
                let at = Timestamp::UNIX_EPOCH;
                self.receipts.insert(id.clone(), sending(document, before.as_ref(), at));
                if *fault == Fault::KilledBeforeCall {
                    *fault = Fault::None;
                    return false;
                }
                if *fault == Fault::LostRequest {
                    unresolved = true;
                }
                let ending = self.erp.write(document, previous.as_ref(), unresolved);
                match std::mem::replace(fault, Fault::None) {
                    Fault::KilledAfterCall => return false,
                    Fault::LostAnswer => self.erp.write(document, previous.as_ref(), true),
                    other => {
                        *fault = other;
                        ending
                    }
                }
            }
        };
        let is_halted = std::mem::replace(fault, Fault::None) == Fault::Halted;
        if is_halted && ending.is_lettered() {
            return false;
        }
        let trace = ending.trace(document, before.as_ref(), Timestamp::UNIX_EPOCH);
        if let Some(receipt) = trace.receipt {
            self.receipts.insert(id, receipt);
        }
        self.letters.extend(trace.letter.map(|letter| (offset, letter.refusal.code.to_string())));
        self.counted_left += u32::from(ending == Ending::Settled(Settled::Left));
        !is_halted
    }
}

impl Step {
    /// The state as it comes: the source's, or what was made of it.
    fn document(&self, rules: Rules) -> Document {
        let of_source = self.state(self.kind, rules);
        let Some(repair) = self.repair else { return of_source };
        let repaired = self.state(repair, rules);
        Document { repaired: true, source_digest: of_source.source_digest, ..repaired }
    }

    fn state(&self, kind: Kind, rules: Rules) -> Document {
        let id = format!("r{}", self.record);
        let content = match kind {
            Kind::Mapped(content) => format!("good {content}"),
            Kind::Filtered(content) => format!("filtered {content}"),
            Kind::Refused(content) => format!("refused {content}"),
            Kind::Rejected(content) => format!("rejected {content}"),
            Kind::Incomplete(content) => format!("incomplete {content}"),
            Kind::Removed => "removed".to_owned(),
        };
        let mapped = Document { reason: self.reason, ..document_of(&id, self.version, &content) };
        let without_body =
            |verdict| Document { verdict, body: Bytes::new(), digest: Digest::of(b""), ..mapped.clone() };
        match kind {
            Kind::Mapped(_) | Kind::Rejected(_) | Kind::Incomplete(_) => mapped,
            Kind::Filtered(_) if rules.on_leave == OnLeave::Delete => {
                Document { verdict: Verdict::Filtered("rule".to_owned()), ..mapped }
            }
            Kind::Filtered(_) => without_body(Verdict::Filtered("rule".to_owned())),
            Kind::Refused(_) => without_body(Verdict::Refused(Refusal::new(Code::new("M-TYPE"), "no"))),
            Kind::Removed => {
                Document { deleted: true, source_digest: mapped.source_digest.of_removed(), ..mapped }
            }
        }
    }

    /// What the target is asked to store.
    fn made(&self) -> Kind {
        self.repair.unwrap_or(self.kind)
    }
}

/// The states that count: no older one after a newer one. A state that is filtered before anything else was seen of its
/// record is not remembered (design §6).
fn in_order(steps: &[Step]) -> Vec<&Step> {
    let mut newest: HashMap<u8, i64> = HashMap::new();
    let mut counts = |step: &&Step| {
        let known = newest.get(&step.record).copied();
        let is_remembered = known.is_some() || !matches!(step.kind, Kind::Filtered(_));
        let is_newest = known.is_none_or(|known| step.version >= known);
        if is_newest && is_remembered {
            newest.insert(step.record, step.version);
        }
        is_newest && is_remembered
    };
    steps.iter().filter(|step| counts(step)).collect()
}

/// What the target is to hold of each record: its newest state, as far as that can be written. What a person made of a
/// state stands for it as long as the source sends no other.
fn expected(steps: &[Step], rules: Rules) -> BTreeMap<String, Bytes> {
    let mut held: BTreeMap<String, Bytes> = BTreeMap::new();
    let mut repaired: BTreeMap<String, Digest> = BTreeMap::new();
    for step in in_order(steps) {
        let document = step.document(rules);
        let Document { key, source_digest, .. } = document;
        if step.repair.is_none() && repaired.get(&key) == Some(&source_digest) {
            continue;
        }
        let told = matches!(step.kind, Kind::Filtered(_)) && rules.on_leave == OnLeave::DeadLetter;
        match step.made() {
            Kind::Mapped(_) | Kind::Incomplete(_) => {
                repaired.remove(&key);
                if step.repair.is_some() {
                    repaired.insert(key.clone(), source_digest);
                }
                held.insert(key, document.body);
            }
            Kind::Filtered(_) if rules.on_leave == OnLeave::Delete => {
                repaired.remove(&key);
                held.remove(&key);
            }
            Kind::Removed => {
                repaired.remove(&key);
                held.remove(&key);
            }
            // A person who was told of its leaving may have taken it back.
            Kind::Filtered(_) if told => {
                repaired.remove(&key);
            }
            Kind::Filtered(_) | Kind::Rejected(_) | Kind::Refused(_) => {}
        }
    }
    held
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Kind::Mapped),
        1 => (0..2_u8).prop_map(Kind::Rejected),
        1 => (0..2_u8).prop_map(Kind::Incomplete),
        2 => (0..3_u8).prop_map(Kind::Filtered),
        1 => (0..2_u8).prop_map(Kind::Refused),
        1 => Just(Kind::Removed),
    ]
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::KilledBeforeCall),
        1 => Just(Fault::KilledAfterCall),
        1 => Just(Fault::LostRequest),
        1 => Just(Fault::LostAnswer),
        1 => Just(Fault::Halted),
    ]
}

/// What a person makes of what was refused.
fn repairs() -> impl Strategy<Value = Option<Kind>> {
    prop_oneof![
        6 => Just(None),
        2 => (5..7_u8).prop_map(|content| Some(Kind::Mapped(content))),
        1 => (5..7_u8).prop_map(|content| Some(Kind::Rejected(content))),
    ]
}

/// A log of two records, mostly in order; each state has a version of its own. Some of those that were refused come again
/// repaired, in the version that they had.
fn logs() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..2_u8, 0..4_i64, kinds(), repairs(), faults());
    prop::collection::vec(step, 1..24).prop_map(|drawn| {
        let mut steps: Vec<Step> = Vec::new();
        for (place, (record, late, kind, repair, fault)) in drawn.into_iter().enumerate() {
            let was_refused = |step: &&Step| {
                let told = matches!(step.made(), Kind::Refused(_) | Kind::Rejected(_) | Kind::Incomplete(_));
                told && step.record == record
            };
            if let (Some(_), Some(refused)) = (repair, steps.iter().rev().find(was_refused)) {
                let again = Step { repair, reason: Reason::Retry, fault, ..refused.clone() };
                steps.push(again);
                continue;
            }
            // One in four comes late: behind states that are newer.
            let behind = if late == 0 { 35 } else { 0 };
            let version = 100 + i64::try_from(place).unwrap() * 10 - behind;
            steps.push(Step { record, version, kind, repair: None, reason: Reason::Poll, fault });
        }
        steps
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    let on_leave = prop_oneof![Just(OnLeave::Keep), Just(OnLeave::Delete), Just(OnLeave::DeadLetter)];
    on_leave.prop_map(|on_leave| Rules { id_check: IdCheck::Digest, on_leave })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_fault_changes_the_end(steps in logs(), rules in rules()) {
        let calm = World::run(&steps, rules, false);
        let faulty = World::run(&steps, rules, true);
        prop_assert_eq!(&calm, &faulty);
        prop_assert_eq!(&calm.erp.stored, &expected(&steps, rules));
        for (offset, _) in &calm.letters {
            let letters = calm.letters.iter().filter(|(other, _)| other == offset).count();
            prop_assert_eq!(letters, 1);
        }
    }

    #[test]
    fn nothing_is_made_twice_that_was_not_taken_back(steps in logs()) {
        let stays: Vec<Step> =
            steps.into_iter().filter(|step| !matches!(step.kind, Kind::Removed)).collect();
        let world = World::run(&stays, Rules::default(), true);
        prop_assert!(world.erp.created.values().all(|times| *times == 1), "{:?}", world.erp.created);
        for receipt in world.receipts.values() {
            let holds = receipt.delivered.as_ref().map(|known| known.key.clone());
            prop_assert_eq!(world.erp.stored.contains_key(receipt.record_id.as_str()), holds.is_some());
            let is_open = receipt.attempt.as_ref().is_some_and(|attempt| {
                attempt.state == weir_model::receipt::AttemptState::Sending
            });
            prop_assert!(!is_open);
        }
    }

    #[test]
    fn a_re_read_of_everything_changes_nothing_and_tells_nobody(steps in logs(), rules in rules()) {
        let world = World::run(&steps, rules, true);
        let newest: BTreeMap<u8, &Step> = in_order(&steps).into_iter().map(|step| (step.record, step)).collect();
        let mut again = steps.clone();
        let end = 100 + i64::try_from(steps.len()).unwrap() * 10;
        let as_polled = |step: &Step| {
            Step { version: end, repair: None, reason: Reason::Poll, fault: Fault::None, ..step.clone() }
        };
        again.extend(newest.values().map(|step| as_polled(step)));
        let after = World::run(&again, rules, true);
        prop_assert_eq!(&after.erp, &world.erp);
        prop_assert_eq!(&after.letters, &world.letters);
        prop_assert_eq!(after.counted_left, world.counted_left);
        for receipt in after.receipts.values() {
            let standing = receipt.delivered.as_ref().map(|known| known.standing);
            let was = world.receipts.get(receipt.record_id.as_str()).and_then(|receipt| receipt.delivered.as_ref());
            prop_assert_eq!(standing, was.map(|known| known.standing));
            prop_assert!(standing != Some(Standing::Kept) || rules.on_leave == OnLeave::Keep);
        }
    }
}
