//! The envelope `{"StatusCode", "Message", "Data"}`, whose shape differs between builds (contract kingdee-k3wise §5).

use serde_json::Value;

use super::errors;

/// Deepest nesting in which a failed row is looked for: `Data[0].Data[0]` is the deepest known.
const ROW_DEPTH: usize = 6;

/// A document that was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Its number, where the answer tells it.
    pub number: Option<String>,
    /// Its internal id; empty where the answer tells none.
    pub id: String,
}

/// An answer's envelope.
#[derive(Debug)]
pub(super) struct Envelope {
    /// `StatusCode`, a number or text.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) data: Value,
}

impl Envelope {
    /// Reads an answer; `None` when it is no such envelope.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut answer: Value = serde_json::from_slice(body).ok()?;
        let code = text(field(&answer, "StatusCode"));
        let message = text(field(&answer, "Message"));
        let key = answer.as_object()?.keys().find(|key| key.eq_ignore_ascii_case("Data")).cloned();
        let data = key.and_then(|key| answer.get_mut(&key).map(Value::take)).unwrap_or_default();
        (!code.is_empty()).then_some(Self { code, message, data })
    }

    /// Why the call failed; `None` when it did not. 200 alone says nothing: a row may have failed, or the message says
    /// so.
    pub(super) fn failure(&self) -> Option<String> {
        let row = failed_row(&self.data, ROW_DEPTH);
        if self.code == "200" && row.is_none() && !errors::is_failure(&self.message) {
            return None;
        }
        let said = [Some(self.message.clone()), row].into_iter().flatten();
        let said: Vec<String> = said.filter(|text| !text.is_empty() && text != "Successful").collect();
        Some(said.join("; "))
    }

    /// What was saved: the number from `Data` in its several shapes, then from a message that looks like one.
    pub(super) fn saved(&self) -> Saved {
        let row = self.data.get(0).unwrap_or(&self.data);
        let first =
            |names: &[&str]| names.iter().map(|name| text(field(row, name))).find(|text| !text.is_empty());
        let in_message = || is_number(&self.message).then(|| self.message.clone());
        Saved {
            number: first(&["BillNo", "FBillNo", "FNumber"]).or_else(in_message),
            id: first(&["InterID", "FInterID", "FItemID"]).unwrap_or_default(),
        }
    }

    /// The rows of a list; `None` when it has none at the known places.
    pub(super) fn rows(self) -> Option<Vec<Value>> {
        if let Value::Array(rows) = self.data {
            return Some(rows);
        }
        let count = text(field(&self.data, "ROWCOUNT"));
        match field(&self.data, "Data") {
            Some(Value::Array(rows)) => Some(rows.clone()),
            Some(Value::Null) | None if count == "0" => Some(Vec::new()),
            _ => None,
        }
    }
}

/// A field whatever its letter case: builds differ in it.
pub fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// A text or number as text; everything else is empty.
pub fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// What the first failed row says.
fn failed_row(value: &Value, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Array(list) => list.iter().find_map(|inner| failed_row(inner, depth)),
        Value::Object(object) => {
            let status = text(field(value, "FStatus"));
            let message = text(field(value, "FMessage"));
            if status.eq_ignore_ascii_case("false") {
                return Some(message);
            }
            object.values().find_map(|inner| failed_row(inner, depth))
        }
        _ => None,
    }
}

/// Whether a message is a document's number: one word with a digit.
fn is_number(message: &str) -> bool {
    message.len() <= 80
        && message.bytes().any(|byte| byte.is_ascii_digit())
        && message.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Envelope {
        Envelope::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_saved_document_is_named_in_each_shape() {
        for (answer, number, id) in [
            (
                r#"{"StatusCode":200,"Message":"Successful","Data":{"BillNo":"XM1","InterID":13352}}"#,
                Some("XM1"),
                "13352",
            ),
            (r#"{"StatusCode":"200","Message":"XM1","Data":null}"#, Some("XM1"), ""),
            (
                r#"{"statuscode":200,"message":"Successful","data":[{"FStatus":true,"FBillNo":"XM1"}]}"#,
                Some("XM1"),
                "",
            ),
            (r#"{"StatusCode":200,"Message":"Successful"}"#, None, ""),
        ] {
            let envelope = read(answer);
            assert_eq!(envelope.failure(), None, "{answer}");
            assert_eq!(envelope.saved(), Saved { number: number.map(str::to_owned), id: id.to_owned() });
        }
    }

    #[test]
    fn a_failure_hides_behind_200_as_well() {
        for (answer, said) in [
            (
                r#"{"StatusCode":201,"Message":"Faild","Data":[{"FStatus":"false","FMessage":"客户不存在"}]}"#,
                "Faild; 客户不存在",
            ),
            (
                r#"{"StatusCode":200,"Message":"Successful","Data":[{"Data":[{"FStatus":false,"FMessage":"必录"}]}]}"#,
                "必录",
            ),
            (r#"{"StatusCode":200,"Message":"保存失败","Data":null}"#, "保存失败"),
            (r#"{"StatusCode":500,"Message":"","Data":null}"#, ""),
        ] {
            assert_eq!(read(answer).failure().as_deref(), Some(said), "{answer}");
        }
        assert!(Envelope::read(b"{}").is_none() && Envelope::read(b"<html>").is_none());
    }

    #[test]
    fn a_list_lies_at_several_places_and_an_unreadable_one_is_not_empty() {
        assert_eq!(
            read(r#"{"StatusCode":200,"Data":{"DATA":[{"FBillNo":"1"}],"ROWCOUNT":1}}"#)
                .rows()
                .unwrap()
                .len(),
            1
        );
        assert_eq!(read(r#"{"StatusCode":200,"Data":{"Data":[]}}"#).rows(), Some(Vec::new()));
        assert_eq!(read(r#"{"StatusCode":200,"Data":{"ROWCOUNT":"0"}}"#).rows(), Some(Vec::new()));
        assert_eq!(read(r#"{"StatusCode":200,"Data":{"x":1}}"#).rows(), None);
        assert_eq!(read(r#"{"StatusCode":200,"Data":null}"#).rows(), None);
    }
}
