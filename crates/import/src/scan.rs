//! The JSON blocks of a printed text, and the prose around them.

use crate::{
    read::{Block, block},
    report::{Entry, Kind},
};
use weir_model::settings::Localized;

/// A printed text, taken apart.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The blocks, in their order.
    pub blocks: Vec<Block>,
    /// What stands between them, with the line it begins on.
    pub prose: Vec<(usize, String)>,
    /// Blocks that are no JSON.
    pub left_out: Vec<Entry>,
}

impl Scanned {
    /// Takes `text` apart.
    pub fn new(text: &str) -> Self {
        let mut scanned = Self::default();
        let (mut at, mut line) = (0, 1);
        let (mut prose_begin, mut prose_line) = (0, 1);
        while let Some(begin) = text.get(at..).and_then(|rest| rest.find(['{', '['])).map(|found| at + found)
        {
            line += line_ends(text, at, begin);
            match block(text, begin, line) {
                Ok(block) if is_worth_a_look(&block) => {
                    scanned.push_prose(text, prose_begin, begin, prose_line);
                    line += line_ends(text, begin, block.end);
                    (prose_begin, prose_line, at) = (block.end, line, block.end);
                    scanned.blocks.push(block);
                }
                Ok(_) => {
                    line += line_ends(text, begin, begin + 1);
                    at = begin + 1;
                }
                Err(stop) => {
                    let end = stop.at.max(begin + 1);
                    if looks_like_an_object(text, begin) {
                        scanned.left_out.push(no_json(line));
                    }
                    // What was read before the stop belongs to the unreadable block.
                    line += line_ends(text, begin, end);
                    at = end;
                }
            }
        }
        scanned.push_prose(text, prose_begin, text.len(), prose_line);
        scanned
    }

    fn push_prose(&mut self, text: &str, begin: usize, end: usize, line: usize) {
        let prose = text.get(begin..end).unwrap_or_default();
        if !prose.trim().is_empty() {
            self.prose.push((line, prose.to_owned()));
        }
    }

    /// The first line of prose that can be a title.
    pub fn title(&self) -> Option<String> {
        let (_, first) = self.prose.first()?;
        let lines = first.lines().map(|line| line.trim().trim_start_matches(['#', '*', ' ']).trim());
        let mut titles = lines.filter(|line| {
            let is_text =
                line.chars().any(|c| c.is_alphabetic()) && !line.starts_with(['`', '/', '-', '!', '<']);
            is_text && *line != "markdown" && *line != "json"
        });
        titles.next().filter(|title| title.chars().count() <= 80).map(str::to_owned)
    }
}

/// An object with members, or a list with objects; `{}` and `[1]` in prose say nothing.
fn is_worth_a_look(block: &Block) -> bool {
    let has_objects =
        block.value.as_array().is_some_and(|list| list.iter().any(serde_json::Value::is_object));
    block.value.as_object().is_some_and(|members| !members.is_empty())
        || has_objects
        || !block.loose.is_empty()
}

/// `{` and then a key in quotes: something that was meant as an object.
fn looks_like_an_object(text: &str, begin: usize) -> bool {
    let rest = text.get(begin..).unwrap_or_default();
    rest.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with(['"', '\'']))
}

fn no_json(line: usize) -> Entry {
    let text = Localized::new(
        "此处的花括号内容不是 JSON（多为示例程序），未采用",
        "what stands in braces here is no JSON, most likely a program: left out",
    );
    Entry { kind: Kind::LeftOut, line: Some(line), text }
}

fn line_ends(text: &str, begin: usize, end: usize) -> usize {
    text.as_bytes().get(begin..end).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_with_their_lines() {
        let text = "# 标题 a\n正文 {x} [l](u)\n```json\n{\"a\": 1}\n```\nparams = {\n \"b\": now()\n}\n{\"c\": {\"d\": 2}} end";
        let scanned = Scanned::new(text);
        let found: Vec<(usize, String)> =
            scanned.blocks.iter().map(|block| (block.line, block.value.to_string())).collect();
        assert_eq!(found, [(4, "{\"a\":1}".to_owned()), (9, "{\"c\":{\"d\":2}}".to_owned())]);
        assert_eq!(scanned.left_out.len(), 1);
        assert_eq!(scanned.left_out[0].line, Some(6));
        assert_eq!(scanned.title().unwrap(), "标题 a");
        assert_eq!(scanned.prose.len(), 3);
        let after_a_quote = Scanned::new("say {\"no and {\"api\": \"x\"}");
        assert_eq!(after_a_quote.blocks.len(), 1);
    }
}
