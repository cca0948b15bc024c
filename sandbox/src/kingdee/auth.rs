//! Who may call: sessions, logins and signed headers (contract kingdee-galaxy §2).

use std::collections::BTreeMap;

use axum::http::{HeaderMap, StatusCode, header};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{Rule, reply::Reply};

use super::{
    Settings,
    body::{Request, find, text},
    envelope::Failure,
    sign::{self, ClientKey},
};

/// How far a call's timestamp may be off, in seconds. Not documented: an old gateway refused one of 13 minutes.
const FRESHNESS: u64 = 600;

/// The sessions of the site.
#[derive(Debug)]
pub struct Sessions {
    expiries: BTreeMap<String, i64>,
    opened: u64,
    /// What is said of a session that is over.
    words_of_end: String,
    dice: StdRng,
}

/// A call that may go on.
#[derive(Debug)]
pub struct Access {
    /// Cookies of a session that was opened just now; empty for a call within a session.
    pub cookies: Vec<String>,
}

/// A call that may not.
#[derive(Debug)]
pub enum Denied {
    /// Wrong credentials, or a session that is over.
    Failure(Failure),
    /// A data centre the site does not have: not even an envelope (contract kingdee-galaxy §2c).
    DataCentre,
}

/// How a client logs in.
#[derive(Debug, Clone, Copy)]
pub enum Login {
    Password,
    AppSecret,
    Signature,
}

impl Sessions {
    /// A site without sessions.
    pub fn new(seed: u64) -> Self {
        Self {
            expiries: BTreeMap::new(),
            opened: 0,
            words_of_end: TIMED_OUT.to_owned(),
            dice: StdRng::seed_from_u64(seed ^ 0x0055_E551),
        }
    }

    /// How many sessions were opened, by logins and by signed headers.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Ends every session; their ids stay known as ended ones, of which the site says `words` from now on.
    pub fn expire(&mut self, words: Option<&str>) {
        words.unwrap_or(TIMED_OUT).clone_into(&mut self.words_of_end);
        for expiry in self.expiries.values_mut() {
            *expiry = i64::MIN;
        }
    }

    /// Lets a call go on within its session, or opens one for a call whose signature is right.
    pub fn enter(
        &mut self,
        settings: &Settings,
        path: &str,
        headers: &HeaderMap,
        now: i64,
    ) -> Result<Access, Denied> {
        let presented = session_id(headers);
        if let Some(expiry) = presented.as_ref().and_then(|id| self.expiries.get_mut(id))
            && now < *expiry
        {
            *expiry = now + i64::from(settings.session_lifetime_seconds);
            return Ok(Access { cookies: Vec::new() });
        }
        if !headers.contains_key("x-api-signature") {
            let known = presented.is_some_and(|id| self.expiries.contains_key(&id));
            let words = if known { self.words_of_end.as_str() } else { CONTEXT_LOST };
            return Err(Denied::Failure(Failure::new(1, words)));
        }
        check_signed(settings, path, headers, now)?;
        let id = self.open(settings, now);
        Ok(Access { cookies: cookies(&id) })
    }

    fn open(&mut self, settings: &Settings, now: i64) -> String {
        let bits = format!("{:032x}", self.dice.random::<u128>());
        let mut id = String::new();
        for (index, digit) in bits.chars().enumerate() {
            if matches!(index, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            id.push(digit);
        }
        self.opened += 1;
        self.expiries.insert(id.clone(), now + i64::from(settings.session_lifetime_seconds));
        id
    }

    /// The answer to a login that a knob asks for: a page in place of a session (`licence`), or a LoginResultType with its
    /// words. What a site says to too many logins is not known (contract §2a knows the types 1 and 0).
    pub fn refuse_login(rule: &Rule) -> Reply {
        let (code, words) = rule.code_and_words().unwrap_or(("0", None));
        if code == "licence" {
            let page = json!({ "FormId": "BOS_LicenseWarning", "IsSuccessByAPI": true });
            return login_answer(1, None, page).refused("login");
        }
        let words = words.unwrap_or("登录过于频繁，请稍后再试");
        login_answer(code.parse().unwrap_or(0), Some(words), json!({})).refused("login")
    }

    /// Answers a login: a session when the credentials are right, type 0 when they are not.
    pub fn log_in(&mut self, settings: &Settings, login: Login, request: &Request, now: i64) -> Reply {
        if !is_right(settings, login, request, now) {
            return login_answer(0, Some("用户名或密码错误"), json!({})).refused("login");
        }
        let id = self.open(settings, now);
        let context = json!({
            "SessionId": id, "UserLocale": "zh-CN", "DBid": settings.account_id,
            "UserName": settings.user_name, "DataCenterNumber": "sandbox", "Lcid": 2052,
        });
        let session = json!({ "Context": context, "KDSVCSessionId": id, "IsSuccessByAPI": true });
        let mut reply = login_answer(1, None, session);
        reply.cookies = cookies(&id);
        reply
    }
}

/// What the site says of a session that is over, unless a knob has it say something else.
const TIMED_OUT: &str = "会话已超时，请重新登录";
/// What the site says when it knows no session and cannot open one.
const CONTEXT_LOST: &str = "会话信息已丢失，请重新登录";

/// The answer to a login: its usual fields, and those that are different.
fn login_answer(kind: i64, words: Option<&str>, different: Value) -> Reply {
    let mut body = json!({
        "Message": words, "MessageCode": "CheckPasswordPolicy", "LoginResultType": kind, "Context": null,
        "KDSVCSessionId": null, "FormId": null, "RedirectFormParam": null, "FormInputObject": null,
        "ErrorStackTrace": null, "Lcid": 0, "AccessToken": null, "IsSuccessByAPI": false,
    });
    if let (Some(body), Value::Object(different)) = (body.as_object_mut(), different) {
        body.extend(different);
    }
    Reply::json(body.to_string())
}

fn cookies(id: &str) -> Vec<String> {
    vec![format!("kdservice-sessionid={id}; path=/"), format!("ASP.NET_SessionId={id}; path=/; HttpOnly")]
}

/// The session id of a call: a header of either SDK, or the cookie.
fn session_id(headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let from_cookies = || {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == "kdservice-sessionid").map(|(_, id)| id.to_owned())
    };
    header("kdservice-sessionid").or_else(|| header("sid")).or_else(from_cookies)
}

/// Verifies signed headers against the received texts of timestamp and nonce.
fn check_signed(settings: &Settings, path: &str, headers: &HeaderMap, now: i64) -> Result<(), Denied> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let lost = || Denied::Failure(Failure::new(1, CONTEXT_LOST));
    let data = sign::app_data(header("x-kd-appdata")).ok_or_else(lost)?;
    let mut parts = data.split(',');
    if parts.next() != Some(settings.account_id.as_str()) {
        return Err(Denied::DataCentre);
    }
    let client = ClientKey::of(&settings.app_id);
    let (nonce, timestamp) = (header("x-api-nonce"), header("x-api-timestamp"));
    let right = parts.next() == Some(settings.user_name.as_str())
        && header("x-api-clientid") == client.client_id
        && header("x-api-auth-version") == "2.0"
        && header("x-api-signheaders").eq_ignore_ascii_case("x-api-timestamp,x-api-nonce")
        && header("x-kd-appkey") == settings.app_id
        && header("x-api-signature") == sign::api_signature(&client.key, path, nonce, timestamp)
        && header("x-kd-signature")
            == sign::kd_signature(settings.app_secret.reveal(), &settings.app_id, &data)
        && is_fresh(timestamp, now);
    if right { Ok(()) } else { Err(lost()) }
}

/// Whether a timestamp, in seconds or milliseconds, is near the site's time.
fn is_fresh(timestamp: &str, now: i64) -> bool {
    let Ok(read) = timestamp.parse::<i64>() else { return false };
    let seconds = if timestamp.len() >= 13 { read / 1_000 } else { read };
    seconds.abs_diff(now) <= FRESHNESS
}

/// Whether a login presents the right credentials, by position or (a password) by name.
fn is_right(settings: &Settings, login: Login, request: &Request, now: i64) -> bool {
    let given = |index: usize| request.positional.get(index).map(text).unwrap_or_default();
    let named = |name: &str| find(&request.data, name).map(text).unwrap_or_default();
    let account = settings.account_id.as_str();
    match login {
        Login::Password if request.positional.is_empty() => {
            named("acctID") == account
                && named("username") == settings.user_name
                && named("password") == settings.password.reveal()
        }
        _ if given(0) != account || given(1) != settings.user_name => false,
        Login::Password => given(2) == settings.password.reveal(),
        Login::AppSecret => given(2) == settings.app_id && given(3) == settings.app_secret.reveal(),
        Login::Signature => {
            let timestamp = given(3);
            let texts = [
                account,
                settings.user_name.as_str(),
                settings.app_id.as_str(),
                settings.app_secret.reveal(),
                timestamp.as_str(),
            ];
            given(2) == settings.app_id
                && given(4) == sign::login_signature(texts)
                && is_fresh(&timestamp, now)
        }
    }
}

impl Denied {
    /// The answer when there is no envelope to put it in.
    pub fn data_centre_reply() -> Reply {
        let words = json!({ "message": "数据中心不存在" });
        Reply::plain(StatusCode::INTERNAL_SERVER_ERROR, "application/json", Value::to_string(&words))
            .refused("data centre")
    }
}
