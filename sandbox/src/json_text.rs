//! Writes one JSON object field by field, so that numbers keep the digits they are meant to have on the wire.
//!
//! Invariant 5 can only be tested with texts such as `10.00`, which no number type keeps.

use std::fmt::{Display, Write as _};

/// A JSON object under construction.
pub struct ObjectText {
    text: String,
}

impl ObjectText {
    /// An object without fields.
    pub fn new() -> Self {
        Self { text: String::from("{") }
    }

    /// Adds a text value.
    pub fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, serde_json::Value::from(value))
    }

    /// Adds a text value, or `null`.
    pub fn text_or_null(self, key: &str, value: Option<&str>) -> Self {
        self.raw(key, serde_json::Value::from(value))
    }

    /// Adds a value that is JSON already: a number, a list, an object.
    pub fn raw(mut self, key: &str, json: impl Display) -> Self {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{}:{json}", serde_json::Value::from(key));
        self
    }

    /// The finished object.
    pub fn finish(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// A JSON array of texts that are JSON already.
pub fn array<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(item);
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_escapes_stay() {
        let text =
            ObjectText::new().text("名", "a\"b").raw("price", "10.00").text_or_null("x", None).finish();
        assert_eq!(text, r#"{"名":"a\"b","price":10.00,"x":null}"#);
        assert_eq!(array([text.as_str(), "1"]), format!("[{text},1]"));
    }
}
