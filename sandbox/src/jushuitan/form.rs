//! The form of a call, and the checks that come before its endpoint (contract jushuitan §2 and §12).

use std::collections::BTreeMap;

use super::{Refusal, Settings, sign};

/// The fields of a call, decoded, by name: the order in which they are signed.
#[derive(Debug)]
pub struct Form(BTreeMap<String, String>);

impl Form {
    /// Decodes a form body.
    ///
    /// # Errors
    /// When a field comes twice, or the body is not UTF-8 once decoded.
    pub fn read(body: &[u8]) -> Result<Self, Refusal> {
        let mut fields = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if value.contains('\u{FFFD}') {
                return Err(Refusal::parameter(format_args!("{name}不是UTF-8编码")));
            }
            if fields.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Refusal::parameter(format_args!("{name}重复")));
            }
        }
        Ok(Self(fields))
    }

    /// Every field.
    pub fn fields(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// A field that must be there and not empty.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.0.get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            _ => Err(Refusal::parameter(format_args!("缺少{name}"))),
        }
    }

    /// A field that must have one value.
    pub fn exactly(&self, name: &str, wanted: &str) -> Result<(), Refusal> {
        if self.required(name)? == wanted {
            return Ok(());
        }
        Err(Refusal::parameter(format_args!("{name}必须是{wanted}")))
    }

    /// The checks of every call but the signature: the fields are there, and the clocks agree.
    pub fn check_common(&self, settings: &Settings, now: i64) -> Result<(), Refusal> {
        self.required("app_key")?;
        self.exactly("charset", "utf-8")?;
        self.required("sign")?;
        let timestamp = self.required("timestamp")?;
        let seconds = (timestamp.len() == 10).then(|| timestamp.parse::<i64>().ok()).flatten();
        let tolerance = u64::from(settings.timestamp_tolerance_seconds);
        match seconds {
            Some(seconds) if seconds.abs_diff(now) <= tolerance => Ok(()),
            _ => Err(Refusal::of_code(140)),
        }
    }

    /// The checks of calls that are not about tokens.
    pub fn check_business(&self) -> Result<(), Refusal> {
        self.exactly("version", "2")?;
        self.required("access_token")?;
        self.required("biz").map(drop)
    }

    /// The signature over the text as it was received.
    pub fn check_signature(&self, settings: &Settings) -> Result<(), Refusal> {
        let wanted = sign::signature(settings.app_secret.reveal(), self.fields());
        if self.required("app_key")? == settings.app_key && self.required("sign")? == wanted {
            return Ok(());
        }
        Err(Refusal::of_code(10))
    }
}
