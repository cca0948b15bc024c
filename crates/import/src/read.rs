//! One printed JSON block to a value. What is no JSON is repaired where the repair is certain, each time with an entry:
//! comments, backticks, line feeds in text, missing and surplus commas, `...` for what the print left out, a cut end.
//! Anything else makes the block unreadable; nothing is evaluated.

mod cursor;

#[cfg(test)]
mod tests;

use serde_json::Map;
use weir_model::{Json, settings::Localized};

use self::cursor::{Comments, Cursor};
use crate::report::{Entry, Kind};

/// Deeper values are no metadata.
const MAX_DEPTH: usize = 64;

/// A block as it was read.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its first line.
    pub line: usize,
    /// The value; for a list, the list.
    pub value: Json,
    /// Values that stand in the outermost object without a key: what a print leaves of a list whose begin was cut.
    pub loose: Vec<Json>,
    /// What was repaired.
    pub repairs: Vec<Entry>,
    /// Whether its end was cut.
    pub cut: bool,
    /// Lines where the print left something out, its end included.
    pub cuts: Vec<usize>,
    /// The byte after it.
    pub end: usize,
}

/// The text at a place is no block; reading may go on after `at`.
#[derive(Clone, Copy, Debug)]
pub struct NoBlock {
    /// The byte at which it stopped making sense.
    pub at: usize,
}

/// Reads the block that begins at byte `start` of `text`, which lies on line `line`.
pub fn block(text: &str, start: usize, line: usize) -> Result<Block, NoBlock> {
    let plain = Reader::new(text, start, line, Comments::ToLineEnd).block();
    // A page that lost its line ends has comments that would swallow the rest: only then they end at a bracket or quote.
    let swallowed = match &plain {
        Ok(block) => block.cut,
        Err(_) => true,
    };
    if swallowed && text.get(start..).is_some_and(|rest| rest.contains("//")) {
        let other = Reader::new(text, start, line, Comments::ToBracket).block();
        if let Ok(block) = other
            && !block.cut
        {
            return Ok(block);
        }
    }
    plain
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    first_line: usize,
    loose: Vec<Json>,
    repairs: Vec<Entry>,
    cut: bool,
    cuts: Vec<usize>,
    /// Nothing was read yet.
    is_empty: bool,
}

/// How a member or element ended.
enum Next {
    /// Another one may follow.
    More,
    /// The bracket was closed, or the text ends here.
    Closed,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, start: usize, line: usize, comments: Comments) -> Self {
        Self {
            cursor: Cursor::new(text, start, line, comments),
            first_line: line,
            loose: Vec::new(),
            repairs: Vec::new(),
            cut: false,
            cuts: Vec::new(),
            is_empty: true,
        }
    }

    fn block(mut self) -> Result<Block, NoBlock> {
        let value = self.value(0)?;
        let mut repairs = self.cursor.repairs;
        repairs.append(&mut self.repairs);
        repairs.sort_by_key(|entry| entry.line);
        Ok(Block {
            line: self.first_line,
            value,
            loose: self.loose,
            repairs,
            cut: self.cut,
            cuts: self.cuts,
            end: self.cursor.at,
        })
    }

    fn stop<T>(&self) -> Result<T, NoBlock> {
        Err(NoBlock { at: self.cursor.at })
    }

    fn repaired(&mut self, zh: &str, en: &str) {
        let line = Some(self.cursor.line);
        self.repairs.push(Entry { kind: Kind::Repaired, line, text: Localized::new(zh, en) });
    }

    fn value(&mut self, depth: usize) -> Result<Json, NoBlock> {
        if depth > MAX_DEPTH {
            return self.stop();
        }
        match self.cursor.peek() {
            Some('{') => self.object(depth),
            Some('[') => self.array(depth),
            Some('"') => self.cursor.quoted().map(Json::String),
            Some('`') => self.cursor.backticked().map(Json::String),
            _ => self.cursor.plain(),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json, NoBlock> {
        self.cursor.bump();
        let mut members = Map::new();
        let mut is_first = true;
        loop {
            match self.next(is_first && members.is_empty(), '}')? {
                Next::Closed => return Ok(Json::Object(members)),
                Next::More => {}
            }
            is_first = false;
            if depth == 0 && self.cursor.peek() == Some('{') {
                let value = self.value(depth + 1)?;
                self.loose.push(value);
                continue;
            }
            if self.cursor.peek() != Some('"') {
                // The print broke off: what follows is prose.
                if members.is_empty() && self.loose.is_empty() {
                    return self.stop();
                }
                self.cut_here();
                return Ok(Json::Object(members));
            }
            if let Some((key, value)) = self.member(depth)? {
                self.insert(&mut members, key, value);
            }
        }
    }

    /// A key and its value; `None` when the print cut one of them off.
    fn member(&mut self, depth: usize) -> Result<Option<(String, Json)>, NoBlock> {
        let begin = self.cursor.at;
        if self.ends_in_text("") {
            return Ok(None);
        }
        let key = self.cursor.quoted()?;
        self.cursor.skip_blank();
        match self.cursor.peek() {
            Some(':') => self.cursor.bump(),
            None => {
                self.drop_member(&key);
                return Ok(None);
            }
            // Not a key: whatever the quotes hold may be looked at again.
            Some(_) => return Err(NoBlock { at: begin + 1 }),
        };
        self.cursor.skip_blank();
        if self.cursor.ellipsis() || self.cursor.peek().is_none() {
            self.drop_member(&key);
            return Ok(None);
        }
        if self.ends_in_text(&key) {
            return Ok(None);
        }
        let value = self.value(depth + 1)?;
        self.is_empty = false;
        Ok(Some((key, value)))
    }

    /// Whether the print ends within the text in quotes that begins here, which is then left out. The outermost value
    /// never is: a lone quote in prose is no print.
    fn ends_in_text(&mut self, key: &str) -> bool {
        if self.cursor.peek() != Some('"') || self.cursor.is_closed() {
            return false;
        }
        if key.is_empty() && self.is_empty {
            return false;
        }
        self.drop_member(key);
        self.cursor.pass_all();
        true
    }

    fn insert(&mut self, members: &mut Map<String, Json>, key: String, value: Json) {
        if members.contains_key(&key) {
            let zh = format!("键 {key:?} 重复，取最后一个");
            let en = format!("the key {key:?} is there twice: the last one is taken");
            self.repaired(&zh, &en);
            members.shift_remove(&key);
        }
        members.insert(key, value);
    }

    fn drop_member(&mut self, key: &str) {
        self.cuts.push(self.cursor.line);
        let zh = format!("{key:?} 的值被截断，未采用");
        let en = format!("the value of {key:?} is cut off: left out");
        self.repaired(&zh, &en);
    }

    fn array(&mut self, depth: usize) -> Result<Json, NoBlock> {
        self.cursor.bump();
        let mut elements = Vec::new();
        let mut is_first = true;
        loop {
            match self.next(is_first, ']')? {
                Next::Closed => return Ok(Json::Array(elements)),
                Next::More => {}
            }
            is_first = false;
            let begins = self.cursor.peek().is_some_and(|c| matches!(c, '{' | '[' | '"' | '`'));
            if !begins && !self.cursor.at_plain() {
                if elements.is_empty() {
                    return self.stop();
                }
                self.cut_here();
                return Ok(Json::Array(elements));
            }
            if self.ends_in_text("") {
                continue;
            }
            let cuts = self.cuts.len();
            let value = self.value(depth + 1)?;
            if self.cuts.len() > cuts && value.as_object().is_some_and(Map::is_empty) {
                self.repaired(
                    "元素的内容全部被截断，未采用",
                    "an element whose content is all cut off: left out",
                );
            } else {
                elements.push(value);
            }
        }
    }

    /// Goes to the next member or element: over commas, comments and `...`, or out of the bracket.
    fn next(&mut self, is_first: bool, close: char) -> Result<Next, NoBlock> {
        let (mut commas, mut ellipses) = (0_usize, 0_usize);
        loop {
            self.cursor.skip_blank();
            if self.cursor.ellipsis() {
                ellipses += 1;
                self.cuts.push(self.cursor.line);
                self.repaired("“...”处的内容未打印", "what stands at “...” was not printed");
                continue;
            }
            match self.cursor.peek() {
                Some(',') => {
                    self.cursor.bump();
                    commas += 1;
                }
                Some(c) if c == close => {
                    if commas > 0 && ellipses == 0 {
                        self.repaired("多余的逗号", "a surplus comma");
                    }
                    self.cursor.bump();
                    return Ok(Next::Closed);
                }
                Some('}' | ']') => {
                    if self.cut {
                        return Ok(Next::Closed);
                    }
                    self.cut_here();
                    return Ok(Next::Closed);
                }
                None => {
                    self.cut_here();
                    return Ok(Next::Closed);
                }
                Some(c) => {
                    let lacks_comma = !is_first && commas == 0 && ellipses == 0;
                    if lacks_comma && matches!(c, '"' | '{' | '[') {
                        self.repaired("缺少逗号", "a missing comma");
                    }
                    return if is_first && commas > 0 { self.stop() } else { Ok(Next::More) };
                }
            }
        }
    }

    /// The block ends here although brackets are open: they are closed, once for all.
    fn cut_here(&mut self) {
        if !self.cut {
            self.cut = true;
            self.cuts.push(self.cursor.line);
            self.repaired("JSON 在此被截断：补上括号", "the JSON is cut off here: its brackets are closed");
        }
    }
}
