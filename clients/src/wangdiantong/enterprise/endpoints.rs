//! The endpoints of the enterprise edition as data (contract wangdiantong-enterprise §1, §5, §7).

use super::super::operation::Operation;
use super::{SYSTEM, errors};
use crate::class::Text;
use crate::describe::{Api, Page, Parameter, Quota, Scope, Window};
use crate::governor::Limit;

/// The vendor's figure is 60 a minute in one production client (contract §7); a setting of the connection raises it. Both
/// paths share it (contract decisions "旺店通").
pub const QUOTA: Quota =
    Quota { limits: &[Limit { calls: 50, seconds: 60 }], scope: Scope::Account, documented: false };

const PARAMETERS: &[Parameter] = &[
    Parameter::optional(
        "start_time",
        "datetime",
        "起始时间；未给单号时必填",
        "begin; required without a number",
    ),
    Parameter::optional(
        "end_time",
        "datetime",
        "结束时间；未给单号时必填",
        "end, inclusive; required without a number",
    ),
    Parameter::optional(
        "time_type",
        "int",
        "0最后修改 1结算 2创建，默认0",
        "0 last modified, 1 settled, 2 created; 0 by default",
    ),
    Parameter::optional("process_status", "int", "退换单处理状态", "state of the refund"),
    Parameter::optional("shop_no", "string", "店铺编号", "one shop"),
    Parameter::optional(
        "shop_nos",
        "string",
        "店铺编号，逗号分隔，最多20个",
        "shops, comma separated, at most 20",
    ),
    Parameter::optional("refund_no", "string", "退换单号", "number of the refund; needs no time"),
    Parameter::optional("src_refund_no", "string", "平台退款单号", "the platform's number; needs no time"),
    Parameter::optional("trade_no", "string", "系统订单号", "number of the order; needs no time"),
    Parameter::optional("tid", "string", "原始单号", "the platform's order; needs no time"),
    Parameter::optional("logistics_no", "string", "退回物流单号", "number of the return parcel"),
    Parameter::optional("page_no", "int", "页号，从0开始", "page number, from 0"),
    Parameter::optional("page_size", "int", "每页条数，1到40", "rows of a page, 1 to 40"),
];

const WINDOW: Window = Window { begin: "start_time", end: "end_time", max_days: 30, selects_by: "modified" };

const fn page(total: &'static str) -> Page {
    Page { index: "page_no", size: "page_size", first: 0, size_max: 40, total: Some(total), cursor: None }
}

/// 查询退换管理, on the vendor's own gateway.
pub const REFUND_QUERY: Api = Api {
    system: SYSTEM,
    name: "refund_query",
    path: "refund_query.php",
    summary: Text::new("查询退换管理", "refunds and exchanges, without those of the Taobao family"),
    parameters: PARAMETERS,
    window: Some(WINDOW),
    page: Some(page("total_count")),
    list_path: "refunds",
    keys: &[&["refund_id"]],
    quota: QUOTA,
    errors: &errors::TABLE,
    source: "contract wangdiantong-enterprise §5: vendor page refund_query.php, oomol-lab/open-connector",
};

/// The same for archived records.
pub const HIS_REFUND_QUERY: Api = Api {
    name: "his_refund_query",
    path: "his_refund_query.php",
    summary: Text::new("查询历史退换管理", "archived refunds and exchanges"),
    source: "contract wangdiantong-enterprise §1: vendor page refund_query.php",
    ..REFUND_QUERY
};

/// 查询退换管理, through Qimen.
pub const QIMEN_REFUND_QUERY: Api = Api {
    name: "qimen.refund.query",
    path: "wdt.refund.query",
    summary: Text::new("查询退换管理（奇门）", "refunds and exchanges of all platforms, through Qimen"),
    page: Some(page("response.total_count")),
    list_path: "response.refunds",
    errors: &errors::QIMEN_TABLE,
    source: "contract wangdiantong-enterprise §4, §5: generated class WdtRefundQueryRequest, ITITO881/go-zero-service",
    ..REFUND_QUERY
};

/// Archived refunds: Qimen offers none.
const ARCHIVE: Operation = Operation { direct: &HIS_REFUND_QUERY, qimen: None, archive: None };

/// What sources can read.
pub const OPERATIONS: &[Operation] = &[
    Operation { direct: &REFUND_QUERY, qimen: Some(&QIMEN_REFUND_QUERY), archive: Some(&ARCHIVE) },
    ARCHIVE,
];
