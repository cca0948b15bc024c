//! `weir test`: runs the cases of `*.test.yaml` files against their flows. No Kafka, no target, no network.

mod files;
mod report;

pub use files::attachment;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use weir_cases::{CaseResult, Coverage, Runner, Suite, junit};
use weir_model::{
    flow::FlowSpec,
    settings::{Localized, Problems},
};
use weir_processors::CompiledFlow;

use super::page::Page;
use crate::{
    cli::{Cli, Language, TestFlows},
    exit::Failure,
    output::{self, tell},
};

/// A flow and the results of its test files.
struct Tested {
    /// The flow's file, as found from its test file.
    file: PathBuf,
    /// The flow's name.
    flow: String,
    coverage: Coverage,
    /// Test files and what came of their cases.
    suites: Vec<(String, Vec<CaseResult>)>,
}

/// A flow to test, in one time zone.
struct Subject {
    file: PathBuf,
    spec: FlowSpec,
    compiled: CompiledFlow,
    suites: Vec<Suite>,
}

/// Runs the cases and tells what came of them.
pub fn run(options: &TestFlows, cli: &Cli) -> Result<(), Failure> {
    let page = Page::of_stdout(output::language(cli.lang));
    let subjects = load(&options.path, page.language, cli.json)?;
    let wanted = |name: &str| options.filter.as_ref().is_none_or(|text| name.contains(text.as_str()));
    let tested: Vec<Tested> = subjects.iter().map(|subject| test(subject, &wanted)).collect();
    let cases = || tested.iter().flat_map(|tested| &tested.suites).flat_map(|(_, results)| results);
    if cases().next().is_none() {
        let text = options.filter.as_deref().unwrap_or_default();
        return Err(Failure::invalid(
            page.say(&format!("没有名称包含 {text:?} 的用例"), &format!("no case has {text:?} in its name")),
        ));
    }
    if let Some(file) = &options.junit {
        write_junit(file, &tested)?;
    }
    let too_little: Vec<&Tested> = tested
        .iter()
        .filter(|tested| tested.coverage.percent() < options.coverage_min.unwrap_or_default().into())
        .collect();
    if cli.json {
        tell(&format!("{}\n", report::json(&tested, too_little.is_empty())));
    } else {
        tell(&report::text(&tested, options.coverage_min, page));
    }
    // What failed is told; the exit code says the rest.
    let failed = cases().any(|result| !result.passed());
    if failed || !too_little.is_empty() { Err(Failure::runtime("")) } else { Ok(()) }
}

/// Reads test files and their flows; every problem of all of them at once.
fn load(path: &Path, language: Language, json: bool) -> Result<Vec<Subject>, Failure> {
    let mut problems = Problems::default();
    let mut flows: BTreeMap<(PathBuf, String), (PathBuf, Vec<Suite>)> = BTreeMap::new();
    for file in files::test_files(path, &mut problems) {
        let mut own = Problems::new(file.display().to_string());
        let text = crate::files::read(&file, &mut own);
        problems.append(own);
        let read = |name: &str| files::attachment(&file, name);
        let Some(suite) =
            text.and_then(|text| Suite::parse(&text, &file.display().to_string(), &read, &mut problems))
        else {
            continue;
        };
        let flow = files::flow_of(&file, suite.flow.as_deref());
        let zone = suite.zone.iana_name().unwrap_or_default().to_owned();
        // One flow, whichever way its tests lead to it: they cover it together.
        let key = (std::fs::canonicalize(&flow).unwrap_or_else(|_| flow.clone()), zone);
        flows.entry(key).or_insert_with(|| (flow, Vec::new())).1.push(suite);
    }
    let mut subjects = Vec::new();
    for (file, suites) in flows.into_values() {
        subjects.extend(subject(file, suites, &mut problems));
    }
    if problems.has_errors() {
        return Err(refuse(&problems, language, json));
    }
    Ok(subjects)
}

fn subject(file: PathBuf, suites: Vec<Suite>, problems: &mut Problems) -> Option<Subject> {
    let mut own = Problems::new(file.display().to_string());
    let zone = suites.first()?.zone.clone();
    let text = crate::files::read(&file, &mut own);
    let spec = text.and_then(|text| FlowSpec::parse(&text, &mut own));
    let compiled = spec.as_ref().and_then(|spec| weir_processors::compile(spec, zone, &mut own));
    let broken = own.has_errors();
    if broken {
        // A test file that names a flow which is not there has to be found, too.
        for suite in &suites {
            let mut of_suite = Problems::new(suite.file.clone());
            let message = Localized::new("它的流程不能使用", "its flow cannot be used");
            let shown = file.display();
            let suggestion =
                Localized::new(format!("见 {shown} 的错误"), format!("see the errors of {shown}"));
            of_suite.error_with("flow", message, suggestion);
            problems.append(of_suite);
        }
        problems.append(own);
        return None;
    }
    Some(Subject { file, spec: spec?, compiled: compiled?, suites })
}

fn refuse(problems: &Problems, language: Language, json: bool) -> Failure {
    if json {
        let failure = Failure::invalid("the tests cannot be run");
        return failure.with_problems(output::problems_json(problems));
    }
    for problem in problems.list() {
        eprintln!("{}", output::problem_text(problem, language));
    }
    Failure::invalid(match language {
        Language::Zh => "测试无法运行，错误见上",
        Language::En => "the tests cannot be run, for the errors above",
    })
}

fn test(subject: &Subject, wanted: &dyn Fn(&str) -> bool) -> Tested {
    let Subject { file, spec, compiled, suites } = subject;
    let mut coverage = Coverage::new(compiled, spec.checks.iter().map(|check| check.name.as_str()));
    let mut runner = Runner::new(spec, compiled);
    let mut results = Vec::with_capacity(suites.len());
    for suite in suites {
        let cases = suite.cases.iter().filter(|case| wanted(&case.name));
        results.push((suite.file.clone(), cases.map(|case| runner.run(case, &mut coverage)).collect()));
    }
    Tested { file: file.clone(), flow: spec.name.to_string(), coverage, suites: results }
}

fn write_junit(file: &Path, tested: &[Tested]) -> Result<(), Failure> {
    let mut groups = Vec::new();
    for Tested { flow, suites, .. } in tested {
        groups.extend(suites.iter().map(|(file, results)| junit::Group { file, flow, results }));
    }
    std::fs::write(file, junit::write(&groups))
        .map_err(|error| Failure::environment(&format!("write {}", file.display()), &error))
}
