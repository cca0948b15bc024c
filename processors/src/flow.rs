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
    deletion::{Removal, RemovalMark},
    derived::DerivedFields,
    filter::{Decision, Filter, RowMasks},
    flatten::Flatten,
    leaving, limits,
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
    removal_mark: RemovalMark,
    filter: Filter,
    /// Reads the record's head.
    head: Shape,
    flatten: Flatten,
    checks: Checks,
    /// Where the record becomes others before it is mapped.
    parts: Option<PartStage>,
    mapping: Mapping,
    /// What removed records become instead.
    removal: Removal,
    /// Whether records that are left out are mapped too, for the target to find what was written of them.
    locates_left: bool,
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
    let removal_mark = RemovalMark::compile(flow, &mut scope, &mut found);
    let filter = Filter::compile(source, &mut scope, &mut found);
    let mut checks = Checks::compile_rows(&flow.checks, &mut scope, &mut found);
    let mut flatten = Flatten::compile(&source.beat_flat, &mut scope);
    checks.compile_record(&flow.checks, &mut scope, &mut found);
    let (parts, (mapping, removal)) = match Reshape::compile(flow, &mut found) {
        None => (None, mappings(flow, &mut scope, &mut found)),
        Some(reshape) => {
            let mut scope = Scope::new(dialect);
            let lists = if reshape.is_grouping() { &[] } else { source.beat_flat.as_slice() };
            let mut flatten = Flatten::compile(lists, &mut scope);
            let mappings = mappings(flow, &mut scope, &mut found);
            let head = finish(scope, &mut flatten);
            (Some(PartStage { reshape, head, flatten }), mappings)
        }
    };
    let head = finish(scope, &mut flatten);
    limits::check(flow, &mut found);
    let locates_left = leaving::is_located(flow, &mut found);
    let broken = found.has_errors();
    problems.merge(found);
    let of_removed = removal.mapping().map(Mapping::lookups).unwrap_or_default();
    let lookups: BTreeSet<LookupIndex> =
        mapping.lookups().into_iter().chain(of_removed).chain(checks.lookups()).collect();
    (!broken).then(|| CompiledFlow {
        name: flow.name.clone(),
        zone,
        number,
        derived,
        removal_mark,
        filter,
        head,
        flatten,
        checks,
        parts,
        mapping,
        removal,
        locates_left,
        lookup_rules: LookupRules::of(flow),
        lookups: lookups.into_iter().collect(),
    })
}

/// The mapping of records, and of removed ones.
fn mappings(flow: &FlowSpec, scope: &mut Scope, problems: &mut Problems) -> (Mapping, Removal) {
    let mapping = Mapping::compile(flow, scope, problems);
    (mapping, Removal::compile(flow, scope, problems))
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

    /// What it makes of removed records.
    pub(crate) fn removal(&self) -> &Removal {
        &self.removal
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
        let lookups = RecordLookups::new(lookups, &self.lookup_rules);
        let world = World { now: input.appended_at, zone: &self.zone, lookups: &lookups, probe };
        let mut known = Known::default();
        let processed = match self.map(input, &world, &mut known, watch) {
            Ok(processed) => processed,
            Err(Stop::Refused(refusal)) => {
                Processed::One(Mapped::without_body(Verdict::Refused(refusal), known.number.clone()))
            }
            Err(Stop::Waits(missing)) => Processed::Waits(missing),
        };
        // What cannot be read is removed where its source says so.
        let processed = match input.record.deleted || known.removed {
            true => self.removal.ending(processed, &input.record.id, &known.number),
            false => processed,
        };
        (known.number, processed)
    }

    fn map(
        &self,
        input: &Input,
        world: &World<'_>,
        known: &mut Known,
        watch: Watch<'_>,
    ) -> Result<Processed, Stop> {
        let text = std::str::from_utf8(&input.record.payload)
            .map_err(|error| Refusal::new(codes::PAYLOAD, format!("the record is not UTF-8: {error}")))?;
        let text = &*self.derived.apply(text, &self.zone)?;
        let context = Context::new(world, vec![read_head(&self.head, text)?]);
        if let Some(Ok(value)) = self.number.as_ref().map(|number| number.value(&context)) {
            known.number = value.into_text().into_owned();
        }
        let by_source = input.record.deleted;
        let removed = self.removal_mark.is_on(by_source, &context);
        watch.tell(|trace| {
            let removed = matches!(removed, Ok(true));
            trace.deletion = self.removal_mark.explain(removed, by_source, &context);
        });
        known.removed = removed?;
        if known.removed {
            return self.map_removed(text, context, &known.number, watch);
        }
        let decision = self.filter.decide(&context);
        watch.tell(|trace| trace.filter = self.filter.explain(&context, &decision));
        let masks = match decision? {
            Decision::Keep(masks) => masks,
            Decision::Drop(rule) => {
                return Ok(Processed::One(self.left_out(rule, text, context, &known.number)));
            }
        };
        let mut context = Context { kept: Some(&masks), ..context };
        watch.tell(|trace| trace.rows = self.flatten.shown(text, &masks));
        let warnings = self.checks.run(&self.flatten, &mut context, &masks, watch)?;
        self.make(&self.mapping, text, context, &masks, &known.number, watch)?.finish(warnings)
    }

    /// A record that a rule leaves out. It has a body where the target is to find what was written of it: its rows, however
    /// the filter stands on them. Nothing waits for that, and what cannot be mapped has none.
    fn left_out(&self, rule: String, text: &str, context: Context<'_, '_>, number: &str) -> Mapped {
        let verdict = Verdict::Filtered(rule);
        let masks = RowMasks::default();
        let context = Context { kept: Some(&masks), ..context };
        let made = self.locates_left.then(|| {
            self.make(&self.mapping, text, context, &masks, number, Watch::NONE)?.finish(Vec::new())
        });
        match made {
            Some(Ok(Processed::One(mapped))) if mapped.verdict == Verdict::Mapped => {
                Mapped { verdict, ..mapped }
            }
            _ => Mapped::without_body(verdict, number.to_owned()),
        }
    }

    /// Maps a removed record. Neither filter nor checks may keep it from the document that was written: of the filter
    /// only the rows it removes count, so that parts keep their numbers.
    fn map_removed(
        &self,
        text: &str,
        context: Context<'_, '_>,
        number: &str,
        watch: Watch<'_>,
    ) -> Result<Processed, Stop> {
        if matches!(self.removal, Removal::Ignored) {
            // No document is made; [`Removal::ending`] says why.
            return Ok(Processed::Parts(Vec::new()));
        }
        let masks = match self.filter.decide(&context) {
            Ok(Decision::Keep(masks)) => masks,
            Ok(Decision::Drop(_)) | Err(_) => RowMasks::default(),
        };
        let context = Context { kept: Some(&masks), ..context };
        watch.tell(|trace| trace.rows = self.flatten.shown(text, &masks));
        let mapping = self.removal.mapping().unwrap_or(&self.mapping);
        self.make(mapping, text, context, &masks, number, watch)?.finish(Vec::new())
    }

    /// Makes the documents of a record by `mapping`.
    fn make<'m>(
        &'m self,
        mapping: &'m Mapping,
        text: &'m str,
        mut context: Context<'_, 'm>,
        masks: &RowMasks,
        number: &'m str,
        watch: Watch<'m>,
    ) -> Result<Making<'m>, Stop> {
        let mut making = Making::new(mapping, number, watch);
        match &self.parts {
            None => making.record(&self.flatten, &mut context, masks)?,
            Some(stage) => {
                let parts = stage.reshape.parts(text, masks)?;
                watch.tell(|trace| trace.rows = Part::shown(&parts));
                stage.map(&parts, &stage.reshape.masks(masks), context.world, &mut making)?;
            }
        }
        Ok(making)
    }
}

/// What is known of a record before it is mapped.
#[derive(Debug, Default)]
struct Known {
    /// Its number, for people.
    number: String,
    /// Whether it counts as removed at its source.
    removed: bool,
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
