//! The forms that expressions are built of: one line for each operator and function of the language.

use self::Scale::{
    Branch, Cents, Count, Integer, Larger, Quotient, Remainder, Rounded, Same, Sum, WholeQuotient,
};

/// What kind of value stands in a place, so that an expression makes sense to both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A number of any size.
    Number,
    /// A small whole or half number, negative too: positions and lengths.
    Small,
    /// A small whole number: amounts of an interval, places of a rounding.
    Whole,
    /// Text.
    Text,
    /// A pattern of LIKE.
    Pattern,
    /// A truth value.
    Truth,
    /// `2024-01-31`.
    Day,
    /// `2024-01-31 23:59:59`.
    Moment,
    /// Seconds since 1970.
    Seconds,
}

impl Kind {
    /// Every kind and its letter in signatures.
    pub const ALL: [(char, Self); 9] = [
        ('N', Self::Number),
        ('S', Self::Small),
        ('W', Self::Whole),
        ('T', Self::Text),
        ('P', Self::Pattern),
        ('B', Self::Truth),
        ('D', Self::Day),
        ('M', Self::Moment),
        ('U', Self::Seconds),
    ];

    fn of(letter: char) -> Self {
        Self::ALL.iter().find(|(known, _)| *known == letter).unwrap().1
    }
}

/// How the scale of a number follows from those of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Not from the arguments: a small whole number, a text, a truth value.
    Count,
    /// The first argument's.
    Same,
    /// The larger one.
    Larger,
    /// The sum.
    Sum,
    /// A division.
    Quotient,
    /// `DIV`.
    WholeQuotient,
    /// The rest of a division.
    Remainder,
    /// A whole number of any size.
    Integer,
    /// As the second argument says.
    Rounded,
    /// Two places.
    Cents,
    /// One of the arguments of the result's kind.
    Branch,
}

/// An operator or function with the kinds of its arguments.
#[derive(Clone, Debug)]
pub struct Form {
    /// Its text, a `?` for each argument.
    pub pattern: &'static str,
    /// The arguments' kinds.
    pub arguments: Vec<Kind>,
    /// The result's kind.
    pub result: Kind,
    /// The result's scale, for numbers.
    pub scale: Scale,
}

/// Every form: the pattern, the scale of its result, and its signatures as letters of the arguments' kinds before the
/// one of the result.
pub const FORMS: &[(&str, Scale, &str)] = &[
    // Numbers.
    ("(? + ?)", Larger, "NNN"),
    ("(? - ?)", Larger, "NNN"),
    ("(? * ?)", Sum, "NNN"),
    ("(? / ?)", Quotient, "NNN"),
    ("(? DIV ?)", WholeQuotient, "NNN"),
    // MariaDB's rest of a negative number may be `-0.0`, which is not equal to 0: the sum is.
    ("(0 + ? % ?)", Remainder, "NNN"),
    ("(0 + ? MOD ?)", Remainder, "NNN"),
    ("(0 + MOD(?, ?))", Remainder, "NNN"),
    ("(-?)", Same, "NN"),
    ("ABS(?)", Same, "NN"),
    ("CEIL(?)", Integer, "NN"),
    ("CEILING(?)", Integer, "NN"),
    ("FLOOR(?)", Integer, "NN"),
    ("ROUND(?)", Integer, "NN"),
    ("ROUND(?, ?)", Rounded, "NWN"),
    ("TRUNCATE(?, ?)", Rounded, "NWN"),
    ("SIGN(?)", Count, "NN"),
    ("GREATEST(?, ?)", Branch, "NNN TTT"),
    ("LEAST(?, ?, ?)", Branch, "NNNN TTTT"),
    // A power is a binary float to MySQL, which must not reach what stands around it.
    ("CAST(POW(?, 3) AS SIGNED)", Count, "WN"),
    ("CAST(POWER(?, 2) AS SIGNED)", Count, "WN"),
    ("CAST(? AS SIGNED)", WholeQuotient, "NN"),
    ("CAST(? AS DECIMAL(20, 2))", Cents, "NN"),
    ("FIELD(?, ?, ?)", Count, "TTTN NNNN"),
    // Truth.
    ("(? = ?)", Count, "NNB TTB DDB MMB"),
    ("(? <> ?)", Count, "NNB TTB DDB MMB"),
    ("(? != ?)", Count, "NNB TTB"),
    ("(? < ?)", Count, "NNB TTB DDB MMB"),
    ("(? <= ?)", Count, "NNB TTB DDB MMB"),
    ("(? > ?)", Count, "NNB TTB DDB MMB"),
    ("(? >= ?)", Count, "NNB TTB DDB MMB"),
    ("(? <=> ?)", Count, "NNB TTB DDB MMB"),
    ("(? BETWEEN ? AND ?)", Count, "NNNB TTTB DDDB MMMB"),
    ("(? NOT BETWEEN ? AND ?)", Count, "NNNB TTTB MMMB"),
    ("(? IN (?, ?))", Count, "NNNB TTTB DDDB"),
    ("(? NOT IN (?, ?, ?))", Count, "NNNNB TTTTB"),
    ("(? LIKE ?)", Count, "TPB NPB"),
    ("(? NOT LIKE ?)", Count, "TPB"),
    ("(? AND ?)", Count, "BBB NBB"),
    ("(? OR ?)", Count, "BBB BNB"),
    ("(? XOR ?)", Count, "BBB"),
    ("(NOT ?)", Count, "BB NB"),
    ("(? IS NULL)", Count, "NB TB BB DB"),
    ("(? IS NOT NULL)", Count, "NB TB BB MB"),
    ("(? IS TRUE)", Count, "BB NB"),
    ("(? IS NOT TRUE)", Count, "BB"),
    ("(? IS FALSE)", Count, "BB"),
    ("(? IS NOT FALSE)", Count, "BB NB"),
    // Branches.
    ("IF(?, ?, ?)", Branch, "BNNN BTTT BBBB BDDD BMMM"),
    ("IFNULL(?, ?)", Branch, "NNN TTT BBB DDD"),
    ("COALESCE(?, ?, ?)", Branch, "NNNN TTTT BBBB MMMM"),
    ("NULLIF(?, ?)", Same, "NNN TTT"),
    ("CASE WHEN ? THEN ? END", Branch, "BNN BTT BBB"),
    ("CASE WHEN ? THEN ? WHEN ? THEN ? ELSE ? END", Branch, "BNBNNN BTBTTT"),
    ("CASE ? WHEN ? THEN ? ELSE ? END", Branch, "TTNNN TTTTT DDNNN MMTTT"),
    ("CASE ? WHEN ? THEN ? WHEN ? THEN ? END", Branch, "NNTNTT TTTTTT"),
    // Text.
    ("CONCAT(?, ?)", Count, "TTT TNT NTT TDT MTT BTT"),
    ("CONCAT_WS(?, ?, ?)", Count, "TTTT TNTT TTMT"),
    ("LEFT(?, ?)", Count, "TST MST"),
    ("RIGHT(?, ?)", Count, "TST"),
    // A number alone is text of another character set to MariaDB, whose paddings then count bytes.
    ("RIGHT(CONCAT('', ?), ?)", Count, "NST"),
    ("SUBSTRING(?, ?)", Count, "TST"),
    ("SUBSTRING(?, ?, ?)", Count, "TSST MSST"),
    ("SUBSTRING(? FROM ? FOR ?)", Count, "TSST"),
    ("SUBSTR(?, ?)", Count, "TST"),
    ("MID(?, ?, ?)", Count, "TSST"),
    // With nothing to replace it by, MariaDB keeps a text that lacks the wanted one; MySQL and Weir give NULL.
    ("REPLACE(?, ?, IFNULL(?, 'x'))", Count, "TTTT"),
    ("UPPER(?)", Count, "TT"),
    ("UCASE(?)", Count, "TT"),
    ("LOWER(?)", Count, "TT"),
    ("LCASE(?)", Count, "TT"),
    ("REVERSE(?)", Count, "TT"),
    ("REPEAT(?, ?)", Count, "TWT"),
    ("SPACE(?)", Count, "WT"),
    ("HEX(?)", Count, "TT"),
    ("MD5(?)", Count, "TT"),
    // MariaDB writes `-0.00` for what is rounded to nothing.
    ("FORMAT(ABS(?), ?)", Count, "NWT"),
    ("ELT(?, ?, ?)", Count, "WTTT"),
    ("SUBSTRING_INDEX(?, ?, ?)", Count, "TTWT"),
    ("CAST(? AS CHAR)", Count, "NT TT MT"),
    ("CAST(? AS CHAR(3))", Count, "TT"),
    ("CONVERT(?, CHAR)", Count, "NT DT"),
    ("TRIM(?)", Count, "TT"),
    ("TRIM(LEADING 'a' FROM ?)", Count, "TT"),
    ("TRIM(BOTH ? FROM ?)", Count, "TTT"),
    ("TRIM(TRAILING ? FROM ?)", Count, "TTT"),
    ("LTRIM(?)", Count, "TT"),
    ("RTRIM(?)", Count, "TT"),
    ("LPAD(?, ?, ?)", Count, "TSTT"),
    ("LPAD(CONCAT(?, ''), ?, ?)", Count, "NSTT"),
    ("RPAD(?, ?, ?)", Count, "TSTT"),
    ("LOCATE(?, ?)", Count, "TTN"),
    // For empty text MariaDB counts bytes.
    ("LOCATE(CONCAT('a', ?), ?, ?)", Count, "TTSN"),
    ("POSITION(? IN ?)", Count, "TTN"),
    ("LENGTH(?)", Count, "TN NN"),
    ("OCTET_LENGTH(?)", Count, "TN"),
    ("CHAR_LENGTH(?)", Count, "TN"),
    ("CHARACTER_LENGTH(?)", Count, "TN"),
    ("INSTR(?, ?)", Count, "TTN"),
    ("FIND_IN_SET(?, ?)", Count, "TTN"),
    ("STRCMP(?, ?)", Count, "TTN"),
    ("ISNULL(?)", Count, "TB NB"),
    // Time.
    ("NOW()", Count, "M"),
    ("CURRENT_TIMESTAMP()", Count, "M"),
    ("LOCALTIME()", Count, "M"),
    ("LOCALTIMESTAMP()", Count, "M"),
    ("CURDATE()", Count, "D"),
    ("CURRENT_DATE()", Count, "D"),
    ("CONCAT(CURTIME())", Count, "T"),
    ("CONCAT(CURRENT_TIME())", Count, "T"),
    ("CONCAT(TIME(?))", Count, "MT"),
    ("DATE(?)", Count, "DD MD"),
    ("CAST(? AS DATE)", Count, "DD MD"),
    ("CAST(? AS DATETIME)", Count, "DM MM"),
    ("STR_TO_DATE(?, '%Y-%m-%d')", Count, "DD"),
    ("STR_TO_DATE(?, '%Y-%m-%d %H:%i:%s')", Count, "MM"),
    ("LAST_DAY(?)", Count, "DD MD"),
    ("DATE_ADD(?, INTERVAL ? YEAR)", Count, "DWD MWM"),
    ("DATE_ADD(?, INTERVAL ? QUARTER)", Count, "DWD"),
    ("DATE_ADD(?, INTERVAL ? MONTH)", Count, "DWD MWM"),
    ("DATE_ADD(?, INTERVAL ? WEEK)", Count, "DWD"),
    ("DATE_ADD(?, INTERVAL ? HOUR)", Count, "DWM MWM"),
    ("DATE_SUB(?, INTERVAL ? DAY)", Count, "DWD MWM"),
    ("DATE_SUB(?, INTERVAL ? MINUTE)", Count, "DWM MWM"),
    ("ADDDATE(?, ?)", Count, "DWD MWM"),
    ("SUBDATE(?, INTERVAL ? MONTH)", Count, "DWD MWM"),
    ("TIMESTAMPADD(MINUTE, ?, ?)", Count, "WMM"),
    ("TIMESTAMPADD(DAY, ?, ?)", Count, "WMM"),
    ("(? + INTERVAL ? DAY)", Count, "DWD MWM"),
    ("(? - INTERVAL ? MONTH)", Count, "DWD MWM"),
    ("(? + INTERVAL ? SECOND)", Count, "DWM MWM"),
    ("TIMESTAMPDIFF(SECOND, ?, ?)", Count, "MMN"),
    ("TIMESTAMPDIFF(DAY, ?, ?)", Count, "DMN MMN"),
    ("TIMESTAMPDIFF(MONTH, ?, ?)", Count, "DDN MMN"),
    ("TIMESTAMPDIFF(YEAR, ?, ?)", Count, "MMN"),
    ("DATEDIFF(?, ?)", Count, "DDN MDN MMN"),
    ("DATE_FORMAT(?, '%Y-%m-%d %H:%i:%s')", Count, "DM MM"),
    ("DATE_FORMAT(?, '%y%c%e %k %l %I %p 年%%%q')", Count, "MT"),
    ("DATE_FORMAT(?, '%T %r %b %M %a %W %j %w %f %h %S')", Count, "MT"),
    ("DATE_FORMAT(?, '%D')", Count, "DT"),
    ("FROM_UNIXTIME(?)", Count, "UM"),
    ("FROM_UNIXTIME(?, '%Y/%m/%d')", Count, "UT"),
    // The server knows the seconds of 1970 to 2038.
    ("UNIX_TIMESTAMP(DATE_FORMAT(?, '2024-%m-%d %H:%i:%s'))", Count, "DN MN"),
    ("UNIX_TIMESTAMP()", Count, "N"),
    ("YEAR(?)", Count, "MN"),
    ("QUARTER(?)", Count, "DN"),
    ("MONTH(?)", Count, "DN"),
    ("DAY(?)", Count, "DN MN"),
    ("DAYOFMONTH(?)", Count, "DN"),
    ("DAYOFWEEK(?)", Count, "DN MN"),
    ("DAYOFYEAR(?)", Count, "MN"),
    ("WEEKDAY(?)", Count, "DN"),
    ("WEEKOFYEAR(?)", Count, "DN MN"),
    ("HOUR(?)", Count, "MN"),
    ("MINUTE(?)", Count, "MN"),
    ("SECOND(?)", Count, "MN"),
    ("MICROSECOND(?)", Count, "MN"),
    ("EXTRACT(YEAR FROM ?)", Count, "DN"),
    ("EXTRACT(MONTH FROM ?)", Count, "MN"),
    ("EXTRACT(HOUR FROM ?)", Count, "MN"),
];

/// The forms, a signature each.
pub fn forms() -> Vec<Form> {
    let of = |(pattern, scale, signatures): &(&'static str, Scale, &str)| {
        let (pattern, scale) = (*pattern, *scale);
        let form = |signature: &str| {
            let mut arguments: Vec<Kind> = signature.chars().map(Kind::of).collect();
            let result = arguments.pop().unwrap();
            assert_eq!(pattern.matches('?').count(), arguments.len(), "{pattern} {signature}");
            Form { pattern, arguments, result, scale }
        };
        signatures.split(' ').map(form).collect::<Vec<_>>()
    };
    FORMS.iter().flat_map(of).collect()
}

/// Compared elsewhere: aggregates read a list of the record; the server's `SYSDATE` is the time of its clock.
const WITHOUT_FORM: [&str; 6] = ["AVG", "COUNT", "MAX", "MIN", "SUM", "SYSDATE"];

/// A function without a form would go uncompared.
#[test]
fn every_function_has_a_form() {
    let has_form = |name: &&str| {
        let call = format!("{name}(");
        FORMS.iter().any(|(pattern, ..)| {
            pattern.starts_with(&call)
                || pattern.contains(&format!("({call}"))
                || pattern.contains(&format!(" {call}"))
        })
    };
    let names = weir_expr::function::names();
    let without: Vec<&str> =
        names.into_iter().filter(|name| !WITHOUT_FORM.contains(name) && !has_form(name)).collect();
    assert!(without.is_empty(), "functions without a form to compare them by: {without:?}");
}
