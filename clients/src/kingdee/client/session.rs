//! As whom a call is made: signed headers, beside which the server's own session is used, or the session of a login (contract
//! kingdee-galaxy §2).
//!
//! One login at a time: whoever finds the session lost waits for the one who is renewing it. A login that was refused is
//! not tried again for a while, because sites lock an account after a few wrong passwords.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;
use weir_model::secret::Secret;

use super::{Client, Proof, SERVER_EXCEPTION};
use crate::class::{Class, Reaction};
use crate::error::{CallError, Cause, Effect};
use crate::governor::Lane;
use crate::http;
use crate::kingdee::answer::{ResponseStatus, text};
use crate::kingdee::endpoints::VALIDATE_USER;
use crate::kingdee::errors::classify_text;
use crate::kingdee::sign;

/// The cookie and header of a session.
const SESSION: &str = "kdservice-sessionid";
/// `LoginResultType` of a login that succeeded; every other is a refusal.
const LOGGED_IN: &str = "1";
/// How long a refused login is not tried again. The contract tells no limit; sites lock accounts after three to five.
const REFUSED_LOGIN_REST: Duration = Duration::from_secs(60);

/// The session that calls are made in, and the login that opens it.
#[derive(Default)]
pub(super) struct Session {
    cookies: Mutex<Cookies>,
    /// The lock is held over a login, so that other calls wait for its session.
    login: tokio::sync::Mutex<Option<RefusedLogin>>,
}

/// What the server set, by name.
#[derive(Default, Clone)]
pub(super) struct Cookies(BTreeMap<String, String>);

struct RefusedLogin {
    code: String,
    said: String,
    class: Class,
    until: Instant,
}

impl Cookies {
    /// The session's id; `None` before there is one.
    pub(super) fn session(&self) -> Option<&str> {
        self.0.get(SESSION).map(String::as_str)
    }

    fn add(&mut self, pairs: &[String]) {
        let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
        self.0.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}

impl Session {
    /// Takes over what an answer set.
    pub(super) fn keep(&self, pairs: &[String]) {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).add(pairs);
    }

    /// What to call with; nothing once its session is the `lost` one.
    fn cookies(&self, lost: Option<&str>) -> Cookies {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.is_some() && cookies.session() == lost {
            cookies.0.clear();
        }
        cookies.clone()
    }
}

impl Client {
    pub(super) fn is_signed(&self) -> bool {
        matches!(self.settings.credentials.proof, Proof::Signature(_))
    }

    /// What to call with: the held session, or another one than the `lost`. With signed headers there may be none.
    pub(super) async fn cookies(&self, lost: Option<&str>, lane: Lane) -> Result<Cookies, CallError> {
        let Proof::Password(password) = &self.settings.credentials.proof else {
            return Ok(self.session.cookies(lost));
        };
        let mut refused = self.session.login.lock().await;
        // Another call may have logged in meanwhile.
        let held = self.session.cookies(lost);
        if held.session().is_some() {
            return Ok(held);
        }
        if let Some(refused) = refused.as_ref().filter(|refused| Instant::now() < refused.until) {
            let attempt = self.attempt(&VALIDATE_USER, "");
            return Err(CallError::refused(attempt, &refused.code, &refused.said, refused.class));
        }
        let opened = self.log_in(password, lane).await.map_err(|error| error.with_effect(Effect::None));
        *refused = opened.as_ref().err().and_then(RefusedLogin::of);
        let cookies = opened?;
        *self.session.cookies.lock().unwrap_or_else(PoisonError::into_inner) = cookies.clone();
        Ok(cookies)
    }

    /// Opens a session.
    async fn log_in(&self, password: &Secret, lane: Lane) -> Result<Cookies, CallError> {
        let credentials = &self.settings.credentials;
        let body = json!({
            "acctID": credentials.account_id,
            "username": credentials.user_name,
            "password": password.expose(),
            "lcid": credentials.language,
        });
        let body = Bytes::from(body.to_string());
        let exchange = self.post(&Cookies::default(), &VALIDATE_USER, "", body, lane.into()).await?;
        // The server may repeat what it was sent (invariant 8).
        let refused = |code: String, said: &str, class| {
            let said =
                if password.is_empty() { said.to_owned() } else { said.replace(password.expose(), "…") };
            CallError::refused(self.attempt(&VALIDATE_USER, ""), code, &said, class)
        };
        if exchange.body.starts_with(SERVER_EXCEPTION) {
            let said = String::from_utf8_lossy(&exchange.body);
            return Err(refused("4".to_owned(), &said, classify_text(&said).unwrap_or(Class::Unclear)));
        }
        let Ok(answer) = serde_json::from_slice::<Value>(&exchange.body) else {
            let attempt = self.attempt(&VALIDATE_USER, "");
            return Err(CallError::unreadable(attempt, "the login's answer is no JSON"));
        };
        opened(&exchange.cookies, &answer).ok_or_else(|| {
            let said = refusal_text(&answer);
            // Only a person can mend a password, an inspection page or a policy, unless the words say that it passes.
            let class = classify_text(&said).filter(|class| class.reaction() == Reaction::Repeat);
            let result = format!("LoginResultType {}", text(answer.get("LoginResultType")));
            refused(result, &said, class.unwrap_or(Class::Credential))
        })
    }

    /// The headers of a call.
    pub(super) fn headers(&self, url: &Url, cookies: &Cookies) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        http::header(&mut headers, "content-type", "application/json", false)?;
        self.sign(url, &mut headers)?;
        if let Some(session) = cookies.session() {
            let pairs: Vec<_> = cookies.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
            http::header(&mut headers, SESSION, session, true)?;
            http::header(&mut headers, "cookie", &format!("Theme=standard;{}", pairs.join(";")), true)?;
        }
        Ok(headers)
    }

    fn sign(&self, url: &Url, headers: &mut HeaderMap) -> Result<(), String> {
        let credentials = &self.settings.credentials;
        let Proof::Signature(application) = &credentials.proof else { return Ok(()) };
        let timestamp = Timestamp::now().as_second().to_string();
        let signed = sign::sign(credentials, application, url.as_str(), &timestamp)
            .map_err(|error| error.to_string())?;
        for (name, value, sensitive) in [
            ("x-api-clientid", signed.client_id.as_str(), false),
            ("x-api-auth-version", "2.0", false),
            ("x-api-timestamp", &timestamp, false),
            ("x-api-nonce", &timestamp, false),
            ("x-api-signheaders", "x-api-timestamp,x-api-nonce", false),
            ("x-api-signature", &signed.api_signature, true),
            ("x-kd-appkey", application.app_id.expose(), true),
            ("x-kd-appdata", &signed.app_data, true),
            ("x-kd-signature", &signed.app_signature, true),
        ] {
            http::header(headers, name, value, sensitive)?;
        }
        Ok(())
    }
}

impl RefusedLogin {
    /// What is remembered of a login that the site refused; `None` for one that failed on the way, or for the moment.
    fn of(error: &CallError) -> Option<Self> {
        let Cause::Refused { code, text } = error.cause() else { return None };
        (error.class().reaction() == Reaction::Halt).then(|| Self {
            code: code.clone(),
            said: text.clone(),
            class: error.class(),
            until: Instant::now() + REFUSED_LOGIN_REST,
        })
    }
}

/// The session that a login opened. A licence or inspection page can answer as if all were well, so success means the
/// result type and an id, wherever that stands (contract kingdee-galaxy §2a).
fn opened(pairs: &[String], answer: &Value) -> Option<Cookies> {
    let mut cookies = Cookies::default();
    cookies.add(pairs);
    let told = [answer.get("KDSVCSessionId"), answer.pointer("/Context/SessionId")];
    if let Some(id) = told.into_iter().map(text).find(|id| !id.is_empty()) {
        cookies.0.insert(SESSION.to_owned(), id);
    }
    let is_open = text(answer.get("LoginResultType")) == LOGGED_IN
        && cookies.session().is_some_and(|id| !id.is_empty());
    is_open.then_some(cookies)
}

/// Why a login opened no session, in the site's words where it gives any.
fn refusal_text(answer: &Value) -> String {
    let form = text(answer.get("FormId"));
    let status = ResponseStatus::of(answer).map(|status| status.text()).unwrap_or_default();
    let said = [text(answer.get("Message")), text(answer.get("MessageCode")), status];
    let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
    match (said.is_empty(), form.is_empty()) {
        (false, _) => said.join(" "),
        (true, false) => format!("the site asks for form {form} first; log in once by hand and answer it"),
        (true, true) => "no session was opened, and no reason given".to_owned(),
    }
}
