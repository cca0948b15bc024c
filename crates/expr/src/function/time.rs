//! Date functions, in the zone of the connection.

use std::fmt::Write as _;

use jiff::{Span, Timestamp, civil::DateTime, tz::TimeZone};

use super::{
    Surroundings,
    table::{number_at, text_at},
};
use crate::{
    error::Cause,
    moment,
    number::Number,
    value::{Value, time_text},
};

type Arguments<'v, 'a> = &'v [Value<'a>];

/// The unit of an `INTERVAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `YEAR`
    Year,
    /// `MONTH`
    Month,
    /// `WEEK`
    Week,
    /// `DAY`
    Day,
    /// `HOUR`
    Hour,
    /// `MINUTE`
    Minute,
    /// `SECOND`
    Second,
}

impl Unit {
    /// The units by name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("YEAR", Self::Year),
        ("MONTH", Self::Month),
        ("WEEK", Self::Week),
        ("DAY", Self::Day),
        ("HOUR", Self::Hour),
        ("MINUTE", Self::Minute),
        ("SECOND", Self::Second),
    ];

    /// `time ± INTERVAL amount unit`. As in MySQL a date stays a date unless the unit is shorter than a day.
    pub fn shift<'a>(
        self,
        time: &Value<'_>,
        amount: &Value<'_>,
        back: bool,
        zone: &TimeZone,
    ) -> Result<Value<'a>, Cause> {
        if time.is_null() || amount.is_null() {
            return Ok(Value::Null);
        }
        let number = amount.to_number()?.round(0);
        let amount = number.as_i64().ok_or_else(|| Cause::NotWhole(number.to_string()))?;
        let amount = if back { -amount } else { amount };
        let span = match self {
            Self::Year => Span::new().try_years(amount),
            Self::Month => Span::new().try_months(amount),
            Self::Week => Span::new().try_weeks(amount),
            Self::Day => Span::new().try_days(amount),
            Self::Hour => Span::new().try_hours(amount),
            Self::Minute => Span::new().try_minutes(amount),
            Self::Second => Span::new().try_seconds(amount),
        };
        let is_day = matches!(time, Value::Text(text) if text.trim().len() <= 10)
            && matches!(self, Self::Year | Self::Month | Self::Week | Self::Day);
        let from = moment::read(time, zone)?;
        let outside =
            |problem: jiff::Error| Cause::Argument { function: "INTERVAL", problem: problem.to_string() };
        let to = span.and_then(|span| from.checked_add(span)).map_err(outside)?;
        Ok(Value::text(if is_day { to.date().to_string() } else { time_text(&to) }))
    }
}

fn time_at(arguments: Arguments<'_, '_>, around: &Surroundings<'_>) -> Result<DateTime, Cause> {
    moment::read(arguments.first().unwrap_or(&Value::Null), around.world.zone)
}

pub fn date<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    Ok(Value::text(time_at(arguments, around)?.date().to_string()))
}

pub fn last_day<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    Ok(Value::text(time_at(arguments, around)?.date().last_of_month().to_string()))
}

pub fn part<'a>(
    arguments: Arguments<'_, 'a>,
    around: &Surroundings<'_>,
    part: fn(DateTime) -> i128,
) -> Result<Value<'a>, Cause> {
    Ok(Value::Number(Number::whole(part(time_at(arguments, around)?))))
}

pub fn date_format<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    format_time(&time_at(arguments, around)?, &text_at(arguments, 1)).map(Value::text)
}

/// `FROM_UNIXTIME(seconds[, format])`: a fraction of a second is kept.
pub fn from_unixtime<'a>(
    arguments: Arguments<'_, 'a>,
    around: &Surroundings<'_>,
) -> Result<Value<'a>, Cause> {
    let seconds = number_at(arguments, 0)?;
    let micros = seconds.multiply(&Number::whole(1_000_000)).round(0).as_i64();
    let at = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let Some(at) = at else {
        let problem =
            format!("{seconds} seconds lie outside of the calendar; milliseconds must be divided by 1000");
        return Err(Cause::Argument { function: "FROM_UNIXTIME", problem });
    };
    let time = around.world.zone.to_datetime(at);
    match arguments.get(1) {
        None => Ok(Value::Time(time)),
        Some(_) => format_time(&time, &text_at(arguments, 1)).map(Value::text),
    }
}

pub fn unix_timestamp<'a>(
    arguments: Arguments<'_, 'a>,
    around: &Surroundings<'_>,
) -> Result<Value<'a>, Cause> {
    let at = match arguments.first() {
        None => around.world.now,
        Some(_) => moment::instant(time_at(arguments, around)?, around.world.zone)?,
    };
    Ok(Value::Number(Number::whole(i128::from(at.as_second()))))
}

/// MySQL's format letters (reference manual, `DATE_FORMAT`), as jiff's; an unknown letter stands for itself.
fn format_time(time: &DateTime, format: &str) -> Result<String, Cause> {
    let mut text = String::with_capacity(format.len() + 8);
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let directive = match letters.next() {
            Some('i') => "%M",
            Some('s' | 'S') => "%S",
            Some('M') => "%B",
            Some('W') => "%A",
            Some('h' | 'I') => "%I",
            Some('c') => "%-m",
            Some('e') => "%-d",
            Some('k') => "%-H",
            Some('l') => "%-I",
            Some('r') => "%I:%M:%S %p",
            Some('Y') => "%Y",
            Some('y') => "%y",
            Some('m') => "%m",
            Some('d') => "%d",
            Some('H') => "%H",
            Some('T') => "%H:%M:%S",
            Some('p') => "%p",
            Some('b') => "%b",
            Some('a') => "%a",
            Some('j') => "%j",
            Some('w') => "%w",
            Some('f') => "%6f",
            Some(letter @ ('D' | 'u' | 'U' | 'v' | 'V' | 'x' | 'X')) => {
                let problem = format!("the format letter %{letter} is not supported");
                return Err(Cause::Argument { function: "DATE_FORMAT", problem });
            }
            Some(other) => {
                text.push(other);
                continue;
            }
            None => "%%",
        };
        write!(text, "{}", time.strftime(directive)).unwrap_or_default();
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let time: DateTime = "2024-03-04T05:06:07.089".parse().unwrap();
        let check =
            |format: &str, expect: &str| assert_eq!(format_time(&time, format).unwrap(), expect, "{format}");
        check("%Y-%m-%d %H:%i:%s", "2024-03-04 05:06:07");
        check("%y%c%e %k %f 年%%%q", "2434 5 089000 年%q");
        check("%T %r %b %M %W", "05:06:07 05:06:07 AM Mar March Monday");
        assert!(format_time(&time, "%U").is_err());
    }
}
