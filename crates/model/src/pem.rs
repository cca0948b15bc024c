//! A certificate or a key in PEM, as a configuration names it: the path of a file, or the text itself, which comes from a
//! secret store through `${env:…}` or `${file:…}`. Pure: nothing is read here.

use std::path::{Path, PathBuf};

use crate::secret::Secret;

/// What every text in PEM holds and no path does.
const BEGIN: &str = "-----BEGIN ";

/// A certificate, a list of them, or a key.
#[derive(Clone, Debug)]
pub enum Pem {
    /// In a file, which is read when it is needed.
    File(PathBuf),
    /// Here. It may be a key, so it is kept as a secret (invariant 8).
    Text(Secret),
}

impl Pem {
    /// What a setting says; a relative path starts at `folder`, that of the configuration.
    #[must_use]
    pub fn read(text: &str, folder: &Path) -> Self {
        if Self::is_text(text) { Self::Text(Secret::new(text)) } else { Self::File(folder.join(text)) }
    }

    /// Whether a setting is the text itself rather than a path.
    #[must_use]
    pub fn is_text(setting: &str) -> bool {
        setting.contains(BEGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_told_from_a_path_and_never_shown() {
        let path = Pem::read("tls/ca.pem", Path::new("/etc/weir"));
        assert!(matches!(path, Pem::File(path) if path == Path::new("/etc/weir/tls/ca.pem")));
        let key =
            Pem::read("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", Path::new("."));
        assert!(matches!(key, Pem::Text(_)));
        assert!(!format!("{key:?}").contains("hunter2"));
    }
}
