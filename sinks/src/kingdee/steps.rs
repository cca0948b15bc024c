//! The steps around a save: submit and audit of documents that are there, and taking an audit back. Each is one call for
//! many documents; after an error their status is looked up, and only the missing steps run (design §7).

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause};
use weir_clients::kingdee::{DocumentAnswer, ResponseStatus};
use weir_model::outcome::{Outcome, Refusal, Written};

use super::config::Goal;
use super::mapping::{self, Draft, Stored};
use super::run::{Run, Sending};
use crate::erp::batch::TRIES;
use crate::erp::outcome::{self, AUDITED, GONE, UNMENTIONED};

/// A step with documents that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Submit,
    Audit,
    UnAudit,
}

impl Step {
    /// The status of a document that took it.
    fn status(self) -> &'static str {
        match self {
            Self::Submit => "B",
            Self::Audit => "C",
            Self::UnAudit => "D",
        }
    }

    /// The next step of a document that stands at `status`; `None` when it has come as far as it is to come.
    fn next(goal: Goal, status: &str) -> Option<Self> {
        match (goal, status) {
            (Goal::Saved, _) | (_, "C") | (Goal::Submitted, "B") => None,
            (Goal::Audited, "B") => Some(Self::Audit),
            _ => Some(Self::Submit),
        }
    }
}

/// A document that is stored; its missing steps are left. It is never saved again.
#[derive(Clone, Debug)]
pub(super) struct There<'d> {
    draft: Draft<'d>,
    stored: Stored,
    /// Why the change was refused that its audit was taken back for; `None` for one that is stored as sent.
    change_refused: Option<Refusal>,
    /// Why its next step was refused.
    step_refused: Option<Refusal>,
}

impl<'d> There<'d> {
    /// One that is stored as it was sent.
    pub(super) fn delivered(draft: Draft<'d>, stored: Stored) -> Self {
        Self { draft, stored, change_refused: None, step_refused: None }
    }

    /// One whose change was refused, so that its audit is only given back.
    pub(super) fn refused(draft: Draft<'d>, stored: Stored, refusal: Refusal) -> Self {
        Self { draft, stored, change_refused: Some(refusal), step_refused: None }
    }

    /// How it ends as it stands.
    fn outcome(self) -> Outcome {
        let Stored { id, number, status, .. } = self.stored;
        match (self.change_refused, self.step_refused) {
            (None, None) => outcome::delivered(&id, &number),
            (None, Some(refusal)) => Outcome::Incomplete { written: Written { id, number }, refusal },
            (Some(refusal), None) => Outcome::Reject(refusal),
            (Some(mut refusal), Some(step)) => {
                let text =
                    format!("; document {id} ({number}) is left un-audited, at {status}: {}", step.message);
                refusal.message.push_str(&text);
                Outcome::Reject(refusal)
            }
        }
    }
}

/// How a step of one document went.
enum Taken {
    Done,
    /// The target says no.
    Refused(Refusal),
    /// Nobody knows, or not now: the document is looked up when it comes again.
    Open(Outcome),
}

impl<'d> Run<'_, 'd> {
    /// Runs the steps that stored documents lack, and settles them.
    pub(super) async fn finish(&mut self, documents: Vec<There<'d>>) {
        let mut left = documents;
        for round in 1..=TRIES {
            for step in [Step::Submit, Step::Audit] {
                left = self.advance(step, left).await;
            }
            let (refused, done): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|there| there.step_refused.is_some());
            for there in done {
                self.settle(there.draft.at, there.outcome());
            }
            left = if round < TRIES { self.moved_meanwhile(refused).await } else { refused };
            if left.is_empty() {
                return;
            }
        }
        for there in left {
            self.settle(there.draft.at, there.outcome());
        }
    }

    /// Takes one step with those whose next it is.
    async fn advance(&mut self, step: Step, documents: Vec<There<'d>>) -> Vec<There<'d>> {
        let goal = self.writing.goal;
        let is_due = |there: &There<'_>| {
            there.step_refused.is_none() && Step::next(goal, &there.stored.status) == Some(step)
        };
        let (due, mut left): (Vec<_>, Vec<_>) = documents.into_iter().partition(is_due);
        let ids = due.iter().map(|there| there.stored.id.clone()).collect();
        for (mut there, taken) in due.into_iter().zip(self.take(step, ids).await) {
            match taken {
                Taken::Done => there.stored.status = step.status().to_owned(),
                Taken::Refused(refusal) => there.step_refused = Some(refusal),
                Taken::Open(outcome) => {
                    self.settle(there.draft.at, outcome);
                    continue;
                }
            }
            left.push(there);
        }
        left
    }

    /// Looks at documents again whose step was refused, for a person or a former attempt may have taken it: those that
    /// stand elsewhere now come back, the others end.
    async fn moved_meanwhile(&mut self, refused: Vec<There<'d>>) -> Vec<There<'d>> {
        let drafts = refused.iter().map(|there| there.draft.clone()).collect();
        let mut found = self.look_up(drafts).await;
        let mut moved = Vec::new();
        for mut there in refused {
            let Some(at) = found.iter().position(|(draft, _)| draft.at == there.draft.at) else { continue };
            let (_, stored) = found.swap_remove(at);
            match stored.filter(|stored| stored.id == there.stored.id) {
                Some(stored) if stored.status != there.stored.status => {
                    there.stored.status = stored.status;
                    there.step_refused = None;
                    moved.push(there);
                }
                Some(_) => self.settle(there.draft.at, there.outcome()),
                None => {
                    let text =
                        format!("document {} was stored and is no longer at the target", there.stored.id);
                    self.settle(there.draft.at, Outcome::Reject(Refusal::new(GONE, text)));
                }
            }
        }
        moved
    }

    /// Takes the audit of documents back; those that can be saved now join `sending`. What the target refuses to un-audit
    /// comes back as it stands now.
    pub(super) async fn un_audit(
        &mut self,
        documents: Vec<(Draft<'d>, Stored)>,
        sending: &mut Vec<Sending<'d>>,
    ) -> Vec<(Draft<'d>, Option<Stored>)> {
        let ids = documents.iter().map(|(_, stored)| stored.id.clone()).collect();
        let mut refused = Vec::new();
        for ((draft, stored), taken) in documents.into_iter().zip(self.take(Step::UnAudit, ids).await) {
            match taken {
                Taken::Done => {
                    tracing::info!(
                        number = draft.number,
                        id = stored.id,
                        "audit taken back to write a change"
                    );
                    sending.push(Sending::un_audited(draft, stored.id));
                }
                Taken::Refused(refusal) => {
                    tracing::info!(number = draft.number, id = stored.id, %refusal, "audit cannot be taken back");
                    refused.push(draft);
                }
                Taken::Open(outcome) => self.settle(draft.at, outcome),
            }
        }
        self.look_up(refused).await
    }

    /// Refuses changes of documents whose audit cannot be taken back.
    pub(super) fn settle_audited(&mut self, documents: Vec<(Draft<'d>, Option<Stored>)>) {
        for (draft, stored) in documents {
            let id = stored.map(|stored| stored.id).unwrap_or_default();
            let text =
                format!("document {id} ({}) is audited (已审核) and cannot be un-audited", draft.number);
            self.settle(draft.at, Outcome::Reject(Refusal::new(AUDITED, text)));
        }
    }

    /// Takes a step with documents, in one call; where it names no culprit, in halves until the culprit stands alone.
    /// One answer each, in order.
    async fn take(&self, step: Step, ids: Vec<String>) -> Vec<Taken> {
        let mut taken = Vec::with_capacity(ids.len());
        let mut parts = vec![ids];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let answer = self.call(step, &part).await;
            match read(answer, part.len()) {
                Some(answers) => taken.extend(answers),
                None => {
                    let right = part.split_off(part.len().div_ceil(2));
                    // The left half is next, so that the answers stay in order.
                    parts.extend([right, part]);
                }
            }
        }
        taken
    }

    async fn call(&self, step: Step, ids: &[String]) -> Result<ResponseStatus, CallError> {
        let (form, which) = (&self.writing.form.id, mapping::ids(ids.iter().cloned()));
        match step {
            Step::Submit => self.client.submit(form, &which, self.turn()).await,
            Step::Audit => self.client.audit(form, &which, self.turn()).await,
            Step::UnAudit => self.client.un_audit(form, &which, self.turn()).await,
        }
    }
}

/// What an answer says of each of `count` documents; `None` when it must be asked in halves. Taking a step twice does no
/// harm, so nothing is looked up before.
fn read(answer: Result<ResponseStatus, CallError>, count: usize) -> Option<Vec<Taken>> {
    let status = match answer {
        Ok(status) => status,
        Err(error) => return of_error(&error, count),
    };
    let answers = status.documents(count);
    if count > 1 && answers.iter().any(DocumentAnswer::is_unmentioned) {
        return None;
    }
    let something_done = !status.entities.is_empty();
    let only_failure = answers.iter().filter(|answer| !answer.is_done()).count() == 1;
    let taken = |answer: &DocumentAnswer| match answer.is_done() {
        true => Taken::Done,
        false => of_refusal(answer, answer.class(status.msg_code, only_failure), something_done),
    };
    Some(answers.iter().map(taken).collect())
}

fn of_refusal(answer: &DocumentAnswer, class: Class, something_done: bool) -> Taken {
    if answer.is_unmentioned() {
        let text = "the answer names the document neither as done nor as failed";
        return Taken::Refused(Refusal::new(UNMENTIONED, text));
    }
    let refusal = Refusal::new(outcome::code_of(class), answer.text());
    match class.reaction() {
        // The document is stored, so what is tried again must look it up first.
        Reaction::Repeat => Taken::Open(Outcome::Unknown(refusal)),
        Reaction::Halt if !something_done => Taken::Open(Outcome::Halt(refusal)),
        _ => Taken::Refused(refusal),
    }
}

fn of_error(error: &CallError, count: usize) -> Option<Vec<Taken>> {
    let may_be_a_document = outcome::may_be_a_document(error);
    let too_large = matches!(error.cause(), Cause::Status { status: 413 });
    if count > 1 && (may_be_a_document || too_large) {
        return None;
    }
    let taken = || match may_be_a_document {
        true => Taken::Refused(Refusal::new(outcome::code_of(error.class()), error.to_string())),
        false => Taken::Open(outcome::of_call(error, true)),
    };
    Some(std::iter::repeat_with(taken).take(count).collect())
}
