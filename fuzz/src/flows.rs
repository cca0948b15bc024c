//! Flow files, as a person may write them. Input: a flow file.
//!
//! Promises: every problem is told with its path and in both languages; a flow without errors compiles and maps; the
//! same text is read the same way every time.

use weir_model::{flow::FlowSpec, settings::Problems};
use weir_processors::CompiledFlow;

use crate::{
    records,
    surroundings::{ZONE, check_problem},
};

/// A record for flows that compile: the fields of the corpus, and some rows.
const RECORD: &str = r#"{"id":1,"no":"X'1","name":"甲","amount":-0.10,"time":1710403200,"rows":[{"sku":"a","qty":"3","price":1.50},{"sku":"b"}],"o":{"p":null}}"#;

/// Tries one input.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (is_mapping, flow, problems) = read(text);
    for problem in problems.list() {
        check_problem(problem, !is_mapping);
    }
    // A flow with errors is never run.
    if let Some(flow) = flow.filter(|_| !problems.has_errors()) {
        records::check(&flow, RECORD.as_bytes());
    }
    let (_, _, again) = read(text);
    assert_eq!(problems.list(), again.list(), "the same text has the same problems");
}

/// Whether the text is a mapping, what it compiles to, and every problem.
fn read(text: &str) -> (bool, Option<CompiledFlow>, Problems) {
    let mut problems = Problems::new("flow.yaml");
    let Some(spec) = FlowSpec::parse(text, &mut problems) else {
        assert!(problems.has_errors(), "a text that is no flow file has an error");
        return (false, None, problems);
    };
    let mut found = problems.fork();
    let compiled = weir_processors::compile(&spec, ZONE.clone(), &mut found);
    assert_eq!(
        compiled.is_none(),
        found.has_errors(),
        "a flow compiles, or its problems say why not: {found:?}"
    );
    problems.merge(found);
    (true, compiled, problems)
}
