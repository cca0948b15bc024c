//! Metadata as a vendor's platform exports it, through a flow file and back: the same values in the same order.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use proptest::{collection, prelude::*};
use serde_json::{Map, Value, json};
use weir_import::{ExportError, ImportError, Kind, Role, export, flow_name, import, import_all};

fn number() -> impl Strategy<Value = Value> {
    "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,4})?".prop_map(|text| serde_json::from_str(&text).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\n\t]{0,30}",
        any::<String>(),
        "(yes|no|on|~|null|true|1e3|0x1f|2024-01-01|: |- a|#x|\\{a\\}|\\{\\{b\\.c\\|date\\}\\})",
    ]
}

fn extra() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number(),
        text().prop_map(Value::String)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An item with unknown keys in any place.
fn item(field: String) -> impl Strategy<Value = Value> {
    (text(), collection::vec(("[a-z]{4,8}", extra()), 0..3), any::<bool>()).prop_map(
        move |(value, more, last)| {
            let mut members: Vec<(String, Value)> = vec![
                ("field".into(), json!(field)),
                ("type".into(), json!("string")),
                ("value".into(), json!(value)),
            ];
            let at = if last { members.len() } else { 0 };
            members.splice(at..at, more.into_iter().map(|(key, value)| (format!("x_{key}"), value)));
            Value::Object(members.into_iter().collect())
        },
    )
}

prop_compose! {
    fn metadata()(
        source in collection::vec(item("param".into()), 1..3),
        target in item("FNumber".into()),
        more in collection::vec(("[a-z]{4,8}", extra()), 0..4),
        condition in extra(),
    ) -> (Value, Value) {
        let source: Vec<Value> = source.into_iter().take(1).collect();
        let mut queried = json!({"api": "/open/jushuitan/distributor/query", "effect": "QUERY", "id": "drp_co_id", "request": source, "condition": condition});
        for (key, value) in &more {
            queried.as_object_mut().unwrap().insert(format!("x_{key}"), value.clone());
        }
        let mut written = Map::new();
        written.extend(more.into_iter().map(|(key, value)| (format!("y_{key}"), value)));
        written.extend([("effect".to_owned(), json!("EXECUTE")), ("api".to_owned(), json!("batchSave")), ("request".to_owned(), json!([target]))]);
        (queried, Value::Object(written))
    }
}

proptest! {
    #[test]
    fn a_round_trip_loses_nothing((source, target) in metadata()) {
        let both = json!({"source": source, "target": target});
        let imported = import("f", &both.to_string()).unwrap();
        let exported = export(&imported.yaml).unwrap();
        prop_assert_eq!(exported.both().to_string(), both.to_string());
        let again = import("f", &serde_json::to_string_pretty(&exported.both()).unwrap()).unwrap();
        prop_assert_eq!(again.yaml, imported.yaml);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}\":,.`/*a-z \n]{0,200}|.{0,100}") {
        if let Ok(imported) = import("f", &text) {
            prop_assert!(export(&imported.yaml).is_ok());
        }
    }
}

const SOURCE: &str = r#"{"api": "/open/jushuitan/distributor/query", "id": "drp_co_id", "request": [{"field": "modified_begin", "value": "{{LAST_SYNC_TIME|datetime}}"}]}"#;
const TARGET: &str = r#"{"type": "EXECUTE", "api": "batchSave", "request": [{"field": "FNumber", "value": "{drp_co_id}"}], "otherRequest": [{"field": "FormId", "value": "BD_Customer"}]}"#;

#[test]
fn two_documents_and_two_files_are_one_flow() {
    let one = import("f", &format!("{SOURCE}\n{TARGET}")).unwrap();
    let two = import_all("f", &[SOURCE, TARGET]).unwrap();
    assert_eq!((one.only, two.only), (None, None));
    assert_eq!(one.yaml, two.yaml);
}

#[test]
fn one_side_is_a_fragment() {
    for (text, role) in [(SOURCE, Role::Source), (TARGET, Role::Target)] {
        let imported = import("f", text).unwrap();
        assert_eq!(imported.only, Some(role));
        assert!(imported.yaml.contains("\nkind: fragment\n"), "{}", imported.yaml);
        let exported = export(&imported.yaml).unwrap();
        assert_eq!(
            exported.side(role).unwrap().to_string(),
            serde_json::from_str::<Value>(text).unwrap().to_string()
        );
        let other = if role == Role::Source { Role::Target } else { Role::Source };
        assert!(matches!(exported.side(other), Err(ExportError::NoSide(_))));
    }
}

#[test]
fn what_holds_no_metadata_is_refused() {
    assert!(matches!(import("f", "只有正文"), Err(ImportError::NothingFound(_))));
    let Err(ImportError::NothingFound(report)) = import("f", r#"{"code": 0, "data": []}"#) else { panic!() };
    assert_eq!(report.of(Kind::LeftOut).count(), 1);
    assert!(matches!(import("a b", SOURCE), Err(ImportError::Name(_))));
    assert!(matches!(export("version: 1\n"), Err(ExportError::NoMetadata)));
    assert!(matches!(export("a: [1"), Err(ExportError::NotYaml(_))));
}

#[test]
fn files_name_flows() {
    assert_eq!(flow_name("in/04 Refund_TK.json").as_deref(), Some("04-refund_tk"));
    assert_eq!(flow_name("seed.000.txt").as_deref(), Some("seed"));
    assert_eq!(flow_name("退换.txt"), None);
}
