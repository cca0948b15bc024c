//! Settings of the target: which object a flow writes, and where the server is. Structure only, no I/O.

use std::time::Duration;

use weir_clients::k3wise::Settings;
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
        let limits = batch_limits(&mut fields, 20, MOST_BYTES, problems);
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

/// Reads the settings of a connection; `None` when there is no usable address.
pub(super) fn read_site(
    connection: &str,
    json: &Json,
    path: &str,
    problems: &mut Problems,
) -> Option<Settings> {
    let mut fields = Fields::of(json, path, problems);
    let base_url = base_url(&mut fields, "http://erp.example.com/K3API/", problems);
    let authority_code = fields.required_secret("authority_code", problems);
    let Access { limits, http } = Access::read(&mut fields, &DEFAULTS, problems);
    fields.finish(problems);
    Some(Settings { connection: connection.to_owned(), base_url: base_url?, authority_code, limits, http })
}
