//! Forms of a value, system macros, filters (contract qeasy-metadata §3, §4).

use super::{Entry, Group, entry, example, gives};

pub const ENTRIES: &[Entry] = &[
    entry(
        Group::Form,
        "text",
        "text {field} text {{list.field}}",
        "固定文本与宏。整个值只有一个宏时保留原来的类型；与文本拼接时空值按空文本处理",
        "plain text with macros; a value that is one macro keeps what the record wrote, between other text nothing is empty text",
        &[
            gives("100", "100"),
            example("{price}", r#"{"price":0.10}"#, "0.10"),
            example("{{platform_id}}-{{shop_no}}", r#"{"platform_id":3,"shop_no":"S01"}"#, "3-S01"),
            example("{{buyer.name}}", r#"{"buyer":{"name":"张三"}}"#, "张三"),
            example("{missing}", "{}", "null"),
        ],
    ),
    entry(
        Group::Form,
        "_function",
        "_function expression",
        "MySQL 语法的一个表达式。不带引号的宏是数字，带引号的宏是文本；结果为数字时去掉末尾的零。值只作数据，不会改变表达式",
        "one expression in MySQL's syntax; a macro without quotes is a number, in quotes text; a number loses its trailing zeros; a value never changes the expression",
        &[
            example("_function {exchange_rate}/100", r#"{"exchange_rate":682.5}"#, "6.825"),
            example("_function CONCAT('{name}', '-1')", r#"{"name":"a'b"}"#, "a'b-1"),
            example("_function {price}*2", r#"{"price":"暂无"}"#, "\"暂无\" is not a number"),
        ],
    )
    .differs(
        "与 MySQL 不同：不是数字的文本参与运算、除以零都拒绝该单据，而不是当作 0 或 NULL（on_failure: text 恢复轻易云的做法）",
        "unlike MySQL, text that is no number and a division by zero refuse the document instead of giving 0 or NULL (on_failure: text does as the vendor)",
    ),
    entry(
        Group::Form,
        "_findCollection",
        "_findCollection find field from collection where a={x} b='text'",
        "到集合中查一行，取一个字段；条件都是相等，以空格或 and 连接。查不到为空文本，除非流程的 on_missing 另有规定",
        "looks a row up in a collection and takes one of its fields; conditions are equalities, joined by a blank or and; nothing found is empty text unless the flow's on_missing says otherwise",
        &[
            example(
                "_findCollection find serial_id from customers where company_id={id}",
                r#"{"id":10086001}"#,
                "C0017",
            ),
            example("_findCollection find serial_id from customers where company_id={id}", r#"{"id":1}"#, ""),
        ],
    )
    .assumed("匹配多行时取编号最小的一行（several_matches）", "of several rows the one with the smallest id answers (several_matches)"),
    entry(
        Group::Form,
        "_endFind",
        "_function … '_findCollection … _endFind' …",
        "在 _function 里查集合，以 _endFind 结束；加不加引号结果都是文本",
        "a lookup inside a _function ends with _endFind; with quotes or without the answer is text",
        &[example(
            "_function CASE '_findCollection find email from shops where shop_no={shop_no} _endFind' WHEN '' THEN 'TK0' ELSE '{no}' END",
            r#"{"shop_no":"S02","no":"TK1"}"#,
            "TK0",
        )],
    ),
    entry(
        Group::Macro,
        "LAST_SYNC_TIME",
        "{{LAST_SYNC_TIME}}",
        "来源请求中是窗口的开始；在映射里是原始记录写入的时刻。Unix 秒",
        "in a source's request the beginning of the window; in a mapping the moment the raw record was stored; unix seconds",
        &[gives("{{LAST_SYNC_TIME|datetime}}", "2024-03-14 16:00:00")],
    ),
    entry(
        Group::Macro,
        "CURRENT_TIME",
        "{{CURRENT_TIME}}",
        "来源请求中是窗口的结束；在映射里是原始记录写入的时刻。Unix 秒",
        "in a source's request the end of the window; in a mapping the moment the raw record was stored; unix seconds",
        &[gives("{{CURRENT_TIME}}", "1710403200")],
    ),
    entry(
        Group::Macro,
        "DAYS_AGO_n",
        "{{DAYS_AGO_2}}",
        "此刻减去 n 天，Unix 秒",
        "n days before the moment, unix seconds",
        &[gives("{{DAYS_AGO_2|datetime}}", "2024-03-12 16:00:00")],
    )
    .assumed("精确到此刻而不是零点（days_ago）", "the exact moment, not midnight (days_ago)"),
    entry(
        Group::Macro,
        "PAGINATION_PAGE_SIZE",
        "{{PAGINATION_PAGE_SIZE}}",
        "每页条数；只能用于来源请求",
        "records per page; only in a source's request",
        &[gives("{{PAGINATION_PAGE_SIZE}}", "the paging macro \"PAGINATION_PAGE_SIZE\" belongs to a source's request")],
    ),
    entry(
        Group::Macro,
        "PAGINATION_START_PAGE",
        "{{PAGINATION_START_PAGE}}",
        "页码，从 1 开始；只能用于来源请求",
        "number of the page, from 1; only in a source's request",
        &[gives("{{PAGINATION_START_PAGE}}", "the paging macro \"PAGINATION_START_PAGE\" belongs to a source's request")],
    ),
    entry(
        Group::Macro,
        "PAGINATION_START_ROW",
        "{{PAGINATION_START_ROW}}",
        "行号，从 0 开始；只能用于来源请求",
        "number of the row, from 0; only in a source's request",
        &[gives("{{PAGINATION_START_ROW}}", "the paging macro \"PAGINATION_START_ROW\" belongs to a source's request")],
    ),
    entry(
        Group::Filter,
        "datetime",
        "{{field|datetime}}",
        "写成 YYYY-MM-DD HH:MM:SS。输入可以是 Unix 秒、13 位毫秒或日期文本；空值不变",
        "as YYYY-MM-DD HH:MM:SS, from unix seconds, 13-digit milliseconds or a date text; nothing stays nothing",
        &[example("{{t|datetime}}", r#"{"t":1710403200}"#, "2024-03-14 16:00:00")],
    ),
    entry(
        Group::Filter,
        "date",
        "{{field|date}}",
        "写成 YYYY-MM-DD",
        "as YYYY-MM-DD",
        &[example("{{t|date}}", r#"{"t":"1710403200123"}"#, "2024-03-14")],
    ),
    entry(
        Group::Filter,
        "timestamp",
        "{{field|timestamp}}",
        "Unix 秒",
        "unix seconds",
        &[example("{{t|timestamp}}", r#"{"t":"2024-03-14 16:00:00"}"#, "1710403200")],
    ),
    entry(
        Group::Filter,
        "timestamp_ms",
        "{{field|timestamp_ms}}",
        "Unix 毫秒",
        "unix milliseconds",
        &[example("{{t|timestamp_ms}}", r#"{"t":"2024-03-14 16:00:00"}"#, "1710403200000")],
    ),
];
