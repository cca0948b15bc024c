//! The `kafka` section: brokers, names, security.

use std::path::Path;

use weir_kafka::{Sasl, SaslMechanism, Security, Settings, Tls};
use weir_model::{
    Json,
    pem::Pem,
    settings::{Fields, Localized, Problems},
};

use super::paths;

/// Reads the section: client settings, prefix of names, copies of each partition.
pub fn read(mut fields: Fields<'_>, folder: &Path, problems: &mut Problems) -> (Settings, String, i32) {
    let mut settings = Settings::plaintext(fields.required_text("brokers", problems));
    settings.security = security(fields.mapping("security", problems), folder, problems);
    if let Some(id) = fields.text("client_id", problems) {
        settings.client_id = id;
    }
    let base = fields.path_of("overrides");
    if let Some(Json::Object(entries)) = fields.get("overrides") {
        for (key, value) in entries {
            match value {
                Json::String(text) => settings.overrides.insert(key.clone(), text.clone()),
                Json::Number(number) => settings.overrides.insert(key.clone(), number.to_string()),
                Json::Bool(flag) => settings.overrides.insert(key.clone(), flag.to_string()),
                _ => {
                    let message =
                        Localized::new("应为文本、数字或布尔值", "expected text, a number or a truth value");
                    let suggestion = Localized::new("写成带引号的文本", "write text, in quotes");
                    problems.error_with(format!("{base}.{key}"), message, suggestion);
                    None
                }
            };
        }
    }
    let prefix = fields.text("prefix", problems).unwrap_or_else(|| "weir".to_owned());
    if !weir_model::names::is_valid_name(&prefix) {
        let message =
            Localized::new(format!("{prefix:?} 不能用作前缀"), format!("{prefix:?} cannot be a prefix"));
        let suggestion = Localized::new("使用字母、数字、- 和 _", "use letters, digits, - and _");
        problems.error_with(fields.path_of("prefix"), message, suggestion);
    }
    let replication = fields.count("replication", 1, 1..=9, problems);
    fields.finish(problems);
    (settings, prefix, i32::try_from(replication).unwrap_or(1))
}

/// What stands in the way of a client with these settings: a setting that this build or the guarantees do not allow, a
/// file that cannot be read.
pub fn check(settings: &Settings, problems: &mut Problems) {
    if let Err(error) = settings.check() {
        let (path, message) = match &error {
            weir_kafka::Error::Override { key } => (
                format!("kafka.overrides.{key}"),
                Localized::new("此设置不可更改：保证以它为前提", error.to_string()),
            ),
            weir_kafka::Error::Feature { feature, .. } => (
                "kafka.security.protocol".to_owned(),
                Localized::new(
                    format!("此程序编译时没有加 --features {feature}，不能使用 TLS 和 SCRAM"),
                    error.to_string(),
                ),
            ),
            other => ("kafka".to_owned(), Localized::new(other.to_string(), other.to_string())),
        };
        problems.error(path, message);
    }
    let (Security::Tls(tls) | Security::SaslTls(_, tls)) = &settings.security else { return };
    let parts =
        [("ca_file", &tls.authorities), ("certificate_file", &tls.certificate), ("key_file", &tls.key)];
    for (key, part) in parts {
        if let Some(Pem::File(file)) = part {
            paths::check_readable(format!("kafka.security.{key}"), file, problems);
        }
    }
}

#[derive(Clone, Copy)]
enum Protocol {
    Plaintext,
    Tls,
    Sasl,
    SaslTls,
}

fn security(mut fields: Fields<'_>, folder: &Path, problems: &mut Problems) -> Security {
    let protocols = [
        ("plaintext", Protocol::Plaintext),
        ("ssl", Protocol::Tls),
        ("sasl_plaintext", Protocol::Sasl),
        ("sasl_ssl", Protocol::SaslTls),
    ];
    let known = problems.list().len();
    let protocol = fields.choice("protocol", &protocols, Protocol::Plaintext, problems);
    if problems.list().len() > known {
        // What else stands here belongs to the protocol that was meant.
        return Security::Plaintext;
    }
    let mut pem = |key| fields.text(key, problems).map(|setting| Pem::read(&setting, folder));
    let tls = Tls {
        authorities: pem("ca_file"),
        certificate: pem("certificate_file"),
        key: pem("key_file"),
        key_password: fields.secret("key_password", problems),
    };
    let security = match protocol {
        Protocol::Plaintext => Security::Plaintext,
        Protocol::Tls => Security::Tls(tls),
        Protocol::Sasl => Security::Sasl(sasl(&mut fields, problems)),
        Protocol::SaslTls => Security::SaslTls(sasl(&mut fields, problems), tls),
    };
    fields.finish(problems);
    security
}

fn sasl(fields: &mut Fields<'_>, problems: &mut Problems) -> Sasl {
    let mechanisms = [
        ("SCRAM-SHA-512", SaslMechanism::ScramSha512),
        ("SCRAM-SHA-256", SaslMechanism::ScramSha256),
        ("PLAIN", SaslMechanism::Plain),
    ];
    Sasl {
        mechanism: fields.choice("mechanism", &mechanisms, SaslMechanism::ScramSha512, problems),
        user: fields.required_text("user", problems),
        password: fields.required_secret("password", problems),
    }
}
