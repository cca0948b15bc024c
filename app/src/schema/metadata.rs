//! The two `metadata` sections: the language of the 轻易云 platform (contract qeasy-metadata §1, §2, §5–§9).

use weir_processors::reference::{CALCULATIONS, OPERATORS};

use super::{Key, Object, Shape, key, object};

/// Types of items (contract qeasy-metadata §2).
const TYPES: [&str; 7] = ["string", "int", "float", "bool", "datetime", "object", "array"];

/// The mappings of both sections.
pub fn objects() -> Vec<Object> {
    let objects = [
        object("source_metadata", source()),
        object("target_metadata", target()),
        object("item", item()),
        object("parser", parser()),
        object("condition", condition()),
        object("derived_field", derived_field()),
        object("operation", operation()),
        object("group_calculate", group_calculate()),
        object("omission_remedy", omission_remedy()),
        object("pagination", pagination()),
    ];
    objects.map(|object| Object { is_open: true, ..object }).into()
}

fn source() -> Vec<Key> {
    let mut keys = vec![
        key(
            "api",
            Shape::Text,
            "来源接口：路径或方法名",
            "the source's operation: a path or a method's name",
        )
        .required(),
        key("id", Shape::Text, "标识一条记录的字段", "the field that identifies a record").required(),
        key("number", Shape::Text, "展示给人看的单号字段", "the field shown to people as the number"),
        key("name", Shape::Text, "展示给人看的名称字段", "the field shown to people as the name"),
        key(
            "idCheck",
            Shape::Flag,
            "同一编号是否只取一次；由 source.id_check 决定",
            "whether an id is taken once; source.id_check decides",
        ),
        key("request", items(), "查询参数", "the query's parameters"),
        key("pagination", Shape::Object("pagination"), "分页", "paging"),
        key(
            "condition",
            conditions(),
            "过滤条件：外层为“或”，内层为“且”",
            "the filter: the outer list is or, an inner list is and",
        ),
        key(
            "condition_bk",
            conditions(),
            "停用的过滤条件；language: condition_bk 决定是否应用",
            "a parked filter; language: condition_bk decides whether it is applied",
        ),
        key(
            "beatFlat",
            Shape::list(Shape::Text),
            "要展开成行的数组，依次展开",
            "lists to flatten into rows, one after the other",
        ),
        key("formatResponse", Shape::list(Shape::Object("derived_field")), "派生字段", "derived fields"),
        key("operation", Shape::Object("operation"), "拆分或合并记录", "splitting or merging of a record"),
        key(
            "omissionRemedy",
            Shape::Object("omission_remedy"),
            "定期补读较早的时间窗，与常规读取并行",
            "the periodic re-read of an older window, beside the regular poll",
        ),
    ];
    keys.extend(idle());
    keys
}

fn target() -> Vec<Key> {
    let mut keys = vec![
        key(
            "api",
            Shape::Text,
            "目标接口，如 batchSave、batchexecute、execute",
            "the target's operation, such as batchSave, batchexecute or execute",
        )
        .required(),
        key("request", items(), "单据的字段，按顺序", "the document's fields, in order"),
        key(
            "otherRequest",
            items(),
            "调用的参数，如 FormId；SQL 的语句 main_sql、extend_sql_1",
            "parameters of the call, such as FormId; the statements main_sql and extend_sql_1 of SQL",
        ),
        key("operation", Shape::Object("operation"), "批量写入、拆分或合并", "batching, splitting, merging"),
        key(
            "groupCalculate",
            Shape::Object("group_calculate"),
            "写入前对一条记录的行分组",
            "groups the rows of a record before the write",
        ),
        key(
            "idCheck",
            Shape::Flag,
            "写入前按业务主键查重；Weir 在需要时总会这样做",
            "look for the business key before the write: Weir always does where a write could be repeated",
        ),
        key(
            "id",
            Shape::Text,
            "不起作用；业务主键见 target.key",
            "without effect: the business key is target.key",
        ),
        key("number", Shape::Text, "不起作用", "without effect"),
        key("name", Shape::Text, "不起作用", "without effect"),
    ];
    keys.extend(idle());
    keys
}

/// What the vendor's platform writes and Weir has no need of.
fn idle() -> Vec<Key> {
    let keys = vec![
        key("effect", Shape::Text, "QUERY 或 EXECUTE；由所在的一侧决定", "QUERY or EXECUTE: the side tells"),
        key("type", Shape::Text, "旧文档中的 effect", "effect, in old documents"),
        key("method", Shape::Text, "GET、POST 或 SQL；由接口决定", "GET, POST or SQL: the API tells"),
        key("response", Shape::Any, "应答的字段清单，供设计器使用", "the answer's fields, for the designer"),
        key("otherResponse", Shape::Any, "应答处理开关", "switches of answer handling"),
        key(
            "autoFillResponse",
            Shape::Any,
            "response 是否由应答学得",
            "whether response is learnt from answers",
        ),
        key(
            "buildModel",
            Shape::Any,
            "含义没有公开资料；有警告",
            "no public source tells what it means; warned of",
        ),
        key(
            "distributionOrg",
            Shape::Any,
            "保存后分配组织；Weir 不做，有警告",
            "organisations to allocate to after the save: not done, warned of",
        ),
        key("autoCheck", Shape::Any, "写入后的核对；有警告", "a check after the write; warned of"),
    ];
    keys.into_iter().map(Key::idle).collect()
}

fn item() -> Vec<Key> {
    let mut keys = vec![
        key("field", Shape::Text, "输出的键", "the output's key").required(),
        key("label", Shape::Text, "给人看的名称", "a text for people"),
        key("type", Shape::Word(TYPES.to_vec()), "类型", "its type").default("\"string\""),
        key(
            "value",
            Shape::Text,
            "取值表达式；没有则不发送",
            "the expression of its value; without one nothing is sent",
        ),
        key("is_required", Shape::Flag, "没有值时拒绝该单据", "a document without a value is refused")
            .default("false"),
        key("default", Shape::Text, "没有值时使用", "used where there is no value"),
        key("parser", Shape::Object("parser"), "最后对值做的处理", "what is done to the value last"),
        key(
            "children",
            items(),
            "object 与 array 的子项；array 的 value 是来源数组的名称",
            "sub-items of an object or array; an array's value is the name of a source list",
        ),
    ];
    keys.push(key("describe", Shape::Text, "给人看的说明", "a text for people").idle());
    keys
}

fn parser() -> Vec<Key> {
    vec![
        key(
            "name",
            Shape::Word(parsers()),
            "解析器；多个以逗号连接，从左到右",
            "the parser; several with commas, from left to right",
        )
        .required(),
        key("params", Shape::Text, "参数", "its parameter"),
        key("params1", Shape::Text, "第一个参数", "its first parameter"),
        key("params2", Shape::Text, "第二个参数", "its second parameter"),
        key("view", Shape::Text, "workflowRequestTableFields 的参数", "of workflowRequestTableFields"),
        key("edit", Shape::Text, "workflowRequestTableFields 的参数", "of workflowRequestTableFields"),
        key("fieldId", Shape::Text, "workflowRequestTableFields 的参数", "of workflowRequestTableFields"),
    ]
}

fn parsers() -> Vec<&'static str> {
    weir_expr::reference::entries()
        .filter(|entry| entry.group == weir_expr::reference::Group::Parser)
        .map(|entry| entry.name)
        .collect()
}

fn condition() -> Vec<Key> {
    vec![
        key("field", Shape::Text, "字段，或“数组.字段”", "a field, or list.field").required(),
        key(
            "logic",
            Shape::Choice(OPERATORS.iter().map(|operator| operator.name).collect()),
            "运算符",
            "the operator",
        )
        .required(),
        key("value", Shape::Any, "比较值", "what is compared with"),
        key(
            "strictMode",
            Shape::Flag,
            "行字段：有一行不符就去掉整条记录",
            "of row fields: one failing row drops the record",
        )
        .default("false"),
    ]
}

fn derived_field() -> Vec<Key> {
    vec![
        key("old", Shape::Text, "来源字段", "the field it is made of").required(),
        key("new", Shape::Text, "新字段，可与来源相同", "its name, which may be the same").required(),
        key("format", Shape::Text, "格式，如 date、round(2)", "the format, such as date or round(2)")
            .required(),
    ]
}

fn operation() -> Vec<Key> {
    vec![
        key(
            "method",
            Shape::Choice(vec!["batchArraySave", "splitArray", "merge", "none"]),
            "做什么",
            "what is done",
        )
        .required(),
        key(
            "rows",
            Shape::Count(1, 100_000),
            "batchArraySave：每次调用的单据数",
            "batchArraySave: documents per call",
        ),
        key(
            "rowsKey",
            Shape::Text,
            "batchArraySave：单据列表的键",
            "batchArraySave: the key that holds the documents",
        ),
        key("arrayKey", Shape::Text, "splitArray：要拆分的数组", "splitArray: the list that is split"),
        key(
            "field",
            Shape::Names,
            "merge：这些字段相同的行合为一张单据",
            "merge: rows that agree in these fields become one document",
        ),
        key("bodyName", Shape::Text, "merge：存放行的数组", "merge: the list that rows are gathered in")
            .default("\"body\""),
        key(
            "bodySum",
            Shape::Names,
            "merge：相同行累加的字段",
            "merge: fields that are added up over equal rows",
        ),
        key(
            "header",
            Shape::Names,
            "merge：单据头的字段；缺省为全部",
            "merge: fields of the head; all by default",
        ),
        key("body", Shape::Names, "merge：行的字段；缺省为全部", "merge: fields of a row; all by default"),
    ]
}

fn group_calculate() -> Vec<Key> {
    let calculations = CALCULATIONS.iter().map(|calculation| calculation.name).collect();
    vec![
        key(
            "headerGroup",
            Shape::Names,
            "这些字段相同的行合为一张单据",
            "rows that agree in these fields become one document",
        )
        .required(),
        key(
            "bodyGroup",
            Shape::Names,
            "这些字段相同的行合为一行",
            "rows that agree in these fields become one row",
        ),
        key("bodyName", Shape::Text, "行数组的名称", "the list that the rows are gathered in"),
        key(
            "targetBodyName",
            Shape::Text,
            "单据过长时要拆分的目标数组",
            "the document's list that is split when it grows too long",
        ),
        key(
            "bodyMaxLine",
            Shape::Count(1, 100_000),
            "一张单据最多的行数",
            "rows that a document has at most",
        ),
        key(
            "calculate",
            Shape::map(Shape::Choice(calculations)),
            "字段及其算法",
            "fields and how each is calculated",
        ),
    ]
}

fn omission_remedy() -> Vec<Key> {
    vec![
        key(
            "crontab",
            Shape::Like(r"^\s*(\S+\s+){4}\S+\s*$"),
            "五段：分 时 日 月 周，如 55 3 * * *",
            "five fields: minute hour day month weekday, such as 55 3 * * *",
        )
        .required(),
        key("takeOverRequest", items(), "补读时替换的查询参数", "parameters that the re-read replaces"),
    ]
}

fn pagination() -> Vec<Key> {
    vec![key(
        "pageSize",
        Shape::Count(1, 100_000),
        "每页条数，除非 request 另有规定",
        "rows per page, unless the request says so",
    )]
}

fn items() -> Shape {
    Shape::list(Shape::Object("item"))
}

fn conditions() -> Shape {
    Shape::list(Shape::list(Shape::Object("condition")))
}
