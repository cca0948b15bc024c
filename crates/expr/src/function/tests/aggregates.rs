//! Aggregates over the rows of a list: values, what is skipped, which rows count.

use jiff::{Timestamp, tz::TimeZone};
use weir_model::lookup::NoLookups;

use super::check;
use crate::{Cells, Context, Dialect, Expression, KeptRows, Scope, World, elements};

const ORDER: &str = r#"{"rate":2,"none":null,"empty":[],"n":"5",
    "d":[{"price":"1.10","num":2,"name":"b"},{"price":2,"num":null,"name":"a"},{"price":null,"num":1},{"price":1.1,"num":1,"name":""}],
    "o":{"lines":[{"q":1},{"q":2}]}}"#;

#[test]
fn each_aggregate() {
    let check = |expression: &str, expect: &str| check(&format!("_function {expression}"), ORDER, expect);
    check("SUM({{d.price}})", "4.2");
    check("SUM({{d.price}} * {{d.num}} * {rate})", "6.6");
    check("sum(IFNULL({{d.num}}, 10))", "14");
    check("AVG({{d.num}})", "1.3333");
    check("MAX({{d.price}})", "2");
    check("MIN({{d.price}}) + 1", "2.1");
    check("MAX('{{d.name}}')", "b");
    check("COUNT({{d.price}})", "3");
    check("COUNT({{d.name}})", "3");
    check("COUNT(DISTINCT {{d.price}})", "2");
    check("SUM({{o.lines.q}})", "3");
    check("CONCAT(COUNT({{d.num}}), '/', {n})", "3/5");
    check("CASE WHEN SUM({{d.price}}) > 4 THEN 'big' ELSE 'small' END", "big");
}

#[test]
fn without_rows_there_is_nothing_to_add() {
    for list in ["empty", "none", "missing"] {
        for name in ["SUM", "AVG", "MAX", "MIN"] {
            check(&format!("_function {name}({{{{{list}.x}}}})"), ORDER, "null");
        }
        check(&format!("_function COUNT({{{{{list}.x}}}})"), ORDER, "0");
    }
    check("_function SUM({{d.other}})", ORDER, "null");
}

#[test]
fn failures_name_the_row() {
    let said = super::evaluate("_function SUM({{d.name}})", ORDER);
    assert!(said.starts_with("failed: \"b\" is not a number (row 1 of d)"), "{said}");
    let said = super::evaluate("_function SUM({{d.name}} * {rate})", ORDER);
    assert!(said.ends_with(" with rate = 2"), "{said}");
    let said = super::evaluate("_function SUM({{n.x}})", ORDER);
    assert!(said.starts_with("failed: SUM: n is no list"), "{said}");
    let said = super::evaluate("_function SUM({{d.x}})", r#"{"d":[1]}"#);
    assert!(said.starts_with("failed: SUM: the row is no object (row 1 of d)"), "{said}");
}

/// The rows of `d` but the first.
struct WithoutFirst;

impl KeptRows for WithoutFirst {
    fn retain(&self, list: &str, rows: &mut Vec<&str>) {
        if list == "d" {
            rows.remove(0);
        }
    }
}

/// Evaluates inside an item bound to `d`, once per row.
fn per_row(expression: &str, kept: Option<&dyn KeptRows>) -> Vec<String> {
    let mut scope = Scope::new(Dialect::default());
    let list = scope.enter("d");
    let expression = Expression::compile(expression, &mut scope).unwrap();
    let row = scope.leave();
    let head = scope.finish().remove(0);
    let world = World { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, lookups: &NoLookups, probe: None };
    let mut cells = Cells::new();
    head.read(ORDER, &mut cells).unwrap();
    let mut context = Context::new(&world, vec![cells]);
    context.kept = kept;
    let crate::Cell::Json(json) = list.cell(&context) else { panic!("no list") };
    let mut values = Vec::new();
    for element in elements(json).unwrap() {
        let mut cells = Cells::new();
        row.read(element, &mut cells).unwrap();
        context.frames.push(cells);
        values.push(expression.evaluate(&context).unwrap().into_text().into_owned());
        context.frames.pop();
    }
    values
}

#[test]
fn inside_its_own_list_an_aggregate_sees_every_row() {
    assert_eq!(per_row("_function {{d.num}}/SUM({{d.num}})", None), ["0.5", "", "0.25", "0.25"]);
}

#[test]
fn removed_rows_do_not_count() {
    assert_eq!(per_row("_function COUNT({{d.price}})", Some(&WithoutFirst)).first().unwrap(), "2");
}

#[test]
fn lists_within_the_row_at_hand() {
    let mut scope = Scope::new(Dialect::default());
    scope.enter("orders");
    let expression = Expression::compile("_function SUM({{orders.lines.q}})", &mut scope).unwrap();
    let row = scope.leave();
    let head = scope.finish().remove(0);
    let world = World { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, lookups: &NoLookups, probe: None };
    let (order, second) =
        (r#"{"orders":[{"lines":[{"q":1}]},{"lines":[{"q":2},{"q":3}]}]}"#, r#"{"lines":[{"q":2},{"q":3}]}"#);
    let mut frames = vec![Cells::new(), Cells::new()];
    head.read(order, &mut frames[0]).unwrap();
    row.read(second, &mut frames[1]).unwrap();
    let context = Context::new(&world, frames);
    assert_eq!(expression.evaluate(&context).unwrap().into_text(), "5");
    assert_eq!(expression.inputs(&context), [("SUM({orders.lines.q})".to_owned(), "5".to_owned())]);
}
