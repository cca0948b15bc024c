//! The operations that are used, as data (contract kingdee-k3wise §2, §3).

use crate::class::Text;
use crate::describe::{Api, Page, Parameter, Quota, Scope};
use crate::governor::Limit;

use super::{SYSTEM, errors::TABLE};

/// No published number (contract kingdee-k3wise §9).
const QUOTA: Quota =
    Quota { limits: &[Limit { calls: 5, seconds: 1 }], scope: Scope::Account, documented: false };

const NUMBER: Parameter = Parameter::required("FBillNo", "text", "单据编号", "the document's number");

macro_rules! operation {
    ($constant:ident, $name:literal, $path:literal, $zh:literal, $en:literal, $parameters:expr, $page:expr, $list:literal) => {
        #[doc = $en]
        pub const $constant: Api = Api {
            system: SYSTEM,
            name: $name,
            path: $path,
            summary: Text::new($zh, $en),
            parameters: $parameters,
            window: None,
            page: $page,
            list_path: $list,
            keys: &[],
            quota: QUOTA,
            errors: TABLE,
            source: "contract kingdee-k3wise §2 to §5: public integrations and the vendor's SDK",
        };
    };
}

const PAGES: &[Parameter] = &[
    Parameter::required("Page1", "array", "表头，恰好一个对象", "the head: exactly one object"),
    Parameter::required("Page2", "array", "分录", "the rows"),
];

operation!(
    TOKEN,
    "Token/Create",
    "Token/Create",
    "获取令牌",
    "Gives a token for the authority code.",
    &[Parameter::required("authorityCode", "text", "授权码", "the authority code")],
    None,
    ""
);
operation!(SAVE, "Save", "{Object}/Save", "保存单据", "Creates one document with its rows.", PAGES, None, "");
operation!(
    UPDATE,
    "Update",
    "{Object}/Update",
    "修改单据",
    "Writes over one document, named by its number.",
    PAGES,
    None,
    ""
);
operation!(
    GET_DETAIL,
    "GetDetail",
    "{Object}/GetDetail",
    "查看单据",
    "Reads one document by its number.",
    &[NUMBER],
    None,
    ""
);
operation!(
    GET_LIST,
    "GetList",
    "{Object}/GetList",
    "单据列表",
    "Reads fields of many documents.",
    &[
        Parameter::optional("Fields", "text", "查询字段", "fields, joined by commas"),
        Parameter::optional("Filter", "text", "过滤条件", "SQL-like condition, names in brackets"),
        Parameter::optional("OrderBy", "text", "排序", "order"),
        Parameter::optional("Top", "text", "总行数，0为不限", "most rows in all; 0 for all"),
        Parameter::optional("SelectPage", "text", "分录页", "the page of rows; 2 by default"),
    ],
    Some(Page { index: "PageIndex", size: "PageSize", first: 1, size_max: 500, total: None, cursor: None }),
    "Data.DATA"
);

operation!(
    CHECK_BILL,
    "CheckBill",
    "{Object}/CheckBill",
    "审核单据",
    "Audits one document.",
    &[NUMBER],
    None,
    ""
);

/// All operations of this system.
pub const ALL: &[&Api] = &[&TOKEN, &SAVE, &UPDATE, &GET_DETAIL, &GET_LIST, &CHECK_BILL];
