//! Made-up topics of a busy flow: each record is mapped, announced and delivered; one in a hundred is refused with a
//! letter, of eight causes.

use anyhow::Result;
use bytes::Bytes;
use jiff::Timestamp;
use weir_kafka::{Admin, Cluster, Inspector, OutRecord, Publisher, TopicPartition};
use weir_model::{
    cursor::{Lane, WindowFact},
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    letter::{DeadLetter, Stage},
    names::{FlowName, SourceName},
    outcome::{Code, Refusal, Written},
    receipt::{Attempt, AttemptState, Delivered, Receipt, Standing},
    record::{Position, Reason, Version},
};
use weir_runtime::topics::{FLOW_PARTITIONS, Topics};
use weir_schemas::Codec;

/// Records that are published in one go.
const BATCH: u64 = 2_000;
/// A letter in so many records.
const REFUSED: u64 = 100;
/// A window in so many records.
const WINDOW: u64 = 100;

/// Records `from` to `from + count`.
pub struct Slice<'a> {
    pub topics: &'a Topics,
    pub flow: &'a FlowName,
    pub source: &'a SourceName,
    pub from: u64,
    pub count: u64,
}

impl Slice<'_> {
    /// Writes what the stages would have written.
    pub fn publish(&self, cluster: &Cluster) -> Result<()> {
        let mut publisher = Publisher::open(cluster)?;
        let codec = Codec::single_object();
        for begin in (self.from..self.from + self.count).step_by(usize::try_from(BATCH)?) {
            let mut out = Vec::new();
            for number in begin..(begin + BATCH).min(self.from + self.count) {
                self.one(&codec, i64::try_from(number)?, number % REFUSED == 0, &mut out)?;
                if number % WINDOW == 0 {
                    out.push(self.window(&codec, i64::try_from(number)?)?);
                }
            }
            publisher.publish(&out)?;
        }
        Ok(())
    }

    fn one(&self, codec: &Codec, number: i64, refused: bool, out: &mut Vec<OutRecord>) -> Result<()> {
        let document = self.document(number)?;
        let id = document.record_id.to_string();
        let partition = i32::try_from(number.rem_euclid(i64::from(FLOW_PARTITIONS)))?;
        let receipts = self.topics.receipt(self.flow);
        let mut put = |topic: &str, value: Vec<u8>, partition: i32| {
            out.push(OutRecord::new(topic, id.clone(), value).to_partition(partition));
        };
        put(&self.topics.doc(self.flow), codec.encode(&document), partition);
        put(&receipts, codec.encode(&attempted(&document, AttemptState::Sending)), partition);
        if refused {
            let refusal = Refusal::new(
                Code::new("K-VALIDATION"),
                format!(
                    "客户编码C{number}不存在于组织{}",
                    "甲乙丙丁戊己庚辛".chars().nth(usize::try_from(number / 100 % 8)?).unwrap_or('甲')
                ),
            );
            let state = AttemptState::Refused {
                code: refusal.code.to_string(),
                message: refusal.message.clone(),
                unresolved: false,
            };
            put(&receipts, codec.encode(&attempted(&document, state)), partition);
            put(
                &self.topics.dead(self.flow.as_str()),
                codec.encode(&letter(&document, refusal)),
                partition % 3,
            );
        } else {
            put(&receipts, codec.encode(&delivered(&document)), partition);
        }
        Ok(())
    }

    fn document(&self, number: i64) -> Result<Document> {
        let at = Timestamp::from_millisecond(1_700_000_000_000 + number * 10)?;
        let payload = Bytes::from(format!(
            "{{\"so_id\":\"SO{number}\",\"tid\":\"T{number}\",\"shop\":\"S{}\",\"amount\":\"{}.10\",\"lines\":[{{\"sku\":\"K{}\",\"num\":2}}]}}",
            number % 50,
            number % 900,
            number % 4_000,
        ));
        Ok(Document {
            flow: self.flow.clone(),
            flow_version: FlowVersion { ordinal: 3, digest: Digest::of(b"flow") },
            record_id: format!("SO{number}").into(),
            key: format!("XSD{number}"),
            number: format!("SO{number}"),
            verdict: Verdict::Mapped,
            body: payload.clone(),
            digest: Digest::of(&payload),
            source_digest: Digest::of(&payload),
            payload,
            version: Version {
                modified_us: at.as_microsecond(),
                appended_ms: at.as_millisecond(),
                offset: number,
            },
            origin: Position { topic: self.topics.raw(self.source), partition: 0, offset: number },
            reason: Reason::Poll,
            polled_at: at,
            deleted: false,
            part: 0,
            repaired: false,
            job: String::new(),
        })
    }

    fn window(&self, codec: &Codec, number: i64) -> Result<OutRecord> {
        let at = Timestamp::from_millisecond(1_700_000_000_000 + number * 10)?;
        let fact = WindowFact {
            source: self.source.clone(),
            lane: Lane::Live,
            from: at,
            to: Timestamp::from_millisecond(at.as_millisecond() + 1_000)?,
            pages: 2,
            passes: 1,
            total: Some(WINDOW),
            distinct_ids: WINDOW,
            published: WINDOW,
            late: 0,
            at,
            job: String::new(),
            lateness_ms: 0,
        };
        Ok(OutRecord::new(self.topics.window(), self.source.to_string(), codec.encode(&fact)).to_partition(0))
    }

    /// Removes what was read, so that the brokers stay small.
    pub fn trim(&self, cluster: &Cluster, admin: &Admin) -> Result<()> {
        let inspector = Inspector::open(cluster)?;
        let mut before = Vec::new();
        for partition in 0..FLOW_PARTITIONS {
            let partition = TopicPartition::new(self.topics.doc(self.flow), partition);
            before.push((partition.clone(), inspector.ends(&partition)?.high));
        }
        Ok(admin.trim(&before)?)
    }
}

fn attempted(document: &Document, state: AttemptState) -> Receipt {
    Receipt {
        record_id: document.record_id.clone(),
        version: if state == AttemptState::Sending { Version::default() } else { document.version },
        delivered: None,
        attempt: Some(Attempt {
            state,
            version: document.version,
            source_digest: document.source_digest,
            document_digest: document.digest,
            key: document.key.clone(),
            flow_ordinal: 3,
            at: document.polled_at,
        }),
    }
}

fn delivered(document: &Document) -> Receipt {
    Receipt {
        record_id: document.record_id.clone(),
        version: document.version,
        delivered: Some(Delivered {
            version: document.version,
            source_digest: document.source_digest,
            document_digest: document.digest,
            key: document.key.clone(),
            written: Written { id: format!("1{}", document.version.offset), number: document.key.clone() },
            flow_ordinal: 3,
            at: document.polled_at,
            standing: Standing::Held,
            repaired: false,
        }),
        attempt: None,
    }
}

fn letter(document: &Document, refusal: Refusal) -> DeadLetter {
    DeadLetter {
        owner: document.flow.to_string(),
        stage: Stage::Sink,
        record_id: document.record_id.to_string(),
        key: document.key.clone(),
        number: document.number.clone(),
        refusal,
        payload: document.payload.clone(),
        body: document.body.clone(),
        origin: Some(document.origin.clone()),
        version: document.version,
        source_digest: document.source_digest,
        flow_ordinal: 3,
        reason: document.reason,
        at: document.polled_at,
        part: 0,
        deleted: false,
        repaired: false,
        job: String::new(),
    }
}
