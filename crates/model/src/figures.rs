//! Day, shop, pieces and money of a record or a document, in exact decimals (invariant 5): what is counted when a source is
//! compared with a target.

use std::borrow::Cow;

use bigdecimal::BigDecimal;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{Json, decimal::Decimal};

/// Milliseconds of a time that is too large to be meant in seconds (year 5138).
const LARGEST_SECONDS: i64 = 100_000_000_000;

/// What one record, or one document, counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The day it belongs to; `None` when it tells none.
    pub day: Option<Date>,
    /// Its shop; empty when it tells none.
    pub shop: String,
    /// Pieces, where they are counted.
    pub pieces: Option<Decimal>,
    /// Money, where it is counted.
    pub amount: Option<Decimal>,
}

/// Where the figures stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// The field with the day.
    pub day: Option<String>,
    /// The field with the shop.
    pub shop: Option<String>,
    /// What counts the pieces.
    pub pieces: Option<Measure>,
    /// What counts the money.
    pub amount: Option<Measure>,
}

/// A number of a record: a field, or a product of fields, once or summed over the lines of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Whether it is summed over the lines.
    is_summed: bool,
    /// The fields that are multiplied; never empty.
    factors: Vec<String>,
}

/// A value that is no number where one is counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is no number: {value}")]
pub struct NotCounted {
    /// The field.
    pub field: String,
    /// What stands there, shortened.
    pub value: String,
}

/// The rows that a target holds of one document, as fields by name.
pub trait Cells {
    /// The text of a field; `None` when it is empty or not there.
    fn cell(&self, field: &str) -> Option<Cow<'_, str>>;
}

impl Paths {
    /// Every field that is named, beside the key that names it.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let single = [("day", &self.day), ("shop", &self.shop)];
        let measured = [("pieces", &self.pieces), ("amount", &self.amount)];
        single.into_iter().filter_map(|(key, field)| Some((key, field.as_deref()?))).chain(
            measured.into_iter().flat_map(|(key, measure)| {
                measure.iter().flat_map(|m| &m.factors).map(move |factor| (key, factor.as_str()))
            }),
        )
    }

    /// The figures of a JSON record; times without a zone are of `zone`.
    ///
    /// # Errors
    /// [`NotCounted`] for a field that should be counted and is no number.
    pub fn of_json(&self, record: &Json, zone: &TimeZone) -> Result<Figures, NotCounted> {
        let text = |path: &Option<String>| path.as_deref().and_then(|path| text_at(record, path));
        Ok(Figures {
            day: text(&self.day).and_then(|text| day_of(&text, zone)),
            shop: text(&self.shop).unwrap_or_default(),
            pieces: self.pieces.as_ref().map(|measure| measure.of_json(record)).transpose()?,
            amount: self.amount.as_ref().map(|measure| measure.of_json(record)).transpose()?,
        })
    }

    /// The figures of the rows of one document; what is not summed is taken of the first.
    ///
    /// # Errors
    /// [`NotCounted`] for a field that should be counted and is no number.
    pub fn of_rows(&self, rows: &[impl Cells], zone: &TimeZone) -> Result<Figures, NotCounted> {
        let text = |field: &Option<String>| {
            field.as_deref().and_then(|field| rows.first().and_then(|row| row.cell(field)))
        };
        Ok(Figures {
            day: text(&self.day).and_then(|text| day_of(&text, zone)),
            shop: text(&self.shop).unwrap_or_default().into_owned(),
            pieces: self.pieces.as_ref().map(|measure| measure.of_rows(rows)).transpose()?,
            amount: self.amount.as_ref().map(|measure| measure.of_rows(rows)).transpose()?,
        })
    }
}

impl Measure {
    /// Reads fields joined by `*`; `None` when one of them is empty.
    pub fn parse(text: &str, is_summed: bool) -> Option<Self> {
        let factors: Vec<String> = text.split('*').map(|factor| factor.trim().to_owned()).collect();
        factors.iter().all(|factor| !factor.is_empty()).then_some(Self { is_summed, factors })
    }

    /// The same with its fields in lower case, for records whose letter case varies.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        let factors = self.factors.iter().map(|factor| factor.to_lowercase()).collect();
        Self { is_summed: self.is_summed, factors }
    }

    /// The list over whose lines it is summed: what stands before the last dot of its first field. `None` when it is not
    /// summed.
    pub fn list(&self) -> Option<&str> {
        let first = self.factors.first().filter(|_| self.is_summed)?;
        Some(first.rsplit_once('.').map_or("", |(list, _)| list))
    }

    fn of_json(&self, record: &Json) -> Result<Decimal, NotCounted> {
        let Some(list) = self.list().filter(|list| !list.is_empty()) else {
            return Ok(Decimal::from(self.product(|field| text_at(record, field).map(Cow::Owned))?));
        };
        let mut sum = BigDecimal::from(0);
        for line in lines_at(record, list) {
            sum += self.product(|field| {
                match field.strip_prefix(list).and_then(|rest| rest.strip_prefix('.')) {
                    Some(inner) => text_at(line, inner),
                    None => text_at(record, field),
                }
                .map(Cow::Owned)
            })?;
        }
        Ok(Decimal::from(sum))
    }

    fn of_rows(&self, rows: &[impl Cells]) -> Result<Decimal, NotCounted> {
        let counted = if self.is_summed { rows.len() } else { 1 };
        let mut sum = BigDecimal::from(0);
        for row in rows.iter().take(counted) {
            sum += self.product(|field| row.cell(field))?;
        }
        Ok(Decimal::from(sum))
    }

    /// Of one line; a field that is not there, or empty, counts nothing.
    fn product<'t>(&self, value_of: impl Fn(&str) -> Option<Cow<'t, str>>) -> Result<BigDecimal, NotCounted> {
        let mut product = BigDecimal::from(1);
        for field in &self.factors {
            let text = value_of(field).unwrap_or_default();
            if text.trim().is_empty() {
                return Ok(BigDecimal::from(0));
            }
            let number: Decimal = text
                .parse()
                .map_err(|_| NotCounted { field: field.clone(), value: text.chars().take(64).collect() })?;
            product *= number.as_big();
        }
        Ok(product)
    }
}

/// The day that a text names in `zone`: a local date or time, an instant, or seconds or milliseconds since 1970.
pub fn day_of(text: &str, zone: &TimeZone) -> Option<Date> {
    let text = text.trim();
    if let Ok(number) = text.parse::<i64>() {
        let at = if number > LARGEST_SECONDS {
            Timestamp::from_millisecond(number)
        } else {
            Timestamp::from_second(number)
        };
        return Some(at.ok()?.to_zoned(zone.clone()).date());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.to_zoned(zone.clone()).date());
    }
    let local = text.parse::<jiff::civil::DateTime>().map(jiff::civil::DateTime::date);
    local.or_else(|_| text.parse::<Date>()).ok()
}

/// The text of a scalar at a dotted path; of a list on the way its first element counts. A name that holds dots itself is
/// found first.
fn text_at(record: &Json, path: &str) -> Option<String> {
    match first_line(at(record, path)?)? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn at<'j>(record: &'j Json, path: &str) -> Option<&'j Json> {
    let object = first_line(record)?.as_object()?;
    if let Some(found) = object.get(path) {
        return Some(found);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (head, rest) = (path.get(..dot)?, path.get(dot + 1..)?);
        at(object.get(head)?, rest)
    })
}

fn first_line(value: &Json) -> Option<&Json> {
    match value {
        Json::Array(lines) => lines.first(),
        other => Some(other),
    }
}

/// The lines of a list; an object stands for a list of one.
fn lines_at<'j>(record: &'j Json, path: &str) -> &'j [Json] {
    match at(record, path) {
        Some(Json::Array(lines)) => lines,
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::time::DEFAULT_ZONE;

    struct Row(BTreeMap<&'static str, &'static str>);

    impl Cells for Row {
        fn cell(&self, field: &str) -> Option<Cow<'_, str>> {
            self.0.get(field).map(|text| Cow::Borrowed(*text))
        }
    }

    fn zone() -> TimeZone {
        TimeZone::get(DEFAULT_ZONE).unwrap()
    }

    fn number(text: &str) -> Option<Decimal> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_record_is_counted_in_exact_decimals() {
        let record: Json = serde_json::from_str(
            r#"{"shop_no": "101", "created": 1705190400000, "rate": "2", "goods": [
                {"num": "3", "price": 0.10, "x": {"y": 1}}, {"num": 2, "price": "0.20"}, {"num": "", "price": 5}]}"#,
        )
        .unwrap();
        let paths = Paths {
            day: Some("created".into()),
            shop: Some("shop_no".into()),
            pieces: Measure::parse("goods.num", true),
            amount: Measure::parse("goods.num * goods.price * rate", true),
        };
        let figures = paths.of_json(&record, &zone()).unwrap();
        assert_eq!(figures.day, Some(jiff::civil::date(2024, 1, 14)));
        assert_eq!((figures.shop.as_str(), figures.pieces), ("101", number("5")));
        assert_eq!(figures.amount.map(|sum| sum.trimmed().to_string()).as_deref(), Some("1.4"));
        let odd = Paths { pieces: Measure::parse("shop_no * created.x", false), ..Paths::default() };
        assert_eq!(odd.of_json(&record, &zone()).unwrap().pieces, number("0"));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let record: Json = serde_json::from_str(r#"{"goods": [{"num": "一"}]}"#).unwrap();
        let paths = Paths { pieces: Measure::parse("goods.num", true), ..Paths::default() };
        let error = paths.of_json(&record, &zone()).unwrap_err();
        assert_eq!(error.to_string(), "goods.num is no number: 一");
    }

    #[test]
    fn rows_are_summed_or_counted_once() {
        let row = |num, total| {
            Row(BTreeMap::from([("num", num), ("total", total), ("day", "2024-01-14 23:59:59")]))
        };
        let rows = [row("1.50", "9.90"), row("2", "9.90")];
        let paths = Paths {
            day: Some("day".into()),
            shop: None,
            pieces: Measure::parse("num", true),
            amount: Measure::parse("total", false),
        };
        let figures = paths.of_rows(&rows, &zone()).unwrap();
        assert_eq!((figures.pieces, figures.amount), (number("3.50"), number("9.90")));
        assert_eq!(figures.day, Some(jiff::civil::date(2024, 1, 14)));
    }

    #[test]
    fn days_are_read_in_the_zone() {
        for (text, day) in [
            ("2024-01-14", 14),
            ("2024-01-14T23:59:59", 14),
            ("2024-01-14 23:59:59.999", 14),
            ("2024-01-14T16:00:00Z", 15),
            ("1705248000", 15),
            ("1705247999000", 14),
        ] {
            assert_eq!(day_of(text, &zone()), Some(jiff::civil::date(2024, 1, day)), "{text}");
        }
        assert_eq!(day_of("", &zone()), None);
        assert_eq!(day_of("0000-00-00 00:00:00", &zone()), None);
    }
}
