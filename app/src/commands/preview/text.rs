//! A preview for people: step after step, and at the end the record and what became of it side by side.

use std::fmt::Write as _;

use weir_model::{
    document::Verdict,
    flow::Severity,
    processor::{Mapped, Processed},
    settings::Localized,
};
use weir_processors::explain::{ConditionStep, Explanation, FieldStep, FilterVerdict, PartStep};

use super::Taken;
use crate::{
    commands::page::{Cell, Page, Tone, side_by_side},
    output::{self, display_width},
};

/// Flattened rows that are shown before the rest is only counted.
const MOST_ROWS: usize = 10;
/// Where the fields of a document's first row stand.
const ONLY_ROW: &str = "rows[0].";
/// Lines of the record and of a document before they are cut.
const MOST_LINES: usize = 60;

/// Which of how many records, and where it came from.
pub struct Heading<'h> {
    /// From 1.
    pub number: usize,
    /// All of them.
    pub count: usize,
    /// In a few words.
    pub origin: &'h Localized,
}

/// One record through every step.
pub fn record(
    explanation: &Explanation,
    taken: &Taken,
    heading: &Heading<'_>,
    columns: Option<&[String]>,
    page: Page,
) -> String {
    let mut text = title(explanation, heading, page);
    let mut step = Steps { page, next: 1 };
    deletion(explanation, &mut step, &mut text);
    filter(explanation, &mut step, &mut text);
    rows(explanation, &mut step, &mut text);
    checks(explanation, &mut step, &mut text);
    for (index, part) in explanation.parts.iter().enumerate() {
        let suffix = if explanation.parts.len() > 1 { format!("-{}", index + 1) } else { String::new() };
        fields(part, &suffix, &mut step, &mut text);
    }
    sides(explanation, taken, columns, &mut step, &mut text);
    text.push('\n');
    text
}

/// Numbers the steps that there are.
struct Steps {
    page: Page,
    next: usize,
}

impl Steps {
    fn begin(&mut self, zh: &str, en: &str, more: &str, text: &mut String) {
        let name = format!("{} {}", self.next, self.page.say(zh, en));
        self.next += 1;
        let gap = if more.is_empty() { "" } else { "  " };
        let _ = writeln!(text, "\n{}{gap}{more}", self.page.paint(Tone::Strong, &name));
    }
}

fn title(explanation: &Explanation, heading: &Heading<'_>, page: Page) -> String {
    let Heading { number, count, origin } = heading;
    let place = if *count > 1 { format!("{number}/{count}  ") } else { String::new() };
    let known = if explanation.number.is_empty() { "—" } else { &explanation.number };
    let line = format!("━━ {place}{known}");
    let origin = page.paint(Tone::Faint, output::pick(origin, page.language));
    let mut text = format!("{}  {origin}\n", page.paint(Tone::Strong, &line));
    for (tone, result) in results(&explanation.processed, page) {
        let cells = [(Cell::toned(tone, result), page.width.saturating_sub(5))];
        text.push_str(&side_by_side(page, 3, "", &cells));
    }
    text
}

fn results(processed: &Processed, page: Page) -> Vec<(Tone, String)> {
    let of = |mapped: &Mapped| result(mapped, page);
    match processed {
        Processed::One(mapped) => vec![of(mapped)],
        Processed::Parts(parts) => parts.iter().map(of).collect(),
        Processed::Waits(missing) => vec![(
            Tone::Doubtful,
            page.say(
                &format!("→ 等待集合 {} 中的 {}", missing.collection, missing.reference),
                &format!("→ waits for {} of the collection {}", missing.reference, missing.collection),
            ),
        )],
    }
}

fn result(mapped: &Mapped, page: Page) -> (Tone, String) {
    match &mapped.verdict {
        Verdict::Mapped => {
            let key = &mapped.key;
            (
                Tone::Good,
                page.say(&format!("→ 交付，主键 {key}"), &format!("→ is delivered under the key {key}")),
            )
        }
        Verdict::Filtered(rule) => {
            (Tone::Doubtful, page.say(&format!("→ 被过滤：{rule}"), &format!("→ is filtered: {rule}")))
        }
        Verdict::Refused(refusal) => {
            (Tone::Bad, page.say(&format!("→ 被拒绝：{refusal}"), &format!("→ is refused: {refusal}")))
        }
    }
}

fn deletion(explanation: &Explanation, step: &mut Steps, text: &mut String) {
    let page = step.page;
    let deletion = &explanation.deletion;
    let (tone, verdict) = match (deletion.removed, deletion.by_source) {
        (false, _) if deletion.rule.is_empty() => return,
        (false, _) => (Tone::Good, page.say("未删除", "not removed")),
        (true, true) => (Tone::Doubtful, page.say("来源标明已删除", "removed, as the source says")),
        (true, false) => (Tone::Doubtful, page.say("按 deleted_when 视为已删除", "removed, by deleted_when")),
    };
    step.begin("删除", "Removal", &page.paint(tone, &verdict), text);
    conditions(&deletion.conditions, page, text);
}

fn filter(explanation: &Explanation, step: &mut Steps, text: &mut String) {
    let page = step.page;
    let filter = &explanation.filter;
    let (tone, verdict) = match filter.verdict {
        FilterVerdict::NotReached => return,
        FilterVerdict::Kept if filter.conditions.is_empty() => return,
        FilterVerdict::Kept => (Tone::Good, page.say("保留", "kept")),
        FilterVerdict::Dropped => (Tone::Doubtful, page.say("过滤掉", "left out")),
        FilterVerdict::Undecided => (Tone::Bad, page.say("无法判断", "cannot be decided")),
    };
    step.begin("过滤", "Filter", &page.paint(tone, &verdict), text);
    conditions(&filter.conditions, page, text);
}

fn conditions(conditions: &[ConditionStep], page: Page, text: &mut String) {
    let value_width = page.width / 3;
    for condition in conditions {
        let (tone, mark) = if condition.passed { (Tone::Good, "✓") } else { (Tone::Bad, "✗") };
        let removed = match condition.removed_rows {
            0 => String::new(),
            rows => page.say(&format!("（去掉 {rows} 行）"), &format!(" (rows removed: {rows})")),
        };
        let cells = [
            (Cell::toned(tone, mark), 1),
            (Cell::plain(&condition.text), page.width.saturating_sub(value_width + 8)),
            (Cell::plain(format!("{}{removed}", condition.value)), value_width),
        ];
        text.push_str(&side_by_side(page, 2, " ", &cells));
    }
}

fn rows(explanation: &Explanation, step: &mut Steps, text: &mut String) {
    let page = step.page;
    let rows = &explanation.rows;
    // One row is the record itself, which stands at the end.
    if rows.len() < 2 {
        return;
    }
    step.begin("拉平后的行", "Flat rows", &rows.len().to_string(), text);
    for (index, row) in rows.iter().take(MOST_ROWS).enumerate() {
        let cells = [
            (Cell::toned(Tone::Faint, index.to_string()), 3),
            (Cell::plain(row.to_string()), page.width.saturating_sub(8)),
        ];
        text.push_str(&side_by_side(page, 2, " ", &cells));
    }
    more(rows.len(), MOST_ROWS, page, text);
}

fn checks(explanation: &Explanation, step: &mut Steps, text: &mut String) {
    let page = step.page;
    if explanation.checks.is_empty() {
        return;
    }
    step.begin("检查", "Checks", "", text);
    let name_width = page.width / 4;
    for check in &explanation.checks {
        let (tone, mark) = match (check.passed, check.severity) {
            (true, _) => (Tone::Good, "✓"),
            (false, Severity::Warn) => (Tone::Doubtful, "!"),
            (false, Severity::Reject) => (Tone::Bad, "✗"),
        };
        let rows: Vec<String> = check.rows.iter().map(ToString::to_string).collect();
        let rows = match rows.is_empty() {
            true => String::new(),
            false => {
                page.say(&format!("（行 {}）", rows.join("、")), &format!(" (rows {})", rows.join(", ")))
            }
        };
        let cells = [
            (Cell::toned(tone, mark), 1),
            (Cell::plain(&check.name), name_width),
            (Cell::plain(format!("{}{rows}", check.text)), page.width.saturating_sub(name_width + 8)),
        ];
        text.push_str(&side_by_side(page, 2, " ", &cells));
    }
}

/// Field by field: where, by which expression and inputs, and what came out.
fn fields(part: &PartStep, suffix: &str, step: &mut Steps, text: &mut String) {
    let page = step.page;
    if part.fields.is_empty() {
        return;
    }
    step.begin("字段", "Fields", suffix, text);
    // Of a single row only the columns' names say something.
    let one_row = part.fields.iter().all(|field| field.path.starts_with(ONLY_ROW));
    let path = |field: &FieldStep| {
        let shown = field.path.strip_prefix(ONLY_ROW).filter(|_| one_row);
        shown.unwrap_or(&field.path).to_owned()
    };
    let longest = part.fields.iter().map(|field| display_width(&path(field))).max().unwrap_or_default();
    let path_width = longest.clamp(8, page.width / 3);
    let value_width = (page.width - path_width) * 2 / 5;
    let expression_width = page.width.saturating_sub(path_width + value_width + 10);
    for field in &part.fields {
        let (tone, mark, value) = value(field, page);
        let cells = [
            (Cell::toned(tone, mark), 1),
            (Cell::plain(path(field)), path_width),
            (Cell::toned(Tone::Faint, expression(field)), expression_width),
            (if tone == Tone::Good { Cell::plain(value) } else { Cell::toned(tone, value) }, value_width),
        ];
        text.push_str(&side_by_side(page, 2, "  ", &cells));
    }
}

fn value(field: &FieldStep, page: Page) -> (Tone, &'static str, String) {
    match (&field.problem, &field.value) {
        (Some(problem), _) => (Tone::Bad, "✗", problem.clone()),
        (None, Some(value)) => (Tone::Good, "✓", value.clone()),
        (None, None) => (Tone::Faint, "·", page.say("（无值）", "(no value)")),
    }
}

/// The expression, and below it what it reads.
fn expression(field: &FieldStep) -> String {
    let mut text = field.expression.clone().unwrap_or_else(|| "—".to_owned());
    let mut inputs = field.inputs.as_slice();
    // A macro that stands alone needs no second line.
    if let [(name, value)] = inputs
        && text.trim_matches(['{', '}']) == name
    {
        let _ = write!(text, " = {value}");
        inputs = &[];
    }
    if let Some(parser) = &field.parser {
        let _ = write!(text, "  | {parser}");
    }
    for (name, value) in inputs {
        let _ = write!(text, "\n  {name} = {value}");
    }
    text
}

/// The record to the left, its documents to the right.
fn sides(
    explanation: &Explanation,
    taken: &Taken,
    columns: Option<&[String]>,
    step: &mut Steps,
    text: &mut String,
) {
    let page = step.page;
    step.begin("记录与结果", "Record and result", "", text);
    let payload = &taken.input.record.payload;
    let left = serde_json::from_slice(payload)
        .map_or_else(|_| String::from_utf8_lossy(payload).into_owned(), |tree| pretty(&tree));
    let documents: Vec<String> =
        explanation.parts.iter().filter_map(|part| document(part, columns)).collect();
    let right = if documents.is_empty() { "—".to_owned() } else { documents.join("\n\n") };
    let width = page.width.saturating_sub(9) / 2;
    let heading = [
        (Cell::toned(Tone::Faint, page.say("记录", "record")), width),
        (Cell::toned(Tone::Faint, page.say("结果", "result")), width),
    ];
    text.push_str(&side_by_side(page, 2, " │ ", &heading));
    let cells = [(Cell::plain(cut(&left, page)), width), (Cell::plain(cut(&right, page)), width)];
    text.push_str(&side_by_side(page, 2, " │ ", &cells));
}

fn document(part: &PartStep, columns: Option<&[String]>) -> Option<String> {
    let document = part.document.as_ref()?;
    let Some(columns) = columns else { return Some(pretty(document)) };
    let rows = weir_cases::by_column(columns, document);
    let row = |row: weir_cases::Row| {
        row.iter().map(|(column, value)| format!("{column}: {value}")).collect::<Vec<_>>().join("\n")
    };
    Some(rows.into_iter().map(row).collect::<Vec<_>>().join("\n\n"))
}

fn pretty(tree: &serde_json::Value) -> String {
    format!("{tree:#}")
}

fn cut(text: &str, page: Page) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let Some(shown) = lines.get(..MOST_LINES) else { return text.to_owned() };
    let mut cut = shown.join("\n");
    cut.push('\n');
    more(lines.len(), MOST_LINES, page, &mut cut);
    cut
}

fn more(all: usize, shown: usize, page: Page, text: &mut String) {
    if let Some(rest) = all.checked_sub(shown).filter(|rest| *rest > 0) {
        let line = page
            .say(&format!("……还有 {rest} 行，--json 显示全部"), &format!("… {rest} more; --json shows all"));
        let _ = writeln!(text, "    {line}");
    }
}
