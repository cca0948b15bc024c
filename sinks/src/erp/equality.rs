//! When a stored value is the one that was sent (contract decisions, "Kingdee Galaxy"). Pure.

use weir_clients::kingdee::answer;
use weir_model::Json;
use weir_model::decimal::Decimal;

/// Numbers by value, times without their notation, everything else as exact text; null is the empty text.
pub(crate) fn is_equal(sent: &Json, stored: &Json) -> bool {
    let (left, right) = (answer::text(Some(sent)), answer::text(Some(stored)));
    if left == right {
        return true;
    }
    if sent.is_number() || stored.is_number() {
        return matches!((left.parse::<Decimal>(), right.parse::<Decimal>()), (Ok(left), Ok(right)) if left == right);
    }
    match (time(&left), time(&right)) {
        (Some(left), Some(right)) => left == right,
        _ => false,
    }
}

/// `2024-02-29T10:15:00.000` and `2024-02-29 10:15:00` are one time, a date is its midnight.
fn time(text: &str) -> Option<jiff::civil::DateTime> {
    text.parse().ok().or_else(|| text.parse::<jiff::civil::Date>().ok().map(|date| date.at(0, 0, 0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_by_value_for_numbers_and_times_and_exact_for_texts() {
        for (sent, stored, expect) in [
            ("0.10", "0.1", true),
            ("2", "2.0000000000", true),
            ("\"13\"", "13.0", true),
            ("9007199254740993", "9007199254740992", false),
            ("\"2024-02-29 10:15:00\"", "\"2024-02-29T10:15:00\"", true),
            ("\"2024-02-29\"", "\"2024-02-29T00:00:00\"", true),
            ("\"\"", "null", true),
            ("\"甲\"", "\"甲 \"", false),
            ("\"1.0\"", "\"1.00\"", false),
            ("true", "true", true),
        ] {
            let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
            assert_eq!(is_equal(&read(sent), &read(stored)), expect, "{sent} {stored}");
        }
    }
}
