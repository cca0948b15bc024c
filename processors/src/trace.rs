//! What an explanation hears of a mapping while it runs. The mapping is the same with and without it: a [`Watch`]
//! that nobody looks through costs one comparison per field.

use std::cell::RefCell;

use weir_expr::{Context, Output};
use weir_model::Json;

use crate::{
    explain::{CheckStep, DeletionStep, FieldStep, FilterStep, PartStep},
    map::Scalar,
    stop::Stop,
};

/// What was heard so far.
#[derive(Debug, Default)]
pub struct Trace {
    /// The deletion mark.
    pub deletion: DeletionStep,
    /// The filter.
    pub filter: FilterStep,
    /// The rows that checks and mapping see.
    pub rows: Vec<Json>,
    /// The checks.
    pub checks: Vec<CheckStep>,
    /// The documents.
    pub parts: Vec<PartStep>,
    /// The lists around the field that is being mapped: path as the flow has it, path with its element's index.
    elements: Vec<(String, String)>,
}

/// A look at a running mapping, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch<'t>(Option<&'t RefCell<Trace>>);

impl<'t> Watch<'t> {
    /// Nobody looks.
    pub const NONE: Self = Self(None);

    /// Everything goes into `trace`.
    pub fn new(trace: &'t RefCell<Trace>) -> Self {
        Self(Some(trace))
    }

    /// Tells something; the closure runs only when somebody looks.
    pub fn tell(self, tell: impl FnOnce(&mut Trace)) {
        if let Some(trace) = self.0 {
            tell(&mut trace.borrow_mut());
        }
    }

    /// A document begins.
    pub fn begin_part(self) {
        self.tell(|trace| {
            trace.parts.push(PartStep::default());
            trace.elements.clear();
        });
    }

    /// The document that began last is this one.
    pub fn end_part(self, body: &[u8]) {
        self.tell(|trace| {
            if let Some(part) = trace.parts.last_mut() {
                part.document = serde_json::from_slice(body).ok();
            }
        });
    }

    /// The fields that follow lie in the element `index` of the list at `path`.
    pub fn enter(self, path: &str, index: usize) {
        self.tell(|trace| {
            let shown = format!("{}[{index}]", trace.placed(path));
            trace.elements.push((path.to_owned(), shown));
        });
    }

    /// The element ends.
    pub fn leave(self) {
        self.tell(|trace| {
            trace.elements.pop();
        });
    }

    /// A field was mapped.
    pub fn field(
        self,
        path: &str,
        scalar: Option<&Scalar>,
        context: &Context<'_, '_>,
        result: Result<&Output<'_>, &Stop>,
    ) {
        self.tell(|trace| {
            let mut step = FieldStep { path: trace.placed(path), ..FieldStep::default() };
            if let Some(scalar) = scalar {
                step.expression = scalar.expression().map(|expression| expression.text().to_owned());
                step.inputs = scalar.inputs(context);
                step.parser = scalar.parser().map(ToOwned::to_owned);
            }
            match result {
                Ok(Output::Null) => {}
                Ok(value) => step.value = Some(written(value, scalar)),
                Err(stop) => step.problem = Some(stop.to_string()),
            }
            if let Some(part) = trace.parts.last_mut() {
                part.fields.push(step);
            }
        });
    }
}

/// The value with the objects that its parser puts around it.
fn written(value: &Output<'_>, scalar: Option<&Scalar>) -> String {
    let mut text = Vec::new();
    match scalar {
        Some(scalar) => scalar.parsers.write(value, &mut text),
        None => value.write(&mut text),
    }
    String::from_utf8_lossy(&text).into_owned()
}

impl Trace {
    /// `FEntity.FQty` inside of the second element of `FEntity` is `FEntity[1].FQty`.
    fn placed(&self, path: &str) -> String {
        match self.elements.last() {
            None => path.to_owned(),
            Some((list, shown)) => format!("{shown}{}", path.strip_prefix(list.as_str()).unwrap_or(path)),
        }
    }
}
