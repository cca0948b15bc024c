//! Number functions.

use super::{Entry, Group, entry, gives};

pub const ENTRIES: &[Entry] = &[
    entry(
        Group::Number,
        "ABS",
        "ABS(x)",
        "绝对值",
        "without its sign",
        &[gives("_function ABS(-1.50)", "1.5")],
    ),
    entry(
        Group::Number,
        "CEIL",
        "CEIL(x)",
        "不小于 x 的最小整数",
        "the smallest whole number that is not below x",
        &[gives("_function CEIL(1.01)", "2"), gives("_function CEIL(-1.5)", "-1")],
    )
    .also(&["CEILING"]),
    entry(
        Group::Number,
        "FLOOR",
        "FLOOR(x)",
        "不大于 x 的最大整数",
        "the largest whole number that is not above x",
        &[gives("_function FLOOR(-1.01)", "-2")],
    ),
    entry(
        Group::Number,
        "ROUND",
        "ROUND(x), ROUND(x, decimals)",
        "四舍五入（远离零）；小数位数为负时舍入到十位、百位",
        "rounds half away from zero; negative decimals round to tens and hundreds",
        &[
            gives("_function ROUND(2.345, 2)", "2.35"),
            gives("_function ROUND(-2.5)", "-3"),
            gives("_function ROUND(1255, -1)", "1260"),
        ],
    ),
    entry(
        Group::Number,
        "TRUNCATE",
        "TRUNCATE(x, decimals)",
        "截去多余的小数，不舍入",
        "cuts further decimals off, without rounding",
        &[gives("_function TRUNCATE(2.349, 2)", "2.34")],
    ),
    entry(
        Group::Number,
        "MOD",
        "MOD(a, b)",
        "余数，与 a % b 相同",
        "the remainder, as a % b",
        &[gives("_function MOD(7, 4)", "3")],
    ),
    entry(
        Group::Number,
        "POW",
        "POW(x, n)",
        "x 的 n 次方，n 为 0 到 64 的整数",
        "x to the power of n, a whole number from 0 to 64",
        &[
            gives("_function POW(1.1, 2)", "1.21"),
            gives("_function POW(2, 0.5)", "POW: the exponent 0.5 is no whole number from 0 to 64"),
        ],
    )
    .also(&["POWER"])
    .differs(
        "结果精确；MySQL 用二进制浮点数。没有 SQRT、EXP 等没有精确结果的函数",
        "exact, where MySQL uses a binary float; SQRT, EXP and others without an exact result do not exist",
    ),
    entry(
        Group::Number,
        "SIGN",
        "SIGN(x)",
        "符号：-1、0 或 1",
        "the sign: -1, 0 or 1",
        &[gives("_function SIGN(-2.5)", "-1")],
    ),
    entry(
        Group::Number,
        "GREATEST",
        "GREATEST(a, b, …)",
        "最大的一个；任一为空则为空",
        "the largest; nothing when one is nothing",
        &[gives("_function GREATEST(1, 2.5, -3)", "2.5"), gives("_function GREATEST(1, NULL)", "null")],
    ),
    entry(
        Group::Number,
        "LEAST",
        "LEAST(a, b, …)",
        "最小的一个；任一为空则为空",
        "the smallest; nothing when one is nothing",
        &[gives("_function LEAST('b', 'a')", "a")],
    ),
    entry(
        Group::Number,
        "FORMAT",
        "FORMAT(x, decimals)",
        "带千分位的文本",
        "as text with thousands separators",
        &[gives("_function FORMAT(1234567.891, 2)", "1,234,567.89")],
    ),
];
