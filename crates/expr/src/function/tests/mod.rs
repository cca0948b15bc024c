//! Expressions against records: MySQL's rules as a table, what is refused, and in the modules below the contract's
//! examples, aggregates, settings and hostile values.

mod aggregates;
mod contract;
mod hostile;
mod settings;

use jiff::tz::TimeZone;
use serde_json::json;
use weir_model::lookup::MemoryRows;

use crate::{Context, Dialect, Expression, Scope, World};

/// One shop, one customer.
fn collections() -> MemoryRows {
    let mut rows = MemoryRows::new();
    let shop = json!({"shop_no": "S01", "email": "a@example.com"});
    rows.insert("f9720649-c4cb-3d51-8bb0-e633ee48e23c", vec![shop]);
    rows.insert("customers", vec![json!({"company_id": 10086001, "serial_id": "C0017"})]);
    rows
}

fn evaluate(expression: &str, record: &str) -> String {
    evaluate_as(Dialect::default(), expression, record)
}

/// Evaluates an expression of a flow with settings of its own.
fn evaluate_as(dialect: Dialect, expression: &str, record: &str) -> String {
    let mut scope = Scope::new(dialect);
    let expression = match Expression::compile(expression, &mut scope) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {error}"),
    };
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let now = "2024-03-14T08:00:00.9Z".parse().unwrap();
    let rows = collections();
    let world = World { now, zone: &zone, lookups: &rows, probe: None };
    let mut context = Context::new(&world, Vec::new());
    for shape in scope.finish() {
        let mut cells = Vec::new();
        shape.read(record, &mut cells).unwrap();
        context.frames.push(cells);
    }
    match expression.evaluate(&context) {
        Ok(value) if value.is_null() => "null".into(),
        Ok(value) => value.into_text().into_owned(),
        Err(error) => format!("failed: {error}"),
    }
}

#[track_caller]
fn check(expression: &str, record: &str, expect: &str) {
    assert_eq!(evaluate(expression, record), expect, "{expression} on {record}");
}

#[test]
fn templates() {
    check("{{platform_id}}-{{shop_no}}", r#"{"platform_id":3,"shop_no":"S"}"#, "3-S");
    check("{{o.p.q}}", r#"{"o":{"p":{"q":0.10}}}"#, "0.10");
    check("{none}", "{}", "null");
    check("x{none}y", "{}", "xy");
    check("{{t|dateTime}}", r#"{"t":1710403200}"#, "2024-03-14 16:00:00");
    check("{{t|date}}", r#"{"t":"1710403200123"}"#, "2024-03-14");
    check("{{t|timestamp_ms}}", r#"{"t":"2024-03-14 16:00:00"}"#, "1710403200000");
    check("{{t|timestamp}}", r#"{"t":""}"#, "");
    check(r#"{"a":1}"#, "{}", r#"{"a":1}"#);
    check("100", "{}", "100");
    check("{a}", r#"{"a":"{b} {{c}} ${d}"}"#, "{b} {{c}} ${d}");
}

/// Expressions and what MySQL makes of them.
const MYSQL: &[(&str, &str)] = &[
    ("1+2*3 % 4", "3"),
    ("(1+2)*3", "9"),
    ("7 DIV 2", "3"),
    ("-7 % 3", "-1"),
    ("0.13*100", "13"),
    ("{x}+{x}", "3"),
    ("{big}*2", "246913578024691357802469135781"),
    ("{big}/3", "41152263004115226300411522630.16667"),
    ("{n}+1", "null"),
    ("IFNULL({n}, 5)", "5"),
    ("COALESCE({n}, NULL, '')", ""),
    ("{n} IS NULL", "1"),
    ("NOT {zero}", "1"),
    ("{n} AND 0", "0"),
    ("{n} OR 1", "1"),
    ("{n} = NULL", "null"),
    ("{n} <=> NULL", "1"),
    ("1 XOR 1", "0"),
    ("'a' = 'A'", "0"),
    ("'a' = 'a '", "1"),
    ("'10' > '9'", "0"),
    ("'10' > 9", "1"),
    ("{x} = 1.5", "1"),
    ("'x' = 0", "0"),
    ("2 IN (1, 2)", "1"),
    ("3 NOT IN (1, NULL)", "null"),
    ("5 BETWEEN 1 AND 5", "1"),
    ("'华东分销' LIKE '华%'", "1"),
    ("CASE {x} WHEN 1 THEN 'a' WHEN 1.5 THEN 'b' END", "b"),
    ("CASE WHEN {zero} THEN 'a' WHEN {zero} = 0 THEN 'b' ELSE 'c' END", "b"),
    ("CASE WHEN {n} THEN 'a' END", "null"),
    ("IF({zero}, 1, 2)", "2"),
    ("NULLIF('', '')", "null"),
    ("CONCAT('{s}', '-', {x})", "a'b-1.50"),
    ("CONCAT('a', NULL)", "null"),
    ("CONCAT_WS('-', 'a', NULL, 'b')", "a-b"),
    ("LEFT('华东分销商', 2)", "华东"),
    ("RIGHT('华东分销商', 2)", "销商"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("SUBSTRING('abcdef', -2)", "ef"),
    ("SUBSTRING('abcdef' FROM 2 FOR 2)", "bc"),
    ("SUBSTR('abc', 0)", ""),
    ("LOCATE('c', 'abc')", "3"),
    ("LENGTH('华')", "3"),
    ("CHAR_LENGTH('华')", "1"),
    ("REPLACE('a-b-c', '-', '')", "abc"),
    ("LPAD('7', 3, '0')", "007"),
    ("TRIM('  a ')", "a"),
    ("ROUND(2.345, 2)", "2.35"),
    ("ROUND(-2.5)", "-3"),
    ("TRUNCATE(2.349, 2)", "2.34"),
    ("ABS(-1.50)", "1.5"),
    ("CEIL(1.01)", "2"),
    ("floor(-1.01)", "-2"),
    ("MOD(7, 4)", "3"),
    ("NOW()", "2024-03-14 16:00:00"),
    ("CURDATE()", "2024-03-14"),
    ("DATE_FORMAT(NOW(), '%Y%m%d')", "20240314"),
    ("UNIX_TIMESTAMP('2024-03-14 16:00:00')", "1710403200"),
    ("FROM_UNIXTIME(1710403200)", "2024-03-14 16:00:00"),
    ("DATE_ADD('{d}', INTERVAL 1 MONTH)", "2024-02-29"),
    ("DATE_SUB(NOW(), INTERVAL 1 DAY)", "2024-03-13 16:00:00"),
    ("NOW() - INTERVAL 2 HOUR", "2024-03-14 14:00:00"),
    ("LAST_DAY('2024-02-03')", "2024-02-29"),
    ("DAY('{d}') + YEAR('{d}')", "2055"),
    ("'{d}' < NOW()", "1"),
    ("7 MOD 3 + 1", "2"),
    ("!{zero} = 1", "1"),
    ("NOT {zero} = 1", "1"),
    ("1 && 0", "0"),
    ("'10%' LIKE '10|%' ESCAPE '|'", "1"),
    ("'a' NOT LIKE 'b%'", "1"),
    ("'SO-001' REGEXP '^SO-[0-9]+$'", "1"),
    ("'x' NOT REGEXP 'y'", "1"),
    ("7 NOT BETWEEN 1 AND {x}", "1"),
    ("{n} BETWEEN 1 AND 2", "null"),
    ("3 BETWEEN NULL AND 2", "0"),
    ("ISNULL({n})", "1"),
    ("SIGN(-2.5)", "-1"),
    ("POW(1.1, 2)", "1.21"),
    ("POWER(2, 0)", "1"),
    ("GREATEST(1, {x}, -3)", "1.5"),
    ("LEAST('b', 'a')", "a"),
    ("GREATEST(1, NULL)", "null"),
    ("FORMAT(1234567.891, 2)", "1,234,567.89"),
    ("FORMAT(-999.5, 0)", "-1,000"),
    ("FORMAT(12, 2)", "12.00"),
    ("TRIM(LEADING '0' FROM '0010')", "10"),
    ("TRIM(BOTH 'xy' FROM 'xyaxy')", "a"),
    ("TRIM(TRAILING 'x' FROM 'axx')", "a"),
    ("TRIM('x' FROM 'xax')", "a"),
    ("SUBSTRING_INDEX('a.b.c', '.', 2)", "a.b"),
    ("SUBSTRING_INDEX('a.b.c', '.', -1)", "c"),
    ("SUBSTRING_INDEX('a.b.c', '.', 9)", "a.b.c"),
    ("INSTR('foobar', 'bar')", "4"),
    ("POSITION('b' IN 'abc')", "2"),
    ("REPEAT('ab', 2)", "abab"),
    ("CONCAT('[', SPACE(2), ']')", "[  ]"),
    ("REVERSE('华东')", "东华"),
    ("STRCMP('a', 'b')", "-1"),
    ("ELT(2, 'a', 'b')", "b"),
    ("ELT(3, 'a', 'b')", "null"),
    ("FIELD('b', 'a', 'b')", "2"),
    ("FIELD('z', 'a', NULL)", "0"),
    ("FIND_IN_SET('b', 'a,b')", "2"),
    ("FIND_IN_SET('', '')", "0"),
    ("HEX('华')", "E58D8E"),
    ("HEX(255)", "FF"),
    ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ("CAST('12.7' AS SIGNED)", "12"),
    ("CAST(12.5 AS SIGNED)", "13"),
    ("CAST({x} AS DECIMAL(10,1))", "1.5"),
    ("CAST('{d}' AS DATETIME)", "2024-01-31 00:00:00"),
    ("CAST(NOW() AS DATE)", "2024-03-14"),
    ("CONVERT(12.30, CHAR)", "12.30"),
    ("CAST('华东分销' AS CHAR(2))", "华东"),
    ("CAST(NULL AS SIGNED)", "null"),
    ("EXTRACT(MONTH FROM '{d}')", "1"),
    ("QUARTER('2024-10-01')", "4"),
    ("WEEKDAY('2024-03-14')", "3"),
    ("DAYOFWEEK('2024-03-17')", "1"),
    ("DAYOFYEAR('2024-03-01')", "61"),
    ("WEEKOFYEAR('2024-01-01')", "1"),
    ("MINUTE('2024-03-14 16:05:06') + SECOND('2024-03-14 16:05:06')", "11"),
    ("MICROSECOND('2024-03-14 16:05:06.0001')", "100"),
    ("TIME('2024-03-14 16:05:06')", "16:05:06"),
    ("CURTIME()", "16:00:00"),
    ("DATEDIFF('2024-03-01', '2024-02-28 23:59:59')", "2"),
    ("TIMESTAMPDIFF(MONTH, '{d}', '2024-02-29')", "0"),
    ("TIMESTAMPDIFF(DAY, '2024-03-02 12:00:00', '2024-03-01')", "-1"),
    ("TIMESTAMPADD(QUARTER, 1, '{d}')", "2024-04-30"),
    ("ADDDATE('{d}', 1)", "2024-02-01"),
    ("SUBDATE('{d}', INTERVAL 1 WEEK)", "2024-01-24"),
    ("DATE_ADD('{d}', INTERVAL 1.5 SECOND)", "2024-01-31 00:00:01.5"),
    ("STR_TO_DATE('20240518', '%Y%m%d')", "2024-05-18"),
    ("DATE_FORMAT(STR_TO_DATE('18/05/2024', '%d/%m/%Y'), '%Y-%m')", "2024-05"),
    ("'it''s \\'q\\' {x}'", "it's 'q' 1.50"),
    ("\"{s}\"", "a'b"),
];

#[test]
fn mysql_rules() {
    let record =
        r#"{"n":null,"zero":0,"x":"1.50","s":"a'b","d":"2024-01-31","big":123456789012345678901234567890.5}"#;
    for (expression, expect) in MYSQL {
        check(&format!("_function {expression}"), record, expect);
    }
}

#[test]
fn failures_name_the_expression_and_its_inputs() {
    check(
        "_function {a}/{b}",
        r#"{"a":5,"b":0}"#,
        "failed: division by zero in \"_function {a}/{b}\" with a = 5, b = 0",
    );
    check(
        "_function {a}+1",
        r#"{"a":"暂无"}"#,
        "failed: \"暂无\" is not a number in \"_function {a}+1\" with a = \"暂无\"",
    );
    check(
        "_function {a}+1",
        r#"{"a":""}"#,
        "failed: \"\" is not a number in \"_function {a}+1\" with a = \"\"",
    );
    assert!(evaluate("_function {a}+1", r#"{"a":[1]}"#).starts_with("failed: an object or a list"));
    assert!(evaluate("{{t|date}}", r#"{"t":"soon"}"#).starts_with("failed: \"soon\" is not a date"));
    assert!(evaluate("_function 'x' > 0", "{}").starts_with("failed: \"x\" is not a number"));
}

#[test]
fn bad_expressions_are_refused_at_load() {
    let deep = format!("_function {}1{}", "(".repeat(500), ")".repeat(500));
    let long = format!("_function 1{}", "+1".repeat(5_000));
    for (expression, expect) in [
        ("_function CONCATT('a')", "unknown function \"CONCATT\" (did you mean \"CONCAT\"?)"),
        ("_function LEFT('a')", "wrong number of arguments for LEFT"),
        ("_function amount/100", "bare name \"amount\" (write {amount} for a number, '{amount}' for text)"),
        ("_function 1 +", "syntax error"),
        ("_function 1 2", "syntax error"),
        ("_function (SELECT 1)", "the expression language has no"),
        ("_function {a", "the macro is not closed"),
        ("_function DATE_ADD('2024-01-01', 1)", "wrong number of arguments for DATE_ADD"),
        ("_function 'a' || 'b'", "write OR for logic, CONCAT(…) for text"),
        ("_function 'a' REGEXP '('", "the regular expression \"(\" is wrong"),
        ("_function 'a' REGEXP '{x}'", "the pattern of REGEXP is a fixed text"),
        ("_function 'a' LIKE 'b' ESCAPE 'cd'", "ESCAPE takes one character"),
        ("_function CAST('a' AS BLOB)", "known: CHAR, CHAR(n), SIGNED"),
        ("_function TIMESTAMPDIFF(FORTNIGHT, NOW(), NOW())", "unknown unit of time \"FORTNIGHT\""),
        ("_function EXTRACT(WEEK FROM NOW())", "write WEEKOFYEAR(time)"),
        ("_function INTERVAL 1 DAY + NOW()", "INTERVAL"),
        ("_function LOWER(DISTINCT 'a')", "the expression language has no \"DISTINCT\""),
        ("_function SUM({a})", "the aggregate names no list: SUM({a}) (write SUM({{list.field}}))"),
        ("_function SUM({{a.x}}*{{b.y}})", "an aggregate takes the fields of one list"),
        ("_function SUM(MAX({{a.x}}))", "aggregates cannot be nested: MAX("),
        ("_function COUNT(*)", "write COUNT({{list.field}})"),
        ("_function SUM({{a.x}}, 1)", "wrong number of arguments for SUM"),
        ("_function SLEEP(1)", "unknown function \"SLEEP\" (weir describe language lists the functions)"),
        ("_function '_findCollection find a from b' + _findCollection find x", "not closed"),
        ("_findCollection find a from b where state in (1,2)", "by equality and AND only, not by IN"),
        ("_findCollection find a from b where x={x} or y={y}", "by equality and AND only, not by OR"),
        ("_findCollection find a from b where x>={x}", "by equality and AND only, not by >"),
        ("_findCollection find a from b", "_findCollection is malformed"),
        ("_funtion 1", "\"_funtion\" does not start an expression"),
        (" _function 1", "begin with \"_function \""),
        ("{{x|datetim}}", "unknown filter \"datetim\" (did you mean \"datetime\"?)"),
        ("{{CURENT_TIME}}", "did you mean \"CURRENT_TIME\"?"),
        ("{{PAGINATION_PAGE_SIZE}}", "belongs to a source's request"),
        ("{{a b}}", "\"a b\" is no field name"),
        ("{{a}", "the macro is not closed"),
        (&deep, ""),
        (&long, "nested too deeply"),
    ] {
        let said = evaluate(expression, "{}");
        assert!(said.starts_with("refused: ") && said.contains(expect), "{expression}: {said}");
    }
}
