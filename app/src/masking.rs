//! Personal data in what commands print: names, telephone numbers and addresses become `王***`, `138****5678`.
//!
//! A field is known by its name. What stood in one is then masked wherever it comes again: in the document that was made
//! of the record, whose columns may have no names, and in the words of an error. Telephone and identity card numbers in
//! free text are masked as well. Topics and files keep what they hold: this is about screens, logs and chats.

use std::{borrow::Cow, collections::BTreeSet};

use weir_model::Json;

use crate::config::Privacy;

/// The fields that are masked where `privacy.mask` names no others. A name covers every field that has its words beside
/// each other: `mobile` covers `receiver_mobile`, `returnMobile` and `FMobile`.
pub const USUAL: [&str; 25] = [
    "mobile",
    "phone",
    "tel",
    "telno",
    "telephone",
    "fax",
    "address",
    "addr",
    "receiver",
    "consignee",
    "buyer",
    "nick",
    "nickname",
    "contact",
    "contacts",
    "linkman",
    "real_name",
    "id_card",
    "idcard",
    "id_number",
    "email",
    "mail",
    "wechat",
    "weixin",
    "qq",
];

/// Values shorter than this are not looked for elsewhere: they would be found in everything.
const SHORTEST_KNOWN: usize = 2;
const SHORTEST_KNOWN_ASCII: usize = 5;

/// What is masked in the answers of a command.
#[derive(Clone, Debug)]
pub struct Masking {
    /// The words of the fields' names; `None`: nothing is masked.
    names: Option<Vec<Vec<String>>>,
}

impl Masking {
    /// As the project's `privacy` section says, or `--mask`.
    pub fn of(privacy: &Privacy, asked: bool) -> Self {
        let names = (asked || privacy.mask_output).then(|| match &privacy.mask {
            Some(names) => names.iter().map(|name| words(name)).collect(),
            None => USUAL.iter().map(|name| words(name)).collect(),
        });
        Self { names }
    }

    /// Whether anything is masked.
    pub fn is_on(&self) -> bool {
        self.names.is_some()
    }

    /// Learns the personal values of a record from what is known of it: its payload, its document.
    pub fn learn<'j>(&self, contents: impl IntoIterator<Item = &'j Json>) -> Mask<'_> {
        let mut values = BTreeSet::new();
        if self.names.is_some() {
            contents.into_iter().for_each(|content| self.collect(content, false, &mut values));
        }
        // The longest first: a name within an address is part of it.
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Mask { masking: self, values }
    }

    fn collect(&self, value: &Json, is_personal: bool, values: &mut BTreeSet<String>) {
        match value {
            Json::Object(entries) => entries.iter().for_each(|(key, value)| {
                self.collect(value, is_personal || self.covers(key), values);
            }),
            Json::Array(items) => items.iter().for_each(|item| self.collect(item, is_personal, values)),
            Json::String(text) if is_personal && is_telling(text) => {
                values.insert(text.clone());
            }
            Json::Number(number) if is_personal && is_telling(&number.to_string()) => {
                values.insert(number.to_string());
            }
            Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {}
        }
    }

    /// Whether a field of this name holds personal data.
    fn covers(&self, key: &str) -> bool {
        let key = words(key);
        let within = |name: &Vec<String>| {
            !name.is_empty() && key.windows(name.len()).any(|part| part == name.as_slice())
        };
        self.names.iter().flatten().any(within)
    }
}

/// What is masked in all that is told about one record.
#[derive(Clone, Debug)]
pub struct Mask<'m> {
    masking: &'m Masking,
    values: Vec<String>,
}

impl Mask<'_> {
    /// The value as it may be shown.
    pub fn json(&self, value: &Json) -> Json {
        if self.masking.names.is_none() { value.clone() } else { self.shown(value, false) }
    }

    fn shown(&self, value: &Json, is_personal: bool) -> Json {
        match value {
            Json::Object(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| {
                        (key.clone(), self.shown(value, is_personal || self.masking.covers(key)))
                    })
                    .collect(),
            ),
            Json::Array(items) => items.iter().map(|item| self.shown(item, is_personal)).collect(),
            Json::String(text) if is_personal => Json::String(masked(text)),
            Json::String(text) => Json::String(self.text(text).into_owned()),
            Json::Number(number) => {
                let text = number.to_string();
                let is_known = self.values.contains(&text);
                if is_personal || is_known { Json::String(masked(&text)) } else { value.clone() }
            }
            Json::Bool(_) | Json::Null => value.clone(),
        }
    }

    /// Free text, such as an error, as it may be shown.
    pub fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.masking.names.is_none() {
            return Cow::Borrowed(text);
        }
        let mut shown = Cow::Borrowed(text);
        for value in &self.values {
            if shown.contains(value.as_str()) {
                shown = Cow::Owned(shown.replace(value.as_str(), &masked(value)));
            }
        }
        match without_numbers_of_people(&shown) {
            Some(masked) => Cow::Owned(masked),
            None => shown,
        }
    }
}

/// Whether finding this text elsewhere means that it is the same thing.
fn is_telling(text: &str) -> bool {
    let count = text.chars().count();
    count >= if text.is_ascii() { SHORTEST_KNOWN_ASCII } else { SHORTEST_KNOWN }
}

/// A mobile number keeps its ends, anything else its first character; how long it was is not told.
fn masked(text: &str) -> String {
    if is_mobile(text) {
        let (head, tail) = (text.get(..3).unwrap_or_default(), text.get(7..).unwrap_or_default());
        return format!("{head}****{tail}");
    }
    text.chars().next().map_or_else(String::new, |first| format!("{first}***"))
}

/// Masks mobile and identity card numbers within a text; `None` where there are none.
fn without_numbers_of_people(text: &str) -> Option<String> {
    let mut shown = String::new();
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        // The last place of an identity card number may be an X.
        let end =
            if end == 17 && from.get(17..18).is_some_and(|c| c.eq_ignore_ascii_case("x")) { 18 } else { end };
        let (number, after) = from.split_at(end);
        shown.push_str(before);
        if is_mobile(number) || is_identity_card(number) {
            shown.push_str(&masked(number));
            found = true;
        } else {
            shown.push_str(number);
        }
        rest = after;
    }
    shown.push_str(rest);
    found.then_some(shown)
}

/// A mobile number of the mainland: eleven digits, 13 to 19 first.
fn is_mobile(text: &str) -> bool {
    matches!(text.as_bytes(), [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

/// An identity card number: its check digit tells it from an order number of 18 digits (GB 11643).
fn is_identity_card(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    if text.len() != 18 || !matches!(text.get(6..8), Some("19" | "20")) {
        return false;
    }
    let digits: Option<Vec<u32>> = text.chars().take(17).map(|c| c.to_digit(10)).collect();
    let Some(digits) = digits else { return false };
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let check = usize::try_from(sum % 11).ok().and_then(|at| CHECKS.get(at));
    text.chars().last().map(|c| c.to_ascii_uppercase()).as_ref() == check
}

/// The words of a field's name, in small letters: `receiver_mobile`, `receiverMobile`; the F before Kingdee's names is none.
fn words(name: &str) -> Vec<String> {
    let mut chars = name.chars();
    let name = match (chars.next(), chars.next()) {
        (Some('F'), Some(second)) if second.is_uppercase() => name.get(1..).unwrap_or(name),
        _ => name,
    };
    let mut words: Vec<String> = Vec::new();
    let mut after_small = false;
    let mut begins = true;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            begins = true;
            continue;
        }
        if begins || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        begins = false;
        after_small = c.is_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usual() -> Masking {
        Masking::of(&Privacy::default(), true)
    }

    #[test]
    fn personal_fields_are_masked_by_name_at_any_depth() {
        let record = json!({
            "no": "TK1", "amount": "0.10", "receiver_mobile": "13812345678", "FTel": "0571-88888888",
            "buyer": {"name": "王小明", "id": 12345678}, "lines": [{"returnAddress": "浙江省杭州市", "qty": 2}],
            "mobile": "", "hotel": "x1",
        });
        let shown = json!({
            "no": "TK1", "amount": "0.10", "receiver_mobile": "138****5678", "FTel": "0***",
            "buyer": {"name": "王***", "id": "1***"}, "lines": [{"returnAddress": "浙***", "qty": 2}],
            "mobile": "", "hotel": "x1",
        });
        let masking = usual();
        assert_eq!(masking.learn([&record]).json(&record), shown);
    }

    #[test]
    fn what_was_personal_in_the_record_is_masked_in_document_and_error() {
        let record = json!({"receiver_name": "王小明", "telno": "88888888", "tel": "12"});
        let document = json!({"rows": [["TK1", "王小明", "12", 88_888_888]]});
        let masking = usual();
        let mask = masking.learn([&record]);
        assert_eq!(mask.json(&document), json!({"rows": [["TK1", "王***", "12", "8***"]]}));
        assert_eq!(mask.text("客户王小明(88888888)不存在"), "客户王***(8***)不存在");
    }

    #[test]
    fn numbers_of_people_in_free_text_are_masked_and_order_numbers_are_not() {
        let masking = usual();
        let mask = masking.learn([]);
        for (text, shown) in [
            ("call 13812345678.", "call 138****5678."),
            ("id 11010519491231002X", "id 1***"),
            ("order 110105194912310021", "order 110105194912310021"),
            ("TK2402291737 and 138123456789", "TK2402291737 and 138123456789"),
        ] {
            assert_eq!(mask.text(text), shown);
        }
    }

    #[test]
    fn nothing_is_masked_unless_it_is_asked_for() {
        let record = json!({"mobile": "13812345678"});
        let masking = Masking::of(&Privacy::default(), false);
        let mask = masking.learn([&record]);
        assert_eq!(mask.json(&record), record);
        assert_eq!(mask.text("13812345678"), "13812345678");
    }

    #[test]
    fn the_project_names_its_own_fields() {
        let privacy = Privacy { mask: Some(vec!["shop_name".to_owned()]), mask_output: true };
        let record = json!({"shop_name": "旗舰店", "mobile": "1"});
        let masking = Masking::of(&privacy, false);
        assert_eq!(masking.learn([&record]).json(&record), json!({"shop_name": "旗***", "mobile": "1"}));
    }
}
