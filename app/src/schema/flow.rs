//! The flow file and the fragment: our keys around the two metadata sections.

use weir_model::flow::{HaltAfter, Language, OnDelete, OnLeave, OnMissing, RULES, Severity};

use super::{BySystem, Key, Object, Shape, key, metadata, object, reconcile, targets, title, version};

/// Types of a `type` check.
const CHECKED_TYPES: [&str; 5] = ["int", "decimal", "date", "datetime", "bool"];

/// The mappings of a flow file, the file itself first.
pub fn objects() -> Vec<Object> {
    let mut objects = vec![
        object("flow", flow()),
        object("title", title().into()),
        Object {
            by_system: vec![
                ("jushuitan", BySystem::Settings("jushuitan_settings")),
                ("wangdiantong-enterprise", BySystem::Settings("wangdiantong_settings")),
                ("wangdiantong-flagship", BySystem::Settings("wangdiantong_settings")),
                ("xiaoman-okki", BySystem::Settings("okki_settings")),
            ],
            ..object("source", super::sources::source())
        },
        object("receipts_source", super::sources::receipts_source()),
        object("poll", super::sources::poll()),
        object("jushuitan_settings", super::sources::jushuitan_settings()),
        object("wangdiantong_settings", super::sources::wangdiantong_settings()),
        object("okki_settings", super::sources::okki_settings()),
        Object {
            by_system: vec![
                ("kingdee-galaxy", BySystem::Settings("kingdee_settings")),
                ("kingdee-k3wise", BySystem::Settings("k3wise_settings")),
                ("mysql", BySystem::Settings("sql_settings")),
                ("sqlite", BySystem::Settings("sql_settings")),
                ("collection", BySystem::Settings("collection_settings")),
            ],
            ..object("target", target())
        },
        object("on_delete", on_delete()),
        object("halt_after", halt_after()),
        object("kingdee_settings", targets::kingdee_settings()),
        object("k3wise_settings", targets::k3wise_settings()),
        object("sql_settings", targets::sql_settings()),
        object("column", targets::column()),
        object("collection_settings", targets::collection_settings()),
        Object { one_of: &RULES, ..object("check", check()) },
        object("message", title().into()),
        object("type_check", type_check()),
        object("range_check", range_check()),
        object("one_of_check", one_of_check()),
        object("lookup", lookup()),
        object("language", language()),
    ];
    objects.extend(reconcile::objects());
    objects.extend(metadata::objects());
    objects
}

fn flow() -> Vec<Key> {
    vec![
        version(),
        key(
            "kind",
            Shape::Choice(vec!["fragment"]),
            "只有一侧的文件：会检查，不会运行",
            "a file with one side: it is checked and never run",
        ),
        key(
            "flow",
            Shape::Name,
            "流程名；主题与消费组以它命名，请勿更改",
            "the flow's name; names its topics and groups, so keep it",
        )
        .required(),
        key("title", Shape::Object("title"), "给人看的标题", "its title for people"),
        key(
            "source",
            Shape::Either(vec![Shape::Object("source"), Shape::Object("receipts_source")]),
            "记录从哪里来：轮询一个接口，或另一个流程的回执",
            "where records come from: an API that is polled, or the receipts of another flow",
        ),
        key("checks", Shape::list(Shape::Object("check")), "记录须满足的规则", "what records must fulfil"),
        key(
            "lookups",
            Shape::map(Shape::Object("lookup")),
            "查不到时如何处理，按集合",
            "what a lookup that finds nothing means, by collection",
        ),
        key(
            "aliases",
            Shape::map(Shape::Name),
            "表达式中的名称（如 UUID）→ 集合",
            "names in expressions (such as UUIDs) → collections",
        ),
        key(
            "language",
            Shape::Object("language"),
            "映射语言未定之处如何读",
            "how the mapping language is read where it is silent",
        ),
        key("target", Shape::Object("target"), "单据写到哪里", "where documents go"),
        key(
            "halt_after",
            Shape::Either(vec![Shape::Choice(vec![HaltAfter::NEVER]), Shape::Object("halt_after")]),
            "拒绝过多时停下流程，等人处理；never 从不",
            "when the flow stops for a person because too much is refused; never for not at all",
        ),
        key(
            "reconcile",
            Shape::Object("reconcile"),
            "对账：来源与目标各用哪些字段",
            "which fields of the source and the target are compared by weir reconcile",
        ),
    ]
}

fn target() -> Vec<Key> {
    vec![
        key(
            "system",
            Shape::Word(vec!["kingdee-galaxy", "mysql", "sqlite", "collection", "kingdee-k3wise"]),
            "目标系统",
            "the target system",
        )
        .required(),
        key(
            "connection",
            Shape::Name,
            "weir.yaml 中 connections 下的名称；缺省为系统名；collection 不需要",
            "a name under connections of weir.yaml; the system's name by default; a collection needs none",
        ),
        key(
            "key",
            Shape::list(Shape::Text),
            "构成业务主键的字段路径；SQL 为唯一键的列",
            "paths in the document that form the business key; for SQL the columns of its unique key",
        )
        .required(),
        key(
            "on_delete",
            Shape::Either(vec![Shape::Choice(OnDelete::WORDS.to_vec()), Shape::Object("on_delete")]),
            "来源已删除的记录：ignore 保留已写入的；dead-letter 交给人处理；delete 删除 SQL 表中的行；或 request 中替换的字段",
            "a record that was removed at its source: ignore keeps what was written, dead-letter has a person decide, delete removes its rows of a SQL table, or the fields that a request replaces",
        )
        .default("\"ignore\""),
        key(
            "on_leave",
            Shape::words(&OnLeave::CHOICES),
            "写入之后被 condition 筛除的记录：keep 保留已写入的；delete 删除 SQL 表中的行；dead-letter 交给人处理",
            "a record that was written and that condition leaves out now: keep keeps what was written, delete removes its rows of a SQL table, dead-letter has a person decide",
        )
        .default("\"keep\""),
        key("settings", Shape::Any, "该系统自己的设置", "settings of the system's own"),
        key(
            "metadata",
            Shape::Object("target_metadata"),
            "轻易云目标侧元数据，原样粘贴",
            "the vendor's metadata of the target, pasted as it is",
        )
        .required(),
    ]
}

fn halt_after() -> Vec<Key> {
    vec![
        key(
            "refused",
            Shape::Count(1, 1_000_000_000),
            "一个进程写出的死信达到这么多",
            "so many dead letters of one process",
        )
        .default("1000"),
        key("within", Shape::Duration, "在这么长的时间内", "within this time").default("\"10m\""),
        key(
            "percent",
            Shape::Count(0, 100),
            "且占这段时间内写入与拒绝之和的百分比不少于此",
            "and at least so many in a hundred of what was delivered or refused in that time",
        )
        .default("10"),
    ]
}

fn on_delete() -> Vec<Key> {
    vec![
        key(
            "request",
            Shape::list(Shape::Object("item")),
            "取代 target.metadata.request 中同名字段的项，逐层对应；没有 value 的项去掉该字段",
            "items that take the place of those of target.metadata.request with the same field, level by level; one without a value leaves the field out",
        )
        .required(),
    ]
}

fn check() -> Vec<Key> {
    vec![
        key("name", Shape::Name, "名称；指标与拒绝原因以它为名", "its name; metrics and refusals carry it")
            .required(),
        key(
            "rows",
            Shape::Text,
            "对该数组的每一行检查；缺省检查记录本身",
            "the list whose every row must fulfil it; by default the record itself",
        ),
        key(
            "severity",
            Shape::words(&Severity::CHOICES),
            "reject 拒绝；warn 计数后放行",
            "reject refuses the record, warn counts it and lets it pass",
        )
        .default("\"reject\""),
        key(
            "message",
            Shape::Object("message"),
            "给人看的说明；缺省由规则给出",
            "what people are told; by default the rule",
        ),
        key(
            "expression",
            Shape::Text,
            "须为真的表达式，写法同 _function 的内容",
            "an expression that must be true, as the body of a _function",
        ),
        key("required", Shape::list(Shape::Text), "须有值的字段", "fields that must have a value"),
        key(
            "type",
            Shape::Object("type_check"),
            "字段须为某种类型；没有值时不检查",
            "a field that must be of a type; nothing is of any",
        ),
        key(
            "range",
            Shape::Object("range_check"),
            "数字须在范围内，含两端；没有值时不检查",
            "a number that must lie within bounds, both included; nothing lies within any",
        ),
        key(
            "one_of",
            Shape::Object("one_of_check"),
            "字段须为这些值之一；没有值时不检查",
            "a field that must be one of a few values; nothing is one of any",
        ),
        key(
            "unique",
            Shape::list(Shape::Text),
            "这些字段合起来在 rows 的各行中不得重复",
            "fields whose values together must not repeat among the rows of rows",
        ),
    ]
}

fn type_check() -> Vec<Key> {
    vec![
        key("field", Shape::Text, "字段", "the field").required(),
        key("is", Shape::Choice(CHECKED_TYPES.to_vec()), "类型", "the type").required(),
    ]
}

fn range_check() -> Vec<Key> {
    vec![
        key("field", Shape::Text, "字段", "the field").required(),
        key("min", Shape::Text, "最小值；小数加引号", "the lowest value; decimals in quotes"),
        key("max", Shape::Text, "最大值；小数加引号", "the highest value; decimals in quotes"),
    ]
}

fn one_of_check() -> Vec<Key> {
    vec![
        key("field", Shape::Text, "字段", "the field").required(),
        key("values", Shape::list(Shape::Text), "允许的值", "the values").required(),
    ]
}

fn lookup() -> Vec<Key> {
    vec![
        key("on_missing", Shape::words(&OnMissing::CHOICES), "查不到时：empty 空文本；reject 拒绝；wait 等到该行出现", "what a lookup that finds nothing means: empty text, reject the record, or wait until the row arrives").default("\"empty\""),
        key("wait_max", Shape::Duration, "最多等待多久，之后进死信", "how long a record waits before it becomes a dead letter").default("\"7d\""),
    ]
}

fn language() -> Vec<Key> {
    let settings = Language::SETTINGS.into_iter().map(|setting| {
        let is_number = setting.values.contains(&"…");
        let shape = if is_number {
            Shape::Either(vec![
                Shape::Count(0, 30),
                Shape::Choice(setting.values.iter().copied().take(1).collect()),
            ])
        } else {
            Shape::Choice(setting.values.to_vec())
        };
        key(setting.key, shape, setting.zh, setting.en)
    });
    settings.collect()
}
