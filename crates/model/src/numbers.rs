//! The numbers that people know a record by, besides its id and its number: those of a platform, a parcel, an order
//! behind a refund (`source.numbers` of a flow). Pure; the ledger files what this finds.

use std::collections::BTreeSet;

use crate::Json;

/// The longest text that counts as a number, in characters: whoever searches types or pastes it.
pub const LONGEST_NUMBER: usize = 128;
/// The most numbers of one record, so that one order of a thousand parcels stays a small entry.
pub const MOST_NUMBERS: usize = 100;

/// The values of these fields in a source record, sorted, each once.
///
/// A field is a key as written, or a path whose steps a `.` separates. A list along the path or at its end stands for
/// each of its elements, and a text with commas for each of its parts: Wangdiantong tells the orders behind a refund in
/// `tid_list` as `T1,T2` (contract wangdiantong-flagship §5). What is empty, a truth value, an object or longer than
/// [`LONGEST_NUMBER`] is no number. A payload that is no JSON has none.
pub fn numbers_of(payload: &[u8], fields: &[String]) -> Vec<String> {
    if fields.is_empty() {
        return Vec::new();
    }
    let Ok(record) = serde_json::from_slice::<Json>(payload) else { return Vec::new() };
    let mut found = BTreeSet::new();
    for field in fields {
        collect(&record, field, &mut found);
    }
    found.into_iter().take(MOST_NUMBERS).collect()
}

/// The values at a path below `value`; the empty path is the value itself.
fn collect(value: &Json, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Json::Array(elements) => elements.iter().for_each(|element| collect(element, path, found)),
        Json::Object(entries) => {
            if let Some(inner) = entries.get(path) {
                collect(inner, "", found);
            } else if let Some((first, rest)) = path.split_once('.')
                && let Some(inner) = entries.get(first)
            {
                collect(inner, rest, found);
            }
        }
        Json::String(text) if path.is_empty() => {
            let parts = text.split([',', '，']).map(str::trim);
            let numbers = parts.filter(|part| !part.is_empty() && part.chars().count() <= LONGEST_NUMBER);
            found.extend(numbers.map(str::to_owned));
        }
        Json::Number(number) if path.is_empty() => {
            found.insert(number.to_string());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(payload: &str, fields: &[&str]) -> Vec<String> {
        let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
        numbers_of(payload.as_bytes(), &fields)
    }

    #[test]
    fn fields_lists_and_commas_are_all_found_once() {
        let refund = r#"{"tid":"T1","src_tids":"T1, T2，T3","a.b":"dotted","id":2022072512345928259,
            "detail_list":[{"tid":"T1","oid":"O1"},{"tid":"T4","oid":""}],"parcels":["P1",7]}"#;
        assert_eq!(found(refund, &["tid", "src_tids"]), ["T1", "T2", "T3"]);
        assert_eq!(found(refund, &["detail_list.tid", "detail_list.oid"]), ["O1", "T1", "T4"]);
        assert_eq!(found(refund, &["parcels", "a.b", "id"]), ["2022072512345928259", "7", "P1", "dotted"]);
    }

    #[test]
    fn what_is_no_number_is_left_out() {
        let long = format!(r#"{{"no":"{}","flag":true,"inner":{{"no":"x"}},"none":null}}"#, "9".repeat(129));
        assert_eq!(found(&long, &["no", "flag", "inner", "none", "missing", "inner.other"]), [""; 0]);
        assert_eq!(found("no json", &["no"]), [""; 0]);
        let many = format!(r#"{{"no":[{}]}}"#, (0..500).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        assert_eq!(found(&many, &["no"]).len(), MOST_NUMBERS);
    }
}
