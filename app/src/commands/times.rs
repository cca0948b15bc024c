//! Times as people type them.

use jiff::{Timestamp, tz::TimeZone};
use weir_model::time::parse_local;

use crate::{cli::Language, exit::Failure};

/// Reads a date, a local time of `zone`, or RFC 3339.
///
/// # Errors
/// A failure that names the forms.
pub fn parse(text: &str, zone: &TimeZone, language: Language) -> Result<Timestamp, Failure> {
    text.trim().parse().ok().or_else(|| parse_local(text, zone)).ok_or_else(|| {
        Failure::invalid(match language {
            Language::Zh => format!(
                "{text:?} 不是时间；写日期 2024-01-31、当地时间 \"2024-01-31 09:30:00\"，或 2024-01-31T01:30:00Z"
            ),
            Language::En => format!(
                "{text:?} is no time; write a date as 2024-01-31, a local time as \"2024-01-31 09:30:00\", or 2024-01-31T01:30:00Z"
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_local_and_an_instant_says_its_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let read = |text| parse(text, &zone, Language::En).unwrap().to_string();
        assert_eq!(read("2024-01-31"), "2024-01-30T16:00:00Z");
        assert_eq!(read("2024-01-31 09:30:00"), "2024-01-31T01:30:00Z");
        assert_eq!(read("2024-01-31T09:30:00+01:00"), "2024-01-31T08:30:00Z");
        assert!(parse("yesterday", &zone, Language::Zh).unwrap_err().message().contains("yesterday"));
    }
}
