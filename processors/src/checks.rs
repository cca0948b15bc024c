//! `checks:` (design §6): data-quality rules over the record, its flat rows, or the rows of a list. A record that
//! fails one is refused, or goes on with a warning that is counted.
//!
//! Nothing is of every type, within all bounds and one of all values: that a field is there is a rule of its own,
//! `required`. An expression must hold: one that gives nothing does not.

use std::collections::HashSet;

use weir_expr::{Context, Expression, Kind, Number, Reference, Scope, Value, function};
use weir_model::{
    flow::{CheckSpec, Rule as Spec, Severity},
    lookup::LookupIndex,
    outcome::Refusal,
    settings::{Localized, Problems, unknown_word},
};

use crate::{
    codes,
    explain::CheckStep,
    filter::RowMasks,
    flatten::{Flatten, RowOrigin, kept_elements},
    map::{BoundList, report},
    stop::Stop,
    trace::Watch,
};

/// The types a check may ask for.
const TYPES: [(&str, Kind); 5] = [
    ("int", Kind::Whole),
    ("decimal", Kind::Decimal),
    ("date", Kind::Time),
    ("datetime", Kind::Time),
    ("bool", Kind::Bool),
];

/// The checks of a flow, in its order.
#[derive(Debug, Default)]
pub struct Checks {
    of_rows: Vec<Check>,
    of_record: Vec<Check>,
    /// Names in the flow's order, for explanations.
    order: Vec<String>,
}

#[derive(Debug)]
struct Check {
    name: String,
    severity: Severity,
    /// What people are told; empty leaves it to the rule.
    message: String,
    /// The list whose every row must fulfil it.
    rows: Option<BoundList>,
    rule: Rule,
}

#[derive(Debug)]
enum Rule {
    Holds(Expression),
    Present(Vec<Reference>),
    Typed { field: Reference, is: String, kind: Kind },
    Within { field: Reference, min: Option<Number>, max: Option<Number> },
    OneOf { field: Reference, values: Vec<String> },
    Unique(Vec<Reference>),
}

/// What a row fails with: the rule and the values seen.
type Failure = Option<String>;

impl Checks {
    /// Compiles the checks of lists' rows: before anything is flattened, for they read the lists themselves.
    pub fn compile_rows(specs: &[CheckSpec], scope: &mut Scope, problems: &mut Problems) -> Self {
        let mut checks =
            Self { order: specs.iter().map(|spec| spec.name.clone()).collect(), ..Self::default() };
        for spec in specs {
            let Some(list) = &spec.rows else { continue };
            let reference = scope.enter(list);
            let rule = Rule::compile(spec, scope, problems);
            let rows = BoundList { name: list.clone(), list: reference, shape: scope.leave() };
            checks.of_rows.extend(rule.map(|rule| Check::new(spec, Some(rows), rule)));
        }
        checks
    }

    /// Compiles the checks of the record: after flattening, so that they see flat rows.
    pub fn compile_record(&mut self, specs: &[CheckSpec], scope: &mut Scope, problems: &mut Problems) {
        for spec in specs.iter().filter(|spec| spec.rows.is_none()) {
            let rule = Rule::compile(spec, scope, problems);
            self.of_record.extend(rule.map(|rule| Check::new(spec, None, rule)));
        }
    }

    /// What the expressions look up.
    pub fn lookups(&self) -> impl Iterator<Item = LookupIndex> {
        self.of_rows.iter().chain(&self.of_record).flat_map(|check| match &check.rule {
            Rule::Holds(expression) => expression.lookups(),
            _ => Vec::new(),
        })
    }

    /// Checks a record; the answer names the checks of severity `warn` that it fails.
    pub fn run<'a>(
        &'a self,
        flatten: &'a Flatten,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
        watch: Watch<'_>,
    ) -> Result<Vec<String>, Stop> {
        let mut warnings = Vec::new();
        let mut failures: Vec<(&Check, Refusal)> = Vec::new();
        for check in &self.of_rows {
            let failed = check.rows_failing(context, masks)?;
            check.conclude(failed, watch, &mut warnings, &mut failures);
        }
        let of_record = self.record_failing(flatten, context, masks)?;
        for (check, failed) in self.of_record.iter().zip(of_record) {
            check.conclude(failed, watch, &mut warnings, &mut failures);
        }
        let place = |name: &String| self.order.iter().position(|known| known == name);
        watch.tell(|trace| trace.checks.sort_by_key(|step| place(&step.name)));
        // The flow's order decides which failure is told.
        failures.sort_by_key(|(check, _)| place(&check.name));
        warnings.sort_by_key(&place);
        match failures.into_iter().next() {
            Some((_, refusal)) => Err(refusal.into()),
            None => Ok(warnings),
        }
    }
}

impl Checks {
    /// For each check of the record its failure: of the record, or of its flat rows where the flow flattens.
    fn record_failing<'a>(
        &'a self,
        flatten: &'a Flatten,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
    ) -> Result<Vec<(Failure, Vec<usize>)>, Stop> {
        let mut failed = vec![(None, Vec::new()); self.of_record.len()];
        if failed.is_empty() {
            return Ok(failed);
        }
        let mut index = 0;
        flatten.rows(context, masks, &mut |origin, context| {
            if origin == RowOrigin::Removed {
                return Ok(());
            }
            for (check, (first, failing)) in self.of_record.iter().zip(&mut failed) {
                let Some(failure) = check.rule.fails(context, &check.name, &mut HashSet::new())? else {
                    continue;
                };
                first.get_or_insert(failure);
                if origin == RowOrigin::Kept {
                    failing.push(index);
                }
            }
            index += 1;
            Ok(())
        })?;
        Ok(failed)
    }
}

impl Check {
    fn new(spec: &CheckSpec, rows: Option<BoundList>, rule: Rule) -> Self {
        let texts = [spec.message.zh.as_str(), spec.message.en.as_str()];
        let texts: Vec<&str> = texts.into_iter().filter(|text| !text.is_empty()).collect();
        let message = texts.join(" / ");
        Self { name: spec.name.clone(), severity: spec.severity, message, rows, rule }
    }

    /// The rows of the list that fail, with the first one's failure.
    fn rows_failing<'a>(
        &'a self,
        context: &mut Context<'_, 'a>,
        masks: &RowMasks,
    ) -> Result<(Failure, Vec<usize>), Stop> {
        let Some(list) = &self.rows else { return Ok((None, Vec::new())) };
        let rows = kept_elements(&list.list, &list.name, context, masks)?.unwrap_or_default();
        let (mut first, mut failing, mut seen) = (None, Vec::new(), HashSet::new());
        list.each(rows, context, &mut |index, context| {
            if let Some(failure) = self.rule.fails(context, &self.name, &mut seen)? {
                first.get_or_insert_with(|| format!("{failure}, in row {} of {}", index + 1, list.name));
                failing.push(index);
            }
            Ok(())
        })?;
        Ok((first, failing))
    }

    fn conclude<'c>(
        &'c self,
        (failure, rows): (Failure, Vec<usize>),
        watch: Watch<'_>,
        warnings: &mut Vec<String>,
        failures: &mut Vec<(&'c Self, Refusal)>,
    ) {
        watch.tell(|trace| {
            trace.checks.push(CheckStep {
                name: self.name.clone(),
                severity: self.severity,
                passed: failure.is_none(),
                text: failure.clone().unwrap_or_else(|| self.rule.words()),
                rows,
            });
        });
        let Some(failure) = failure else { return };
        match self.severity {
            Severity::Warn => warnings.push(self.name.clone()),
            Severity::Reject => {
                let told =
                    if self.message.is_empty() { failure } else { format!("{}: {failure}", self.message) };
                let refusal = Refusal::new(codes::CHECK, format!("the check {:?} failed: {told}", self.name));
                failures.push((self, refusal.at(self.name.clone())));
            }
        }
    }
}

impl Rule {
    fn compile(spec: &CheckSpec, scope: &mut Scope, problems: &mut Problems) -> Option<Self> {
        let field = |name: &str, scope: &mut Scope| scope.resolve(&of_row(spec, name));
        Some(match &spec.rule {
            Spec::Expression(text) => {
                let text = match text.strip_prefix(function::KEYWORD) {
                    Some(_) => text.clone(),
                    None => format!("{}{text}", function::KEYWORD),
                };
                match Expression::compile(&text, scope) {
                    Ok(expression) => Self::Holds(expression),
                    Err(error) => {
                        report(&format!("{}.expression", spec.path), error, problems);
                        return None;
                    }
                }
            }
            Spec::Required(names) => Self::Present(names.iter().map(|name| field(name, scope)).collect()),
            Spec::Unique(names) => Self::Unique(names.iter().map(|name| field(name, scope)).collect()),
            Spec::Type { field: name, is } => {
                let Some((_, kind)) = TYPES.iter().find(|(known, _)| known == is) else {
                    unknown_word(
                        format!("{}.type.is", spec.path),
                        is,
                        &TYPES.map(|(name, _)| name),
                        problems,
                    );
                    return None;
                };
                Self::Typed { field: field(name, scope), is: is.clone(), kind: *kind }
            }
            Spec::Range { field: name, min, max } => Self::Within {
                field: field(name, scope),
                min: bound(spec, "min", min.as_deref(), problems)?,
                max: bound(spec, "max", max.as_deref(), problems)?,
            },
            Spec::OneOf { field: name, values } => {
                Self::OneOf { field: field(name, scope), values: values.clone() }
            }
        })
    }

    /// What fails on this record or row; `None` when the rule is fulfilled.
    fn fails<'a>(
        &'a self,
        context: &Context<'_, 'a>,
        name: &str,
        seen: &mut HashSet<Vec<String>>,
    ) -> Result<Failure, Stop> {
        let read = |field: &Reference| {
            let unreadable = |cause| {
                Refusal::new(
                    codes::CHECK,
                    format!("the check {name:?} cannot read {:?}: {cause}", field.path()),
                )
            };
            field.value(context).map_err(|cause| Stop::from(unreadable(cause).at(name)))
        };
        let with = |field: &Reference, value: &Value<'_>, problem: &str| {
            Some(format!("{} = {value} {problem}", field.path()))
        };
        Ok(match self {
            Self::Holds(expression) => holds(expression, context)?,
            Self::Present(fields) => {
                let mut missing = Vec::new();
                for field in fields {
                    if read(field)?.is_blank() {
                        missing.push(field.path());
                    }
                }
                (!missing.is_empty()).then(|| format!("no value for {}", missing.join(", ")))
            }
            Self::Typed { field, is, kind } => {
                let value = read(field)?;
                let fits = value.is_blank() || is_of(&value, is, *kind, context);
                if fits { None } else { with(field, &value, &format!("is no {is}")) }
            }
            Self::Within { field, min, max } => {
                let value = read(field)?;
                let problem = out_of_bounds(&value, min.as_ref(), max.as_ref());
                problem.and_then(|problem| with(field, &value, &problem))
            }
            Self::OneOf { field, values } => {
                let value = read(field)?;
                let text = value.clone().into_text();
                if value.is_blank() || values.iter().any(|known| *known == text) {
                    None
                } else {
                    with(field, &value, &format!("is none of {}", values.join(", ")))
                }
            }
            Self::Unique(fields) => {
                let mut values = Vec::with_capacity(fields.len());
                for field in fields {
                    values.push(read(field)?.into_text().into_owned());
                }
                let shown = values.join(", ");
                let repeated = values.iter().any(|value| !value.is_empty()) && !seen.insert(values);
                let paths: Vec<&str> = fields.iter().map(Reference::path).collect();
                repeated.then(|| format!("{} = {shown} is there twice", paths.join(", ")))
            }
        })
    }

    /// The rule for a person.
    fn words(&self) -> String {
        let paths = |fields: &[Reference]| fields.iter().map(Reference::path).collect::<Vec<_>>().join(", ");
        match self {
            Self::Holds(expression) => expression.text().to_owned(),
            Self::Present(fields) => format!("{} must have a value", paths(fields)),
            Self::Typed { field, is, .. } => format!("{} must be of type {is}", field.path()),
            Self::Within { field, min, max } => {
                let low = min.as_ref().map(|min| format!("at least {min}"));
                let high = max.as_ref().map(|max| format!("at most {max}"));
                let bounds: Vec<String> = [low, high].into_iter().flatten().collect();
                format!("{} must be {}", field.path(), bounds.join(" and "))
            }
            Self::OneOf { field, values } => format!("{} must be one of {}", field.path(), values.join(", ")),
            Self::Unique(fields) => format!("{} must not repeat", paths(fields)),
        }
    }
}

/// What is wrong with a number that must lie within bounds; nothing lies within any.
fn out_of_bounds(value: &Value<'_>, min: Option<&Number>, max: Option<&Number>) -> Option<String> {
    if value.is_blank() {
        return None;
    }
    let Ok(number) = value.to_number() else { return Some("is no number".to_owned()) };
    let low = min.is_none_or(|min| number.compare(min).is_ge());
    let high = max.is_none_or(|max| number.compare(max).is_le());
    if low && high {
        return None;
    }
    Some(match (min, max) {
        (Some(min), Some(max)) => format!("is not within {min} and {max}"),
        (Some(min), None) => format!("is below {min}"),
        (None, Some(max)) => format!("is above {max}"),
        (None, None) => return None,
    })
}

/// Why an expression does not hold. One that cannot be evaluated does not hold either; a row that it waits for has the
/// record wait.
fn holds(expression: &Expression, context: &Context<'_, '_>) -> Result<Failure, Stop> {
    let truth = match expression.evaluate(context) {
        Ok(Value::Null) => Ok(false),
        Ok(Value::Bool(flag)) => Ok(flag),
        Ok(value) => value
            .to_number()
            .map(|number| !number.is_zero())
            .map_err(|cause| expression.failed(cause, context)),
        Err(error) => Err(error),
    };
    match truth {
        Ok(true) => Ok(None),
        Ok(false) => {
            let inputs = expression.inputs(context);
            let inputs: Vec<String> =
                inputs.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            let body = expression.text().strip_prefix(function::KEYWORD).unwrap_or(expression.text());
            Ok(Some(format!("{body} does not hold with {}", inputs.join(", "))))
        }
        Err(error) => {
            let told = error.to_string();
            match Stop::of_evaluation(error, "") {
                Stop::Refused(_) => Ok(Some(told)),
                waits @ Stop::Waits(_) => Err(waits),
            }
        }
    }
}

/// Whether a value is of a type. A date has no time of day other than midnight.
fn is_of(value: &Value<'_>, is: &str, kind: Kind, context: &Context<'_, '_>) -> bool {
    if is == "date" {
        let time = weir_expr::moment::read(value, context.world.zone);
        return time.is_ok_and(|time| time.time() == jiff::civil::Time::midnight());
    }
    kind.convert(value.clone(), context.world.zone).is_ok()
}

/// The path of a field named in a check: of rows, the row's own.
fn of_row(spec: &CheckSpec, name: &str) -> String {
    match &spec.rows {
        Some(list) if !name.strip_prefix(list.as_str()).is_some_and(|rest| rest.starts_with('.')) => {
            format!("{list}.{name}")
        }
        _ => name.to_owned(),
    }
}

fn bound(spec: &CheckSpec, key: &str, text: Option<&str>, problems: &mut Problems) -> Option<Option<Number>> {
    let Some(text) = text else { return Some(None) };
    match text.trim().parse() {
        Ok(number) => Some(Some(number)),
        Err(_) => {
            let message = Localized::new(format!("{text:?} 不是数字"), format!("{text:?} is no number"));
            let suggestion = Localized::new("例如 \"0.10\"", "for example \"0.10\"");
            problems.error_with(format!("{}.range.{key}", spec.path), message, suggestion);
            None
        }
    }
}
