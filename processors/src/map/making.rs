//! The documents of one record while they are made.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use weir_expr::Context;
use weir_model::{
    document::Verdict,
    processor::{Mapped, Processed},
};

use super::{Form, Mapping, tree::TreeWriter};
use crate::{
    filter::RowMasks,
    flatten::{Flatten, RowOrigin},
    key::KeyParts,
    stop::Stop,
    trace::Watch,
};

/// What is said of a part whose element the filter removed.
const REMOVED: &str = "condition: the element is filtered";
/// What is said of a record whose list is empty where an element makes the document.
const NO_ROW: &str = "no row is left: the list that makes the documents is empty";

/// The documents of one record, in the making: one for the record, one per part, or rows for a table.
#[derive(Debug)]
pub struct Making<'m> {
    mapping: &'m Mapping,
    watch: Watch<'m>,
    number: &'m str,
    /// For a table: the rows so far.
    rows: Vec<u8>,
    key: KeyParts<'m>,
    count: usize,
    /// For an ERP: the documents so far.
    parts: Vec<Mapped>,
    /// Whether the documents are numbered parts of the record.
    numbered: bool,
}

impl<'m> Making<'m> {
    /// Nothing made yet. `number` is the record's, for people.
    pub fn new(mapping: &'m Mapping, number: &'m str, watch: Watch<'m>) -> Self {
        let mut rows = Vec::new();
        if let Form::Rows(_) = mapping.form {
            rows.reserve(mapping.usual_body.load(Ordering::Relaxed));
            rows.extend_from_slice(b"{\"rows\":[");
            watch.begin_part();
        }
        let key = KeyParts::new(&mapping.key);
        Self { mapping, watch, number, rows, key, count: 0, parts: Vec::new(), numbered: false }
    }

    /// The documents are parts of the record from now on, also when there is but one.
    pub fn number_parts(&mut self) {
        self.numbered = true;
    }

    /// Maps a record whose head stands in `context`.
    ///
    /// # Errors
    /// The whole source record stops: a table takes all rows or none, and a part that waits has the record wait. A
    /// refused part of an ERP's documents is that part's verdict.
    pub fn record<'a>(
        &mut self,
        flatten: &'a Flatten,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
    ) -> Result<(), Stop>
    where
        'm: 'a,
    {
        match &self.mapping.form {
            Form::Rows(rows) => flatten.rows(context, masks, &mut |origin, context| {
                if origin == RowOrigin::Removed {
                    return Ok(());
                }
                if self.count > 0 {
                    self.rows.push(b',');
                }
                self.watch.enter("rows", self.count);
                self.count += 1;
                rows.write(context, &mut self.key, &mut self.rows, self.watch)?;
                self.watch.leave();
                Ok(())
            }),
            Form::Document(_) if flatten.is_empty() => self.document(context, masks),
            Form::Document(_) => flatten.rows(context, masks, &mut |origin, context| match origin {
                RowOrigin::Record => self.document(context, masks),
                RowOrigin::Kept => {
                    self.numbered = true;
                    self.document(context, masks)
                }
                RowOrigin::Removed => {
                    self.numbered = true;
                    self.removed();
                    Ok(())
                }
            }),
        }
    }

    /// A part that the filter removed keeps its number: the ones after it must not take it over.
    pub fn removed(&mut self) {
        if let Form::Rows(_) = self.mapping.form {
            return;
        }
        let verdict = Verdict::Filtered(REMOVED.to_owned());
        self.watch.begin_part();
        self.parts.push(Mapped::without_body(verdict, self.number.to_owned()));
    }

    fn document<'a>(&mut self, context: &mut Context<'_, 'a>, masks: &RowMasks) -> Result<(), Stop>
    where
        'm: 'a,
    {
        let Form::Document(items) = &self.mapping.form else { return Ok(()) };
        self.watch.begin_part();
        let mut key = KeyParts::new(&self.mapping.key);
        let mut body = Vec::with_capacity(self.mapping.usual_body.load(Ordering::Relaxed));
        let mut writer = TreeWriter::new(&mut body, &mut key, masks, self.watch);
        let made = writer.object(items, context).and_then(|()| Ok(key.join()?));
        self.parts.push(match made {
            Ok(key) => {
                self.watch.end_part(&body);
                self.mapped(key, body)
            }
            Err(Stop::Refused(refusal)) => {
                Mapped::without_body(Verdict::Refused(refusal), self.number.to_owned())
            }
            Err(waits) => return Err(waits),
        });
        Ok(())
    }

    fn mapped(&self, key: String, body: Vec<u8>) -> Mapped {
        self.mapping.usual_body.store(body.len(), Ordering::Relaxed);
        let number = if self.number.is_empty() { key.clone() } else { self.number.to_owned() };
        Mapped {
            verdict: Verdict::Mapped,
            key,
            number,
            body: Bytes::from(body),
            warnings: Vec::new(),
            deleted: false,
        }
    }

    /// What became of the record; `warnings` are the checks that it failed without being refused.
    pub fn finish(mut self, warnings: Vec<String>) -> Result<Processed, Stop> {
        if let Form::Rows(_) = self.mapping.form
            && self.count > 0
        {
            let mut body = std::mem::take(&mut self.rows);
            body.extend_from_slice(b"]}");
            let key = std::mem::replace(&mut self.key, KeyParts::new(&[])).join()?;
            self.watch.end_part(&body);
            let mapped = self.mapped(key, body);
            return Ok(Processed::One(Mapped { warnings, ..mapped }));
        }
        for part in &mut self.parts {
            part.warnings.clone_from(&warnings);
        }
        if self.numbered && !self.parts.is_empty() {
            return Ok(Processed::Parts(self.parts));
        }
        let only = self.parts.pop().unwrap_or_else(|| {
            Mapped::without_body(Verdict::Filtered(NO_ROW.to_owned()), self.number.to_owned())
        });
        Ok(Processed::One(only))
    }
}
