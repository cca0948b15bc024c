//! The envelope `{code, message, now, data}`: codes and totals are numbers or texts, an empty object may be `[]`, and rows
//! are kept as the bytes that came (contract xiaoman-okki §4, §5, §9).

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

/// A page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// Each row's bytes exactly as the API sent them: slices of the body (invariant 6).
    pub rows: Vec<Bytes>,
    /// Records of the whole list.
    pub total: Option<u64>,
}

/// The envelope, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Good,
    Refused { code: String, text: String },
}

/// Why an answer is not of a known shape.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    #[error("it is no JSON object")]
    NotAnObject,
    #[error("it has neither code nor error")]
    NoCode,
    #[error("it has no list at {0}")]
    NoList(String),
    #[error("it has no object at data")]
    NoObject,
}

/// Names a total may have, the first present one counts (contract xiaoman-okki §4).
const TOTALS: [&str; 3] = ["count", "totalItem", "total"];

type Fields<'a> = HashMap<String, &'a RawValue>;

/// Success or refusal. A body without a code but with an OAuth `error` is a refusal too.
pub(super) fn read(body: &[u8]) -> Result<Reading, Misread> {
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| Misread::NotAnObject)?;
    let named = |name: &str| fields.get(name).and_then(|raw| scalar(raw)).filter(|text| !text.is_empty());
    let code =
        named("code").or_else(|| named("error_code")).or_else(|| named("error")).ok_or(Misread::NoCode)?;
    if matches!(code.as_str(), "200" | "0") && named("error").is_none() {
        return Ok(Reading::Good);
    }
    let text = ["message", "error_description", "error"].into_iter().find_map(named).unwrap_or_default();
    Ok(Reading::Refused { code, text })
}

/// The rows at `path` and the total beside them.
pub(super) fn list(body: &Bytes, path: &str) -> Result<List, Misread> {
    let no_list = || Misread::NoList(path.to_owned());
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let mut level: &RawValue = serde_json::from_slice(body).map_err(|_| Misread::NotAnObject)?;
    for parent in parents.split('.').filter(|parent| !parent.is_empty()) {
        let fields: Fields<'_> = serde_json::from_str(level.get()).map_err(|_| no_list())?;
        level = fields.get(parent).copied().ok_or_else(no_list)?;
    }
    // An object without anything in it may arrive as a list.
    if level.get() == "[]" {
        return Ok(List { rows: Vec::new(), total: Some(0) });
    }
    let fields: Fields<'_> = serde_json::from_str(level.get()).map_err(|_| no_list())?;
    let raw = fields.get(name).ok_or_else(no_list)?;
    let rows: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| no_list())?;
    let total = TOTALS.iter().find_map(|name| scalar(fields.get(*name)?)?.parse().ok());
    Ok(List { rows: rows.into_iter().map(|row| body.slice_ref(row.get().as_bytes())).collect(), total })
}

/// The bytes of the object at `data`; `None` when it is there and empty.
pub(super) fn object(body: &Bytes) -> Result<Option<Bytes>, Misread> {
    let fields: Fields<'_> = serde_json::from_slice(body).map_err(|_| Misread::NotAnObject)?;
    let data = fields.get("data").ok_or(Misread::NoObject)?.get();
    if data == "[]" || data == "null" {
        return Ok(None);
    }
    let object: Fields<'_> = serde_json::from_str(data).map_err(|_| Misread::NoObject)?;
    Ok((!object.is_empty()).then(|| body.slice_ref(data.as_bytes())))
}

/// A text or number as text.
fn scalar(raw: &RawValue) -> Option<String> {
    match serde_json::from_str(raw.get()).ok()? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_bytes_and_totals_their_several_names() {
        let body = Bytes::from_static(
            br#"{"code":"200","data":{"list":[{ "a": 0.10 },{"a":"x"}],"totalItem":"7"},"now":"2024-01-15 10:00:00"}"#,
        );
        assert_eq!(read(&body), Ok(Reading::Good));
        let page = list(&body, "data.list").unwrap();
        assert_eq!(page.rows, [&br#"{ "a": 0.10 }"#[..], br#"{"a":"x"}"#]);
        assert_eq!(page.total, Some(7));
        let seeds = Bytes::from_static(br#"{"code":0,"orders":[{"a":1}]}"#);
        assert_eq!(
            list(&seeds, "orders").unwrap(),
            List { rows: vec![Bytes::from_static(br#"{"a":1}"#)], total: None }
        );
    }

    #[test]
    fn an_empty_object_may_be_a_list_and_a_missing_list_is_no_empty_one() {
        let empty = Bytes::from_static(br#"{"code":200,"data":[]}"#);
        assert_eq!(list(&empty, "data.list").unwrap(), List { rows: Vec::new(), total: Some(0) });
        assert_eq!(object(&empty), Ok(None));
        for body in
            [&br#"{"code":200}"#[..], br#"{"code":200,"data":{}}"#, br#"{"code":200,"data":{"list":5}}"#]
        {
            let misread = list(&Bytes::from_static(body), "data.list").unwrap_err();
            assert_eq!(misread, Misread::NoList("data.list".to_owned()));
        }
        assert_eq!(object(&Bytes::from_static(br#"{"code":200,"data":5}"#)), Err(Misread::NoObject));
    }

    #[test]
    fn a_refusal_has_a_code_and_words_whichever_layer_speaks() {
        let refused = |body: &str| match read(body.as_bytes()) {
            Ok(Reading::Refused { code, text }) => (code, text),
            other => panic!("{body}: {other:?}"),
        };
        let of = |code: &str, text: &str| (code.to_owned(), text.to_owned());
        assert_eq!(
            refused(r#"{"code":404,"message":"Not Found Resource"}"#),
            of("404", "Not Found Resource")
        );
        assert_eq!(refused(r#"{"error_code":"401","message":"access_denied"}"#), of("401", "access_denied"));
        assert_eq!(
            refused(r#"{"error":"invalid_client","error_description":"no","message":""}"#),
            of("invalid_client", "no")
        );
        assert_eq!(read(b"[1]"), Err(Misread::NotAnObject));
        assert_eq!(read(b"{}"), Err(Misread::NoCode));
    }
}
