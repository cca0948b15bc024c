//! `STR_TO_DATE`: a date text of any form, read by MySQL's format letters.

use jiff::civil::{Date, DateTime, Time};

use crate::{
    error::Cause,
    value::{Value, shorten, time_text},
};

/// The English months of `%M` and `%b`.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What the letters have given so far.
#[derive(Default)]
struct Parts {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    has_date: bool,
    has_time: bool,
}

/// Reads a text by a format: a date, a time of day, or both, as the letters say. Text that does not follow the format
/// is an error, where MySQL gives NULL.
pub fn str_to_date<'a>(text: &str, format: &str) -> Result<Value<'a>, Cause> {
    let problem = |problem: String| Cause::Argument { function: "STR_TO_DATE", problem };
    let mut parts = Parts::default();
    let mut rest = text.trim_start();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter == '%' {
            let letter = letters.next().unwrap_or('%');
            rest = parts.take(letter, rest).ok_or_else(|| {
                problem(format!("{:?} does not follow the format {format:?} at %{letter}", shorten(text)))
            })?;
        } else if letter.is_whitespace() {
            rest = rest.trim_start();
        } else {
            rest = rest.strip_prefix(letter).ok_or_else(|| {
                problem(format!("{:?} does not follow the format {format:?} at {letter:?}", shorten(text)))
            })?;
        }
    }
    if !rest.trim().is_empty() {
        return Err(problem(format!("{:?} has more than the format {format:?}", shorten(text))));
    }
    parts.value().ok_or_else(|| Cause::NotTime(shorten(text)))
}

impl Parts {
    /// Takes what a letter stands for; the rest of the text.
    fn take<'t>(&mut self, letter: char, text: &'t str) -> Option<&'t str> {
        if letter == 'T' || letter == 'r' {
            let form: &[char] =
                if letter == 'T' { &['H', ':', 'i', ':', 's'] } else { &['I', ':', 'i', ':', 's', ' ', 'p'] };
            return form.iter().try_fold(text, |rest, part| match part {
                ':' => rest.strip_prefix(':'),
                ' ' => Some(rest.trim_start()),
                letter => self.take(*letter, rest),
            });
        }
        let (is_date, is_time) = ("YymcdebMj".contains(letter), "HkhIlisSfp".contains(letter));
        self.has_date |= is_date;
        self.has_time |= is_time;
        match letter {
            'Y' => number(text, 4, |year| self.year = year),
            'y' => number(text, 2, |year: i16| self.year = if year < 70 { 2000 + year } else { 1900 + year }),
            'm' | 'c' => number(text, 2, |month| self.month = month),
            'd' | 'e' => number(text, 2, |day| self.day = day),
            'H' | 'k' | 'h' | 'I' | 'l' => number(text, 2, |hour| self.hour = hour),
            'i' => number(text, 2, |minute| self.minute = minute),
            's' | 'S' => number(text, 2, |second| self.second = second),
            'f' => {
                let digits: String = text.chars().take_while(char::is_ascii_digit).take(6).collect();
                self.nanosecond = format!("{digits:0<9}").parse().ok()?;
                text.get(digits.len()..).filter(|_| !digits.is_empty())
            }
            'p' => {
                let (half, rest) = text.split_at_checked(2)?;
                self.afternoon = Some(half.eq_ignore_ascii_case("PM"));
                (half.eq_ignore_ascii_case("PM") || half.eq_ignore_ascii_case("AM")).then_some(rest)
            }
            'M' | 'b' => {
                let word =
                    |name: &'static str| if letter == 'b' { name.get(..3).unwrap_or(name) } else { name };
                let mut words = MONTHS.into_iter().map(word);
                let starts =
                    |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
                let index = words.position(starts)?;
                self.month = i8::try_from(index + 1).ok()?;
                text.get(word(MONTHS.get(index)?).len()..)
            }
            '%' => text.strip_prefix('%'),
            _ => None,
        }
    }

    fn value<'a>(self) -> Option<Value<'a>> {
        let hour = match self.afternoon {
            None => self.hour,
            Some(_) if !(1..=12).contains(&self.hour) => return None,
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
        };
        let time = Time::new(hour, self.minute, self.second, self.nanosecond).ok()?;
        let day = |parts: &Self| Date::new(parts.year, parts.month, parts.day).ok();
        Some(match (self.has_date, self.has_time) {
            (true, false) => Value::text(day(&self)?.to_string()),
            (false, _) => {
                Value::text(time_text(&DateTime::from_parts(Date::ZERO, time)).split_off("YYYY-MM-DD ".len()))
            }
            (true, true) => Value::Time(DateTime::from_parts(day(&self)?, time)),
        })
    }
}

/// A number of at most so many digits.
fn number<T: std::str::FromStr>(text: &str, most: usize, take: impl FnOnce(T)) -> Option<&str> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    take(text.get(..digits)?.parse().ok()?);
    text.get(digits..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_by_their_format() {
        let check = |text: &str, format: &str, expect: &str| {
            let read = str_to_date(text, format).map(|value| value.into_text().into_owned());
            assert_eq!(read.unwrap_or_else(|cause| cause.to_string()), expect, "{text} {format}");
        };
        check("20240518", "%Y%m%d", "2024-05-18");
        check("18/5/24 3:04 pm", "%d/%c/%y %h:%i %p", "2024-05-18 15:04:00");
        check("May 1, 2024 12:00:00 AM", "%b %e, %Y %r", "2024-05-01 00:00:00");
        check("2024年5月1日", "%Y年%m月%d日", "2024-05-01");
        check("10:11:12", "%T", "10:11:12");
        check("2024-05-18 01:02:03.5", "%Y-%m-%d %H:%i:%s.%f", "2024-05-18 01:02:03.5");
        for (text, format) in [
            ("2024-13-01", "%Y-%m-%d"),
            ("2024-02-30", "%Y-%m-%d"),
            ("2024-02-01 x", "%Y-%m-%d"),
            ("soon", "%Y"),
            ("", "%Y"),
            ("13:00 PM", "%h:%i %p"),
            ("1", "%q"),
            ("2024", "%Y"),
        ] {
            assert!(str_to_date(text, format).is_err(), "{text} {format}");
        }
    }
}
