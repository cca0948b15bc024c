//! What the benchmarks map: the sample flows with records of their contracts, and the wide refund of seed 000 that is
//! mapped into a nested document.

use std::{collections::HashMap, fmt::Write as _};

use anyhow::{Context as _, bail};
use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    digest::Digest,
    flow::FlowSpec,
    lookup::{Found, LookupError, Lookups, Query},
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
/// Rows of the collection that the refund looks its shop up in.
const SHOPS: usize = 1_000;

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

impl Case {
    /// The case with another record of the same kind.
    pub fn with_record(&self, payload: Vec<u8>) -> Input {
        let mut input = self.input.clone();
        input.record.payload = payload.into();
        input
    }
}

/// The shops of the refunds, by number. In memory, as a batch has the rows it asked for before.
#[derive(Debug)]
pub struct Shops(HashMap<String, String>);

impl Default for Shops {
    fn default() -> Self {
        Self((0..SHOPS).map(|shop| (format!("S{shop:03}"), format!("shop{shop}@example.com"))).collect())
    }
}

impl Lookups for Shops {
    fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
        let [("shop_no", shop)] = query.conditions.as_slice() else {
            return Err(LookupError::Unreadable(format!("shops are looked up by number, not by {query:?}")));
        };
        Ok(self.0.get(shop).map(|email| Found { text: email.clone(), several: false }))
    }
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
        refund()?,
    ])
}

/// The refund of seed 000.
///
/// # Errors
/// A flow that does not compile, with its problems.
pub fn refund() -> anyhow::Result<Case> {
    case("refund-71-fields", &refund_flow()?, &refund_record(1)?)
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

/// A refund of 71 fields in about 1.5 KB: 51 in the head, two lines of ten. Each serial number has a number of its own.
///
/// # Errors
/// None: text is written into memory.
pub fn refund_record(serial: usize) -> Result<String, std::fmt::Error> {
    let mut record = format!(
        r#"{{"refund_no":"TK2024{serial:08}","shop_no":"S{:03}","shop_name":"示例旗舰店","status":5,"created":1705197600,"modified":"2024-01-14 10:00:00","refund_amount":"128.50","refund_order_list":["#,
        serial % SHOPS
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

/// Every field of the refund goes into a nested document. The number is the seed's own expression: a CASE over a look-up;
/// the lines go into FEntity as the seed maps them. References, dates, a second CASE and a division per line beside.
fn refund_flow() -> Result<String, std::fmt::Error> {
    let mut flow = String::from(
        r#"version: 1
flow: refund
source:
  name: refunds
  system: wangdiantong
  metadata:
    api: wdt.refund.query
    id: refund_no
    number: refund_no
    condition: [[{field: status, logic: eqv2, value: "5"}, {field: shop_no, logic: neqv2, value: "103"}]]
aliases: {f9720649-c4cb-3d51-8bb0-e633ee48e23c: shops}
target:
  system: kingdee-galaxy
  key: [FBillNo]
  metadata:
    api: batchSave
    request:
      - {field: FBillTypeID, value: XSTHD01_SYS, parser: {name: ConvertObjectParser, params: FNumber}}
      - field: FBillNo
        value: "_function CASE '_findCollection find email from f9720649-c4cb-3d51-8bb0-e633ee48e23c where shop_no={shop_no} _endFind' WHEN '' THEN 'TK2402291737' ELSE '{refund_no}' END"
        is_required: true
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
        value: refund_order_list
        children:
          - {field: FMaterialId, value: "{{refund_order_list.goods_no}}", parser: {name: ConvertObjectParser, params: FNumber}}
          - {field: FRecId, type: int, value: "{{refund_order_list.rec_id}}"}
          - {field: FQty, type: float, value: "{{refund_order_list.num}}"}
          - {field: FPrice, type: float, value: "_function {{refund_order_list.l0}}/{{refund_order_list.num}}"}
"#,
    );
    for field in 0..LINE_FIELDS {
        writeln!(
            flow,
            "          - {{field: FL{field}, type: float, value: \"{{{{refund_order_list.l{field}}}}}\"}}"
        )?;
    }
    Ok(flow)
}
