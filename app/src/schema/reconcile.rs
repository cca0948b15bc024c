//! `reconcile:` of a flow file: which fields of both sides are compared.

use super::{Key, Object, Shape, key, object};

/// The mappings of `reconcile:`, itself first.
pub fn objects() -> Vec<Object> {
    vec![
        object("reconcile", reconcile()),
        object("reconcile_target", reconcile_target()),
        object("reconcile_sum", reconcile_sum()),
    ]
}

fn measure() -> Shape {
    Shape::Either(vec![Shape::Text, Shape::Object("reconcile_sum")])
}

fn reconcile() -> Vec<Key> {
    vec![
        key(
            "day",
            Shape::Text,
            "来源记录中表示日期的字段（原始记录中的路径）：连接时区的时间，或毫秒",
            "field of the source's record, as it was sent, with the day it belongs to: a local time of the connection's zone, or milliseconds",
        )
        .required(),
        key("shop", Shape::Text, "店铺字段", "field with the shop"),
        key("pieces", measure(), "件数：字段，或 {sum: 明细.字段}", "pieces: a field, or {sum: list.field}"),
        key(
            "amount",
            measure(),
            "金额：字段，或 {sum: 明细.字段}；可用 * 相乘",
            "money: a field, or {sum: list.field}; fields can be multiplied by *",
        ),
        key(
            "changes_for",
            Shape::Duration,
            "一天之后记录还会变动多久：清点来源时读到这里为止；不写则读到现在，day 为修改时间时只读当天",
            "how long after its day a record may still change: so far a census reads the source; by default up to now, and for the day alone where day is the time of modification",
        ),
        key(
            "target",
            Shape::Object("reconcile_target"),
            "目标一侧的相同内容：表的列，或单据中的路径",
            "the same at the target: columns of the table, or paths in the document",
        ),
    ]
}

fn reconcile_target() -> Vec<Key> {
    vec![
        key(
            "day",
            Shape::Text,
            "日期；不写则不查找多出的单据",
            "the day; without it rows too many are not looked for",
        ),
        key("shop", Shape::Text, "店铺", "the shop"),
        key("pieces", measure(), "件数", "pieces"),
        key("amount", measure(), "金额", "money"),
    ]
}

fn reconcile_sum() -> Vec<Key> {
    vec![
        key(
            "sum",
            Shape::Text,
            "各明细行之和，如 goods.num * goods.price",
            "summed over the lines, such as goods.num * goods.price",
        )
        .required(),
    ]
}
