//! A connection's own settings: by which path, where, as whom, and how often.

use url::Url;
use weir_clients::{
    governor::Limit,
    http,
    wangdiantong::{
        Access, Edition, Gateway, Gateways, Settings, enterprise, flagship,
        top::{Application, SignMethod, TARGET_APP_KEY},
    },
};
use weir_model::{
    secret::Secret,
    settings::{Fields, Localized, Problems},
};

use crate::registry::Connection;

/// The settings, read.
pub(super) struct ConnectionSettings {
    pub client: Settings,
    /// The path of sources that choose none.
    pub access: Access,
    /// The quota of the account.
    pub limits: Vec<Limit>,
}

/// The words for the two paths.
pub(super) const ACCESSES: [(&str, Access); 2] = [("direct", Access::Direct), ("qimen", Access::Qimen)];

/// Where calls go when nothing is set (contracts wangdiantong-enterprise §1, wangdiantong-flagship §1).
const fn production(edition: Edition, access: Access) -> &'static str {
    match (edition, access) {
        (Edition::Enterprise, Access::Direct) => "https://api.wangdian.cn/openapi2/",
        (Edition::Enterprise, Access::Qimen) => "https://hu3cgwt0tc.api.taobao.com/router/qm",
        (Edition::Flagship, Access::Direct) => "https://wdt.wangdian.cn/openapi",
        (Edition::Flagship, Access::Qimen) => "http://3ldsmu02o9.api.taobao.com/router/qm",
    }
}

/// Reads a connection; `None` when it cannot be used, and `problems` says why.
pub(super) fn read(
    edition: Edition,
    connection: &Connection,
    problems: &mut Problems,
) -> Option<ConnectionSettings> {
    let known = problems.list().len();
    let mut fields = Fields::of(&connection.settings, connection.path.clone(), problems);
    let access = fields.choice("access", &ACCESSES, Access::Direct, problems);
    let sid = fields.required_text("sid", problems);
    let calls = fields.count("calls_per_minute", 50, 1..=60_000, problems);
    let base_url = address(&mut fields, "base_url", production(edition, Access::Direct), problems);
    let qimen_url = address(&mut fields, "qimen_url", production(edition, Access::Qimen), problems);
    // The flagship edition signs twice through Qimen, and so needs its own account on both paths.
    let needs_own = access == Access::Direct || edition == Edition::Flagship;
    let own = login(&mut fields, ["app_key", "app_secret"], needs_own, problems);
    let qimen = ["qimen_app_key", "qimen_app_secret"];
    let qimen = login(&mut fields, qimen, access == Access::Qimen, problems);
    let application = application(&mut fields, qimen_url, qimen, problems);
    let gateways = match edition {
        Edition::Enterprise => enterprise_gateways(&mut fields, sid, base_url, own, application, problems),
        Edition::Flagship => flagship_gateways(&fields, sid, base_url, own, application, problems),
    };
    fields.finish(problems);
    let client = Settings {
        connection: connection.name.to_string(),
        edition,
        gateways,
        http: http::Options::default(),
    };
    let limits = vec![Limit { calls: u32::try_from(calls).unwrap_or(u32::MAX), seconds: 60 }];
    (problems.list().len() == known).then_some(ConnectionSettings { client, access, limits })
}

/// A key and its secret.
struct Login {
    key: String,
    secret: Secret,
}

/// Reads a login; `None` when it is not there. One half of it asks for the other.
fn login(
    fields: &mut Fields<'_>,
    [key, secret]: [&'static str; 2],
    needed: bool,
    problems: &mut Problems,
) -> Option<Login> {
    if !needed && fields.get(key).is_none() && fields.get(secret).is_none() {
        return None;
    }
    Some(Login { key: fields.required_text(key, problems), secret: fields.required_secret(secret, problems) })
}

fn application(
    fields: &mut Fields<'_>,
    url: Option<Url>,
    login: Option<Login>,
    problems: &mut Problems,
) -> Option<Application> {
    let target = fields.text("qimen_target_app_key", problems);
    let methods = [SignMethod::Md5, SignMethod::Hmac].map(|method| (method.name(), method));
    let sign_method = fields.choice("qimen_sign_method", &methods, SignMethod::Md5, problems);
    let login = login?;
    Some(Application {
        url: url?,
        app_key: login.key,
        app_secret: login.secret,
        target_app_key: target.unwrap_or_else(|| TARGET_APP_KEY.to_owned()),
        sign_method,
    })
}

fn enterprise_gateways(
    fields: &mut Fields<'_>,
    sid: String,
    base_url: Option<Url>,
    own: Option<Login>,
    application: Option<Application>,
    problems: &mut Problems,
) -> Gateways {
    use enterprise::{Direct, LengthUnit, Qimen};
    let units = [("chars", LengthUnit::Chars), ("bytes", LengthUnit::Bytes)];
    let length_unit = fields.choice("sign_length_unit", &units, LengthUnit::Chars, problems);
    let qimen = application.map(|application| gateway(Qimen { application, sid: sid.clone() }));
    let direct = base_url.zip(own).map(|(base_url, own)| {
        gateway(Direct { base_url, sid, app_key: own.key, app_secret: own.secret, length_unit })
    });
    Gateways { direct, qimen }
}

fn flagship_gateways(
    fields: &Fields<'_>,
    sid: String,
    url: Option<Url>,
    own: Option<Login>,
    application: Option<Application>,
    problems: &mut Problems,
) -> Gateways {
    use flagship::{Account, Direct, Qimen};
    let Some(own) = own else { return Gateways::default() };
    let Some(account) = Account::new(sid, own.key, &own.secret) else {
        if !own.secret.is_empty() {
            let message = Localized::new(
                "旗舰版的 app_secret 由冒号分为密钥和盐两部分",
                "the flagship edition's app_secret has two parts, joined by a colon",
            );
            let suggestion =
                Localized::new("按发放的原文填写 secret:salt", "write it as issued, secret:salt");
            problems.error_with(fields.path_of("app_secret"), message, suggestion);
        }
        return Gateways::default();
    };
    let direct = url.map(|url| gateway(Direct { url, account: account.clone() }));
    Gateways { direct, qimen: application.map(|application| gateway(Qimen { application, account })) }
}

fn gateway(gateway: impl Gateway + 'static) -> Box<dyn Gateway> {
    Box::new(gateway)
}

/// The address under `key`; `None` with a problem when it is none.
fn address(
    fields: &mut Fields<'_>,
    key: &'static str,
    production: &str,
    problems: &mut Problems,
) -> Option<Url> {
    let text = fields.text(key, problems).unwrap_or_else(|| production.to_owned());
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if url.is_none() {
        let message = Localized::new(format!("{text:?} 不是网址"), format!("{text:?} is no http address"));
        let suggestion = Localized::new(format!("例如 {production}"), format!("such as {production}"));
        problems.error_with(fields.path_of(key), message, suggestion);
    }
    url
}
