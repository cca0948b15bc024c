//! A backlog: records and receipts put straight into the topics, as the stages before would have left them.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value as Json;
use weir_kafka::{Isolation, OutRecord, Publisher, TopicPartition, reader::watermarks};
use weir_model::{
    digest::Digest,
    outcome::Written,
    receipt::{Delivered, Receipt, Standing},
    record::{RawRecord, Reason, Version},
};
use weir_runtime::topics::FLOW_PARTITIONS;
use weir_sandbox::wangdiantong::{Access, Edition};
use weir_schemas::Codec;

use crate::stand::Stand;

/// Records of one call to the producer.
const CHUNK: u64 = 20_000;
/// Made-up ids begin here, beyond those of the sandbox.
const FIRST_ID: u64 = 10_000_000_000;

/// A source's record of which others are made by giving it other numbers.
struct Pattern {
    source: &'static str,
    record: Json,
    /// The fields that tell records and their documents apart; the first is the id.
    numbers: &'static [&'static str],
}

/// Writes `count` raw records, spread evenly over the sources of all flows.
pub fn write_raw(stand: &Stand, count: u64) -> Result<()> {
    let patterns = patterns(stand)?;
    let kinds = u64::try_from(patterns.len())?;
    let codec = Codec::single_object();
    write(stand, count, |serial| {
        let index = usize::try_from(serial % kinds)?;
        let pattern = patterns.get(index).context("a pattern")?;
        let record = pattern.numbered(FIRST_ID + serial);
        let key = record.id.as_str().to_owned();
        Ok(OutRecord::new(stand.topics().raw(&record.source), key, codec.encode(&record)))
    })
}

/// Writes `count` raw records of one source, numbered from `first` on.
pub fn write_raw_of(stand: &Stand, source: &str, first: u64, count: u64) -> Result<()> {
    let patterns = patterns(stand)?;
    let pattern = patterns.iter().find(|pattern| pattern.source == source).context("a pattern")?;
    let codec = Codec::single_object();
    write(stand, count, |serial| {
        let record = pattern.numbered(FIRST_ID + first + serial);
        let key = record.id.as_str().to_owned();
        Ok(OutRecord::new(stand.topics().raw(&record.source), key, codec.encode(&record)))
    })
}

/// Writes the receipts of `count` records that a flow has delivered.
pub fn write_receipts(stand: &Stand, flow: &str, count: u64) -> Result<()> {
    let codec = Codec::single_object();
    let topic: Arc<str> = stand.topics().receipt(&flow.into()).into();
    write(stand, count, |serial| {
        let number = (FIRST_ID + serial).to_string();
        let digest = Digest::of(number.as_bytes());
        let version = Version { modified_us: i64::try_from(serial)?, appended_ms: 0, offset: 0 };
        let receipt = Receipt {
            record_id: (&number).into(),
            version,
            delivered: Some(Delivered {
                version,
                source_digest: digest,
                document_digest: digest,
                key: number.clone(),
                written: Written { id: number.clone(), number: number.clone() },
                flow_ordinal: 1,
                at: Timestamp::UNIX_EPOCH,
                standing: Standing::default(),
                repaired: false,
            }),
            attempt: None,
        };
        Ok(OutRecord::new(Arc::clone(&topic), number, codec.encode(&receipt)))
    })
}

/// Offsets that the partitions of these topics have in all; markers of transactions count.
pub fn offsets(stand: &Stand, topics: &[String]) -> Result<i64> {
    let mut sum = 0;
    for topic in topics {
        for partition in 0..FLOW_PARTITIONS {
            let partition = TopicPartition::new(topic.as_str(), partition);
            sum += watermarks(stand.cluster(), &partition, Isolation::Committed)?.high;
        }
    }
    Ok(sum)
}

fn write(stand: &Stand, count: u64, record: impl Fn(u64) -> Result<OutRecord>) -> Result<()> {
    let mut publisher = Publisher::open(stand.cluster())?;
    let mut first = 0;
    while first < count {
        let last = count.min(first + CHUNK);
        let records: Vec<OutRecord> = (first..last).map(&record).collect::<Result<_>>()?;
        publisher.publish(&records).context("write a backlog")?;
        first = last;
    }
    Ok(())
}

fn patterns(stand: &Stand) -> Result<Vec<Pattern>> {
    let sandbox = stand.sandbox();
    let pattern = |source, texts: Vec<String>, numbers| {
        let records = texts.iter().filter_map(|text| serde_json::from_str::<Json>(text).ok());
        let record =
            records.into_iter().find(is_accepted).with_context(|| format!("a record of {source}"))?;
        Ok::<_, anyhow::Error>(Pattern { source, record, numbers })
    };
    Ok(vec![
        pattern("jushuitan-customers", sandbox.distributors(), &["drp_co_id"])?,
        pattern("jushuitan-sku-sn-movements", sandbox.movements(), &["ioi_sn_id"])?,
        pattern("okki-companies", sandbox.companies(), &["company_id", "serial_id"])?,
        pattern("okki-orders", sandbox.orders(), &["order_id", "order_no"])?,
        pattern(
            "wdt-aftersales",
            sandbox.refunds(Edition::Flagship, Access::Direct),
            &["refund_id", "refund_no"],
        )?,
        pattern(
            "wdt-refunds",
            sandbox.refunds(Edition::Enterprise, Access::Direct),
            &["refund_id", "refund_no"],
        )?,
    ])
}

/// The sandbox makes some records whose mapping refuses them: no name, no price, no lines.
fn is_accepted(record: &Json) -> bool {
    let is_empty = |key: &str| match record.get(key) {
        None => false,
        Some(Json::String(text)) => text.is_empty() || text == "暂无",
        Some(Json::Array(rows)) => rows.is_empty(),
        Some(value) => value.is_null(),
    };
    !["name", "cost_price", "refund_order_list", "detail_list", "product_list"].into_iter().any(is_empty)
}

impl Pattern {
    fn numbered(&self, number: u64) -> RawRecord {
        let mut record = self.record.clone();
        if let Some(fields) = record.as_object_mut() {
            for name in self.numbers {
                if let Some(field) = fields.get_mut(*name) {
                    let is_text = field.is_string();
                    *field = if is_text { number.to_string().into() } else { number.into() };
                }
            }
        }
        let payload = record.to_string().into_bytes();
        RawRecord {
            source: self.source.into(),
            id: (&number.to_string()).into(),
            digest: Digest::of(&payload),
            payload: payload.into(),
            modified: None,
            polled_at: Timestamp::UNIX_EPOCH,
            reason: Reason::Poll,
            deleted: false,
        }
    }
}
