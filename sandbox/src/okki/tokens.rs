//! OAuth2 at 小满 OKKI: both grants, scopes, lives and renewals (contract xiaoman-okki §3).
//!
//! Asking again within a token's life gives the same token with what is left of its life. A renewal ends the tokens
//! it replaces.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Secret, json_text::ObjectText, reply::Reply};

use super::Settings;

/// The modules a scope may name (contract xiaoman-okki §3).
const SCOPES: [&str; 12] = [
    "product",
    "company",
    "lead",
    "opportunity",
    "invoices",
    "user",
    "costInvoice",
    "paymentInvoice",
    "purchaseOrder",
    "warehouse",
    "capitalAccount",
    "webhook",
];

/// What every token begins with: the header of a JWT.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9";

/// A grant that is refused: the error of OAuth2 with its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
    hint: Option<&'static str>,
}

impl Denied {
    fn new(status: StatusCode, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, hint: None }
    }

    fn client() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", "Client authentication failed")
    }

    fn refresh_token() -> Self {
        let denied = Self::new(StatusCode::UNAUTHORIZED, "invalid_request", "The refresh token is invalid.");
        Self { hint: Some("Token has been revoked"), ..denied }
    }

    /// The error a knob asks for.
    pub fn of_knob(code: Option<&str>) -> Self {
        let bad_request = |error| Self::new(StatusCode::BAD_REQUEST, error, "The request was refused.");
        match code {
            Some("invalid_client") => Self::client(),
            Some("invalid_request") => Self::refresh_token(),
            Some("invalid_grant") => bad_request("invalid_grant"),
            Some("invalid_scope") => bad_request("invalid_scope"),
            Some("unsupported_grant_type") => bad_request("unsupported_grant_type"),
            Some("invalid_credentials") => {
                Self { status: StatusCode::UNAUTHORIZED, ..bad_request("invalid_credentials") }
            }
            Some("access_denied") => {
                Self { status: StatusCode::UNAUTHORIZED, ..bad_request("access_denied") }
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server met an error."),
        }
    }

    /// The answer, which has no business envelope.
    pub fn into_reply(self) -> Reply {
        let mut body =
            ObjectText::new().text("error", self.error).text("error_description", self.description);
        if let Some(hint) = self.hint {
            body = body.text("hint", hint);
        }
        let body = body.text("message", self.description).finish();
        Reply::plain(self.status, "application/json", body).refused(self.error)
    }
}

/// How a client asks for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    ClientCredentials,
    Password,
}

/// A token that was issued.
#[derive(Debug)]
struct Token {
    access: Secret,
    /// Only the password grant gives one.
    refresh: Option<Secret>,
    grant: Grant,
    scopes: Vec<String>,
    expires_at: i64,
}

/// Why a business call may not go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Barred {
    /// The token is missing, unknown or over.
    Token,
    /// The token's scope does not hold the module.
    Scope,
}

/// The tokens of the account.
#[derive(Debug)]
pub struct Tokens {
    live: Vec<Token>,
    issued: u64,
    dice: StdRng,
}

impl Tokens {
    /// An account without tokens.
    pub fn new(seed: u64) -> Self {
        Self { live: Vec::new(), issued: 0, dice: StdRng::seed_from_u64(seed ^ 0x0000_0CC1) }
    }

    /// How many different tokens were issued since the start.
    pub fn issued(&self) -> u64 {
        self.issued
    }

    /// Ends every access token; refresh tokens stay valid.
    pub fn expire(&mut self) {
        for token in &mut self.live {
            token.expires_at = i64::MIN;
        }
    }

    /// Whether a token opens a module.
    pub fn check(&self, access: &str, module: &str, now: i64) -> Result<(), Barred> {
        let mut live = self.live.iter().filter(|token| now < token.expires_at);
        let token = live.find(|token| token.access.reveal() == access).ok_or(Barred::Token)?;
        if token.scopes.iter().any(|scope| scope == module) { Ok(()) } else { Err(Barred::Scope) }
    }

    /// `POST /v1/oauth2/access_token`: the answer as JSON text.
    pub fn grant(&mut self, settings: &Settings, body: &Body, now: i64) -> Result<String, Denied> {
        body.check_client(settings)?;
        let grant = match body.text("grant_type").as_str() {
            "client_credentials" => Grant::ClientCredentials,
            "password" => Grant::Password,
            _ => {
                let words = "The authorization grant type is not supported by the authorization server.";
                return Err(Denied::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", words));
            }
        };
        let scopes = read_scopes(&body.text("scope"))?;
        if grant == Grant::Password {
            let digest = hex::encode(Sha256::digest(settings.password.reveal()));
            if body.text("username") != settings.username || body.text("password") != digest {
                let words = "The user credentials were incorrect.";
                return Err(Denied::new(StatusCode::UNAUTHORIZED, "invalid_credentials", words));
            }
        }
        let same = |token: &&Token| token.grant == grant && token.scopes == scopes && now < token.expires_at;
        if let Some(token) = self.live.iter().find(same) {
            return Ok(told(settings, token, now));
        }
        Ok(self.issue(settings, grant, scopes, now))
    }

    /// `POST /v1/oauth2/refresh_token`: ends the pair that is presented and issues another.
    pub fn renew(&mut self, settings: &Settings, body: &Body, now: i64) -> Result<String, Denied> {
        body.check_client(settings)?;
        if body.text("grant_type") != "refresh_token" {
            let words = "The authorization grant type is not supported by the authorization server.";
            return Err(Denied::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", words));
        }
        let presented = body.text("refresh_token");
        let holds = |token: &Token| token.refresh.as_ref().is_some_and(|held| held.reveal() == presented);
        let index = self.live.iter().position(holds).ok_or_else(Denied::refresh_token)?;
        let ended = self.live.swap_remove(index);
        Ok(self.issue(settings, ended.grant, ended.scopes, now))
    }

    fn issue(&mut self, settings: &Settings, grant: Grant, scopes: Vec<String>, now: i64) -> String {
        let mut random = || format!("{:032x}", self.dice.random::<u128>());
        let token = Token {
            access: Secret::new(format!("{HEADER}.{}.{}", random(), random())),
            refresh: (grant == Grant::Password).then(|| Secret::new(format!("def50200{}", random()))),
            grant,
            scopes,
            expires_at: now + i64::from(settings.token_lifetime_seconds),
        };
        let told = told(settings, &token, now);
        self.issued += 1;
        self.live.push(token);
        told
    }
}

/// A token as the endpoints tell it.
fn told(settings: &Settings, token: &Token, now: i64) -> String {
    let mut answer = ObjectText::new().text("token_type", "Bearer");
    if settings.tells_expiry || token.grant == Grant::Password {
        answer = answer.raw("expires_in", token.expires_at.saturating_sub(now));
    }
    answer = answer.text("access_token", token.access.reveal());
    if let Some(refresh) = &token.refresh {
        answer = answer.text("refresh_token", refresh.reveal());
    }
    answer.finish()
}

/// The modules of a scope, in one order so that equal scopes are equal.
fn read_scopes(scope: &str) -> Result<Vec<String>, Denied> {
    let mut scopes: Vec<_> = scope.split_whitespace().map(str::to_owned).collect();
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() || scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        let words = "The requested scope is invalid, unknown, or malformed";
        return Err(Denied::new(StatusCode::BAD_REQUEST, "invalid_scope", words));
    }
    Ok(scopes)
}

/// The body of a token call: form-encoded or JSON, whatever its content type says.
#[derive(Debug)]
pub struct Body(BTreeMap<String, String>);

impl Body {
    /// Reads a body; what is neither form nor JSON has no fields.
    pub fn read(bytes: &[u8]) -> Self {
        if let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(bytes) {
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            return Self(fields.into_iter().map(|(name, value)| (name, text(value))).collect());
        }
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    fn text(&self, name: &str) -> String {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn check_client(&self, settings: &Settings) -> Result<(), Denied> {
        let right = self.text("client_id") == settings.client_id
            && self.text("client_secret") == settings.client_secret.reveal();
        if right { Ok(()) } else { Err(Denied::client()) }
    }
}

/// The answer to a call whose token is missing, unknown or over: HTTP 401 with the business envelope's keys.
pub fn unauthorised() -> Reply {
    let body =
        json!({ "code": 401, "error_code": 401, "error": "access_denied", "message": "access_denied" });
    Reply::plain(StatusCode::UNAUTHORIZED, "application/json", body.to_string()).refused("401")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANT: &str = "grant_type=client_credentials&client_id=demo-client&client_secret=demo-secret";

    fn json_of(told: &str) -> Value {
        serde_json::from_str(told).unwrap()
    }

    #[test]
    fn asking_again_does_not_extend_a_token() {
        let (settings, mut tokens) = (Settings::default(), Tokens::new(1));
        let body = Body::read(format!("{GRANT}&scope=invoices+company").as_bytes());
        let first = json_of(&tokens.grant(&settings, &body, 1_000).unwrap());
        let again = json_of(&tokens.grant(&settings, &body, 1_600).unwrap());
        assert_eq!(first["access_token"], again["access_token"]);
        assert_eq!((&first["expires_in"], &again["expires_in"]), (&json!(28_800), &json!(28_200)));
        assert!(first.get("refresh_token").is_none());
        let later = json_of(&tokens.grant(&settings, &body, 29_800).unwrap());
        assert_ne!(first["access_token"], later["access_token"]);
    }

    #[test]
    fn the_password_is_the_digest_of_the_worked_example() {
        let (settings, mut tokens) = (Settings::default(), Tokens::new(1));
        let grant = |password: &str| {
            json!({
                "grant_type": "password", "client_id": "demo-client", "client_secret": "demo-secret",
                "scope": "invoices", "username": "demo@example.com", "password": password,
            })
            .to_string()
        };
        let digest = "41bd876b085d6031cb0e04de35b88d77f83a4ba39f879fee40805ac19e356023";
        let told = json_of(&tokens.grant(&settings, &Body::read(grant(digest).as_bytes()), 0).unwrap());
        let refresh = told["refresh_token"].as_str().unwrap();
        let clear = tokens.grant(&settings, &Body::read(grant("demo-password").as_bytes()), 0);
        assert_eq!(clear.unwrap_err().error, "invalid_credentials");

        let renewal = format!(
            "grant_type=refresh_token&client_id=demo-client&client_secret=demo-secret&refresh_token={refresh}"
        );
        let body = Body::read(renewal.as_bytes());
        let renewed = json_of(&tokens.renew(&settings, &body, 10).unwrap());
        let access = |told: &Value| told["access_token"].as_str().unwrap().to_owned();
        assert_eq!(
            tokens.check(&access(&told), "invoices", 20),
            Err(Barred::Token),
            "the old pair has ended"
        );
        assert_eq!(tokens.check(&access(&renewed), "invoices", 20), Ok(()));
        assert_eq!(tokens.check(&access(&renewed), "company", 20), Err(Barred::Scope));
        assert_eq!(tokens.renew(&settings, &body, 30).unwrap_err().hint, Some("Token has been revoked"));
    }
}
