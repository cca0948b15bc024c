//! What a failed call means for a document, pure: the codes of the ERP targets, and the outcome of calls.
//!
//! It relies on the classes that `weir_clients` reads errors into (contract kingdee-galaxy §6, kingdee-k3wise §7).

use std::time::Duration;

use weir_clients::class::{Class, Reaction};
use weir_clients::error::{CallError, Cause, Effect};
use weir_model::outcome::{Code, Outcome, Refusal, Written};
use weir_model::target::TargetError;

/// The document has no number, or is no document.
pub(crate) const KEY: Code = Code::new("K-KEY");
/// The business key changed since the record was delivered.
pub(crate) const KEY_CHANGED: Code = Code::new("KEY-CHANGED");
/// Another document stands under this key.
pub(crate) const CONFLICT: Code = Code::new("K-CONFLICT");
/// The stored document is audited or in review and may not be changed.
pub(crate) const AUDITED: Code = Code::new("K-AUDITED");
/// The record changed, and the flow does not change stored documents.
pub(crate) const CHANGED: Code = Code::new("K-CHANGED");
/// The delivered document is no longer there.
pub(crate) const GONE: Code = Code::new("K-GONE");
/// Larger than the server takes.
pub(crate) const TOO_LARGE: Code = Code::new("K-TOO-LARGE");
/// The answer says nothing of it.
pub(crate) const UNMENTIONED: Code = Code::new("K-UNMENTIONED");

/// The partition may have been taken over by another process.
pub(crate) const NOT_OURS: Code = Code::new("K-NOT-OURS");

/// Every code of these targets.
pub(crate) const CODES: &[Code] = &[
    KEY,
    KEY_CHANGED,
    CONFLICT,
    AUDITED,
    CHANGED,
    GONE,
    TOO_LARGE,
    UNMENTIONED,
    NOT_OURS,
    code_of(Class::Throttled),
    code_of(Class::Transient),
    code_of(Class::Locked),
    code_of(Class::Credential),
    code_of(Class::ClockSkew),
    code_of(Class::Permission),
    code_of(Class::Licence),
    code_of(Class::Argument),
    code_of(Class::Duplicate),
    code_of(Class::Reference),
    code_of(Class::Mandatory),
    code_of(Class::Validation),
    code_of(Class::State),
    code_of(Class::Absent),
    code_of(Class::Unreadable),
    code_of(Class::Unclear),
];

/// The code of a class.
pub(crate) const fn code_of(class: Class) -> Code {
    match class {
        Class::Throttled => Code::new("K-THROTTLED"),
        Class::Transient => Code::new("K-AWAY"),
        Class::Locked => Code::new("K-LOCKED"),
        Class::TokenExpired | Class::Credential => Code::new("K-CREDENTIAL"),
        Class::ClockSkew => Code::new("K-CLOCK"),
        Class::Permission => Code::new("K-PERMISSION"),
        Class::Licence => Code::new("K-LICENCE"),
        Class::Argument => Code::new("K-ARGUMENT"),
        Class::Duplicate => Code::new("K-DUPLICATE"),
        Class::Reference => Code::new("K-REFERENCE"),
        Class::Mandatory => Code::new("K-MANDATORY"),
        Class::Validation => Code::new("K-VALIDATION"),
        Class::State => Code::new("K-STATE"),
        Class::Absent => Code::new("K-ABSENT"),
        Class::Unreadable => Code::new("K-UNREADABLE"),
        Class::Unclear => Code::new("K-UNCLEAR"),
    }
}

/// The outcome of a document whose call failed as a whole. `unresolved` is one that a former attempt may have stored: it
/// stays unknown, also where this call changed nothing.
pub(crate) fn of_call(error: &CallError, unresolved: bool) -> Outcome {
    if matches!(error.cause(), Cause::Withdrawn) {
        return not_ours();
    }
    let refusal = Refusal::new(code_of(error.class()), explained(error));
    if error.class().reaction() == Reaction::Halt {
        return Outcome::Halt(refusal);
    }
    if unresolved || error.effect() == Effect::Unknown {
        return Outcome::Unknown(refusal);
    }
    Outcome::Retry { after: error.rest().unwrap_or(Duration::ZERO), cause: refusal }
}

/// An outcome of a document that a former call of the same delivery may have stored late: what is tried again is looked up
/// first, or its own number would be taken for another's.
pub(crate) fn kept_open(outcome: Outcome, may_be_stored: bool) -> Outcome {
    match outcome {
        Outcome::Retry { cause, .. } if may_be_stored => Outcome::Unknown(cause),
        outcome => outcome,
    }
}

/// The outcome of a document for which no call is made, because another process may be making it: whoever owns the
/// partition looks it up first.
fn not_ours() -> Outcome {
    let text = "the partition may be another process's now, so the call was not made";
    Outcome::Unknown(Refusal::new(NOT_OURS, text))
}

/// Whether a call that failed as a whole may have failed because of one document in it: nobody knows what it did, and it
/// says neither that the target is away nor that account or form are wrong.
pub(crate) fn may_be_a_document(error: &CallError) -> bool {
    let by_class = matches!(error.class().reaction(), Reaction::RepeatBounded | Reaction::Refuse);
    error.effect() == Effect::Unknown && by_class
}

/// What a failed probe says.
pub(crate) fn target_error(error: &CallError) -> TargetError {
    let refusal = Refusal::new(code_of(error.class()), explained(error));
    match error.class().reaction() {
        Reaction::Repeat | Reaction::RepeatBounded => TargetError::Away(refusal),
        Reaction::Halt | Reaction::Refuse => TargetError::Halted(refusal),
    }
}

/// The outcome of a document that is there as it was sent.
pub(crate) fn delivered(id: &str, number: &str) -> Outcome {
    Outcome::Delivered(Written { id: id.to_owned(), number: number.to_owned() })
}

/// An error with what it stems from and what to do about it, on one line.
fn explained(error: &CallError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text.push_str("; ");
    text.push_str(error.class().remedy().en);
    text
}
