//! Where the language departs from MySQL on purpose, each with an expression that shows it. The test `real_language`
//! holds every row against a real server: a difference that is none any more fails it.

/// A deliberate difference from MySQL.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// An expression that reads no record, as both sides take it.
    pub expression: &'static str,
    /// What MySQL (MariaDB 10.11) gives; `NULL`, or the number of its error.
    pub mysql: &'static str,
    /// What Weir gives; of a refusal the beginning of its message.
    pub weir: &'static str,
    /// What differs and why, in Chinese.
    pub zh: &'static str,
    /// What differs and why, in English.
    pub en: &'static str,
}

const fn differs(
    expression: &'static str,
    mysql: &'static str,
    weir: &'static str,
    zh: &'static str,
    en: &'static str,
) -> Difference {
    Difference { expression, mysql, weir, zh, en }
}

/// Every deliberate difference.
pub const DIFFERENCES: &[Difference] = &[
    differs(
        "1/0",
        "NULL",
        "division by zero",
        "除以零：MySQL 得 NULL，字段会悄悄消失；这里拒绝该单据",
        "a division by zero: MySQL's NULL would drop the field in silence; here the document is refused",
    ),
    differs(
        "IFNULL(5 MOD 0, 7)",
        "7",
        "division by zero",
        "除以零不能用 IFNULL 掩盖：先用 CASE 判断除数",
        "IFNULL does not hide a division by zero: ask for the divisor first, with CASE",
    ),
    differs(
        "'12件' + 1",
        "13",
        "\"12件\" is not a number",
        "不是数字的文本：MySQL 取开头的数字，没有则为 0；这里拒绝该单据，以免把错误金额写进账里",
        "text that is no number: MySQL takes its leading digits, else 0; here the document is refused, so that no wrong amount is booked",
    ),
    differs(
        "'' + 1",
        "1",
        "\"\" is not a number",
        "空文本不是 0：需要时写 IFNULL 或 CASE",
        "empty text is not 0: write IFNULL or CASE where it should be",
    ),
    differs(
        "'x' = 0",
        "1",
        "0",
        "文本与数字比较：不是数字的文本与任何数字都不相等",
        "text and number: text that is no number equals no number",
    ),
    differs(
        "'a' < 1",
        "1",
        "\"a\" is not a number",
        "不是数字的文本与数字比较大小：拒绝该单据",
        "asking whether text that is no number is larger than a number refuses the document",
    ),
    differs(
        "IF('abc', 1, 2)",
        "2",
        "\"abc\" is not a number",
        "条件必须是真假或数字：文本不会悄悄成为假",
        "a condition is a truth value or a number: text does not become false in silence",
    ),
    differs(
        "'0.1' + '0.2'",
        "0.30000000000000004",
        "0.3",
        "文本中的数字按十进制精确计算；MySQL 转成二进制浮点数",
        "numbers in text are exact decimals; MySQL makes binary floats of them",
    ),
    differs(
        "POW(2, 64)",
        "1.8446744073709552e19",
        "18446744073709551616",
        "乘方是精确的；MySQL 用二进制浮点数",
        "powers are exact; MySQL uses binary floats",
    ),
    differs(
        "9223372036854775807 + 1",
        "1690",
        "9223372036854775808",
        "整数不限于 64 位",
        "whole numbers are not limited to 64 bits",
    ),
    differs(
        "99999999999999999999999999999999999999999999999999 * 99999999999999999999999999999999999999999999999999",
        "1690",
        "9999999999999999999999999999999999999999999999999800000000000000000000000000000000000000000000000001",
        "小数位数不限：MySQL 保证 65 位，超出内部的 81 位即报错",
        "decimals have any number of digits; MySQL promises 65 and refuses what exceeds its 81",
    ),
    differs(
        "IF(1, 1, 2.50)/3",
        "0.333333",
        "0.3333",
        "除法按实际取到的分支的小数位数；MySQL 按所有分支中最多的位数，而未取的分支这里不求值",
        "a division goes by the decimals of the branch that is taken; MySQL by the most of all branches, which are not evaluated here",
    ),
    differs(
        "1/3*3 BETWEEN 1 AND 1",
        "0",
        "1",
        "比较的是显示出来的值：MySQL 的 = 如此，而 BETWEEN 用隐藏的位数",
        "what is shown is compared: MySQL does so for `=`, and by hidden digits for BETWEEN",
    ),
    differs("1/3*3 IN (1, 2)", "0", "1", "IN 同样比较显示出来的值", "IN compares what is shown, too"),
    differs(
        "CASE 1/3*3 WHEN 1 THEN 'y' ELSE 'n' END",
        "n",
        "y",
        "CASE 同样比较显示出来的值",
        "CASE compares what is shown, too",
    ),
    differs("CONCAT(-1 MOD 0.5)", "-0.0", "0.0", "零没有正负号", "a zero has no sign"),
    differs(
        "CAST(123456 AS DECIMAL(5,2))",
        "999.99",
        "CAST: 123456 does not fit",
        "CAST 放不下的值拒绝该单据；MySQL 截成最大值",
        "what does not fit a CAST refuses the document; MySQL cuts it to the largest that fits",
    ),
    differs(
        "CAST(-1 AS UNSIGNED)",
        "18446744073709551615",
        "CAST: -1 does not fit",
        "负数不能成为无符号整数",
        "a negative number is no unsigned one",
    ),
    differs(
        "REPLACE('abc', 'x', NULL)",
        "abc",
        "null",
        "REPLACE 的任一参数为空则结果为空（MySQL 8 也如此；MariaDB 找不到时保留原文）",
        "REPLACE with nothing as an argument gives nothing, as in MySQL 8; MariaDB keeps a text that lacks the wanted one",
    ),
    differs(
        "LOCATE('', '华东', 2)",
        "4",
        "2",
        "在指定位置找空文本：位置按字符计（MySQL 8 也如此；MariaDB 此处按字节）",
        "empty text is found where the search begins, counted in characters as in MySQL 8; MariaDB counts bytes here",
    ),
    differs(
        "LAST_DAY('2024-02-30')",
        "NULL",
        "\"2024-02-30\" is not a date",
        "不存在的日期拒绝该单据；MySQL 得 NULL",
        "a day that does not exist refuses the document; MySQL gives NULL",
    ),
    differs(
        "STR_TO_DATE('2024-02-30', '%Y-%m-%d')",
        "2024-02-30",
        "\"2024-02-30\" is not a date",
        "STR_TO_DATE 不会产生不存在的日期",
        "STR_TO_DATE makes no day that does not exist",
    ),
    differs(
        "DATE('20240518')",
        "2024-05-18",
        "\"20240518\" is not a date",
        "八位数字的日期有歧义：写 STR_TO_DATE('20240518', '%Y%m%d')",
        "a date of eight digits is ambiguous: write STR_TO_DATE('20240518', '%Y%m%d')",
    ),
    differs(
        "DATE('1710403200')",
        "NULL",
        "2024-03-14",
        "日期函数也接受 unix 秒和毫秒，各平台的接口都这样给",
        "date functions take unix seconds and milliseconds, too: the vendors' interfaces send them",
    ),
    differs(
        "DATE('2024-03-14 10:00:00') = '2024-03-14 00:00:00'",
        "1",
        "0",
        "DATE 的结果按文本比较：两边写成同样的格式",
        "what DATE gives is compared as text: write both sides alike",
    ),
    differs(
        "NOW() + 0",
        "20240314160000",
        "\"2024-03-14 16:00:00\" is not a number",
        "时间不是数字：用 DATE_FORMAT 或 UNIX_TIMESTAMP",
        "a time is no number: use DATE_FORMAT or UNIX_TIMESTAMP",
    ),
    differs(
        "FROM_UNIXTIME(1710403200.50)",
        "2024-03-14 16:00:00.50",
        "2024-03-14 16:00:00.5",
        "秒的小数不带末尾的零",
        "the fraction of a second has no trailing zeros",
    ),
    differs(
        "UNIX_TIMESTAMP('2100-01-01')",
        "NULL",
        "4102416000",
        "不限于 1970 至 2038 年（MySQL 8 至 3001 年）",
        "not limited to the years 1970 to 2038 (MySQL 8: 3001)",
    ),
    differs(
        "DATE_ADD('9999-12-31', INTERVAL 1 DAY)",
        "NULL",
        "INTERVAL: ",
        "超出历法的时间拒绝该单据；MySQL 得 NULL",
        "a time outside of the calendar refuses the document; MySQL gives NULL",
    ),
    differs(
        "'a' || 'b'",
        "0",
        "the expression language has no \"||\"",
        "|| 在 MySQL 中是 OR，在别处是拼接：不接受，写 OR 或 CONCAT",
        "|| is OR in MySQL and joins texts elsewhere: refused, write OR or CONCAT",
    ),
];
