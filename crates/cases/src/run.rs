//! Runs the cases of a test file against a compiled flow and tells what differs.

use weir_model::{
    Json,
    document::Verdict,
    flow::{FlowSpec, TableSpec},
    lookup::{MemoryRows, Missing},
    outcome::Refusal,
    processor::{Input, Mapped, Processed},
    settings::{Fields, Localized, Problems},
};
use weir_processors::CompiledFlow;

use crate::{
    compare::{Difference, Keys, compare, compare_rows},
    coverage::Coverage,
    input::input,
    spec::{Case, Expectation, Expected, Row, Rows},
};

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Where it stands in its file.
    pub path: String,
    /// What is not as expected; nothing when it passed.
    pub differences: Vec<Difference>,
}

impl CaseResult {
    /// Whether everything is as expected.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A flow under test.
pub struct Runner<'f> {
    flow: &'f CompiledFlow,
    spec: &'f FlowSpec,
    /// The columns of its table, in a row's order; `None` for a target that takes documents.
    columns: Option<Vec<String>>,
    /// The rows of the case before, which is mostly the next one's too.
    memory: Option<(Rows, MemoryRows)>,
}

impl<'f> Runner<'f> {
    /// Runs cases of `flow`, which was compiled from `spec`.
    pub fn new(spec: &'f FlowSpec, flow: &'f CompiledFlow) -> Self {
        Self { flow, spec, columns: columns(spec), memory: None }
    }

    /// Runs one case; what it touched is counted in `coverage`.
    pub fn run(&mut self, case: &Case, coverage: &mut Coverage) -> CaseResult {
        let input = input(&self.spec.source.name, case.record.clone(), case.deleted, case.now);
        let processed = self.process(&input, &case.lookups, coverage);
        let mut differences = Vec::new();
        self.judge(&case.expect, &processed, &mut differences);
        CaseResult { name: case.name.clone(), path: case.path.clone(), differences }
    }

    fn process(&mut self, input: &Input, lookups: &Rows, coverage: &mut Coverage) -> Processed {
        let memory = match self.memory.take() {
            Some((rows, memory)) if rows.is(lookups) => memory,
            _ => lookups.memory(),
        };
        let processed = self.flow.process_probed(input, &memory, &*coverage);
        coverage.observe(&self.flow.explain(input, &memory));
        self.memory = Some((lookups.clone(), memory));
        processed
    }

    fn judge(&self, expect: &Expectation, processed: &Processed, differences: &mut Vec<Difference>) {
        let parts: &[Mapped] = match processed {
            Processed::One(mapped) => std::slice::from_ref(mapped),
            Processed::Parts(parts) => parts,
            Processed::Waits(missing) => return judge_waiting(expect, missing, differences),
        };
        match &expect.result {
            Expected::Filtered(rule) => judge_filtered(rule, parts, differences),
            Expected::Refused { code, field, contains } => {
                let wanted = [code.as_deref(), field.as_deref(), contains.as_deref()];
                judge_refused(wanted, parts, differences);
            }
            Expected::Waits { .. } => differences.push(verdict(&expect.result, parts)),
            Expected::Documents(documents) => self.judge_documents(documents, parts, differences),
            one => match parts {
                [mapped] if mapped.verdict == Verdict::Mapped => self.judge_one(one, mapped, differences),
                _ => return differences.push(verdict(one, parts)),
            },
        }
        judge_rest(expect, parts, differences);
    }

    fn judge_one(&self, expected: &Expected, mapped: &Mapped, differences: &mut Vec<Difference>) {
        let body = body(mapped);
        match (expected, &self.columns) {
            (Expected::Document(document), None) => compare("", document, &body, Keys::Exact, differences),
            (Expected::Contains(document), None) => compare("", document, &body, Keys::AtLeast, differences),
            (Expected::Rows(rows), Some(columns)) => {
                compare_rows(rows, &by_column(columns, &body), Keys::Exact, differences);
            }
            (Expected::RowsContain(rows), Some(columns)) => {
                compare_rows(rows, &by_column(columns, &body), Keys::AtLeast, differences);
            }
            (Expected::Delivered, _) => {}
            (_, Some(_)) => differences.push(wrong_form("rows", "数据行", "rows")),
            (_, None) => differences.push(wrong_form("document", "一个文档", "a document")),
        }
    }

    fn judge_documents(&self, documents: &[Json], parts: &[Mapped], differences: &mut Vec<Difference>) {
        for index in 0..documents.len().max(parts.len()) {
            let path = format!("documents[{index}]");
            match (documents.get(index), parts.get(index)) {
                (Some(document), Some(part)) if part.verdict == Verdict::Mapped => {
                    compare(&path, document, &body(part), Keys::Exact, differences);
                }
                (document, part) => differences.push(Difference {
                    path,
                    expected: document.map_or_else(nothing, |tree| same(tree.to_string())),
                    got: part.map_or_else(nothing, in_words),
                }),
            }
        }
    }
}

/// The columns of a flow whose target takes rows, in a row's order; `None` for one that takes documents.
pub fn columns(spec: &FlowSpec) -> Option<Vec<String>> {
    spec.target.settings.get("columns")?;
    // The flow was compiled: its table has no problem that was not told.
    let mut problems = Problems::default();
    let mut fields = Fields::of(&spec.target.settings, "", &mut problems);
    let table = TableSpec::read(&mut fields, &spec.target.key, &mut problems);
    Some(table.columns.into_iter().map(|column| column.name).collect())
}

/// The body as JSON; one that is none is shown as text.
fn body(mapped: &Mapped) -> Json {
    serde_json::from_slice(&mapped.body)
        .unwrap_or_else(|_| Json::String(String::from_utf8_lossy(&mapped.body).into_owned()))
}

/// The rows of a SQL document, `{"rows":[[…]]}`, by column.
pub fn by_column(columns: &[String], body: &Json) -> Vec<Row> {
    let rows = body.get("rows").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let row = |cells: &Json| {
        let cells = cells.as_array().cloned().unwrap_or_default();
        columns.iter().cloned().zip(cells).collect()
    };
    rows.iter().map(row).collect()
}

fn judge_waiting(expect: &Expectation, missing: &Missing, differences: &mut Vec<Difference>) {
    let Expected::Waits { collection, reference } = &expect.result else {
        let Missing { collection, reference, .. } = missing;
        let got = Localized::new(
            format!("等待 {collection} 的 {reference}"),
            format!("waits for {reference} of {collection}"),
        );
        return differences.push(Difference { path: String::new(), expected: wanted(&expect.result), got });
    };
    for (path, wanted, got) in
        [("collection", collection, &missing.collection), ("reference", reference, &missing.reference)]
    {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != got) {
            differences.push(Difference::of_texts(path, wanted, got));
        }
    }
}

fn judge_filtered(rule: &str, parts: &[Mapped], differences: &mut Vec<Difference>) {
    let rules: Vec<&String> = parts
        .iter()
        .filter_map(|part| match &part.verdict {
            Verdict::Filtered(rule) => Some(rule),
            _ => None,
        })
        .collect();
    match rules.first() {
        None => differences.push(verdict(&Expected::Filtered(rule.to_owned()), parts)),
        Some(_) if rules.iter().any(|got| got.contains(rule)) => {}
        Some(got) => differences.push(Difference::of_texts("filtered", rule, got)),
    }
}

/// One of the parts must be refused so; what differs is told of the first refusal.
fn judge_refused(wanted: [Option<&str>; 3], parts: &[Mapped], differences: &mut Vec<Difference>) {
    let refusals: Vec<&Refusal> = parts
        .iter()
        .filter_map(|part| match &part.verdict {
            Verdict::Refused(refusal) => Some(refusal),
            _ => None,
        })
        .collect();
    let Some(first) = refusals.first() else {
        let [code, field, contains] = wanted.map(|text| text.map(str::to_owned));
        return differences.push(verdict(&Expected::Refused { code, field, contains }, parts));
    };
    if !refusals.iter().any(|refusal| misfits(wanted, refusal).is_empty()) {
        differences.extend(misfits(wanted, first));
    }
}

fn misfits([code, field, contains]: [Option<&str>; 3], refusal: &Refusal) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(code) = code.filter(|code| *code != refusal.code.as_str()) {
        found.push(Difference::of_texts("refused.code", code, &refusal.to_string()));
    }
    let got = refusal.field.as_deref().unwrap_or_default();
    if let Some(field) = field.filter(|field| *field != got) {
        found.push(Difference::of_texts("refused.field", field, if got.is_empty() { "—" } else { got }));
    }
    if let Some(text) = contains.filter(|text| !refusal.message.contains(text)) {
        found.push(Difference::of_texts("refused.contains", text, &refusal.message));
    }
    found
}

/// Key, number and warnings.
fn judge_rest(expect: &Expectation, parts: &[Mapped], differences: &mut Vec<Difference>) {
    let keys = |of: &dyn Fn(&Mapped) -> String| parts.iter().map(of).collect::<Vec<_>>().join(", ");
    for (path, wanted, got) in [
        ("key", &expect.key, keys(&|part| part.key.clone())),
        ("number", &expect.number, keys(&|part| part.number.clone())),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| **wanted != got) {
            differences.push(Difference::of_texts(path, wanted, &got));
        }
    }
    if let Some(wanted) = &expect.warnings {
        let sorted = |mut names: Vec<&str>| {
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        let got = sorted(parts.iter().flat_map(|part| part.warnings.iter().map(String::as_str)).collect());
        let wanted = sorted(wanted.iter().map(String::as_str).collect());
        if got != wanted {
            let shown = |text: &str| if text.is_empty() { "—".to_owned() } else { text.to_owned() };
            differences.push(Difference::of_texts("warnings", &shown(&wanted), &shown(&got)));
        }
    }
}

/// The result as a whole is of another kind.
fn verdict(expected: &Expected, parts: &[Mapped]) -> Difference {
    let got = match parts {
        [part] => in_words(part),
        parts => Localized::new(format!("{} 个文档", parts.len()), format!("{} documents", parts.len())),
    };
    Difference { path: String::new(), expected: wanted(expected), got }
}

fn wrong_form(key: &str, zh: &str, en: &str) -> Difference {
    Difference {
        path: String::new(),
        expected: Localized::new(
            format!("按目标的形式写预期：{key}"),
            format!("an expectation in the target's form: {key}"),
        ),
        got: Localized::new(zh, en),
    }
}

fn wanted(expected: &Expected) -> Localized {
    let (zh, en) = match expected {
        Expected::Filtered(_) => ("被过滤", "filtered"),
        Expected::Refused { .. } => ("被拒绝", "refused"),
        Expected::Waits { .. } => ("等待", "waiting"),
        Expected::Rows(_) | Expected::RowsContain(_) => ("数据行", "rows"),
        Expected::Documents(_) => ("多个文档", "documents"),
        Expected::Delivered | Expected::Document(_) | Expected::Contains(_) => ("一个文档", "a document"),
    };
    Localized::new(zh, en)
}

fn in_words(mapped: &Mapped) -> Localized {
    match &mapped.verdict {
        Verdict::Mapped => same(String::from_utf8_lossy(&mapped.body).into_owned()),
        Verdict::Filtered(rule) => Localized::new(format!("被过滤（{rule}）"), format!("filtered ({rule})")),
        Verdict::Refused(refusal) => {
            Localized::new(format!("被拒绝：{refusal}"), format!("refused: {refusal}"))
        }
    }
}

fn nothing() -> Localized {
    Localized::new("没有", "nothing")
}

fn same(text: String) -> Localized {
    Localized { zh: text.clone(), en: text }
}
