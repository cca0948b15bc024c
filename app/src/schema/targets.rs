//! `settings` of the targets.

use super::{Key, Shape, key};

/// What a column's type looks like (`weir_model::flow::ColumnType`).
const COLUMN_TYPE: &str = r"^\s*([Bb][Ii][Gg][Ii][Nn][Tt]|[Ii][Nn][Tt]|[Tt][Ee][Xx][Tt]|[Dd][Aa][Tt][Ee]|[Bb][Oo][Oo][Ll]|[Dd][Aa][Tt][Ee][Tt][Ii][Mm][Ee](\s*\(\s*[0-6]\s*\))?|[Vv][Aa][Rr][Cc][Hh][Aa][Rr]\s*\(\s*\d+\s*\)|[Dd][Ee][Cc][Ii][Mm][Aa][Ll]\s*\(\s*\d+\s*,\s*\d+\s*\))\s*$";

/// Of 金蝶云星空.
pub fn kingdee_settings() -> Vec<Key> {
    let mut keys = vec![
        key(
            "on_change",
            Shape::Choice(vec!["update", "unaudit", "dead-letter", "ignore"]),
            "记录变化后：update 未审核时更新；unaudit 反审核后保存；dead-letter 进死信；ignore 不处理。缺省 BD_Customer 为 unaudit，其余 update",
            "what becomes of a changed record: update while it is not audited, unaudit and save, dead-letter, or ignore; unaudit by default for BD_Customer, else update",
        ),
        key(
            "after_save",
            Shape::Choice(vec!["nothing", "submit", "audit"]),
            "保存后另行提交、审核；IsAutoSubmitAndAudit 为 true 时在一次调用中完成，不写此项",
            "the steps after a save, as calls of their own; not with IsAutoSubmitAndAudit, which takes them in one call",
        )
        .default("nothing"),
        key("id_field", Shape::Text, "内码字段；缺省 FID", "the form's id; FID by default"),
        key("number_field", Shape::Text, "编号字段；缺省 FBillNo", "the form's number; FBillNo by default"),
        key("organisation_field", Shape::Text, "组织字段", "the form's organisation"),
    ];
    keys.extend(batches(Shape::Count(1, 400), "100", Shape::Count(1_024, (4 << 20) - 65_536), "1048576"));
    keys
}

/// Of 金蝶 K/3 WISE.
pub fn k3wise_settings() -> Vec<Key> {
    let mut keys = vec![
        key(
            "on_change",
            Shape::Choice(vec!["dead-letter", "update", "ignore"]),
            "记录变化后：dead-letter 进死信；update 更新；ignore 不处理",
            "what becomes of a changed record: dead-letter, update, or ignore",
        )
        .default("dead-letter"),
        key(
            "audit",
            Shape::Flag,
            "写入后审核（CheckBill）",
            "whether a document is audited once it is there",
        )
        .default("false"),
    ];
    keys.extend(batches(Shape::Count(1, 400), "20", Shape::Count(1_024, 64 << 20), "1048576"));
    keys
}

/// Of MySQL and SQLite.
pub fn sql_settings() -> Vec<Key> {
    let mut keys = vec![
        key(
            "table",
            Shape::Text,
            "表名；api 为 execute 时不写，否则必填",
            "the table's name: required, but not taken where api is execute",
        ),
        key(
            "columns",
            Shape::list(Shape::Object("column")),
            "列，与 request 的字段一一对应；api 为 execute 时不写，否则必填",
            "its columns, one for each item of the request: required, but not taken where api is execute",
        ),
        key("create_table", Shape::Flag, "是否允许 Weir 建表", "whether Weir may create it").default("false"),
        key(
            "record_key",
            Shape::list(Shape::Text),
            "同一来源记录各行共有的主键列",
            "the columns of the key that all rows of one source record share",
        ),
        key(
            "orphans",
            Shape::Choice(vec!["delete", "keep"]),
            "最新状态不再含有的行：删除或保留；有 record_key 时缺省删除",
            "rows that the newest state lacks: deleted or kept; deleted by default where there is a record_key",
        ),
    ];
    keys.extend(batches(Shape::Count(1, 10_000), "1000", Shape::Count(1_024, 64 << 20), "2097152"));
    keys
}

fn batches(documents: Shape, most: &'static str, bytes: Shape, most_bytes: &'static str) -> [Key; 3] {
    [
        key("batch_documents", documents, "每批单据数", "documents of a batch").default(most),
        key("batch_bytes", bytes, "每批字节数", "bytes of a batch").default(most_bytes),
        key(
            "batch_age",
            Shape::Duration,
            "最早的单据等待多久",
            "how long the oldest document waits for others",
        )
        .default("\"200ms\""),
    ]
}

/// Of one column of a table.
pub fn column() -> Vec<Key> {
    vec![
        key("name", Shape::Text, "列名", "its name").required(),
        key(
            "type",
            Shape::Like(COLUMN_TYPE),
            "bigint、int、decimal(p,s)、varchar(n)、text、datetime、datetime(3)、date、bool",
            "bigint, int, decimal(p,s), varchar(n), text, datetime, datetime(3), date, bool",
        )
        .required(),
        key(
            "nullable",
            Shape::Flag,
            "是否可为 NULL；主键列不可",
            "whether it may be NULL; a key column may not",
        )
        .default("true"),
    ]
}

/// Of a collection.
pub fn collection_settings() -> Vec<Key> {
    vec![
        key(
            "collection",
            Shape::Name,
            "weir.yaml 中声明的集合；单据是它的行",
            "the declared collection that the documents are rows of",
        )
        .required(),
    ]
}
