//! Metadata as people have it: JSON, snippets, whole articles. Input: the text.
//!
//! Promises: what is imported is a flow file with metadata in it; exported and imported again it is the same, key for
//! key, in their order and with the text of every number; each line of the report says something.

use serde_json::Value as Json;
use weir_import::{ImportError, Imported, export, import};

/// Tries one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let imported = match import("fuzz", text) {
        Ok(imported) => imported,
        Err(error) => return assert!(!error.to_string().is_empty(), "a refusal has a reason"),
    };
    check_report(&imported);
    let exported = export(&imported.yaml).expect("what was imported can be exported");
    let both = exported.both().to_string();
    match import("fuzz", &both) {
        Ok(again) => {
            let again = export(&again.yaml).expect("what was imported can be exported");
            let again = again.both();
            // As texts, for equality of JSON objects does not see the order of keys.
            assert_eq!(again.to_string(), both, "a round trip loses nothing");
        }
        Err(ImportError::Unwritable) => {}
        Err(error) => panic!("exported metadata is not imported: {error}: {both}"),
    }
    assert!(serde_json::from_str::<Json>(&both).is_ok(), "exported metadata is JSON");
}

fn check_report(imported: &Imported) {
    assert!(!imported.report.entries().is_empty(), "an import is reported");
    assert!(imported.report.page(&imported.flow).contains(&imported.flow), "a report names its flow");
}
