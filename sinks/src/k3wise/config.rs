//! Settings of the target: which object a flow writes, and where the server is. Structure only, no I/O.

use std::time::Duration;

use weir_clients::governor::Limit;
use weir_clients::http;
use weir_clients::k3wise::Settings;
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::settings::{Fields, Localized, Problems};
use weir_model::target::BatchLimits;

/// How a flow writes its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writing {
    /// The object segment of the path, such as `SO`.
    pub(super) object: String,
    /// What becomes of a changed record that is already there.
    pub(super) on_change: OnChange,
    /// How large a batch may be.
    pub(super) limits: BatchLimits,
}

/// What becomes of a changed record that is already there (contract decisions, "Kingdee Galaxy").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnChange {
    /// A dead letter.
    DeadLetter,
    /// Write over it; the server refuses an audited one.
    Update,
    /// Leave the stored document as it is.
    Ignore,
}

/// Words of `on_change`.
const ON_CHANGE: [(&str, OnChange); 3] =
    [("dead-letter", OnChange::DeadLetter), ("update", OnChange::Update), ("ignore", OnChange::Ignore)];

impl Writing {
    /// Reads `target.settings` and the metadata's `api`; `None` when that names no object.
    pub(super) fn read(target: &TargetSpec, problems: &mut Problems) -> Option<Self> {
        let object = object_of(&target.metadata.api);
        if object.is_none() {
            let path = format!("{}.api", target.metadata.path);
            let api = &target.metadata.api;
            let message =
                Localized::new(format!("{api:?} 不是保存接口"), format!("{api:?} saves no document"));
            problems.error_with(path, message, Localized::new("如 /SO/Save", "such as /SO/Save"));
        }
        let mut fields = Fields::of(&target.settings, "target.settings", problems);
        let on_change = fields.choice("on_change", &ON_CHANGE, OnChange::DeadLetter, problems);
        let limits = BatchLimits {
            documents: whole(fields.count("batch_documents", 20, 1..=400, problems)),
            // A document is a call of its own, so this bounds memory and not a request.
            bytes: whole(fields.count("batch_bytes", 1 << 20, 1_024..=(64 << 20), problems)),
            age: fields.duration("batch_age", Duration::from_millis(200), problems),
        };
        fields.finish(problems);
        Some(Self { object: object?, on_change, limits })
    }
}

/// `SO` of `/SO/Save` (contract kingdee-k3wise §1).
fn object_of(api: &str) -> Option<String> {
    let (object, action) = api.trim().trim_matches('/').split_once('/')?;
    let is_name = !object.is_empty() && object.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name && action.eq_ignore_ascii_case("Save")).then(|| object.to_owned())
}

/// Where a connection's settings are read.
pub(super) struct Site;

impl Site {
    /// Reads the settings of a connection; `None` when there is no usable address.
    pub(super) fn read(
        connection: &str,
        json: &Json,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Settings> {
        let mut fields = Fields::of(json, path, problems);
        let base_url = fields.required_text("base_url", problems);
        let parsed = base_url.parse();
        if parsed.is_err() && !base_url.is_empty() {
            let hint = "http://erp.example.com/K3API/";
            let suggestion = Localized::new(format!("如 {hint}"), format!("such as {hint}"));
            problems.error_with(
                fields.path_of("base_url"),
                Localized::new("不是网址", "is no URL"),
                suggestion,
            );
        }
        let authority_code = fields.required_secret("authority_code", problems);
        let calls = fields.count("calls_per_second", 5, 1..=1_000, problems);
        let options = http::Options {
            connect_timeout: fields.duration("connect_timeout", Duration::from_secs(15), problems),
            // No published value (contract kingdee-k3wise §1).
            read_timeout: fields.duration("read_timeout", Duration::from_secs(120), problems),
            ..http::Options::default()
        };
        fields.finish(problems);
        Some(Settings {
            connection: connection.to_owned(),
            base_url: parsed.ok()?,
            authority_code,
            limits: vec![Limit { calls: u32::try_from(calls).unwrap_or(1), seconds: 1 }],
            http: options,
        })
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
