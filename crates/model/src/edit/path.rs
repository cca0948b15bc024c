//! Paths into a JSON value: `a.b[0].c`, `lines[*].price`, `["a key with a .dot"].x`.

use std::fmt;

use super::EditError;

/// Where in a payload something is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    segments: Vec<Segment>,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Into the value of a key.
    Key(String),
    /// Into an item of a list, the first is 0.
    Item(usize),
    /// Into every item of a list.
    Items,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`EditError::Path`] tells what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, EditError> {
        let wrong = |why| EditError::Path { path: text.to_owned(), why };
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() || segments.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (segment, after) = bracketed(inner).map_err(wrong)?;
                segments.push(segment);
                rest = after;
            } else {
                if !segments.is_empty() {
                    rest = rest.strip_prefix('.').ok_or_else(|| wrong("a . or [ belongs after ]"))?;
                }
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (key, after) = rest.split_at(end);
                if key.is_empty() {
                    return Err(wrong("a key is empty"));
                }
                segments.push(Segment::Key(key.to_owned()));
                rest = after;
            }
        }
        Ok(Self { segments })
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    pub(super) fn ends_in_a_key(&self) -> bool {
        matches!(self.segments.last(), Some(Segment::Key(_)))
    }
}

/// What stands between `[` and `]`, and what follows.
fn bracketed(inner: &str) -> Result<(Segment, &str), &'static str> {
    const OPEN: &str = "a [ has no ]";
    if inner.starts_with('"') {
        let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
        let key = keys.next().and_then(Result::ok).ok_or("a quoted key is no JSON text")?;
        let after = inner.get(keys.byte_offset()..).and_then(|after| after.strip_prefix(']')).ok_or(OPEN)?;
        return Ok((Segment::Key(key), after));
    }
    let (index, after) = inner.split_once(']').ok_or(OPEN)?;
    if index == "*" {
        return Ok((Segment::Items, after));
    }
    let index = index.parse().map_err(|_| "between [ and ] belongs a number, * or a quoted key")?;
    Ok((Segment::Item(index), after))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) if key.is_empty() || key.contains(['.', '[', ']', '=', '"', ':']) => {
                    write!(f, "[{}]", serde_json::Value::from(key.as_str()))?;
                }
                Segment::Key(key) if index == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Item(item) => write!(f, "[{item}]")?,
                Segment::Items => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}
