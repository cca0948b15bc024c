//! Bodies and values as K/3 WISE reads them: JSON whatever the content type, keys without regard to case (contract
//! kingdee-k3wise §1, §3 and §4).

use serde_json::{Map, Value};

use super::Refusal;

/// A JSON object.
pub type Fields = Map<String, Value>;

/// The body of a call.
#[derive(Debug)]
pub struct Body(Fields);

impl Body {
    /// Reads a body; a blank one has no fields.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(Fields::new()));
        }
        let read = serde_json::from_slice(bytes).map(Self);
        read.map_err(|error| Refusal::new(500, format!("请求数据不是有效的JSON：{error}")))
    }

    /// A key beside `Data`, as text.
    pub fn text(&self, key: &str) -> String {
        find(&self.0, key).map(text).unwrap_or_default()
    }

    /// The object `Data`, or `data`.
    pub fn data(&self) -> Result<&Fields, Refusal> {
        let data = find(&self.0, "Data").and_then(Value::as_object);
        data.ok_or_else(|| Refusal::of_document("缺少Data对象"))
    }

    /// The objects of `Data`, which is a list, or one object.
    pub fn data_list(&self) -> Result<Vec<&Fields>, Refusal> {
        match find(&self.0, "Data") {
            Some(Value::Array(items)) if !items.is_empty() => {
                let objects: Option<Vec<_>> = items.iter().map(Value::as_object).collect();
                objects.ok_or_else(|| Refusal::of_document("Data的元素必须是对象"))
            }
            _ => self.data().map(|data| vec![data]),
        }
    }
}

/// A key of an object, whatever its case.
pub fn find<'v>(fields: &'v Fields, name: &str) -> Option<&'v Value> {
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A text, number or switch as text; empty for everything else.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    }
}

/// The number of a reference; blank when it has none.
pub fn reference_number(value: &Value) -> String {
    value.as_object().and_then(|fields| find(fields, "FNumber")).map(text).unwrap_or_default()
}

/// A decimal number as it stands in a text: its sign, and whether it is zero. `None` when it is no number.
pub fn sign_of(text: &str) -> Option<Sign> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let is_zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    Some(match text.starts_with('-') {
        _ if is_zero => Sign::Zero,
        true => Sign::Negative,
        false => Sign::Positive,
    })
}

/// The sign of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Negative,
    Zero,
    Positive,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_is_read_in_either_case() {
        for body in
            [r#"{"Data":{"FBillNo":"X"}}"#, r#"{"data":{"fbillno":"X"}}"#, r#"{"data":[{"FBillNo":"X"}]}"#]
        {
            let body = Body::read(body.as_bytes()).unwrap();
            let named = body.data_list().unwrap();
            assert_eq!(find(named[0], "FBillNo").map(text).as_deref(), Some("X"));
        }
        assert!(Body::read(b" ").unwrap().data().is_err());
        assert_eq!(Body::read(b"{\"Data\":").unwrap_err().status_code, 500);
    }

    #[test]
    fn decimals_are_known_by_their_digits() {
        assert_eq!(sign_of("11.0682"), Some(Sign::Positive));
        assert_eq!(sign_of("-3"), Some(Sign::Negative));
        assert_eq!(sign_of("0.00"), Some(Sign::Zero));
        for text in ["", "abc", "1e3", "1.", ".5", "1.2.3", "--1"] {
            assert_eq!(sign_of(text), None, "{text}");
        }
    }
}
