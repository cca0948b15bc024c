//! The place in a printed text: blanks, comments, text in quotes, numbers, with line numbers.

use weir_model::{Json, settings::Localized};

use super::NoBlock;
use crate::report::{Entry, Kind};

/// Where a `//` comment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comments {
    /// At the end of the line.
    ToLineEnd,
    /// Before the next bracket or quote: for a page that lost its line ends.
    ToBracket,
}

/// A place in a text.
pub struct Cursor<'t> {
    text: &'t str,
    /// The byte.
    pub at: usize,
    /// The line, from 1.
    pub line: usize,
    /// What was repaired so far.
    pub repairs: Vec<Entry>,
    comments: Comments,
}

impl<'t> Cursor<'t> {
    /// The place `at` of `text`, on line `line`.
    pub fn new(text: &'t str, at: usize, line: usize, comments: Comments) -> Self {
        Self { text, at, line, repairs: Vec::new(), comments }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes the next character.
    pub fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' {
            self.line += 1;
        }
        Some(next)
    }

    fn repaired(&mut self, line: usize, zh: &str, en: &str) {
        self.repairs.push(Entry { kind: Kind::Repaired, line: Some(line), text: Localized::new(zh, en) });
    }

    /// Passes blanks and comments.
    pub fn skip_blank(&mut self) {
        loop {
            while self.peek().is_some_and(|c| c.is_whitespace() || c == '\u{feff}') {
                self.bump();
            }
            if self.rest().starts_with("//") {
                self.line_comment();
            } else if self.rest().starts_with("/*") {
                let line = self.line;
                let length = self.rest().find("*/").map_or(self.rest().len(), |at| at + 2);
                self.pass(length);
                self.repaired(line, "去掉注释", "a comment is removed");
            } else {
                return;
            }
        }
    }

    fn line_comment(&mut self) {
        let line = self.line;
        let ends: &[char] = match self.comments {
            Comments::ToLineEnd => &['\n'],
            Comments::ToBracket => &['\n', '[', ']', '{', '}', '"'],
        };
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        self.pass(length);
        match self.comments {
            Comments::ToLineEnd => self.repaired(line, "去掉注释", "a comment is removed"),
            Comments::ToBracket => self.repaired(
                line,
                "去掉注释：页面丢失了换行，注释到下一个括号或引号为止",
                "a comment is removed: the page lost its line ends, so it ends before the next bracket or quote",
            ),
        }
    }

    fn pass(&mut self, length: usize) {
        let end = self.at + length;
        while self.at < end && self.bump().is_some() {}
    }

    /// Passes `...` or `…`; whether there was one.
    pub fn ellipsis(&mut self) -> bool {
        let length = match self.rest() {
            rest if rest.starts_with("...") => rest.len() - rest.trim_start_matches('.').len(),
            rest if rest.starts_with('…') => rest.len() - rest.trim_start_matches('…').len(),
            _ => return false,
        };
        self.pass(length);
        true
    }

    /// Whether text in double quotes that begins here also ends.
    pub fn is_closed(&self) -> bool {
        let mut bytes = self.rest().bytes().skip(1);
        while let Some(byte) = bytes.next() {
            match byte {
                b'"' => return true,
                b'\\' => {
                    bytes.next();
                }
                _ => {}
            }
        }
        false
    }

    /// Passes everything to the end of the text.
    pub fn pass_all(&mut self) {
        self.pass(self.rest().len());
    }

    /// Text in double quotes.
    pub fn quoted(&mut self) -> Result<String, NoBlock> {
        let (begin, start) = (self.line, self.at);
        let mut text = String::new();
        self.bump();
        loop {
            match self.bump() {
                None => return Err(NoBlock { at: start + 1 }),
                Some('"') => break,
                Some('\\') => self.escape(&mut text)?,
                Some(c) => text.push(c),
            }
        }
        if self.line > begin {
            self.repaired(begin, "文本中的换行按原样保留", "line feeds within text are kept");
        }
        Ok(text)
    }

    fn escape(&mut self, text: &mut String) -> Result<(), NoBlock> {
        let at = self.at;
        let plain = match self.bump() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => self.code_point().ok_or(NoBlock { at })?,
            _ => return Err(NoBlock { at }),
        };
        text.push(plain);
        Ok(())
    }

    fn code_point(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        if !self.rest().starts_with("\\u") {
            return None;
        }
        self.pass(2);
        let second = self.hex()?;
        let low = second.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
        char::from_u32(0x10000 + ((first - 0xD800) << 10) + low)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        self.pass(4);
        Some(number)
    }

    /// Text in backticks, as JavaScript writes long text: taken as it stands, nothing in it is evaluated.
    pub fn backticked(&mut self) -> Result<String, NoBlock> {
        let line = self.line;
        let begin = self.at + 1;
        let length = self.text.get(begin..).and_then(|rest| rest.find('`')).ok_or(NoBlock { at: self.at })?;
        let text = self.text.get(begin..begin + length).unwrap_or_default().to_owned();
        self.pass(length + 2);
        self.repaired(
            line,
            "反引号中的文本按普通文本读取，不作求值",
            "text in backticks is read as plain text; nothing in it is evaluated",
        );
        Ok(text)
    }

    /// Whether a number, `true`, `false` or `null` begins here.
    pub fn at_plain(&self) -> bool {
        let word = self.word();
        matches!(word, "true" | "false" | "null") || serde_json::from_str::<serde_json::Number>(word).is_ok()
    }

    fn word(&self) -> &'t str {
        let rest = self.rest();
        let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_'));
        rest.get(..rest.find(ends).unwrap_or(rest.len())).unwrap_or_default()
    }

    /// A number, whose text is kept, or `true`, `false`, `null`.
    pub fn plain(&mut self) -> Result<Json, NoBlock> {
        let word = self.word();
        let value = match word {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            _ => match serde_json::from_str::<serde_json::Number>(word) {
                Ok(number) => Json::Number(number),
                Err(_) => return Err(NoBlock { at: self.at }),
            },
        };
        self.pass(word.len());
        Ok(value)
    }
}
