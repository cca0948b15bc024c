//! Operators of `_function` (contract qeasy-metadata §4).

use super::{Entry, Group, entry, example, gives};

pub const ENTRIES: &[Entry] = &[
    entry(
        Group::Operator,
        "+ - *",
        "a + b, a - b, a * b",
        "精确的十进制运算，位数不限；任一为空则结果为空",
        "exact decimals of any length; nothing on either side gives nothing",
        &[
            gives("_function 0.1 + 0.2", "0.3"),
            gives("_function 0.13 * 100", "13"),
            example("_function {a} + 1", r#"{"a":null}"#, "null"),
            example("_function {a} * 2", r#"{"a":123456789012345678901234567890.5}"#, "246913578024691357802469135781"),
        ],
    ),
    entry(
        Group::Operator,
        "/",
        "a / b",
        "除法：比被除数多保留 4 位小数（div_scale），四舍五入",
        "division: four decimals more than the dividend (div_scale), rounded half away from zero",
        &[gives("_function 100/3", "33.3333"), gives("_function 1/0", "division by zero")],
    )
    .differs("MySQL 除以零为 NULL；这里拒绝该单据", "MySQL gives NULL for a division by zero; here the document is refused"),
    entry(
        Group::Operator,
        "DIV",
        "a DIV b",
        "商的整数部分",
        "the whole part of the quotient",
        &[gives("_function -7 DIV 2", "-3")],
    ),
    entry(
        Group::Operator,
        "%",
        "a % b, a MOD b",
        "余数，符号与被除数相同",
        "the remainder, with the dividend's sign",
        &[gives("_function -7 % 3", "-1"), gives("_function 7.5 MOD 2", "1.5")],
    )
    .also(&["MOD"]),
    entry(
        Group::Operator,
        "= <> < <= > >=",
        "a = b, a <> b, a < b …",
        "比较，真为 1，假为 0。数字与文本比较时按数字；文本之间逐字符比较（collation），忽略末尾空格；任一为空则结果为空",
        "comparison, 1 or 0; a number and a text compare as numbers, texts character by character (collation), without trailing blanks; nothing on either side gives nothing",
        &[
            gives("_function '10' > 9", "1"),
            gives("_function '10' > '9'", "0"),
            gives("_function 'a' = 'A'", "0"),
            gives("_function 'x' = 0", "0"),
            gives("_function NULL = NULL", "null"),
        ],
    )
    .also(&["!="])
    .differs(
        "MySQL 把不是数字的文本当作 0；这里它与任何数字都不相等，比较大小则拒绝",
        "MySQL takes text that is no number for 0; here it equals no number, and asking which is larger refuses the document",
    ),
    entry(
        Group::Operator,
        "<=>",
        "a <=> b",
        "相等，空值与空值也相等",
        "equal, nothing equals nothing",
        &[gives("_function NULL <=> NULL", "1"), gives("_function 1 <=> NULL", "0")],
    ),
    entry(
        Group::Operator,
        "AND OR XOR NOT",
        "a AND b, a OR b, a XOR b, NOT a",
        "逻辑运算；&& 同 AND，! 同 NOT 而结合更紧",
        "logic; && is AND, ! is NOT and binds tighter",
        &[
            gives("_function 1 AND NULL", "null"),
            gives("_function 0 AND NULL", "0"),
            gives("_function !0 = 1", "1"),
            gives("_function 1 XOR 1", "0"),
        ],
    )
    .also(&["&&", "!"])
    .differs(
        "|| 不可用：MySQL 中它是 OR，别处是拼接。写 OR 或 CONCAT",
        "|| is refused: OR in MySQL, concatenation elsewhere; write OR or CONCAT",
    ),
    entry(
        Group::Operator,
        "BETWEEN",
        "x BETWEEN low AND high",
        "介于两者之间，含两端",
        "between both, ends included",
        &[gives("_function 5 BETWEEN 1 AND 5", "1"), gives("_function '2024-05-18' NOT BETWEEN '2024-01-01' AND '2024-12-31'", "0")],
    ),
    entry(
        Group::Operator,
        "IN",
        "x IN (a, b, …)",
        "等于其中之一",
        "equals one of them",
        &[example("_function '{status}' IN ('5', '6')", r#"{"status":5}"#, "1"), gives("_function 3 NOT IN (1, NULL)", "null")],
    ),
    entry(
        Group::Operator,
        "LIKE",
        "x LIKE pattern ESCAPE 'c'",
        "模式匹配：% 任意文本，_ 一个字符，\\ 或 ESCAPE 指定的字符转义",
        "pattern: % any text, _ one character, \\ or the character after ESCAPE takes the next one as it is",
        &[gives("_function '华东分销' LIKE '华%'", "1"), gives("_function '10%' LIKE '10|%' ESCAPE '|'", "1")],
    ),
    entry(
        Group::Operator,
        "REGEXP",
        "x REGEXP 'pattern'",
        "正则匹配；模式是固定文本，不能含花括号",
        "regular expression; the pattern is a fixed text without braces",
        &[gives("_function 'SO-001' REGEXP '^SO-[0-9]+$'", "1")],
    )
    .also(&["RLIKE"])
    .differs("与 MySQL 不同，按线性时间匹配，没有反向引用与环视", "unlike in MySQL it matches in linear time: no back references and no look-around"),
    entry(
        Group::Operator,
        "IS NULL",
        "x IS NULL, x IS TRUE, x IS FALSE",
        "是否为空、为真、为假；结果总是 1 或 0",
        "whether it is nothing, true or false; always 1 or 0",
        &[example("_function {a} IS NULL", "{}", "1"), example("_function '{a}' IS NOT NULL", "{}", "1"), gives("_function NULL IS NOT TRUE", "1")],
    )
    .remark("带引号的宏是文本：没有值时为空文本，不是 NULL", "a macro in quotes is text: without a value it is empty text, not NULL"),
    entry(
        Group::Operator,
        "INTERVAL",
        "time + INTERVAL n unit",
        "时间加减。单位：YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MICROSECOND；月末自动取当月最后一天",
        "moves a time; units are YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MICROSECOND; the end of a month stays within its month",
        &[
            gives("_function '2024-01-31' + INTERVAL 1 MONTH", "2024-02-29"),
            gives("_function NOW() - INTERVAL 2 HOUR", "2024-03-14 14:00:00"),
        ],
    ),
];
