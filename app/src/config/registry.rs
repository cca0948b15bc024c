//! The `schema_registry` section.

use url::Url;
use weir_clients::{http::Options, registry::Settings};
use weir_model::settings::{Fields, Localized, Problems};

/// Reads the section; `None` when there is none, or when it cannot be used and `problems` says why.
pub fn read(fields: &mut Fields<'_>, problems: &mut Problems) -> Option<Settings> {
    fields.get("schema_registry")?;
    let mut section = fields.mapping("schema_registry", problems);
    let text = section.required_text("url", problems);
    let user = section.text("user", problems);
    let password = section.secret("password", problems).unwrap_or_default();
    let path = section.path_of("url");
    section.finish(problems);
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() && !text.is_empty() {
        let message = Localized::new(format!("{text:?} 不是网址"), format!("{text:?} is no http address"));
        let suggestion = Localized::new("例如 http://localhost:8081", "such as http://localhost:8081");
        problems.error_with(path, message, suggestion);
    }
    Some(Settings { base_url: url?, login: user.map(|user| (user, password)), http: Options::default() })
}
