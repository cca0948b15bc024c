//! The business parameters of a call: the JSON text of the field `biz`, read as leniently as the platform reads it.

use serde_json::{Map, Value};

use crate::clock;

use super::Refusal;

/// The parameters of a call.
#[derive(Debug)]
pub struct Biz(Map<String, Value>);

/// A window of time, closed at both ends, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub begin: i64,
    pub end: i64,
}

impl Window {
    /// Whether a time lies in the window.
    pub fn contains(&self, seconds: i64) -> bool {
        (self.begin..=self.end).contains(&seconds)
    }
}

/// Which page of how many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub index: u64,
    pub size: u64,
}

impl Page {
    /// How many rows come before this page.
    pub fn skipped(&self) -> usize {
        usize::try_from((self.index - 1).saturating_mul(self.size)).unwrap_or(usize::MAX)
    }

    /// How many rows the page has at most.
    pub fn rows(&self) -> usize {
        usize::try_from(self.size).unwrap_or(usize::MAX)
    }
}

impl Biz {
    /// Reads the text.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        serde_json::from_str(text).map(Self).map_err(|_| Refusal::parameter("biz不是JSON对象"))
    }

    /// A parameter, unless it is absent or null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A whole number, or a text that is one.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.get(name).map(|value| whole(value).ok_or_else(|| not_whole(name))).transpose()
    }

    /// A list of texts or numbers; absent and empty are the same.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items.iter().map(text_of).collect()),
            Some(_) => Err(Refusal::parameter(format_args!("{name}必须是数组"))),
        }
    }

    /// The page asked for by the parameter `name` and `page_size`; `default_size` stands in for an absent size.
    pub fn page(&self, name: &str, default_size: Option<u64>, largest: u64) -> Result<Page, Refusal> {
        let missing = || Refusal::parameter(format_args!("缺少{name}"));
        let index = self.whole(name)?.ok_or_else(missing)?;
        let size = self.whole("page_size")?.or(default_size);
        let size = size.ok_or_else(|| Refusal::parameter("缺少page_size"))?;
        if index == 0 {
            return Err(Refusal::parameter(format_args!("{name}从1开始")));
        }
        if size == 0 || size > largest {
            return Err(Refusal::parameter(format_args!("page_size必须在1到{largest}之间")));
        }
        Ok(Page { index, size })
    }

    /// A window of time, both ends or neither, at most `longest_days` long.
    pub fn window(&self, begin: &str, end: &str, longest_days: i64) -> Result<Option<Window>, Refusal> {
        let window = match (self.time(begin)?, self.time(end)?) {
            (None, None) => return Ok(None),
            (Some(begin), Some(end)) => Window { begin, end },
            _ => return Err(Refusal::parameter(format_args!("{begin}和{end}必须同时存在"))),
        };
        if window.end < window.begin {
            return Err(Refusal::parameter(format_args!("{end}早于{begin}")));
        }
        if window.end - window.begin > longest_days * 86_400 {
            return Err(Refusal::parameter(format_args!("{begin}和{end}的间隔不能超过{longest_days}天")));
        }
        Ok(Some(window))
    }

    fn time(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_str().and_then(clock::from_text) {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(Refusal::parameter(format_args!("{name}的格式必须是yyyy-MM-dd HH:mm:ss"))),
        }
    }
}

/// A number or text as text.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn whole(value: &Value) -> Option<u64> {
    text_of(value).parse().ok()
}

fn not_whole(name: &str) -> Refusal {
    Refusal::parameter(format_args!("{name}必须是整数"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn biz(text: &str) -> Biz {
        Biz::read(text).unwrap()
    }

    #[test]
    fn numbers_may_be_texts() {
        let page = biz(r#"{"page_index":"2","page_size":50}"#).page("page_index", None, 50).unwrap();
        assert_eq!(page, Page { index: 2, size: 50 });
        assert_eq!((page.skipped(), page.rows()), (50, 50));
        assert_eq!(biz(r#"{"page_index":1}"#).page("page_index", Some(1000), 1000).unwrap().size, 1000);
    }

    #[test]
    fn bad_pages_are_refused() {
        for text in [
            r#"{"page_index":0,"page_size":50}"#,
            r#"{"page_index":1,"page_size":51}"#,
            r#"{"page_index":1,"page_size":0}"#,
            r#"{"page_index":"x","page_size":1}"#,
            r#"{"page_size":1}"#,
            r#"{"page_index":1}"#,
        ] {
            assert_eq!(biz(text).page("page_index", None, 50).unwrap_err().code, 140, "{text}");
        }
    }

    #[test]
    fn windows_have_two_ends_and_a_length() {
        let seven = r#"{"b":"2024-01-08 00:00:00","e":"2024-01-15 00:00:00"}"#;
        let window = biz(seven).window("b", "e", 7).unwrap().unwrap();
        assert!(
            window.contains(window.begin) && window.contains(window.end) && !window.contains(window.end + 1)
        );
        assert_eq!(biz("{}").window("b", "e", 7).unwrap(), None);
        for text in [
            r#"{"b":"2024-01-08 00:00:00","e":"2024-01-15 00:00:01"}"#,
            r#"{"b":"2024-01-08 00:00:00"}"#,
            r#"{"b":"2024-01-08 00:00:01","e":"2024-01-08 00:00:00"}"#,
            r#"{"b":"2024-01-08","e":"2024-01-09"}"#,
        ] {
            assert_eq!(biz(text).window("b", "e", 7).unwrap_err().code, 140, "{text}");
        }
    }
}
