//! A crontab of five fields: at which local times something is done.
//!
//! As cron has it: `*`, `5`, `1-5`, `*/15`, `0-30/10`, lists with commas, `mon` and `jan` by name, 0 and 7 for Sunday; where
//! both a day of the month and a weekday are named, either will do. Where the clocks are turned each time comes once: one
//! that does not exist as much later as the clocks were put forward, one that happens twice the first time.

use std::fmt;

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Time},
    tz::TimeZone,
};
use thiserror::Error;

/// The days that are looked at for a next or last time: from one 29 February to the next can be eight years.
const MOST_DAYS: u32 = 366 * 9;
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A crontab, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crontab {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether the days of the month and the weekdays are named, and not `*`.
    named: (bool, bool),
}

/// Why a text is no crontab.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CrontabError {
    /// It has not five fields.
    #[error("a crontab has five fields (minute hour day month weekday), this one has {0}")]
    Fields(usize),
    /// A field cannot be read.
    #[error("{text:?} is no {field}: it takes {low} to {high}, ranges, steps and lists of them")]
    Field {
        /// Which one.
        field: &'static str,
        /// What it says.
        text: String,
        /// The least number it takes.
        low: u8,
        /// The largest.
        high: u8,
    },
    /// No day is as it says, such as the 31st of February.
    #[error("there is no such day")]
    Never,
}

impl Crontab {
    /// Reads a crontab.
    ///
    /// # Errors
    /// When it has not five fields, one of them cannot be read, or no day is as it says.
    pub fn parse(text: &str) -> Result<Self, CrontabError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(CrontabError::Fields(fields.len()));
        };
        // Sunday is 0 and 7.
        let week = read("weekday", weekdays, 0, 7, &WEEKDAYS)?;
        let crontab = Self {
            text: text.to_owned(),
            minutes: read("minute", minutes, 0, 59, &[])?,
            hours: read("hour", hours, 0, 23, &[])?,
            days: read("day", days, 1, 31, &[])?,
            months: read("month", months, 1, 12, &MONTHS)?,
            weekdays: week | (week >> 7),
            named: (!days.starts_with('*'), !weekdays.starts_with('*')),
        };
        let any = Timestamp::UNIX_EPOCH;
        crontab.after(any, &TimeZone::UTC).map(|_| crontab).ok_or(CrontabError::Never)
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `at`.
    pub fn after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // A day may lie wholly before `at` in real time, and yet have the date of it: one day more is looked at.
        let first = zone.to_datetime(at).date().yesterday().ok()?;
        let mut dates = first.series(1.day()).take(MOST_DAYS as usize);
        dates.find_map(|date| self.times(date, zone).filter(|time| *time > at).min())
    }

    /// The last time that is not after `at`.
    pub fn until(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let last = zone.to_datetime(at).date().tomorrow().ok()?;
        let mut dates = last.series(-1.day()).take(MOST_DAYS as usize);
        dates.find_map(|date| self.times(date, zone).filter(|time| *time <= at).max())
    }

    /// Its times of one day, in no order where the clocks are turned.
    fn times<'a>(&'a self, date: Date, zone: &'a TimeZone) -> impl Iterator<Item = Timestamp> + 'a {
        let hours = (0..24).filter(move |hour| self.has_day(date) && has(self.hours, *hour));
        let minutes = move |hour: i8| {
            (0..60).filter(|minute| has(self.minutes, *minute)).map(move |minute| (hour, minute))
        };
        hours.flat_map(minutes).filter_map(move |(hour, minute)| {
            let local = date.to_datetime(Time::new(hour, minute, 0, 0).ok()?);
            zone.to_ambiguous_timestamp(local).compatible().ok()
        })
    }

    fn has_day(&self, date: Date) -> bool {
        let (day, weekday) =
            (has(self.days, date.day()), has(self.weekdays, date.weekday().to_sunday_zero_offset()));
        let is_one = if self.named == (true, true) { day || weekday } else { day && weekday };
        is_one && has(self.months, date.month())
    }
}

impl fmt::Display for Crontab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn has(set: u64, number: i8) -> bool {
    set >> number & 1 == 1
}

/// The numbers of a field, as a set of bits.
fn read(field: &'static str, text: &str, low: u8, high: u8, names: &[&str]) -> Result<u64, CrontabError> {
    let parts = text.split(',').map(|part| part_of(part, low, high, names));
    let set = parts.reduce(|left, right| Some(left? | right?)).flatten();
    set.ok_or_else(|| CrontabError::Field { field, text: text.to_owned(), low, high })
}

/// `*`, `5`, `1-5` and any of them with a step.
fn part_of(part: &str, low: u8, high: u8, names: &[&str]) -> Option<u64> {
    let number = |text: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some(index) => low + u8::try_from(index).ok()?,
            None => text.parse().ok()?,
        };
        (low..=high).contains(&number).then_some(number)
    };
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u8>().ok().filter(|step| *step > 0)?)),
        None => (part, None),
    };
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (low, high),
        Some((first, last)) => (number(first)?, number(last)?),
        None if step.is_some() => (number(range)?, high),
        None => (number(range)?, number(range)?),
    };
    let numbers = (first..=last).step_by(usize::from(step.unwrap_or(1)));
    (first <= last).then(|| numbers.fold(0, |set, number| set | 1 << number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::local_text;

    /// The next times after a local one.
    fn next(crontab: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let (crontab, zone) = (Crontab::parse(crontab).unwrap(), TimeZone::get(zone).unwrap());
        let mut at: Timestamp = from.parse().unwrap();
        let times = (0..count).map(|_| {
            let before = at;
            at = crontab.after(at, &zone).unwrap();
            assert_eq!(crontab.until(at, &zone), Some(at));
            let instant = at - std::time::Duration::from_secs(1);
            assert!(crontab.until(instant, &zone).is_none_or(|last| last <= before));
            local_text(at, &zone)
        });
        times.collect()
    }

    #[test]
    fn the_seeds_crontab_comes_every_day_in_the_zone_of_the_connection() {
        let times = next("55 3 * * *", "Asia/Shanghai", "2024-01-14T19:55:00Z", 2);
        assert_eq!(times, ["2024-01-16 03:55:00", "2024-01-17 03:55:00"]);
    }

    #[test]
    fn steps_ranges_lists_and_names_are_read() {
        let from = "2024-01-15T00:00:00Z";
        assert_eq!(
            next("*/20,5 8-9 * * *", "UTC", from, 5),
            [
                "2024-01-15 08:00:00",
                "2024-01-15 08:05:00",
                "2024-01-15 08:20:00",
                "2024-01-15 08:40:00",
                "2024-01-15 09:00:00"
            ]
        );
        assert_eq!(next("0 0 29 2 *", "UTC", from, 2), ["2024-02-29 00:00:00", "2028-02-29 00:00:00"]);
        assert_eq!(next("0 6 * Mar 7", "UTC", from, 1), ["2024-03-03 06:00:00"]);
        assert_eq!(next("0 6 1 * Wed", "UTC", from, 4)[2..], ["2024-01-31 06:00:00", "2024-02-01 06:00:00"]);
    }

    #[test]
    fn a_time_that_does_not_exist_and_one_that_happens_twice_come_once() {
        let gap = next("30 2 * * *", "America/New_York", "2024-03-09T12:00:00Z", 2);
        assert_eq!(gap, ["2024-03-10 03:30:00", "2024-03-11 02:30:00"]);
        let half_hours = next("30 2,3 * * *", "America/New_York", "2024-03-10T06:00:00Z", 2);
        assert_eq!(half_hours, ["2024-03-10 03:30:00", "2024-03-11 02:30:00"]);
        let fold = next("30 1 * * *", "America/New_York", "2024-11-02T12:00:00Z", 2);
        assert_eq!(fold, ["2024-11-03 01:30:00", "2024-11-04 01:30:00"]);
    }

    #[test]
    fn what_is_no_crontab_is_refused() {
        assert_eq!(Crontab::parse("55 3").unwrap_err(), CrontabError::Fields(2));
        for text in [
            "60 3 * * *",
            "a 3 * * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "0 0 0 * *",
            "0 0 * 13 *",
            "0 0 * * 8",
            ", * * * *",
        ] {
            assert!(matches!(Crontab::parse(text), Err(CrontabError::Field { .. })), "{text}");
        }
        assert_eq!(Crontab::parse("0 0 31 2 *").unwrap_err(), CrontabError::Never);
    }
}
