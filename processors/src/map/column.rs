//! Whether a value fits its column. Nothing is rounded, cut or guessed: what does not fit is refused with its value.

use std::borrow::Cow;

use jiff::{civil::DateTime, tz::TimeZone};
use weir_expr::{Number, Output, Value, moment, shorten};
use weir_model::flow::ColumnType;

/// Bytes that a MySQL `TEXT` holds.
const TEXT_BYTES: usize = 65_535;
/// MySQL's calendar.
const YEARS: std::ops::RangeInclusive<i16> = 1000..=9999;

/// The value in the form that the column takes: numbers as JSON numbers, times as `YYYY-MM-DD HH:MM:SS[.f]`.
///
/// Empty text in a column that is not text is NULL: amounts and dates of the vendors are empty text where there are
/// none (contract jushuitan §6).
pub fn fit<'a>(value: Output<'a>, kind: ColumnType, zone: &TimeZone) -> Result<Output<'a>, String> {
    let is_text = matches!(kind, ColumnType::Varchar(_) | ColumnType::Text);
    if value == Output::Null || (value.is_blank() && !is_text) {
        return Ok(Output::Null);
    }
    let text: Cow<'a, str> = match value {
        Output::Text(text) | Output::Number(text) => text,
        Output::Bool(flag) if is_text => Cow::Borrowed(if flag { "true" } else { "false" }),
        Output::Bool(flag) => Cow::Borrowed(if flag { "1" } else { "0" }),
        Output::Tree(tree) if is_text => Cow::Owned(tree.to_string()),
        Output::Tree(_) => return Err(format!("an object or list does not fit into {kind}")),
        Output::Null => return Ok(Output::Null),
    };
    let refuse = |problem: &str| Err(format!("{:?} does not fit into {kind}: {problem}", shorten(&text)));
    match kind {
        ColumnType::BigInt => whole(text, i64::MIN..=i64::MAX, kind),
        ColumnType::Int => whole(text, i32::MIN.into()..=i32::MAX.into(), kind),
        ColumnType::Decimal { precision, scale } => decimal(text, precision, scale, kind),
        ColumnType::Varchar(length) => {
            if text.len() > length as usize && text.chars().count() > length as usize {
                return refuse(&format!("it has {} characters", text.chars().count()));
            }
            Ok(Output::Text(text))
        }
        ColumnType::Text if text.len() > TEXT_BYTES => refuse(&format!("it has {} bytes", text.len())),
        ColumnType::Text => Ok(Output::Text(text)),
        ColumnType::DateTime { fraction } => match local(&text, zone) {
            Some(time) => time_of(time, fraction).map_or_else(|| refuse("it is more exact"), Ok),
            None => refuse("it is not a date or time"),
        },
        ColumnType::Date => match local(&text, zone) {
            Some(time) if time.time() == jiff::civil::Time::midnight() => {
                Ok(Output::Text(Cow::Owned(time.date().to_string())))
            }
            Some(_) => refuse("it has a time of day; {field|date} cuts it off"),
            None => refuse("it is not a date"),
        },
        ColumnType::Bool => match text.trim() {
            "1" | "true" | "TRUE" | "True" => Ok(Output::Bool(true)),
            "0" | "false" | "FALSE" | "False" => Ok(Output::Bool(false)),
            _ => refuse("it is neither true, false, 1 nor 0"),
        },
    }
}

fn whole<'a>(
    text: Cow<'a, str>,
    range: std::ops::RangeInclusive<i64>,
    kind: ColumnType,
) -> Result<Output<'a>, String> {
    let number = text.parse::<Number>().ok().and_then(|number| number.as_i64());
    match number.filter(|number| range.contains(number)) {
        Some(number) => {
            let plain = number.to_string();
            Ok(Output::Number(if plain == text { text } else { Cow::Owned(plain) }))
        }
        None => Err(format!("{:?} does not fit into {kind}", shorten(&text))),
    }
}

fn decimal(text: Cow<'_, str>, precision: u32, scale: u32, kind: ColumnType) -> Result<Output<'_>, String> {
    let Ok(number) = text.parse::<Number>() else {
        return Err(format!("{:?} does not fit into {kind}: it is not a number", shorten(&text)));
    };
    let number = if number.scale() > scale { number.trimmed() } else { number };
    let plain = number.to_string();
    let (before, _) = plain.split_once('.').unwrap_or((&plain, ""));
    let digits = before.trim_start_matches(['-', '0']).len();
    if number.scale() > scale || digits > (precision - scale) as usize {
        return Err(format!("{:?} does not fit into {kind}: it has more digits", shorten(&text)));
    }
    Ok(Output::Number(if plain == text { text } else { Cow::Owned(plain) }))
}

fn local(text: &str, zone: &TimeZone) -> Option<DateTime> {
    let time = moment::read(&Value::Text(Cow::Borrowed(text)), zone).ok()?;
    YEARS.contains(&time.year()).then_some(time)
}

/// The time with exactly `digits` of its fraction; `None` when it has more.
fn time_of<'a>(time: DateTime, digits: u8) -> Option<Output<'a>> {
    let seconds = time.strftime("%Y-%m-%d %H:%M:%S");
    let nanoseconds = format!("{:09}", time.subsec_nanosecond());
    let (kept, rest) = nanoseconds.split_at_checked(digits.into())?;
    let exact = rest.bytes().all(|digit| digit == b'0');
    let text = if digits == 0 { seconds.to_string() } else { format!("{seconds}.{kept}") };
    exact.then_some(Output::Text(Cow::Owned(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &'static str, kind: &str, expect: &str) {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let kind = ColumnType::parse(kind).unwrap();
        let said = match fit(Output::Text(text.into()), kind, &zone) {
            Ok(output) => {
                let mut body = Vec::new();
                output.write(&mut body);
                String::from_utf8(body).unwrap()
            }
            Err(problem) => problem,
        };
        assert_eq!(said, expect, "{text} as {kind}");
    }

    #[test]
    fn what_fits_is_kept_exactly() {
        check("9000001", "bigint", "9000001");
        check("9223372036854775807", "bigint", "9223372036854775807");
        check("12.0", "int", "12");
        check("10.00", "decimal(18,4)", "10.00");
        check("0.100000", "decimal(5,2)", "0.1");
        check("-999.99", "decimal(5,2)", "-999.99");
        check("1e2", "decimal(5,2)", "100");
        check("华东", "varchar(2)", "\"华东\"");
        check("", "varchar(2)", "\"\"");
        check("", "decimal(5,2)", "null");
        check("2024-01-14 10:00:00", "datetime", "\"2024-01-14 10:00:00\"");
        check("1710403200123", "datetime(3)", "\"2024-03-14 16:00:00.123\"");
        check("2024-01-14 10:00:00", "datetime(3)", "\"2024-01-14 10:00:00.000\"");
        check("2024-01-14", "date", "\"2024-01-14\"");
        check("true", "bool", "true");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_value() {
        check("9223372036854775808", "bigint", "\"9223372036854775808\" does not fit into bigint");
        check("2147483648", "int", "\"2147483648\" does not fit into int");
        check("1.5", "int", "\"1.5\" does not fit into int");
        check("暂无", "decimal(5,2)", "\"暂无\" does not fit into decimal(5,2): it is not a number");
        check("0.001", "decimal(5,2)", "\"0.001\" does not fit into decimal(5,2): it has more digits");
        check("1000", "decimal(5,2)", "\"1000\" does not fit into decimal(5,2): it has more digits");
        check("华东分", "varchar(2)", "\"华东分\" does not fit into varchar(2): it has 3 characters");
        check("1710403200123", "datetime", "\"1710403200123\" does not fit into datetime: it is more exact");
        check(
            "0000-00-00 00:00:00",
            "datetime",
            "\"0000-00-00 00:00:00\" does not fit into datetime: it is not a date or time",
        );
        check(
            "2024-01-14 10:00:00",
            "date",
            "\"2024-01-14 10:00:00\" does not fit into date: it has a time of day; {field|date} cuts it off",
        );
        check("yes", "bool", "\"yes\" does not fit into bool: it is neither true, false, 1 nor 0");
    }
}
