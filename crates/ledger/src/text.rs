//! How text is cut to the width of a column: in characters, as MySQL counts them.

use std::borrow::Cow;

use weir_model::digest::Digest;

/// Width of columns that hold record ids, numbers and keys.
pub const KEY_WIDTH: usize = 255;
/// Width of messages: long enough for any ERP's answer, short enough for a million rows.
pub const MESSAGE_WIDTH: usize = 4_000;

/// A key that fits its column. One that is too long is cut and told apart by its digest, so that two keys stay two.
pub fn key(text: &str) -> Cow<'_, str> {
    if text.chars().nth(KEY_WIDTH).is_none() {
        return Cow::Borrowed(text);
    }
    let digest = Digest::of(text.as_bytes()).to_string();
    let kept: String = text.chars().take(KEY_WIDTH - digest.len() - 1).collect();
    Cow::Owned(format!("{kept}~{digest}"))
}

/// The first `width` characters.
pub fn fit(text: &str, width: usize) -> &str {
    text.char_indices().nth(width).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays_as_it_is() {
        assert_eq!(key("销售订单-1"), "销售订单-1");
        assert_eq!(fit("销售", 2), "销售");
        assert_eq!(fit("销售订单", 2), "销售");
    }

    #[test]
    fn long_keys_stay_different() {
        let (one, other) = (format!("{}a", "单".repeat(300)), format!("{}b", "单".repeat(300)));
        assert_ne!(key(&one), key(&other));
        assert_eq!(key(&one).chars().count(), KEY_WIDTH);
    }
}
