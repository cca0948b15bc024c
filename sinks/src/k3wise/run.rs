//! The calls for each document, in the order that keeps it written once (design §7).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause, Effect};
use weir_clients::governor::Lane;
use weir_clients::k3wise::{Client, Saved};
use weir_model::Json;
use weir_model::outcome::{Outcome, Refusal, Written};
use weir_model::target::Delivery;

use super::config::{OnChange, Writing};
use super::document::Draft;
use crate::erp::batch::{self, Outcomes};
use crate::erp::outcome::{CHANGED, CONFLICT, GONE, TOO_LARGE, code_of, of_call};

/// What the server holds under a number.
enum Stored {
    /// These pages.
    Found(Json),
    /// Nothing: both look-ups agree.
    Absent,
    /// The look-ups disagree (contract decisions, "K/3 WISE").
    Unclear,
}

/// Delivers documents; one outcome each, in order. Four calls run side by side (contract kingdee-k3wise §9), never two
/// for one number: a second document with the same number goes in a later round.
pub(super) async fn deliver(client: &Client, writing: &Writing, deliveries: &[Delivery]) -> Vec<Outcome> {
    let run = Run { client, writing };
    let mut outcomes = Outcomes::new(deliveries.len());
    let mut drafts = Vec::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        match Draft::read(at, delivery) {
            Ok(draft) => drafts.push(draft),
            Err(outcome) => outcomes.settle(at, outcome),
        }
    }
    while !drafts.is_empty() {
        let round = batch::next_round(&mut drafts, |draft| draft.number.to_lowercase());
        for (at, outcome) in run.round(round).await {
            outcomes.settle(at, outcome);
        }
    }
    outcomes.finish()
}

struct Run<'r> {
    client: &'r Client,
    writing: &'r Writing,
}

impl Run<'_> {
    /// One round of documents with different numbers.
    async fn round(&self, drafts: Vec<Draft<'_>>) -> Vec<(usize, Outcome)> {
        let queue = Mutex::new(drafts.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = async || {
            let mut done = Vec::new();
            while let Some(draft) = next() {
                done.push((draft.at, self.deliver_one(&draft).await));
            }
            done
        };
        let (a, b, c, d) = tokio::join!(worker(), worker(), worker(), worker());
        [a, b, c, d].concat()
    }

    async fn deliver_one(&self, draft: &Draft<'_>) -> Outcome {
        if !batch::is_looked_up(draft.delivery) {
            return self.create(draft).await;
        }
        match self.look_up(draft).await {
            Err(error) => of_call(&error, true),
            Ok(Stored::Unclear) => unclear(draft),
            // Of a removed record nothing is there that could be taken back.
            Ok(Stored::Absent) if draft.delivery.document.deleted => Outcome::Unchanged,
            Ok(Stored::Absent) if draft.delivery.previous.is_none() => self.create(draft).await,
            Ok(Stored::Absent) => {
                let message =
                    format!("document {} was delivered and is no longer there", draft.stored_number());
                Outcome::Reject(Refusal::new(GONE, message))
            }
            Ok(Stored::Found(pages)) => self.compare(draft, &pages).await,
        }
    }

    /// Found is own if it was delivered before, or if its content is equal; any other is for a person.
    async fn compare(&self, draft: &Draft<'_>, pages: &Json) -> Outcome {
        let number = draft.stored_number();
        if draft.is_stored_as(pages) {
            return Outcome::Delivered(draft.delivery.previous.as_ref().map_or_else(
                || Written { id: String::new(), number: number.to_owned() },
                |previous| previous.written.clone(),
            ));
        }
        let reject = |code, message: String| Outcome::Reject(Refusal::new(code, message));
        // `on_delete` says that a removal is written, so `on_change` is not asked.
        let on_change =
            if draft.delivery.document.deleted { OnChange::Update } else { self.writing.on_change };
        match (&draft.delivery.previous, on_change) {
            (None, _) => reject(CONFLICT, format!("document {number} is there with another content")),
            (Some(_), OnChange::Ignore) => Outcome::Unchanged,
            (Some(_), OnChange::DeadLetter) => {
                reject(CHANGED, format!("{number} changed after it was written"))
            }
            (Some(_), OnChange::Update) => {
                let object = &self.writing.object;
                match self.client.update(object, number, &draft.data, Lane::Live).await {
                    Ok(saved) => written(draft, saved),
                    Err(error) => of_write(&error),
                }
            }
        }
    }

    async fn create(&self, draft: &Draft<'_>) -> Outcome {
        let error = match self.client.save(&self.writing.object, &draft.data, Lane::Live).await {
            Ok(saved) => return written(draft, saved),
            Err(error) => error,
        };
        // After a former attempt that was left unknown, the number that is taken may be ours.
        let own_duplicate = error.class() == Class::Duplicate && draft.delivery.unresolved;
        let suspect =
            matches!(error.class(), Class::Unreadable | Class::Unclear) && error.effect() == Effect::Unknown;
        if !own_duplicate && !suspect {
            return of_write(&error);
        }
        match self.look_up(draft).await {
            Ok(Stored::Found(pages)) if draft.is_stored_as(&pages) => {
                Outcome::Delivered(Written { id: String::new(), number: draft.number.clone() })
            }
            Ok(Stored::Found(_)) => {
                let message = format!("document {} is there with another content", draft.number);
                Outcome::Reject(Refusal::new(CONFLICT, message))
            }
            // It is not there, and the same answer would come again.
            Ok(Stored::Absent) => Outcome::Reject(Refusal::new(code_of(error.class()), error.to_string())),
            Ok(Stored::Unclear) => unclear(draft),
            Err(error) => of_call(&error, true),
        }
    }

    /// What is stored under the draft's number. An answer that is no document means absent only if the list agrees.
    async fn look_up(&self, draft: &Draft<'_>) -> Result<Stored, CallError> {
        let (object, number) = (&self.writing.object, draft.stored_number());
        if let Some(pages) = self.client.detail(object, number, Lane::Live).await? {
            return Ok(Stored::Found(pages));
        }
        let numbers = self.client.numbers_like(object, number, Lane::Live).await?;
        // Rows of other numbers would say that the server does not know the filter: then nothing is known either.
        Ok(if numbers.is_empty() { Stored::Absent } else { Stored::Unclear })
    }
}

fn unclear(draft: &Draft<'_>) -> Outcome {
    let message = format!("GetDetail shows no document {} and GetList lists it", draft.stored_number());
    Outcome::Unknown(Refusal::new(code_of(Class::Unreadable), message))
}

/// A document that the server took. Where it tells another number than ours, that one is kept.
fn written(draft: &Draft<'_>, saved: Saved) -> Outcome {
    let ours = draft.stored_number();
    let number = saved.number.unwrap_or_else(|| ours.to_owned());
    if number != ours {
        tracing::warn!(sent = ours, number, "the server gave the document another number");
    }
    let known = draft.delivery.previous.as_ref().map(|previous| previous.written.id.clone());
    let id = if saved.id.is_empty() { known.unwrap_or_default() } else { saved.id };
    Outcome::Delivered(Written { id, number })
}

/// The outcome of a document that a call did not write.
fn of_write(error: &CallError) -> Outcome {
    let refusal = Refusal::new(code_of(error.class()), error.to_string());
    match (error.cause(), error.class().reaction()) {
        (Cause::Status { status: 413 }, _) => Outcome::Reject(Refusal::new(TOO_LARGE, error.to_string())),
        // A time-out of the database may have come after its commit.
        (Cause::Refused { .. }, _) if error.class() == Class::Transient => Outcome::Unknown(refusal),
        (Cause::Refused { .. }, Reaction::Repeat) => Outcome::Retry { after: Duration::ZERO, cause: refusal },
        (Cause::Refused { .. }, Reaction::Refuse | Reaction::RepeatBounded) => Outcome::Reject(refusal),
        _ => of_call(error, false),
    }
}
