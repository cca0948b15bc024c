//! `_findCollection` in a flow: what a row that is missing, or there twice, makes of the record.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{check, erp, good, input, shops, told};
use weir_model::{
    lookup::{Found, LookupError, LookupIndex, Lookups, NoLookups, Query},
    processor::Processor,
};

const UUID: &str = "f9720649-c4cb-3d51-8bb0-e633ee48e23c";

fn target() -> String {
    erp(&format!(
        "      - {{field: Shop, value: \"_findCollection find name from {UUID} where no={{shop}}\"}}"
    ))
}

fn file(rest: &str) -> String {
    format!("aliases: {{{UUID}: shops}}\n{rest}")
}

#[test]
fn a_row_that_is_there_answers() {
    let compiled = good("", &file(""), &target());
    assert_eq!(
        compiled.lookups(),
        [LookupIndex { collection: "shops".to_owned(), fields: vec!["no".to_owned()] }]
    );
    check(
        &compiled,
        &[
            (r#"{"id":1,"shop":"S1"}"#, r#"{"No":"1","Shop":"甲"}"#),
            (r#"{"id":1,"shop":"S2"}"#, r#"{"No":"1","Shop":"a"}"#),
            (r#"{"id":1,"shop":"S9"}"#, r#"{"No":"1","Shop":""}"#),
        ],
    );
}

#[test]
fn a_missing_row_refuses_or_waits() {
    let missing = (
        r#"{"id":1,"shop":"S9"}"#,
        "M-MISSING: the collection shops has no row with no=S9 in \"_findCollection find name from f9720649-c4cb-3d51-8bb0-e633ee48e23c where no={shop}\" with shop = \"S9\" (Shop)",
    );
    check(&good("", &file("lookups: {shops: {on_missing: reject}}"), &target()), &[missing]);
    // The rules may name the collection as the expressions do.
    check(&good("", &file(&format!("lookups: {{{UUID}: {{on_missing: reject}}}}")), &target()), &[missing]);
    let waits = [
        (r#"{"id":1,"shop":"S9"}"#, "waits 86400s: the collection shops has no row with no=S9"),
        (r#"{"id":1,"shop":"S1"}"#, r#"{"No":"1","Shop":"甲"}"#),
    ];
    check(&good("", &file("lookups: {shops: {on_missing: wait, wait_max: 1d}}"), &target()), &waits);
}

#[test]
fn a_branch_that_is_not_taken_waits_for_nothing() {
    let target = erp(
        "      - {field: Shop, value: \"_function CASE '{shop}' WHEN '' THEN 'none' ELSE '_findCollection find name from shops where no={shop} _endFind' END\"}",
    );
    let compiled = good("", "lookups: {shops: {on_missing: wait}}", &target);
    check(
        &compiled,
        &[
            (r#"{"id":1,"shop":""}"#, r#"{"No":"1","Shop":"none"}"#),
            (r#"{"id":1,"shop":"S9"}"#, "waits 604800s: the collection shops has no row with no=S9"),
        ],
    );
}

#[test]
fn several_rows_are_refused_where_the_flow_says_so() {
    let compiled = good("", &file("language: {several_matches: reject}"), &target());
    check(
        &compiled,
        &[
            (r#"{"id":1,"shop":"S1"}"#, r#"{"No":"1","Shop":"甲"}"#),
            (
                r#"{"id":1,"shop":"S2"}"#,
                "M-SEVERAL: several rows of the collection shops match no=S2 in \"_findCollection find name from f9720649-c4cb-3d51-8bb0-e633ee48e23c where no={shop}\" with shop = \"S2\" (Shop)",
            ),
        ],
    );
}

#[test]
fn a_collection_that_cannot_be_read_is_no_empty_answer() {
    let compiled = good("", &file(""), &target());
    let said = told(compiled.process(&input(r#"{"id":1,"shop":"S1"}"#), &NoLookups));
    assert!(said.starts_with("M-LOOKUP: collection \"shops\" is not at hand in "), "{said}");
}

#[test]
fn a_record_asks_once_for_a_row() {
    struct Counted(AtomicUsize);
    impl Lookups for Counted {
        fn find(&self, query: &Query<'_>) -> Result<Option<Found>, LookupError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            shops().find(query)
        }
    }
    let request = "      - {field: Rows, type: array, value: rows, children: [{field: Shop, value: \"_findCollection find name from shops where no={{rows.shop}}\"}]}";
    let compiled = good("", "", &erp(request));
    let rows = Counted(AtomicUsize::new(0));
    let record = r#"{"id":1,"rows":[{"shop":"S1"},{"shop":"S1"},{"shop":"S2"},{"shop":"S1"}]}"#;
    let said = told(compiled.process(&input(record), &rows));
    assert_eq!(said, r#"{"No":"1","Rows":[{"Shop":"甲"},{"Shop":"甲"},{"Shop":"a"},{"Shop":"甲"}]}"#);
    assert_eq!(rows.0.load(Ordering::Relaxed), 2);
}
