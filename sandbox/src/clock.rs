//! The sandbox's clock: the machine's clock plus an offset, read and written as the vendors do (Asia/Shanghai).
//!
//! All remote systems of the contracts give their times in UTC+8 without a zone; the zone knows no summer time since
//! 1991, so a fixed offset is exact for every time the sandbox makes.

use jiff::{Timestamp, civil::DateTime, tz};

/// How the vendors write a time: `yyyy-MM-dd HH:mm:ss` (contract jushuitan §7).
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// A clock that can be moved against the machine's clock, to let windows settle or signatures grow stale.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset_seconds: i64,
}

impl Clock {
    /// A clock that runs `offset_seconds` ahead of the machine's (behind, when negative).
    pub fn with_offset(offset_seconds: i64) -> Self {
        Self { offset_seconds }
    }

    /// Moves the clock forward (back, when negative).
    pub fn advance(&mut self, seconds: i64) {
        self.offset_seconds = self.offset_seconds.saturating_add(seconds);
    }

    /// The present time in Unix seconds.
    pub fn now(&self) -> i64 {
        Timestamp::now().as_second().saturating_add(self.offset_seconds)
    }
}

/// Unix seconds as the vendors write them, in UTC+8.
pub fn to_text(seconds: i64) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    tz::offset(8).to_datetime(timestamp).strftime(FORMAT).to_string()
}

/// Reads a vendor's time; `None` when it is not exactly of the documented form.
pub fn from_text(text: &str) -> Option<i64> {
    let read = DateTime::strptime(FORMAT, text).ok()?;
    let seconds = tz::offset(8).to_timestamp(read).ok()?.as_second();
    (to_text(seconds) == text).then_some(seconds)
}

/// Unix seconds as the `Date` header of HTTP writes them.
pub fn to_http_date(seconds: i64) -> String {
    let timestamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    timestamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_time_is_shanghai_time() {
        assert_eq!(from_text("2024-01-15 10:00:00"), Some(1_705_284_000));
        assert_eq!(to_text(1_705_284_000), "2024-01-15 10:00:00");
        assert_eq!(to_http_date(1_705_284_000), "Mon, 15 Jan 2024 02:00:00 GMT");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["2024-01-15", "2024-1-15 10:00:00", "2024-01-15T10:00:00", "2024-02-30 10:00:00", ""] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
