//! What the language reference says about the words of the mapping that are no expressions: the filter's operators and
//! the calculations of `groupCalculate`. The tests compare both tables with the compiler's and run every example.

/// An operator of `condition` (contract qeasy-metadata §8).
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// Its name, in `logic`.
    pub name: &'static str,
    /// What it demands, in Chinese.
    pub zh: &'static str,
    /// What it demands, in English.
    pub en: &'static str,
    /// An example of `value`; empty for operators that take none.
    pub value: &'static str,
    /// A field's JSON value that meets the example.
    pub holds: &'static str,
    /// One that does not.
    pub fails: &'static str,
    /// Whether no public source defines it: Weir's reading is an assumption.
    pub assumed: bool,
}

/// A calculation of `groupCalculate` (contract qeasy-metadata §6).
#[derive(Clone, Copy, Debug)]
pub struct Calculation {
    /// Its name.
    pub name: &'static str,
    /// What it gives, in Chinese.
    pub zh: &'static str,
    /// What it gives, in English.
    pub en: &'static str,
    /// Its result over 10, 2 and 10, as JSON.
    pub example: &'static str,
}

const fn operator(
    name: &'static str,
    [zh, en]: [&'static str; 2],
    [value, holds, fails]: [&'static str; 3],
) -> Operator {
    Operator { name, zh, en, value, holds, fails, assumed: false }
}

const fn assumed(operator: Operator) -> Operator {
    Operator { assumed: true, ..operator }
}

/// The operators.
pub const OPERATORS: [Operator; 15] = [
    operator(
        "eq",
        ["等于：两边都是数字时按数值，否则按文本", "equal: as numbers where both are, else as texts"],
        ["5", "\"5.0\"", "6"],
    ),
    operator("neq", ["不等于", "not equal"], ["5", "6", "5"]),
    operator(
        "gt",
        [
            "大于：数字；比较值写 timestamp:<秒> 时按时间",
            "greater: numbers; times where the value is timestamp:<unix seconds>",
        ],
        ["5", "5.1", "5"],
    ),
    operator(
        "egt",
        ["大于或等于", "greater or equal"],
        ["timestamp:1710403200", "\"2024-03-14 16:00:00\"", "\"2024-03-14\""],
    ),
    operator("lt", ["小于", "less"], ["5", "4.9", "5"]),
    operator("elt", ["小于或等于", "less or equal"], ["5", "5", "5.1"]),
    operator("like", ["包含该文本", "contains the text"], ["b", "\"abc\"", "\"ac\""]),
    operator("notlike", ["不包含该文本", "does not contain the text"], ["b", "\"ac\"", "\"abc\""]),
    operator(
        "between",
        ["在两数之间，含两端（language: between）", "between two numbers, both included (language: between)"],
        ["1,5", "5", "5.01"],
    ),
    operator(
        "notnull",
        ["有值；空文本不算（language: blank）", "has a value; empty text is none (language: blank)"],
        ["", "0", "\"\""],
    ),
    operator(
        "isnull",
        ["没有值；空文本算没有（language: blank）", "has no value; empty text is none (language: blank)"],
        ["", "null", "\"x\""],
    ),
    assumed(operator(
        "eqv2",
        [
            "去掉首尾空格后文本相同，数字 5 等于文本 \"5\"",
            "the texts are equal after trimming, so 5 equals \"5\"",
        ],
        ["5", "\" 5 \"", "\"5.0\""],
    )),
    assumed(operator(
        "neqv2",
        ["去掉首尾空格后文本不同", "the texts differ after trimming"],
        ["5", "\"5.0\"", "\" 5 \""],
    )),
    assumed(operator(
        "in",
        ["等于其中之一：逗号分隔，或 JSON 列表", "equal to one of them: with commas between, or a JSON list"],
        ["a,b", "\"b\"", "\"c\""],
    )),
    assumed(operator("notin", ["不等于其中任何一个", "equal to none of them"], ["a,b", "\"c\"", "\"a\""])),
];

/// The calculations.
pub const CALCULATIONS: [Calculation; 8] = [
    calculation("$sum", ["精确求和；空文本不计", "the exact sum; empty text is left out"], "22"),
    calculation(
        "$avg",
        ["平均值，小数位数同除法", "the average, with as many decimals as a division"],
        "7.3333",
    ),
    calculation(
        "$min",
        ["最小值；全部是数字时按数值，否则按文本", "the least: as numbers where all are, else as texts"],
        "2",
    ),
    calculation("$max", ["最大值，规则同 $min", "the greatest, as $min"], "10"),
    calculation("$first", ["第一行的值", "the first row's value"], "10"),
    calculation("$last", ["最后一行的值", "the last row's value"], "10"),
    calculation("$push", ["所有值的列表", "a list of all values"], "[10,2,10]"),
    calculation("$addToSet", ["不重复的值的列表", "a list of the values, each once"], "[10,2]"),
];

const fn calculation(name: &'static str, [zh, en]: [&'static str; 2], example: &'static str) -> Calculation {
    Calculation { name, zh, en, example }
}
