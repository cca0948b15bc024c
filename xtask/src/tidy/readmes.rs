//! The two READMEs say the same: as many headings in the same depths, and the same commands.
//!
//! Comments inside code blocks may differ, they are translated.

use std::fs;
use std::path::Path;

use super::Violation;

const ENGLISH: &str = "README.md";
const CHINESE: &str = "README.zh-CN.md";

/// The parts that must agree, with their lines.
#[derive(Default)]
struct Outline {
    /// Depth of each heading.
    headings: Vec<(usize, usize)>,
    /// Text of each code block.
    blocks: Vec<(String, usize)>,
}

/// Compares the READMEs of the tree at `root`.
pub fn check(root: &Path, found: &mut Vec<Violation>) {
    let (Some(english), Some(chinese)) = (read(root, ENGLISH, found), read(root, CHINESE, found)) else {
        return;
    };
    if english.headings.iter().map(|(depth, _)| depth).ne(chinese.headings.iter().map(|(depth, _)| depth)) {
        let (here, there) = (chinese.headings.len(), english.headings.len());
        let line = first_difference(&english.headings, &chinese.headings);
        let message =
            format!("headings differ from {ENGLISH} in number or depth ({here} here, {there} there)");
        found.push(Violation::new(CHINESE, line, message));
    }
    if english.blocks.iter().map(|(text, _)| text).ne(chinese.blocks.iter().map(|(text, _)| text)) {
        let line = first_difference(&english.blocks, &chinese.blocks);
        found.push(Violation::new(CHINESE, line, format!("code blocks differ from {ENGLISH}")));
    }
}

/// Line of the first part of the second list that the first hasn't in its place.
fn first_difference<Part: PartialEq>(first: &[(Part, usize)], second: &[(Part, usize)]) -> usize {
    let differs =
        |((ours, _), (theirs, line)): (&(Part, usize), &(Part, usize))| (ours != theirs).then_some(*line);
    let last = second.last().map_or(1, |(_, line)| *line);
    first.iter().zip(second).find_map(differs).unwrap_or(last)
}

fn read(root: &Path, name: &str, found: &mut Vec<Violation>) -> Option<Outline> {
    match fs::read_to_string(root.join(name)) {
        Ok(text) => Some(outline(&text)),
        Err(error) => {
            found.push(Violation::new(name, 1, format!("cannot be read: {error}")));
            None
        }
    }
}

fn outline(text: &str) -> Outline {
    let mut outline = Outline::default();
    let mut block: Option<(String, usize)> = None;
    for (line, number) in text.lines().zip(1..) {
        let is_fence = line.trim_start().starts_with("```");
        match block.take() {
            Some(done) if is_fence => outline.blocks.push(done),
            Some((mut inside, start)) => {
                let command = line.split(" #").next().unwrap_or(line).trim_end();
                if !command.is_empty() && !command.trim_start().starts_with('#') {
                    inside.push_str(command);
                    inside.push('\n');
                }
                block = Some((inside, start));
            }
            None if is_fence => block = Some((String::new(), number)),
            None if line.starts_with('#') => {
                outline.headings.push((line.len() - line.trim_start_matches('#').len(), number));
            }
            None => {}
        }
    }
    outline
}
