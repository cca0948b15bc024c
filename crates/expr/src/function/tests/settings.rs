//! The settings of the language, what a probe is told, and what is shown of an expression.

use std::cell::RefCell;

use jiff::{Timestamp, tz::TimeZone};
use weir_model::{
    flow::{
        Language,
        language::{Collation, DaysAgo, DivScale, OnFailure},
    },
    lookup::{LookupIndex, NoLookups},
};

use super::{collections, evaluate_as};
use crate::{Context, Dialect, Expression, Probe, Scope, World};

fn with(language: Language) -> Dialect {
    Dialect { language, ..Dialect::default() }
}

#[test]
fn texts_compare_as_the_collation_says() {
    let check = |expression: &str, binary: &str, general: &str| {
        for (collation, expect) in [(Collation::Binary, binary), (Collation::GeneralCi, general)] {
            let dialect = with(Language { collation, ..Language::default() });
            assert_eq!(
                evaluate_as(dialect, &format!("_function {expression}"), "{}"),
                expect,
                "{expression}"
            );
        }
    };
    check("'a' = 'A '", "0", "1");
    check("'a' LIKE 'A%'", "0", "1");
    check("'b' IN ('A', 'B')", "0", "1");
    check("CASE 'x' WHEN 'X' THEN 1 ELSE 0 END", "0", "1");
    check("NULLIF('a', 'A')", "a", "null");
    check("LOCATE('B', 'abc')", "0", "2");
    check("FIND_IN_SET('B', 'a,b')", "0", "2");
    check("STRCMP('a', 'A')", "1", "0");
    check("'abc' REGEXP 'B'", "0", "1");
    check("REPLACE('abc', 'B', 'x')", "abc", "abc");
}

#[test]
fn divisions_keep_the_decimals_that_are_asked_for() {
    for (digits, expect) in [(0, "33"), (4, "33.3333"), (6, "33.333333")] {
        let dialect = with(Language { div_scale: DivScale(digits), ..Language::default() });
        assert_eq!(evaluate_as(dialect.clone(), "_function 100/3", "{}"), expect);
        let rows = r#"{"d":[{"x":100},{"x":0},{"x":0}]}"#;
        assert_eq!(evaluate_as(dialect, "_function AVG({{d.x}})", rows), expect);
    }
}

#[test]
fn a_failed_expression_can_be_text_as_the_vendor_has_it() {
    let dialect = || with(Language { on_failure: OnFailure::Text, ..Language::default() });
    let text = |expression: &str, record: &str| evaluate_as(dialect(), expression, record);
    assert_eq!(text("_function {a}/{{b}}", r#"{"a":5,"b":0}"#), "5/0");
    assert_eq!(text("_function CONCAT('{s}', {a}+1)", r#"{"s":"it's","a":"x"}"#), "CONCAT('it's', x+1)");
    assert_eq!(text("_function {a}/2", r#"{"a":5}"#), "2.5");
    // A lookup without an answer is no failed expression: it must not become text.
    let lookup = "_function CONCAT('_findCollection find a from nowhere where b={b} _endFind')";
    assert!(text(lookup, r#"{"b":1}"#).starts_with("failed: "));
}

#[test]
fn days_ago_can_begin_at_midnight() {
    let dialect = with(Language { days_ago: DaysAgo::Midnight, ..Language::default() });
    let value = |expression: &str| evaluate_as(dialect.clone(), expression, "{}");
    assert_eq!(value("{{DAYS_AGO_2|datetime}}"), "2024-03-12 00:00:00");
    assert_eq!(value("{{CURRENT_TIME|datetime}}"), "2024-03-14 16:00:00");
}

#[test]
fn aliases_name_collections() {
    let lookup = "_findCollection find serial_id from 9a1c where company_id=10086001";
    let aliases = [("9a1c".to_owned(), "customers".to_owned())].into();
    let dialect = Dialect { aliases, ..Dialect::default() };
    assert_eq!(evaluate_as(dialect.clone(), lookup, "{}"), "C0017");
    let expression = Expression::compile(lookup, &mut Scope::new(dialect)).unwrap();
    let index = LookupIndex { collection: "customers".into(), fields: vec!["company_id".into()] };
    assert_eq!(expression.lookups(), [index]);
}

/// Remembers what it is told.
#[derive(Default)]
struct Taken(RefCell<Vec<usize>>);

impl Probe for Taken {
    fn branch(&self, _: &str, branch: usize) {
        self.0.borrow_mut().push(branch);
    }
}

#[test]
fn a_probe_is_told_the_branches() {
    let text = "_function CASE WHEN {a} = 1 THEN IF({b} > 0, 'p', 'q') WHEN {a} = 2 THEN IFNULL({b}, 7) ELSE 'z' END";
    let mut scope = Scope::new(Dialect::default());
    let expression = Expression::compile(text, &mut scope).unwrap();
    let branches =
        ["WHEN {a} = 1", "WHEN {a} = 2", "ELSE", "IF {b} > 0: yes", "IF {b} > 0: no", "IFNULL → 7"];
    assert_eq!(expression.branches(), branches);
    let head = scope.finish().remove(0);
    for (record, expect) in [
        (r#"{"a":1,"b":1}"#, vec![0, 3]),
        (r#"{"a":1}"#, vec![0, 4]),
        (r#"{"a":2}"#, vec![1, 5]),
        (r#"{"a":2,"b":3}"#, vec![1]),
        ("{}", vec![2]),
    ] {
        let taken = Taken::default();
        let world = World {
            now: Timestamp::UNIX_EPOCH,
            zone: &TimeZone::UTC,
            lookups: &NoLookups,
            probe: Some(&taken),
        };
        let mut cells = Vec::new();
        head.read(record, &mut cells).unwrap();
        expression.evaluate(&Context::new(&world, vec![cells])).unwrap();
        assert_eq!(taken.0.into_inner(), expect, "{record}");
    }
}

#[test]
fn inputs_show_macros_and_lookups_with_their_answers() {
    let text = "_function CONCAT('{a}', '_findCollection find email from f9720649-c4cb-3d51-8bb0-e633ee48e23c where \
                shop_no={shop_no} _endFind')";
    let mut scope = Scope::new(Dialect::default());
    let expression = Expression::compile(text, &mut scope).unwrap();
    let rows = collections();
    let world = World { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, lookups: &rows, probe: None };
    let mut cells = Vec::new();
    scope.finish()[0].read(r#"{"a":0.10,"shop_no":"S01"}"#, &mut cells).unwrap();
    let inputs = expression.inputs(&Context::new(&world, vec![cells]));
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let lookup = "_findCollection find email from f9720649-c4cb-3d51-8bb0-e633ee48e23c";
    assert_eq!(
        inputs,
        [owned("a", "0.10"), owned("shop_no", "\"S01\""), owned(lookup, "shop_no=S01: \"a@example.com\""),]
    );
}
