//! A flow compiled, and what it makes of a record.

use bytes::Bytes;
use jiff::tz::TimeZone;
use weir_expr::{Cells, Context, Dialect, Reference, Scope, Shape, World};
use weir_model::{
    document::Verdict,
    flow::{FlowSpec, Operation},
    lookup::{LookupIndex, Lookups},
    names::FlowName,
    outcome::Refusal,
    processor::{Input, Mapped, Processed, Processor},
    settings::{Localized, Problems, unknown_word},
};

use crate::{
    codes,
    filter::{Decision, Filter},
    flatten::Flatten,
    map::Mapping,
};

/// A flow ready to map records: filter → flatten → map, nothing left to parse.
#[derive(Debug)]
pub struct CompiledFlow {
    name: FlowName,
    zone: TimeZone,
    number: Option<Reference>,
    filter: Filter,
    flatten: Flatten,
    mapping: Mapping,
    head: Shape,
}

/// Compiles a flow for a connection whose local times are of `zone`. Every problem goes into `problems`; `None` when
/// one of them is an error.
pub fn compile(flow: &FlowSpec, zone: TimeZone, problems: &mut Problems) -> Option<CompiledFlow> {
    let mut found = problems.fork();
    let source = &flow.source.metadata;
    let dialect = Dialect { language: flow.language.clone(), aliases: flow.aliases.clone() };
    let mut scope = Scope::new(dialect);
    let number = (!source.number.is_empty()).then(|| scope.resolve(&source.number));
    let filter = Filter::compile(&source.condition, &mut scope, &mut found);
    if !source.condition_bk.is_empty() {
        let message = Localized::new(
            "condition_bk 按停用的备份处理，不起过滤作用",
            "condition_bk is taken for a parked copy and filters nothing",
        );
        found.warn(format!("{}.condition_bk", source.path), message);
    }
    check_operation(source.operation.as_ref(), &source.path, &[], &mut found);
    let known = ["none", "batchArraySave"];
    check_operation(flow.target.metadata.operation.as_ref(), &flow.target.metadata.path, &known, &mut found);
    let mut flatten = Flatten::compile(&source.beat_flat, &mut scope);
    let mapping = Mapping::compile(flow, &mut scope, &mut found);
    let mut shapes = scope.finish().into_iter();
    let head = shapes.next().unwrap_or_default();
    flatten.finish(shapes);
    let broken = found.has_errors();
    problems.merge(found);
    (!broken).then(|| CompiledFlow { name: flow.name.clone(), zone, number, filter, flatten, mapping, head })
}

fn check_operation(operation: Option<&Operation>, path: &str, known: &[&str], problems: &mut Problems) {
    // An empty method was reported when it was read.
    let unknown =
        |operation: &&Operation| !operation.method.is_empty() && !known.contains(&operation.method.as_str());
    let Some(operation) = operation.filter(unknown) else { return };
    let path = format!("{path}.operation.method");
    if matches!(operation.method.as_str(), "splitArray" | "merge") {
        let method = &operation.method;
        let message = Localized::new(
            format!("本版本尚不支持 operation {method:?}"),
            format!("operation {method:?} is not supported by this version"),
        );
        problems.error(path, message);
    } else {
        unknown_word(path, &operation.method, known, problems);
    }
}

impl CompiledFlow {
    /// Maps one record with reference rows at hand.
    fn map(&self, input: &Input, lookups: &dyn Lookups) -> Mapped {
        let world = World { now: input.appended_at, zone: &self.zone, lookups, probe: None };
        if input.record.deleted {
            // `on_delete: ignore` is the default and, so far, the only choice (contract decisions "All sources").
            return Mapped::without_body(Verdict::Filtered("on_delete: ignore".to_owned()), String::new());
        }
        let mut head = Cells::new();
        let text = match std::str::from_utf8(&input.record.payload) {
            Ok(text) => text,
            Err(error) => return refused(codes::PAYLOAD, &format!("the record is not UTF-8: {error}")),
        };
        if let Err(error) = self.head.read(text, &mut head) {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return refused(codes::PAYLOAD, &format!("the record is {error}: {cause}"));
        }
        let mut context = Context::new(&world, vec![head]);
        let number = self.number.as_ref().and_then(|number| number.value(&context).ok());
        let number = number.map(|number| number.into_text().into_owned()).unwrap_or_default();
        let masks = match self.filter.decide(&context) {
            Ok(Decision::Keep(masks)) => masks,
            Ok(Decision::Drop(rule)) => return Mapped::without_body(Verdict::Filtered(rule), number),
            Err(refusal) => return Mapped::without_body(Verdict::Refused(refusal), number),
        };
        context.kept = Some(&masks);
        match self.mapping.run(&self.flatten, &mut context, &masks) {
            Ok((key, body)) => {
                let number = if number.is_empty() { key.clone() } else { number };
                Mapped {
                    verdict: Verdict::Mapped,
                    key,
                    number,
                    body: Bytes::from(body),
                    warnings: Vec::new(),
                }
            }
            Err(refusal) => Mapped::without_body(Verdict::Refused(refusal), number),
        }
    }
}

fn refused(code: weir_model::outcome::Code, message: &str) -> Mapped {
    Mapped::without_body(Verdict::Refused(Refusal::new(code, message)), String::new())
}

impl Processor for CompiledFlow {
    fn flow(&self) -> &FlowName {
        &self.name
    }

    fn lookups(&self) -> &[LookupIndex] {
        &[]
    }

    fn process(&self, input: &Input, lookups: &dyn Lookups) -> Processed {
        Processed::One(self.map(input, lookups))
    }
}
