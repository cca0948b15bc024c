//! The endpoints that are used, as data, and what of them a source may set otherwise (contract jushuitan §4, §5, §10).

use crate::describe::{Api, Page, Parameter, Quota, Scope, Window};
use crate::governor::Limit;

use super::{SYSTEM, errors::TABLE};
use crate::class::Text;

/// Contract jushuitan §8. Larger packages raise the limits by contract: a setting of the connection.
const QUOTA: Quota = Quota {
    limits: &[Limit { calls: 5, seconds: 1 }, Limit { calls: 100, seconds: 60 }],
    scope: Scope::AccountAndApi,
    documented: true,
};

/// 分销商: distributors.
pub const DISTRIBUTOR_QUERY: Api = Api {
    system: SYSTEM,
    name: "distributor.query",
    path: "/open/jushuitan/distributor/query",
    summary: Text::new("查询分销商", "distributors of the merchant"),
    parameters: &[
        Parameter::required("page_index", "int or numeric string", "页码，从1开始", "page number, from 1"),
        Parameter::required(
            "page_size",
            "int or numeric string",
            "每页条数，最多50",
            "rows of a page, at most 50",
        ),
        Parameter::optional(
            "modified_begin",
            "datetime",
            "修改起始时间",
            "begin of the modified window; with modified_end",
        ),
        Parameter::optional(
            "modified_end",
            "datetime",
            "修改结束时间",
            "end of the modified window; with modified_begin",
        ),
        Parameter::optional(
            "drp_co_ids",
            "array",
            "分销商编号或名称",
            "numbers, or objects with drp_co_name",
        ),
    ],
    window: Some(Window {
        begin: "modified_begin",
        end: "modified_end",
        max_days: 7,
        selects_by: "modified",
    }),
    page: Some(Page {
        index: "page_index",
        size: "page_size",
        first: 1,
        size_max: 50,
        total: Some("data.data_count"),
        cursor: None,
    }),
    list_path: "data.datas",
    keys: &[&["drp_co_id"]],
    quota: QUOTA,
    errors: TABLE,
    source: "contract jushuitan §4: route lists of public clients; page size and window by analogy with /open/ lists",
};

/// The successor of [`DISTRIBUTOR_QUERY`] in the vendor's current list.
pub const MY_CHANNEL_QUERY: Api = Api {
    system: SYSTEM,
    name: "supplier.querymychannel",
    path: "/open/api/drp/inneropen/partner/supplier/querymychannel",
    summary: Text::new("查询我的分销商", "my distributors, successor of distributor.query"),
    parameters: &[
        Parameter::required("page_num", "int", "页码，从1开始", "page number, from 1"),
        Parameter::required("page_size", "int", "每页条数，最多100", "rows of a page, at most 100"),
        Parameter::optional(
            "status",
            "int",
            "0待授权 1待审核 2已生效 3已拒绝 4已终止",
            "0 to authorise, 1 to review, 2 active, 3 refused, 4 ended",
        ),
        Parameter::optional("updated_start", "datetime", "更新起始时间", "begin of the updated window"),
        Parameter::optional("updated_end", "datetime", "更新结束时间", "end of the updated window"),
    ],
    window: Some(Window { begin: "updated_start", end: "updated_end", max_days: 7, selects_by: "modified" }),
    page: Some(Page {
        index: "page_num",
        size: "page_size",
        first: 1,
        size_max: 100,
        total: Some("data.total"),
        cursor: None,
    }),
    list_path: "data.channel_vos",
    keys: &[&["channel_co_id"]],
    quota: QUOTA,
    errors: TABLE,
    source: "contract jushuitan §4: ieu/jst-java, oomol-lab/connector-types; window length assumed",
};

/// 唯一码进出流水: movements of unique codes.
pub const SKU_SN_MOVEMENTS: Api = Api {
    system: SYSTEM,
    name: "skusn.queryinoutitemskusns",
    path: "/open/webapi/wmsapi/skusn/queryinoutitemskusns",
    summary: Text::new("查询唯一码进出流水", "stock movements of unique codes; append only"),
    parameters: &[
        Parameter::required("page_index", "int or numeric string", "页码，从1开始", "page number, from 1"),
        Parameter::required(
            "page_size",
            "int or numeric string",
            "每页条数，最多1000",
            "rows of a page, at most 1000",
        ),
        Parameter::optional("create_time_start", "datetime", "创建起始时间", "begin of the creation window"),
        Parameter::optional("create_time_end", "datetime", "创建结束时间", "end of the creation window"),
        Parameter::optional(
            "wms_co_id",
            "int",
            "仓储方编号，0为主仓",
            "warehouse company; 0 or absent: the main one",
        ),
        Parameter::optional("io_ids", "int array", "出入库单号", "stock documents; lifts the window rule"),
        Parameter::optional("o_ids", "int array", "内部订单号", "internal orders; lifts the window rule"),
        Parameter::optional("sku_sns", "string array", "唯一码", "unique codes; lifts the window rule"),
        Parameter::optional("last_ioi_sn_id", "int", "上一页最大行号", "continue after this row id"),
    ],
    window: Some(Window {
        begin: "create_time_start",
        end: "create_time_end",
        max_days: 30,
        selects_by: "created",
    }),
    page: Some(Page {
        index: "page_index",
        size: "page_size",
        first: 1,
        size_max: 1000,
        total: None,
        cursor: Some("last_ioi_sn_id"),
    }),
    list_path: "data",
    keys: &[&["ioi_sn_id"], &["sku_sn", "io_id", "inout_type", "create_time"]],
    quota: QUOTA,
    errors: TABLE,
    source: "contract jushuitan §5: ieu/jst-java, oomol-lab/connector-types",
};

/// Renewal of a token.
pub const REFRESH_TOKEN: Api = Api {
    system: SYSTEM,
    name: "auth.refreshToken",
    path: "/openWeb/auth/refreshToken",
    summary: Text::new("刷新令牌", "renews the access token; not for third-party applications (code 150)"),
    parameters: &[
        Parameter::required("grant_type", "text", "固定为 refresh_token", "always refresh_token"),
        Parameter::required("refresh_token", "text", "刷新令牌", "the refresh token of the last answer"),
        Parameter::required("scope", "text", "固定为 all", "always all"),
    ],
    window: None,
    page: None,
    list_path: "",
    keys: &[],
    quota: QUOTA,
    errors: TABLE,
    source: "contract jushuitan §3: ieu/jst-java, zmoyi/JsTan",
};

/// All endpoints of this system.
pub const ALL: &[&Api] = &[&DISTRIBUTOR_QUERY, &MY_CHANNEL_QUERY, &SKU_SN_MOVEMENTS, &REFRESH_TOKEN];

/// An endpoint as one source calls it: a description, or what the source sets otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The path below the base URL.
    pub path: String,
    /// Where the list lies, as names joined by dots; empty for the answer itself.
    pub list_path: String,
    /// The limits of its quota scope.
    pub limits: Vec<Limit>,
    /// Who shares them.
    pub scope: Scope,
}

impl From<&Api> for Endpoint {
    fn from(api: &Api) -> Self {
        Self {
            path: api.path.to_owned(),
            list_path: api.list_path.to_owned(),
            limits: api.quota.limits.to_vec(),
            scope: api.quota.scope,
        }
    }
}
