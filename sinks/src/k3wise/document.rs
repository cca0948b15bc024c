//! What is sent of a document, and whether a stored one is the same. Pure.

use serde_json::Map;
use weir_clients::k3wise::{field, text};
use weir_model::Json;
use weir_model::decimal::Decimal;
use weir_model::outcome::{Outcome, Refusal};
use weir_model::target::Delivery;

use crate::erp::batch;
use crate::erp::equality::is_equal;
use crate::erp::outcome::KEY;

/// The number's field.
const NUMBER: &str = "FBillNo";
/// The page that holds the head.
const HEAD: &str = "Page1";
/// Characters of `2024-03-12`.
const DATE_LENGTH: usize = 10;

/// A document ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Draft<'a> {
    /// Its place in the batch.
    pub(super) at: usize,
    /// What the sink knows of it.
    pub(super) delivery: &'a Delivery,
    /// Its pages.
    pub(super) data: Json,
    /// Its number.
    pub(super) number: String,
}

impl<'a> Draft<'a> {
    /// Reads a document's body. One without a number is refused: the server would number it, and nothing would protect it
    /// from being written twice (contract kingdee-k3wise §8).
    pub(super) fn read(at: usize, delivery: &'a Delivery) -> Result<Self, Outcome> {
        let mut data: Json = serde_json::from_slice(&delivery.document.body).map_err(|error| {
            Outcome::Reject(Refusal::new(KEY, format!("the document is no JSON object: {error}")))
        })?;
        cut_times_of_dates(&mut data);
        let number = number_of(&data);
        if number.trim().is_empty() {
            let place = format!("{HEAD}.{NUMBER}");
            return Err(Outcome::Reject(Refusal::new(KEY, format!("{place} is empty")).at(place)));
        }
        batch::refuse_changed_key(delivery)?;
        Ok(Self { at, delivery, data, number })
    }

    /// The number to look for: the one the server gave, where it gave another than ours.
    pub(super) fn stored_number(&self) -> &str {
        let given = self.delivery.previous.as_ref().map(|previous| previous.written.number.as_str());
        given.filter(|number| !number.is_empty()).unwrap_or(&self.number)
    }

    /// Whether the stored pages hold what was sent: the same number, page by page the same rows. A field that the
    /// server does not show is not compared.
    pub(super) fn is_stored_as(&self, stored: &Json) -> bool {
        let Some(pages) = self.data.as_object() else { return false };
        let same_number = number_of(stored).to_lowercase() == self.stored_number().to_lowercase();
        same_number
            && pages.iter().all(|(name, page)| match (page.as_array(), field(stored, name)) {
                (Some(rows), Some(Json::Array(there))) => same_rows(rows, there),
                (Some(rows), _) => rows.is_empty(),
                (None, _) => true,
            })
    }
}

/// The number in a document's head.
pub(super) fn number_of(data: &Json) -> String {
    text(field(data, HEAD).and_then(|page| page.get(0)).and_then(|head| field(head, NUMBER)))
}

/// The internal id of a stored document; empty where the server shows none.
pub(super) fn id_of(stored: &Json) -> String {
    text(field(stored, HEAD).and_then(|page| page.get(0)).and_then(|head| field(head, "FInterID")))
}

/// Whether the server shows the document as audited: `FStatus` is 0 until then. A filled `FCheckerID` says nothing
/// (contract kingdee-k3wise §4).
pub(super) fn is_audited(stored: &Json) -> bool {
    let head = field(stored, HEAD).and_then(|page| page.get(0));
    let status = text(head.and_then(|head| field(head, "FStatus")));
    status.trim().parse::<u8>().is_ok_and(|status| status > 0)
}

/// Leaves only the date of each date field of a page: K/3 keeps no time there, and a mapping that copies a source's time
/// means its day (contract decisions, "K/3 WISE": date part only). What does not begin with a date is left for the
/// server to judge.
fn cut_times_of_dates(data: &mut Json) {
    let pages = data.as_object_mut().into_iter().flat_map(|pages| pages.values_mut());
    let rows = pages.filter_map(Json::as_array_mut).flatten().filter_map(Json::as_object_mut);
    for (name, value) in rows.flat_map(|row| row.iter_mut()) {
        let Json::String(text) = value else { continue };
        if is_date_field(name) && has_time(text) {
            text.truncate(DATE_LENGTH);
        }
    }
}

/// `Fdate`, `FDate1`, `FCheckDate`: builds differ in letter case and number.
fn is_date_field(name: &str) -> bool {
    name.trim_end_matches(|c: char| c.is_ascii_digit()).to_lowercase().ends_with("date")
}

fn has_time(text: &str) -> bool {
    let date = text.get(..DATE_LENGTH).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok());
    date && text.get(DATE_LENGTH..).is_some_and(|rest| rest.starts_with([' ', 'T']))
}

/// Rows may come in any order, so each sent row must find a stored one of its own.
fn same_rows(sent: &[Json], stored: &[Json]) -> bool {
    let mut left: Vec<&Json> = stored.iter().collect();
    sent.len() == stored.len()
        && sent.iter().filter_map(Json::as_object).all(|row| {
            let at = left.iter().position(|there| is_same_row(row, there));
            at.map(|at| left.swap_remove(at)).is_some()
        })
}

fn is_same_row(sent: &Map<String, Json>, stored: &Json) -> bool {
    sent.iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case(NUMBER))
        .all(|(name, value)| field(stored, name).is_none_or(|there| is_same(value, there)))
}

/// References by their number, flags and amounts by value whether they are written as text or not (contract
/// kingdee-k3wise §4), everything else exactly.
fn is_same(sent: &Json, stored: &Json) -> bool {
    if let Some(number) = sent.as_object().and_then(|_| field(sent, "FNumber")) {
        let there = field(stored, "FNumber").unwrap_or(stored);
        return text(Some(number)) == text(Some(there));
    }
    let (left, right) = (text(Some(sent)), text(Some(stored)));
    let number = |text: &str| text.parse::<Decimal>().ok();
    let by_value = || number(&left).is_some_and(|left| number(&right) == Some(left));
    is_equal(sent, stored) || flag(&left).is_some_and(|left| flag(&right) == Some(left)) || by_value()
}

fn flag(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_lose_their_time_and_nothing_else_does() {
        let mut data = json!({
            "Page1": [{"Fdate": "2024-03-12 10:15:00", "FCheckDate": "2024-03-12T00:00:00.000", "FExplanation": "2024-03-12 10:15:00"}],
            "Page2": [{"FDate1": "2024-04-05", "FDate2": "soon", "FDate3": "2024-04-05x", "FQty": 1, "FUpdated": "2024-04-05 01:02:03"}],
        });
        cut_times_of_dates(&mut data);
        let expect = json!({
            "Page1": [{"Fdate": "2024-03-12", "FCheckDate": "2024-03-12", "FExplanation": "2024-03-12 10:15:00"}],
            "Page2": [{"FDate1": "2024-04-05", "FDate2": "soon", "FDate3": "2024-04-05x", "FQty": 1, "FUpdated": "2024-04-05 01:02:03"}],
        });
        assert_eq!(data, expect);
    }

    #[test]
    fn only_the_status_tells_an_audit() {
        for (head, expect) in [
            (json!({"FStatus": 1}), true),
            (json!({"fstatus": "3"}), true),
            (json!({"FStatus": "0", "FCheckerID": {"FNumber": "A"}}), false),
            (json!({}), false),
        ] {
            assert_eq!(is_audited(&json!({"Page1": [head]})), expect, "{head}");
        }
    }
}
