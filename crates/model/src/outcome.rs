//! What became of a document at a target: whose fault, and what now.

use std::{borrow::Cow, fmt, time::Duration};

/// A stable code of an error, such as `K-AUDITED`; each has a page in `docs/errors`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(Cow<'static, str>);

impl Code {
    /// A code known at compile time.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Code {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a record or document was refused for good, or a flow halted: for the dead letter, the log and the person
/// who mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The class of the cause.
    pub code: Code,
    /// What happened, in the remote system's own words where it has any.
    pub message: String,
    /// The field, column or expression concerned, when one is known.
    pub field: Option<String>,
}

impl Refusal {
    /// A refusal that concerns no single field.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None }
    }

    /// Names the field concerned.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        match &self.field {
            Some(field) => write!(f, " ({field})"),
            None => Ok(()),
        }
    }
}

/// What the target calls the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The target's internal id; empty when it has none.
    pub id: String,
    /// The target's number.
    pub number: String,
}

/// One per document and delivery (design §1).
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Stored at the target, durable there.
    Delivered(Written),
    /// Stored, and a later step, such as the audit, was refused for good: a dead letter. What was stored is remembered, so
    /// that sending it again completes or updates it.
    Incomplete {
        /// What was stored.
        written: Written,
        /// Why the later step was refused.
        refusal: Refusal,
    },
    /// The same state was delivered before.
    Unchanged,
    /// A newer state was delivered before.
    Superseded,
    /// Not stored, and not the document's fault: try again after the delay at the earliest.
    Retry {
        /// The target's own hint, or zero.
        after: Duration,
        /// What stood in the way.
        cause: Refusal,
    },
    /// Refused for good: a dead letter.
    Reject(Refusal),
    /// Sent, and nobody knows whether it was stored: look it up before anything is sent again.
    Unknown(Refusal),
    /// The flow cannot go on (wrong credentials, unknown form): stop, raise an alert, lose nothing.
    Halt(Refusal),
}
