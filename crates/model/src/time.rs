//! Time as Weir uses it: instants in UTC, shown and read in the zone of a connection. The clock itself is
//! handed in.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Where the present comes from. Stages use the system's; tests and replays bring their own.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The zone of the remote systems when a connection names none.
pub const DEFAULT_ZONE: &str = "Asia/Shanghai";

/// `YYYY-MM-DD HH:MM:SS` in `zone`, the form the vendors' APIs use.
pub fn local_text(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Reads `YYYY-MM-DD[ HH:MM:SS[.fff]]` (also with `T`) as a local time of `zone`. `None` when it is no such
/// text.
///
/// In a gap or fold of daylight saving the earlier offset is taken, which can only widen a window.
pub fn parse_local(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    let local: DateTime = match text.parse() {
        Ok(local) => local,
        Err(_) => text.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
    };
    zone.to_ambiguous_timestamp(local).earlier().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_times_go_both_ways() {
        let zone = TimeZone::get(DEFAULT_ZONE).unwrap();
        let at = parse_local("2024-01-15 10:00:00", &zone).unwrap();
        assert_eq!(at.as_second(), 1_705_284_000);
        assert_eq!(local_text(at, &zone), "2024-01-15 10:00:00");
        assert_eq!(
            parse_local("2024-01-15", &zone).map(|t| local_text(t, &zone)).unwrap(),
            "2024-01-15 00:00:00"
        );
        assert_eq!(parse_local("0000-00-00 00:00:00", &zone), None);
    }
}
