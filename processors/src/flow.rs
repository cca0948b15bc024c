//! A flow compiled, and what it makes of a record.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use weir_expr::{Cells, Context, Dialect, Probe, Reference, Scope, Shape, World};
use weir_model::{
    document::Verdict,
    flow::FlowSpec,
    lookup::{LookupIndex, Lookups},
    names::FlowName,
    outcome::Refusal,
    processor::{Input, Mapped, Processed, Processor},
    settings::Problems,
};

use crate::{
    checks::Checks,
    codes,
    derived::DerivedFields,
    filter::{Decision, Filter, RowMasks},
    flatten::Flatten,
    limits,
    lookups::{LookupRules, RecordLookups},
    map::{Making, Mapping},
    reshape::{Part, Reshape},
    stop::Stop,
    trace::Watch,
};

/// A flow ready to map records: filter → flatten → check → map, nothing left to parse.
#[derive(Debug)]
pub struct CompiledFlow {
    name: FlowName,
    zone: TimeZone,
    number: Option<Reference>,
    derived: DerivedFields,
    filter: Filter,
    /// Reads the record's head.
    head: Shape,
    flatten: Flatten,
    checks: Checks,
    /// Where the record becomes others before it is mapped.
    parts: Option<PartStage>,
    mapping: Mapping,
    lookup_rules: LookupRules,
    /// What it looks up, each once.
    lookups: Vec<LookupIndex>,
}

/// The records that a record becomes, and how they are read.
#[derive(Debug)]
struct PartStage {
    reshape: Reshape,
    head: Shape,
    flatten: Flatten,
}

/// Compiles a flow for a connection whose local times are of `zone`. Every problem goes into `problems`; `None` when
/// one of them is an error.
pub fn compile(flow: &FlowSpec, zone: TimeZone, problems: &mut Problems) -> Option<CompiledFlow> {
    let mut found = problems.fork();
    let source = &flow.source.metadata;
    let dialect = Dialect { language: flow.language.clone(), aliases: flow.aliases.clone() };
    let mut scope = Scope::new(dialect.clone());
    let number = (!source.number.is_empty()).then(|| scope.resolve(&source.number));
    let derived = DerivedFields::compile(source, &mut found);
    let filter = Filter::compile(source, &mut scope, &mut found);
    let mut checks = Checks::compile_rows(&flow.checks, &mut scope, &mut found);
    let mut flatten = Flatten::compile(&source.beat_flat, &mut scope);
    checks.compile_record(&flow.checks, &mut scope, &mut found);
    let (parts, mapping) = match Reshape::compile(flow, &mut found) {
        None => (None, Mapping::compile(flow, &mut scope, &mut found)),
        Some(reshape) => {
            let mut scope = Scope::new(dialect);
            let lists = if reshape.is_grouping() { &[] } else { source.beat_flat.as_slice() };
            let mut flatten = Flatten::compile(lists, &mut scope);
            let mapping = Mapping::compile(flow, &mut scope, &mut found);
            let head = finish(scope, &mut flatten);
            (Some(PartStage { reshape, head, flatten }), mapping)
        }
    };
    let head = finish(scope, &mut flatten);
    limits::check(flow, &mut found);
    let broken = found.has_errors();
    problems.merge(found);
    let lookups: BTreeSet<LookupIndex> = mapping.lookups().into_iter().chain(checks.lookups()).collect();
    (!broken).then(|| CompiledFlow {
        name: flow.name.clone(),
        zone,
        number,
        derived,
        filter,
        head,
        flatten,
        checks,
        parts,
        mapping,
        lookup_rules: LookupRules::of(flow),
        lookups: lookups.into_iter().collect(),
    })
}

/// The shape of the head; the flattened lists get theirs.
fn finish(scope: Scope, flatten: &mut Flatten) -> Shape {
    let mut shapes = scope.finish().into_iter();
    let head = shapes.next().unwrap_or_default();
    flatten.finish(shapes);
    head
}

impl CompiledFlow {
    /// The request tree.
    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Maps one record and tells `probe` every branch of an expression that is taken.
    pub fn process_probed(&self, input: &Input, lookups: &dyn Lookups, probe: &dyn Probe) -> Processed {
        self.run(input, lookups, Some(probe), Watch::NONE).1
    }

    /// Maps one record with reference rows at hand; also gives its number.
    pub(crate) fn run(
        &self,
        input: &Input,
        lookups: &dyn Lookups,
        probe: Option<&dyn Probe>,
        watch: Watch<'_>,
    ) -> (String, Processed) {
        if input.record.deleted {
            // `on_delete: ignore` is the default and, so far, the only choice (contract decisions "All sources").
            let verdict = Verdict::Filtered("on_delete: ignore".to_owned());
            return (String::new(), Processed::One(Mapped::without_body(verdict, String::new())));
        }
        let lookups = RecordLookups::new(lookups, &self.lookup_rules);
        let world = World { now: input.appended_at, zone: &self.zone, lookups: &lookups, probe };
        let mut number = String::new();
        let processed = match self.map(input, &world, &mut number, watch) {
            Ok(processed) => processed,
            Err(Stop::Refused(refusal)) => {
                Processed::One(Mapped::without_body(Verdict::Refused(refusal), number.clone()))
            }
            Err(Stop::Waits(missing)) => Processed::Waits(missing),
        };
        (number, processed)
    }

    fn map(
        &self,
        input: &Input,
        world: &World<'_>,
        number: &mut String,
        watch: Watch<'_>,
    ) -> Result<Processed, Stop> {
        let text = std::str::from_utf8(&input.record.payload)
            .map_err(|error| Refusal::new(codes::PAYLOAD, format!("the record is not UTF-8: {error}")))?;
        let text = &*self.derived.apply(text, &self.zone)?;
        let context = Context::new(world, vec![read_head(&self.head, text)?]);
        if let Some(Ok(value)) = self.number.as_ref().map(|number| number.value(&context)) {
            *number = value.into_text().into_owned();
        }
        let decision = self.filter.decide(&context);
        watch.tell(|trace| trace.filter = self.filter.explain(&context, &decision));
        let masks = match decision? {
            Decision::Keep(masks) => masks,
            Decision::Drop(rule) => {
                let mapped = Mapped::without_body(Verdict::Filtered(rule), number.clone());
                return Ok(Processed::One(mapped));
            }
        };
        let mut context = Context { kept: Some(&masks), ..context };
        watch.tell(|trace| trace.rows = self.flatten.shown(text, &masks));
        let warnings = self.checks.run(&self.flatten, &mut context, &masks, watch)?;
        let mut making = Making::new(&self.mapping, number, watch);
        match &self.parts {
            None => making.record(&self.flatten, &mut context, &masks)?,
            Some(stage) => {
                let parts = stage.reshape.parts(text, &masks)?;
                watch.tell(|trace| trace.rows = Part::shown(&parts));
                stage.map(&parts, &stage.reshape.masks(&masks), world, &mut making)?;
            }
        }
        making.finish(warnings)
    }
}

impl PartStage {
    /// Maps the records that a record became.
    fn map<'m>(
        &'m self,
        parts: &[Part],
        masks: &RowMasks,
        world: &World<'_>,
        making: &mut Making<'m>,
    ) -> Result<(), Stop> {
        if self.reshape.is_numbered() {
            making.number_parts();
        }
        for part in parts {
            if !part.kept {
                making.removed();
                continue;
            }
            let frames = vec![read_head(&self.head, &part.text)?];
            let mut context = Context { kept: Some(masks), ..Context::new(world, frames) };
            making.record(&self.flatten, &mut context, masks)?;
        }
        Ok(())
    }
}

/// Reads the fields of a record's head.
fn read_head<'a>(shape: &Shape, text: &'a str) -> Result<Cells<'a>, Refusal> {
    let mut cells = Cells::new();
    shape.read(text, &mut cells).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Refusal::new(codes::PAYLOAD, format!("the record is {error}: {cause}"))
    })?;
    Ok(cells)
}

impl Processor for CompiledFlow {
    fn flow(&self) -> &FlowName {
        &self.name
    }

    fn lookups(&self) -> &[LookupIndex] {
        &self.lookups
    }

    fn process(&self, input: &Input, lookups: &dyn Lookups) -> Processed {
        self.run(input, lookups, None, Watch::NONE).1
    }
}
