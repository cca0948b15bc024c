//! The operations that are used, as data (contract xiaoman-okki §3 to §6).

use crate::class::Text;
use crate::describe::{Api, Page, Parameter, Quota, Scope, Window};
use crate::governor::Limit;

use super::{SYSTEM, errors::TABLE};

/// None is published; calls are made two a second, and more slowly after a limit answer (contract decisions
/// "小满 OKKI").
const QUOTA: Quota =
    Quota { limits: &[Limit { calls: 2, seconds: 1 }], scope: Scope::Account, documented: false };

const SOURCE: &str =
    "contract xiaoman-okki §3 to §6: the vendor's open platform documents and public clients";

/// No largest page is documented; 500 is the largest that is known to be used.
const fn page(total: &'static str) -> Option<Page> {
    Some(Page {
        index: "start_index",
        size: "count",
        first: 1,
        size_max: 500,
        total: Some(total),
        cursor: None,
    })
}

const ORDER_NAMES: &[Parameter] = &[
    Parameter::optional("order_id", "int", "订单 ID，与 order_no 二选一", "the order's id, or else order_no"),
    Parameter::optional("order_no", "text", "订单号", "the order's number"),
];

/// Gives a token.
pub const ACCESS_TOKEN: Api = Api {
    system: SYSTEM,
    name: "oauth2.access_token",
    path: "/v1/oauth2/access_token",
    summary: Text::new("获取令牌", "Gives a token."),
    parameters: &[
        Parameter::required(
            "grant_type",
            "text",
            "client_credentials 或 password",
            "client_credentials or password",
        ),
        Parameter::required("client_id", "text", "应用 ID", "the application"),
        Parameter::required("client_secret", "text", "应用密钥", "its secret"),
        Parameter::required("scope", "text", "模块，用空格分隔", "modules, joined by blanks"),
        Parameter::optional(
            "username",
            "text",
            "登录邮箱（password 方式）",
            "e-mail of the login, for password",
        ),
        Parameter::optional("password", "text", "密码的 SHA-256", "SHA-256 of the password"),
    ],
    window: None,
    page: None,
    list_path: "",
    keys: &[],
    quota: QUOTA,
    errors: TABLE,
    source: SOURCE,
};

/// Renews a token of the password grant.
pub const REFRESH_TOKEN: Api = Api {
    name: "oauth2.refresh_token",
    path: "/v1/oauth2/refresh_token",
    summary: Text::new("续期令牌（password 方式）", "Renews a token of the password grant."),
    parameters: &[
        Parameter::required("grant_type", "text", "refresh_token", "refresh_token"),
        Parameter::required("refresh_token", "text", "续期令牌", "the refresh token"),
        Parameter::required("client_id", "text", "应用 ID", "the application"),
        Parameter::required("client_secret", "text", "应用密钥", "its secret"),
    ],
    ..ACCESS_TOKEN
};

/// Order headers, without lines. The vendor documents no longest window; a week is this project's caution.
pub const ORDER_LIST: Api = Api {
    name: "invoices.order.list",
    path: "/v1/invoices/order/list",
    summary: Text::new("销售订单列表（不含明细）", "Lists order headers; the lines come from order/info."),
    parameters: &[
        Parameter::optional(
            "start_time",
            "text",
            "起始时间；可能只取日期",
            "begin; perhaps only its date counts",
        ),
        Parameter::optional(
            "end_time",
            "text",
            "截止时间；可能只取日期",
            "end; perhaps only its date counts",
        ),
        Parameter::optional(
            "time_type",
            "int",
            "1 更新、2 创建、3 订单日期、4 删除",
            "1 updated, 2 created, 3 order date, 4 deleted",
        ),
        Parameter::optional("start_index", "int", "页码，从 1 起", "page number, from 1"),
        Parameter::optional("count", "int", "每页条数", "rows per page"),
        Parameter::optional("removed", "int", "1 查询已删除的订单", "1 lists removed orders"),
        Parameter::optional("approval", "int", "1 只查有审批的", "1 lists only orders with approval"),
        Parameter::optional("status", "text", "状态编码，见 orderEnums", "status codes of the account"),
    ],
    window: Some(Window { begin: "start_time", end: "end_time", max_days: 7, selects_by: "modified" }),
    page: page("data.count"),
    list_path: "data.list",
    keys: &[&["order_id"]],
    ..ACCESS_TOKEN
};

/// One order with its lines.
pub const ORDER_INFO: Api = Api {
    name: "invoices.order.info",
    path: "/v1/invoices/order/info",
    summary: Text::new("销售订单详情（含 product_list）", "One order with product_list."),
    parameters: ORDER_NAMES,
    keys: &[&["order_id"]],
    ..ACCESS_TOKEN
};

/// Customers; the list takes no window that is known of.
pub const COMPANY_LIST: Api = Api {
    name: "company.list",
    path: "/v1/company/list",
    summary: Text::new("客户列表", "Lists customers."),
    parameters: &[
        Parameter::optional("start_index", "int", "页码，从 1 起", "page number, from 1"),
        Parameter::optional("count", "int", "每页条数", "rows per page"),
    ],
    page: page("data.totalItem"),
    list_path: "data.list",
    keys: &[&["company_id"]],
    ..ACCESS_TOKEN
};

/// All operations of this system.
pub const ALL: &[&Api] = &[&ACCESS_TOKEN, &REFRESH_TOKEN, &ORDER_LIST, &ORDER_INFO, &COMPANY_LIST];
