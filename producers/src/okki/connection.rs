//! A connection's own settings: where, as whom, and how often.

use url::Url;
use weir_clients::{
    governor::Limit,
    http,
    okki::{Grant, Login, Settings},
};
use weir_model::settings::{Fields, Localized, Problems};

use crate::registry::Connection;

/// The host calls go to when nothing is set (contract xiaoman-okki §1: production, whatever its name says).
const PRODUCTION: &str = "https://api-sandbox.xiaoman.cn";
/// Modules whose lists are read.
const SCOPE: &str = "invoices company";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    OAuth2,
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GrantName {
    ClientCredentials,
    Password,
}

/// Reads a connection; `None` when it cannot be used, and `problems` says why.
pub(super) fn read(connection: &Connection, problems: &mut Problems) -> Option<Settings> {
    let known = problems.list().len();
    let mut fields = Fields::of(&connection.settings, connection.path.clone(), problems);
    let base_url = fields.text("base_url", problems).unwrap_or_else(|| PRODUCTION.to_owned());
    let auth =
        fields.choice("auth", &[("oauth2", Auth::OAuth2), ("none", Auth::None)], Auth::OAuth2, problems);
    let login = if auth == Auth::OAuth2 { login(&mut fields, problems) } else { Login::None };
    let calls = fields.count("calls_per_second", 2, 1..=1_000, problems);
    let url_path = fields.path_of("base_url");
    fields.finish(problems);
    let url = Url::parse(&base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() {
        let message =
            Localized::new(format!("{base_url:?} 不是网址"), format!("{base_url:?} is no http address"));
        let suggestion = Localized::new(format!("例如 {PRODUCTION}"), format!("such as {PRODUCTION}"));
        problems.error_with(url_path, message, suggestion);
    }
    let settings = Settings {
        connection: connection.name.to_string(),
        base_url: url?,
        login,
        limits: vec![Limit { calls: u32::try_from(calls).unwrap_or(u32::MAX), seconds: 1 }],
        http: http::Options::default(),
    };
    (problems.list().len() == known).then_some(settings)
}

fn login(fields: &mut Fields<'_>, problems: &mut Problems) -> Login {
    let grants = [("client_credentials", GrantName::ClientCredentials), ("password", GrantName::Password)];
    let grant = match fields.choice("grant", &grants, GrantName::ClientCredentials, problems) {
        GrantName::ClientCredentials => Grant::ClientCredentials,
        GrantName::Password => Grant::Password {
            username: fields.required_text("username", problems),
            password: fields.required_secret("password", problems),
        },
    };
    Login::OAuth2 {
        client_id: fields.required_text("client_id", problems),
        client_secret: fields.required_secret("client_secret", problems),
        scope: fields.text("scope", problems).unwrap_or_else(|| SCOPE.to_owned()),
        grant,
    }
}
