//! The calls and their token: one renewal at a time, at 80 percent of its life, and once more when a call is refused for
//! its token (contract kingdee-k3wise §2).

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use weir_model::secret::Secret;

use super::SYSTEM;
use super::answer::{self, Envelope, Saved, field, text};
use super::endpoints::{CHECK_BILL, GET_DETAIL, GET_LIST, SAVE, TOKEN, UPDATE};
use super::errors::Classifier;
use crate::class::{Class, Reaction};
use crate::describe::Api;
use crate::error::{Attempt, CallError, Cause, Effect};
use crate::governor::{Governor, Lane, Limit, Turn};
use crate::http::{self, Exchange, Http};

/// The life of a token whose answer tells none: one hour by default (contract kingdee-k3wise §2).
const DEFAULT_LIFE: Duration = Duration::from_secs(3_600);
/// First and longest rest after a status that says "too many".
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Documents of a page of a list: 100 to 500 are advised (contract kingdee-k3wise §9).
const LIST_ROWS: usize = 500;
/// Rows asked for when a number is looked for: more than one is as good as many.
const LOOK_UP_ROWS: &str = "10";

/// Where and as whom a connection speaks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection's name in the configuration.
    pub connection: String,
    /// The customer's server, such as `http://erp.example.com/K3API/`.
    pub base_url: Url,
    /// The authority code: hexadecimal text made in the API authorisation screen.
    pub authority_code: Secret,
    /// Calls that the server allows; empty for this project's caution.
    pub limits: Vec<Limit>,
    /// Time-outs and bounds.
    pub http: http::Options,
}

/// One connection's client; shared by all flows that write to the account.
pub struct Client {
    settings: Settings,
    http: Http,
    governor: Governor,
    classifier: Classifier,
    /// The lock is held over a renewal, so that other calls wait for the new token.
    token: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: Secret,
    renew_at: Instant,
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
        let (governor, classifier) = (Governor::default(), Classifier::default());
        Ok(Self { settings, http, governor, classifier, token: Mutex::default() })
    }

    /// Reads failures by the words of this server: the vendor publishes none (contract kingdee-k3wise §7).
    #[must_use]
    pub fn classifying_by(self, classifier: Classifier) -> Self {
        Self { classifier, ..self }
    }

    /// The account's quota.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Creates one document of `object`, such as `SO`; `data` holds its pages.
    ///
    /// # Errors
    /// When it was refused, or nobody knows what became of it.
    pub async fn save(&self, object: &str, data: &Value, turn: Turn<'_>) -> Result<Saved, CallError> {
        let body = json!({"Data": data});
        let envelope = self.call(&SAVE, object, &body, turn).await?;
        self.accepted(&SAVE, object, &envelope).map(|()| envelope.saved())
    }

    /// Writes over the document with this number.
    ///
    /// # Errors
    /// As [`Client::save`].
    pub async fn update(
        &self,
        object: &str,
        number: &str,
        data: &Value,
        turn: Turn<'_>,
    ) -> Result<Saved, CallError> {
        let body = json!({"FBillNo": number, "Data": data});
        let envelope = self.call(&UPDATE, object, &body, turn).await?;
        self.accepted(&UPDATE, object, &envelope).map(|()| envelope.saved())
    }

    /// Audits the document with this number (contract kingdee-k3wise §3).
    ///
    /// # Errors
    /// As [`Client::save`]; one that is audited already is refused as well.
    pub async fn check_bill(&self, object: &str, number: &str, turn: Turn<'_>) -> Result<(), CallError> {
        let body = json!({"data": {"FBillNo": number}});
        let envelope = self.call(&CHECK_BILL, object, &body, turn).await?;
        self.accepted(&CHECK_BILL, object, &envelope)
    }

    /// Reads one document by its number: its pages, or `None` for any answer that is no document. That alone does not
    /// mean that there is none; [`Client::numbers_like`] must agree (contract decisions, "K/3 WISE").
    ///
    /// # Errors
    /// When the call failed, or was refused for a reason that is not the document's.
    pub async fn detail(&self, object: &str, number: &str, lane: Lane) -> Result<Option<Value>, CallError> {
        let body = json!({"Data": {"FBillNo": number}});
        let envelope = self.call(&GET_DETAIL, object, &body, lane.into()).await?;
        if let Err(error) = self.accepted(&GET_DETAIL, object, &envelope) {
            return match error.class().reaction() {
                Reaction::Repeat | Reaction::Halt => Err(error),
                Reaction::RepeatBounded | Reaction::Refuse => Ok(None),
            };
        }
        let head = |data: &Value| field(data, "Page1").and_then(|page| page.get(0)).is_some();
        let inner = || field(&envelope.data, "Data").filter(|inner| head(inner)).cloned();
        Ok(if head(&envelope.data) { Some(envelope.data) } else { inner() })
    }

    /// The numbers of the documents that the server finds under a number.
    ///
    /// # Errors
    /// When the call failed or its answer holds no list: then nobody knows.
    pub async fn numbers_like(
        &self,
        object: &str,
        number: &str,
        lane: Lane,
    ) -> Result<Vec<String>, CallError> {
        let filter = format!("[FBillNo]='{}'", number.replace('\'', "''"));
        let body = json!({"Data": {
            "Top": LOOK_UP_ROWS, "PageSize": LOOK_UP_ROWS, "PageIndex": "1", "SelectPage": "2",
            "Fields": "FBillNo", "Filter": filter, "OrderBy": "[FBillNo] asc",
        }});
        let envelope = self.call(&GET_LIST, object, &body, lane.into()).await?;
        self.accepted(&GET_LIST, object, &envelope)?;
        let rows = envelope.rows().ok_or_else(|| {
            CallError::unreadable(self.attempt(&GET_LIST, object), "the answer holds no list of rows")
        })?;
        Ok(rows.iter().map(|row| text(field(row, "FBillNo"))).collect())
    }

    /// The numbers of the documents whose `field` is `from` or later and before `until`, as texts such as `2024-01-14`; each
    /// once, in their order.
    ///
    /// # Errors
    /// When a call failed or an answer holds no list.
    pub async fn numbers_within(
        &self,
        object: &str,
        within: (&str, &str, &str),
        lane: Lane,
    ) -> Result<Vec<String>, CallError> {
        let (name, from, until) = within;
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let filter = format!("[{name}]>={} and [{name}]<{}", quoted(from), quoted(until));
        let mut numbers: Vec<String> = Vec::new();
        for page in 1_u32.. {
            let body = json!({"Data": {
                "Top": "0", "PageSize": LIST_ROWS.to_string(), "PageIndex": page.to_string(), "SelectPage": "1",
                "Fields": "FBillNo", "Filter": filter, "OrderBy": "[FBillNo] asc",
            }});
            let envelope = self.call(&GET_LIST, object, &body, lane.into()).await?;
            self.accepted(&GET_LIST, object, &envelope)?;
            let rows = envelope.rows().ok_or_else(|| {
                CallError::unreadable(self.attempt(&GET_LIST, object), "the answer holds no list of rows")
            })?;
            for number in rows.iter().map(|row| text(field(row, "FBillNo"))) {
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
            if rows.len() < LIST_ROWS {
                break;
            }
        }
        Ok(numbers)
    }

    /// Asks for a token: whether the server is there and takes the authority code.
    ///
    /// # Errors
    /// When it is not, or does not.
    pub async fn log_in(&self, lane: Lane) -> Result<(), CallError> {
        self.token(None, lane).await.map(|_| ())
    }

    /// The failure of an answer, if it is one.
    fn accepted(&self, api: &Api, object: &str, envelope: &Envelope) -> Result<(), CallError> {
        let Some(said) = envelope.failure() else { return Ok(()) };
        let class = self.classifier.classify(&envelope.code, &said);
        Err(CallError::refused(self.attempt(api, object), envelope.code.clone(), &said, class))
    }

    /// Makes one call. One that is refused for its token is repeated once with another: the server refused it before it
    /// did anything.
    async fn call(
        &self,
        api: &Api,
        object: &str,
        body: &Value,
        turn: Turn<'_>,
    ) -> Result<Envelope, CallError> {
        let body = Bytes::from(body.to_string());
        let token = self.token(None, turn.lane()).await?;
        let first = self.call_with(&token, api, object, body.clone(), turn).await;
        let refused = match &first {
            Ok(envelope) => envelope
                .failure()
                .is_some_and(|said| self.classifier.classify(&envelope.code, &said) == Class::TokenExpired),
            Err(error) => matches!(error.cause(), Cause::Status { status: 401 | 403 }),
        };
        if !refused {
            return first;
        }
        let renewed = self.token(Some(&token), turn.lane()).await?;
        self.call_with(&renewed, api, object, body, turn).await
    }

    async fn call_with(
        &self,
        token: &Secret,
        api: &Api,
        object: &str,
        body: Bytes,
        turn: Turn<'_>,
    ) -> Result<Envelope, CallError> {
        let path = api.path.replace("{Object}", object);
        let attempt = || self.attempt(api, object);
        let mut url = self.url_of(&path).map_err(|reason| self.wrong_setting(attempt(), reason))?;
        url.query_pairs_mut().append_pair("Token", token.expose());
        let mut headers = HeaderMap::new();
        http::header(&mut headers, "content-type", "application/json", false)
            .map_err(|reason| self.wrong_setting(attempt(), reason))?;
        let permit = self.governor.limiter("account", self.limits(api)).acquire(turn.lane()).await;
        if turn.is_lost() {
            return Err(CallError::withdrawn(attempt()));
        }
        let posted = self.http.post(&url, headers, body).await;
        let exchange = posted.map_err(|error| CallError::transport(attempt(), error))?;
        if exchange.status == 429 {
            permit.throttled(exchange.retry_after.unwrap_or(REST.0), REST.1);
        } else {
            permit.answered();
        }
        envelope_of(attempt, &exchange)
    }

    /// The token to call with: the held one, or a new one where it ends soon or was `refused`.
    async fn token(&self, refused: Option<&Secret>, lane: Lane) -> Result<Secret, CallError> {
        let mut held = self.token.lock().await;
        // Another call may have renewed it meanwhile.
        let usable = held.as_ref().filter(|token| {
            refused.is_none_or(|refused| token.text != *refused) && Instant::now() < token.renew_at
        });
        if let Some(token) = usable {
            return Ok(token.text.clone());
        }
        let token = self.create_token(lane).await?;
        let text = token.text.clone();
        *held = Some(token);
        Ok(text)
    }

    /// No failure of it is the effect of a write, which is only made afterwards.
    async fn create_token(&self, lane: Lane) -> Result<Token, CallError> {
        let attempt = || self.attempt(&TOKEN, "");
        let mut url = self.url_of(TOKEN.path).map_err(|reason| self.wrong_setting(attempt(), reason))?;
        let code = self.settings.authority_code.expose();
        url.query_pairs_mut().append_pair("authorityCode", code);
        let permit = self.governor.limiter("account", self.limits(&TOKEN)).acquire(lane).await;
        let called = self.http.get(&url, HeaderMap::new()).await;
        let asked_at = Instant::now();
        let exchange =
            called.map_err(|error| CallError::transport(attempt(), error).with_effect(Effect::None))?;
        permit.answered();
        let envelope = envelope_of(attempt, &exchange).map_err(|error| error.with_effect(Effect::None))?;
        let token = text(field(&envelope.data, "Token"));
        let is_given = envelope.failure().is_none()
            && !text(field(&envelope.data, "Code")).eq_ignore_ascii_case("N")
            && !token.is_empty();
        if !is_given {
            // The server may repeat what it was sent (invariant 8).
            let said = envelope.message.replace(code, "…");
            let class = match self.classifier.classify(&envelope.code, &said) {
                class @ (Class::Permission | Class::Licence | Class::Locked | Class::Transient) => class,
                _ => Class::Credential,
            };
            return Err(CallError::refused(attempt(), envelope.code, &said, class));
        }
        let seconds = text(field(&envelope.data, "Validity")).parse().ok().filter(|seconds| *seconds > 0);
        let life = seconds.map_or(DEFAULT_LIFE, Duration::from_secs);
        Ok(Token { text: Secret::new(token), renew_at: asked_at + life * 4 / 5 })
    }

    fn limits<'l>(&'l self, api: &'l Api) -> &'l [Limit] {
        let configured = &self.settings.limits;
        if configured.is_empty() { api.quota.limits } else { configured }
    }

    fn url_of(&self, path: &str) -> Result<Url, String> {
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{path}")).map_err(|error| format!("base_url: {error}"))
    }

    fn wrong_setting(&self, attempt: Attempt, reason: String) -> CallError {
        CallError::new(attempt, Cause::Setting { reason }, Class::Credential, Effect::None)
    }

    fn attempt(&self, api: &Api, object: &str) -> Attempt {
        let operation = api.path.replace("{Object}", object);
        Attempt { system: SYSTEM, connection: self.settings.connection.clone(), operation }
    }
}

/// The envelope of an answer. Without one nobody knows what the server did.
fn envelope_of(attempt: impl Fn() -> Attempt, exchange: &Exchange) -> Result<answer::Envelope, CallError> {
    if !exchange.is_answer() {
        return Err(CallError::status(attempt(), exchange.status, exchange.retry_after));
    }
    Envelope::read(&exchange.body).ok_or_else(|| CallError::unreadable(attempt(), "it has no StatusCode"))
}

#[cfg(test)]
mod tests;
