//! The envelope (contract jushuitan §6): a code as number or text, the list wherever the setting says, page fields beside
//! it or at the top, and every row as the bytes that came.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

/// A good answer to a list call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Each row's bytes exactly as the API sent them: slices of the body (invariant 6).
    pub rows: Vec<Bytes>,
    /// What the answer says about its page.
    pub page: Page,
    /// The vendor's id of the call, for its support.
    pub request_id: Option<String>,
}

/// The page fields; each may be absent, and 0 when the server was not asked to count: trust `has_next` first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Number of this page.
    pub index: Option<u64>,
    /// Its size as asked for.
    pub size: Option<u64>,
    /// Records of the whole list.
    pub total: Option<u64>,
    /// Pages of the whole list.
    pub pages: Option<u64>,
    /// Whether more follow.
    pub has_next: Option<bool>,
}

/// An answer read as far as its code.
#[derive(Debug)]
pub(super) enum Reading {
    /// `code` is 0.
    Good(Answer),
    /// `code` is something else.
    Refused {
        /// The code as text.
        code: String,
        /// `msg`, empty when it is null.
        text: String,
    },
}

/// An answer of another shape.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    /// Cut off, or not JSON at all.
    #[error("not whole JSON: {0}")]
    NotJson(String),
    /// Without a code.
    #[error("the answer has no code")]
    NoCode,
    /// The list is not where the setting says.
    #[error("no list at {0:?}; is the list path of the source right?")]
    NoList(String),
}

type Fields<'a> = HashMap<String, &'a RawValue>;

/// Reads a body; the rows share its memory.
pub(super) fn read(body: &Bytes, list_path: &str) -> Result<Reading, Misread> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let top: Fields<'_> =
        serde_json::from_slice(text).map_err(|error| Misread::NotJson(error.to_string()))?;
    let code = top.get("code").and_then(|raw| scalar(raw)).ok_or(Misread::NoCode)?;
    if code != "0" {
        let text = top.get("msg").and_then(|raw| scalar(raw)).unwrap_or_default();
        return Ok(Reading::Refused { code, text });
    }
    let mut levels = vec![top];
    let rows = find_list(&mut levels, list_path)?;
    let rows = rows.into_iter().map(|row| body.slice_ref(row.get().as_bytes())).collect();
    let request_id = levels.first().and_then(|top| top.get("request_id")).and_then(|raw| scalar(raw));
    Ok(Reading::Good(Answer { rows, page: page_of(&levels), request_id }))
}

/// The rows at `path`; `levels` receives the objects passed on the way. A list that is null has no rows; one that is
/// missing is an error, for a wrong setting must not look like an empty window.
fn find_list<'a>(levels: &mut Vec<Fields<'a>>, path: &str) -> Result<Vec<&'a RawValue>, Misread> {
    let missing = || Misread::NoList(path.to_owned());
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let raw = *levels.last().and_then(|fields| fields.get(name)).ok_or_else(missing)?;
        if raw.get() == "null" {
            return Ok(Vec::new());
        }
        if names.peek().is_none() {
            return serde_json::from_str(raw.get()).map_err(|_| missing());
        }
        levels.push(serde_json::from_str(raw.get()).map_err(|_| missing())?);
    }
    Err(missing())
}

fn page_of(levels: &[Fields<'_>]) -> Page {
    let find = |names: &[&str]| {
        let of_level =
            |fields: &Fields<'_>| names.iter().find_map(|name| fields.get(*name).and_then(|raw| scalar(raw)));
        levels.iter().rev().find_map(of_level)
    };
    let number = |names: &[&str]| find(names).and_then(|text| text.parse().ok());
    Page {
        index: number(&["page_index", "page_num"]),
        size: number(&["page_size"]),
        total: number(&["data_count", "total"]),
        pages: number(&["page_count"]),
        has_next: find(&["has_next"]).and_then(|text| match text.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }),
    }
}

/// A number, text or boolean as text; `None` for null, an empty text, a list or an object.
pub(super) fn scalar(raw: &RawValue) -> Option<String> {
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

    fn good(body: &'static str, path: &str) -> Answer {
        match read(&Bytes::from_static(body.as_bytes()), path) {
            Ok(Reading::Good(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_paged_envelope_gives_rows_as_they_came() {
        let body = "{\"code\":0,\"issuccess\":true,\"msg\":\"执行成功\",\"data\":{\"page_index\":1,\"page_size\":50,\
                    \"data_count\":2,\"page_count\":1,\"has_next\":false,\n \"datas\":[ {\"n\": 0.10 ,\"a\":\"\\u4e2d\"},{\"n\":1e3}]}}";
        let answer = good(body, "data.datas");
        assert_eq!(
            answer.rows,
            [Bytes::from_static(b"{\"n\": 0.10 ,\"a\":\"\\u4e2d\"}"), Bytes::from_static(b"{\"n\":1e3}")]
        );
        let page =
            Page { index: Some(1), size: Some(50), total: Some(2), pages: Some(1), has_next: Some(false) };
        assert_eq!(answer.page, page);
    }

    #[test]
    fn rows_share_the_memory_of_the_body() {
        let body = Bytes::from_static(br#"{"code":0,"data":[{"a":1}]}"#);
        let Ok(Reading::Good(answer)) = read(&body, "data") else { panic!("unread") };
        assert!(body.as_ptr_range().contains(&answer.rows[0].as_ptr()));
    }

    #[test]
    fn the_bare_array_and_other_places_are_read() {
        let bare = good(r#"{"code":"0","msg":null,"request_id":"r-1","data":[{"o_id":"7001"}]}"#, "data");
        assert_eq!(
            (bare.rows.len(), bare.page, bare.request_id.as_deref()),
            (1, Page::default(), Some("r-1"))
        );
        let top = good(r#"{"code":0,"issuccess":"","has_next":"true","data_count":"7","datas":[]}"#, "datas");
        assert_eq!((top.rows.len(), top.page.total, top.page.has_next), (0, Some(7), Some(true)));
        let mixed = good(r#"{"code":0,"has_next":false,"data":{"items":[1,2]}}"#, "data.items");
        assert_eq!((mixed.rows.len(), mixed.page.has_next), (2, Some(false)));
        let successor = good(r#"{"code":0,"data":{"total":3,"channel_vos":[{},{},{}]}}"#, "data.channel_vos");
        assert_eq!((successor.rows.len(), successor.page.total), (3, Some(3)));
        assert!(good(r#"{"code":0,"data":null}"#, "data.datas").rows.is_empty());
        assert_eq!(good("\u{feff}{\"code\":0,\"data\":[1]}", "data").rows, [Bytes::from_static(b"1")]);
    }

    #[test]
    fn a_refusal_is_read_with_code_as_number_or_text() {
        for (body, expect) in [
            (r#"{"code":199,"msg":"太快","data":null}"#, ("199", "太快")),
            (r#"{"code":"100","msg":null}"#, ("100", "")),
            (r#"{"issuccess":true,"code":200,"msg":"超限"}"#, ("200", "超限")),
        ] {
            match read(&Bytes::from(body), "data") {
                Ok(Reading::Refused { code, text }) => assert_eq!((code.as_str(), text.as_str()), expect),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn another_shape_is_an_error_and_never_an_empty_list() {
        let misread = |body: &'static str, path: &str| read(&Bytes::from(body), path).err();
        assert!(matches!(misread(r#"{"code":0,"data":[{"a":1},{"#, "data"), Some(Misread::NotJson(_))));
        assert!(matches!(misread("<html>busy</html>", "data"), Some(Misread::NotJson(_))));
        assert_eq!(misread(r#"{"data":[]}"#, "data"), Some(Misread::NoCode));
        assert_eq!(misread(r#"{"code":0}"#, "data"), Some(Misread::NoList("data".into())));
        assert_eq!(
            misread(r#"{"code":0,"data":{}}"#, "data.datas"),
            Some(Misread::NoList("data.datas".into()))
        );
        assert_eq!(misread(r#"{"code":0,"data":{}}"#, "data"), Some(Misread::NoList("data".into())));
    }
}
