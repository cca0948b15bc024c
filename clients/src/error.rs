//! What a failed call says: which call to which connection, what the vendor answered, what is known about the effect.
//!
//! No secret can be in it: addresses are kept without their query, bodies of token calls are never attached, and texts
//! are cut.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::class::{Class, Text};
use crate::http::TransportError;
use crate::jushuitan::StoreError;

/// Characters of a vendor's text that an error keeps.
const TEXT_LIMIT: usize = 2_000;

/// What is known about the effect of a call that failed. For a write this decides whether the record must be looked up
/// before it is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The server refused it, or never got it: nothing was changed.
    None,
    /// It was sent, and no answer tells what became of it.
    Unknown,
}

/// Which call was attempted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The system, such as `jushuitan`.
    pub system: &'static str,
    /// The connection's name in the configuration.
    pub connection: String,
    /// The path or operation, such as `BatchSave BD_Customer`.
    pub operation: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} call {} on connection {}", self.system, self.operation, self.connection)
    }
}

/// Why a call gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// The exchange itself failed.
    #[error("got no answer")]
    Transport(#[source] TransportError),
    /// The server answered with an HTTP status that is a failure by itself.
    #[error("was answered with HTTP status {status}")]
    Status {
        /// The status code.
        status: u16,
    },
    /// The vendor refused it.
    #[error("was refused with code {code}: {text}")]
    Refused {
        /// The vendor's code, as it was written.
        code: String,
        /// The vendor's own words.
        text: String,
    },
    /// The answer could not be read.
    #[error("got an answer that cannot be read: {reason}")]
    Unreadable {
        /// What was wrong with it.
        reason: String,
    },
    /// The account's token could not be loaded or stored, so it was not used.
    #[error("has no token to call with")]
    TokenStore(#[source] StoreError),
    /// When its turn came, the work was another process's, or may have been.
    #[error("was not made: the work may be another process's now")]
    Withdrawn,
    /// A setting of the connection cannot work.
    #[error("cannot be made: {reason}")]
    Setting {
        /// Which setting, and what is wrong with it.
        reason: String,
    },
}

/// A call that failed: one pointer wide, so that it is cheap to return.
///
/// Its text names the attempt and the cause; its source is what the cause stems from.
#[derive(Debug)]
pub struct CallError(Box<Detail>);

#[derive(Debug)]
struct Detail {
    attempt: Attempt,
    cause: Cause,
    class: Class,
    effect: Effect,
    rest: Option<Duration>,
    body: Option<Bytes>,
}

impl CallError {
    pub(crate) fn new(attempt: Attempt, cause: Cause, class: Class, effect: Effect) -> Self {
        Self(Box::new(Detail { attempt, cause, class, effect, rest: None, body: None }))
    }

    /// A call that was not made, because the work may be another process's.
    pub(crate) fn withdrawn(attempt: Attempt) -> Self {
        Self::new(attempt, Cause::Withdrawn, Class::Transient, Effect::None)
    }

    /// An exchange that failed on the way.
    pub(crate) fn transport(attempt: Attempt, error: TransportError) -> Self {
        let effect = error.effect();
        Self::new(attempt, Cause::Transport(error), Class::Transient, effect)
    }

    /// An answer whose HTTP status is a failure by itself.
    pub(crate) fn status(attempt: Attempt, status: u16, rest: Option<Duration>) -> Self {
        let (class, effect) = class_of_status(status);
        Self::new(attempt, Cause::Status { status }, class, effect).with_rest(rest)
    }

    /// An answer in which the vendor says no, and so changed nothing.
    pub(crate) fn refused(attempt: Attempt, code: impl Into<String>, text: &str, class: Class) -> Self {
        let text = cut(text, TEXT_LIMIT).to_owned();
        Self::new(attempt, Cause::Refused { code: code.into(), text }, class, Effect::None)
    }

    /// An answer that cannot be read, so that nobody knows what it would have said.
    pub(crate) fn unreadable(attempt: Attempt, reason: impl Into<String>) -> Self {
        let cause = Cause::Unreadable { reason: reason.into() };
        Self::new(attempt, cause, Class::Unreadable, Effect::Unknown)
    }

    pub(crate) fn with_rest(mut self, rest: Option<Duration>) -> Self {
        self.0.rest = rest;
        self
    }

    pub(crate) fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Attaches the answer's bytes, so that an answer that could not become records can be kept as a dead letter.
    pub(crate) fn with_body(mut self, body: Bytes) -> Self {
        self.0.body = Some(body);
        self
    }

    /// Which call it was.
    pub fn attempt(&self) -> &Attempt {
        &self.0.attempt
    }

    /// Why it gave no usable answer.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// What it means.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// What is known about its effect at the remote system.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// How long the vendor asks to rest before the next call.
    pub fn rest(&self) -> Option<Duration> {
        self.0.rest
    }

    /// The bytes of an answer that could not be used, where there were any. Never those of a token call.
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The vendor's code, where it gave one.
    pub fn code(&self) -> Option<&str> {
        match &self.0.cause {
            Cause::Refused { code, .. } => Some(code),
            _ => None,
        }
    }

    /// What the user can do.
    pub fn remedy(&self) -> Text {
        self.0.class.remedy()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.0.attempt, self.0.cause)
    }
}

impl std::error::Error for CallError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.cause)
    }
}

/// What an HTTP status means where a vendor's own code says nothing more (contracts jushuitan §9, kingdee-galaxy §6).
///
/// 4xx is refused before anything is done; of any other status nobody knows what was done before it.
fn class_of_status(status: u16) -> (Class, Effect) {
    match status {
        429 => (Class::Throttled, Effect::None),
        401 => (Class::Credential, Effect::None),
        403 => (Class::Permission, Effect::None),
        408 => (Class::Transient, Effect::Unknown),
        400..=499 => (Class::Argument, Effect::None),
        500..=599 => (Class::Transient, Effect::Unknown),
        _ => (Class::Unclear, Effect::Unknown),
    }
}

/// The first `limit` bytes of `text`, never in the middle of a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Attempt {
        Attempt { system: "jushuitan", connection: "jst-main".into(), operation: "/open/x".into() }
    }

    #[test]
    fn a_refusal_names_call_connection_code_and_words() {
        let error = CallError::refused(attempt(), "190", "没有权限", Class::Permission);
        assert_eq!(
            error.to_string(),
            "jushuitan call /open/x on connection jst-main was refused with code 190: 没有权限"
        );
        assert_eq!((error.code(), error.effect()), (Some("190"), Effect::None));
        assert!(std::error::Error::source(&error).is_none());
    }

    #[test]
    fn a_server_error_leaves_the_effect_unknown_and_a_refused_request_does_not() {
        for (status, class, effect) in [
            (429, Class::Throttled, Effect::None),
            (401, Class::Credential, Effect::None),
            (404, Class::Argument, Effect::None),
            (413, Class::Argument, Effect::None),
            (502, Class::Transient, Effect::Unknown),
            (504, Class::Transient, Effect::Unknown),
            (302, Class::Unclear, Effect::Unknown),
        ] {
            let error = CallError::status(attempt(), status, None);
            assert_eq!((error.class(), error.effect()), (class, effect), "{status}");
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("单据", 4), "单");
        assert_eq!(cut("ab", 9), "ab");
    }
}
