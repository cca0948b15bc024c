//! Test files. Input: a `*.test.yaml`, run against the flow that the record target calls everything.
//!
//! Promises: every problem is told with its path and in both languages; a test that failed says where; the report for
//! CI systems holds no character that XML forbids.

use weir_cases::{Coverage, Runner, Suite, junit};
use weir_model::settings::{Localized, Problems};

use crate::{
    records,
    surroundings::{check_problem, check_text},
};

/// Tries one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut problems = Problems::new("x.test.yaml");
    let no_files =
        |name: &str| Err(Localized::new(format!("没有 {name:?}"), format!("there is no {name:?}")));
    let suite = Suite::parse(text, "x.test.yaml", &no_files, &mut problems);
    // What is no mapping has problems of the whole file.
    let whole_file = problems.list().iter().all(|problem| problem.path.is_empty());
    problems.list().iter().for_each(|problem| check_problem(problem, whole_file));
    assert_eq!(
        suite.is_none(),
        problems.has_errors(),
        "a file is read, or its problems say why not: {problems:?}"
    );
    let Some(suite) = suite else { return };
    let (spec, flow) = records::everything();
    let mut coverage = Coverage::new(flow, spec.checks.iter().map(|check| check.name.as_str()));
    let mut runner = Runner::new(spec, flow);
    let results: Vec<_> = suite.cases.iter().map(|case| runner.run(case, &mut coverage)).collect();
    for difference in results.iter().flat_map(|result| &result.differences) {
        check_text(&difference.expected);
        check_text(&difference.got);
        assert_ne!(difference.expected, difference.got, "a difference differs: {difference:?}");
    }
    let (covered, all) = coverage.counts();
    assert!(covered <= all && coverage.percent() <= 100, "no more is covered than there is");
    let group = junit::Group { file: &suite.file, flow: "everything", results: &results };
    let xml = junit::write(&[group]);
    let forbidden = |letter: char| matches!(letter, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{FFFE}' | '\u{FFFF}');
    assert!(!xml.contains(forbidden), "a report is XML: {xml}");
}
