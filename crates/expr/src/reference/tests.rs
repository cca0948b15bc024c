//! The reference against the tables of the compiler, and every example against the language.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::json;
use weir_model::{
    flow::{Parser, language::BlankUnderObject},
    lookup::MemoryRows,
};

use super::{Entry, Example, Group, entries};
use crate::{
    Context, Dialect, Expression, Format, Kind, Output, Parsers, Scope, Value, World, convert, format,
    function, parser, template,
};

fn names(groups: &[Group]) -> BTreeSet<&'static str> {
    let named = entries().filter(|entry| groups.contains(&entry.group));
    named.flat_map(|entry| entry.aliases.iter().copied().chain([entry.name])).collect()
}

#[track_caller]
fn agree(groups: &[Group], table: impl IntoIterator<Item = &'static str>) {
    assert_eq!(names(groups), table.into_iter().collect(), "the reference and the table of {groups:?}");
}

#[test]
fn every_name_of_the_tables_has_an_entry_and_the_other_way_round() {
    let functions = [Group::Branch, Group::Aggregate, Group::Text, Group::Number, Group::Time];
    agree(&functions, function::names().into_iter().chain(["CASE"]));
    agree(&[Group::Filter], template::filters());
    agree(&[Group::Macro], template::macros().into_iter().chain(["DAYS_AGO_n"]));
    agree(&[Group::Parser], parser::NAMES);
    agree(&[Group::Format], format::names());
    agree(&[Group::Type], convert::kinds());
}

#[test]
fn entries_are_complete() {
    let mut seen = BTreeSet::new();
    for entry in entries() {
        assert!(seen.insert((entry.group, entry.name)), "{} stands there twice", entry.name);
        let texts = [entry.signature, entry.zh, entry.en];
        assert!(texts.iter().all(|text| !text.is_empty()) && !entry.examples.is_empty(), "{}", entry.name);
        assert!(!entry.en.ends_with('.') && !entry.zh.ends_with('。'), "{}: no full stop", entry.name);
    }
    let order: Vec<Group> = entries().map(|entry| entry.group).collect();
    assert!(order.is_sorted(), "the entries stand in the order of their groups");
    assert!(Group::ALL.is_sorted() && Group::ALL.iter().all(|group| order.contains(group)));
}

#[test]
fn every_example_gives_what_it_says() {
    let mut wrong = Vec::new();
    for entry in entries() {
        for example in entry.examples {
            let result = run(entry, example);
            if result != example.result {
                wrong.push(format!(
                    "{}: {} gives {result}, not {}",
                    entry.name, example.expression, example.result
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn run(entry: &Entry, example: &Example) -> String {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let value = || Value::from_json(example.record).unwrap();
    let said = match entry.group {
        Group::Type => {
            Kind::parse(example.expression).unwrap().convert(value(), &zone).map(|value| json_text(&value))
        }
        Group::Format => {
            let value = Format::compile(example.expression).unwrap().apply(value(), &zone);
            value.map(|value| value.into_text().into_owned())
        }
        Group::Parser => {
            let parsers = Parsers::compile(&parser_of(example.expression), BlankUnderObject::Drop).unwrap();
            let kind = if example.record.starts_with(['[', '{']) { Kind::List } else { Kind::Text };
            let kind = if example.record.starts_with('{') { Kind::Object } else { kind };
            kind.convert(value(), &zone).and_then(|value| parsers.run(value)).map(|value| {
                if value == Output::Null {
                    return "null".to_owned();
                }
                let mut body = Vec::new();
                parsers.write(&value, &mut body);
                String::from_utf8(body).unwrap()
            })
        }
        _ => return evaluate(example),
    };
    said.unwrap_or_else(|cause| cause.to_string())
}

fn json_text(value: &Output<'_>) -> String {
    let mut body = Vec::new();
    value.write(&mut body);
    String::from_utf8(body).unwrap()
}

fn parser_of(text: &str) -> Parser {
    let tree: serde_json::Value = serde_json::from_str(text).unwrap();
    let text = |key: &str| tree.get(key).and_then(|value| value.as_str()).map(ToOwned::to_owned);
    Parser {
        name: text("name").unwrap(),
        params: text("params"),
        params1: text("params1"),
        params2: text("params2"),
        view: text("view"),
        edit: text("edit"),
        field_id: text("fieldId"),
    }
}

/// The moment is 2024-03-14 16:00:00; one customer and one shop are known.
fn evaluate(example: &Example) -> String {
    let mut scope = Scope::new(Dialect::default());
    let expression = match Expression::compile(example.expression, &mut scope) {
        Ok(expression) => expression,
        Err(error) => return error.to_string(),
    };
    let mut rows = MemoryRows::new();
    rows.insert("customers", vec![json!({"company_id": 10_086_001, "serial_id": "C0017"})]);
    rows.insert("shops", vec![json!({"shop_no": "S01", "email": "a@example.com"})]);
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let now = "2024-03-14T08:00:00Z".parse().unwrap();
    let world = World { now, zone: &zone, lookups: &rows, probe: None };
    let mut cells = Vec::new();
    scope.finish()[0].read(example.record, &mut cells).unwrap();
    match expression.evaluate(&Context::new(&world, vec![cells])) {
        Ok(value) if value.is_null() => "null".to_owned(),
        Ok(value) => value.into_text().into_owned(),
        Err(error) => error.cause.to_string(),
    }
}
