//! What `weir test` tells: failures path by path, coverage flow by flow.

use std::fmt::Write as _;

use serde_json::{Value, json};
use weir_cases::{CaseResult, Coverage};

use super::Tested;
use crate::{
    commands::page::{Cell, Page, Tone, side_by_side},
    output,
};

/// Names of what is never reached, before the rest is only counted.
const MOST_SHOWN: usize = 20;

/// The report for people.
pub fn text(tested: &[Tested], coverage_min: Option<u8>, page: Page) -> String {
    let mut text = String::new();
    for flow in tested {
        for (file, results) in &flow.suites {
            suite(file, results, page, &mut text);
        }
        coverage(flow, coverage_min, page, &mut text);
    }
    let all = || tested.iter().flat_map(|tested| &tested.suites).flat_map(|(_, results)| results);
    let (cases, failed) = (all().count(), all().filter(|result| !result.passed()).count());
    let passed = cases - failed;
    let tone = if failed == 0 { Tone::Good } else { Tone::Bad };
    let summary = page.say(
        &format!("{cases} 个用例：{passed} 个通过，{failed} 个失败"),
        &format!("{}: {passed} passed, {failed} failed", english(cases)),
    );
    let _ = writeln!(text, "{}", page.paint(tone, &summary));
    text
}

fn english(cases: usize) -> String {
    format!("{cases} {}", if cases == 1 { "case" } else { "cases" })
}

fn suite(file: &str, results: &[CaseResult], page: Page, text: &mut String) {
    let failed: Vec<&CaseResult> = results.iter().filter(|result| !result.passed()).collect();
    let mark = if failed.is_empty() { page.paint(Tone::Good, "✓") } else { page.paint(Tone::Bad, "✗") };
    let count = page.say(&format!("{} 个用例", results.len()), &english(results.len()));
    let _ = writeln!(text, "{mark} {file}  {}", page.paint(Tone::Faint, &count));
    for result in failed {
        let name = page.paint(Tone::Bad, &format!("✗ {}", result.name));
        let _ = writeln!(text, "  {name}  {}", page.paint(Tone::Faint, &result.path));
        for difference in &result.differences {
            if !difference.path.is_empty() {
                let _ = writeln!(text, "      {}", page.paint(Tone::Strong, &difference.path));
            }
            let sides = [
                (Tone::Good, page.say("预期", "expected"), &difference.expected),
                (Tone::Bad, page.say("实际", "got"), &difference.got),
            ];
            for (tone, word, value) in sides {
                let value = output::pick(value, page.language);
                let cells =
                    [(Cell::plain(word), 8), (Cell::toned(tone, value), page.width.saturating_sub(18))];
                text.push_str(&side_by_side(page, 8, "  ", &cells));
            }
        }
    }
}

fn coverage(flow: &Tested, coverage_min: Option<u8>, page: Page, text: &mut String) {
    let coverage = &flow.coverage;
    let fields = coverage.fields();
    let reached = fields.iter().filter(|field| field.reached > 0).count();
    let branches = || fields.iter().flat_map(|field| &field.branches);
    let taken = branches().filter(|branch| branch.taken > 0).count();
    let checks = coverage.checks();
    let both = checks.iter().filter(|check| check.passed > 0 && check.failed > 0).count();
    let percent = coverage.percent();
    let (all_fields, all_branches, all_checks) = (fields.len(), branches().count(), checks.len());
    let line = page.say(
        &format!(
            "覆盖率 {percent}%：字段 {reached}/{all_fields}，分支 {taken}/{all_branches}，检查 {both}/{all_checks}"
        ),
        &format!(
            "coverage {percent} %: {reached} of {all_fields} fields, {taken} of {all_branches} branches, \
             {both} of {all_checks} checks"
        ),
    );
    let least = coverage_min.unwrap_or_default();
    let tone = match percent {
        percent if percent < least.into() => Tone::Bad,
        100 => Tone::Good,
        _ => Tone::Doubtful,
    };
    let _ = writeln!(text, "  {}", page.paint(tone, &format!("{}  {line}", flow.flow)));
    if percent < least.into() {
        let least = page.say(&format!("低于要求的 {least}%"), &format!("less than the {least} % asked for"));
        let _ = writeln!(text, "    {}", page.paint(Tone::Bad, &least));
    }
    never(coverage, page, text);
}

/// What no case reached.
fn never(coverage: &Coverage, page: Page, text: &mut String) {
    let mut missing = Vec::new();
    for field in coverage.fields() {
        if field.reached == 0 {
            missing.push(page.say(
                &format!("字段 {} 从未有值", field.path),
                &format!("field {} never has a value", field.path),
            ));
        }
        for branch in field.branches.iter().filter(|branch| branch.taken == 0) {
            let (path, name) = (&field.path, &branch.name);
            missing.push(page.say(
                &format!("分支 {name}（{path}）从未走到"),
                &format!("branch {name} of {path} is never taken"),
            ));
        }
    }
    for check in coverage.checks() {
        let name = &check.name;
        if check.passed == 0 {
            missing.push(page.say(&format!("检查 {name} 从未通过"), &format!("check {name} never holds")));
        }
        if check.failed == 0 {
            missing.push(page.say(&format!("检查 {name} 从未失败"), &format!("check {name} never fails")));
        }
    }
    for line in missing.iter().take(MOST_SHOWN) {
        let _ = writeln!(text, "    {}", page.paint(Tone::Faint, line));
    }
    if missing.len() > MOST_SHOWN {
        let rest = missing.len() - MOST_SHOWN;
        let _ =
            writeln!(text, "    {}", page.say(&format!("……还有 {rest} 项"), &format!("… and {rest} more")));
    }
}

/// The report for programs.
pub fn json(tested: &[Tested], enough_coverage: bool) -> Value {
    let all = || tested.iter().flat_map(|tested| &tested.suites).flat_map(|(_, results)| results);
    let failed = all().filter(|result| !result.passed()).count();
    json!({
        "ok": failed == 0 && enough_coverage,
        "cases": all().count(),
        "passed": all().count() - failed,
        "failed": failed,
        "flows": tested.iter().map(flow_json).collect::<Vec<_>>(),
    })
}

fn flow_json(tested: &Tested) -> Value {
    let (covered, all) = tested.coverage.counts();
    let field = |field: &weir_cases::FieldCoverage| {
        let branches: Vec<Value> =
            field.branches.iter().map(|branch| json!({"name": branch.name, "taken": branch.taken})).collect();
        json!({"path": field.path, "reached": field.reached, "branches": branches})
    };
    let check = |check: &weir_cases::CheckCoverage| json!({"name": check.name, "passed": check.passed, "failed": check.failed});
    let suites: Vec<Value> = tested
        .suites
        .iter()
        .map(|(file, results)| json!({"file": file, "cases": results.iter().map(case_json).collect::<Vec<_>>()}))
        .collect();
    json!({
        "flow": tested.flow,
        "file": tested.file.display().to_string(),
        "suites": suites,
        "coverage": {
            "percent": tested.coverage.percent(),
            "covered": covered,
            "all": all,
            "fields": tested.coverage.fields().iter().map(field).collect::<Vec<_>>(),
            "checks": tested.coverage.checks().iter().map(check).collect::<Vec<_>>(),
        },
    })
}

fn case_json(result: &CaseResult) -> Value {
    let differences: Vec<Value> = result
        .differences
        .iter()
        .map(|d| json!({"path": d.path, "expected": d.expected.en, "got": d.got.en}))
        .collect();
    json!({"name": result.name, "path": result.path, "passed": result.passed(), "differences": differences})
}
