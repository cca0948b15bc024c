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
use super::document::{self, Draft};
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

/// A document that is there as it was sent; what is left is its audit.
struct There {
    written: Written,
    is_audited: bool,
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
        match self.store(draft).await {
            Ok(there) if self.writing.audits && !draft.delivery.document.deleted => self.audit(there).await,
            Ok(there) => Outcome::Delivered(there.written),
            Err(outcome) => outcome,
        }
    }

    /// Sees to it that a document is there; the outcome when it is not, or when nothing is left to do.
    async fn store(&self, draft: &Draft<'_>) -> Result<There, Outcome> {
        if !batch::is_looked_up(draft.delivery) {
            return self.create(draft).await;
        }
        match self.look_up(draft).await {
            Err(error) => Err(of_call(&error, true)),
            Ok(Stored::Unclear) => Err(unclear(draft)),
            // Of a removed record nothing is there that could be taken back.
            Ok(Stored::Absent) if draft.delivery.document.deleted => Err(Outcome::Unchanged),
            Ok(Stored::Absent) if draft.delivery.previous.is_none() => self.create(draft).await,
            Ok(Stored::Absent) => {
                let message =
                    format!("document {} was delivered and is no longer there", draft.stored_number());
                Err(Outcome::Reject(Refusal::new(GONE, message)))
            }
            Ok(Stored::Found(pages)) => self.compare(draft, &pages).await,
        }
    }

    /// Audits a document that is there. It is never saved again: after an error its status is looked up, and only this
    /// step runs (design §7).
    async fn audit(&self, there: There) -> Outcome {
        let number = &there.written.number;
        if there.is_audited {
            return Outcome::Delivered(there.written);
        }
        let Err(error) = self.client.check_bill(&self.writing.object, number, Lane::Live).await else {
            return Outcome::Delivered(there.written);
        };
        if says_audited(&error) {
            return Outcome::Delivered(there.written);
        }
        match of_write(&error) {
            // The document is stored, so what is tried again must look it up first.
            Outcome::Retry { cause, .. } => Outcome::Unknown(cause),
            Outcome::Reject(mut refusal) => {
                refusal.message = format!("{number} is stored and was not audited: {}", refusal.message);
                Outcome::Reject(refusal)
            }
            other => other,
        }
    }

    /// Found is own if it was delivered before, or if its content is equal; any other is for a person.
    async fn compare(&self, draft: &Draft<'_>, pages: &Json) -> Result<There, Outcome> {
        let number = draft.stored_number();
        if draft.is_stored_as(pages) {
            return Ok(found(draft, pages));
        }
        let reject = |code, message: String| Err(Outcome::Reject(Refusal::new(code, message)));
        // `on_delete` says that a removal is written, so `on_change` is not asked.
        let on_change =
            if draft.delivery.document.deleted { OnChange::Update } else { self.writing.on_change };
        match (&draft.delivery.previous, on_change) {
            (None, _) => reject(CONFLICT, format!("document {number} is there with another content")),
            (Some(_), OnChange::Ignore) => Err(Outcome::Unchanged),
            (Some(_), OnChange::DeadLetter) => {
                reject(CHANGED, format!("{number} changed after it was written"))
            }
            (Some(_), OnChange::Update) => {
                let object = &self.writing.object;
                match self.client.update(object, number, &draft.data, Lane::Live).await {
                    Ok(saved) => Ok(written(draft, saved)),
                    Err(error) => Err(of_write(&error)),
                }
            }
        }
    }

    async fn create(&self, draft: &Draft<'_>) -> Result<There, Outcome> {
        let error = match self.client.save(&self.writing.object, &draft.data, Lane::Live).await {
            Ok(saved) => return Ok(written(draft, saved)),
            Err(error) => error,
        };
        // After a former attempt that was left unknown, the number that is taken may be ours.
        let own_duplicate = error.class() == Class::Duplicate && draft.delivery.unresolved;
        let suspect =
            matches!(error.class(), Class::Unreadable | Class::Unclear) && error.effect() == Effect::Unknown;
        if !own_duplicate && !suspect {
            return Err(of_write(&error));
        }
        match self.look_up(draft).await {
            Ok(Stored::Found(pages)) if draft.is_stored_as(&pages) => Ok(found(draft, &pages)),
            Ok(Stored::Found(_)) => {
                let message = format!("document {} is there with another content", draft.number);
                Err(Outcome::Reject(Refusal::new(CONFLICT, message)))
            }
            // It is not there, and the same answer would come again.
            Ok(Stored::Absent) => {
                Err(Outcome::Reject(Refusal::new(code_of(error.class()), error.to_string())))
            }
            Ok(Stored::Unclear) => Err(unclear(draft)),
            Err(error) => Err(of_call(&error, true)),
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

/// A document that was found as it was sent.
fn found(draft: &Draft<'_>, pages: &Json) -> There {
    let written = draft.delivery.previous.as_ref().map_or_else(
        || Written { id: String::new(), number: draft.stored_number().to_owned() },
        |previous| previous.written.clone(),
    );
    There { written, is_audited: document::is_audited(pages) }
}

/// Whether the audit was refused because somebody, or a former attempt of ours, made it before.
fn says_audited(error: &CallError) -> bool {
    let Cause::Refused { text, .. } = error.cause() else { return false };
    ["已审核", "已经审核"].iter().any(|words| text.contains(words))
}

/// A document that the server took. Where it tells another number than ours, that one is kept.
fn written(draft: &Draft<'_>, saved: Saved) -> There {
    let ours = draft.stored_number();
    let number = saved.number.unwrap_or_else(|| ours.to_owned());
    if number != ours {
        tracing::warn!(sent = ours, number, "the server gave the document another number");
    }
    let known = draft.delivery.previous.as_ref().map(|previous| previous.written.id.clone());
    let id = if saved.id.is_empty() { known.unwrap_or_default() } else { saved.id };
    There { written: Written { id, number }, is_audited: false }
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
