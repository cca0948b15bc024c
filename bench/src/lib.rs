//! What the benchmarks map: the sample flows with records of their contracts, and a wide refund that is mapped into a
//! nested document.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    digest::Digest,
    flow::FlowSpec,
    processor::Input,
    record::{Position, RawRecord, Reason, Version},
    settings::Problems,
    time::DEFAULT_ZONE,
};
use weir_processors::CompiledFlow;

/// Plain fields of the refund's head.
const HEAD_FIELDS: usize = 43;
/// Lines of the refund.
const LINES: usize = 2;
/// Plain fields of each line.
const LINE_FIELDS: usize = 7;

/// A flow and a record for it.
#[derive(Debug)]
pub struct Case {
    /// Shown in the results.
    pub name: &'static str,
    /// The compiled flow.
    pub flow: CompiledFlow,
    /// The record.
    pub input: Input,
}

/// Every case.
///
/// # Errors
/// A flow that does not compile, with its problems.
pub fn cases() -> anyhow::Result<Vec<Case>> {
    let customer = r#"{"drp_co_id":10099001,"name":"示例分销商","co_id":10000001,"created":"2024-01-02 09:00:00","modified":"2024-01-14 10:00:00"}"#;
    let movement = concat!(
        r#"{"ioi_sn_id":9000001,"io_id":5001,"o_id":"7001","inout_type":3,"sku_id":"SKU-1","sku_sn":"SN0001","#,
        r#""cost_price":"10.00","cost_amount":10.0,"remark":"","create_time":"2024-01-14 10:00:00","#,
        r#""modified_time":"2024-01-14 10:00:00","supplier_id":"1","supplier_name":"demo"}"#
    );
    Ok(vec![
        case(
            "customer-to-kingdee",
            include_str!("../../flows/jushuitan-customer-to-kingdee.yaml"),
            customer,
        )?,
        case("sku-sn-to-mysql", include_str!("../../flows/jushuitan-sku-sn-to-mysql.yaml"), movement)?,
        case("refund-71-fields", &refund_flow()?, &refund_record()?)?,
    ])
}

fn case(name: &'static str, flow: &str, record: &str) -> anyhow::Result<Case> {
    let mut problems = Problems::new(name);
    let spec = FlowSpec::parse(flow, &mut problems);
    let zone = TimeZone::get(DEFAULT_ZONE).context("the time zone of the connections")?;
    let compiled = spec.as_ref().and_then(|spec| weir_processors::compile(spec, zone, &mut problems));
    let Some((flow, spec)) = compiled.zip(spec) else {
        bail!("{name} does not compile: {:?}", problems.list())
    };
    let record = RawRecord {
        source: spec.source.name,
        id: "1".into(),
        payload: record.as_bytes().to_vec().into(),
        digest: Digest::of(record.as_bytes()),
        modified: None,
        polled_at: Timestamp::UNIX_EPOCH,
        reason: Reason::Poll,
        deleted: false,
    };
    let origin = Position { topic: "weir.raw.bench".to_owned(), partition: 0, offset: 0 };
    let input = Input { record, origin, version: Version::default(), appended_at: Timestamp::UNIX_EPOCH };
    Ok(Case { name, flow, input })
}

/// A refund of 71 fields in about 1.5 KB: 51 in the head, two lines of ten.
fn refund_record() -> Result<String, std::fmt::Error> {
    let mut record = String::from(
        r#"{"refund_no":"TK202401140001","shop_no":"S01","shop_name":"示例旗舰店","status":5,"created":1705197600,"modified":"2024-01-14 10:00:00","refund_amount":"128.50","detail_list":["#,
    );
    for line in 0..LINES {
        let comma = if line == 0 { "" } else { "," };
        write!(record, r#"{comma}{{"rec_id":{},"goods_no":"P-10{line}","num":3,"#, 880_001 + line)?;
        for field in 0..LINE_FIELDS {
            let comma = if field == 0 { "" } else { "," };
            write!(record, r#"{comma}"l{field}":"{line}{field}.50""#)?;
        }
        record.push('}');
    }
    record.push(']');
    for field in 0..HEAD_FIELDS {
        match field % 3 {
            0 => write!(record, r#","head_{field:02}":"text value {field:02}""#)?,
            1 => write!(record, r#","head_{field:02}":{field}.1050"#)?,
            _ => write!(record, r#","head_{field:02}":"中文 {field}""#)?,
        }
    }
    record.push('}');
    Ok(record)
}

/// Every field of the refund goes into a nested document: references, dates, two CASE expressions, a division per line.
fn refund_flow() -> Result<String, std::fmt::Error> {
    let mut flow = String::from(
        r#"version: 1
flow: refund
source:
  name: refunds
  system: wangdiantong
  metadata:
    api: refund
    id: refund_no
    number: refund_no
    condition: [[{field: status, logic: eqv2, value: "5"}, {field: shop_no, logic: neqv2, value: "103"}]]
target:
  system: kingdee-galaxy
  key: [FBillNo]
  metadata:
    api: batchSave
    request:
      - {field: FBillNo, value: "_function CASE '{shop_no}' WHEN '' THEN 'TK0' ELSE '{refund_no}' END", is_required: true}
      - {field: FCustId, value: "{shop_no}", parser: {name: ConvertObjectParser, params: FNumber}}
      - {field: FShop, value: "{{shop_no}}-{{shop_name}}"}
      - {field: FDate, value: "{{created|datetime}}"}
      - {field: FModified, type: datetime, value: "{modified}"}
      - {field: FRefund, type: float, value: "{refund_amount}"}
      - {field: FStatus, value: "_function CASE WHEN {status} = 5 THEN 'done' ELSE 'open' END"}
"#,
    );
    for field in 0..HEAD_FIELDS {
        let kind = if field % 3 == 1 { "float" } else { "string" };
        writeln!(flow, "      - {{field: FHead{field:02}, type: {kind}, value: \"{{head_{field:02}}}\"}}")?;
    }
    flow.push_str(
        r#"      - field: FEntity
        type: array
        value: detail_list
        children:
          - {field: FMaterialId, value: "{{detail_list.goods_no}}", parser: {name: ConvertObjectParser, params: FNumber}}
          - {field: FRecId, type: int, value: "{{detail_list.rec_id}}"}
          - {field: FQty, type: float, value: "{{detail_list.num}}"}
          - {field: FPrice, type: float, value: "_function {{detail_list.l0}}/{{detail_list.num}}"}
"#,
    );
    for field in 0..LINE_FIELDS {
        writeln!(
            flow,
            "          - {{field: FL{field}, type: float, value: \"{{{{detail_list.l{field}}}}}\"}}"
        )?;
    }
    Ok(flow)
}
