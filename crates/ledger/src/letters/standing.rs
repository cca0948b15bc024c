//! How a letter stands, by what came of its record and what a person decided. Pure.

use jiff::Timestamp;
use weir_model::record::Version;

use super::{Decision, State, Verdict};

/// What is known of a letter.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// When it was refused.
    pub at: Timestamp,
    /// The version that was refused.
    pub version: Version,
    /// The state of the source record that was refused.
    pub source_digest: String,
    /// Whether no newer letter of its record stands after it.
    pub is_newest: bool,
    /// How its record stands; none for an answer that never became a record.
    pub record: Option<RecordFacts>,
    /// What a person decided last.
    pub decision: Option<Decision>,
}

/// How a record stands.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordFacts {
    /// `record.state` of the projection.
    pub state: String,
    /// The job that brought its newest document.
    pub job: String,
    /// `record.standing`: what the target holds.
    pub standing: String,
    pub delivered_at: Option<Timestamp>,
    pub delivered_digest: String,
    pub receipt_at: Option<Timestamp>,
    /// The highest version that the sink decided about.
    pub decided: Option<Version>,
}

/// How the letter stands. `ended_early` tells of a job whether nothing more comes of it though it was not finished.
pub(super) fn state(facts: &Facts, ended_early: &dyn Fn(&str) -> bool) -> State {
    if !facts.is_newest {
        return State::FailedAgain;
    }
    if facts.record.as_ref().is_some_and(|record| is_solved(facts, record)) {
        return State::Solved;
    }
    match &facts.decision {
        None => State::Open,
        Some(Decision { verdict: Verdict::GiveUp, .. }) => State::GivenUp,
        Some(Decision { verdict: Verdict::Resend, job, .. }) => {
            let was_sent = facts.record.as_ref().is_some_and(|record| record.job == *job);
            if ended_early(job) && !was_sent { State::Open } else { State::Resent }
        }
    }
}

fn is_solved(facts: &Facts, record: &RecordFacts) -> bool {
    let was_resent = facts
        .decision
        .as_ref()
        .is_some_and(|decision| decision.verdict == Verdict::Resend && decision.job == record.job);
    let is_held = record.standing == "held";
    // Written since; or found unchanged when it was sent again.
    let delivered = is_held
        && (record.delivered_at.is_some_and(|delivered| delivered > facts.at)
            || (was_resent && record.state == "delivered" && record.delivered_digest == facts.source_digest));
    let removed = record.state == "removed" && record.receipt_at.is_some_and(|receipt| receipt > facts.at);
    // A newer state of the record came to its end: this one is superseded.
    let superseded = record.decided.is_some_and(|decided| decided > facts.version)
        && matches!(record.state.as_str(), "delivered" | "filtered" | "left" | "removed");
    delivered || removed || superseded
}
