//! The parameters of a call, wherever they travelled: query and form are one set (contract wangdiantong-enterprise §2).

use crate::clock;

use super::{Refusal, sign::Fields};

/// Reads the query of a URL and a form body into one set.
///
/// # Errors
/// When a parameter comes twice or is not UTF-8 once decoded.
pub fn merged(query: &str, form: &[u8]) -> Result<Fields, Refusal> {
    let mut fields = Fields::new();
    for part in [query.as_bytes(), form] {
        for (name, value) in url::form_urlencoded::parse(part) {
            if value.contains('\u{FFFD}') {
                return Err(Refusal::new(1, format!("参数{name}不是UTF-8编码")));
            }
            if fields.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Refusal::new(1, format!("参数{name}重复")));
            }
        }
    }
    Ok(fields)
}

/// A parameter that is there and not empty.
pub fn present<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// A parameter that must be there; `code` is what its absence is refused with.
pub fn required<'f>(fields: &'f Fields, name: &str, code: i64) -> Result<&'f str, Refusal> {
    present(fields, name).ok_or_else(|| Refusal::new(code, format!("缺少参数{name}")))
}

/// A whole number, if the parameter is there.
pub fn whole(fields: &Fields, name: &str, code: i64) -> Result<Option<u64>, Refusal> {
    let read = |text: &str| text.parse().map_err(|_| Refusal::new(code, format!("参数{name}必须是整数")));
    present(fields, name).map(read).transpose()
}

/// A time, as text of the documented form.
pub fn time(name: &str, text: &str, code: i64) -> Result<i64, Refusal> {
    clock::from_text(text)
        .ok_or_else(|| Refusal::new(code, format!("参数{name}的格式必须是yyyy-MM-dd HH:mm:ss")))
}

/// The parts of a comma separated list.
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_and_form_are_one_set() {
        let fields = merged("a=1&b=%E5%BA%97", b"c=x+y").unwrap();
        assert_eq!(fields.into_values().collect::<Vec<_>>(), ["1", "店", "x y"]);
        assert!(merged("a=1", b"a=1").is_err(), "twice");
        assert!(merged("a=%FF", b"").is_err(), "not utf-8");
    }
}
