//! Tokens by both OAuth2 grants. They are kept in memory alone: what is configured buys the next one at any time, so a
//! renewal that is lost with its process costs one call and no person (contract xiaoman-okki §3).

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use url::form_urlencoded::Serializer;
use weir_model::secret::Secret;

/// How a connection proves who it is.
#[derive(Debug, Clone)]
pub enum Login {
    /// Not at all: for a server without authentication.
    None,
    /// By OAuth2.
    OAuth2 {
        /// The application.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// Modules, joined by blanks, such as `invoices company`.
        scope: String,
        /// Whose rights the token has.
        grant: Grant,
    },
}

/// The OAuth2 grant.
#[derive(Debug, Clone)]
pub enum Grant {
    /// The application's own rights.
    ClientCredentials,
    /// A user's rights.
    Password {
        /// E-mail of the login.
        username: String,
        /// The password in clear; its SHA-256 is sent.
        password: Secret,
    },
}

/// A token in use.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) text: Secret,
    pub(super) refresh: Option<Secret>,
    pub(super) renew_at: Instant,
}

/// The life of a token whose answer tells none.
const DEFAULT_LIFE: u64 = 28_800;
/// How long before its end a token is renewed.
const AHEAD: Duration = Duration::from_secs(5 * 60);
/// How soon a server is asked again that gave the same token once more, whose end has not moved.
const SAME_TOKEN: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Given {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<serde_json::Value>,
}

impl Token {
    /// Reads the answer of a token call that was made at `asked_at`, while `former` was held.
    pub(super) fn read(body: &[u8], asked_at: Instant, former: Option<&Self>) -> Option<Self> {
        let given: Given =
            serde_json::from_slice(body).ok().filter(|given: &Given| !given.access_token.is_empty())?;
        let told = given.expires_in.and_then(|life| match life {
            serde_json::Value::String(text) => text.parse().ok(),
            life => life.to_string().parse().ok(),
        });
        let text = Secret::new(given.access_token);
        let life = Duration::from_secs(told.unwrap_or(DEFAULT_LIFE));
        let is_same = former.is_some_and(|former| former.text == text);
        let renew_in = if is_same { SAME_TOKEN } else { life.saturating_sub(AHEAD).max(life / 2) };
        let refresh = given.refresh_token.filter(|token| !token.is_empty()).map(Secret::new);
        Some(Self { text, refresh, renew_at: asked_at + renew_in })
    }
}

impl Login {
    /// The form that buys a token; `None` when there is nothing to buy.
    pub(super) fn grant_form(&self) -> Option<String> {
        let Self::OAuth2 { client_id, client_secret, scope, grant } = self else { return None };
        let mut form = Serializer::new(String::new());
        let name = if matches!(grant, Grant::Password { .. }) { "password" } else { "client_credentials" };
        form.append_pair("grant_type", name)
            .append_pair("client_id", client_id)
            .append_pair("client_secret", client_secret.expose())
            .append_pair("scope", scope);
        if let Grant::Password { username, password } = grant {
            form.append_pair("username", username).append_pair("password", &digest(password));
        }
        Some(form.finish())
    }

    /// The form that renews a token.
    pub(super) fn refresh_form(&self, refresh: &Secret) -> Option<String> {
        let Self::OAuth2 { client_id, client_secret, .. } = self else { return None };
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", refresh.expose())
            .append_pair("client_id", client_id)
            .append_pair("client_secret", client_secret.expose());
        Some(form.finish())
    }
}

/// SHA-256 in lower-case hexadecimal digits.
fn digest(password: &Secret) -> String {
    hex::encode(Sha256::digest(password.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_worked_examples() {
        let password = Secret::new("demo-password");
        assert_eq!(digest(&password), "41bd876b085d6031cb0e04de35b88d77f83a4ba39f879fee40805ac19e356023");
        let login = Login::OAuth2 {
            client_id: "demo-client".into(),
            client_secret: Secret::new("demo-secret"),
            scope: "invoices company".into(),
            grant: Grant::ClientCredentials,
        };
        assert_eq!(
            login.grant_form().unwrap(),
            "grant_type=client_credentials&client_id=demo-client&client_secret=demo-secret&scope=invoices+company"
        );
    }

    #[test]
    fn a_token_is_renewed_five_minutes_early_and_the_same_one_asked_for_a_minute_later() {
        let now = Instant::now();
        let after = |body: &str, former: Option<&Token>| {
            Token::read(body.as_bytes(), now, former).unwrap().renew_at.duration_since(now).as_secs()
        };
        assert_eq!(after(r#"{"access_token":"a","expires_in":28800}"#, None), 28_500);
        assert_eq!(after(r#"{"access_token":"a","expires_in":"28799"}"#, None), 28_499);
        assert_eq!(after(r#"{"access_token":"a"}"#, None), 28_500);
        assert_eq!(after(r#"{"access_token":"a","expires_in":60}"#, None), 30);
        let former = Token::read(br#"{"access_token":"a"}"#, now, None).unwrap();
        assert_eq!(after(r#"{"access_token":"a"}"#, Some(&former)), 60);
        assert!(Token::read(b"{}", now, None).is_none());
    }
}
