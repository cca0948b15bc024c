//! The calls of one account: token, quota, GET, envelope. Tokens are bought and renewed one at a time.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use weir_model::secret::Secret;

use super::answer::{self, List, Reading};
use super::endpoints::{ACCESS_TOKEN, REFRESH_TOKEN};
use super::token::{Login, Token};
use super::{SYSTEM, errors};
use crate::class::Class;
use crate::error::{Attempt, CallError, Cause, Effect};
use crate::governor::{Governor, Lane, Limit, Permit};
use crate::http::{self, Exchange, Http};

/// First and longest rest after an answer that says "too many" and not for how long.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Where and as whom a connection speaks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection's name in the configuration.
    pub connection: String,
    /// The host (contract xiaoman-okki §1).
    pub base_url: Url,
    /// How it proves who it is.
    pub login: Login,
    /// The account's quota.
    pub limits: Vec<Limit>,
    /// Time-outs and bounds.
    pub http: http::Options,
}

/// One account's client. Shared by all its sources, so that they share quota and token.
pub struct Client {
    settings: Settings,
    http: Http,
    governor: Governor,
    /// The lock is held over a renewal, so that other calls wait for the new token.
    token: Mutex<Option<Token>>,
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
    pub fn new(settings: Settings) -> Result<Self, http::BuildError> {
        let http = Http::new(&settings.http)?;
        Ok(Self { settings, http, governor: Governor::default(), token: Mutex::default() })
    }

    /// The account's quota: what is left, and the low start after a take-over.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Calls for one page of the list at `list_path` of the answer. Waits for a place in the quota.
    ///
    /// # Errors
    /// With class and remedy. An answer that cannot be read carries its bytes.
    pub async fn list(
        &self,
        path: &str,
        query: &[(String, String)],
        list_path: &str,
        lane: Lane,
    ) -> Result<List, CallError> {
        let body = self.call(path, query, lane).await?;
        answer::list(&body, list_path).map_err(|misread| self.unreadable(path, &misread, body))
    }

    /// Calls for one object: its bytes as they came, or `None` when there is none, or no right to it.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn object(
        &self,
        path: &str,
        query: &[(String, String)],
        lane: Lane,
    ) -> Result<Option<Bytes>, CallError> {
        let body = match self.call(path, query, lane).await {
            Err(error) if error.class() == Class::Absent => return Ok(None),
            called => called?,
        };
        answer::object(&body).map_err(|misread| self.unreadable(path, &misread, body))
    }

    /// The body of a good answer. A call that is refused for its token is repeated once with another.
    async fn call(&self, path: &str, query: &[(String, String)], lane: Lane) -> Result<Bytes, CallError> {
        let token = self.token(None, lane).await?;
        let first = self.call_with(token.as_ref(), path, query, lane).await;
        match (first, token) {
            (Err(error), Some(refused)) if error.class() == Class::TokenExpired => {
                let renewed = self.token(Some(&refused), lane).await?;
                self.call_with(renewed.as_ref(), path, query, lane).await
            }
            (outcome, _) => outcome,
        }
    }

    async fn call_with(
        &self,
        token: Option<&Secret>,
        path: &str,
        query: &[(String, String)],
        lane: Lane,
    ) -> Result<Bytes, CallError> {
        let mut url = self.url_of(path)?;
        url.query_pairs_mut().extend_pairs(query);
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let bearer = format!("Bearer {}", token.expose());
            http::header(&mut headers, "authorization", &bearer, true)
                .map_err(|reason| self.wrong_setting(path, reason))?;
        }
        let permit = self.permit(lane).await;
        let called = self.http.get(&url, headers).await;
        let exchange = called.map_err(|error| CallError::transport(self.attempt(path), error))?;
        self.weigh(path, &exchange, permit)?;
        Ok(exchange.body)
    }

    /// Whether an answer is good. What it says of itself is heard before its HTTP status, except for a server's failure,
    /// of which the words are nobody's.
    fn weigh(&self, path: &str, exchange: &Exchange, permit: Permit) -> Result<(), CallError> {
        let rest = exchange.retry_after;
        if exchange.status == 429 || exchange.status >= 500 {
            if exchange.status == 429 {
                permit.throttled(rest.unwrap_or(REST.0), REST.1);
            }
            return Err(CallError::status(self.attempt(path), exchange.status, rest));
        }
        let refused =
            |code: String, text: &str, class| CallError::refused(self.attempt(path), code, text, class);
        match answer::read(&exchange.body) {
            Ok(Reading::Good) if exchange.is_answer() => permit.answered(),
            Ok(Reading::Refused { code, text }) => {
                let class = errors::classify(&code, &text);
                if class == Class::Throttled {
                    let rest = rest.unwrap_or(REST.0);
                    permit.throttled(rest, REST.1);
                    return Err(refused(code, &text, class).with_rest(Some(rest)));
                }
                permit.answered();
                return Err(refused(code, &text, class));
            }
            _ if exchange.status == 401 => {
                permit.answered();
                return Err(refused("401".to_owned(), "", Class::TokenExpired));
            }
            Err(misread) if exchange.is_answer() => {
                return Err(self.unreadable(path, &misread, exchange.body.clone()));
            }
            _ => return Err(CallError::status(self.attempt(path), exchange.status, rest)),
        }
        Ok(())
    }

    /// The token to call with: the held one, or another where it ends soon or was `refused`.
    async fn token(&self, refused: Option<&Secret>, lane: Lane) -> Result<Option<Secret>, CallError> {
        let Some(grant) = self.settings.login.grant_form() else { return Ok(None) };
        let mut held = self.token.lock().await;
        // Another call may have renewed it meanwhile.
        let usable = held.as_ref().filter(|token| {
            refused.is_none_or(|refused| token.text != *refused) && Instant::now() < token.renew_at
        });
        if let Some(token) = usable {
            return Ok(Some(token.text.clone()));
        }
        let former = held.take();
        let token = match self.refreshed(former.as_ref(), lane).await? {
            Some(token) => token,
            None => self.bought(ACCESS_TOKEN.path, grant, former.as_ref(), lane).await?,
        };
        tracing::info!(connection = self.settings.connection, "token obtained");
        Ok(Some(held.insert(token).text.clone()))
    }

    /// A token for the refresh token; `None` when there is none or it is dead, and the grant is to be asked for again.
    async fn refreshed(&self, former: Option<&Token>, lane: Lane) -> Result<Option<Token>, CallError> {
        let refresh = former.and_then(|token| token.refresh.as_ref());
        let Some(form) = refresh.and_then(|refresh| self.settings.login.refresh_form(refresh)) else {
            return Ok(None);
        };
        match self.bought(REFRESH_TOKEN.path, form, former, lane).await {
            Ok(token) => Ok(Some(token)),
            Err(error) if matches!(error.class(), Class::Credential | Class::TokenExpired) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a token call. Its answer holds secrets, so an error never carries its bytes.
    async fn bought(
        &self,
        path: &str,
        form: String,
        former: Option<&Token>,
        lane: Lane,
    ) -> Result<Token, CallError> {
        let url = self.url_of(path)?;
        let mut headers = HeaderMap::new();
        http::header(&mut headers, "content-type", "application/x-www-form-urlencoded", false)
            .map_err(|reason| self.wrong_setting(path, reason))?;
        let permit = self.permit(lane).await;
        let asked_at = Instant::now();
        let posted = self.http.post(&url, headers, Bytes::from(form)).await;
        let exchange = posted.map_err(|error| CallError::transport(self.attempt(path), error))?;
        if exchange.is_answer()
            && let Some(token) = Token::read(&exchange.body, asked_at, former)
        {
            permit.answered();
            return Ok(token);
        }
        // Token answers have no envelope: without a token and without an error nobody knows what was said.
        let failed = self.weigh(path, &exchange, permit).err();
        let unreadable = || CallError::unreadable(self.attempt(path), "not the answer of a token call");
        Err(match failed {
            Some(error) if error.class() == Class::TokenExpired => {
                CallError::refused(self.attempt(path), error.code().unwrap_or("401"), "", Class::Credential)
            }
            Some(error) if error.body().is_none() => error,
            _ => unreadable(),
        })
    }

    async fn permit(&self, lane: Lane) -> Permit {
        self.governor.limiter("account", &self.settings.limits).acquire(lane).await
    }

    fn url_of(&self, path: &str) -> Result<Url, CallError> {
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}"))
            .map_err(|error| self.wrong_setting(path, format!("base_url: {error}")))
    }

    fn wrong_setting(&self, path: &str, reason: String) -> CallError {
        CallError::new(self.attempt(path), Cause::Setting { reason }, Class::Credential, Effect::None)
    }

    fn unreadable(&self, path: &str, misread: &answer::Misread, body: Bytes) -> CallError {
        CallError::unreadable(self.attempt(path), misread.to_string()).with_body(body)
    }

    fn attempt(&self, path: &str) -> Attempt {
        Attempt { system: SYSTEM, connection: self.settings.connection.clone(), operation: path.to_owned() }
    }
}

#[cfg(test)]
mod tests;
