//! Fencing off what is not SQL: macros and lookups outside of quotes go into backticks, so that the parser takes each
//! for one name. Quoted text stays: its macros are found when the literal is compiled.

use crate::{
    error::CompileError,
    lookup::{END, KEYWORD as FIND},
    template::{Piece, next_piece},
};

/// Fences an expression.
pub fn fence(text: &str) -> Result<String, CompileError> {
    let mut fenced = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if matches!(first, '\'' | '"' | '`') {
            let taken = quoted(rest, first);
            fenced.push_str(rest.get(..taken).unwrap_or_default());
            taken
        } else if let Some(lookup) = rest.strip_prefix(FIND) {
            let Some((inside, _)) = lookup.split_once(END) else {
                return Err(CompileError::new(
                    "_findCollection 没有结束",
                    "the _findCollection is not closed",
                )
                .suggest("以 _endFind 结束", "end it with _endFind"));
            };
            name(&mut fenced, &format!("{FIND}{inside}"));
            FIND.len() + inside.len() + END.len()
        } else if first == '{' {
            let Some((Piece::Macro(inner), after)) = next_piece(rest)? else {
                return Err(CompileError::new("花括号里应为字段名", "expected a field name in braces"));
            };
            name(&mut fenced, &format!("{{{inner}}}"));
            rest.len() - after.len()
        } else {
            fenced.push(first);
            first.len_utf8()
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(fenced)
}

fn name(fenced: &mut String, text: &str) {
    fenced.push('`');
    fenced.push_str(&text.replace('`', "``"));
    fenced.push('`');
}

/// Bytes of the quoted text at the start of `text`, quotes included. A doubled quote is two quoted texts in a row.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if character == '\\' && quote != '`' {
            escaped = true;
        } else if character == quote {
            return at + quote.len_utf8();
        }
    }
    text.len()
}
