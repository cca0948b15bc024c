//! What the targets share: the parts of an input, one evaluation in a fixed world, and what every message owes its
//! reader.

use std::sync::LazyLock;

use jiff::{Timestamp, tz::TimeZone};
use weir_expr::{Cells, CompileError, Context, Dialect, EvalError, Expression, Scope, Value, World};
use weir_model::{
    lookup::Lookups,
    settings::{Localized, Problem},
    time::DEFAULT_ZONE,
};

/// Between the parts of an input, on a line of its own. Inputs stay readable that way, and libFuzzer learns to move it.
const BORDER: &str = "\n---\n";

/// The zone of every evaluation.
pub static ZONE: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC));

/// The first parts of an input; missing ones are empty. `None` when it is no text.
pub fn parts<const COUNT: usize>(input: &[u8]) -> Option<[&str; COUNT]> {
    let mut found = std::str::from_utf8(input).ok()?.split(BORDER);
    Some(std::array::from_fn(|_| found.next().unwrap_or_default()))
}

/// An expression compiled with what reads its record.
pub struct Compiled {
    expression: Expression,
    head: weir_expr::Shape,
}

/// Compiles an expression of the head.
pub fn compile(text: &str) -> Result<Compiled, CompileError> {
    let mut scope = Scope::new(Dialect::default());
    let expression = Expression::compile(text, &mut scope)?;
    assert_eq!(expression.text(), text, "an expression shows the text it was compiled from");
    let head = scope.finish().into_iter().next().unwrap_or_default();
    Ok(Compiled { expression, head })
}

impl Compiled {
    /// Evaluates it as text on a record; `None` when the record is no object, or the value is nothing.
    pub fn evaluate(&self, record: &str, lookups: &dyn Lookups) -> Option<Result<String, EvalError>> {
        let now = Timestamp::from_second(1_710_403_200).unwrap_or_default();
        let world = World { now, zone: &ZONE, lookups, probe: None };
        let mut cells = Cells::new();
        self.head.read(record, &mut cells).ok()?;
        let context = Context::new(&world, vec![cells]);
        match self.expression.evaluate(&context) {
            Ok(value) if value.is_null() => None,
            Ok(value) => {
                let is_number = matches!(value, Value::Number(_));
                let text = value.into_text().into_owned();
                assert!(
                    !is_number || is_plain(&text),
                    "a number is plain and without trailing zeros: {text}"
                );
                Some(Ok(text))
            }
            Err(error) => {
                assert_eq!(error.expression, self.expression.text(), "an error names its expression");
                assert!(!error.cause.to_string().is_empty(), "an error has a cause");
                Some(Err(error))
            }
        }
    }
}

/// Digits, with a point between them at most; of any length, for quotients may be longer than what is read.
fn is_plain(number: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.strip_prefix('-').unwrap_or(number);
    match number.split_once('.') {
        None => digits(number),
        Some((whole, places)) => digits(whole) && digits(places) && !places.ends_with('0'),
    }
}

/// A refused expression says why, in both languages, and what to write where it suggests something.
pub fn check_refusal(error: &CompileError) {
    check_text(&error.message);
    error.suggestion.iter().for_each(check_text);
}

/// A problem of a file says what is wrong in both languages, and where.
pub fn check_problem(problem: &Problem, may_concern_the_whole_file: bool) {
    check_text(&problem.message);
    problem.suggestion.iter().for_each(check_text);
    assert!(may_concern_the_whole_file || !problem.path.is_empty(), "a problem has a path: {problem}");
}

/// A message has both languages.
pub fn check_text(text: &Localized) {
    assert!(
        !text.zh.trim().is_empty() && !text.en.trim().is_empty(),
        "a message has both languages: {text:?}"
    );
}
