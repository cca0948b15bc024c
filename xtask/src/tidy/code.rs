//! Rust text without what isn't code: comments, strings and characters become blanks, lines stay where they are.
//!
//! So that a rule about code isn't broken by a sentence about it, and tidy's own samples don't break tidy.

/// The text with everything but code blanked out.
pub fn only_code(text: &str) -> String {
    let mut letters = Letters { rest: text, code: String::with_capacity(text.len()) };
    let mut after_word = false;
    while let Some(first) = letters.rest.chars().next() {
        let prefix = raw_string(letters.rest).filter(|_| !after_word);
        after_word = first.is_alphanumeric() || first == '_';
        if letters.rest.starts_with("//") {
            letters.blank(letters.rest.find('\n').unwrap_or(letters.rest.len()));
        } else if letters.rest.starts_with("/*") {
            letters.blank(block_comment(letters.rest));
        } else if let Some(length) = prefix {
            letters.blank(length);
            after_word = false;
        } else if first == '"' {
            letters.blank(quoted(letters.rest));
        } else if let Some(length) = character(letters.rest) {
            letters.blank(length);
        } else {
            letters.keep(first);
        }
    }
    letters.code
}

struct Letters<'text> {
    rest: &'text str,
    code: String,
}

impl Letters<'_> {
    fn keep(&mut self, letter: char) {
        self.code.push(letter);
        self.rest = self.rest.get(letter.len_utf8()..).unwrap_or_default();
    }

    fn blank(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.code.extend(gone.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

/// Length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Length of `"…"` with its escapes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            '"' if !escaped => return at + 1,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    text.len()
}

/// Length of `r"…"` or `r#"…"#`, with a `b` or `c` before it or not.
fn raw_string(text: &str) -> Option<usize> {
    let after_kind = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let after_r = after_kind.strip_prefix('r')?;
    let body = after_r.trim_start_matches('#');
    let hashes = after_r.len() - body.len();
    let body = body.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opened = text.len() - body.len();
    Some(body.find(&end).map_or(text.len(), |at| opened + at + end.len()))
}

/// Length of `'x'` or `'\n'`; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if let Some(escaped) = body.strip_prefix('\\') {
        let after = escaped.chars().next()?.len_utf8();
        return escaped.get(after..)?.find('\'').map(|at| 1 + 1 + after + at + 1);
    }
    let letter = body.chars().next()?;
    body.get(letter.len_utf8()..)?.starts_with('\'').then_some(letter.len_utf8() + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, words: &[&str]) {
        let code = only_code(text);
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), words, "{text}");
        assert_eq!(code.lines().count(), text.lines().count(), "lines stay where they are");
    }

    #[test]
    fn comments_go_and_code_stays() {
        check("a // b\nc /* d /* e */ f */ g", &["a", "c", "g"]);
        check("//! head\n/// doc\nfn", &["fn"]);
        check("a /* never closed", &["a"]);
    }

    #[test]
    fn strings_go_with_their_escapes() {
        check(r#"a "b \" // c" d"#, &["a", "d"]);
        check("a r#\"b \" c\"# d br\"e\" f", &["a", "d", "f"]);
        check("our\"x\" y", &["our", "y"]);
        check("a \"一二\\\\\" b", &["a", "b"]);
        check("let raw_string = var\n", &["let", "raw_string", "=", "var"]);
    }

    #[test]
    fn a_quote_character_opens_no_string() {
        check("a '\"' b '\\'' c '\\u{1F600}' d '长' e", &["a", "b", "c", "d", "e"]);
        check(
            "fn f<'a>(x: &'a str) { 'outer: loop {} }",
            &["fn", "f<'a>(x:", "&'a", "str)", "{", "'outer:", "loop", "{}", "}"],
        );
    }
}
