//! The map of time on a terminal: a line for each day, or for each week of a longer time, within 80 columns. Pure.

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use weir_ledger::coverage::{Coverage, Known};
use weir_schemas::TimeRange;

use crate::cli::Language;

/// Days that are drawn a line each; a longer time is drawn by weeks.
const MOST_DAYS: i32 = 35;
/// Cells of a day that has a line of its own: half an hour each.
const CELLS_OF_DAY: i32 = 48;
/// Where the hours are in them.
const HOURS: &str = "00          06          12          18";
/// Cells of a day in a week's line: three hours each.
const CELLS_IN_WEEK: i32 = 8;

/// A line: the day it begins with, and a mark for each stretch of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its first day.
    pub day: Date,
    /// Its marks.
    pub marks: String,
    /// Records that came late.
    pub late: u64,
}

/// The lines of the map from `since` to `until`.
pub fn lines(coverage: &Coverage, since: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Line> {
    let (first, last) = (zone.to_datetime(since).date(), zone.to_datetime(until).date());
    let days = first.until(last).map_or(0, |span| span.get_days()) + 1;
    let (step, cells) = if days <= MOST_DAYS { (1, CELLS_OF_DAY) } else { (7, CELLS_IN_WEEK) };
    let mut lines = Vec::new();
    let mut day = first;
    while day <= last {
        let mut line = Line { day, marks: String::new(), late: 0 };
        for offset in 0..step {
            let date = day.saturating_add(offset.days());
            if date <= last {
                draw(coverage, date, cells, zone, &mut line);
            }
        }
        lines.push(line);
        day = day.saturating_add(step.days());
    }
    lines
}

fn draw(coverage: &Coverage, date: Date, cells: i32, zone: &TimeZone, line: &mut Line) {
    let midnight = |date: Date| date.to_zoned(zone.clone()).map(|at| at.timestamp());
    let (Ok(begin), Ok(end)) = (midnight(date), midnight(date.saturating_add(1.days()))) else { return };
    // A day on which the clocks are turned is shorter or longer, and so are its cells.
    let length = end.duration_since(begin);
    let border = |cell: i32| begin.checked_add(length * cell / cells).unwrap_or(end);
    for cell in 0..cells {
        let known = coverage.known(TimeRange { from: border(cell), until: border(cell + 1) });
        line.marks.push(mark(known));
    }
    let is_here = |at: Timestamp| (begin..end).contains(&at);
    let late = coverage.late.iter().filter(|late| is_here(late.window.from));
    line.late += late.map(|late| late.count).sum::<u64>();
}

/// One column wide on every terminal.
fn mark(known: Known) -> char {
    match known {
        Known::Outside => '.',
        Known::Read => '#',
        Known::Late => '+',
        Known::Hole => '!',
    }
}

/// The lines and what their marks mean.
pub fn text(lines: &[Line], language: Language) -> String {
    let mut text = String::new();
    let cells = usize::try_from(CELLS_OF_DAY).unwrap_or_default();
    if lines.first().is_some_and(|line| line.marks.len() == cells) {
        text.push_str(&format!("{:12}{HOURS}\n", ""));
    }
    for Line { day, marks, late } in lines {
        text.push_str(&format!("{day}  {marks}"));
        if *late > 0 {
            text.push_str(&match language {
                Language::Zh => format!("  迟到 {late}"),
                Language::En => format!("  {late} late"),
            });
        }
        text.push('\n');
    }
    text.push_str(match language {
        Language::Zh => "# 已读取  + 已读取，有迟到的记录  ! 空洞  . 开始之前或尚未读取\n",
        Language::En => "# read  + read, some came late  ! hole  . before the beginning, or not yet\n",
    });
    text
}

/// A length of time for people: its two largest units.
pub fn length(duration: SignedDuration, language: Language) -> String {
    let seconds = duration.as_secs().max(0);
    let units = match language {
        Language::Zh => [("天", 86_400), ("小时", 3_600), ("分", 60), ("秒", 1)],
        Language::En => [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)],
    };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units {
        if left >= size {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { format!("0 {}", units[3].0) } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use weir_ledger::coverage::LateArrivals;

    use super::*;
    use crate::output::display_width;

    fn zone() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::civil::DateTime>().unwrap().to_zoned(zone()).unwrap().timestamp()
    }

    fn range(from: &str, until: &str) -> TimeRange {
        TimeRange { from: at(from), until: at(until) }
    }

    fn coverage() -> Coverage {
        let found = range("2024-01-06T10:10:00", "2024-01-06T10:20:00");
        Coverage {
            read: vec![
                range("2024-01-05T12:00:00", "2024-01-06T18:00:00"),
                range("2024-01-06T21:00:00", "2024-01-07T06:00:00"),
            ],
            late: vec![LateArrivals { window: found, count: 1_200, lateness_ms: 300_000, at: found.until }],
            ..Coverage::default()
        }
    }

    #[test]
    fn every_day_has_a_line_with_its_holes() {
        let lines = lines(&coverage(), at("2024-01-05T00:00:00"), at("2024-01-07T06:00:00"), &zone());
        let marks: Vec<&str> = lines.iter().map(|line| line.marks.as_str()).collect();
        let first = format!("{}{}", ".".repeat(24), "#".repeat(24));
        let second = format!("{}+{}{}{}", "#".repeat(20), "#".repeat(15), "!".repeat(6), "#".repeat(6));
        let third = format!("{}{}", "#".repeat(12), ".".repeat(36));
        assert_eq!(marks, [first, second, third]);
        assert_eq!(lines.iter().map(|line| line.late).collect::<Vec<_>>(), [0, 1_200, 0]);
        for language in [Language::Zh, Language::En] {
            let text = text(&lines, language);
            assert!(text.lines().all(|line| display_width(line) <= 80), "{text}");
        }
    }

    #[test]
    fn a_long_time_is_drawn_by_weeks() {
        let lines = lines(&coverage(), at("2023-12-04T00:00:00"), at("2024-01-07T06:00:00"), &zone());
        assert_eq!(lines.len(), 35);
        let lines = super::lines(&coverage(), at("2023-12-03T00:00:00"), at("2024-01-07T06:00:00"), &zone());
        assert_eq!(lines.len(), 6);
        assert!(lines.iter().take(5).all(|line| line.marks.len() == 56), "{lines:?}");
        assert_eq!(lines[5].marks, "##......", "the last week has one day");
        let fifth = format!("{}#######+##!#", ".".repeat(44));
        assert_eq!(lines[4].marks, fifth, "its Saturday has the hole");
        assert!(text(&lines, Language::Zh).lines().all(|line| display_width(line) <= 80));
    }

    #[test]
    fn a_length_has_two_units_at_most() {
        let told = |seconds, language| length(SignedDuration::from_secs(seconds), language);
        assert_eq!(told(0, Language::En), "0 s");
        assert_eq!(told(90_061, Language::En), "1 d 1 h");
        assert_eq!(told(3_599, Language::Zh), "59 分 59 秒");
    }
}
