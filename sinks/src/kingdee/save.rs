//! BatchSave and what its answer says of each document. Nothing is sent again before it was looked up, and a batch that
//! fails without naming a culprit is halved until the culprit stands alone (design §7).

use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause};
use weir_clients::kingdee::{DocumentAnswer, ResponseStatus};
use weir_model::outcome::{Outcome, Refusal};

use super::mapping::{self, Plan, Stored};
use super::run::{Run, Sending};
use super::steps::There;
use crate::erp::batch::{TRIES, pause_before};
use crate::erp::outcome::{self, TOO_LARGE, UNMENTIONED};

/// A document that the answer leaves in doubt: it may be stored.
struct Doubt<'d> {
    sending: Sending<'d>,
    /// The id that the answer gives it, where it also says that it was stored.
    named: Option<String>,
    /// What is done when it is not there as sent.
    otherwise: Otherwise,
}

/// What is done with a document that is not there as it was sent.
enum Otherwise {
    /// It is sent again with the others of its batch, one of which is at fault.
    Suspect,
    /// It is sent again alone: what was said of it is unclear.
    Alone,
    /// It was alone, and is tried once more.
    Retry,
    /// Its state forbade the change: what the look-up shows is planned anew.
    Plan(Outcome),
    /// It ends so.
    End(Outcome),
}

/// Documents to be sent again.
#[derive(Default)]
struct Again<'d> {
    /// One of them may be at fault, and nobody knows which.
    suspects: Vec<Sending<'d>>,
    /// Each goes alone.
    alone: Vec<Sending<'d>>,
    /// Nothing speaks against them.
    innocent: Vec<Sending<'d>>,
}

impl<'d> Again<'d> {
    fn into_batches(self) -> Vec<Vec<Sending<'d>>> {
        let mut batches = halves(self.suspects);
        batches.extend(self.alone.into_iter().map(|sending| vec![sending]));
        batches.push(self.innocent);
        batches
    }
}

impl<'d> Run<'_, 'd> {
    /// Saves documents in as few calls as their faults allow.
    pub(super) async fn send(&mut self, sending: Vec<Sending<'d>>) {
        let mut batches = vec![sending];
        while let Some(batch) = batches.pop() {
            let Some(first) = batch.first() else { continue };
            pause_before(first.tries).await;
            let data = mapping::request(self.writing, &batch);
            let again = match self.client.batch_save(&self.writing.form.id, &data, self.turn()).await {
                Ok(status) => self.read(batch, &status).await,
                Err(error) if is_about_all(&error) => {
                    // The batches that are left would meet the same.
                    for sending in batch.into_iter().chain(batches.drain(..).flatten()) {
                        let outcome = outcome::of_call(&error, sending.unresolved);
                        self.settle(sending.draft.at, outcome);
                    }
                    continue;
                }
                Err(error) => self.failed(batch, &error).await,
            };
            batches.extend(again.into_batches());
        }
    }

    /// Reads a saved batch per document.
    async fn read(&mut self, batch: Vec<Sending<'d>>, status: &ResponseStatus) -> Again<'d> {
        let answers = status.documents(batch.len());
        let alone = batch.len() == 1;
        let only_failure = alone || answers.iter().filter(|answer| !answer.is_done()).count() == 1;
        let classes: Vec<Class> =
            answers.iter().map(|answer| answer.class(status.msg_code, only_failure)).collect();
        let something_done = !status.entities.is_empty();
        let named = |reactions: &[Reaction]| {
            let mut named = answers.iter().zip(&classes).filter(|(answer, _)| !answer.errors.is_empty());
            named.any(|(_, class)| reactions.contains(&class.reaction()))
        };
        let culprit_named = named(&[Reaction::Refuse]);
        let nameless = nameless(status).filter(|_| !alone);
        // What the answer leaves out waits for another day where it tells of others, or of a fault that is no document's.
        let waits = match nameless {
            Some(class) => is_no_documents(class.reaction()),
            None => something_done || named(&[Reaction::Repeat, Reaction::Halt]),
        };
        let (mut there, mut doubts) = (Vec::new(), Vec::new());
        for ((sending, answer), class) in batch.into_iter().zip(answers).zip(classes) {
            match answer.entity.as_ref().filter(|_| answer.is_done()) {
                Some(entity) => {
                    let stored = self.writing.saved(&entity.id, &entity.number);
                    there.push(There::delivered(sending.draft, stored));
                }
                None if answer.is_unmentioned() && waits => {
                    self.settle(sending.draft.at, Outcome::Unknown(unmentioned(status)));
                }
                None if answer.is_unmentioned() && alone => {
                    let otherwise = bounded(&sending, || Outcome::Reject(unmentioned(status)));
                    doubts.push(Doubt { sending, named: None, otherwise });
                }
                None if answer.is_unmentioned() => {
                    doubts.push(Doubt { sending, named: None, otherwise: Otherwise::Suspect });
                }
                None => match self.if_not_there(&sending, &answer, class, (alone, something_done)) {
                    Ok(otherwise) => {
                        let named = answer.entity.map(|entity| entity.id);
                        doubts.push(Doubt { sending, named, otherwise });
                    }
                    Err(outcome) => self.end(sending, outcome),
                },
            }
        }
        self.finish(there).await;
        let mut again = self.resolve(doubts).await;
        if culprit_named && nameless.is_none() {
            again.innocent.append(&mut again.suspects);
        }
        again
    }

    /// What is done with a document that the answer names as failed when it turns out not to be there. It is in doubt when
    /// a later step or a former attempt may be at fault, or nobody knows what is.
    ///
    /// # Errors
    /// How it ends when there is no doubt.
    fn if_not_there(
        &self,
        sending: &Sending<'d>,
        answer: &DocumentAnswer,
        class: Class,
        (alone, something_done): (bool, bool),
    ) -> Result<Otherwise, Outcome> {
        let ending = || of_failure(answer, class, something_done);
        match class {
            Class::Duplicate if !sending.unresolved => Err(ending()),
            Class::Duplicate => Ok(Otherwise::End(ending())),
            Class::Unclear if alone => Ok(bounded(sending, ending)),
            Class::Unclear => Ok(Otherwise::Alone),
            Class::State if sending.update.is_some() && sending.tries < TRIES => {
                Ok(Otherwise::Plan(ending()))
            }
            _ if answer.entity.is_some() || self.writing.in_one_call => Ok(Otherwise::End(ending())),
            _ => Err(ending()),
        }
    }

    /// Looks doubtful documents up: those that are there as sent get their missing steps and are never saved again. What
    /// is to be sent again comes back.
    async fn resolve(&mut self, doubts: Vec<Doubt<'d>>) -> Again<'d> {
        let (mut again, mut to_plan, mut there) = (Again::default(), Vec::new(), Vec::new());
        let drafts = doubts.iter().map(|doubt| doubt.sending.draft.clone()).collect();
        let mut found: Vec<_> = self.look_up(drafts).await;
        for Doubt { mut sending, named, otherwise } in doubts {
            // One that is missing here was settled by a look-up that failed.
            let Some(at) = found.iter().position(|(draft, _)| draft.at == sending.draft.at) else { continue };
            let (draft, stored) = found.swap_remove(at);
            let is_free = stored.is_none() || sending.update.is_some();
            match (stored, otherwise) {
                (Some(stored), _) if is_own(&sending, named.as_deref(), &stored) => {
                    there.push(There::delivered(draft, stored));
                }
                (Some(stored), Otherwise::Plan(ending)) => to_plan.push((sending, stored, ending)),
                (_, Otherwise::End(ending) | Otherwise::Plan(ending)) if is_free => self.end(sending, ending),
                (_, otherwise) if is_free => {
                    sending.unresolved = true;
                    match otherwise {
                        Otherwise::Suspect => again.suspects.push(sending),
                        Otherwise::Retry => again.alone.push(Sending { tries: sending.tries + 1, ..sending }),
                        _ => again.alone.push(sending),
                    }
                }
                (stored, _) => {
                    let conflict = mapping::plan(&draft, stored, self.writing.on_change);
                    if let Plan::Settled(outcome) = conflict {
                        self.settle(draft.at, outcome);
                    }
                }
            }
        }
        self.finish(there).await;
        again.innocent = self.plan_again(to_plan).await;
        again
    }

    /// Plans updates anew that the state of their document forbade, for a person may have changed it meanwhile.
    async fn plan_again(&mut self, to_plan: Vec<(Sending<'d>, Stored, Outcome)>) -> Vec<Sending<'d>> {
        let mut planned = Vec::new();
        for (sending, stored, ending) in to_plan {
            let tries = sending.tries + 1;
            match mapping::plan(&sending.draft, Some(stored), self.writing.on_change) {
                Plan::Update { id } => planned.push(Sending { update: Some(id), tries, ..sending }),
                Plan::UnAudit(stored) => {
                    let mut free = Vec::new();
                    let refused = self.un_audit(vec![(sending.draft.clone(), stored)], &mut free).await;
                    if !refused.is_empty() {
                        self.end(sending, ending);
                    }
                    planned.extend(free.into_iter().map(|sending| Sending { tries, ..sending }));
                }
                Plan::Settled(outcome) => self.end(sending, outcome),
                Plan::Create | Plan::Finish(_) => self.end(sending, ending),
            }
        }
        planned
    }

    /// A call that failed as a whole and may have failed because of one document: it is looked up and halved.
    async fn failed(&mut self, batch: Vec<Sending<'d>>, error: &CallError) -> Again<'d> {
        let alone = batch.len() == 1;
        let refusal = || Refusal::new(outcome::code_of(error.class()), error.to_string());
        if is_too_large(error) {
            if !alone {
                return Again { suspects: batch, ..Again::default() };
            }
            for sending in batch {
                self.end(sending, Outcome::Reject(Refusal::new(TOO_LARGE, error.to_string())));
            }
            return Again::default();
        }
        let doubt = |sending: Sending<'d>| {
            let otherwise = match (alone, error.class().reaction()) {
                (false, _) => Otherwise::Suspect,
                (true, Reaction::Refuse) => Otherwise::End(Outcome::Reject(refusal())),
                (true, _) => bounded(&sending, || Outcome::Reject(refusal())),
            };
            Doubt { sending, named: None, otherwise }
        };
        self.resolve(batch.into_iter().map(doubt).collect()).await
    }

    /// Ends a document that was not saved. One whose audit was taken back for it gets it back when the change is refused.
    fn end(&mut self, sending: Sending<'d>, outcome: Outcome) {
        match (outcome, &sending.update) {
            (Outcome::Reject(refusal), Some(id)) if sending.un_audited => {
                let stored = Stored::un_audited(id, &sending.draft.number);
                self.to_restore.push(There::refused(sending.draft, stored, refusal));
            }
            (outcome, _) => self.settle(sending.draft.at, outcome::kept_open(outcome, sending.unresolved)),
        }
    }
}

/// A document alone without a clear answer is sent again, a bounded number of times (contract kingdee-galaxy §6).
fn bounded(sending: &Sending<'_>, ending: impl FnOnce() -> Outcome) -> Otherwise {
    if sending.tries + 1 < TRIES { Otherwise::Retry } else { Otherwise::End(ending()) }
}

fn unmentioned(status: &ResponseStatus) -> Refusal {
    let mut text = "the answer names the document neither as stored nor as failed".to_owned();
    if !status.errors.is_empty() {
        text.push_str(": ");
        text.push_str(&status.text());
    }
    Refusal::new(UNMENTIONED, text)
}

/// What the errors mean that name no document; `None` when each names one.
fn nameless(status: &ResponseStatus) -> Option<Class> {
    let errors: Vec<_> = status.errors.iter().filter(|error| error.index.is_none()).cloned().collect();
    let answer = DocumentAnswer { errors, ..DocumentAnswer::default() };
    (!answer.errors.is_empty()).then(|| answer.class(status.msg_code, true))
}

/// Whether a fault passes by itself, or is the account's: then no document is at fault.
fn is_no_documents(reaction: Reaction) -> bool {
    matches!(reaction, Reaction::Repeat | Reaction::Halt)
}

fn is_too_large(error: &CallError) -> bool {
    matches!(error.cause(), Cause::Status { status: 413 })
}

/// Whether a call that failed as a whole says nothing of its documents.
fn is_about_all(error: &CallError) -> bool {
    !is_too_large(error) && !outcome::may_be_a_document(error)
}

/// The outcome of one document that the answer mentions as failed, by its class.
fn of_failure(answer: &DocumentAnswer, class: Class, something_done: bool) -> Outcome {
    let mut refusal = Refusal::new(outcome::code_of(class), answer.text());
    refusal.field = answer.errors.iter().find_map(|error| error.field.clone());
    match class.reaction() {
        // A database failure may have come after the commit (contract kingdee-galaxy §6: retry after a look-up).
        Reaction::Repeat if class == Class::Transient => Outcome::Unknown(refusal),
        Reaction::Repeat => Outcome::Retry { after: Duration::ZERO, cause: refusal },
        // Where others of the same call were stored, account and form are right: it is this document's own.
        Reaction::Halt if something_done => Outcome::Reject(refusal),
        Reaction::Halt => Outcome::Halt(refusal),
        Reaction::RepeatBounded | Reaction::Refuse => Outcome::Reject(refusal),
    }
}

/// Whether a stored document is the one that was sent: by the id that the answer gives it; else by its content, and by
/// the id of the receipt where there is one.
fn is_own(sending: &Sending<'_>, named: Option<&str>, stored: &Stored) -> bool {
    let known = |id: &&str| !id.is_empty() && *id != "0";
    match named.filter(known) {
        Some(id) => id == stored.id,
        None => stored.is_same() && sending.update.as_ref().is_none_or(|id| *id == stored.id),
    }
}

fn halves<T>(mut whole: Vec<T>) -> Vec<Vec<T>> {
    let right = whole.split_off(whole.len().div_ceil(2));
    vec![right, whole]
}

#[cfg(test)]
mod tests {
    use weir_clients::kingdee::DocumentError;

    use super::*;

    #[test]
    fn a_documents_own_permission_halts_only_when_nothing_was_stored() {
        let error = DocumentError {
            index: Some(1), field: None, text: "当前用户在组织中没有权限".into()
        };
        let answer = DocumentAnswer { index: 1, entity: None, errors: vec![error] };
        assert!(matches!(of_failure(&answer, Class::Permission, false), Outcome::Halt(_)));
        assert!(matches!(of_failure(&answer, Class::Permission, true), Outcome::Reject(_)));
    }

    #[test]
    fn every_document_is_in_one_half() {
        assert_eq!(halves(vec![1, 2, 3]), [vec![3], vec![1, 2]]);
        assert_eq!(halves(vec![1]), [vec![], vec![1]]);
    }
}
