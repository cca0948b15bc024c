//! Files of reference rows: CSV with a header, a JSON array, or a JSON object per line.
//!
//! A file is read row by row, so that one of millions of rows takes no more memory than a small one.

use std::{
    cell::Cell,
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::Path,
};

use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::{Map, Value};
use weir_model::{lookup::field_of, settings::Localized};

/// What keeps a line from becoming a row.
#[derive(Debug, PartialEq)]
pub struct BadLine {
    /// Counted from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong and what to do.
    pub message: Localized,
}

/// A row of a file.
#[derive(Debug, PartialEq)]
pub struct Row {
    /// Where it stands in the file, counted from 1.
    pub line: u64,
    /// What identifies it.
    pub id: String,
    /// The row as it is stored.
    pub text: Vec<u8>,
}

/// Calls `each` with every row of a file, or with what keeps it from being one.
///
/// # Errors
/// The file cannot be opened.
pub fn read(
    file: &Path,
    key: &[String],
    each: &mut dyn FnMut(Result<Row, BadLine>),
) -> Result<(), std::io::Error> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(file)?);
    if reader.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
        reader.consume(3);
    }
    let first = reader.fill_buf()?.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match first {
        None => each(Err(bad(0, "文件是空的", "the file is empty"))),
        Some(b'[') if extension != "csv" => json_array(reader, key, each),
        Some(b'{') if extension != "csv" => json_lines(reader, key, each),
        Some(_) => csv_rows(reader, key, each),
    }
    Ok(())
}

fn bad(line: u64, zh: impl Into<String>, en: impl Into<String>) -> BadLine {
    BadLine { line, message: Localized::new(zh, en) }
}

fn not_utf8(line: u64) -> BadLine {
    bad(
        line,
        "不是 UTF-8 文本（可能是 GBK）；请另存为“CSV UTF-8”后重试",
        "is no UTF-8 text, GBK perhaps; save the file as \"CSV UTF-8\" and try again",
    )
}

fn csv_rows(mut reader: BufReader<File>, key: &[String], each: &mut dyn FnMut(Result<Row, BadLine>)) {
    // The library takes a line's CR for its end and begins the next one with the LF: one line too early.
    let early = reader.fill_buf().is_ok_and(ends_with_cr);
    let line_of =
        |position: Option<&csv::Position>| position.map_or(0, csv::Position::line) + u64::from(early);
    let mut reader = csv::ReaderBuilder::new().from_reader(reader);
    let header: Result<Vec<String>, _> = match reader.byte_headers() {
        Ok(header) => header.iter().map(|name| Ok(std::str::from_utf8(name)?.trim().to_owned())).collect(),
        Err(error) => return each(Err(csv_error(1, error.kind()))),
    };
    let header = match header {
        Ok(header) => header,
        Err(std::str::Utf8Error { .. }) => return each(Err(not_utf8(1))),
    };
    if let Some(problem) = wrong_header(&header, key) {
        return each(Err(problem));
    }
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                each(Err(csv_error(line_of(error.position()), error.kind())));
                // A line of another length is one bad line; the others are told too.
                if matches!(error.kind(), csv::ErrorKind::UnequalLengths { .. }) {
                    continue;
                }
                return;
            }
        }
        let line = line_of(record.position());
        let cells: Result<Vec<&str>, _> = record.iter().map(std::str::from_utf8).collect();
        let Ok(cells) = cells else {
            // Every other line is in the same encoding.
            return each(Err(not_utf8(line)));
        };
        let cells = cells.into_iter().map(|cell| Value::String(cell.to_owned()));
        let row: Map<String, Value> = header.iter().cloned().zip(cells).collect();
        each(row_of(line, &Value::Object(row), key));
    }
}

/// Whether the first line of a text ends with a carriage return.
fn ends_with_cr(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r"))
}

fn wrong_header(header: &[String], key: &[String]) -> Option<BadLine> {
    let list = header.join(", ");
    if let Some(name) = key.iter().find(|name| !header.contains(name)) {
        return Some(bad(
            1,
            format!("缺少主键列 {name}；表头有：{list}"),
            format!("the key's column {name} is missing; the header has: {list}"),
        ));
    }
    let mut seen: Vec<&String> = Vec::new();
    for name in header {
        if name.is_empty() {
            return Some(bad(1, "表头有空的列名", "a column of the header has no name"));
        }
        if seen.contains(&name) {
            return Some(bad(1, format!("列 {name} 重复"), format!("the column {name} is there twice")));
        }
        seen.push(name);
    }
    None
}

fn csv_error(line: u64, kind: &csv::ErrorKind) -> BadLine {
    match kind {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => bad(
            line,
            format!("有 {len} 列，表头有 {expected_len} 列"),
            format!("has {len} columns, the header has {expected_len}"),
        ),
        csv::ErrorKind::Io(error) => {
            bad(line, format!("无法读取：{error}"), format!("cannot be read: {error}"))
        }
        other => bad(line, format!("无法读取：{other:?}"), format!("cannot be read: {other:?}")),
    }
}

fn json_lines(reader: BufReader<File>, key: &[String], each: &mut dyn FnMut(Result<Row, BadLine>)) {
    for (line, text) in (1..).zip(reader.split(b'\n')) {
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                return each(Err(bad(
                    line,
                    format!("无法读取：{error}"),
                    format!("cannot be read: {error}"),
                )));
            }
        };
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Ok(text) = std::str::from_utf8(&text) else { return each(Err(not_utf8(line))) };
        match serde_json::from_str::<Value>(text) {
            Ok(row) => each(row_of(line, &row, key)),
            Err(error) => each(Err(no_json(line, &error))),
        }
    }
}

fn json_array(reader: impl Read, key: &[String], each: &mut dyn FnMut(Result<Row, BadLine>)) {
    let line = Cell::new(1);
    let mut deserializer = serde_json::Deserializer::from_reader(Lines { reader, line: &line });
    let visited =
        deserializer.deserialize_seq(Rows { line: &line, key, each }).and_then(|()| deserializer.end());
    if let Err(error) = visited {
        each(Err(no_json(error.line().try_into().unwrap_or(0), &error)));
    }
}

fn no_json(line: u64, error: &serde_json::Error) -> BadLine {
    bad(line, format!("不是 JSON：{error}"), format!("is no JSON: {error}"))
}

/// Hands the elements of an array on, one at a time.
struct Rows<'a> {
    line: &'a Cell<u64>,
    key: &'a [String],
    each: &'a mut dyn FnMut(Result<Row, BadLine>),
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(row) = elements.next_element::<Value>()? {
            (self.each)(row_of(self.line.get(), &row, self.key));
        }
        Ok(())
    }
}

/// Counts the lines of what is read through it.
struct Lines<'a, R> {
    reader: R,
    line: &'a Cell<u64>,
}

impl<R: Read> Read for Lines<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        let ends = buffer.iter().take(read).filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get() + u64::try_from(ends).unwrap_or(0));
        Ok(read)
    }
}

/// The row of a JSON object; its id is made of the key's values as a document's key is.
fn row_of(line: u64, row: &Value, key: &[String]) -> Result<Row, BadLine> {
    if !row.is_object() {
        return Err(bad(line, "应为 JSON 对象", "expected a JSON object"));
    }
    let mut parts = Vec::with_capacity(key.len());
    for name in key {
        let value = field_of(row, name).ok_or_else(|| {
            bad(line, format!("缺少主键字段 {name}"), format!("the key's field {name} is missing"))
        })?;
        parts.push(value.replace('\\', "\\\\").replace('|', "\\|"));
    }
    if parts.iter().all(String::is_empty) {
        let name = key.join(", ");
        return Err(bad(line, format!("主键 {name} 为空"), format!("the key {name} is empty")));
    }
    let text = serde_json::to_vec(row)
        .map_err(|error| bad(line, format!("无法写出：{error}"), format!("cannot be written: {error}")))?;
    Ok(Row { line, id: parts.join("|"), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, id and text of a row; line and text of what is none.
    type Told = Result<(u64, String, String), (u64, String)>;

    fn rows(name: &str, content: &[u8], key: &[&str]) -> Vec<Told> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let key: Vec<String> = key.iter().map(|&name| name.to_owned()).collect();
        let mut rows = Vec::new();
        read(&file, &key, &mut |row| {
            rows.push(match row {
                Ok(row) => Ok((row.line, row.id, String::from_utf8(row.text).unwrap())),
                Err(bad) => Err((bad.line, bad.message.en)),
            });
        })
        .unwrap();
        rows
    }

    fn row(line: u64, id: &str, text: &str) -> Told {
        Ok((line, id.to_owned(), text.to_owned()))
    }

    #[test]
    fn csv_rows_are_texts_under_their_header() {
        let content = "\u{feff}no,name\r\n001,\"a, \"\"b\"\"\nc\"\r\n1.50,店铺\r\n";
        assert_eq!(
            rows("a.csv", content.as_bytes(), &["no"]),
            [
                row(2, "001", r#"{"no":"001","name":"a, \"b\"\nc"}"#),
                row(4, "1.50", r#"{"no":"1.50","name":"店铺"}"#)
            ]
        );
    }

    #[test]
    fn json_numbers_keep_their_text_in_arrays_and_lines() {
        let expected = [
            row(2, "12345678901234567890123", r#"{"no":12345678901234567890123,"rate":0.10}"#),
            row(3, "b\\|c", r#"{"no":"b|c"}"#),
        ];
        let array = "[\n{\"no\": 12345678901234567890123, \"rate\": 0.10},\n{\"no\":\"b|c\"}]";
        assert_eq!(rows("a.json", array.as_bytes(), &["no"]), expected);
        let lines = "\n{\"no\": 12345678901234567890123, \"rate\": 0.10}\n{\"no\":\"b|c\"}\n\n";
        // The first byte decides, whatever the file is called.
        assert_eq!(rows("a.ndjson", lines.as_bytes(), &["no"]), expected);
    }

    #[test]
    fn ids_are_made_of_all_fields_of_the_key() {
        let found = rows("a.json", br#"[{"org":{"FNumber":"1"},"no":"2"}]"#, &["org.FNumber", "no"]);
        assert_eq!(found[0].as_ref().unwrap().1, "1|2");
    }

    #[test]
    fn broken_lines_are_told_by_their_number() {
        let told = |name: &str, content: &[u8]| -> Vec<(u64, String)> {
            rows(name, content, &["no"]).into_iter().filter_map(Result::err).collect()
        };
        let words = |told: Vec<(u64, String)>, expected: &[(u64, &str)]| {
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for ((line, text), (at, word)) in told.iter().zip(expected) {
                assert!(line == at && text.contains(word), "{told:?}");
            }
        };
        words(
            told("a.csv", b"no,b\n1,2\n1,2,3\n,x\n2\n"),
            &[(3, "3 columns"), (4, "empty"), (5, "1 columns")],
        );
        words(told("a.csv", b"nr,b\n1,2\n"), &[(1, "the header has: nr, b")]);
        words(told("a.csv", b"no,no\n1,2\n"), &[(1, "twice")]);
        words(told("a.csv", b"no,name\n1,\xb5\xea\xc6\xcc\n2,x\n"), &[(2, "GBK")]);
        words(told("a.csv", b"no,\xb5\xea\n1,x\n"), &[(1, "GBK")]);
        words(told("a.csv", b"  \n"), &[(0, "empty")]);
        words(told("a.json", b"[{\"no\":1},\n{\"nr\":2},\n3]"), &[(2, "no is missing"), (3, "object")]);
        words(told("a.json", b"[{\"no\":1},\n{\"no\":"), &[(2, "no JSON")]);
        words(told("a.jsonl", b"{\"no\":1}\n{no}\n{\"no\":null}"), &[(2, "no JSON"), (3, "missing")]);
    }
}
