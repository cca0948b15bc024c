//! Settings of the target: which object a flow writes, and where the server is. Structure only, no I/O.

use std::time::Duration;

use weir_clients::class::Class;
use weir_clients::k3wise::{Classifier, Settings};
use weir_model::Json;
use weir_model::flow::TargetSpec;
use weir_model::settings::{Fields, Localized, Problems};
use weir_model::target::BatchLimits;

use crate::erp::config::{Access, AccessDefaults, base_url, batch_limits};

/// No published values (contract kingdee-k3wise §1, §9).
const DEFAULTS: AccessDefaults =
    AccessDefaults { calls: 5, connect: Duration::from_secs(15), read: Duration::from_secs(120) };
/// A document is a call of its own, so this bounds memory and not a request.
const MOST_BYTES: u64 = 64 << 20;

/// How a flow writes its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Writing {
    /// The object segment of the path, such as `SO`.
    pub(super) object: String,
    /// What becomes of a changed record that is already there.
    pub(super) on_change: OnChange,
    /// Whether a document is audited once it is there.
    pub(super) audits: bool,
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
        let audits = fields.flag("audit", false, problems);
        let limits = batch_limits(&mut fields, 20, MOST_BYTES, problems);
        fields.finish(problems);
        Some(Self { object: object?, on_change, audits, limits })
    }
}

/// `SO` of `/SO/Save` (contract kingdee-k3wise §1).
fn object_of(api: &str) -> Option<String> {
    let (object, action) = api.trim().trim_matches('/').split_once('/')?;
    let is_name = !object.is_empty() && object.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name && action.eq_ignore_ascii_case("Save")).then(|| object.to_owned())
}

/// A connection: where it is, and how its failures are read.
pub(crate) struct Site {
    /// Where and as whom it speaks.
    pub(super) settings: Settings,
    /// What its words mean.
    pub(super) classifier: Classifier,
}

impl Site {
    /// Reads the settings of a connection; `None` when there is no usable address.
    pub(super) fn read(connection: &str, json: &Json, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::of(json, path, problems);
        let base_url = base_url(&mut fields, "http://erp.example.com/K3API/", problems);
        let authority_code = fields.required_secret("authority_code", problems);
        let classifier = classifier(&mut fields, problems);
        let Access { limits, http } = Access::read(&mut fields, &DEFAULTS, problems);
        fields.finish(problems);
        let connection = connection.to_owned();
        let settings = Settings { connection, base_url: base_url?, authority_code, limits, http };
        Some(Self { settings, classifier })
    }
}

/// Words of the server's failures and their class: the vendor publishes none, and each build and each customer's own
/// checks have others (contract kingdee-k3wise §7).
fn classifier(fields: &mut Fields<'_>, problems: &mut Problems) -> Classifier {
    let classes = Class::ALL.map(|class| (class.name(), class));
    let path = fields.path_of("classify");
    let mut words = Vec::new();
    for (at, json) in fields.list("classify", problems).iter().enumerate() {
        let mut row = Fields::of(json, format!("{path}[{at}]"), problems);
        let text = row.required_text("text", problems);
        if row.get("class").is_none() {
            row.missing_such_as("class", Class::Validation.name(), problems);
        }
        let class = row.choice("class", &classes, Class::Unclear, problems);
        row.finish(problems);
        if !text.is_empty() {
            words.push((text, class));
        }
    }
    Classifier::new(words)
}
