//! The settings of connections that name files: relative to the folder of the file they stand in, and there to be read.

use std::path::{Path, absolute};

use weir_model::{
    Json,
    pem::Pem,
    settings::{Localized, Problems},
};

use super::Connection;

/// Makes the paths among the settings of a connection to `system` absolute; certificates given as text stay.
pub fn resolve(system: &str, settings: &mut Json, folder: &Path) {
    for file in weir_sinks::files(system) {
        let Some(Json::String(text)) = settings.get_mut(file.key) else { continue };
        if text.is_empty() || Pem::is_text(text) {
            continue;
        }
        let path = folder.join(text.as_str());
        *text = absolute(&path).unwrap_or(path).to_string_lossy().into_owned();
    }
}

/// Tells the files of a connection that are needed and cannot be read.
pub fn check(connection: &Connection, problems: &mut Problems) {
    for file in weir_sinks::files(&connection.system).iter().filter(|file| file.is_needed) {
        let text = connection.settings.get(file.key).and_then(Json::as_str).unwrap_or_default();
        if !text.is_empty() && !Pem::is_text(text) {
            check_readable(format!("{}.{}", connection.path, file.key), Path::new(text), problems);
        }
    }
}

/// Tells a file that cannot be read.
pub fn check_readable(path: String, file: &Path, problems: &mut Problems) {
    let Err(error) = std::fs::File::open(file) else { return };
    let name = file.display();
    problems.error_with(
        path,
        Localized::new(
            format!("读不到文件 {name}：{error}"),
            format!("cannot read the file {name}: {error}"),
        ),
        Localized::new(
            "查看它是否存在、可读；相对路径从 weir.yaml 所在的文件夹算起",
            "see that it is there and may be read; a relative path starts at the folder of weir.yaml",
        ),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_start_at_the_folder_of_the_file() {
        let mut settings = json!({"url": "mysql://u@h/d", "tls_ca_file": "tls/ca.pem", "tls_key_file": "/etc/key",
            "tls_certificate_file": "-----BEGIN CERTIFICATE-----"});
        resolve("mysql", &mut settings, Path::new("/etc/weir"));
        assert_eq!(settings["tls_ca_file"], "/etc/weir/tls/ca.pem");
        assert_eq!(settings["tls_key_file"], "/etc/key");
        assert_eq!(settings["tls_certificate_file"], "-----BEGIN CERTIFICATE-----");
        let mut settings = json!({"path": "books.sqlite"});
        resolve("sqlite", &mut settings, Path::new("/var/lib/weir"));
        assert_eq!(settings["path"], "/var/lib/weir/books.sqlite");
    }
}
