//! Branches, conversions and aggregates (contract qeasy-metadata §4).

use super::{Entry, Group, entry, example, gives};

pub const ENTRIES: &[Entry] = &[
    entry(
        Group::Branch,
        "CASE",
        "CASE x WHEN a THEN b … ELSE z END, CASE WHEN condition THEN b … ELSE z END",
        "第一个符合的分支；都不符合时取 ELSE，没有 ELSE 则为空",
        "the first branch that fits; else ELSE, without one nothing",
        &[
            example("_function CASE {status} WHEN 1 THEN '正常' WHEN 2 THEN '停用' ELSE '其他' END", r#"{"status":2}"#, "停用"),
            example("_function CASE WHEN {n} > 0 THEN 'in' WHEN {n} < 0 THEN 'out' END", r#"{"n":0}"#, "null"),
        ],
    ),
    entry(
        Group::Branch,
        "IF",
        "IF(condition, yes, no)",
        "条件为真取 yes，为假或为空取 no",
        "yes when the condition is true, no when it is false or nothing",
        &[example("_function IF({qty} > 0, '{a}', '{b}')", r#"{"qty":1,"a":"x","b":"y"}"#, "x")],
    ),
    entry(
        Group::Branch,
        "IFNULL",
        "IFNULL(x, fallback)",
        "x 为空时取 fallback",
        "the fallback when x is nothing",
        &[example("_function IFNULL({price}, 0)", "{}", "0")],
    ),
    entry(
        Group::Branch,
        "COALESCE",
        "COALESCE(a, b, …)",
        "第一个不为空的值；空文本不算空",
        "the first that is not nothing; empty text is something",
        &[gives("_function COALESCE(NULL, '', 'x')", "")],
    ),
    entry(
        Group::Branch,
        "NULLIF",
        "NULLIF(a, b)",
        "两者相等时为空，否则为 a；常用来把空文本变为空",
        "nothing when both are equal, else a; turns empty text into nothing",
        &[example("_function COALESCE(NULLIF('{a}', ''), '{b}')", r#"{"a":"","b":"x"}"#, "x")],
    ),
    entry(
        Group::Branch,
        "ISNULL",
        "ISNULL(x)",
        "为空得 1，否则得 0",
        "1 when x is nothing, else 0",
        &[gives("_function ISNULL(NULL)", "1")],
    ),
    entry(
        Group::Branch,
        "CAST",
        "CAST(x AS type), CONVERT(x, type)",
        "类型转换：CHAR、CHAR(n)、SIGNED、UNSIGNED、DECIMAL(p,s)、DATE、DATETIME",
        "converts to CHAR, CHAR(n), SIGNED, UNSIGNED, DECIMAL(p,s), DATE or DATETIME",
        &[
            gives("_function CAST(12.345 AS DECIMAL(10,2))", "12.35"),
            gives("_function CAST('12.7' AS SIGNED)", "12"),
            gives("_function CONVERT(NOW(), DATE)", "2024-03-14"),
            gives("_function CAST(123456 AS DECIMAL(5,2))", "CAST: 123456 does not fit into DECIMAL(5,2)"),
        ],
    )
    .also(&["CONVERT"])
    .differs("放不下的值拒绝该单据；MySQL 会截成能放下的最大值", "a value that does not fit refuses the document; MySQL cuts it to the largest that does"),
    entry(
        Group::Aggregate,
        "SUM",
        "SUM({{list.field}})",
        "明细行之和。参数可以是同一数组字段的任意表达式；被 condition 筛掉的行不计；没有值的行跳过，全都没有则为空",
        "the sum over a list's rows; the argument may be any expression over one list's fields; rows that the condition removed do not count, rows without a value are skipped, without any the sum is nothing",
        &[
            example("_function SUM({{d.price}} * {{d.num}})", r#"{"d":[{"price":"1.10","num":2},{"price":3,"num":1}]}"#, "5.2"),
            example("_function SUM({{d.price}})", r#"{"d":[]}"#, "null"),
        ],
    )
    .remark(
        "在绑定到同一数组的字段里也对整个数组求和，因此 {{d.x}}/SUM({{d.x}}) 是该行所占的份额",
        "inside an item bound to the very list it still sees every row: {{d.x}}/SUM({{d.x}}) is the row's share",
    ),
    entry(
        Group::Aggregate,
        "AVG",
        "AVG({{list.field}})",
        "平均值，比各值多保留 4 位小数（div_scale）",
        "the mean, four decimals more than the values (div_scale)",
        &[example("_function AVG({{d.n}})", r#"{"d":[{"n":1},{"n":2},{"n":null},{"n":2}]}"#, "1.6667")],
    ),
    entry(
        Group::Aggregate,
        "MAX",
        "MAX({{list.field}})",
        "最大值：数字按大小，文本与日期按字符",
        "the largest: numbers by value, texts and dates by their characters",
        &[
            example("_function MAX({{d.n}})", r#"{"d":[{"n":"9"},{"n":"10"}]}"#, "10"),
            example("_function MAX({{d.day}})", r#"{"d":[{"day":"2024-05-18"},{"day":"2024-05-17"}]}"#, "2024-05-18"),
        ],
    ),
    entry(
        Group::Aggregate,
        "MIN",
        "MIN({{list.field}})",
        "最小值",
        "the smallest",
        &[example("_function MIN({{d.n}})", r#"{"d":[{"n":"9"},{"n":"10"}]}"#, "9")],
    ),
    entry(
        Group::Aggregate,
        "COUNT",
        "COUNT({{list.field}}), COUNT(DISTINCT {{list.field}})",
        "有值的行数；DISTINCT 相同的值只计一次",
        "how many rows have a value; with DISTINCT equal values count once",
        &[
            example("_function COUNT({{d.sku}})", r#"{"d":[{"sku":"a"},{"sku":null},{"sku":"a"}]}"#, "2"),
            example("_function COUNT(DISTINCT {{d.sku}})", r#"{"d":[{"sku":"a"},{"sku":"b"},{"sku":"a"}]}"#, "2"),
            example("_function COUNT({{d.sku}})", "{}", "0"),
        ],
    ),
];
