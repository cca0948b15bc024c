//! The calls of a batch, in the order that keeps each document written once (design §7).

use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause, Effect};
use weir_clients::governor::Lane;
use weir_clients::kingdee::{Client, DocumentAnswer, ResponseStatus, Selection};
use weir_model::outcome::{Outcome, Refusal};
use weir_model::target::Delivery;

use super::config::Writing;
use super::mapping::{self, Draft, Plan, Stored};
use crate::erp::batch::{self, Outcomes};
use crate::erp::outcome::{self, TOO_LARGE, UNMENTIONED};

/// A document on its way, with the internal id that it updates.
type Sending<'a> = (Draft<'a>, Option<String>);

/// Delivers documents; one outcome each, in order. A business key is at most once in a call, so a second document with
/// the same key goes in a later one.
pub(super) async fn deliver(client: &Client, writing: &Writing, deliveries: &[Delivery]) -> Vec<Outcome> {
    let mut run = Run { client, writing, outcomes: Outcomes::new(deliveries.len()) };
    let mut drafts = Vec::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        match Draft::read(at, delivery, &writing.form) {
            Ok(draft) => drafts.push(draft),
            Err(outcome) => run.settle(at, outcome),
        }
    }
    while !drafts.is_empty() {
        let round = batch::next_round(&mut drafts, Draft::identity);
        run.round(round).await;
    }
    run.outcomes.finish()
}

struct Run<'r> {
    client: &'r Client,
    writing: &'r Writing,
    outcomes: Outcomes,
}

impl Run<'_> {
    fn settle(&mut self, at: usize, outcome: Outcome) {
        self.outcomes.settle(at, outcome);
    }

    /// One round of documents with different keys: look up, plan, send.
    async fn round(&mut self, drafts: Vec<Draft<'_>>) {
        let (to_look_up, fresh): (Vec<_>, Vec<_>) =
            drafts.into_iter().partition(|draft| batch::is_looked_up(draft.delivery));
        let mut sending: Vec<Sending<'_>> = fresh.into_iter().map(|draft| (draft, None)).collect();
        sending.extend(self.plan(to_look_up).await);
        sending.sort_by_key(|(draft, _)| draft.at);
        self.send(sending).await;
    }

    /// Looks documents up and settles what needs no saving; the rest comes back.
    async fn plan<'d>(&mut self, drafts: Vec<Draft<'d>>) -> Vec<Sending<'d>> {
        let mut sending = Vec::new();
        let mut un_audit = Vec::new();
        for (draft, stored) in self.look_up(drafts).await {
            match mapping::plan(&draft, stored, self.writing.on_change) {
                Plan::Create => sending.push((draft, None)),
                Plan::Update { id, un_audit: true } => un_audit.push((draft, id)),
                Plan::Update { id, un_audit: false } => sending.push((draft, Some(id))),
                Plan::Finish(stored) => self.finish(&draft, stored).await,
                Plan::Settled(outcome) => self.settle(draft.at, outcome),
            }
        }
        sending.extend(self.un_audit(un_audit).await);
        sending
    }

    /// The stored state of each document. A look-up that fails settles them all: what was unresolved stays unknown.
    async fn look_up<'d>(&mut self, drafts: Vec<Draft<'d>>) -> Vec<(Draft<'d>, Option<Stored>)> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let query = mapping::look_up(&self.writing.form, &drafts);
        match self.client.execute_bill_query(&query, Lane::Live).await {
            Ok(rows) => {
                let stored = |draft: &Draft<'_>| mapping::found(&self.writing.form, draft, &query, &rows);
                drafts
                    .into_iter()
                    .map(|draft| (stored(&draft), draft))
                    .map(|(stored, draft)| (draft, stored))
                    .collect()
            }
            Err(error) => {
                for draft in drafts {
                    self.settle(draft.at, outcome::of_call(&error, true));
                }
                Vec::new()
            }
        }
    }

    /// Takes the audit of stored documents back in one call; those whose audit stays are settled.
    async fn un_audit<'d>(&mut self, drafts: Vec<(Draft<'d>, String)>) -> Vec<Sending<'d>> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let ids = mapping::ids(drafts.iter().map(|(_, id)| id.clone()));
        let status = match self.client.un_audit(&self.writing.form.id, &ids, Lane::Live).await {
            Ok(status) => status,
            Err(error) => {
                for (draft, _) in drafts {
                    self.settle(draft.at, outcome::of_call(&error, draft.delivery.unresolved));
                }
                return Vec::new();
            }
        };
        let answers = status.documents(drafts.len());
        let mut sending = Vec::new();
        for ((draft, id), answer) in drafts.into_iter().zip(answers) {
            if answer.is_done() {
                tracing::info!(number = draft.number, id, "audit taken back to write a change");
                sending.push((draft, Some(id)));
            } else {
                let class = answer.class(status.msg_code, true);
                self.settle(draft.at, of_failure(&answer, class));
            }
        }
        sending
    }

    /// Saves documents in one call. Where it names no culprit, what is not stored is halved until the culprit stands
    /// alone.
    async fn send(&mut self, sending: Vec<Sending<'_>>) {
        let mut batches = vec![sending];
        while let Some(sending) = batches.pop().filter(|sending| !sending.is_empty()) {
            let data = mapping::request(self.writing, &sending);
            let saved = self.client.batch_save(&self.writing.form.id, &data, Lane::Live).await;
            let unsettled = match saved {
                Ok(status) => self.read(sending, &status).await,
                Err(error) => self.failed(sending, &error).await,
            };
            batches.extend(unsettled);
        }
    }

    /// Reads a saved batch per document; the unclear ones come back, each to be sent alone.
    async fn read<'d>(
        &mut self,
        sending: Vec<Sending<'d>>,
        status: &ResponseStatus,
    ) -> Vec<Vec<Sending<'d>>> {
        let answers = status.documents(sending.len());
        let alone = sending.len() == 1;
        let only_failure = alone || answers.iter().filter(|answer| !answer.is_done()).count() == 1;
        let mut unclear = Vec::new();
        let mut half_done = Vec::new();
        for ((draft, id), answer) in sending.into_iter().zip(answers) {
            if let Some(entity) = answer.entity.as_ref().filter(|_| answer.is_done()) {
                self.settle(draft.at, outcome::delivered(&entity.id, &entity.number));
                continue;
            }
            if answer.is_unmentioned() {
                let text = "the answer names the document neither as stored nor as failed";
                self.settle(draft.at, Outcome::Unknown(Refusal::new(UNMENTIONED, text)));
                continue;
            }
            let class = answer.class(status.msg_code, only_failure);
            let own_duplicate = class == Class::Duplicate && draft.delivery.unresolved;
            if class == Class::Unclear && !alone {
                unclear.push(vec![(draft, id)]);
            } else if own_duplicate
                || (class != Class::Duplicate && (self.writing.audits || answer.entity.is_some()))
            {
                half_done.push((draft, answer, class));
            } else {
                self.settle(draft.at, of_failure(&answer, class));
            }
        }
        self.complete(half_done).await;
        unclear
    }

    /// Failed documents that may be stored all the same, because a later step or a former attempt is at fault: those that
    /// are there as sent get their missing steps and are never saved again.
    async fn complete(&mut self, failed: Vec<(Draft<'_>, DocumentAnswer, Class)>) {
        let drafts = failed.iter().map(|(draft, ..)| draft.clone()).collect();
        for (draft, stored) in self.look_up(drafts).await {
            let Some((_, answer, class)) = failed.iter().find(|(failed, ..)| failed.at == draft.at) else {
                continue;
            };
            match stored.filter(|stored| is_own(&draft, answer, stored)) {
                Some(stored) => self.finish(&draft, stored).await,
                None => self.settle(draft.at, of_failure(answer, *class)),
            }
        }
    }

    /// A call that failed as a whole. One that can be a document's fault is looked up and halved; any other settles all.
    async fn failed<'d>(&mut self, sending: Vec<Sending<'d>>, error: &CallError) -> Vec<Vec<Sending<'d>>> {
        let too_large = matches!(error.cause(), Cause::Status { status: 413 });
        if too_large && sending.len() > 1 {
            return halves(sending);
        }
        let suspect =
            matches!(error.class(), Class::Unclear | Class::Unreadable) && error.effect() == Effect::Unknown;
        if !suspect {
            for (draft, _) in sending {
                let outcome = match too_large {
                    true => Outcome::Reject(Refusal::new(TOO_LARGE, error.to_string())),
                    false => outcome::of_call(error, false),
                };
                self.settle(draft.at, outcome);
            }
            return Vec::new();
        }
        let alone = sending.len() == 1;
        let drafts = sending.iter().map(|(draft, _)| draft.clone()).collect();
        let mut missing = Vec::new();
        for (draft, stored) in self.look_up(drafts).await {
            let update = sending.iter().find(|(sent, _)| sent.at == draft.at).and_then(|(_, id)| id.clone());
            match (stored, update) {
                (Some(stored), _) if stored.equal => self.finish(&draft, stored).await,
                (Some(stored), None) => {
                    let plan = mapping::plan(&draft, Some(stored), self.writing.on_change);
                    if let Plan::Settled(outcome) = plan {
                        self.settle(draft.at, outcome);
                    }
                }
                (_, update) => missing.push((draft, update)),
            }
        }
        if !alone {
            return halves(missing);
        }
        for (draft, _) in missing {
            let refusal = Refusal::new(outcome::code_of(error.class()), error.to_string());
            self.settle(draft.at, Outcome::Reject(refusal));
        }
        Vec::new()
    }

    /// Runs the steps that a stored document lacks. It is never saved again.
    async fn finish(&mut self, draft: &Draft<'_>, stored: Stored) {
        let id = mapping::ids([stored.id.clone()]);
        let outcome = match (self.writing.audits, stored.status.as_str()) {
            (false, _) | (true, "C") => None,
            (true, "B") => self.audit(&id).await,
            (true, _) => match self.submit(&id).await {
                Some(outcome) => Some(outcome),
                None => self.audit(&id).await,
            },
        };
        self.settle(draft.at, outcome.unwrap_or_else(|| outcome::delivered(&stored.id, &stored.number)));
    }

    async fn submit(&self, which: &Selection) -> Option<Outcome> {
        step_outcome(self.client.submit(&self.writing.form.id, which, Lane::Live).await)
    }

    async fn audit(&self, which: &Selection) -> Option<Outcome> {
        step_outcome(self.client.audit(&self.writing.form.id, which, Lane::Live).await)
    }
}

/// The outcome of one document that the answer mentions as failed, by its class.
fn of_failure(answer: &DocumentAnswer, class: Class) -> Outcome {
    let mut refusal = Refusal::new(outcome::code_of(class), answer.text());
    refusal.field = answer.errors.iter().find_map(|error| error.field.clone());
    match class.reaction() {
        // A database failure may have come after the commit (contract kingdee-galaxy §6: retry after a look-up).
        Reaction::Repeat if class == Class::Transient => Outcome::Unknown(refusal),
        Reaction::Repeat => Outcome::Retry { after: Duration::ZERO, cause: refusal },
        Reaction::Halt => Outcome::Halt(refusal),
        Reaction::RepeatBounded | Reaction::Refuse => Outcome::Reject(refusal),
    }
}

/// The outcome of a step that did not succeed. One whose effect is unknown is looked up when the document comes again.
fn step_outcome(answer: Result<ResponseStatus, CallError>) -> Option<Outcome> {
    let status = match answer {
        Ok(status) => status,
        Err(error) => return Some(outcome::of_call(&error, true)),
    };
    let document = status.documents(1).into_iter().next()?;
    if document.is_done() {
        return None;
    }
    let class = document.class(status.msg_code, true);
    // The document is stored, so what is tried again must look it up first.
    Some(match of_failure(&document, class) {
        Outcome::Retry { cause, .. } => Outcome::Unknown(cause),
        other => other,
    })
}

/// Whether a stored document is the one that was sent: by the id that the answer or the receipt names, or by its content
/// where neither names one.
fn is_own(draft: &Draft<'_>, answer: &DocumentAnswer, stored: &Stored) -> bool {
    let named = answer.entity.as_ref().map(|entity| entity.id.as_str());
    let receipt = draft.delivery.previous.as_ref().map(|previous| previous.written.id.as_str());
    let known = named.or(receipt).filter(|id| !id.is_empty() && *id != "0");
    stored.equal && known.is_none_or(|id| id == stored.id)
}

fn halves<T>(mut whole: Vec<T>) -> Vec<Vec<T>> {
    let right = whole.split_off(whole.len().div_ceil(2));
    vec![right, whole].into_iter().filter(|half| !half.is_empty()).collect()
}
