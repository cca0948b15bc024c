//! `*.test.yaml`: records in, documents or rejections out (`weir_cases`).

use weir_model::outcome::Code;
use weir_processors::codes;

use super::{Key, Object, Shape, key, object, version};

static CODES: [Code; 12] = codes::ALL;

/// The mappings of a test file, the file itself first.
pub fn objects() -> Vec<Object> {
    vec![
        object("test", test()),
        Object { one_of: &["record", "record_file", "raw"], ..object("case", case()) },
        object("expect", expect()),
        object("refused", refused()),
        object("waits", waits()),
        object(
            "rows_file",
            vec![
                key("file", Shape::Text, "JSON 文件，相对于本文件", "a JSON file, relative to this one")
                    .required(),
            ],
        ),
    ]
}

fn test() -> Vec<Key> {
    vec![
        version(),
        key(
            "flow",
            Shape::Text,
            "流程文件或流程名；缺省为旁边的同名文件",
            "the flow's file or name; by default the file of the same name beside this one",
        ),
        key("time_zone", Shape::Text, "本地时间的时区（IANA 名称）", "IANA name of the zone of local times")
            .default("\"Asia/Shanghai\""),
        now(),
        lookups("所有用例共用的参照数据", "rows of collections, for all cases"),
        key("cases", Shape::list(Shape::Object("case")), "用例", "the cases").required(),
    ]
}

fn case() -> Vec<Key> {
    vec![
        key("name", Shape::Text, "说明这个用例；不得重复", "what it shows; each once").required(),
        key("record", Shape::Any, "记录", "the record"),
        key(
            "record_file",
            Shape::Text,
            "存放记录的 JSON 文件，相对于本文件",
            "a JSON file with the record, relative to this one",
        ),
        key(
            "raw",
            Shape::Text,
            "记录的 JSON 文本，逐字节保留：0.10 仍是 0.10",
            "the record's JSON text, kept byte for byte: 0.10 stays 0.10",
        ),
        now(),
        lookups("本用例另加的参照数据", "rows of collections, added for this case"),
        key(
            "deleted",
            Shape::Flag,
            "来源是否已删除该记录",
            "whether the source says that the record was removed",
        )
        .default("false"),
        key("expect", Shape::Object("expect"), "结果应当如何", "what must become of it").required(),
    ]
}

fn expect() -> Vec<Key> {
    let rows = || Shape::Either(vec![Shape::list(Shape::Any), Shape::Text]);
    vec![
        key("document", Shape::Any, "完整的单据，或其 JSON 文本", "the whole document, or its JSON text"),
        key(
            "contains",
            Shape::Any,
            "单据至少含有的内容；写列表时为各行",
            "what the document holds at least; a list means rows",
        ),
        key(
            "rows",
            rows(),
            "SQL 目标的各行，按列名；未写的列为 NULL",
            "rows of a table by column; columns that are not named are NULL",
        ),
        key(
            "documents",
            rows(),
            "一条记录得到的多张单据，按顺序",
            "the documents that one record becomes, in order",
        ),
        key(
            "filtered",
            Shape::Either(vec![Shape::True, Shape::Text]),
            "被过滤；可写规则中的文字",
            "it is left out; true, or a part of the rule",
        ),
        key("refused", Shape::Either(vec![Shape::True, Shape::Object("refused")]), "被拒绝", "it is refused"),
        key(
            "waits",
            Shape::Either(vec![Shape::True, Shape::Object("waits")]),
            "等待集合中的一行",
            "it waits for a row of a collection",
        ),
        key(
            "warnings",
            Shape::list(Shape::Text),
            "未通过的 warn 级检查",
            "names of the checks of severity warn that it fails",
        ),
        key("key", Shape::Text, "业务主键", "the business key"),
        key("number", Shape::Text, "单号", "the number shown to people"),
    ]
}

fn refused() -> Vec<Key> {
    vec![
        key("code", Shape::Word(CODES.iter().map(Code::as_str).collect()), "错误码", "the code"),
        key("field", Shape::Text, "字段", "the field concerned"),
        key("contains", Shape::Text, "消息中的文字", "a part of the message"),
    ]
}

fn waits() -> Vec<Key> {
    vec![
        key("collection", Shape::Text, "集合", "the collection"),
        key("reference", Shape::Text, "哪一行，如 company_id=1", "the row, such as company_id=1"),
    ]
}

fn now() -> Key {
    key(
        "now",
        Shape::Like(r"^\s*\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*$"),
        "NOW() 的值，如 \"2024-03-14 16:00:00\"",
        "what NOW() says, such as \"2024-03-14 16:00:00\"",
    )
}

fn lookups(zh: &'static str, en: &'static str) -> Key {
    let rows =
        Shape::Either(vec![Shape::list(Shape::map(Shape::Any)), Shape::Text, Shape::Object("rows_file")]);
    key("lookups", Shape::map(rows), zh, en)
}
