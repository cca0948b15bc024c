//! A connection's own settings: where, as whom, and how often.

use url::Url;
use weir_clients::{
    governor::Limit,
    http,
    jushuitan::{Credentials, Settings},
};
use weir_model::settings::{Fields, Localized, Problems};

use crate::registry::Connection;

/// Where calls go when nothing is set (contract jushuitan §1).
const PRODUCTION: &str = "https://openapi.jushuitan.com";

/// The settings, read.
pub(super) struct ConnectionSettings {
    pub client: Settings,
    /// The quota of one endpoint; larger packages raise it by contract (contract jushuitan §8).
    pub limits: Vec<Limit>,
}

/// Reads a connection; `None` when it cannot be used, and `problems` says why.
pub(super) fn read(connection: &Connection, problems: &mut Problems) -> Option<ConnectionSettings> {
    let known = problems.list().len();
    let mut fields = Fields::of(&connection.settings, connection.path.clone(), problems);
    let base_url = fields.text("base_url", problems).unwrap_or_else(|| PRODUCTION.to_owned());
    let credentials = Credentials {
        app_key: fields.required_text("app_key", problems),
        app_secret: fields.required_secret("app_secret", problems),
        access_token: fields.required_secret("access_token", problems),
        refresh_token: fields.secret("refresh_token", problems).filter(|token| !token.is_empty()),
    };
    let limits = vec![
        limit(fields.count("calls_per_second", 5, 1..=1_000, problems), 1),
        limit(fields.count("calls_per_minute", 100, 1..=60_000, problems), 60),
    ];
    let url_path = fields.path_of("base_url");
    let refresh_path = fields.path_of("refresh_token");
    fields.finish(problems);
    if credentials.refresh_token.is_some() && connection.seal_key.is_none() {
        let message = Localized::new(
            "续期后的令牌须加密保存，但未配置 seal_key",
            "a renewed token is kept sealed, and there is no seal_key",
        );
        let suggestion = Localized::new(
            "在 weir.yaml 顶层加 `seal_key: ${env:WEIR_SEAL_KEY}`；密钥可用 `openssl rand -hex 32` 生成，请长期保存",
            "add `seal_key: ${env:WEIR_SEAL_KEY}` at the top of weir.yaml; `openssl rand -hex 32` makes a key, keep it",
        );
        problems.error_with(refresh_path, message, suggestion);
    }
    let url = Url::parse(&base_url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() {
        let message =
            Localized::new(format!("{base_url:?} 不是网址"), format!("{base_url:?} is no http address"));
        let suggestion = Localized::new(format!("例如 {PRODUCTION}"), format!("such as {PRODUCTION}"));
        problems.error_with(url_path, message, suggestion);
    }
    let client = Settings {
        connection: connection.name.to_string(),
        base_url: url?,
        credentials,
        http: http::Options::default(),
    };
    (problems.list().len() == known).then_some(ConnectionSettings { client, limits })
}

fn limit(calls: u64, seconds: u32) -> Limit {
    Limit { calls: u32::try_from(calls).unwrap_or(u32::MAX), seconds }
}
