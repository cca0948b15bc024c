//! The seam between the client and the four ways to be called: what is sent, how an answer is read, what a refusal means.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::{Map, Value};
use url::Url;
use weir_model::time::local_text;

use super::answer::{Misread, Reading, Refusal};
use crate::class::Class;

/// Form bodies.
pub(super) const FORM: &str = "application/x-www-form-urlencoded;charset=UTF-8";

/// By which path an account is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The edition's own gateway: no records of the Taobao family.
    Direct,
    /// Qimen (奇门): records of the Taobao family too.
    Qimen,
}

impl Access {
    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Qimen => "qimen",
        }
    }
}

/// One call for one page.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The path or method.
    pub operation: &'a str,
    /// The query, without page fields.
    pub parameters: &'a Map<String, Value>,
    /// Number of the page as this API counts.
    pub page_no: u32,
    /// Rows of a page.
    pub page_size: u32,
    /// Whether the total is asked for, where it must be asked for.
    pub wants_total: bool,
}

/// A signed request.
#[derive(Debug)]
pub struct Outgoing {
    /// With the query.
    pub url: Url,
    /// Media type of the body.
    pub content_type: &'static str,
    /// The body, byte for byte as signed.
    pub body: Bytes,
}

/// What a refusal means, and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Its class.
    pub class: Class,
    /// Whether a wrong clock may be behind it, so that one repeat with the server's time is worth a call.
    pub may_be_the_clock: bool,
    /// The first rest and the longest one, of a throttle answer.
    pub rest: Option<(Duration, Duration)>,
}

impl Verdict {
    pub(super) const fn of(class: Class) -> Self {
        Self { class, may_be_the_clock: matches!(class, Class::ClockSkew), rest: None }
    }

    /// A throttle answer after which the account rests for `first`, doubled up to `longest` while it repeats.
    pub(super) const fn throttled(first: Duration, longest: Duration) -> Self {
        Self { class: Class::Throttled, may_be_the_clock: false, rest: Some((first, longest)) }
    }
}

/// One way to be called. It calls nothing and knows no clock.
pub trait Gateway: fmt::Debug + Send + Sync {
    /// The signed request of a call made at `now`, the server's time.
    ///
    /// # Errors
    /// When the configured address and the operation make no URL, with the reason.
    fn outgoing(&self, call: &Call<'_>, now: Timestamp) -> Result<Outgoing, String>;

    /// Reads an answer whose list lies at `list_path`.
    ///
    /// # Errors
    /// When it has another shape.
    fn read(&self, body: &Bytes, list_path: &str) -> Result<Reading, Misread>;

    /// What a refusal means.
    fn verdict(&self, refusal: &Refusal) -> Verdict;
}

/// The ways one account can be called: those it has credentials for.
#[derive(Debug, Default)]
pub struct Gateways {
    /// The edition's own gateway.
    pub direct: Option<Box<dyn Gateway>>,
    /// Qimen.
    pub qimen: Option<Box<dyn Gateway>>,
}

impl Gateways {
    /// The gateway of a path.
    pub fn get(&self, access: Access) -> Option<&dyn Gateway> {
        match access {
            Access::Direct => self.direct.as_deref(),
            Access::Qimen => self.qimen.as_deref(),
        }
    }
}

/// The text of a parameter as it is sent: nested ones as JSON. `None` for those that are never sent, since the vendor's
/// languages sign empty values differently (contracts wangdiantong-enterprise §4, wangdiantong-flagship §11).
pub(super) fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// `yyyy-MM-dd HH:mm:ss` at UTC+8, whatever zone the connection's records are in.
pub(super) fn beijing_text(at: Timestamp) -> String {
    local_text(at, &TimeZone::fixed(Offset::constant(8)))
}

/// A form body of the pairs.
pub(super) fn form(pairs: &[(String, String)]) -> Bytes {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    Bytes::from(form.finish())
}

/// `name` + `value` of every pair in the order of the names, without separators.
pub(super) fn concatenated(pairs: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort_unstable();
    sorted.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect()
}
