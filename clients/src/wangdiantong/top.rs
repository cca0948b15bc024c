//! The TOP signature and the system parameters of Qimen, the error codes of its gateway (contracts
//! wangdiantong-enterprise §4, §9 and wangdiantong-flagship §3, §8), the same for both editions.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use url::Url;
use weir_model::secret::Secret;

use super::answer::Refusal;
use super::gateway::{FORM, Outgoing, Verdict, beijing_text, concatenated, form};
use crate::class::Class;
use crate::describe::ErrorRow;

/// 旺店通's own key at Qimen, in every public client (contract wangdiantong-enterprise §1).
pub const TARGET_APP_KEY: &str = "21363512";
/// How long an account rests after the gateway's throttle answer, and at most while it repeats (contract decisions "旺店通").
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignMethod {
    /// MD5 of the text between the secret and the secret.
    Md5,
    /// HMAC-MD5 of the text, keyed by the secret.
    Hmac,
}

impl SignMethod {
    /// The name on the wire and in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Hmac => "hmac",
        }
    }
}

/// Who calls Qimen.
#[derive(Debug, Clone)]
pub struct Application {
    /// `http://hu3cgwt0tc.api.taobao.com/router/qm` or its like; the scenario is in the host.
    pub url: Url,
    /// The caller's key; public.
    pub app_key: String,
    /// The caller's secret.
    pub app_secret: Secret,
    /// Whom it calls: [`TARGET_APP_KEY`].
    pub target_app_key: String,
    /// How requests are signed.
    pub sign_method: SignMethod,
}

impl Application {
    /// The request for `method`: system parameters and signature in the query, `business` as the form.
    pub(super) fn outgoing(&self, method: &str, business: &[(String, String)], now: Timestamp) -> Outgoing {
        let timestamp = beijing_text(now);
        let system = [
            ("app_key", self.app_key.as_str()),
            ("format", "json"),
            ("method", method),
            ("sign_method", self.sign_method.name()),
            ("target_app_key", self.target_app_key.as_str()),
            ("timestamp", timestamp.as_str()),
            ("v", "2.0"),
        ];
        let mut all: Vec<(String, String)> =
            system.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        all.extend(business.iter().cloned());
        let signature = sign(self.sign_method, &self.app_secret, &all);
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(system).append_pair("sign", &signature);
        Outgoing { url, content_type: FORM, body: form(business) }
    }
}

/// Signs all parameters but `sign`, given in any order; empty ones must not be among them.
pub fn sign(method: SignMethod, secret: &Secret, parameters: &[(String, String)]) -> String {
    let text = concatenated(parameters);
    match method {
        SignMethod::Md5 => {
            let mut hash = Md5::new();
            hash.update(secret.expose());
            hash.update(text);
            hash.update(secret.expose());
            hex::encode_upper(hash.finalize())
        }
        SignMethod::Hmac => {
            // A key of any length is taken, so there is no error to tell.
            let Ok(mut code) = Hmac::<Md5>::new_from_slice(secret.expose().as_bytes()) else {
                return String::new();
            };
            code.update(text.as_bytes());
            hex::encode_upper(code.finalize().into_bytes())
        }
    }
}

const SOURCE: &str =
    "contracts wangdiantong-enterprise §9, wangdiantong-flagship §8: public TOP error-code pages";

/// A row of the gateway's codes.
macro_rules! row {
    ($code:literal, $class:ident, $zh:literal, $en:literal) => {
        ErrorRow::new(concat!("TOP ", $code), Class::$class, $zh, $en).from(SOURCE)
    };
}

/// The gateway's codes. Its numbers overlap with the vendor's, so each is written as `TOP 25`.
pub const ERRORS: [ErrorRow; 26] = [
    row!("7", Throttled, "应用调用次数超限", "the application's calls are used up"),
    row!("8", Throttled, "应用调用频率超限", "the application calls too often"),
    row!("10", Transient, "服务暂不可用", "service unavailable for the moment"),
    row!("11", Permission, "开发者权限不足", "the developer may not call this"),
    row!("12", Permission, "用户权限不足", "the user may not call this"),
    row!("13", Permission, "合作伙伴权限不足", "the partner may not call this"),
    row!("15", Transient, "远程服务出错", "the service behind the gateway failed"),
    row!("21", Argument, "缺少方法名参数", "method is missing"),
    row!("22", Argument, "不存在的方法名", "method is unknown"),
    row!("23", Argument, "无效数据格式", "format is invalid"),
    row!("24", Credential, "缺少签名参数", "signature is missing"),
    row!("25", Credential, "无效签名", "signature is wrong"),
    row!("26", Credential, "缺少SessionKey", "session key is missing"),
    row!("27", Credential, "无效的SessionKey", "session key is invalid"),
    row!("28", Credential, "缺少AppKey", "app key is missing"),
    row!("29", Credential, "无效的AppKey", "app key is invalid"),
    row!("30", Argument, "缺少时间戳参数", "timestamp is missing"),
    row!("31", ClockSkew, "非法的时间戳", "timestamp is refused"),
    row!("32", Argument, "缺少版本参数", "version is missing"),
    row!("33", Argument, "非法的版本参数", "version is invalid"),
    row!("34", Argument, "不支持的版本号", "version is not supported"),
    row!("40", Argument, "缺少必选参数", "a required argument is missing"),
    row!("41", Argument, "非法的参数", "an argument is invalid"),
    row!("42", Permission, "短授权权限不足", "forbidden with this authorisation"),
    row!("43", Argument, "参数错误", "the arguments are wrong"),
    row!(
        "isp.*",
        Transient,
        "子错误码以 isp. 开头：服务端错误",
        "sub_code begins with isp.: the service failed"
    ),
];

/// An edition's codes and the gateway's behind them: the table of an API on Qimen.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
pub(super) const fn with_gateway<const OWN: usize, const ALL: usize>(
    own: &[ErrorRow; OWN],
) -> [ErrorRow; ALL] {
    let mut all = [ERRORS[0]; ALL];
    let mut at = 0;
    while at < ALL {
        all[at] = if at < OWN { own[at] } else { ERRORS[at - OWN] };
        at += 1;
    }
    all
}

/// What a refusal by the gateway means.
pub(super) fn verdict(refusal: &Refusal) -> Verdict {
    let code = refusal.shown_code();
    let known = ERRORS.iter().find(|row| row.code == code).map(|row| row.class);
    match known {
        Some(Class::Throttled) => Verdict::throttled(FIRST_REST, LONGEST_REST),
        _ if refusal.sub_code.starts_with("isp.") => Verdict::of(Class::Transient),
        known => Verdict::of(known.unwrap_or(Class::Unclear)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Speaker;
    use super::*;

    fn pairs(method: SignMethod) -> Vec<(String, String)> {
        [
            ("sid", "demo-sid"),
            ("app_key", "12345678"),
            ("end_time", "2024-01-14 23:59:59"),
            ("format", "json"),
            ("method", "wdt.refund.query"),
            ("page_no", "0"),
            ("page_size", "40"),
            ("sign_method", method.name()),
            ("start_time", "2024-01-14 00:00:00"),
            ("target_app_key", "21363512"),
            ("timestamp", "2024-01-15 10:00:00"),
            ("v", "2.0"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    #[test]
    fn the_contracts_vectors() {
        let secret = Secret::new("topsecret");
        for (method, expect) in [
            (SignMethod::Md5, "B2CB5C3431CCBF7AE7EBE48B365F1F24"),
            (SignMethod::Hmac, "A798F47D15CB259E35516CD4197D6BF0"),
        ] {
            assert_eq!(sign(method, &secret, &pairs(method)), expect);
        }
    }

    #[test]
    fn every_code_leads_to_the_class_of_the_contract() {
        let class = |code: &str, sub_code: &str| {
            verdict(&Refusal {
                speaker: Speaker::Top,
                code: code.into(),
                sub_code: sub_code.into(),
                text: String::new(),
            })
        };
        for row in &ERRORS {
            let code = row.code.trim_start_matches("TOP ");
            let (code, sub_code) = if code == "isp.*" { ("50", "isp.null-pointer") } else { (code, "") };
            assert_eq!(class(code, sub_code).class, row.class, "{}", row.code);
        }
        for code in ["7", "8"] {
            assert_eq!(class(code, "isp.busy").rest, Some((FIRST_REST, LONGEST_REST)));
        }
        assert_eq!(class("41", "isp.error").class, Class::Transient);
        assert!(class("31", "").may_be_the_clock);
        assert_eq!(class("999", "isv.x").class, Class::Unclear);
    }
}
