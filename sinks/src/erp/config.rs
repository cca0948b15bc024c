//! Settings that every ERP connection, and every flow that writes to one, has.

use std::time::Duration;

use weir_clients::governor::Limit;
use weir_clients::http;
use weir_model::settings::{Fields, Localized, Problems};
use weir_model::target::BatchLimits;

/// The part of a connection that is not about who we are.
pub(crate) struct Access {
    /// Calls that the site allows.
    pub(crate) limits: Vec<Limit>,
    /// Time-outs and bounds.
    pub(crate) http: http::Options,
}

/// What holds where a connection says nothing.
pub(crate) struct AccessDefaults {
    /// Calls a second.
    pub(crate) calls: u64,
    /// How long a connection may take.
    pub(crate) connect: Duration,
    /// How long an answer may take.
    pub(crate) read: Duration,
}

impl Access {
    /// Reads quota and time-outs.
    pub(crate) fn read(fields: &mut Fields<'_>, defaults: &AccessDefaults, problems: &mut Problems) -> Self {
        let calls = fields.count("calls_per_second", defaults.calls, 1..=1_000, problems);
        let http = http::Options {
            connect_timeout: fields.duration("connect_timeout", defaults.connect, problems),
            read_timeout: fields.duration("read_timeout", defaults.read, problems),
            ..http::Options::default()
        };
        Self { limits: vec![Limit { calls: u32::try_from(calls).unwrap_or(1), seconds: 1 }], http }
    }
}

/// The address of a site, such as `hint`; `None` when there is none that can be used.
pub(crate) fn base_url<U: std::str::FromStr>(
    fields: &mut Fields<'_>,
    hint: &str,
    problems: &mut Problems,
) -> Option<U> {
    let text = fields.required_text("base_url", problems);
    let parsed = text.parse().ok();
    if parsed.is_none() && !text.is_empty() {
        let suggestion = Localized::new(format!("如 {hint}"), format!("such as {hint}"));
        let path = fields.path_of("base_url");
        problems.error_with(path, Localized::new("不是网址", "is no URL"), suggestion);
    }
    parsed
}

/// How large a batch of a flow may be: `documents` where it says nothing, and at most `most_bytes`.
pub(crate) fn batch_limits(
    fields: &mut Fields<'_>,
    documents: u64,
    most_bytes: u64,
    problems: &mut Problems,
) -> BatchLimits {
    BatchLimits {
        documents: whole(fields.count("batch_documents", documents, 1..=400, problems)),
        bytes: whole(fields.count("batch_bytes", 1 << 20, 1_024..=most_bytes, problems)),
        age: fields.duration("batch_age", Duration::from_millis(200), problems),
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
