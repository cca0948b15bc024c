//! A target in memory that answers as it is told and keeps count of what it stored.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use weir_model::{
    outcome::{Code, Outcome, Refusal, Written},
    target::{Batch, BatchLimits, Claim, Delivery, ProbeReport, Target, TargetError},
};

/// What to answer for a record, instead of storing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Say {
    Reject,
    Retry,
    /// Stores it, and says that nobody knows.
    UnknownButStored,
    Halt,
}

/// A document as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: String,
    pub body: String,
    pub unresolved: bool,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, VecDeque<Say>>,
    calls: Vec<Vec<Seen>>,
    stored: BTreeMap<String, String>,
    writes: BTreeMap<String, usize>,
}

/// The target. Like an ERP it keeps no offsets, so what was left unknown is looked up by its key.
pub struct FakeTarget {
    documents: usize,
    state: Mutex<State>,
    /// Calls that are answered before the first one that hangs.
    answered_calls: AtomicUsize,
    /// Partitions that were claimed and not released.
    claimed: Mutex<BTreeSet<i32>>,
}

impl FakeTarget {
    /// Takes so many documents at a time.
    pub fn new(documents: usize) -> Self {
        Self {
            documents,
            state: Mutex::default(),
            answered_calls: AtomicUsize::new(usize::MAX),
            claimed: Mutex::default(),
        }
    }

    pub fn answer(&self, id: &str, answers: &[Say]) {
        self.state().answers.insert(id.to_owned(), answers.iter().copied().collect());
    }

    /// Answers so many more calls; those after them store what they are sent and never return.
    pub fn hang_after(&self, calls: usize) {
        self.answered_calls.store(calls, Ordering::SeqCst);
    }

    /// Answers every call again.
    pub fn hang_no_more(&self) {
        self.hang_after(usize::MAX);
    }

    pub fn calls(&self) -> Vec<Vec<Seen>> {
        self.state().calls.clone()
    }

    pub fn stored(&self) -> BTreeMap<String, String> {
        self.state().stored.clone()
    }

    /// How often each record was written.
    pub fn writes(&self) -> BTreeMap<String, usize> {
        self.state().writes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn one(&self, delivery: &Delivery) -> Outcome {
        let mut state = self.state();
        let id = delivery.document.record_id.to_string();
        let body = String::from_utf8(delivery.document.body.to_vec()).unwrap();
        let written = Written { id: format!("#{id}"), number: id.clone() };
        if delivery.unresolved && state.stored.get(&id) == Some(&body) {
            return Outcome::Delivered(written);
        }
        let cause = Refusal::new(Code::new("T-TEST"), "as told");
        let say = state.answers.get_mut(&id).and_then(VecDeque::pop_front);
        match say {
            Some(Say::Reject) => return Outcome::Reject(cause),
            Some(Say::Retry) => return Outcome::Retry { after: Duration::from_millis(1), cause },
            Some(Say::Halt) => return Outcome::Halt(cause),
            Some(Say::UnknownButStored) | None => {}
        }
        state.stored.insert(id.clone(), body);
        *state.writes.entry(id).or_default() += 1;
        if say.is_some() { Outcome::Unknown(cause) } else { Outcome::Delivered(written) }
    }
}

#[async_trait]
impl Target for FakeTarget {
    fn limits(&self) -> BatchLimits {
        BatchLimits { documents: self.documents, bytes: 1 << 20, age: Duration::from_millis(20) }
    }

    fn announces(&self) -> bool {
        true
    }

    async fn probe(&self) -> Result<ProbeReport, TargetError> {
        Ok(ProbeReport::default())
    }

    async fn claim(&self, partition: i32) -> Result<Claim, TargetError> {
        self.claimed.lock().unwrap().insert(partition);
        Ok(Claim::default())
    }

    async fn deliver(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, TargetError> {
        let seen = |delivery: &Delivery| Seen {
            id: delivery.document.record_id.to_string(),
            body: String::from_utf8(delivery.document.body.to_vec()).unwrap(),
            unresolved: delivery.unresolved,
        };
        assert!(self.claimed.lock().unwrap().contains(&batch.partition), "deliveries come under a claim");
        self.state().calls.push(batch.deliveries.iter().map(seen).collect());
        let outcomes = batch.deliveries.iter().map(|delivery| self.one(delivery)).collect();
        let one_less = |left: usize| left.checked_sub(1);
        if self.answered_calls.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            std::future::pending::<()>().await;
        }
        Ok(outcomes)
    }

    async fn release(&self, partition: i32) {
        self.claimed.lock().unwrap().remove(&partition);
    }
}
