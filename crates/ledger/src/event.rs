//! One line of a record's life: what a topic record tells that happened.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use weir_kafka::Message;
use weir_model::receipt::{Attempt, AttemptState, Delivered, Receipt, Standing};

use crate::{
    database::Value,
    text::{fit, key},
};

/// Characters of a message that an event repeats; the whole one stands in the record or the letter.
const SHORT_MESSAGE: usize = 500;

/// The columns, in the order of [`Event::values`].
pub(crate) const COLUMNS: &str =
    "flow, record_id, at_us, stream, part, log_offset, kind, reason, job, flow_ordinal, code, detail";

/// What happened.
pub(crate) struct Event<'a> {
    /// The topic's kind: `doc`, `receipt`, `dead` or `wait`.
    pub(crate) stream: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) at_us: i64,
    pub(crate) reason: Option<&'static str>,
    pub(crate) job: &'a str,
    pub(crate) ordinal: Option<u32>,
    pub(crate) code: Option<&'a str>,
    /// An object.
    pub(crate) detail: Json,
}

impl<'a> Event<'a> {
    /// One of which no more is known.
    pub(crate) fn plain(stream: &'static str, kind: &'static str, at_us: i64) -> Self {
        Self { stream, kind, at_us, reason: None, job: "", ordinal: None, code: None, detail: json!({}) }
    }

    /// What a receipt tells that happened.
    pub(crate) fn of_receipt(receipt: &'a Receipt, at_us: i64) -> Self {
        match (&receipt.attempt, &receipt.delivered) {
            // Later versions were decided since, without a word to the target.
            (Some(attempt), _) if attempt.version < receipt.version => {
                Self::plain("receipt", "decided", at_us)
            }
            (Some(attempt), delivered) => Self::of_attempt(attempt, delivered.as_ref()),
            (None, Some(delivered)) => {
                let kind = match delivered.standing {
                    Standing::Held | Standing::Incomplete if delivered.version < receipt.version => "decided",
                    Standing::Held => "delivered",
                    Standing::Incomplete => "incomplete",
                    Standing::Kept | Standing::Lettered => "left",
                    Standing::Removed => "removed",
                };
                let at_us = if kind == "delivered" { delivered.at.as_microsecond() } else { at_us };
                Self {
                    ordinal: Some(delivered.flow_ordinal),
                    detail: written(delivered),
                    ..Self::plain("receipt", kind, at_us)
                }
            }
            (None, None) => Self::plain("receipt", "decided", at_us),
        }
    }

    fn of_attempt(attempt: &'a Attempt, delivered: Option<&Delivered>) -> Self {
        let event = |kind| Self {
            ordinal: Some(attempt.flow_ordinal),
            detail: json!({"key": attempt.key}),
            ..Self::plain("receipt", kind, attempt.at.as_microsecond())
        };
        let AttemptState::Refused { code, message, .. } = &attempt.state else { return event("sending") };
        let stored = delivered.filter(|delivered| {
            delivered.standing == Standing::Incomplete && delivered.version == attempt.version
        });
        let mut told = match stored {
            Some(delivered) => Self { detail: written(delivered), ..event("incomplete") },
            None => event("refused"),
        };
        if let Some(detail) = told.detail.as_object_mut() {
            detail.insert("message".to_owned(), fit(message, SHORT_MESSAGE).into());
        }
        Self { code: Some(code), ..told }
    }

    /// The row.
    pub(crate) fn values(&self, owner: &Arc<str>, record_id: &str, message: &Message) -> Vec<Value> {
        vec![
            Arc::clone(owner).into(),
            key(record_id).into_owned().into(),
            self.at_us.into(),
            Value::Known(self.stream),
            message.partition.into(),
            message.offset.into(),
            Value::Known(self.kind),
            self.reason.map_or(Value::Null, Value::Known),
            Some(fit(self.job, 120)).filter(|job| !job.is_empty()).into(),
            self.ordinal.into(),
            self.code.map(|code| fit(code, 80)).into(),
            self.detail.to_string().into(),
        ]
    }
}

/// What a row is sorted by: the beginning of its primary key.
pub(crate) fn order(row: &[Value]) -> (Option<&str>, Option<&str>) {
    (row.first().and_then(Value::as_text), row.get(1).and_then(Value::as_text))
}

fn written(delivered: &Delivered) -> Json {
    json!({
        "id": delivered.written.id,
        "number": delivered.written.number,
        "key": delivered.key,
        "repaired": delivered.repaired,
    })
}
