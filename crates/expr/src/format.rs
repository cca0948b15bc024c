//! `formatResponse` (contract qeasy-metadata §5): formats of derived fields. The vendor names them; what a name gives is
//! partly an assumption, and the language reference says where.

use std::borrow::Cow;

use jiff::{civil::DateTime, tz::TimeZone};

use crate::{
    error::{Cause, CompileError},
    moment,
    number::Number,
    shape::elements,
    value::Value,
};

/// Characters that `longText` keeps when it names none.
const LONG_TEXT: u32 = 15;
/// Decimals that `round` keeps when it names none.
const ROUND: u32 = 2;

/// A format, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A date or time, written this way (jiff's directives).
    Time(&'static str),
    /// At most so many characters.
    LongText(u32),
    /// Without decimals: cut, not rounded.
    Whole,
    /// Rounded half away from zero to so many decimals; trailing zeros are removed.
    Round(u32),
    /// Rounded to two decimals, both written.
    Amount,
    /// A list as text, with this between its elements.
    Implode(Box<str>),
}

/// The formats of times.
const TIMES: [(&str, &str); 7] = [
    ("date", "%Y-%m-%d"),
    ("time", "%H:%M:%S"),
    ("dateTime", "%Y-%m-%d %H:%M"),
    ("shortDate", "%m-%d"),
    ("shortTime", "%H:%M"),
    ("shortDateTime", "%m-%d %H:%M"),
    ("dateDescription", "%Y年%-m月%-d日"),
];
const OTHERS: [&str; 5] = ["longText", "intval", "round", "amount", "implode"];

impl Format {
    /// Reads `date`, `longText(20)`, `implode(;)` and the like; letter case does not count.
    ///
    /// # Errors
    /// An unknown name, or a number that is none.
    pub fn compile(text: &str) -> Result<Self, CompileError> {
        let text = text.trim();
        let (name, argument) = match text.split_once('(') {
            None => (text, None),
            Some((name, rest)) => match rest.strip_suffix(')') {
                Some(argument) => (name.trim(), Some(argument)),
                None => return Err(malformed(text)),
            },
        };
        let time = TIMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some((_, pattern)) = time {
            return if argument.is_none() { Ok(Self::Time(pattern)) } else { Err(malformed(text)) };
        }
        let count = |default: u32| match argument.map(str::trim) {
            None | Some("") => Ok(default),
            Some(digits) => digits.parse().map_err(|_| malformed(text)),
        };
        match (name.to_ascii_lowercase().as_str(), argument) {
            ("longtext", _) => count(LONG_TEXT).map(Self::LongText),
            ("round", _) => count(ROUND).map(Self::Round),
            ("intval", None) => Ok(Self::Whole),
            ("amount", None) => Ok(Self::Amount),
            ("implode", None | Some("")) => Ok(Self::Implode(",".into())),
            ("implode", Some(separator)) => Ok(Self::Implode(unquoted(separator).into())),
            ("intval" | "amount", Some(_)) => Err(malformed(text)),
            _ => Err(CompileError::unknown("格式", "format", name, &names())),
        }
    }

    /// Formats a value. Nothing and empty text stay what they are.
    ///
    /// # Errors
    /// The value is no time, number or list, as the format wants it.
    pub fn apply<'a>(&self, value: Value<'a>, zone: &TimeZone) -> Result<Value<'a>, Cause> {
        if value.is_blank() {
            return Ok(value);
        }
        match self {
            Self::Time(pattern) => {
                let time: DateTime = moment::read(&value, zone)?;
                Ok(Value::text(time.strftime(pattern).to_string()))
            }
            Self::LongText(most) => Ok(Value::Text(first_characters(value.into_text(), *most))),
            Self::Whole => Ok(Value::Number(value.to_number()?.truncate(0))),
            Self::Round(places) => Ok(Value::Number(value.to_number()?.round((*places).into()).trimmed())),
            Self::Amount => {
                // The sum with 0.00 has two decimals at least, the rounding two at most.
                let cents: Number =
                    value.to_number()?.round(2).add(&"0.00".parse().unwrap_or(Number::whole(0)));
                Ok(Value::text(cents.to_string()))
            }
            Self::Implode(separator) => match &value {
                Value::Json(json) => {
                    let elements = elements(json).ok_or(Cause::NotScalar)?;
                    let texts: Result<Vec<Cow<'_, str>>, Cause> = elements
                        .into_iter()
                        .map(|element| Ok(Value::from_json(element)?.into_text()))
                        .collect();
                    Ok(Value::text(texts?.join(separator)))
                }
                _ => Ok(value),
            },
        }
    }
}

/// The names of the formats, for messages and the language reference.
pub fn names() -> Vec<&'static str> {
    TIMES.iter().map(|(name, _)| *name).chain(OTHERS).collect()
}

fn malformed(text: &str) -> CompileError {
    CompileError::new(format!("格式 {text:?} 写法不对"), format!("the format {text:?} is malformed")).suggest(
        "例如 date、longText(15)、round(2)、implode(,)",
        "such as date, longText(15), round(2), implode(,)",
    )
}

fn unquoted(text: &str) -> &str {
    let quoted = |quote| text.strip_prefix(quote).and_then(|inner: &str| inner.strip_suffix(quote));
    quoted('\'').or_else(|| quoted('"')).unwrap_or(text)
}

fn first_characters(text: Cow<'_, str>, most: u32) -> Cow<'_, str> {
    let end = usize::try_from(most).ok().and_then(|most| text.char_indices().nth(most)).map(|(end, _)| end);
    match (end, text) {
        (None, text) => text,
        (Some(end), Cow::Borrowed(text)) => Cow::Borrowed(text.get(..end).unwrap_or(text)),
        (Some(end), Cow::Owned(mut text)) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(format: &str, json: &str) -> String {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let format = match Format::compile(format) {
            Ok(format) => format,
            Err(error) => return format!("refused: {error}"),
        };
        match format.apply(Value::from_json(json).unwrap(), &zone) {
            Ok(value) => value.into_text().into_owned(),
            Err(cause) => format!("failed: {cause}"),
        }
    }

    #[test]
    fn each_format() {
        let check =
            |format: &str, json: &str, expect: &str| assert_eq!(apply(format, json), expect, "{format}");
        check("date", "1710403201", "2024-03-14");
        check("time", "\"2024-03-14 16:00:01\"", "16:00:01");
        check("dateTime", "\"2024-03-14 16:05:01\"", "2024-03-14 16:05");
        check("shortDate", "1710403201", "03-14");
        check("shorttime", "1710403201", "16:00");
        check("shortDateTime", "1710403201", "03-14 16:00");
        check("dateDescription", "\"2024-03-04\"", "2024年3月4日");
        check("longText", "\"一二三四五六七八九十一二三四五六\"", "一二三四五六七八九十一二三四五");
        check("longText(2)", "\"a\\nb\"", "a\n");
        check("intval", "-12.9", "-12");
        check("round", "\"1.005\"", "1.01");
        check("round(0)", "2.5", "3");
        check("amount", "12", "12.00");
        check("amount", "\"1234567.891\"", "1234567.89");
        check("implode", "[\"a\",1,0.10]", "a,1,0.10");
        check("implode('、')", "[\"a\",\"b\"]", "a、b");
        check("implode(;)", "\"a\"", "a");
        check("date", "\"\"", "");
        check("amount", "null", "");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let starts = |format: &str, json: &str, expect: &str| {
            let said = apply(format, json);
            assert!(said.starts_with(expect), "{format}: {said}");
        };
        starts("datetimes", "1", "refused: unknown format \"datetimes\" (did you mean \"dateTime\"?)");
        starts("round(x)", "1", "refused: the format \"round(x)\" is malformed");
        starts("date(1)", "1", "refused");
        starts("amount", "\"暂无\"", "failed: \"暂无\" is not a number");
        starts("date", "\"soon\"", "failed: \"soon\" is not a date");
        starts("implode", "{}", "failed");
    }
}
