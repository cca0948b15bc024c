//! What the calls of every system have in common: lanes, what a failed call means for polling, and what is counted.

use std::time::Duration;

use weir_clients::{
    class::{Class, Reaction as Advice},
    error::{CallError, Effect},
    governor::{self, Governor},
};
use weir_model::{Json, cursor::Lane, names::ConnectionName, outcome::Code};
use weir_runtime::{
    poll::Takeover,
    telemetry::{CallOutcome, Metrics},
};

use crate::{
    code,
    feed::{FeedError, PageAt, Reaction},
    request::NotANumber,
};

/// Whose turn it is when the quota is short.
pub(crate) fn lane_of(lane: Lane) -> governor::Lane {
    match lane {
        Lane::Live => governor::Lane::Live,
        Lane::CatchUp => governor::Lane::CatchUp,
        Lane::Backfill => governor::Lane::Backfill,
        Lane::Reconcile => governor::Lane::Reconcile,
    }
}

/// After a take-over from a process that may still be calling, the quota starts low (design §5).
pub(crate) fn start_quota(governor: &Governor, takeover: Takeover) {
    if let Takeover::Shared(duration) = takeover {
        governor.start_low(duration);
    }
}

/// Counts how a call to `operation` ended; `took` includes the wait for its place in the quota.
pub(crate) fn tell_call(
    metrics: &Metrics,
    connection: &ConnectionName,
    operation: &str,
    error: Option<&CallError>,
    took: Duration,
) {
    let (outcome, class) = match error {
        None => (CallOutcome::Answered, Json::Null),
        Some(error) => {
            let lost = error.effect() == Effect::Unknown;
            let outcome = if lost { CallOutcome::Lost } else { CallOutcome::Failed };
            (outcome, serde_json::to_value(error.class()).unwrap_or_default())
        }
    };
    metrics.call_ended(connection, operation, outcome, class.as_str().unwrap_or_default(), took);
}

/// Tells what is left of each quota, in the window that is nearest to its end.
pub(crate) fn tell_quota(metrics: &Metrics, connection: &ConnectionName, governor: &Governor) {
    for (scope, left) in governor.left() {
        let calls = left.windows.iter().map(|(_, calls)| *calls).min().unwrap_or(u32::MAX);
        metrics.quota_left(connection, &scope, u64::from(calls));
    }
}

/// What polling does about a call that failed (an unknown code: contract decisions "All sources").
pub(crate) fn failed(at: &PageAt, error: CallError) -> FeedError {
    let class = error.class();
    let reaction = match class.reaction() {
        // The contracts count an answer that is no JSON to the transport: it is asked for again without end.
        _ if class == Class::Unreadable => Reaction::Repeat,
        Advice::Repeat => Reaction::Repeat,
        Advice::Halt => Reaction::Halt,
        Advice::RepeatBounded | Advice::Refuse => Reaction::RepeatBounded,
    };
    FeedError {
        at: at.clone(),
        reaction,
        code: code_of(class),
        rest: error.rest(),
        unreadable: error.body().filter(|_| class == Class::Unreadable).cloned(),
        remedy: error.remedy().en,
        source: Box::new(error),
    }
}

/// A request that the flow's items do not make.
pub(crate) fn not_made(at: &PageAt, error: NotANumber) -> FeedError {
    FeedError {
        at: at.clone(),
        reaction: Reaction::Halt,
        code: code::ARGUMENT,
        rest: None,
        unreadable: None,
        remedy: "",
        source: Box::new(error),
    }
}

fn code_of(class: Class) -> Code {
    match class {
        Class::Credential | Class::TokenExpired | Class::ClockSkew => code::CREDENTIAL,
        Class::Permission => code::PERMISSION,
        Class::Argument => code::ARGUMENT,
        Class::Unreadable => code::ANSWER,
        _ => code::UNCLEAR,
    }
}
