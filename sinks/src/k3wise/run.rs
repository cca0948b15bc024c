//! The calls for each document, in the order that keeps it written once (design §7).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause};
use weir_clients::governor::{Lane, Turn};
use weir_clients::k3wise::{Client, Saved};
use weir_model::Json;
use weir_model::outcome::{Code, Outcome, Refusal, Written};
use weir_model::target::{Batch, Ownership};

use super::config::{OnChange, Writing};
use super::document::{self, Draft};
use crate::erp::batch::{self, Outcomes, TRIES};
use crate::erp::outcome::{self, AUDITED, CHANGED, CONFLICT, GONE, TOO_LARGE, code_of, of_call};

/// Documents that are sent side by side (contract kingdee-k3wise §9).
const SIDE_BY_SIDE: usize = 4;

/// What the server holds under a number.
enum Stored {
    /// These pages.
    Found(Json),
    /// Nothing: both look-ups agree.
    Absent,
    /// The look-ups disagree (contract decisions, "K/3 WISE").
    Unclear,
}

/// How a stored document compares with the one that was sent.
enum Compared {
    /// It is the same.
    Same(There),
    /// It is ours and is to be written over.
    Changed,
}

/// What is asked of the server.
#[derive(Clone, Copy)]
enum Write {
    Create,
    Update,
}

/// A document that is there as it was sent; what is left is its audit.
struct There {
    written: Written,
    is_audited: bool,
}

/// Delivers documents; one outcome each, in order. Four calls run side by side (contract kingdee-k3wise §9), never two
/// for one number: a second document with the same number goes in a later round.
pub(super) async fn deliver(client: &Client, writing: &Writing, batch: &Batch<'_>) -> Vec<Outcome> {
    let Batch { deliveries, ownership, .. } = *batch;
    let run = Run { client, writing, away: AtomicUsize::new(0), ownership };
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
    /// How many documents of this delivery found the server away.
    away: AtomicUsize,
    /// Asked before each call that writes.
    ownership: Ownership<'r>,
}

impl Run<'_> {
    /// When a call that writes is made.
    fn turn(&self) -> Turn<'_> {
        Turn::while_ours(Lane::Live, self.ownership)
    }

    /// One round of documents with different numbers.
    async fn round(&self, drafts: Vec<Draft<'_>>) -> Vec<(usize, Outcome)> {
        let queue = Mutex::new(drafts.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let worker = async || {
            let mut done = Vec::new();
            while let Some(draft) = next() {
                let outcome = match self.away.load(Ordering::Relaxed) < SIDE_BY_SIDE {
                    true => self.deliver_one(&draft).await,
                    false => not_tried(),
                };
                done.push((draft.at, outcome));
            }
            done
        };
        let (a, b, c, d) = tokio::join!(worker(), worker(), worker(), worker());
        [a, b, c, d].concat()
    }

    async fn deliver_one(&self, draft: &Draft<'_>) -> Outcome {
        let outcome = match self.store(draft).await {
            Ok(there) if self.writing.audits && !draft.delivery.document.deleted => {
                self.audit(draft, there).await
            }
            Ok(there) => Outcome::Delivered(there.written),
            Err(outcome) => outcome,
        };
        if says_away(&outcome) {
            self.away.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    /// Sees to it that a document is there; the outcome when it is not, or when nothing is left to do.
    async fn store(&self, draft: &Draft<'_>) -> Result<There, Outcome> {
        if !batch::is_looked_up(draft.delivery) {
            return self.write(draft, Write::Create).await;
        }
        match self.look_up(draft).await.map_err(|error| of_call(&error, true))? {
            Stored::Unclear => Err(unclear(draft)),
            // Of a removed record nothing is there that could be taken back.
            Stored::Absent if draft.delivery.document.deleted => Err(Outcome::Unchanged),
            // What somebody deleted is made anew when somebody asks for it to be as at the source.
            Stored::Absent if draft.delivery.previous.is_none() || batch::is_fix(draft.delivery) => {
                self.write(draft, Write::Create).await
            }
            Stored::Absent => Err(gone(draft)),
            Stored::Found(pages) => match self.compare(draft, &pages)? {
                Compared::Same(there) => Ok(there),
                Compared::Changed => self.write(draft, Write::Update).await,
            },
        }
    }

    /// Found is own if its id is the receipt's, or none is known and its content is equal; any other is for a person
    /// (design §7).
    fn compare(&self, draft: &Draft<'_>, pages: &Json) -> Result<Compared, Outcome> {
        let (number, id) = (draft.stored_number(), document::id_of(pages));
        let known = draft.delivery.previous.as_ref().map(|previous| previous.written.id.as_str());
        if let Some(known) = known.filter(|known| !known.is_empty() && !id.is_empty() && *known != id) {
            // A fix may have made it anew and not have heard of it.
            if batch::is_fix(draft.delivery) && draft.is_stored_as(pages) {
                return Ok(Compared::Same(shown(draft, pages)));
            }
            return reject(CONFLICT, format!("document {id} has number {number}, ours was {known}"));
        }
        if draft.is_stored_as(pages) {
            return Ok(Compared::Same(found(draft, pages)));
        }
        if draft.delivery.previous.is_none() {
            return reject(CONFLICT, format!("document {number} is there with another content"));
        }
        // `on_delete` says that a removal is written, so `on_change` is not asked.
        match if draft.delivery.document.deleted { OnChange::Update } else { self.writing.on_change } {
            OnChange::Ignore => Err(Outcome::Unchanged),
            OnChange::DeadLetter => reject(CHANGED, format!("{number} changed after it was written")),
            OnChange::Update if document::is_audited(pages) => Err(audited(draft)),
            OnChange::Update => Ok(Compared::Changed),
        }
    }

    /// Sends a document; again, a bounded number of times, where the answer is unclear and it is not there.
    async fn write(&self, draft: &Draft<'_>, write: Write) -> Result<There, Outcome> {
        let mut may_be_ours = draft.delivery.unresolved;
        let mut tries = 0;
        loop {
            batch::pause_before(tries).await;
            let (object, data) = (&self.writing.object, &draft.data);
            let sent = match write {
                Write::Create => self.client.save(object, data, self.turn()).await,
                Write::Update => self.client.update(object, draft.stored_number(), data, self.turn()).await,
            };
            let error = match sent {
                Ok(saved) => return Ok(written(draft, saved)),
                Err(error) => error,
            };
            let is_unclear = error.class().reaction() == Reaction::RepeatBounded;
            let is_in_doubt = match (error.class(), write) {
                (Class::Duplicate, Write::Create) => may_be_ours,
                (Class::State, Write::Update) => true,
                _ => outcome::may_be_a_document(&error),
            };
            if !is_in_doubt && !is_unclear {
                return Err(outcome::kept_open(of_write(&error), may_be_ours));
            }
            if is_in_doubt && let Some(there) = self.is_there(draft, write).await? {
                return Ok(there);
            }
            tries += 1;
            may_be_ours = true;
            if !is_unclear || tries == TRIES {
                // The same answer would come again.
                return Err(Outcome::Reject(Refusal::new(code_of(error.class()), error.to_string())));
            }
        }
    }

    /// Whether a document that a write left in doubt is there as sent.
    async fn is_there(&self, draft: &Draft<'_>, write: Write) -> Result<Option<There>, Outcome> {
        match (self.look_up(draft).await.map_err(|error| of_call(&error, true))?, write) {
            (Stored::Unclear, _) => Err(unclear(draft)),
            (Stored::Found(pages), _) if draft.is_stored_as(&pages) => Ok(Some(found(draft, &pages))),
            (Stored::Found(pages), Write::Update) if document::is_audited(&pages) => Err(audited(draft)),
            (Stored::Found(_), Write::Create) => {
                reject(CONFLICT, format!("document {} is there with another content", draft.number))
            }
            (Stored::Absent, Write::Update) => Err(gone(draft)),
            (Stored::Found(_), Write::Update) | (Stored::Absent, Write::Create) => Ok(None),
        }
    }

    /// Audits a document that is there. It is never saved again: after an error its status is looked up, and only this
    /// step runs (design §7).
    async fn audit(&self, draft: &Draft<'_>, there: There) -> Outcome {
        let There { written, is_audited } = there;
        if is_audited {
            return Outcome::Delivered(written);
        }
        let mut tries = 0;
        loop {
            batch::pause_before(tries).await;
            let audited = self.client.check_bill(&self.writing.object, &written.number, self.turn()).await;
            let Err(error) = audited else { return Outcome::Delivered(written) };
            if says_audited(&error) {
                return Outcome::Delivered(written);
            }
            let is_unclear = error.class().reaction() == Reaction::RepeatBounded;
            if !is_unclear && error.class().reaction() != Reaction::Refuse {
                // The document is stored, so what is tried again must look it up first.
                return of_call(&error, true);
            }
            match self.look_up(draft).await {
                Ok(Stored::Found(pages)) if document::is_audited(&pages) => {
                    return Outcome::Delivered(written);
                }
                Ok(_) => tries += 1,
                Err(error) => return of_call(&error, true),
            }
            if !is_unclear || tries == TRIES {
                let message = format!("{} is stored and was not audited: {error}", written.number);
                return Outcome::Incomplete {
                    written,
                    refusal: Refusal::new(code_of(error.class()), message),
                };
            }
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

/// Whether the server was away for a document.
fn says_away(outcome: &Outcome) -> bool {
    let (Outcome::Unknown(cause) | Outcome::Retry { cause, .. }) = outcome else { return false };
    cause.code == code_of(Class::Transient)
}

/// The outcome of a document that was not tried: as many as are sent side by side found the server away, and each further
/// one could wait for its time-out.
fn not_tried() -> Outcome {
    let cause = Refusal::new(code_of(Class::Transient), "the server was away for the documents before it");
    Outcome::Retry { after: Duration::ZERO, cause }
}

fn unclear(draft: &Draft<'_>) -> Outcome {
    let message = format!("GetDetail shows no document {} and GetList lists it", draft.stored_number());
    Outcome::Unknown(Refusal::new(code_of(Class::Unreadable), message))
}

fn reject<T>(code: Code, message: String) -> Result<T, Outcome> {
    Err(Outcome::Reject(Refusal::new(code, message)))
}

fn gone(draft: &Draft<'_>) -> Outcome {
    let message = format!("document {} was delivered and is no longer there", draft.stored_number());
    Outcome::Reject(Refusal::new(GONE, message))
}

/// The server has no call that takes an audit back (contract kingdee-k3wise §3).
fn audited(draft: &Draft<'_>) -> Outcome {
    let message = format!("document {} is audited (已审核)", draft.stored_number());
    Outcome::Reject(Refusal::new(AUDITED, message))
}

/// A document that was found as it was sent.
fn found(draft: &Draft<'_>, pages: &Json) -> There {
    let known = draft.delivery.previous.as_ref().map(|previous| previous.written.clone());
    let shown = shown(draft, pages);
    There { written: known.filter(|written| !written.id.is_empty()).unwrap_or(shown.written), ..shown }
}

/// The same under the id that the server shows.
fn shown(draft: &Draft<'_>, pages: &Json) -> There {
    let written = Written { id: document::id_of(pages), number: draft.stored_number().to_owned() };
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
