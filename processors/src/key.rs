//! The business key of a document: its parts joined by `|`.

use weir_model::document::join_key;
use weir_model::outcome::Refusal;

use crate::codes;

/// The values of the key's paths while a document is mapped.
#[derive(Clone, Debug)]
pub struct KeyParts<'f> {
    paths: &'f [String],
    values: Vec<Option<String>>,
}

impl<'f> KeyParts<'f> {
    /// No value yet for any of `paths`.
    pub fn new(paths: &'f [String]) -> Self {
        Self { paths, values: vec![None; paths.len()] }
    }

    /// Takes the value of one path; the first one counts, so that a document of several rows goes by its first row.
    pub fn take(&mut self, part: usize, value: &str) {
        if let Some(place @ None) = self.values.get_mut(part) {
            *place = Some(value.to_owned());
        }
    }

    /// The key.
    ///
    /// A part may be empty text (a refund without lines has an empty line id), the whole key may not.
    pub fn join(self) -> Result<String, Refusal> {
        let missing = self.paths.iter().zip(&self.values).find(|(_, value)| value.is_none());
        let empty = self.values.iter().flatten().all(String::is_empty);
        if let Some(path) = missing.map(|(path, _)| path).or(self.paths.first().filter(|_| empty)) {
            let message = format!("the document has no value for {path}, a part of its business key");
            return Err(Refusal::new(codes::NO_KEY, message).at(path.clone()));
        }
        Ok(join_key(self.values.iter().flatten().map(String::as_str)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(values: [Option<&str>; 2]) -> Result<String, String> {
        let paths = ["a".to_owned(), "b".to_owned()];
        let mut parts = KeyParts::new(&paths);
        for (index, value) in values.into_iter().enumerate() {
            if let Some(value) = value {
                parts.take(index, value);
                parts.take(index, "later");
            }
        }
        parts.join().map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn parts_never_run_together() {
        assert_eq!(join([Some("x|y"), Some("z")]).unwrap(), "x\\|y|z");
        assert_eq!(join([Some("x\\"), Some("y|z")]).unwrap(), "x\\\\|y\\|z");
        assert_eq!(join([Some("x"), Some("")]).unwrap(), "x|");
    }

    #[test]
    fn a_key_without_values_is_refused() {
        assert!(
            join([Some("x"), None]).unwrap_err().starts_with("M-NO-KEY: the document has no value for b")
        );
        assert!(join([Some(""), Some("")]).is_err());
    }
}
