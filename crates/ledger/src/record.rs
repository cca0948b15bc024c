//! The newest state of a record in a flow, put together of its newest document, its newest receipt and whether it waits.
//!
//! The three stand in topics that are read in any order, so each is kept apart and the state follows from all: the same
//! topics give the same row however their records were interleaved. Pure.

use std::sync::Arc;

use weir_model::record::Version;

use crate::{
    database::{Row, Value},
    error::Error,
};

/// What is kept of the newest document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DocPart {
    pub(crate) part: i64,
    pub(crate) offset: i64,
    pub(crate) at_us: i64,
    pub(crate) source: Option<String>,
    pub(crate) number: String,
    pub(crate) key: String,
    pub(crate) ordinal: i64,
    pub(crate) version: Version,
    pub(crate) source_digest: String,
    pub(crate) document_digest: String,
    pub(crate) repaired: bool,
    pub(crate) deleted: bool,
    pub(crate) reason: String,
    pub(crate) job: String,
    pub(crate) polled_at_us: i64,
    pub(crate) raw_part: i64,
    pub(crate) raw_offset: i64,
    /// `mapped`, `filtered` or `refused`.
    pub(crate) verdict: String,
    pub(crate) code: Option<String>,
    pub(crate) text: Option<String>,
}

/// What is kept of the newest receipt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReceiptPart {
    pub(crate) part: i64,
    pub(crate) offset: i64,
    pub(crate) at_us: i64,
    pub(crate) version: Version,
    pub(crate) delivered: Option<DeliveredPart>,
    pub(crate) attempt: Option<AttemptPart>,
}

/// What a target holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeliveredPart {
    pub(crate) standing: String,
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) key: String,
    pub(crate) at_us: i64,
    pub(crate) ordinal: i64,
    pub(crate) source_digest: String,
    pub(crate) repaired: bool,
}

/// An attempt that did not end in a delivery.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AttemptPart {
    /// `sending` or `refused`.
    pub(crate) state: String,
    pub(crate) at_us: i64,
    pub(crate) source_digest: String,
    pub(crate) code: Option<String>,
    pub(crate) text: Option<String>,
}

/// What is kept of the parked record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WaitPart {
    pub(crate) part: i64,
    pub(crate) offset: i64,
    pub(crate) at_us: i64,
    pub(crate) version: Version,
}

/// A row of `record`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) doc: Option<DocPart>,
    pub(crate) receipt: Option<ReceiptPart>,
    pub(crate) wait: Option<WaitPart>,
}

/// How a record stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: &'static str,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) changed_at_us: i64,
}

impl Standing {
    fn plain(state: &'static str, changed_at_us: i64) -> Self {
        Self { state, code: None, message: None, changed_at_us }
    }
}

impl Record {
    /// Takes a document in, unless a newer state of the record is known: a replay tells of old ones again.
    pub(crate) fn take_document(&mut self, new: DocPart) {
        let is_newer = |known: &DocPart| (new.version, new.offset) >= (known.version, known.offset);
        if self.doc.as_ref().is_none_or(is_newer) {
            self.doc = Some(new);
        }
    }

    /// Takes a receipt in; they come in the order of their partition.
    pub(crate) fn take_receipt(&mut self, new: ReceiptPart) {
        self.receipt = Some(new);
    }

    /// Takes in that it waits, or waits no more.
    pub(crate) fn take_wait(&mut self, new: Option<WaitPart>) {
        self.wait = new;
    }

    /// Whether nothing is known of it any more.
    pub(crate) fn is_empty(&self) -> bool {
        self.doc.is_none() && self.receipt.is_none() && self.wait.is_none()
    }

    /// The version of its newest state that is not parked.
    fn version(&self) -> Option<Version> {
        let doc = self.doc.as_ref().map(|doc| doc.version);
        doc.max(self.receipt.as_ref().map(|receipt| receipt.version))
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        if let Some(wait) = &self.wait
            && self.version().is_none_or(|version| version < wait.version)
        {
            return Standing::plain("waiting", wait.at_us);
        }
        match (&self.doc, &self.receipt) {
            (Some(doc), Some(receipt)) if receipt.has_decided(doc) => receipt.standing(Some(doc)),
            (Some(doc), receipt) => doc.standing(receipt.as_ref()),
            (None, Some(receipt)) => receipt.standing(None),
            (None, None) => Standing::plain("waiting", self.wait.as_ref().map_or(0, |wait| wait.at_us)),
        }
    }
}

impl ReceiptPart {
    /// Whether the sink has decided about a document. It writes no receipt for a state that it has already: a re-read
    /// with equal bytes.
    fn has_decided(&self, doc: &DocPart) -> bool {
        let newest = match (&self.attempt, &self.delivered) {
            (Some(attempt), _) => Some(&attempt.source_digest),
            (None, Some(delivered)) => Some(&delivered.source_digest),
            (None, None) => None,
        };
        self.version >= doc.version || newest == Some(&doc.source_digest)
    }

    fn standing(&self, doc: Option<&DocPart>) -> Standing {
        // A rule that leaves a newer state out ends the trouble with an older one, but for an attempt without an answer.
        let is_left_out = doc.is_some_and(|doc| doc.verdict == "filtered" && doc.version >= self.version);
        match &self.attempt {
            Some(attempt) if attempt.state == "sending" => {
                return Standing::plain("sending", attempt.at_us);
            }
            Some(attempt) if !is_left_out => {
                let incomplete = self.delivered.as_ref().is_some_and(|delivered| {
                    delivered.standing == "incomplete" && delivered.source_digest == attempt.source_digest
                });
                return Standing {
                    state: if incomplete { "incomplete" } else { "refused" },
                    code: attempt.code.clone(),
                    message: attempt.text.clone(),
                    changed_at_us: attempt.at_us,
                };
            }
            _ => {}
        }
        match &self.delivered {
            Some(delivered) => {
                let (state, at_us) = match delivered.standing.as_str() {
                    "held" => ("delivered", delivered.at_us),
                    "incomplete" => ("incomplete", delivered.at_us),
                    "removed" => ("removed", self.at_us),
                    _ => ("left", self.at_us),
                };
                let rule = doc.filter(|_| state == "left").and_then(|doc| doc.text.clone());
                Standing { message: rule, ..Standing::plain(state, at_us) }
            }
            None => match doc {
                Some(doc) if doc.deleted && doc.verdict != "filtered" => {
                    Standing::plain("removed", self.at_us)
                }
                Some(doc) => doc.filtered(),
                // A decision without a delivery is that of a rule, or of a removal.
                None => Standing::plain("filtered", self.at_us),
            },
        }
    }
}

impl DocPart {
    /// How a record stands of whose newest document the sink has said nothing: what a rule leaves out it says nothing of.
    fn standing(&self, receipt: Option<&ReceiptPart>) -> Standing {
        let is_open = receipt.is_some_and(|receipt| {
            receipt.attempt.as_ref().is_some_and(|attempt| attempt.state == "sending")
        });
        match self.verdict.as_str() {
            "filtered" if receipt.is_none() => self.filtered(),
            _ if is_open => Standing::plain("sending", self.at_us),
            _ => Standing {
                code: self.code.clone(),
                message: self.text.clone(),
                ..Standing::plain("mapped", self.at_us)
            },
        }
    }

    fn filtered(&self) -> Standing {
        Standing { message: self.text.clone(), ..Standing::plain("filtered", self.at_us) }
    }
}

/// The columns of a row, in the order of [`Record::values`].
pub(crate) const COLUMNS: &str = "flow, record_id, state, code, message, changed_at_us, source, number, doc_key, \
     flow_ordinal, version_modified_us, version_appended_ms, version_offset, source_digest, document_digest, repaired, \
     deleted, reason, job, polled_at_us, raw_part, raw_offset, doc_part, doc_offset, doc_at_us, verdict, verdict_code, \
     verdict_text, receipt_part, receipt_offset, receipt_at_us, receipt_modified_us, receipt_appended_ms, \
     receipt_version_offset, standing, target_id, target_number, delivered_key, delivered_at_us, delivered_ordinal, \
     delivered_source_digest, delivered_repaired, attempt, attempt_at_us, attempt_source_digest, attempt_code, \
     attempt_text, wait_part, wait_offset, wait_at_us, wait_modified_us, wait_appended_ms, wait_version_offset";

impl Record {
    /// The row.
    pub(crate) fn values(&self, flow: &Arc<str>, record_id: &str) -> Vec<Value> {
        let standing = self.standing();
        let mut row: Vec<Value> = Vec::with_capacity(53);
        row.extend([
            Arc::clone(flow).into(),
            record_id.into(),
            Value::Known(standing.state),
            standing.code.into(),
            standing.message.into(),
            standing.changed_at_us.into(),
        ]);
        self.document_values(&mut row);
        self.receipt_values(&mut row);
        match &self.wait {
            Some(wait) => {
                row.extend([wait.part, wait.offset, wait.at_us].map(Value::from));
                row.extend(version_values(Some(wait.version)));
            }
            None => row.extend(vec![Value::Null; 6]),
        }
        row
    }

    fn document_values(&self, row: &mut Vec<Value>) {
        let Some(doc) = &self.doc else {
            // What the receipt tells stands in for the document.
            let receipt = self.receipt.as_ref();
            let delivered = receipt.and_then(|receipt| receipt.delivered.as_ref());
            row.extend([
                Value::Null,
                delivered.map(|delivered| delivered.number.as_str()).into(),
                delivered.map(|delivered| delivered.key.as_str()).into(),
                delivered.map(|delivered| delivered.ordinal).into(),
            ]);
            row.extend(version_values(receipt.map(|receipt| receipt.version)));
            row.extend([
                delivered.map(|delivered| delivered.source_digest.as_str()).into(),
                Value::Null,
                delivered.is_some_and(|delivered| delivered.repaired).into(),
                false.into(),
            ]);
            row.extend(vec![Value::Null; 11]);
            return;
        };
        row.extend([
            doc.source.as_deref().into(),
            doc.number.as_str().into(),
            doc.key.as_str().into(),
            doc.ordinal.into(),
        ]);
        row.extend(version_values(Some(doc.version)));
        row.extend([
            doc.source_digest.as_str().into(),
            doc.document_digest.as_str().into(),
            doc.repaired.into(),
            doc.deleted.into(),
            doc.reason.as_str().into(),
            doc.job.as_str().into(),
        ]);
        let numbers = [doc.polled_at_us, doc.raw_part, doc.raw_offset, doc.part, doc.offset, doc.at_us];
        row.extend(numbers.map(Value::from));
        row.extend([doc.verdict.as_str().into(), doc.code.as_deref().into(), doc.text.as_deref().into()]);
    }

    fn receipt_values(&self, row: &mut Vec<Value>) {
        let Some(receipt) = &self.receipt else {
            row.extend(vec![Value::Null; 19]);
            return;
        };
        row.extend([receipt.part, receipt.offset, receipt.at_us].map(Value::from));
        row.extend(version_values(Some(receipt.version)));
        match &receipt.delivered {
            Some(delivered) => row.extend([
                delivered.standing.as_str().into(),
                delivered.id.as_str().into(),
                delivered.number.as_str().into(),
                delivered.key.as_str().into(),
                delivered.at_us.into(),
                delivered.ordinal.into(),
                delivered.source_digest.as_str().into(),
                delivered.repaired.into(),
            ]),
            None => row.extend(vec![Value::Null; 8]),
        }
        match &receipt.attempt {
            Some(attempt) => row.extend([
                attempt.state.as_str().into(),
                attempt.at_us.into(),
                attempt.source_digest.as_str().into(),
                attempt.code.as_deref().into(),
                attempt.text.as_deref().into(),
            ]),
            None => row.extend(vec![Value::Null; 5]),
        }
    }

    /// Reads a row.
    pub(crate) fn read(row: &Row) -> Result<Self, Error> {
        let doc = match row.integer("doc_offset")? {
            None => None,
            Some(offset) => Some(DocPart {
                part: row.plain_integer("doc_part")?,
                offset,
                at_us: row.plain_integer("doc_at_us")?,
                source: row.text("source")?,
                number: row.plain_text("number")?,
                key: row.plain_text("doc_key")?,
                ordinal: row.plain_integer("flow_ordinal")?,
                version: version(row, "version_modified_us", "version_appended_ms", "version_offset")?,
                source_digest: row.plain_text("source_digest")?,
                document_digest: row.plain_text("document_digest")?,
                repaired: row.plain_integer("repaired")? != 0,
                deleted: row.plain_integer("deleted")? != 0,
                reason: row.plain_text("reason")?,
                job: row.plain_text("job")?,
                polled_at_us: row.plain_integer("polled_at_us")?,
                raw_part: row.plain_integer("raw_part")?,
                raw_offset: row.plain_integer("raw_offset")?,
                verdict: row.plain_text("verdict")?,
                code: row.text("verdict_code")?,
                text: row.text("verdict_text")?,
            }),
        };
        let wait = match row.integer("wait_offset")? {
            None => None,
            Some(offset) => Some(WaitPart {
                part: row.plain_integer("wait_part")?,
                offset,
                at_us: row.plain_integer("wait_at_us")?,
                version: version(row, "wait_modified_us", "wait_appended_ms", "wait_version_offset")?,
            }),
        };
        Ok(Self { doc, receipt: receipt(row)?, wait })
    }
}

fn receipt(row: &Row) -> Result<Option<ReceiptPart>, Error> {
    let Some(offset) = row.integer("receipt_offset")? else { return Ok(None) };
    let delivered = match row.text("standing")? {
        None => None,
        Some(standing) => Some(DeliveredPart {
            standing,
            id: row.plain_text("target_id")?,
            number: row.plain_text("target_number")?,
            key: row.plain_text("delivered_key")?,
            at_us: row.plain_integer("delivered_at_us")?,
            ordinal: row.plain_integer("delivered_ordinal")?,
            source_digest: row.plain_text("delivered_source_digest")?,
            repaired: row.plain_integer("delivered_repaired")? != 0,
        }),
    };
    let attempt = match row.text("attempt")? {
        None => None,
        Some(state) => Some(AttemptPart {
            state,
            at_us: row.plain_integer("attempt_at_us")?,
            source_digest: row.plain_text("attempt_source_digest")?,
            code: row.text("attempt_code")?,
            text: row.text("attempt_text")?,
        }),
    };
    Ok(Some(ReceiptPart {
        part: row.plain_integer("receipt_part")?,
        offset,
        at_us: row.plain_integer("receipt_at_us")?,
        version: version(row, "receipt_modified_us", "receipt_appended_ms", "receipt_version_offset")?,
        delivered,
        attempt,
    }))
}

fn version(row: &Row, modified: &str, appended: &str, offset: &str) -> Result<Version, Error> {
    Ok(Version {
        modified_us: row.plain_integer(modified)?,
        appended_ms: row.plain_integer(appended)?,
        offset: row.plain_integer(offset)?,
    })
}

fn version_values(version: Option<Version>) -> [Value; 3] {
    match version {
        Some(version) => [version.modified_us, version.appended_ms, version.offset].map(Value::from),
        None => [Value::Null, Value::Null, Value::Null],
    }
}

#[cfg(test)]
mod tests;
