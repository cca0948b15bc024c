//! The cause of a dead letter without what differs from letter to letter, so that those of one cause stand together:
//! `客户编码C017不存在` and `客户编码C018不存在` are both `客户编码…不存在`. Pure.
//!
//! Numbers, ids (words with a digit in them) and quoted values become `…`. What names a field, column or table stays,
//! for another field is another cause.

use weir_model::digest::Digest;

/// Stands for what differs.
const ELLIPSIS: char = '…';
/// A longer cause says nothing more.
const LONGEST: usize = 500;
/// What is quoted after one of these is a name and not a value.
const NAMED: [&str; 20] = [
    "column",
    "columns",
    "field",
    "fields",
    "key",
    "table",
    "index",
    "constraint",
    "parameter",
    "property",
    "function",
    "字段",
    "列",
    "属性",
    "参数",
    "表",
    "表单",
    "单据体",
    "函数",
    "in",
];
/// Opening and closing marks of quoted text, and whether it is a caption of the vendor's rather than a value.
const QUOTES: [(char, char, bool); 11] = [
    ('\'', '\'', false),
    ('"', '"', false),
    ('`', '`', true),
    ('“', '”', false),
    ('‘', '’', false),
    ('「', '」', false),
    ('『', '』', false),
    ('【', '】', true),
    ('《', '》', true),
    ('[', ']', true),
    ('〔', '〕', true),
];

/// The cause of a message.
pub fn of(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    let mut out = String::with_capacity(message.len());
    let mut at = 0;
    while let Some(&current) = chars.get(at) {
        let rest = chars.get(at..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|index| chars.get(index)).copied();
        if let Some((length, caption)) = quoted(rest, before) {
            let content: String = rest.iter().skip(1).take(length - 2).collect();
            let named = caption || NAMED.iter().any(|word| ends_with_word(&out, word));
            if content.is_empty() || (named && !content.chars().any(|c| c.is_ascii_digit())) {
                out.extend(rest.iter().take(length));
            } else {
                out.push(current);
                put_ellipsis(&mut out);
                out.extend(rest.get(length - 1));
            }
            at += length;
        } else if is_word(current) {
            let length = word(rest);
            let word = rest.get(..length).unwrap_or_default();
            if word.iter().any(char::is_ascii_digit) {
                put_ellipsis(&mut out);
            } else {
                out.extend(word);
            }
            at += length;
        } else {
            if !(current.is_whitespace() && out.ends_with(char::is_whitespace)) {
                out.push(if current.is_whitespace() { ' ' } else { current });
            }
            at += 1;
        }
    }
    out.trim().chars().take(LONGEST).collect()
}

/// A short name for the letters of one owner, code and cause.
pub fn id(owner: &str, code: &str, cause: &str) -> String {
    let digest = Digest::of_parts([owner.as_bytes(), code.as_bytes(), cause.as_bytes()]);
    digest.to_string().chars().take(10).collect()
}

/// How long the quoted text at the beginning is with both its marks, and whether it is a caption.
fn quoted(rest: &[char], before: Option<char>) -> Option<(usize, bool)> {
    const FURTHEST: usize = 200;
    let open = rest.first()?;
    let (_, close, caption) = QUOTES.iter().find(|(mark, ..)| mark == open)?;
    // The mark of "doesn't" opens nothing.
    if open == close && before.is_some_and(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let length = rest.iter().skip(1).take(FURTHEST).position(|c| c == close)? + 2;
    Some((length, *caption))
}

/// Letters and digits of ASCII and what joins them in ids, dates, amounts and paths.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The length of the word at the beginning.
fn word(rest: &[char]) -> usize {
    let joins = |c: &char| matches!(c, '-' | '.' | '/' | ':' | '+' | '#' | '@' | '%');
    let mut length = 0;
    for (index, c) in rest.iter().enumerate() {
        if is_word(*c) {
            length = index + 1;
        } else if !joins(c) || index > length {
            break;
        }
    }
    length
}

/// Puts the sign, unless only marks of a list stand between it and the one before.
fn put_ellipsis(out: &mut String) {
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | '，' | '、' | ';' | '；' | '|');
    if let Some(kept) = out.trim_end_matches(separators).strip_suffix(ELLIPSIS) {
        let length = kept.len() + ELLIPSIS.len_utf8();
        out.truncate(length);
    } else {
        if out.ends_with('-') {
            out.pop();
        }
        out.push(ELLIPSIS);
    }
}

fn ends_with_word(out: &str, word: &str) -> bool {
    let out = out.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：'));
    let Some((before, last)) = out.len().checked_sub(word.len()).and_then(|at| out.split_at_checked(at))
    else {
        return false;
    };
    last.eq_ignore_ascii_case(word)
        && !(word.is_ascii() && before.ends_with(|c: char| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_letter_to_letter_goes() {
        for (message, cause) in [
            ("客户编码C017不存在", "客户编码…不存在"),
            ("客户编码 “张三” 不存在", "客户编码 “…” 不存在"),
            ("第 3 行数量 -2.50 小于 0", "第 … 行数量 … 小于 …"),
            ("单据 XSD-2024/05-0001 已审核，不能修改", "单据 … 已审核，不能修改"),
            ("Duplicate entry 'A-1-旺店' for key 'uk_order'", "Duplicate entry '…' for key 'uk_order'"),
            ("Data too long for column 'name' at row 17", "Data too long for column 'name' at row …"),
            ("material 8f3e-22 doesn't exist in org 101.2", "material … doesn't exist in org …"),
            ("单号 A1、A2, A3 重复", "单号 … 重复"),
            ("2024-05-18 10:22:33 期间已关账", "… 期间已关账"),
            ("  two   spaces ", "two spaces"),
            ("", ""),
        ] {
            assert_eq!(of(message), cause, "{message}");
        }
    }

    #[test]
    fn what_names_a_field_stays() {
        assert_eq!(of("字段“客户”是必录项"), "字段“客户”是必录项");
        assert_ne!(of("字段“客户”是必录项"), of("字段“物料”是必录项"));
        assert_eq!(of("【物料编码】不能为空"), "【物料编码】不能为空");
        assert_eq!(of("Unknown column 'amount' in 'field list'"), "Unknown column 'amount' in 'field list'");
        assert_eq!(of("field amount: value 'abc' is no number"), "field amount: value '…' is no number");
    }

    #[test]
    fn lists_of_any_length_are_one_cause() {
        assert_eq!(of("lines 1, 2, 3 refused"), of("lines 7 refused"));
    }

    #[test]
    fn a_mark_that_nothing_closes_is_a_mark() {
        assert_eq!(of("5' too long"), "…' too long");
        assert_eq!(of("“未完"), "“未完");
    }

    #[test]
    fn a_cause_of_causes_is_itself() {
        for message in ["客户编码C017不存在", "Duplicate entry 'x' for key 'uk'", "单号 A1、A2 重复"]
        {
            let once = of(message);
            assert_eq!(of(&once), once);
        }
    }

    #[test]
    fn ids_tell_owners_codes_and_causes_apart() {
        let ids = [id("a", "K", "x"), id("b", "K", "x"), id("a", "L", "x"), id("a", "K", "y")];
        let mut distinct = ids.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len());
        assert_eq!(ids[0].len(), 10);
    }
}
