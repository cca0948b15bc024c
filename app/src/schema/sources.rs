//! `source:` of a flow file: an API that is polled, with each system's settings, or the receipts of another flow.

use weir_model::flow::language::IdCheck;

use super::{Key, Shape, key};

/// The systems that can be polled.
const POLLED: [&str; 4] = ["jushuitan", "wangdiantong-enterprise", "wangdiantong-flagship", "xiaoman-okki"];

/// An API that is polled.
pub fn source() -> Vec<Key> {
    vec![
        key(
            "name",
            Shape::Name,
            "数据源名；原始主题以它命名。共用数据源的流程写同一节",
            "names the raw topic; flows that share a source write the same section",
        )
        .required(),
        key("system", Shape::Word(POLLED.to_vec()), "远程系统", "the remote system").required(),
        key(
            "connection",
            Shape::Name,
            "weir.yaml 中 connections 下的名称；缺省为系统名",
            "a name under connections of weir.yaml; the system's name by default",
        ),
        key(
            "key",
            Shape::list(Shape::Text),
            "共同标识一条记录的字段；缺省为 metadata.id",
            "fields that identify a record together; metadata.id by default",
        ),
        key(
            "key_fallback",
            Shape::list(Shape::Text),
            "key 缺失时改用的字段",
            "fields used instead where one of key is missing",
        ),
        key(
            "numbers",
            Shape::list(Shape::Text),
            "人们查单时还会用的单号字段，如平台订单号；路径写 detail_list.tid，逗号分隔的文本算多个",
            "fields with further numbers that people search by, such as the platform's order; detail_list.tid is a path, and a text with commas is several",
        ),
        key(
            "modified",
            Shape::Text,
            "修改时间字段，决定同一记录各状态的先后",
            "field with the modification time; orders the states of a record",
        ),
        key("id_check", Shape::words(&IdCheck::CHOICES), IdCheck::MEANING.0, IdCheck::MEANING.1)
            .default("\"digest\""),
        key(
            "deleted_when",
            Shape::list(Shape::list(Shape::Object("condition"))),
            "满足这些条件的记录视为已在来源删除（外层为“或”，内层为“且”），如已取消的单据；先于 condition 判断",
            "a record that fulfils these conditions (outer list: or, inner list: and) counts as removed, such as a cancelled order; asked before condition",
        ),
        key("poll", Shape::Object("poll"), "何时轮询、读多远", "when and how far to poll"),
        key("settings", Shape::Any, "该系统自己的设置", "settings of the system's own"),
        key(
            "metadata",
            Shape::Object("source_metadata"),
            "轻易云来源侧元数据，原样粘贴",
            "the vendor's metadata of the source, pasted as it is",
        )
        .required(),
    ]
}

/// Another flow's receipts.
pub fn receipts_source() -> Vec<Key> {
    vec![
        key(
            "receipts",
            Shape::Name,
            "另一个流程：它写入的每份单据是一条记录",
            "another flow: each document that it delivered is a record",
        )
        .required(),
        key(
            "condition",
            Shape::list(Shape::list(Shape::Object("condition"))),
            "只取满足这些条件的记录（外层为“或”，内层为“且”）",
            "only records that fulfil these conditions are taken (outer list: or, inner list: and)",
        ),
    ]
}

/// When and how far it is polled.
pub fn poll() -> Vec<Key> {
    vec![
        key("every", Shape::Duration, "两次轮询的间隔", "pause between two polls").default("\"60s\""),
        key(
            "start_from",
            Shape::Like(
                r"^\s*(-\s*\d+\s*(ms|s|m|h|d)\s*|\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?)\s*$",
            ),
            "首次从何时读起：\"2024-01-01 00:00:00\"（连接的时区）或 -30d；缺省为现在",
            "where a source without a cursor begins: \"2024-01-01 00:00:00\" in the connection's zone, or -30d; now by default",
        ),
        key(
            "settle_lag",
            Shape::Duration,
            "窗口终点落后于现在多久",
            "how far a window's end stays behind now",
        )
        .default("\"60s\""),
        key(
            "look_back",
            Shape::Duration,
            "窗口向前重叠多久",
            "how far a window reaches back into the one before",
        )
        .default("\"5m\""),
        key(
            "look_back_max",
            Shape::Duration,
            "记录迟到时 look_back 最多加长到多少；缺省为 look_back 的四倍，至少 1h",
            "how far look_back may grow when records come late; by default four times look_back, at least 1h",
        ),
        key(
            "max_window",
            Shape::Duration,
            "最长的窗口；缺省为接口的上限",
            "the longest window; the API's limit by default",
        ),
    ]
}

/// Settings of 聚水潭.
pub fn jushuitan_settings() -> Vec<Key> {
    vec![
        key(
            "biz_numbers",
            Shape::Choice(vec!["string", "int"]),
            "页码等数字以文本还是整数发送",
            "whether page numbers are sent as text or as numbers",
        )
        .default("\"string\""),
        key(
            "page_size_max",
            Shape::Count(1, 10_000),
            "每页上限；缺省见 weir describe api jushuitan",
            "most rows of a page; by default as weir describe api jushuitan tells",
        ),
        key("window_max", Shape::Duration, "时间窗上限；缺省同上", "the longest window; by default as above"),
        key(
            "list_path",
            Shape::Text,
            "应答中列表的路径；缺省同上",
            "the list's path in the answer; by default as above",
        ),
    ]
}

/// Settings of both editions of 旺店通.
pub fn wangdiantong_settings() -> Vec<Key> {
    vec![
        key(
            "access",
            Shape::Choice(vec!["direct", "qimen"]),
            "这个来源的通道；缺省为连接的 access",
            "the path of this source; that of the connection by default",
        ),
        key(
            "page_no_base",
            Shape::Choice(vec!["0", "1"]),
            "首页的页号；缺省由通道决定",
            "number of the first page; as the path has it by default",
        ),
        key(
            "page_size_max",
            Shape::Count(1, 10_000),
            "每页上限；缺省见 weir describe api",
            "most rows of a page; by default as weir describe api tells",
        ),
        key("window_max", Shape::Duration, "时间窗上限", "the longest window").default("\"30d\""),
        key(
            "history_after",
            Shape::Either(vec![Shape::Duration, Shape::Choice(vec!["off"])]),
            "早于这么久的窗口也读历史接口；off 不读",
            "windows older than this are also read from the archive; off never reads it",
        )
        .default("\"90d\""),
    ]
}

/// Settings of 小满 OKKI.
pub fn okki_settings() -> Vec<Key> {
    vec![
        key(
            "expand",
            Shape::Choice(vec!["info", "none"]),
            "逐单读取详情（含明细），或只用列表",
            "read each order with its lines, or take the list's rows",
        )
        .default("\"info\""),
        key(
            "removed",
            Shape::Choice(vec!["by_removal", "by_request", "ignored"]),
            "已删除订单：按删除时间查、按 request 的 time_type 查，或不查",
            "removed orders: by the time of removal, by the request's time_type, or not at all",
        )
        .default("\"by_removal\""),
        key(
            "time_precision",
            Shape::Choice(vec!["date", "datetime"]),
            "服务器对时间窗只取日期，或精确到秒；date 时 look_back 至少一天",
            "whether only the dates of a window count; with date, look_back is at least a day",
        )
        .default("\"date\""),
        key(
            "page_size_max",
            Shape::Count(1, 10_000),
            "每页上限；缺省见 weir describe api",
            "most rows of a page; by default as weir describe api tells",
        ),
        key("window_max", Shape::Duration, "时间窗上限", "the longest window").default("\"7d\""),
        key(
            "list_path",
            Shape::Text,
            "应答中列表的路径；缺省见 weir describe api",
            "the list's path in the answer; by default as weir describe api tells",
        ),
    ]
}
