//! The parameters of a GET call: pages, windows and filters (contract xiaoman-okki §4).

use std::collections::BTreeMap;

use crate::clock;

use super::{Refusal, TimePrecision};

/// The largest page: none is documented, 500 is the largest that was used with success.
const LARGEST_PAGE: u64 = 500;
const DAY_SECONDS: i64 = 86_400;

/// The parameters of a call.
#[derive(Debug)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string.
    pub fn read(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// A parameter that is not blank.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::parameter(format!("{name} is required")))
    }

    /// A whole number, or what stands for its absence.
    pub fn whole(&self, name: &str, absent: u64) -> Result<u64, Refusal> {
        let Some(text) = self.get(name) else { return Ok(absent) };
        text.parse().map_err(|_| Refusal::parameter(format!("{name} must be an integer")))
    }

    /// Whether a parameter of 0 or 1 is 1.
    pub fn switch(&self, name: &str) -> Result<bool, Refusal> {
        match self.whole(name, 0)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Refusal::parameter(format!("{name} must be 0 or 1"))),
        }
    }
}

/// A page: `start_index` is its number, from 1.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    number: u64,
    size: u64,
}

impl Page {
    /// Reads `start_index` and `count`.
    pub fn read(query: &Query) -> Result<Self, Refusal> {
        let number = query.whole("start_index", 1)?;
        let size = query.whole("count", 10)?;
        if number == 0 {
            return Err(Refusal::parameter("start_index must be at least 1"));
        }
        if size == 0 || size > LARGEST_PAGE {
            return Err(Refusal::parameter(format!("count must be between 1 and {LARGEST_PAGE}")));
        }
        Ok(Self { number, size })
    }

    /// How many rows come before the page.
    pub fn skipped(self) -> usize {
        usize::try_from((self.number - 1).saturating_mul(self.size)).unwrap_or(usize::MAX)
    }

    /// How many rows the page has at most.
    pub fn rows(self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }
}

/// A range of time, closed at both ends; an end that is not given is open.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    from: i64,
    until: i64,
}

impl Window {
    /// Reads `start_time` and `end_time` as dates or times. With [`TimePrecision::Date`] only the date counts.
    pub fn read(query: &Query, precision: TimePrecision) -> Result<Self, Refusal> {
        let end = |name: &str| query.get(name).map(|text| Moment::read(name, text)).transpose();
        let whole_days = precision == TimePrecision::Date;
        let from = end("start_time")?.map_or(i64::MIN, |moment| moment.first(whole_days));
        let until = end("end_time")?.map_or(i64::MAX, |moment| moment.last(whole_days));
        if from > until {
            return Err(Refusal::parameter("start_time must not be later than end_time"));
        }
        Ok(Self { from, until })
    }

    /// Whether a time lies in the window.
    pub fn holds(self, time: i64) -> bool {
        (self.from..=self.until).contains(&time)
    }
}

/// An end of a window: the midnight its day begins with, and the second it names, if it names one.
struct Moment {
    midnight: i64,
    second: Option<i64>,
}

impl Moment {
    fn read(name: &str, text: &str) -> Result<Self, Refusal> {
        let midnight_of = |day: &str| clock::from_text(&format!("{day} 00:00:00"));
        let read = match text.split_once(' ') {
            None => midnight_of(text).map(|midnight| Self { midnight, second: None }),
            Some((day, _)) => midnight_of(day).and_then(|midnight| {
                clock::from_text(text).map(|second| Self { midnight, second: Some(second) })
            }),
        };
        let words = || format!("{name} must be YYYY-MM-DD or YYYY-MM-DD HH:MM:SS");
        read.ok_or_else(|| Refusal::parameter(words()))
    }

    fn first(&self, whole_days: bool) -> i64 {
        self.second.filter(|_| !whole_days).unwrap_or(self.midnight)
    }

    fn last(&self, whole_days: bool) -> i64 {
        self.second.filter(|_| !whole_days).unwrap_or(self.midnight + DAY_SECONDS - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str, precision: TimePrecision) -> Window {
        Window::read(&Query::read(text), precision).unwrap()
    }

    #[test]
    fn only_the_date_counts_unless_the_account_is_precise() {
        let text = "start_time=2024-01-14+12:00:00&end_time=2024-01-14+13:00:00";
        let morning = clock::from_text("2024-01-14 09:00:00").unwrap();
        let noon = clock::from_text("2024-01-14 12:30:00").unwrap();
        let next_day = clock::from_text("2024-01-15 00:00:00").unwrap();
        let by_date = window(text, TimePrecision::Date);
        assert!(by_date.holds(morning) && by_date.holds(noon) && !by_date.holds(next_day));
        let by_second = window(text, TimePrecision::DateTime);
        assert!(!by_second.holds(morning) && by_second.holds(noon));
        let days = window("start_time=2024-01-14&end_time=2024-01-14", TimePrecision::DateTime);
        assert!(days.holds(morning) && !days.holds(next_day));
        assert!(window("", TimePrecision::Date).holds(0), "all parameters are optional");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for text in ["start_time=14.01.2024", "start_time=2024-01-15&end_time=2024-01-14"] {
            assert!(Window::read(&Query::read(text), TimePrecision::Date).is_err(), "{text}");
        }
        for text in ["start_index=0", "count=0", "count=501", "count=ten"] {
            assert!(Page::read(&Query::read(text)).is_err(), "{text}");
        }
        let page = Page::read(&Query::read("start_index=3&count=20")).unwrap();
        assert_eq!((page.skipped(), page.rows()), (40, 20));
    }
}
