//! The endpoints of the flagship edition as data (contract wangdiantong-flagship §1, §4, §7).

use super::super::operation::Operation;
use super::{SYSTEM, errors};
use crate::class::Text;
use crate::describe::{Api, Page, Parameter, Quota, Scope, Window};
use crate::governor::Limit;

/// 60 a minute is one client's figure (contract §7); a setting of the connection raises it. Both paths share it (contract
/// decisions "旺店通").
pub const QUOTA: Quota =
    Quota { limits: &[Limit { calls: 50, seconds: 60 }], scope: Scope::Account, documented: false };

const PARAMETERS: &[Parameter] = &[
    Parameter::optional("modified_from", "datetime", "修改起始时间", "begin of the modified window"),
    Parameter::optional("modified_to", "datetime", "修改结束时间", "end of the modified window"),
    Parameter::optional("settle_from", "datetime", "结算起始时间", "begin of the settled window"),
    Parameter::optional("settle_to", "datetime", "结算结束时间", "end of the settled window"),
    Parameter::optional("agree_from", "datetime", "审核起始时间", "begin of the reviewed window"),
    Parameter::optional("agree_to", "datetime", "审核结束时间", "end of the reviewed window"),
    Parameter::optional(
        "current_phase_timeout_from",
        "datetime",
        "平台退款成功起始时间",
        "begin of the platform's refunds",
    ),
    Parameter::optional(
        "current_phase_timeout_to",
        "datetime",
        "平台退款成功结束时间",
        "end of the platform's refunds",
    ),
    Parameter::optional("refund_no", "string", "退换单号", "number of the refund; needs no time"),
    Parameter::optional("raw_refund_nos", "string", "原始退款单号", "the platform's numbers"),
    Parameter::optional("tid", "string", "原始单号", "the platform's order"),
    Parameter::optional("trade_no", "string", "系统订单号", "number of the order"),
    Parameter::optional("return_logistics_no", "string", "退回物流单号", "number of the return parcel"),
    Parameter::optional("buyer_nick", "string", "买家昵称", "the buyer"),
    Parameter::optional("shop_nos", "string", "店铺编号，逗号分隔", "shops, comma separated"),
    Parameter::optional(
        "return_warehouse_nos",
        "string",
        "退回仓库编号，逗号分隔",
        "return warehouses, comma separated",
    ),
    Parameter::optional("status", "int", "退换单状态", "state of the refund"),
    Parameter::optional("stockin_status", "int", "入库状态", "state of the stock-in"),
    Parameter::optional("type", "int", "退换单类型", "kind of the refund"),
    Parameter::optional("rr_status", "int", "平台状态", "the platform's state"),
    Parameter::optional(
        "order_type",
        "int",
        "0默认 1按修改时间倒序",
        "0 default order, 1 newest change first",
    ),
    Parameter::optional("fuzzy_query", "bool", "单号模糊查询", "fuzzy match of a number"),
    Parameter::optional("return_mask_manual_intercept", "bool", "是否手工拦截", "a filter"),
    Parameter::optional("refund_mask_reject_return", "bool", "是否拒收退回", "a filter"),
    Parameter::optional("need_gov_subsidy_info", "bool", "是否返回国补信息", "whether subsidies are told"),
    Parameter::required(
        "page_size",
        "int",
        "每页条数，建议不超过200",
        "rows of a page; at most 200 is advised",
    ),
    Parameter::required(
        "page_no",
        "int",
        "页号，直连从0，奇门从1",
        "page number: from 0, through Qimen from 1",
    ),
    Parameter::optional("calc_total", "int", "1返回总数（直连）", "1 for the total, direct only"),
];

const fn page(first: u32, total: &'static str) -> Page {
    Page { index: "page_no", size: "page_size", first, size_max: 200, total: Some(total), cursor: None }
}

/// 退换单查询, on the vendor's own gateway.
pub const REFUND_SEARCH: Api = Api {
    system: SYSTEM,
    name: "refund.search",
    path: "aftersales.refund.Refund.search",
    summary: Text::new("退换单查询", "after-sales orders, without those of the Taobao family and Pinduoduo"),
    parameters: PARAMETERS,
    window: Some(Window { begin: "modified_from", end: "modified_to", max_days: 30, selects_by: "modified" }),
    page: Some(page(0, "data.total_count")),
    list_path: "data.order",
    keys: &[&["refund_id"]],
    quota: QUOTA,
    errors: &errors::TABLE,
    source: "contract wangdiantong-flagship §4: vendor page aftersales.refund.Refund.search",
};

/// The same for archived records.
pub const REFUND_SEARCH_HISTORY: Api = Api {
    name: "refund.searchHistory",
    path: "aftersales.refund.Refund.searchHistory",
    summary: Text::new("历史退换单查询", "archived after-sales orders"),
    source: "contract wangdiantong-flagship, siblings of Refund.search",
    ..REFUND_SEARCH
};

/// 退换单查询, through Qimen.
pub const QIMEN_REFUND_SEARCH: Api = Api {
    name: "qimen.refund.search",
    path: "wdt.aftersales.refund.refund.search",
    summary: Text::new("退换单查询（奇门）", "after-sales orders through Qimen, the Taobao family too"),
    page: Some(page(1, "response.data.total_count")),
    list_path: "response.data.order",
    errors: &errors::QIMEN_TABLE,
    source: "contract wangdiantong-flagship §3, §4: 814096703/wang2tplus, BernardSimon/gwdt",
    ..REFUND_SEARCH
};

/// The same for archived records.
pub const QIMEN_REFUND_SEARCH_HISTORY: Api = Api {
    name: "qimen.refund.searchhistory",
    path: "wdt.aftersales.refund.refund.searchhistory",
    summary: Text::new("历史退换单查询（奇门）", "archived after-sales orders through Qimen"),
    source: "contract wangdiantong-flagship, siblings of Refund.search",
    ..QIMEN_REFUND_SEARCH
};

/// Archived after-sales orders.
const ARCHIVE: Operation =
    Operation { direct: &REFUND_SEARCH_HISTORY, qimen: Some(&QIMEN_REFUND_SEARCH_HISTORY), archive: None };

/// What sources can read.
pub const OPERATIONS: &[Operation] = &[
    Operation { direct: &REFUND_SEARCH, qimen: Some(&QIMEN_REFUND_SEARCH), archive: Some(&ARCHIVE) },
    ARCHIVE,
];
