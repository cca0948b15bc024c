//! Dates and times: reading what vendors send, in the zone of the connection.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{
    error::Cause,
    value::{Value, shorten},
};

/// Reads unix seconds (9 to 11 digits), milliseconds (12 or 13) or a date text as a local time of `zone` (contract
/// qeasy-metadata §3). Shorter and other numbers are refused: `20240518` is a date to some and a second of 1970 to
/// others.
pub fn read(value: &Value<'_>, zone: &TimeZone) -> Result<DateTime, Cause> {
    match value {
        Value::Time(time) => Ok(*time),
        Value::Text(text) => read_text(text, zone),
        Value::Written(text) => read_text(text, zone),
        Value::Number(number) => read_text(&number.trimmed().to_string(), zone),
        Value::Json(_) => Err(Cause::NotScalar),
        Value::Null | Value::Bool(_) => Err(Cause::NotTime(value.clone().into_text().into_owned())),
    }
}

fn read_text(text: &str, zone: &TimeZone) -> Result<DateTime, Cause> {
    let trimmed = text.trim();
    let time = if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        unix(trimmed, zone)
    } else {
        local(trimmed, zone)
    };
    time.ok_or_else(|| Cause::NotTime(shorten(text)))
}

fn unix(digits: &str, zone: &TimeZone) -> Option<DateTime> {
    let number: i64 = digits.parse().ok()?;
    let at = match digits.len() {
        9..=11 => Timestamp::from_second(number).ok()?,
        12..=13 => Timestamp::from_millisecond(number).ok()?,
        _ => return None,
    };
    Some(zone.to_datetime(at))
}

fn local(text: &str, zone: &TimeZone) -> Option<DateTime> {
    if text.len() < 8 || !text.is_ascii() {
        return None;
    }
    // A zone of its own: the instant counts, shown in ours.
    let has_offset = text.ends_with('Z') || text.get(10..).is_some_and(|time| time.contains(['+', '-']));
    if has_offset {
        return text.parse::<Timestamp>().ok().map(|at| zone.to_datetime(at));
    }
    let dashed;
    let text = if text.contains('/') {
        dashed = text.replace('/', "-");
        dashed.as_str()
    } else {
        text
    };
    match text.len() {
        ..=10 => text.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0)),
        _ => text.parse().ok(),
    }
}

/// The instant of a local time of `zone`; in a fold or gap of daylight saving the earlier offset.
pub fn instant(time: DateTime, zone: &TimeZone) -> Result<Timestamp, Cause> {
    let ambiguous = zone.to_ambiguous_timestamp(time);
    ambiguous.earlier().map_err(|_| Cause::NotTime(crate::value::time_text(&time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let read = read(&Value::text(text), &zone).map(|time| crate::value::time_text(&time));
        assert_eq!(read.unwrap_or_else(|cause| cause.to_string()), expect, "{text}");
    }

    #[test]
    fn seconds_milliseconds_and_texts() {
        check("1710403200", "2024-03-14 16:00:00");
        check("1710403200123", "2024-03-14 16:00:00.123");
        check("2024-05-18", "2024-05-18 00:00:00");
        check("2024/05/18 01:02:03", "2024-05-18 01:02:03");
        check("2024-05-18T01:02:03.5", "2024-05-18 01:02:03.5");
        check("2024-05-18T00:00:00Z", "2024-05-18 08:00:00");
        check("2024-05-18T00:00:00+00:00", "2024-05-18 08:00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let zone = TimeZone::UTC;
        for bad in
            ["", "20240518", "20240518120000", "0000-00-00 00:00:00", "2024-02-30", "昨天", "-1", "1e9"]
        {
            assert!(read(&Value::text(bad), &zone).is_err(), "{bad:?}");
        }
    }
}
