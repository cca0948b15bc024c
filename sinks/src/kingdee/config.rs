//! Settings of the target: what a flow says about its form, and where the site is. Structure only, no I/O.

use std::time::Duration;

use serde_json::Map;
use weir_clients::kingdee::{Application, Credentials, Proof, Settings};
use weir_model::Json;
use weir_model::flow::{Item, TargetSpec};
use weir_model::settings::{Fields, Localized, Problems};
use weir_model::target::BatchLimits;

use super::mapping::{Content, Stored};
use crate::erp::config::{Access, AccessDefaults, base_url, batch_limits};

/// Quota and patience: a public client ships with ten calls a second, the vendor's own SDK waits two minutes (contract
/// kingdee-galaxy §1, §7).
const DEFAULTS: AccessDefaults =
    AccessDefaults { calls: 10, connect: Duration::from_secs(10), read: Duration::from_secs(120) };
/// The default bound of the vendor's web server (contract kingdee-galaxy §7), with room for the frame.
const MOST_BYTES: u64 = (4 << 20) - 65_536;

/// How a connection shows who it is.
#[derive(Clone, Copy)]
enum Auth {
    /// Every call is signed.
    Signed,
    /// The session of one login.
    Session,
}

/// Words of `auth`.
const AUTH: [(&str, Auth); 2] = [("signed", Auth::Signed), ("session", Auth::Session)];

/// How a flow writes its form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Writing {
    /// The form.
    pub(super) form: Form,
    /// Parameters of the call beside `Model`, in the flow's order.
    pub(super) parameters: Map<String, Json>,
    /// How far a document is brought.
    pub(super) goal: Goal,
    /// Whether the save also submits and audits; else these are calls of their own.
    pub(super) in_one_call: bool,
    /// What becomes of a changed record that is already there.
    pub(super) on_change: OnChange,
    /// How large a batch may be.
    pub(super) limits: BatchLimits,
}

/// The form's own field names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Such as `BD_Customer`.
    pub(super) id: String,
    /// The internal id: absent creates, a positive one updates.
    pub(super) id_field: String,
    /// The number: half of the business key, or all of it.
    pub(super) number_field: String,
    /// The organisation within which a number is unique; none for bills.
    pub(super) organisation_field: Option<String>,
}

/// How far a document is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// It is stored.
    Saved,
    /// It is in review.
    Submitted,
    /// It is audited.
    Audited,
}

/// Words of `after_save`: the steps that follow a save in calls of their own.
const AFTER_SAVE: [(&str, Goal); 3] =
    [("nothing", Goal::Saved), ("submit", Goal::Submitted), ("audit", Goal::Audited)];

/// What becomes of a changed record that is already there (contract decisions, "Kingdee Galaxy").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnChange {
    /// Update while it is not audited, else a dead letter `K-AUDITED`.
    Update,
    /// UnAudit when audited, then save, submit and audit.
    UnAudit,
    /// A dead letter.
    DeadLetter,
    /// Leave the stored document as it is.
    Ignore,
}

/// Words of `on_change`.
const ON_CHANGE: [(&str, OnChange); 4] = [
    ("update", OnChange::Update),
    ("unaudit", OnChange::UnAudit),
    ("dead-letter", OnChange::DeadLetter),
    ("ignore", OnChange::Ignore),
];

impl Form {
    /// The names of a known form; bills name theirs alike, base data do not (contract kingdee-galaxy §8).
    fn known(id: &str) -> Self {
        let (id_field, number_field, organisation_field) = match id {
            "BD_Customer" => ("FCUSTID", "FNumber", Some("FCreateOrgId")),
            "BD_MATERIAL" => ("FMATERIALID", "FNumber", Some("FCreateOrgId")),
            "BD_Supplier" => ("FSupplierId", "FNumber", Some("FCreateOrgId")),
            _ => ("FID", "FBillNo", None),
        };
        Self {
            id: id.to_owned(),
            id_field: id_field.to_owned(),
            number_field: number_field.to_owned(),
            organisation_field: organisation_field.map(str::to_owned),
        }
    }
}

impl Writing {
    /// Reads `target.settings` and `target.metadata.otherRequest`; `None` when there is no form.
    pub(super) fn read(target: &TargetSpec, problems: &mut Problems) -> Option<Self> {
        let mut form_id = String::new();
        let mut parameters = Map::new();
        for item in &target.metadata.other_request {
            match item.field.as_str() {
                "FormId" => form_id = item.value.clone().unwrap_or_default(),
                // The operation is BatchSave, whatever its letter case in the metadata.
                "Operation" => check_operation(item, problems),
                field => {
                    if let Some(value) = constant(item, problems) {
                        parameters.insert(field.to_owned(), value);
                    }
                }
            }
        }
        if form_id.is_empty() {
            let path = format!("{}.otherRequest", target.metadata.path);
            let message = Localized::new("缺少 FormId（表单标识）", "has no FormId");
            let hint = "{field: FormId, value: BD_Customer}";
            problems.error_with(
                path,
                message,
                Localized::new(format!("如 {hint}"), format!("such as {hint}")),
            );
        }
        let form = Form::known(&form_id);
        let in_one_call = matches!(parameters.get("IsAutoSubmitAndAudit"), Some(Json::Bool(true)));
        // Customers are audited on save: without un-auditing, no change would ever reach them.
        let default = if form_id == "BD_Customer" { OnChange::UnAudit } else { OnChange::Update };
        let mut fields = Fields::of(&target.settings, "target.settings", problems);
        let after_save = fields.choice("after_save", &AFTER_SAVE, Goal::Saved, problems);
        if in_one_call && after_save != Goal::Saved {
            let message = Localized::new(
                "IsAutoSubmitAndAudit 已经包含提交和审核",
                "IsAutoSubmitAndAudit submits and audits already",
            );
            let hint = Localized::new("去掉其中之一", "leave one of the two out");
            problems.error_with(fields.path_of("after_save"), message, hint);
        }
        let writing = Self {
            form: Form {
                id_field: fields.text("id_field", problems).unwrap_or(form.id_field),
                number_field: fields.text("number_field", problems).unwrap_or(form.number_field),
                organisation_field: fields.text("organisation_field", problems).or(form.organisation_field),
                id: form.id,
            },
            parameters,
            goal: if in_one_call { Goal::Audited } else { after_save },
            in_one_call,
            on_change: fields.choice("on_change", &ON_CHANGE, default, problems),
            limits: batch_limits(&mut fields, 100, MOST_BYTES, problems),
        };
        fields.finish(problems);
        (!form_id.is_empty()).then_some(writing)
    }

    /// A document that a save of this flow stored.
    pub(super) fn saved(&self, id: &str, number: &str) -> Stored {
        let status = if self.in_one_call { "C" } else { "A" };
        let (id, number, status) = (id.to_owned(), number.to_owned(), status.to_owned());
        Stored { id, number, status, content: Content::Same }
    }
}

/// Reads the settings of a connection; `None` when there is no usable address.
pub(super) fn read_site(
    connection: &str,
    json: &Json,
    path: &str,
    problems: &mut Problems,
) -> Option<Settings> {
    let mut fields = Fields::of(json, path, problems);
    let base_url = base_url(&mut fields, "https://erp.example.com/k3cloud/", problems);
    let credentials = Credentials {
        account_id: fields.required_text("account_id", problems),
        user_name: fields.required_text("user_name", problems),
        language: u32::try_from(fields.count("language", 2_052, 1..=9_999, problems)).unwrap_or(2_052),
        proof: proof(&mut fields, problems),
    };
    let Access { limits, http } = Access::read(&mut fields, &DEFAULTS, problems);
    fields.finish(problems);
    Some(Settings { connection: connection.to_owned(), base_url: base_url?, credentials, limits, http })
}

/// What shows that we may act for the user. The keys of the other way are known and without effect, so that one can be
/// tried after the other.
fn proof(fields: &mut Fields<'_>, problems: &mut Problems) -> Proof {
    match fields.choice("auth", &AUTH, Auth::Signed, problems) {
        Auth::Signed => {
            fields.secret("password", problems);
            Proof::Signature(Application {
                app_id: fields.required_secret("app_id", problems),
                app_secret: fields.required_secret("app_secret", problems),
                organisation: fields.text("organisation", problems).unwrap_or_else(|| "0".to_owned()),
            })
        }
        Auth::Session => {
            for key in ["app_id", "app_secret", "organisation"] {
                fields.text(key, problems);
            }
            Proof::Password(fields.required_secret("password", problems))
        }
    }
}

fn check_operation(item: &Item, problems: &mut Problems) {
    let operation = item.value.as_deref().unwrap_or_default();
    if !operation.eq_ignore_ascii_case("batchSave") && !operation.eq_ignore_ascii_case("save") {
        let message = Localized::new(
            format!("不支持操作 {operation:?}"),
            format!("operation {operation:?} is not supported"),
        );
        problems.error_with(&item.path, message, Localized::new("使用 batchSave", "use batchSave"));
    }
}

/// A parameter as the call takes it: real booleans and numbers (contract kingdee-galaxy §1).
fn constant(item: &Item, problems: &mut Problems) -> Option<Json> {
    let text = item.value.as_ref().or(item.default.as_ref())?;
    let value = match (item.kind.as_str(), text.to_lowercase().as_str()) {
        ("bool", "true" | "1") => Json::Bool(true),
        ("bool", "false" | "0" | "") => Json::Bool(false),
        ("int" | "float", _) => match serde_json::from_str(text) {
            Ok(Json::Number(number)) => Json::Number(number),
            _ => {
                problems.error(
                    &item.path,
                    Localized::new(format!("{text:?} 不是数字"), format!("{text:?} is no number")),
                );
                return None;
            }
        },
        ("bool", _) => {
            let message = Localized::new(format!("{text:?} 不是布尔值"), format!("{text:?} is no boolean"));
            problems.error(&item.path, message);
            return None;
        }
        ("array" | "object", _) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
        _ => Json::String(text.clone()),
    };
    Some(value)
}
