//! What a flow would make of an edited payload: mapped once, as `weir preview` does, and nothing is sent.

use bytes::Bytes;
use jiff::Timestamp;
use weir_model::{
    digest::Digest,
    document::Verdict,
    letter::DeadLetter,
    lookup::{Lookups, NoLookups},
    names::RecordId,
    processor::{Input, Mapped, Processed, Processor as _},
    record::{Position, RawRecord, Reason},
};

use super::Letterbox;
use crate::{commands::preview, exit::Failure};

impl Letterbox {
    /// Maps the payload as the letter's record would be mapped; none for a letter without a record, or of no flow.
    pub async fn trial(&self, letter: &DeadLetter, payload: Bytes) -> Result<Option<Processed>, Failure> {
        let flow = self.project.flows.iter().find(|flow| flow.spec.name.as_str() == letter.owner);
        let Some((flow, origin)) = flow.zip(letter.origin.clone()) else { return Ok(None) };
        let indexes = flow.mapping.lookups();
        let rows: Box<dyn Lookups> = if indexes.is_empty() {
            Box::new(NoLookups)
        } else {
            Box::new(preview::rows::of_kafka(&self.project, indexes).await?)
        };
        let input = input(letter, flow.spec.source.name.as_str(), origin, payload);
        Ok(Some(flow.mapping.process(&input, &*rows)))
    }

    /// What it would make of it, in words.
    pub fn trial_text(&self, processed: &Processed) -> String {
        let parts: &[Mapped] = match processed {
            Processed::One(mapped) => std::slice::from_ref(mapped),
            Processed::Parts(parts) => parts,
            Processed::Waits(missing) => {
                let (collection, reference) = (&missing.collection, &missing.reference);
                return self.say(
                    format!("流程会让它等待集合 {collection} 中的 {reference}"),
                    format!("the flow would let it wait for {reference} in {collection}"),
                );
            }
        };
        let refusal = parts.iter().find_map(|mapped| match &mapped.verdict {
            Verdict::Refused(refusal) => Some(self.say(
                format!("流程仍会拒绝：{refusal}"),
                format!("the flow would still refuse it: {refusal}"),
            )),
            Verdict::Mapped | Verdict::Filtered(_) => None,
        });
        let filtered =
            || {
                parts.iter().find_map(|mapped| match &mapped.verdict {
                    Verdict::Filtered(rule) => Some(self.say(
                        format!("流程会过滤掉它：{rule}"),
                        format!("the flow would leave it out: {rule}"),
                    )),
                    Verdict::Mapped | Verdict::Refused(_) => None,
                })
            };
        refusal.or_else(filtered).unwrap_or_else(|| self.say("流程接受它", "the flow accepts it"))
    }
}

/// The letter's record with another payload, at the time of its first run.
fn input(letter: &DeadLetter, source: &str, origin: Position, payload: Bytes) -> Input {
    let part = format!("-{}", letter.part);
    let whole = letter.record_id.strip_suffix(&part).filter(|_| letter.part > 0);
    let appended_at = Timestamp::from_millisecond(letter.version.appended_ms).unwrap_or(letter.at);
    let modified_us = letter.version.modified_us;
    let record = RawRecord {
        source: source.into(),
        id: RecordId::from(whole.unwrap_or(&letter.record_id)),
        digest: Digest::of(&payload),
        payload,
        modified: Timestamp::from_microsecond(modified_us).ok().filter(|_| modified_us != 0),
        polled_at: appended_at,
        reason: Reason::Retry,
        deleted: letter.deleted,
    };
    Input { record, origin, version: letter.version, appended_at }
}
