//! The functions by name: a line each. Those of [`SPECIAL`] are compiled to nodes of their own.

use md5::{Digest as _, Md5};

use super::{Surroundings, node::Comparison, number, read_time, text, time};
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

/// A function whose arguments may be nothing.
const fn lenient(name: &'static str, least: usize, most: usize, run: Run) -> Function {
    Function { name, arguments: (least, most), strict: false, run }
}

static FUNCTIONS: [Function; 75] = [
    strict("ABS", 1, 1, |a, _| number::map(a, Number::absolute)),
    strict("CEIL", 1, 1, |a, _| number::map(a, Number::ceiling)),
    strict("CEILING", 1, 1, |a, _| number::map(a, Number::ceiling)),
    strict("FLOOR", 1, 1, |a, _| number::map(a, Number::floor)),
    strict("FORMAT", 2, 2, |a, _| number::format(a)),
    strict("GREATEST", 2, MANY, |a, s| number::extreme(a, Comparison::Greater, s)),
    strict("LEAST", 2, MANY, |a, s| number::extreme(a, Comparison::Less, s)),
    strict("MOD", 2, 2, |a, _| number::remainder(a)),
    strict("POW", 2, 2, |a, _| number::power(a)),
    strict("POWER", 2, 2, |a, _| number::power(a)),
    strict("ROUND", 1, 2, |a, _| Ok(Value::Number(number_at(a, 0)?.round(whole_or(a, 1, 0)?)))),
    strict("SIGN", 1, 1, |a, _| number::sign(a)),
    strict("TRUNCATE", 2, 2, |a, _| Ok(Value::Number(number_at(a, 0)?.truncate(whole_or(a, 1, 0)?)))),
    strict("CHAR_LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).chars().count()))),
    strict("CHARACTER_LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).chars().count()))),
    strict("CONCAT", 1, MANY, |a, _| text::concat(a)),
    lenient("CONCAT_WS", 2, MANY, |a, _| text::concat_with(a)),
    lenient("ELT", 2, MANY, |a, _| text::element(a)),
    lenient("FIELD", 2, MANY, text::field),
    strict("FIND_IN_SET", 2, 2, text::find_in_set),
    strict("HEX", 1, 1, |a, _| text::hexadecimal(a)),
    strict("INSTR", 2, 2, |a, s| text::locate(&[a.get(1), a.first()], 1, s)),
    strict("LCASE", 1, 1, |a, _| Ok(Value::text(text::lower(&text_at(a, 0))))),
    strict("LEFT", 2, 2, |a, _| text::left(a)),
    strict("LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).len()))),
    strict("LOCATE", 2, 3, |a, s| text::locate(&[a.first(), a.get(1)], whole_or(a, 2, 1)?, s)),
    strict("LOWER", 1, 1, |a, _| Ok(Value::text(text::lower(&text_at(a, 0))))),
    strict("LPAD", 3, 3, |a, _| text::pad(a, true)),
    strict("LTRIM", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).trim_start_matches(' ')))),
    strict("MD5", 1, 1, |a, _| Ok(Value::text(hex::encode(Md5::digest(text_at(a, 0).as_bytes()))))),
    strict("MID", 3, 3, |a, _| text::substring(a)),
    strict("OCTET_LENGTH", 1, 1, |a, _| Ok(count(text_at(a, 0).len()))),
    strict("REPEAT", 2, 2, |a, _| text::repeat(&text_at(a, 0), whole_or(a, 1, 0)?)),
    strict("REPLACE", 3, 3, |a, _| text::replace(a)),
    strict("REVERSE", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).chars().rev().collect::<String>()))),
    strict("RIGHT", 2, 2, |a, _| text::right(a)),
    strict("RPAD", 3, 3, |a, _| text::pad(a, false)),
    strict("RTRIM", 1, 1, |a, _| Ok(Value::text(text_at(a, 0).trim_end_matches(' ')))),
    strict("SPACE", 1, 1, |a, _| text::repeat(" ", whole_or(a, 0, 0)?)),
    strict("STRCMP", 2, 2, text::compared),
    strict("SUBSTR", 2, 3, |a, _| text::substring(a)),
    strict("SUBSTRING", 2, 3, |a, _| text::substring(a)),
    strict("SUBSTRING_INDEX", 3, 3, |a, _| text::substring_index(a)),
    strict("UCASE", 1, 1, |a, _| Ok(Value::text(text::upper(&text_at(a, 0))))),
    strict("UPPER", 1, 1, |a, _| Ok(Value::text(text::upper(&text_at(a, 0))))),
    strict("CURDATE", 0, 0, |_, s| Ok(Value::text(s.world.local_now().date().to_string()))),
    strict("CURRENT_DATE", 0, 0, |_, s| Ok(Value::text(s.world.local_now().date().to_string()))),
    strict("CURRENT_TIME", 0, 0, |_, s| Ok(time::of_day(s.world.local_now()))),
    strict("CURRENT_TIMESTAMP", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("CURTIME", 0, 0, |_, s| Ok(time::of_day(s.world.local_now()))),
    strict("DATE", 1, 1, time::date),
    strict("DATEDIFF", 2, 2, time::days_between),
    strict("DATE_FORMAT", 2, 2, time::date_format),
    strict("DAY", 1, 1, |a, s| time::part(a, s, |t| t.day().into())),
    strict("DAYOFMONTH", 1, 1, |a, s| time::part(a, s, |t| t.day().into())),
    strict("DAYOFWEEK", 1, 1, |a, s| time::part(a, s, |t| t.weekday().to_sunday_one_offset().into())),
    strict("DAYOFYEAR", 1, 1, |a, s| time::part(a, s, |t| t.day_of_year().into())),
    strict("FROM_UNIXTIME", 1, 2, time::from_unixtime),
    strict("HOUR", 1, 1, |a, s| time::part(a, s, |t| t.hour().into())),
    strict("LAST_DAY", 1, 1, time::last_day),
    strict("LOCALTIME", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("LOCALTIMESTAMP", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("MICROSECOND", 1, 1, |a, s| time::part(a, s, |t| (t.subsec_nanosecond() / 1_000).into())),
    strict("MINUTE", 1, 1, |a, s| time::part(a, s, |t| t.minute().into())),
    strict("MONTH", 1, 1, |a, s| time::part(a, s, |t| t.month().into())),
    strict("NOW", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("QUARTER", 1, 1, |a, s| time::part(a, s, |t| ((t.month() + 2) / 3).into())),
    strict("SECOND", 1, 1, |a, s| time::part(a, s, |t| t.second().into())),
    strict("STR_TO_DATE", 2, 2, |a, _| read_time::str_to_date(&text_at(a, 0), &text_at(a, 1))),
    strict("SYSDATE", 0, 0, |_, s| Ok(Value::Time(s.world.local_now()))),
    strict("TIME", 1, 1, time::time),
    strict("UNIX_TIMESTAMP", 0, 1, time::unix_timestamp),
    strict("WEEKDAY", 1, 1, |a, s| time::part(a, s, |t| t.weekday().to_monday_zero_offset().into())),
    strict("WEEKOFYEAR", 1, 1, |a, s| time::part(a, s, |t| t.date().iso_week_date().week().into())),
    strict("YEAR", 1, 1, |a, s| time::part(a, s, |t| t.year().into())),
];

/// The functions that are compiled to nodes of their own, by the syntax of their arguments or because they don't
/// evaluate all of them.
pub const SPECIAL: [&str; 21] = [
    "ADDDATE",
    "AVG",
    "CAST",
    "COALESCE",
    "CONVERT",
    "COUNT",
    "DATE_ADD",
    "DATE_SUB",
    "EXTRACT",
    "IF",
    "IFNULL",
    "ISNULL",
    "MAX",
    "MIN",
    "NULLIF",
    "POSITION",
    "SUBDATE",
    "SUM",
    "TIMESTAMPADD",
    "TIMESTAMPDIFF",
    "TRIM",
];

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
