//! Flows and records for the tests of the mapping's features.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "every test uses its part; a test may panic"
)]

use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    digest::Digest,
    document::Verdict,
    flow::FlowSpec,
    lookup::{LookupError, Lookups, MemoryRows},
    processor::{Input, Mapped, Processed, Processor},
    record::{Position, RawRecord, Reason, Version},
    settings::Problems,
};
use weir_processors::{CompiledFlow, compile};

/// A flow: keys of the source's metadata, of the file, and the target's section.
pub fn flow(source: &str, file: &str, target: &str) -> (Option<CompiledFlow>, Vec<String>) {
    let text = format!(
        "version: 1\nflow: f\n{file}\nsource:\n  name: s\n  system: jushuitan\n  metadata:\n    api: a\n    id: id\n{source}\ntarget:\n{target}"
    );
    let mut problems = Problems::new("f.yaml");
    let spec = FlowSpec::parse(&text, &mut problems).unwrap_or_else(|| panic!("{:?}", problems.list()));
    let compiled = compile(&spec, TimeZone::get("Asia/Shanghai").unwrap(), &mut problems);
    (compiled, problems.list().iter().map(ToString::to_string).collect())
}

/// A flow that compiles.
#[track_caller]
pub fn good(source: &str, file: &str, target: &str) -> CompiledFlow {
    let (compiled, problems) = flow(source, file, target);
    compiled.unwrap_or_else(|| panic!("{problems:#?}"))
}

/// A Kingdee target with the field `No` of the record's `id`, and what stands in `request`.
pub fn erp(request: &str) -> String {
    erp_with("", request)
}

/// The same with further keys of the target's metadata.
pub fn erp_with(metadata: &str, request: &str) -> String {
    format!(
        "  system: kingdee-galaxy\n  key: [No]\n  metadata:\n    api: batchSave\n{metadata}\n    request:\n      - {{field: No, value: \"{{id}}\"}}\n{request}"
    )
}

/// A table with the columns `no`, `goods` and `num`.
pub fn sql(goods: &str, num: &str) -> String {
    format!(
        r#"  system: mysql
  key: [no, goods]
  settings: {{table: t, columns: [{{name: no, type: bigint}}, {{name: goods, type: varchar(9)}}, {{name: num, type: "decimal(9,2)"}}]}}
  metadata:
    api: batchexecute
    request:
      - {{field: no, value: "{{id}}"}}
      - {{field: goods, value: "{goods}", default: ""}}
      - {{field: num, value: "{num}"}}"#
    )
}

/// A record as a stage hands it over.
pub fn input(record: &str) -> Input {
    Input {
        record: RawRecord {
            source: "s".into(),
            id: "1".into(),
            payload: record.as_bytes().to_vec().into(),
            digest: Digest::default(),
            modified: None,
            polled_at: Timestamp::UNIX_EPOCH,
            reason: Reason::Poll,
            deleted: false,
        },
        origin: Position { topic: "t".into(), partition: 0, offset: 0 },
        version: Version::default(),
        appended_at: Timestamp::UNIX_EPOCH,
    }
}

/// What becomes of a record, in words: bodies and verdicts, several parts one a line with their numbers.
pub fn told(processed: Processed) -> String {
    match processed {
        Processed::One(mapped) => told_one(mapped),
        Processed::Parts(parts) => {
            let lines = (1..).zip(parts).map(|(part, mapped)| format!("-{part} {}", told_one(mapped)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Processed::Waits(missing) => {
            format!("waits {:?}: {}", missing.wait_max.unwrap(), LookupError::Missing(missing))
        }
    }
}

fn told_one(mapped: Mapped) -> String {
    let warned = match mapped.warnings.as_slice() {
        [] => String::new(),
        names => format!(" warned: {}", names.join(", ")),
    };
    match mapped.verdict {
        Verdict::Mapped => format!("{}{warned}", std::str::from_utf8(&mapped.body).unwrap()),
        Verdict::Filtered(rule) => format!("filtered: {rule}{warned}"),
        Verdict::Refused(refusal) => format!("{refusal}{warned}"),
    }
}

/// Reference rows: shops by number, two of them with the same one.
pub fn shops() -> MemoryRows {
    let mut rows = MemoryRows::new();
    let shops = r#"[{"no":"S1","name":"甲"},{"no":"S2","name":"a"},{"no":"S2","name":"b"}]"#;
    rows.insert("shops", serde_json::from_str(shops).unwrap());
    rows
}

/// Maps each record and compares what is told; the explanation must end with the same outcome.
#[track_caller]
pub fn check(compiled: &CompiledFlow, cases: &[(&str, &str)]) {
    let rows = shops();
    for (record, expect) in cases {
        let input = input(record);
        let processed = compiled.process(&input, &rows as &dyn Lookups);
        assert_eq!(compiled.explain(&input, &rows).processed, processed, "{record}");
        assert_eq!(told(processed), *expect, "{record}");
    }
}

/// The problems of a flow that does not compile.
#[track_caller]
pub fn refused(source: &str, file: &str, target: &str, expect: &[&str]) {
    let (compiled, problems) = flow(source, file, target);
    assert_eq!(problems, expect);
    assert!(compiled.is_none());
}
