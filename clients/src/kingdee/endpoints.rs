//! The operations that are used, as data (contract kingdee-galaxy §3, §7).

use crate::class::Text;
use crate::describe::{Api, Page, Parameter, Quota, Scope};
use crate::governor::Limit;

use super::{SYSTEM, errors::TABLE};

/// No published number; a public client ships with ten calls a second (contract kingdee-galaxy §7).
const QUOTA: Quota =
    Quota { limits: &[Limit { calls: 10, seconds: 1 }], scope: Scope::Account, documented: false };

const FORM: Parameter = Parameter::required("formid", "text", "单据标识", "the form, such as BD_Customer");
const NUMBERS: Parameter =
    Parameter::optional("Numbers", "text array", "编码列表", "numbers of the documents");
const IDS: Parameter = Parameter::optional("Ids", "text", "内码，逗号分隔", "internal ids, joined by commas");

macro_rules! operation {
    ($constant:ident, $name:literal, $zh:literal, $en:literal, $parameters:expr, $page:expr) => {
        #[doc = $en]
        pub const $constant: Api = Api {
            system: SYSTEM,
            name: $name,
            path: concat!("Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.", $name, ".common.kdsvc"),
            summary: Text::new($zh, $en),
            parameters: $parameters,
            window: None,
            page: $page,
            list_path: "",
            keys: &[],
            quota: QUOTA,
            errors: TABLE,
            source: "contract kingdee-galaxy §3: official SDK 8.2.0, in-product WebAPI help",
        };
    };
}

const SAVE_PARAMETERS: &[Parameter] = &[
    FORM,
    Parameter::required("Model", "array; object for Save", "单据数据", "the documents; field order is kept"),
    Parameter::optional(
        "IsAutoSubmitAndAudit",
        "bool",
        "保存并提交审核",
        "save, submit and audit in one call",
    ),
    Parameter::optional("IsVerifyBaseDataField", "bool", "校验基础资料", "refuse unknown base data codes"),
    Parameter::optional(
        "IsDeleteEntry",
        "bool",
        "删除未传分录",
        "on update, rows absent from the payload are deleted",
    ),
    Parameter::optional("NeedReturnFields", "text array", "返回字段", "values to return"),
    Parameter::optional("InterationFlags", "text", "交互标识", "interaction flags, joined by semicolons"),
    Parameter::optional("ValidateFlag", "bool", "校验数据", "run the form's validation"),
    Parameter::optional("NumberSearch", "bool", "按编码搜索基础资料", "resolve base data by code"),
];

const QUERY_PARAMETERS: &[Parameter] = &[
    Parameter::required("FormId", "text", "单据标识", "the form"),
    Parameter::required("FieldKeys", "text", "查询字段", "fields, joined by commas"),
    Parameter::optional("FilterString", "text or array", "过滤条件", "SQL-like condition"),
    Parameter::optional("OrderString", "text", "排序", "order"),
    Parameter::optional("TopRowCount", "int", "总行数，发送0", "an absolute last row; send 0"),
    Parameter::optional("StartRow", "int", "起始行", "first row, from 0"),
    Parameter::optional("Limit", "int", "行数上限，按2000分页", "rows; at most 2000 in the 7.5 help"),
];

const QUERY_PAGE: Option<Page> =
    Some(Page { index: "StartRow", size: "Limit", first: 0, size_max: 2000, total: None, cursor: None });

/// Opens a session for a user and a password.
pub const VALIDATE_USER: Api = Api {
    system: SYSTEM,
    name: "ValidateUser",
    path: "Kingdee.BOS.WebApi.ServicesStub.AuthService.ValidateUser.common.kdsvc",
    summary: Text::new("登录", "Opens a session for a user and a password."),
    parameters: &[
        Parameter::required("acctID", "text", "数据中心（账套）ID", "the data centre's id"),
        Parameter::required("username", "text", "用户", "the user"),
        Parameter::required("password", "text", "密码", "the password"),
        Parameter::required("lcid", "int", "语言，2052 为中文", "the language; 2052 is Chinese"),
    ],
    window: None,
    page: None,
    list_path: "",
    keys: &[],
    quota: QUOTA,
    errors: TABLE,
    source: "contract kingdee-galaxy §2a: public clients",
};

operation!(
    BATCH_SAVE,
    "BatchSave",
    "批量保存",
    "Saves several documents of one form.",
    SAVE_PARAMETERS,
    None
);
operation!(SAVE, "Save", "保存", "Saves one document.", SAVE_PARAMETERS, None);
operation!(SUBMIT, "Submit", "提交", "Submits documents for audit.", &[FORM, NUMBERS, IDS], None);
operation!(AUDIT, "Audit", "审核", "Audits submitted documents.", &[FORM, NUMBERS, IDS], None);
operation!(UN_AUDIT, "UnAudit", "反审核", "Takes the audit of documents back.", &[FORM, NUMBERS, IDS], None);
operation!(
    VIEW,
    "View",
    "查看",
    "Reads one document.",
    &[
        FORM,
        Parameter::optional("Number", "text", "编码", "its number"),
        Parameter::optional("Id", "text", "内码", "its internal id"),
        Parameter::optional("CreateOrgId", "int", "创建组织内码", "internal id of its creating organisation"),
    ],
    None
);
operation!(
    EXECUTE_BILL_QUERY,
    "ExecuteBillQuery",
    "单据查询",
    "Reads fields of many documents, as rows of values.",
    QUERY_PARAMETERS,
    QUERY_PAGE
);
operation!(
    BILL_QUERY,
    "BillQuery",
    "单据查询（JSON）",
    "Reads fields of many documents, as objects; since 2023-09.",
    QUERY_PARAMETERS,
    QUERY_PAGE
);

/// All operations of this system.
pub const ALL: &[&Api] = &[
    &VALIDATE_USER,
    &BATCH_SAVE,
    &SAVE,
    &SUBMIT,
    &AUDIT,
    &UN_AUDIT,
    &VIEW,
    &EXECUTE_BILL_QUERY,
    &BILL_QUERY,
];
