//! Text for people to read: colour where it helps, columns that fit the terminal, Chinese characters counted twice.

use std::io::IsTerminal as _;

use crate::{cli::Language, output::display_width};

/// The narrowest and the widest text that is written; where nothing is known about the reader, the last one.
const WIDTHS: (usize, usize, usize) = (60, 160, 100);

/// How text is written for this reader.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Columns there are.
    pub width: usize,
    /// The reader's language.
    pub language: Language,
    colour: bool,
}

/// What a text says, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Wrong.
    Bad,
    /// Worth a look.
    Doubtful,
    /// Of less weight.
    Faint,
    /// A heading.
    Strong,
}

impl Page {
    /// For standard output: colours on a terminal unless `NO_COLOR` is set, the terminal's width or that of `COLUMNS`.
    pub fn of_stdout(language: Language) -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let terminal = std::io::stdout().is_terminal();
        let asked = set("COLUMNS").and_then(|columns| columns.parse().ok());
        let (narrow, wide, unknown) = WIDTHS;
        let width = asked.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0.into()));
        let width = width.unwrap_or(unknown).clamp(narrow, wide);
        Self { width, language, colour: terminal && set("NO_COLOR").is_none() }
    }

    /// The text in its reader's language.
    pub fn say(self, zh: &str, en: &str) -> String {
        match self.language {
            Language::Zh => zh.to_owned(),
            Language::En => en.to_owned(),
        }
    }

    /// The text in its tone's colour.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubtful => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// One cell of a line of columns: its lines are painted after they were padded.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The text; line ends are kept.
    pub text: String,
    /// Its tone, if it has one.
    pub tone: Option<Tone>,
}

impl Cell {
    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: None }
    }

    /// Text in a tone.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Some(tone) }
    }
}

/// Cells side by side, each wrapped to its width, as many lines as the longest takes.
pub fn side_by_side(page: Page, indent: usize, gap: &str, cells: &[(Cell, usize)]) -> String {
    let wrapped: Vec<Vec<String>> = cells
        .iter()
        .map(|(cell, width)| cell.text.lines().flat_map(|line| wrap(line, *width)).collect())
        .collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for row in 0..height {
        let mut line = " ".repeat(indent);
        for (column, ((cell, width), lines)) in cells.iter().zip(&wrapped).enumerate() {
            if column > 0 {
                line.push_str(gap);
            }
            let content = lines.get(row).map_or("", String::as_str);
            let pad = " ".repeat(width.saturating_sub(display_width(content)));
            line.push_str(&cell.tone.map_or_else(|| content.to_owned(), |tone| page.paint(tone, content)));
            line.push_str(&pad);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Breaks a line that is too wide, at a blank where there is one in its second half.
pub fn wrap(line: &str, width: usize) -> Vec<String> {
    let line = visible(line);
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut rest = line.as_str();
    while display_width(rest) > width {
        let mut at = 0;
        let mut used = 0;
        for (index, c) in rest.char_indices() {
            used += display_width(c.encode_utf8(&mut [0; 4]));
            if used > width {
                break;
            }
            at = index + c.len_utf8();
        }
        let (head, _) = rest.split_at(at);
        let blank = head.rfind(' ').map(|blank| blank + 1).filter(|blank| *blank * 2 > at);
        let (head, tail) = rest.split_at(blank.unwrap_or(at));
        lines.push(head.trim_end().to_owned());
        rest = tail;
    }
    lines.push(rest.to_owned());
    lines
}

/// Control characters as escapes: a value must not move the cursor of the person who looks at it.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Page = Page { width: 80, language: Language::En, colour: false };

    #[test]
    fn lines_break_at_blanks_and_never_inside_a_wide_character() {
        assert_eq!(wrap("aaaa bbbbb cc", 12), ["aaaa bbbbb", "cc"]);
        assert_eq!(wrap("客户名称不能为空", 9), ["客户名称", "不能为空"]);
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("\u{1b}[31m", 20), ["\\u{1b}[31m"]);
    }

    #[test]
    fn cells_stand_side_by_side() {
        let cells = [(Cell::plain("客户\nb"), 8), (Cell::plain("one two three"), 9)];
        assert_eq!(side_by_side(PLAIN, 2, " │ ", &cells), "  客户     │ one two\n  b        │ three\n");
    }

    #[test]
    fn colours_stand_around_the_text_only() {
        let page = Page { colour: true, ..PLAIN };
        let cells = [(Cell::toned(Tone::Bad, "x"), 8), (Cell::plain("y"), 8)];
        assert_eq!(side_by_side(page, 0, " ", &cells), "\u{1b}[31mx\u{1b}[0m        y\n");
        assert_eq!(PLAIN.paint(Tone::Good, "x"), "x");
    }
}
