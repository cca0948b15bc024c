//! Date functions, in the zone of the connection.

use std::{cmp::Ordering, fmt::Write as _};

use jiff::{
    Span, Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

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

/// Microseconds of a second.
const MICROSECONDS: i128 = 1_000_000;

/// The unit of an `INTERVAL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `YEAR`
    Year,
    /// `QUARTER`
    Quarter,
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
    /// `MICROSECOND`
    Microsecond,
}

impl Unit {
    /// The units by name.
    pub const ALL: [(&'static str, Self); 9] = [
        ("YEAR", Self::Year),
        ("QUARTER", Self::Quarter),
        ("MONTH", Self::Month),
        ("WEEK", Self::Week),
        ("DAY", Self::Day),
        ("HOUR", Self::Hour),
        ("MINUTE", Self::Minute),
        ("SECOND", Self::Second),
        ("MICROSECOND", Self::Microsecond),
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
        // Seconds alone may have a fraction.
        let (unit, number) = match self {
            Self::Second => {
                (Self::Microsecond, amount.to_number()?.multiply(&Number::whole(MICROSECONDS)).round(0))
            }
            _ => (self, amount.to_number()?.round(0)),
        };
        let amount = number.as_i64().ok_or_else(|| Cause::NotWhole(number.to_string()))?;
        let amount = if back { amount.saturating_neg() } else { amount };
        let span = match unit {
            Self::Quarter => Span::new().try_months(amount.saturating_mul(3)),
            Self::Microsecond => Span::new().try_microseconds(amount),
            Self::Year => Span::new().try_years(amount),
            Self::Month => Span::new().try_months(amount),
            Self::Week => Span::new().try_weeks(amount),
            Self::Day => Span::new().try_days(amount),
            Self::Hour => Span::new().try_hours(amount),
            Self::Minute => Span::new().try_minutes(amount),
            Self::Second => Span::new().try_seconds(amount),
        };
        let is_day = matches!(time, Value::Text(text) if text.trim().len() <= 10)
            && matches!(self, Self::Year | Self::Quarter | Self::Month | Self::Week | Self::Day);
        let from = moment::read(time, zone)?;
        let outside =
            |problem: jiff::Error| Cause::Argument { function: "INTERVAL", problem: problem.to_string() };
        let to = span.and_then(|span| from.checked_add(span)).map_err(outside)?;
        Ok(Value::text(if is_day { to.date().to_string() } else { time_text(&to) }))
    }

    /// `TIMESTAMPDIFF`: how many whole units lie between two times; negative when they go back.
    pub fn between<'a>(self, from: &Value<'_>, to: &Value<'_>, zone: &TimeZone) -> Result<Value<'a>, Cause> {
        if from.is_null() || to.is_null() {
            return Ok(Value::Null);
        }
        let (from, to) = (moment::read(from, zone)?, moment::read(to, zone)?);
        let (first, last, sign) = if from <= to { (from, to, 1) } else { (to, from, -1) };
        let months = || {
            let of_day = |time: &DateTime| (time.day(), time.time());
            let month = |time: &DateTime| i128::from(time.year()) * 12 + i128::from(time.month());
            month(&last) - month(&first) - i128::from(of_day(&last) < of_day(&first))
        };
        let microseconds = last.duration_since(first).as_micros();
        let whole = match self {
            Self::Year => months() / 12,
            Self::Quarter => months() / 3,
            Self::Month => months(),
            Self::Week => microseconds / (MICROSECONDS * 604_800),
            Self::Day => microseconds / (MICROSECONDS * 86_400),
            Self::Hour => microseconds / (MICROSECONDS * 3_600),
            Self::Minute => microseconds / (MICROSECONDS * 60),
            Self::Second => microseconds / MICROSECONDS,
            Self::Microsecond => microseconds,
        };
        Ok(Value::Number(Number::whole(sign * whole)))
    }
}

fn time_at(arguments: Arguments<'_, '_>, around: &Surroundings<'_>) -> Result<DateTime, Cause> {
    moment::read(arguments.first().unwrap_or(&Value::Null), around.world.zone)
}

pub fn date<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    Ok(Value::text(time_at(arguments, around)?.date().to_string()))
}

/// `TIME(x)`: the time of day.
pub fn time<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    Ok(of_day(time_at(arguments, around)?))
}

/// The time of day as text, with the fraction when there is one.
pub fn of_day<'a>(time: DateTime) -> Value<'a> {
    Value::text(time_text(&time).split_off("YYYY-MM-DD ".len()))
}

/// `DATEDIFF(to, from)`: calendar days, whatever the time of day.
pub fn days_between<'a>(arguments: Arguments<'_, 'a>, around: &Surroundings<'_>) -> Result<Value<'a>, Cause> {
    let to = time_at(arguments, around)?.date();
    let from = time_at(arguments.get(1..).unwrap_or_default(), around)?.date();
    Ok(Value::Number(Number::whole((to.duration_since(from).as_hours() / 24).into())))
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

/// `UNIX_TIMESTAMP([time])`: with the fraction of a second that the time has.
pub fn unix_timestamp<'a>(
    arguments: Arguments<'_, 'a>,
    around: &Surroundings<'_>,
) -> Result<Value<'a>, Cause> {
    let seconds = match arguments.first() {
        None => Number::whole(around.world.now.as_second().into()),
        Some(_) => {
            let at = moment::instant(time_at(arguments, around)?, around.world.zone)?;
            let micros = Number::whole(at.as_microsecond().into());
            micros.divide(&Number::whole(MICROSECONDS), 6).unwrap_or(micros).trimmed()
        }
    };
    Ok(Value::Number(seconds))
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
            Some('U') => "%U",
            Some('v') => "%V",
            Some('x') => "%G",
            Some(letter @ ('D' | 'u' | 'V' | 'X')) => {
                text.push_str(&counted(time.date(), letter));
                continue;
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

/// The letters of `DATE_FORMAT` that jiff has no directive for: the day as an ordinal, and the weeks of MySQL's modes
/// 1 (`%u`) and 2 (`%V`, `%X`).
fn counted(day: Date, letter: char) -> String {
    match letter {
        'D' => {
            let ending = match (day.day() / 10, day.day() % 10) {
                (1, _) => "th",
                (_, 1) => "st",
                (_, 2) => "nd",
                (_, 3) => "rd",
                _ => "th",
            };
            format!("{}{ending}", day.day())
        }
        'u' => {
            let week = day.iso_week_date();
            match week.year().cmp(&day.year()) {
                Ordering::Less => "00".into(),
                Ordering::Equal => format!("{:02}", week.week()),
                Ordering::Greater => "53".into(),
            }
        }
        _ => {
            let sunday = day.saturating_sub(Span::new().days(day.weekday().to_sunday_zero_offset()));
            match letter {
                'V' => format!("{:02}", (sunday.day_of_year() - 1) / 7 + 1),
                _ => format!("{:04}", sunday.year()),
            }
        }
    }
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
        check("%D %U %u %V %v %X %x", "4th 09 10 09 10 2024 2024");
    }
}
