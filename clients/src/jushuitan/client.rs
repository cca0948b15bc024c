//! The calls: quota, signature, post, envelope; a renewed token and a corrected clock once each.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use url::Url;
use weir_model::secret::Secret;

use super::endpoints::{Endpoint, REFRESH_TOKEN};
use super::envelope::{self, Answer, Reading};
use super::errors::{classify, rest_after};
use super::token::{RenewError, StoreError, Token, TokenStore, Tokens};
use super::{SYSTEM, sign};
use crate::class::Class;
use crate::describe::Scope;
use crate::error::{Attempt, CallError, Cause, Effect};
use crate::governor::{Governor, Lane, Limiter, Permit};
use crate::http::{self, Exchange, Http};

/// The longest rest while HTTP status 429 repeats.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Where and as whom a connection speaks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection's name in the configuration.
    pub connection: String,
    /// `https://openapi.jushuitan.com`, or the sandbox.
    pub base_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// Time-outs and bounds.
    pub http: http::Options,
}

/// The application and the merchant's token.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The application's key; public.
    pub app_key: String,
    /// The application's secret.
    pub app_secret: Secret,
    /// The merchant's token.
    pub access_token: Secret,
    /// Buys the next token. Third-party applications have none (contract jushuitan §3).
    pub refresh_token: Option<Secret>,
}

/// One connection's client. Shared by all sources of the account, so that they share its quota and token.
pub struct Client {
    settings: Settings,
    http: Http,
    governor: Governor,
    tokens: Tokens,
    /// Server's clock minus ours, in seconds; learnt when a time was refused.
    clock_offset: AtomicI64,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// Sets the client up; nothing is called yet.
    ///
    /// # Errors
    /// When the HTTP part cannot be set up.
    pub fn new(settings: Settings, store: Option<Arc<dyn TokenStore>>) -> Result<Self, http::BuildError> {
        let credentials = &settings.credentials;
        let configured =
            Token::configured(credentials.access_token.clone(), credentials.refresh_token.clone());
        Ok(Self {
            http: Http::new(&settings.http)?,
            governor: Governor::default(),
            tokens: Tokens::new(configured, store),
            clock_offset: AtomicI64::new(0),
            settings,
        })
    }

    /// The account's quota: what is left, and the low start after a take-over.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Reads the token store again before the next call: after a take-over the former owner may have renewed.
    pub async fn reload_token(&self) {
        self.tokens.reload().await;
    }

    /// Calls an endpoint with `biz`, the JSON text of its parameters, which is signed and sent as it is. Waits for a place in
    /// the quota. An expired token is renewed and a refused time corrected once; nothing else is repeated.
    ///
    /// # Errors
    /// With class and remedy. An answer that cannot be read carries its bytes.
    pub async fn call(&self, endpoint: &Endpoint, biz: &str, lane: Lane) -> Result<Answer, CallError> {
        let limiter = self.limiter(endpoint);
        let (mut renewed, mut corrected) = (false, false);
        loop {
            let token = self.token().await?;
            let permit = limiter.acquire(lane).await;
            let timestamp = self.timestamp();
            let parameters = [
                ("app_key", self.settings.credentials.app_key.as_str()),
                ("access_token", token.access_token.expose()),
                ("timestamp", timestamp.as_str()),
                ("charset", "utf-8"),
                ("version", "2"),
                ("biz", biz),
            ];
            let (exchange, permit) = self.post(&endpoint.path, &parameters, permit).await?;
            let error = match envelope::read(&exchange.body, &endpoint.list_path) {
                Ok(Reading::Good(answer)) => {
                    permit.answered();
                    return Ok(answer);
                }
                Ok(Reading::Refused { code, text }) => self.refusal(&endpoint.path, &code, &text, permit),
                Err(misread) => {
                    let error = CallError::unreadable(self.attempt(&endpoint.path), misread.to_string());
                    return Err(error.with_body(exchange.body));
                }
            };
            match error.class() {
                Class::TokenExpired if !renewed && self.renew(&token).await? => renewed = true,
                Class::ClockSkew if !corrected && self.adopt_clock(exchange.date) => corrected = true,
                _ => return Err(error),
            }
        }
    }

    /// Posts signed parameters. The permit comes back with a 200, whose body alone tells whether it speaks of the quota.
    async fn post(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        permit: Permit,
    ) -> Result<(Exchange, Permit), CallError> {
        let url = self
            .settings
            .base_url
            .join(path)
            .map_err(|error| self.wrong_setting(path, &error.to_string()))?;
        let signature = sign::sign(&self.settings.credentials.app_secret, parameters);
        let body = Bytes::from(sign::form(parameters, &signature));
        let mut headers = HeaderMap::new();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded;charset=UTF-8"),
        );
        let posted = self.http.post(&url, headers, body).await;
        let exchange = posted.map_err(|error| CallError::transport(self.attempt(path), error))?;
        if exchange.is_answer() {
            return Ok((exchange, permit));
        }
        if exchange.status == 429 {
            permit.throttled(exchange.retry_after.unwrap_or(Duration::from_secs(1)), LONGEST_REST);
        }
        Err(CallError::status(self.attempt(path), exchange.status, exchange.retry_after))
    }

    async fn token(&self) -> Result<Token, CallError> {
        let now = Timestamp::now();
        let exchange = async |token: &Token, refresh: &Secret| self.refresh(token, refresh).await;
        self.tokens.current(now, exchange).await.map_err(|error| self.renewal_failed(error))
    }

    async fn renew(&self, refused: &Token) -> Result<bool, CallError> {
        let exchange = async |token: &Token, refresh: &Secret| self.refresh(token, refresh).await;
        let renewed =
            self.tokens.renew(refused, exchange).await.map_err(|error| self.renewal_failed(error))?;
        Ok(renewed.is_some())
    }

    /// Buys a new token (contract jushuitan §3). Its answer holds secrets, so an error never carries its bytes.
    async fn refresh(&self, old: &Token, refresh_token: &Secret) -> Result<Token, CallError> {
        let endpoint = Endpoint::from(&REFRESH_TOKEN);
        let permit = self.limiter(&endpoint).acquire(Lane::Live).await;
        let timestamp = self.timestamp();
        let parameters = [
            ("app_key", self.settings.credentials.app_key.as_str()),
            ("timestamp", timestamp.as_str()),
            ("grant_type", "refresh_token"),
            ("charset", "utf-8"),
            ("refresh_token", refresh_token.expose()),
            ("scope", "all"),
        ];
        let (exchange, permit) = self.post(&endpoint.path, &parameters, permit).await?;
        let unreadable =
            || CallError::unreadable(self.attempt(&endpoint.path), "not the answer of a token call");
        let answer: TokenAnswer<'_> = serde_json::from_slice(&exchange.body).map_err(|_| unreadable())?;
        let code = envelope::scalar(answer.code).ok_or_else(unreadable)?;
        if code != "0" {
            return Err(self.refusal(
                &endpoint.path,
                &code,
                answer.msg.as_deref().unwrap_or_default(),
                permit,
            ));
        }
        permit.answered();
        let data: TokenData = serde_json::from_str(answer.data.get()).map_err(|_| unreadable())?;
        tracing::info!(connection = self.settings.connection, "token renewed");
        Ok(Token {
            access_token: Secret::new(data.access_token),
            refresh_token: Some(data.refresh_token.map_or_else(|| refresh_token.clone(), Secret::new)),
            expires_at: data.expires_in.and_then(|seconds| {
                Timestamp::from_second(Timestamp::now().as_second().checked_add(seconds)?).ok()
            }),
            lineage: old.lineage.clone(),
        })
    }

    fn renewal_failed(&self, error: RenewError<CallError>) -> CallError {
        match error {
            RenewError::Exchange(error) => error,
            RenewError::Store(source) => {
                let attempt = self.attempt(REFRESH_TOKEN.path);
                let class = match source {
                    StoreError::Seal(_) => Class::Credential,
                    StoreError::Unavailable(_) => Class::Transient,
                };
                CallError::new(attempt, Cause::TokenStore(source), class, Effect::None)
            }
        }
    }

    fn refusal(&self, path: &str, code: &str, text: &str, permit: Permit) -> CallError {
        let class = classify(code, text);
        let error = CallError::refused(self.attempt(path), code, text, class);
        if class != Class::Throttled {
            permit.answered();
            return error;
        }
        let (rest, ceiling) = rest_after(code);
        permit.throttled(rest, ceiling);
        error.with_rest(Some(rest))
    }

    fn wrong_setting(&self, path: &str, reason: &str) -> CallError {
        let cause = Cause::Setting { reason: reason.to_owned() };
        CallError::new(self.attempt(path), cause, Class::Argument, Effect::None)
    }

    fn attempt(&self, path: &str) -> Attempt {
        Attempt { system: SYSTEM, connection: self.settings.connection.clone(), operation: path.to_owned() }
    }

    fn limiter(&self, endpoint: &Endpoint) -> Limiter {
        let scope = match endpoint.scope {
            Scope::Account => "account",
            Scope::AccountAndApi => &endpoint.path,
        };
        self.governor.limiter(scope, &endpoint.limits)
    }

    fn timestamp(&self) -> String {
        (Timestamp::now().as_second() + self.clock_offset.load(Ordering::Relaxed)).to_string()
    }

    /// Takes the server's clock; `false` when it did not tell it.
    fn adopt_clock(&self, date: Option<Timestamp>) -> bool {
        let Some(date) = date else { return false };
        let offset = date.as_second() - Timestamp::now().as_second();
        tracing::warn!(
            connection = self.settings.connection,
            offset_seconds = offset,
            "clock offset adopted"
        );
        self.clock_offset.store(offset, Ordering::Relaxed);
        true
    }
}

#[derive(Deserialize)]
struct TokenAnswer<'a> {
    #[serde(borrow)]
    code: &'a serde_json::value::RawValue,
    #[serde(default)]
    msg: Option<String>,
    #[serde(borrow, default = "null")]
    data: &'a serde_json::value::RawValue,
}

fn null() -> &'static serde_json::value::RawValue {
    serde_json::value::RawValue::NULL
}

#[derive(Deserialize)]
struct TokenData {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<i64>,
}

#[cfg(test)]
mod tests;
