//! The layouts of the model's own types.

use weir_model::{
    cursor::{Cursor, Lane, OpenWindow, WindowFact},
    document::{Document, Verdict},
    letter::{DeadLetter, Stage},
    receipt::{Attempt, AttemptState, Delivered, Receipt, Standing},
    record::RawRecord,
    tally::{Counts, Tally},
    token::SealedToken,
};

use super::{Layout, enum_layout, record_layout};
use crate::{
    binary::{Decoder, Encoder},
    error::Malformed,
};

record_layout!(RawRecord { source, id, payload, digest, modified, polled_at, reason, deleted });

record_layout!(Document {
    flow,
    flow_version,
    record_id,
    key,
    number,
    verdict,
    body,
    digest,
    payload,
    source_digest,
    version,
    origin,
    reason,
    polled_at,
    deleted,
    part,
    repaired,
    job,
});

impl Layout for Verdict {
    fn write(&self, out: &mut Encoder) {
        match self {
            Self::Mapped => out.long(0),
            Self::Filtered(rule) => {
                out.long(1);
                rule.write(out);
            }
            Self::Refused(refusal) => {
                out.long(2);
                refusal.write(out);
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.long()? {
            0 => Ok(Self::Mapped),
            1 => Layout::read(from).map(Self::Filtered),
            2 => Layout::read(from).map(Self::Refused),
            _ => from.fail("no branch of the verdict"),
        }
    }
}

record_layout!(Receipt { record_id, version, delivered, attempt });
record_layout!(Delivered {
    version,
    source_digest,
    document_digest,
    key,
    written,
    flow_ordinal,
    at,
    standing,
    repaired,
});
enum_layout!(Standing { Held, Incomplete, Kept, Lettered, Removed });
record_layout!(Attempt { state, version, source_digest, document_digest, key, flow_ordinal, at });

impl Layout for AttemptState {
    fn write(&self, out: &mut Encoder) {
        match self {
            Self::Sending => out.long(0),
            Self::Refused { code, message, unresolved } => {
                out.long(1);
                code.write(out);
                message.write(out);
                unresolved.write(out);
            }
        }
    }

    fn read(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        match from.long()? {
            0 => Ok(Self::Sending),
            1 => Ok(Self::Refused {
                code: Layout::read(from)?,
                message: Layout::read(from)?,
                unresolved: Layout::read(from)?,
            }),
            _ => from.fail("no branch of the attempt's state"),
        }
    }
}

record_layout!(DeadLetter {
    owner,
    stage,
    record_id,
    key,
    number,
    refusal,
    payload,
    body,
    origin,
    version,
    source_digest,
    flow_ordinal,
    reason,
    at,
    part,
    deleted,
    repaired,
    job,
});
enum_layout!(Stage { Producer, Processor, Sink });

record_layout!(Cursor { source, lane, settled_until, window, at, job, lateness_ms });
record_layout!(SealedToken { account, system, lineage, sealed, at });
enum_layout!(Lane { Live, CatchUp, Backfill, Reconcile });
record_layout!(OpenWindow {
    from,
    to,
    page_size,
    request_digest,
    pass,
    total,
    next_page,
    continue_after,
    rows_read,
    ids_read,
});
record_layout!(WindowFact {
    source,
    lane,
    from,
    to,
    pages,
    passes,
    total,
    distinct_ids,
    published,
    late,
    at,
    job,
    lateness_ms,
});

record_layout!(Tally { stage, subject, instance, at, counts });
record_layout!(Counts { polled, mapped, filtered, delivered, unchanged, superseded, waiting, dead });
