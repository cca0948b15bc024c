//! Answers: JSON whose codes and totals may be numbers or text, whose list may be missing, and whose rows are kept as the
//! bytes that came (contracts wangdiantong-enterprise §6, wangdiantong-flagship §5).

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

/// A good answer to a list call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Each row's bytes exactly as the API sent them: slices of the body (invariant 6).
    pub rows: Vec<Bytes>,
    /// Records of the whole list; told on the first page only.
    pub total: Option<u64>,
}

/// Whose words a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// 旺店通.
    Vendor,
    /// The TOP gateway in front of it.
    Top,
}

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Who says so: both number their errors from 1.
    pub speaker: Speaker,
    /// The code, as text.
    pub code: String,
    /// The gateway's second code, or empty.
    pub sub_code: String,
    /// The words.
    pub text: String,
}

impl Refusal {
    /// The code as it is shown and as the tables have it: the gateway's with its name before it.
    pub fn shown_code(&self) -> String {
        match self.speaker {
            Speaker::Vendor => self.code.clone(),
            Speaker::Top => format!("TOP {}", self.code),
        }
    }
}

/// An answer, read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    /// Success.
    Good(Answer),
    /// A refusal.
    Refused(Refusal),
}

/// An answer of another shape.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Cut off, or not JSON at all.
    #[error("not whole JSON: {0}")]
    NotJson(String),
    /// Without the code that tells success.
    #[error("the answer has no {0}")]
    NoCode(&'static str),
    /// Qimen answers with one object under one name.
    #[error("the answer is not one object under one name")]
    NoRoot,
    /// What holds the list is missing.
    #[error("no {0} in the answer")]
    NoData(String),
}

/// Names of the fields of a vendor's answer.
pub(super) struct Names {
    /// The code; success is 0.
    pub code: &'static str,
    /// The words.
    pub text: &'static str,
}

type Fields<'a> = HashMap<String, &'a RawValue>;

/// Reads a bare answer.
pub(super) fn read(body: &Bytes, names: &Names, list_path: &str) -> Result<Reading, Misread> {
    let fields: Fields<'_> = serde_json::from_slice(unmarked(body)).map_err(|error| not_json(&error))?;
    read_fields(body, fields, names, list_path)
}

/// Reads an answer of Qimen: one object under a name that is not relied on; the gateway's own failure goes first.
/// `list_path` begins with that name.
pub(super) fn read_wrapped(body: &Bytes, names: &Names, list_path: &str) -> Result<Reading, Misread> {
    let top: Fields<'_> = serde_json::from_slice(unmarked(body)).map_err(|error| not_json(&error))?;
    let mut roots = top.iter();
    let (Some((name, root)), None) = (roots.next(), roots.next()) else { return Err(Misread::NoRoot) };
    let fields: Fields<'_> = serde_json::from_str(root.get()).map_err(|_| Misread::NoRoot)?;
    let text = |names: &[&str]| {
        names.iter().find_map(|name| fields.get(*name).and_then(|raw| scalar(raw))).unwrap_or_default()
    };
    if name == "error_response" || text(&["flag"]) == "failure" {
        let (words, sub_words) = (text(&["message", "msg"]), text(&["sub_message", "sub_msg"]));
        let text_of_both = if sub_words.is_empty() { words } else { format!("{words}: {sub_words}") };
        return Ok(Reading::Refused(Refusal {
            speaker: Speaker::Top,
            code: text(&["code"]),
            sub_code: text(&["sub_code"]),
            text: text_of_both,
        }));
    }
    let below_root = list_path.split_once('.').map_or(list_path, |(_, rest)| rest);
    read_fields(body, fields, names, below_root)
}

fn read_fields(body: &Bytes, fields: Fields<'_>, names: &Names, list_path: &str) -> Result<Reading, Misread> {
    let text = |name: &str| fields.get(name).and_then(|raw| scalar(raw));
    let code = text(names.code).ok_or(Misread::NoCode(names.code))?;
    if code != "0" {
        let text = text(names.text).unwrap_or_default();
        let sub_code = String::new();
        return Ok(Reading::Refused(Refusal { speaker: Speaker::Vendor, code, sub_code, text }));
    }
    let (holder, list) = match list_path.rsplit_once('.') {
        Some((holder, list)) => (Some(holder), list),
        None => (None, list_path),
    };
    let missing = || Misread::NoData(list_path.to_owned());
    let fields = match holder {
        None => fields,
        Some(name) => fields
            .get(name)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or_else(|| Misread::NoData(name.to_owned()))?,
    };
    let total = fields.get("total_count").and_then(|raw| scalar(raw)).and_then(|text| text.parse().ok());
    let rows: Vec<&RawValue> = match fields.get(list).filter(|raw| raw.get() != "null") {
        // Nothing matches: the vendor leaves the list out.
        None => Vec::new(),
        Some(raw) => serde_json::from_str(raw.get()).map_err(|_| missing())?,
    };
    let rows = rows.into_iter().map(|row| body.slice_ref(row.get().as_bytes())).collect();
    Ok(Reading::Good(Answer { rows, total }))
}

/// The text without a byte order mark.
fn unmarked(body: &Bytes) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

fn not_json(error: &serde_json::Error) -> Misread {
    Misread::NotJson(error.to_string())
}

/// A number, text or boolean as text; `None` for null, an empty text, a list or an object.
fn scalar(raw: &RawValue) -> Option<String> {
    let text = match raw.get().as_bytes().first()? {
        b'"' => serde_json::from_str(raw.get()).ok()?,
        b'{' | b'[' | b'n' => return None,
        _ => raw.get().to_owned(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: Names = Names { code: "code", text: "message" };
    const WRAPPED: Names = Names { code: "errorcode", text: "message" };
    const FLAGSHIP: Names = Names { code: "status", text: "message" };

    fn refused(speaker: Speaker, code: &str, sub_code: &str, text: &str) -> Reading {
        Reading::Refused(Refusal { speaker, code: code.into(), sub_code: sub_code.into(), text: text.into() })
    }

    #[test]
    fn rows_are_slices_of_the_body_and_numbers_may_be_text() {
        let body = Bytes::from_static(
            br#"{"code":"0","message":"ok","total_count":"41","refunds":[ {"a": "59.0000" },{"b":1}]}"#,
        );
        let Ok(Reading::Good(answer)) = read(&body, &BARE, "refunds") else { panic!("unread") };
        assert_eq!(
            answer.rows,
            [Bytes::from_static(br#"{"a": "59.0000" }"#), Bytes::from_static(br#"{"b":1}"#)]
        );
        assert_eq!(answer.total, Some(41));
        assert!(body.as_ptr_range().contains(&answer.rows[0].as_ptr()));
    }

    #[test]
    fn a_missing_list_is_empty_and_a_later_page_tells_no_total() {
        for body in [r#"{"code":0}"#, r#"{"code":0,"refunds":null}"#, r#"{"code":0,"refunds":[]}"#] {
            let read = read(&Bytes::from(body), &BARE, "refunds");
            assert_eq!(read, Ok(Reading::Good(Answer::default())), "{body}");
        }
        let body = Bytes::from(r#"{"status":"0","data":{"total_count":0}}"#);
        let answer = Answer { rows: Vec::new(), total: Some(0) };
        assert_eq!(read(&body, &FLAGSHIP, "data.order"), Ok(Reading::Good(answer)));
    }

    #[test]
    fn the_root_of_qimen_may_have_any_name() {
        for root in ["response", "wdt_aftersales_refund_refund_search_response"] {
            let body = format!(r#"{{"{root}":{{"status":0,"data":{{"total_count":1,"order":[{{}}]}}}}}}"#);
            let read = read_wrapped(&Bytes::from(body), &FLAGSHIP, "response.data.order");
            let Ok(Reading::Good(answer)) = read else { panic!("{read:?}") };
            assert_eq!((answer.rows.len(), answer.total), (1, Some(1)));
        }
    }

    #[test]
    fn the_gateways_failure_is_told_from_the_vendors() {
        let wrapped = |body: &str| read_wrapped(&Bytes::from(body.to_owned()), &WRAPPED, "response.refunds");
        let business = r#"{"response":{"errorcode":1012,"message":"太快"}}"#;
        assert_eq!(wrapped(business), Ok(refused(Speaker::Vendor, "1012", "", "太快")));
        let gateway = r#"{"response":{"flag":"failure","code":"15","message":"Remote service error","sub_code":"isp.timeout","sub_message":"slow","request_id":"r"}}"#;
        let expect = refused(Speaker::Top, "15", "isp.timeout", "Remote service error: slow");
        assert_eq!(wrapped(gateway), Ok(expect));
        let other = r#"{"error_response":{"code":25,"msg":"Invalid signature"}}"#;
        assert_eq!(wrapped(other), Ok(refused(Speaker::Top, "25", "", "Invalid signature")));
    }

    #[test]
    fn another_shape_is_an_error_and_never_an_empty_list() {
        let bare = |body: &str| read(&Bytes::from(body.to_owned()), &BARE, "refunds");
        assert!(matches!(bare("<html>busy</html>"), Err(Misread::NotJson(_))));
        assert!(matches!(bare(r#"{"code":0,"refunds":[{"a":1"#), Err(Misread::NotJson(_))));
        assert_eq!(bare(r#"{"refunds":[]}"#), Err(Misread::NoCode("code")));
        assert_eq!(bare(r#"{"code":0,"refunds":{}}"#), Err(Misread::NoData("refunds".into())));
        let wrapped = |body: &str| read_wrapped(&Bytes::from(body.to_owned()), &WRAPPED, "response.refunds");
        assert_eq!(wrapped(r#"{"response":{"refunds":[]}}"#), Err(Misread::NoCode("errorcode")));
        assert_eq!(wrapped(r#"{"a":{},"b":{}}"#), Err(Misread::NoRoot));
        let flagship = read(&Bytes::from(r#"{"status":0}"#), &FLAGSHIP, "data.order");
        assert_eq!(flagship, Err(Misread::NoData("data".into())));
    }
}
