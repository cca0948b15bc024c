//! The functions by name: a line each. `IF`, `IFNULL`, `COALESCE`, `NULLIF`, `DATE_ADD` and `DATE_SUB` evaluate
//! their arguments in their own way and are compiled to nodes of their own.

use super::{Surroundings, text, time};
use crate::{error::Cause, number::Number, value::Value};

/// A function of the expression language.
pub struct Function {
    /// Its name in capitals.
    pub name: &'static str,
    /// The smallest and largest number of arguments.
    pub arguments: (usize, usize),
    /// Whether an argument that is nothing makes the result nothing.
    strict: bool,
    run: Run,
}

type Arguments<'v, 'a> = &'v [Value<'a>];
type Run = for<'v, 'a> fn(Arguments<'v, 'a>, &Surroundings<'_>) -> Result<Value<'a>, Cause>;

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// Runs it; the number of arguments was checked at load.
    pub fn call<'a>(&self, arguments: &[Value<'a>], around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
        if self.strict && arguments.iter().any(Value::is_null) {
            return Ok(Value::Null);
        }
        (self.run)(arguments, around)
    }
}

const fn strict(name: &'static str, least: usize, most: usize, run: Run) -> Function {
    Function { name, arguments: (least, most), strict: true, run }
}

const MANY: usize = 64;

static FUNCTIONS: [Function; 38] = [
    strict("ABS", 1, 1, |a, _| number(a, |n| n.absolute())),
    strict("CEIL", 1, 1, |a, _| number(a, |n| n.ceiling())),
    strict("CEILING", 1, 1, |a, _| number(a, |n| n.ceiling())),
    strict("FLOOR", 1, 1, |a, _| number(a, |n| n.floor())),
    strict("ROUND", 1, 2, |a, _| Ok(Value::Number(number_at(a, 0)?.round(whole_or(a, 1, 0)?)))),
    strict("TRUNCATE", 2, 2, |a, _| Ok(Value::Number(number_at(a, 0)?.truncate(whole_or(a, 1, 0)?)))),
    strict("MOD", 2, 2, |a, _| {
        let rest = number_at(a, 0)?.remainder(&number_at(a, 1)?);
        rest.map(Value::Number).ok_or(Cause::DivisionByZero)
    }),
    strict("CONCAT", 1, MANY, |a, _| text::concat(a)),
    Function { name: "CONCAT_WS", arguments: (2, MANY), strict: false, run: |a, _| text::concat_with(a) },
    strict("LEFT", 2, 2, |a, _| text::left(a)),
    strict("RIGHT", 2, 2, |a, _| text::right(a)),
    strict("SUBSTRING", 2, 3, |a, _| text::substring(a)),
    strict("SUBSTR", 2, 3, |a, _| text::substring(a)),
    strict("MID", 3, 3, |a, _| text::substring(a)),
    strict("LOCATE", 2, 3, |a, _| text::locate(a)),
    strict("LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).len()))),
    strict("CHAR_LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).chars().count()))),
    strict("REPLACE", 3, 3, |a, _| text::replace(a)),
    strict("UPPER", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).to_uppercase()))),
    strict("LOWER", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).to_lowercase()))),
    strict("TRIM", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).trim_matches(' ')))),
    strict("LTRIM", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).trim_start_matches(' ')))),
    strict("RTRIM", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).trim_end_matches(' ')))),
    strict("LPAD", 3, 3, |a, _| text::pad(a, true)),
    strict("RPAD", 3, 3, |a, _| text::pad(a, false)),
    strict("NOW", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("CURRENT_TIMESTAMP", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("CURDATE", 0, 0, |_, s| Ok(Value::text(s.world.local_now().date().to_string()))),
    strict("CURRENT_DATE", 0, 0, |_, s| Ok(Value::text(s.world.local_now().date().to_string()))),
    strict("DATE", 1, 1, time::date),
    strict("DATE_FORMAT", 2, 2, time::date_format),
    strict("FROM_UNIXTIME", 1, 2, time::from_unixtime),
    strict("UNIX_TIMESTAMP", 0, 1, time::unix_timestamp),
    strict("LAST_DAY", 1, 1, time::last_day),
    strict("DAY", 1, 1, |a, s| time::part(a, s, |t| t.day().into())),
    strict("MONTH", 1, 1, |a, s| time::part(a, s, |t| t.month().into())),
    strict("YEAR", 1, 1, |a, s| time::part(a, s, |t| t.year().into())),
    strict("HOUR", 1, 1, |a, s| time::part(a, s, |t| t.hour().into())),
];

/// The functions that are compiled to nodes of their own.
const SPECIAL: [&str; 6] = ["COALESCE", "DATE_ADD", "DATE_SUB", "IF", "IFNULL", "NULLIF"];

/// The function of this name; letter case does not count.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name.eq_ignore_ascii_case(name))
}

/// Every function's name, for messages and the language reference.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).chain(SPECIAL).collect();
    names.sort_unstable();
    names
}

fn number<'a>(arguments: Arguments<'_, 'a>, run: impl Fn(&Number) -> Number) -> Result<Value<'a>, Cause> {
    Ok(Value::Number(run(&number_at(arguments, 0)?)))
}

/// An argument as a number.
pub fn number_at(arguments: Arguments<'_, '_>, index: usize) -> Result<Number, Cause> {
    arguments.get(index).unwrap_or(&Value::Null).to_number()
}

/// An argument as a whole number, rounded as MySQL does; `default` when it is not given.
pub fn whole_or(arguments: Arguments<'_, '_>, index: usize, default: i64) -> Result<i64, Cause> {
    let Some(value) = arguments.get(index) else { return Ok(default) };
    let number = value.to_number()?.round(0);
    number.as_i64().ok_or_else(|| Cause::NotWhole(number.to_string()))
}

/// An argument as text.
pub fn text_at<'a>(arguments: Arguments<'_, 'a>, index: usize) -> std::borrow::Cow<'a, str> {
    arguments.get(index).cloned().unwrap_or(Value::Null).into_text()
}

/// A count as a value.
pub fn count(count: usize) -> Value<'static> {
    Value::Number(Number::whole(i128::try_from(count).unwrap_or(i128::MAX)))
}
