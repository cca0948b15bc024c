//! The sample flows on records of contract jushuitan §4 and §5.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    digest::Digest,
    document::Verdict,
    flow::FlowSpec,
    lookup::NoLookups,
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Reason, Version},
    settings::Problems,
};

const CUSTOMERS: &str = include_str!("../../flows/jushuitan-customer-to-kingdee.yaml");
const MOVEMENTS: &str = include_str!("../../flows/jushuitan-sku-sn-to-mysql.yaml");
const MOVEMENT: &str = r#"{"ioi_sn_id":9000001,"io_id":5001,"o_id":"7001","inout_type":3,"sku_id":"SKU-1",
 "sku_sn":"SN0001","cost_price":"10.00","cost_amount":10.0,"remark":"","create_time":"2024-01-14 10:00:00",
 "modified_time":"2024-01-14 10:00:00","supplier_id":"1","supplier_name":"demo"}"#;

fn map(flow: &str, record: &str) -> Mapped {
    let mut problems = Problems::new("flow.yaml");
    let spec = FlowSpec::parse(flow, &mut problems).unwrap();
    let compiled = weir_processors::compile(&spec, TimeZone::get("Asia/Shanghai").unwrap(), &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    let input = Input {
        record: RawRecord {
            source: spec.source.name.clone(),
            id: "r".into(),
            payload: record.as_bytes().to_vec().into(),
            digest: Digest::of(record.as_bytes()),
            modified: None,
            polled_at: Timestamp::UNIX_EPOCH,
            reason: Reason::Poll,
            deleted: false,
        },
        origin: Position { topic: "weir.raw.x".into(), partition: 0, offset: 0 },
        version: Version::default(),
        appended_at: Timestamp::UNIX_EPOCH,
    };
    match compiled.unwrap().process(&input, &NoLookups) {
        Processed::One(mapped) => mapped,
        other => panic!("{other:?}"),
    }
}

fn refusal(mapped: &Mapped) -> String {
    match &mapped.verdict {
        Verdict::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_distributor_becomes_a_customer() {
    let record = r#"{"drp_co_id":20011,"name":"华东\"分销\"商","co_id":901,"modified":"2024-01-14 10:00:00","extra":[1]}"#;
    let mapped = map(CUSTOMERS, record);
    assert_eq!(mapped.verdict, Verdict::Mapped);
    assert_eq!((mapped.key.as_str(), mapped.number.as_str()), ("20011|100", "20011"));
    assert_eq!(
        std::str::from_utf8(&mapped.body).unwrap(),
        r#"{"FNumber":"20011","FName":"华东\"分销\"商","FUseOrgId":{"FNumber":"100"},"FCreateOrgId":{"FNumber":"100"},"FDescription":"901","FSELLER":{"FNumber":"GW000001_1"},"FTRADINGCURRID":{"FNumber":"PRE001"}}"#
    );
}

#[test]
fn a_blank_name_is_sent_for_kingdee_to_refuse() {
    let mapped = map(CUSTOMERS, r#"{"drp_co_id":20011,"name":""}"#);
    assert_eq!(mapped.verdict, Verdict::Mapped);
    assert!(std::str::from_utf8(&mapped.body).unwrap().contains(r#""FName":"","#));
}

#[test]
fn a_distributor_without_an_id_is_refused() {
    let mapped = map(CUSTOMERS, r#"{"name":"华东分销商"}"#);
    assert_eq!(refusal(&mapped), "M-REQUIRED: required, and \"{drp_co_id}\" gives no value (FNumber)");
    assert_eq!((mapped.number.as_str(), mapped.key.as_str(), mapped.body.len()), ("", "", 0));
}

#[test]
fn a_movement_becomes_a_row() {
    let mapped = map(MOVEMENTS, MOVEMENT);
    assert_eq!(
        std::str::from_utf8(&mapped.body).unwrap(),
        r#"{"rows":[["9000001",9000001,"SN0001","SKU-1",5001,"7001",3,10.00,10.0,"","1","demo","2024-01-14 10:00:00","2024-01-14 10:00:00"]]}"#
    );
    assert_eq!((mapped.key.as_str(), mapped.number.as_str()), ("9000001", "SN0001"));
}

#[test]
fn a_movement_without_row_id_goes_by_the_composite() {
    let record =
        MOVEMENT.replace("\"ioi_sn_id\":9000001,", "").replace("\"demo\"", "null").replace("10.0,", "\"\",");
    let mapped = map(MOVEMENTS, &record);
    assert_eq!(mapped.key, "SN0001/5001/3/2024-01-14 10:00:00");
    assert!(mapped.body.starts_with(br#"{"rows":[["SN0001/5001/3/2024-01-14 10:00:00",null,"SN0001""#));
    assert!(std::str::from_utf8(&mapped.body).unwrap().contains(r#"10.00,null,"","1",null,"#));
}

#[test]
fn a_value_that_does_not_fit_names_column_and_value() {
    let mapped = map(MOVEMENTS, &MOVEMENT.replace("\"10.00\"", "\"待定\""));
    assert_eq!(
        refusal(&mapped),
        "M-COLUMN: \"待定\" does not fit into decimal(20,6): it is not a number (cost_price)"
    );
    let mapped = map(MOVEMENTS, &MOVEMENT.replace("2024-01-14 10", "2024-13-14 10"));
    assert!(refusal(&mapped).starts_with("M-TYPE: \"2024-13-14 10:00:00\" is not a date or time"));
}

#[test]
fn what_is_no_record_is_refused() {
    for bad in ["", "[]", "{\"a\":", "null"] {
        assert!(
            refusal(&map(MOVEMENTS, bad)).starts_with("M-PAYLOAD: the record is not a JSON object"),
            "{bad}"
        );
    }
}
