//! The calls, and answers read as far as the call's own failure. As whom a call is made is in `session`.

mod session;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;
use weir_model::secret::Secret;

use super::SYSTEM;
use super::answer::ResponseStatus;
use super::endpoints::{AUDIT, BATCH_SAVE, BILL_QUERY, EXECUTE_BILL_QUERY, SAVE, SUBMIT, UN_AUDIT, VIEW};
use super::errors::classify_text;
use super::query::{PAGE_ROWS, Query};
use crate::class::Class;
use crate::describe::Api;
use crate::error::{Attempt, CallError, Cause, Effect};
use crate::governor::{Governor, Lane, Limit, Turn};
use crate::http::{self, Exchange, Http};
use session::{Cookies, Session};

/// Unhandled server exceptions come as a 200 whose text begins so (contract kingdee-galaxy §1).
const SERVER_EXCEPTION: &[u8] = b"response_error:";
/// First and longest rest after a limit answer, which tells no time itself.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Where and as whom a connection speaks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The connection's name in the configuration.
    pub connection: String,
    /// The customer's site, such as `https://erp.example.com/k3cloud/`.
    pub base_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// Calls that the site allows; empty for this project's caution.
    pub limits: Vec<Limit>,
    /// Time-outs and bounds.
    pub http: http::Options,
}

/// The account and the user.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// `AcctID`: the data centre.
    pub account_id: String,
    /// The user that calls are made as.
    pub user_name: String,
    /// `LCID`: 2052 is simplified Chinese.
    pub language: u32,
    /// What shows that we may.
    pub proof: Proof,
}

/// What shows that we may act for the user.
#[derive(Debug, Clone)]
pub enum Proof {
    /// Every call is signed; nobody logs in (contract kingdee-galaxy §2b).
    Signature(Application),
    /// One login by `ValidateUser` opens a session that calls are made in (contract kingdee-galaxy §2a).
    Password(Secret),
}

/// A third-party application that the site knows (contract kingdee-galaxy §2b).
#[derive(Debug, Clone)]
pub struct Application {
    /// `AppID`, `<client id>_<32 characters>`. The second part is the signing key in disguise, hence a secret.
    pub app_id: Secret,
    /// `AppSec`.
    pub app_secret: Secret,
    /// `OrgNum`: 0 when unused.
    pub organisation: String,
}

/// Which documents an operation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// By number; unique per creating organisation only.
    Numbers(Vec<String>),
    /// By internal id.
    Ids(Vec<String>),
}

/// One connection's client; shared by all flows that write to the account.
pub struct Client {
    settings: Settings,
    http: Http,
    governor: Governor,
    session: Session,
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
        Ok(Self { settings, http, governor: Governor::default(), session: Session::default() })
    }

    /// The account's quota.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    /// Saves several documents. `data` holds `Model` and the parameters beside it.
    ///
    /// # Errors
    /// When the call failed as a whole; what became of each document is in the status.
    pub async fn batch_save(
        &self,
        form: &str,
        data: &Value,
        turn: Turn<'_>,
    ) -> Result<ResponseStatus, CallError> {
        self.write(&BATCH_SAVE, form, data, turn).await
    }

    /// Saves one document; `Model` is an object.
    ///
    /// # Errors
    /// As [`Client::batch_save`].
    pub async fn save(&self, form: &str, data: &Value, turn: Turn<'_>) -> Result<ResponseStatus, CallError> {
        self.write(&SAVE, form, data, turn).await
    }

    /// Submits documents for audit.
    ///
    /// # Errors
    /// As [`Client::batch_save`].
    pub async fn submit(
        &self,
        form: &str,
        which: &Selection,
        turn: Turn<'_>,
    ) -> Result<ResponseStatus, CallError> {
        self.write(&SUBMIT, form, &which.data(), turn).await
    }

    /// Audits submitted documents.
    ///
    /// # Errors
    /// As [`Client::batch_save`].
    pub async fn audit(
        &self,
        form: &str,
        which: &Selection,
        turn: Turn<'_>,
    ) -> Result<ResponseStatus, CallError> {
        self.write(&AUDIT, form, &which.data(), turn).await
    }

    /// Takes the audit of documents back.
    ///
    /// # Errors
    /// As [`Client::batch_save`].
    pub async fn un_audit(
        &self,
        form: &str,
        which: &Selection,
        turn: Turn<'_>,
    ) -> Result<ResponseStatus, CallError> {
        self.write(&UN_AUDIT, form, &which.data(), turn).await
    }

    /// Reads one document by its number; `None` when there is none.
    ///
    /// # Errors
    /// When the call failed or was refused for another reason.
    pub async fn view(&self, form: &str, number: &str, lane: Lane) -> Result<Option<Value>, CallError> {
        let body = json!({"formid": form, "data": {"Number": number, "IsSortBySeq": false}});
        let mut answer = self.call(&VIEW, form, &body, lane.into()).await?;
        let status = self.status_of(&VIEW, form, &answer)?;
        if status.is_success {
            return Ok(answer
                .pointer_mut("/Result/Result")
                .map(Value::take)
                .filter(|found| !found.is_null()));
        }
        // MsgCode 10 is "no data found"; of the texts only this one says so of the number asked for.
        if status.msg_code == 10 || status.text().contains("传递的编码值不存在") {
            return Ok(None);
        }
        Err(self.refused(&VIEW, form, &status))
    }

    /// Reads all rows of a query, page by page, as values in the order of its fields.
    ///
    /// # Errors
    /// When a page failed or was refused.
    pub async fn execute_bill_query(&self, query: &Query, lane: Lane) -> Result<Vec<Vec<Value>>, CallError> {
        let mut rows = Vec::new();
        for row in self.query(&EXECUTE_BILL_QUERY, query, lane).await? {
            let Value::Array(row) = row else {
                let attempt = self.attempt(&EXECUTE_BILL_QUERY, &query.form);
                return Err(CallError::unreadable(attempt, "a row is not a list"));
            };
            rows.push(row);
        }
        Ok(rows)
    }

    /// Reads all rows of a query as objects; servers since 2023-09.
    ///
    /// # Errors
    /// When a page failed or was refused.
    pub async fn bill_query(&self, query: &Query, lane: Lane) -> Result<Vec<Value>, CallError> {
        self.query(&BILL_QUERY, query, lane).await
    }

    async fn query(&self, api: &Api, query: &Query, lane: Lane) -> Result<Vec<Value>, CallError> {
        let mut rows = Vec::new();
        loop {
            let answer = self.call(api, &query.form, &query.page(rows.len()), lane.into()).await?;
            if let Some(status) = ResponseStatus::anywhere(&answer) {
                return Err(self.refused(api, &query.form, &status));
            }
            let Value::Array(page) = answer else {
                return Err(CallError::unreadable(
                    self.attempt(api, &query.form),
                    "the answer is not a list",
                ));
            };
            let last = page.len() < PAGE_ROWS;
            rows.extend(page);
            if last {
                return Ok(rows);
            }
        }
    }

    async fn write(
        &self,
        api: &Api,
        form: &str,
        data: &Value,
        turn: Turn<'_>,
    ) -> Result<ResponseStatus, CallError> {
        let answer = self.call(api, form, &json!({"formid": form, "data": data}), turn).await?;
        let status = self.status_of(api, form, &answer)?;
        match status.call_failure() {
            Some(_) => Err(self.refused(api, form, &status)),
            None => Ok(status),
        }
    }

    /// Makes one call and reads its JSON. One whose session is lost is repeated once, in another session or with the
    /// signature alone: the server refused it before it did anything (contract kingdee-galaxy §2c).
    async fn call(&self, api: &Api, form: &str, body: &Value, turn: Turn<'_>) -> Result<Value, CallError> {
        let body = Bytes::from(body.to_string());
        let cookies = self.cookies(None, turn.lane()).await?;
        let first = self.call_as(&cookies, api, form, body.clone(), turn).await?;
        let Some(lost) = cookies.session().filter(|_| first.lost_session()) else {
            return self.read(api, form, first);
        };
        let cookies = self.cookies(Some(lost), turn.lane()).await?;
        let second = self.call_as(&cookies, api, form, body, turn).await?;
        self.read(api, form, second)
    }

    fn read(&self, api: &Api, form: &str, answer: Answer) -> Result<Value, CallError> {
        match answer {
            Answer::Json(json) => Ok(json),
            // Nobody knows how far the server came before its exception.
            Answer::Exception { text, class } => {
                Err(CallError::refused(self.attempt(api, form), "4", &text, class)
                    .with_effect(Effect::Unknown))
            }
        }
    }

    async fn call_as(
        &self,
        cookies: &Cookies,
        api: &Api,
        form: &str,
        body: Bytes,
        turn: Turn<'_>,
    ) -> Result<Answer, CallError> {
        let exchange = self.post(cookies, api, form, body, turn).await?;
        if self.is_signed() {
            // The first answer brings a session, and the one after its end another (contract kingdee-galaxy §2c).
            self.session.keep(&exchange.cookies);
        }
        if exchange.body.starts_with(SERVER_EXCEPTION) {
            let text = String::from_utf8_lossy(&exchange.body).into_owned();
            let class = classify_text(&text).unwrap_or(Class::Unclear);
            return Ok(Answer::Exception { text, class });
        }
        let json = serde_json::from_slice(&exchange.body).map_err(|error| {
            CallError::unreadable(self.attempt(api, form), error.to_string()).with_body(exchange.body.clone())
        })?;
        Ok(Answer::Json(json))
    }

    async fn post(
        &self,
        cookies: &Cookies,
        api: &Api,
        form: &str,
        body: Bytes,
        turn: Turn<'_>,
    ) -> Result<Exchange, CallError> {
        let attempt = || self.attempt(api, form);
        let url = self.url_of(api).map_err(|reason| self.wrong_setting(api, form, reason))?;
        let configured = &self.settings.limits;
        let limits = if configured.is_empty() { api.quota.limits } else { configured };
        let permit = self.governor.limiter("account", limits).acquire(turn.lane()).await;
        if turn.is_lost() {
            return Err(CallError::withdrawn(attempt()));
        }
        let headers = self.headers(&url, cookies).map_err(|reason| self.wrong_setting(api, form, reason))?;
        let posted = self.http.post(&url, headers, body).await;
        let exchange = posted.map_err(|error| CallError::transport(attempt(), error))?;
        if exchange.is_answer() {
            if says_throttled(&exchange.body) {
                permit.throttled(REST.0, REST.1);
            } else {
                permit.answered();
            }
            return Ok(exchange);
        }
        if exchange.status == 429 {
            permit.throttled(exchange.retry_after.unwrap_or(REST.0), REST.1);
        }
        Err(gateway_refusal(attempt(), &exchange)
            .unwrap_or_else(|| CallError::status(attempt(), exchange.status, exchange.retry_after)))
    }

    fn status_of(&self, api: &Api, form: &str, answer: &Value) -> Result<ResponseStatus, CallError> {
        let unreadable =
            || CallError::unreadable(self.attempt(api, form), "the answer has no Result.ResponseStatus");
        ResponseStatus::of(answer).ok_or_else(unreadable)
    }

    fn refused(&self, api: &Api, form: &str, status: &ResponseStatus) -> CallError {
        let text = status.text();
        let class = status.call_failure().or_else(|| classify_text(&text));
        let class = class.unwrap_or_else(|| super::errors::classify_msg_code(status.msg_code));
        let rest = (class == Class::Throttled).then_some(REST.0);
        CallError::refused(self.attempt(api, form), status.msg_code.to_string(), &text, class).with_rest(rest)
    }

    fn wrong_setting(&self, api: &Api, form: &str, reason: String) -> CallError {
        CallError::new(self.attempt(api, form), Cause::Setting { reason }, Class::Credential, Effect::None)
    }

    fn attempt(&self, api: &Api, form: &str) -> Attempt {
        let operation = format!("{} {form}", api.name).trim_end().to_owned();
        Attempt { system: SYSTEM, connection: self.settings.connection.clone(), operation }
    }

    fn url_of(&self, api: &Api) -> Result<Url, String> {
        let base = self.settings.base_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{}", api.path)).map_err(|error| format!("base_url: {error}"))
    }
}

/// What the server answered to a call.
enum Answer {
    Json(Value),
    /// An unhandled exception in the server's words.
    Exception {
        text: String,
        class: Class,
    },
}

impl Answer {
    /// Whether it says that the session is lost. Only failed answers are looked at: a field that contains the word must
    /// not lead to a second write (contract kingdee-galaxy §2c).
    fn lost_session(&self) -> bool {
        let class = match self {
            Self::Json(json) => ResponseStatus::anywhere(json).and_then(|status| status.call_failure()),
            Self::Exception { class, .. } => Some(*class),
        };
        matches!(class, Some(Class::Credential | Class::TokenExpired))
    }
}

impl Selection {
    /// `Ids` is one comma-joined text: a list there was cut to its first element (contract kingdee-galaxy §3).
    fn data(&self) -> Value {
        match self {
            Self::Numbers(numbers) => json!({"Numbers": numbers}),
            Self::Ids(ids) => json!({"Ids": ids.join(",")}),
        }
    }
}

fn says_throttled(body: &[u8]) -> bool {
    // Looked for as bytes first: nearly no answer is one, and a batch's answer is long.
    let names_it = body.windows(9).any(|window| window == b"\"MsgCode\"");
    let status = || ResponseStatus::of(&serde_json::from_slice(body).ok()?)?.call_failure();
    names_it && body.len() < 64 * 1024 && status() == Some(Class::Throttled)
}

/// The old gateway's refusal (contract kingdee-galaxy §6): status 519 with a code.
fn gateway_refusal(attempt: Attempt, exchange: &Exchange) -> Option<CallError> {
    if exchange.status != 519 {
        return None;
    }
    let answer: Value = serde_json::from_slice(&exchange.body).ok()?;
    let code = super::answer::text(answer.get("errcode"));
    let text = super::answer::text(answer.get("description_cn"));
    let class = match code.as_str() {
        "4002" => Class::Credential,
        "4006" => Class::ClockSkew,
        _ => Class::Argument,
    };
    Some(CallError::refused(attempt, code, &text, class))
}

#[cfg(test)]
mod tests;
