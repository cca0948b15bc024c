//! Bits of Markdown: tables, code, anchors.

use std::fmt::Write as _;

/// Text outside of code: what Markdown would take for markup is escaped, but for code between backticks.
pub fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut in_code = false;
    for c in text.chars() {
        match c {
            '`' => in_code = !in_code,
            '|' => escaped.push('\\'),
            '_' | '*' | '[' | ']' | '\\' if !in_code => escaped.push('\\'),
            '<' if !in_code => {
                escaped.push_str("&lt;");
                continue;
            }
            _ => {}
        }
        escaped.push(c);
    }
    escaped
}

/// Code within a line or a cell.
pub fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

/// A place that links lead to.
pub fn anchor(id: &str) -> String {
    format!("<a id=\"{id}\"></a>")
}

/// A table with an empty line behind it.
pub fn table(page: &mut String, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let _ = writeln!(page, "| {} |", head.join(" | "));
    let _ = writeln!(page, "|{}", " --- |".repeat(head.len()));
    for row in rows {
        let _ = writeln!(page, "| {} |", row.join(" | "));
    }
    page.push('\n');
}
