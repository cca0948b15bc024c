//! The calls of a batch, in the order that keeps each document written once (design §7): look up, plan, save. How answers
//! of a save are read is in `save`, what comes before and after it in `steps`.

use weir_clients::class::Reaction;
use weir_clients::error::{CallError, Effect};
use weir_clients::governor::{Lane, Turn};
use weir_clients::kingdee::{Client, Query};
use weir_model::Json;
use weir_model::outcome::Outcome;
use weir_model::target::{Batch, Ownership};

use super::config::Writing;
use super::mapping::{self, Draft, Plan, Stored};
use super::steps::There;
use crate::erp::batch::{self, Outcomes};
use crate::erp::outcome;

/// A document on its way into a save.
#[derive(Clone, Debug)]
pub(super) struct Sending<'d> {
    pub(super) draft: Draft<'d>,
    /// The internal id of the stored document that it updates; `None` creates.
    pub(super) update: Option<String>,
    /// Whether this delivery took the stored document's audit back.
    pub(super) un_audited: bool,
    /// Whether a former call may have stored it: then a number in use may be our own.
    pub(super) unresolved: bool,
    /// How often it was sent alone without a clear answer.
    pub(super) tries: u8,
}

impl<'d> Sending<'d> {
    fn new(draft: Draft<'d>, update: Option<String>) -> Self {
        let unresolved = draft.delivery.unresolved;
        Self { draft, update, un_audited: false, unresolved, tries: 0 }
    }

    /// Of a document whose audit this delivery took back.
    pub(super) fn un_audited(draft: Draft<'d>, id: String) -> Self {
        Self { un_audited: true, ..Self::new(draft, Some(id)) }
    }
}

/// Delivers documents; one outcome each, in order. A business key is at most once in a call, so a second document with
/// the same key goes in a later one.
pub(super) async fn deliver(client: &Client, writing: &Writing, batch: &Batch<'_>) -> Vec<Outcome> {
    let Batch { deliveries, ownership, .. } = *batch;
    let outcomes = Outcomes::new(deliveries.len());
    let mut run = Run { client, writing, ownership, outcomes, to_restore: Vec::new() };
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

/// A delivery at work.
pub(super) struct Run<'r, 'd> {
    pub(super) client: &'r Client,
    pub(super) writing: &'r Writing,
    /// Asked before each call that writes.
    ownership: Ownership<'r>,
    outcomes: Outcomes,
    /// Documents whose audit was taken back for a change that was then refused.
    pub(super) to_restore: Vec<There<'d>>,
}

impl<'d> Run<'_, 'd> {
    /// When a call that writes is made.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn::while_ours(Lane::Live, self.ownership)
    }

    pub(super) fn settle(&mut self, at: usize, outcome: Outcome) {
        self.outcomes.settle(at, outcome);
    }

    /// One round of documents with different keys.
    async fn round(&mut self, drafts: Vec<Draft<'d>>) {
        let (to_look_up, fresh): (Vec<_>, Vec<_>) =
            drafts.into_iter().partition(|draft| batch::is_looked_up(draft.delivery));
        let mut sending: Vec<_> = fresh.into_iter().map(|draft| Sending::new(draft, None)).collect();
        sending.extend(self.plan(to_look_up).await);
        sending.sort_by_key(|sending| sending.draft.at);
        self.send(sending).await;
        let to_restore = std::mem::take(&mut self.to_restore);
        self.finish(to_restore).await;
    }

    /// Looks documents up and settles what needs no saving; the rest comes back.
    async fn plan(&mut self, drafts: Vec<Draft<'d>>) -> Vec<Sending<'d>> {
        let found = self.look_up(drafts).await;
        let (mut sending, to_un_audit) = self.plan_found(found).await;
        // A person may work with the same documents: what cannot be un-audited is looked at once more.
        let changed = self.un_audit(to_un_audit, &mut sending).await;
        if !changed.is_empty() {
            let (more, still_audited) = self.plan_found(changed).await;
            sending.extend(more);
            let refused_again = self.un_audit(still_audited, &mut sending).await;
            self.settle_audited(refused_again);
        }
        sending
    }

    /// Plans documents as they were found: those to save, and those to take the audit back from before that.
    pub(super) async fn plan_found(
        &mut self,
        found: Vec<(Draft<'d>, Option<Stored>)>,
    ) -> (Vec<Sending<'d>>, Vec<(Draft<'d>, Stored)>) {
        let (mut sending, mut to_un_audit, mut there) = (Vec::new(), Vec::new(), Vec::new());
        for (draft, stored) in found {
            match mapping::plan(&draft, stored, self.writing.on_change) {
                Plan::Create => sending.push(Sending::new(draft, None)),
                Plan::Update { id } => sending.push(Sending::new(draft, Some(id))),
                Plan::UnAudit(stored) => to_un_audit.push((draft, stored)),
                Plan::Finish(stored) => there.push(There::delivered(draft, stored)),
                Plan::Settled(outcome) => self.settle(draft.at, outcome),
            }
        }
        self.finish(there).await;
        (sending, to_un_audit)
    }

    /// The stored state of each document. A look-up that fails settles them all: what was unresolved stays unknown.
    pub(super) async fn look_up(&mut self, drafts: Vec<Draft<'d>>) -> Vec<(Draft<'d>, Option<Stored>)> {
        if drafts.is_empty() {
            return Vec::new();
        }
        let whole = mapping::look_up(&self.writing.form, &drafts);
        let answer = match self.query(&whole).await {
            // A key that the form does not know is ignored by a save and refused by a query: then what is stored is known
            // by its number alone.
            Err(error) if is_about_the_query(&error) => {
                tracing::warn!(%error, "the keys of documents cannot be queried; they are looked up without content");
                let narrow = mapping::look_up_bare(&self.writing.form, &drafts);
                self.query(&narrow).await.map(|rows| (narrow, rows, Some(error.to_string())))
            }
            answer => answer.map(|rows| (whole, rows, None)),
        };
        match answer {
            Ok((query, rows, unseen)) => {
                let stored = |draft: &Draft<'_>| {
                    mapping::found(&self.writing.form, draft, &query, &rows, unseen.as_deref())
                };
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

    async fn query(&self, query: &Query) -> Result<Vec<Vec<Json>>, CallError> {
        self.client.execute_bill_query(query, Lane::Live).await
    }
}

/// Whether a look-up was refused for what it asks, so that asking for less may help.
fn is_about_the_query(error: &CallError) -> bool {
    error.effect() == Effect::None && error.class().reaction() == Reaction::Refuse
}
