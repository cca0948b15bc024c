//! Records against flows that are known to be right. Input: the bytes of a record.
//!
//! Promises: a record becomes a document whose body is JSON, is filtered by a rule that has a name, or is refused with
//! a known code and a message (invariant 3); texts and decimals arrive as they were sent (invariant 5).

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value as Json;
use weir_model::{
    decimal::Decimal,
    digest::Digest,
    document::Verdict,
    flow::FlowSpec,
    lookup::MemoryRows,
    names::SourceName,
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Reason, Version},
    settings::Problems,
};
use weir_processors::{CompiledFlow, codes};

use crate::surroundings::ZONE;

/// The sample flows and one that uses what they do not.
const FLOWS: [&str; 3] = [
    include_str!("../../flows/jushuitan-customer-to-kingdee.yaml"),
    include_str!("../../flows/jushuitan-sku-sn-to-mysql.yaml"),
    include_str!("../flows/everything.yaml"),
];

static COMPILED: LazyLock<Vec<(FlowSpec, CompiledFlow)>> =
    LazyLock::new(|| FLOWS.iter().map(|text| known(text)).collect());
static ROWS: LazyLock<MemoryRows> = LazyLock::new(|| {
    let mut rows = MemoryRows::new();
    rows.insert("shops", vec![serde_json::json!({"shop_no": "S01", "email": "shop@example.com"})]);
    rows
});

fn known(text: &str) -> (FlowSpec, CompiledFlow) {
    let mut problems = Problems::new("flow.yaml");
    let spec = FlowSpec::parse(text, &mut problems).expect("the target's own flows are read");
    let compiled = weir_processors::compile(&spec, ZONE.clone(), &mut problems);
    let compiled = compiled.filter(|_| !problems.has_errors());
    (spec, compiled.unwrap_or_else(|| panic!("a flow of the target: {problems:?}")))
}

/// The flow that uses what the sample flows do not.
pub fn everything() -> &'static (FlowSpec, CompiledFlow) {
    COMPILED.last().expect("there are flows")
}

/// Tries one input.
pub fn run(input: &[u8]) {
    for (_, flow) in COMPILED.iter() {
        for mapped in check(flow, input) {
            if flow.flow() == everything().1.flow() && mapped.verdict == Verdict::Mapped {
                compare(input, &mapped.body);
            }
        }
    }
}

/// Maps a record and checks what every document owes; gives the documents.
pub fn check(flow: &CompiledFlow, payload: &[u8]) -> Vec<Mapped> {
    let input = input(payload);
    let processed = flow.process(&input, &*ROWS);
    let explained = flow.explain(&input, &*ROWS);
    assert_eq!(processed, explained.processed, "what is explained is what happens");
    let documents = match processed {
        Processed::One(mapped) => vec![mapped],
        Processed::Parts(parts) => parts,
        Processed::Waits(missing) => {
            assert!(
                !missing.collection.is_empty() && !missing.reference.is_empty(),
                "what is waited for has a name"
            );
            Vec::new()
        }
    };
    documents.iter().for_each(check_document);
    documents
}

fn check_document(mapped: &Mapped) {
    match &mapped.verdict {
        Verdict::Mapped => {
            let body: Result<Json, _> = serde_json::from_slice(&mapped.body);
            assert!(body.is_ok_and(|body| body.is_object()), "a body is a JSON object: {mapped:?}");
            assert!(!mapped.key.is_empty(), "a document has a business key: {mapped:?}");
        }
        Verdict::Filtered(rule) => assert!(!rule.is_empty(), "a filtered record names its rule"),
        Verdict::Refused(refusal) => {
            assert!(codes::ALL.contains(&refusal.code), "a refusal has a known code: {refusal}");
            assert!(!refusal.message.trim().is_empty(), "a refusal has a message: {refusal}");
        }
    }
    let has_body = mapped.verdict == Verdict::Mapped;
    assert_eq!(has_body, !mapped.body.is_empty(), "only what is delivered has a body: {mapped:?}");
}

/// What the flow hands through arrives as it was sent.
fn compare(payload: &[u8], body: &[u8]) {
    let body: Json = serde_json::from_slice(body).expect("a body is JSON");
    // A field that no expression names is not looked into: there text may be no Unicode (half a surrogate pair).
    let Ok(record) = serde_json::from_slice::<Json>(payload) else { return };
    if let Some(text) = record.get("note").and_then(Json::as_str) {
        assert_eq!(body.get("FNote").and_then(Json::as_str), Some(text), "a text arrives as it was sent");
        let joined = format!("<{text}>");
        assert_eq!(
            body.get("FJoined").and_then(Json::as_str),
            Some(joined.as_str()),
            "also inside of other text"
        );
    }
    if let Some(Json::Number(amount)) = record.get("amount") {
        let sent: Result<Decimal, _> = amount.to_string().parse();
        let arrived =
            body.get("FAmount").map(ToString::to_string).and_then(|text| text.parse::<Decimal>().ok());
        assert_eq!(arrived, sent.ok(), "a decimal arrives as it was sent");
    }
}

fn input(payload: &[u8]) -> Input {
    let appended_at = Timestamp::from_second(1_710_403_200).unwrap_or_default();
    let record = RawRecord {
        source: SourceName::from("fuzz".to_owned()),
        id: "1".into(),
        payload: payload.to_vec().into(),
        digest: Digest::of(payload),
        modified: None,
        polled_at: appended_at,
        reason: Reason::Poll,
        deleted: false,
    };
    let origin = Position { topic: "weir.raw.fuzz".to_owned(), partition: 0, offset: 0 };
    Input { record, origin, version: Version::default(), appended_at }
}
