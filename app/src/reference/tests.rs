//! Every example of settings and checks against the compiler, and the page against the tables.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::json;
use weir_model::{
    Json,
    document::Verdict,
    flow::{FlowSpec, Language as Settings, RULES},
    lookup::MemoryRows,
    names::SourceName,
    processor::{Mapped, Processed, Processor as _},
    settings::Problems,
    time::parse_local,
};

use super::{
    examples::{CHECKS, FILTERED, NOTHING, REFUSED, SETTINGS},
    page,
};
use crate::cli::Language;

/// What a flow of one item makes of a record.
fn run(metadata: &str, rest: &str, item: &str, record: &str) -> Mapped {
    let text = format!(
        "version: 1\nflow: example\nsource: {{name: example, system: jushuitan, metadata: {{api: a, id: id, {metadata}}}}}\n{rest}\ntarget: {{system: kingdee-galaxy, key: [id], metadata: {{api: batchSave, request: [{{field: id, value: \"{{id}}\"}}, {item}]}}}}\n"
    );
    let mut problems = Problems::new("example.yaml");
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let spec = FlowSpec::parse(&text, &mut problems).unwrap();
    let flow = weir_processors::compile(&spec, zone.clone(), &mut problems);
    let flow = flow.unwrap_or_else(|| panic!("{text}\n{:#?}", problems.list()));
    let now = parse_local("2024-03-14 16:00:00", &zone).unwrap();
    let input = weir_cases::input(&SourceName::from("example"), record.as_bytes().to_vec(), false, now);
    let mut rows = MemoryRows::new();
    let shop = |email: &str| json!({"shop_no": "S01", "email": email});
    rows.insert("shops", vec![shop("a@example.com"), shop("b@example.com")]);
    match flow.process(&input, &rows) {
        Processed::One(mapped) => mapped,
        other => panic!("{other:?}"),
    }
}

/// What became of the field `x`.
fn x(mapped: &Mapped) -> String {
    match &mapped.verdict {
        Verdict::Mapped => {
            let body: Json = serde_json::from_slice(&mapped.body).unwrap();
            body.get("x").map_or_else(|| NOTHING.to_owned(), ToString::to_string)
        }
        Verdict::Refused { .. } => REFUSED.to_owned(),
        _ => FILTERED.to_owned(),
    }
}

#[test]
fn every_setting_has_an_example_that_gives_what_it_says() {
    let mut wrong = Vec::new();
    for setting in Settings::SETTINGS {
        let example = SETTINGS.iter().find(|example| example.key == setting.key).expect(setting.key);
        assert_eq!(example.results[0].0, setting.values[0], "{}: the default first", setting.key);
        let results: BTreeSet<&str> = example.results.iter().map(|(_, result)| *result).collect();
        assert_eq!(results.len(), example.results.len(), "{}: every value shows a difference", setting.key);
        for (value, result) in example.results {
            let language = format!("language: {{{}: \"{value}\"}}", example.key);
            let mapped = run(example.metadata, &language, example.item, example.record);
            if x(&mapped) != *result {
                wrong.push(format!(
                    "{} {value}: {} instead of {result} {:?}",
                    example.key,
                    x(&mapped),
                    mapped.verdict
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_has_an_example_that_does_what_it_says() {
    assert_eq!(CHECKS.map(|example| example.rule), RULES);
    for example in CHECKS {
        let checks = format!("checks: [{}]", example.check);
        let verdict = |record| run("", &checks, "{field: x, value: x}", record).verdict;
        assert_eq!(verdict(example.holds), Verdict::Mapped, "{}", example.check);
        let refused = verdict(example.fails);
        let Verdict::Refused { .. } = refused else { panic!("{}: {refused:?}", example.check) };
    }
}

#[test]
fn the_page_names_everything_in_both_languages() {
    let pages = [Language::En, Language::Zh].map(page);
    for page in &pages {
        for entry in weir_expr::reference::entries() {
            let name = entry.name.replace('|', "\\|");
            assert!(page.contains(&format!("`{name}`")), "{}", entry.name);
        }
        let keys = Settings::SETTINGS.iter().map(|setting| setting.key).chain(RULES);
        for name in keys.chain(["batchArraySave", "neqv2", "$addToSet", "M-TYPE"]) {
            assert!(page.contains(name), "{name}");
        }
        let links = page.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap());
        for link in links {
            assert!(page.contains(&format!("<a id=\"{link}\"></a>")), "nothing is at #{link}");
        }
    }
    let headings = |page: &str| page.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings(&pages[0]), headings(&pages[1]));
}
