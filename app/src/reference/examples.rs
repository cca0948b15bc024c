//! Examples of the language's settings and of checks; the tests run each.

/// A setting of `language:` at work.
#[derive(Clone, Copy, Debug)]
pub struct SettingExample {
    /// The setting.
    pub key: &'static str,
    /// What the source's metadata says beside `api` and `id`; empty for nothing.
    pub metadata: &'static str,
    /// The item of the target's request that makes the field `x`.
    pub item: &'static str,
    /// The record.
    pub record: &'static str,
    /// What `x` becomes under each value: JSON, or one of [`FILTERED`], [`REFUSED`] and [`NOTHING`].
    pub results: &'static [(&'static str, &'static str)],
}

/// The record is left out.
pub const FILTERED: &str = "filtered";
/// The record is refused.
pub const REFUSED: &str = "refused";
/// The document has no such field.
pub const NOTHING: &str = "nothing";

/// A check at work.
#[derive(Clone, Copy, Debug)]
pub struct CheckExample {
    /// Its rule.
    pub rule: &'static str,
    /// The check, as a flow has it.
    pub check: &'static str,
    /// A record that fulfils it.
    pub holds: &'static str,
    /// One that does not.
    pub fails: &'static str,
}

const PLAIN: &str = r#"{field: x, value: "{a}"}"#;

/// One of each setting.
pub const SETTINGS: [SettingExample; 13] = [
    SettingExample {
        key: "collation",
        metadata: "",
        item: r#"{field: x, value: "_function IF('{a}' = 'ABC', 'same', 'other')"}"#,
        record: r#"{"id":1,"a":"abc"}"#,
        results: &[("utf8mb4_bin", r#""other""#), ("general_ci", r#""same""#)],
    },
    SettingExample {
        key: "div_scale",
        metadata: "",
        item: r#"{field: x, value: "_function {a} / 3"}"#,
        record: r#"{"id":1,"a":100}"#,
        results: &[("mysql", r#""33.3333""#), ("2", r#""33.33""#)],
    },
    SettingExample {
        key: "on_failure",
        metadata: "",
        item: r#"{field: x, value: "_function {a} / 0"}"#,
        record: r#"{"id":1,"a":5}"#,
        results: &[("reject", REFUSED), ("text", r#""5 / 0""#)],
    },
    SettingExample {
        key: "condition_bk",
        metadata: "condition_bk: [[{field: a, logic: eq, value: 1}]]",
        item: PLAIN,
        record: r#"{"id":1,"a":2}"#,
        results: &[("ignore", r#""2""#), ("apply", FILTERED)],
    },
    SettingExample {
        key: "days_ago",
        metadata: "",
        item: r#"{field: x, value: "{{DAYS_AGO_1|datetime}}"}"#,
        record: r#"{"id":1}"#,
        results: &[("moment", r#""2024-03-13 16:00:00""#), ("midnight", r#""2024-03-13 00:00:00""#)],
    },
    SettingExample {
        key: "several_matches",
        metadata: "",
        item: r#"{field: x, value: "_findCollection find email from shops where shop_no={a}"}"#,
        record: r#"{"id":1,"a":"S01"}"#,
        results: &[("first", r#""a@example.com""#), ("reject", REFUSED)],
    },
    SettingExample {
        key: "no_rows_left",
        metadata: "condition: [[{field: rows.b, logic: eq, value: 1}]]",
        item: PLAIN,
        record: r#"{"id":1,"a":"kept","rows":[{"b":2}]}"#,
        results: &[("drop", FILTERED), ("keep", r#""kept""#)],
    },
    SettingExample {
        key: "blank_under_object",
        metadata: "",
        item: r#"{field: x, value: "{a}", parser: {name: ConvertObjectParser, params: FNumber}}"#,
        record: r#"{"id":1,"a":""}"#,
        results: &[("drop", NOTHING), ("keep", r#"{"FNumber":""}"#)],
    },
    SettingExample {
        key: "row_keys",
        metadata: "",
        item: r#"{field: x, type: array, value: rows, children: [{field: n, value: "{{rows.rows_n}}"}]}"#,
        record: r#"{"id":1,"rows":[{"n":7}]}"#,
        results: &[("optional_prefix", r#"[{"n":"7"}]"#), ("exact", "[{}]")],
    },
    SettingExample {
        key: "required_missing",
        metadata: "",
        item: r#"{field: x, value: "{a}", is_required: true}"#,
        record: r#"{"id":1}"#,
        results: &[("reject", REFUSED), ("leave_out", NOTHING)],
    },
    SettingExample {
        key: "between",
        metadata: r#"condition: [[{field: a, logic: between, value: "1,5"}]]"#,
        item: PLAIN,
        record: r#"{"id":1,"a":5}"#,
        results: &[("closed", r#""5""#), ("open", FILTERED)],
    },
    SettingExample {
        key: "blank",
        metadata: "condition: [[{field: a, logic: isnull}]]",
        item: PLAIN,
        record: r#"{"id":1,"a":""}"#,
        results: &[("null", r#""""#), ("value", FILTERED)],
    },
    SettingExample {
        key: "empty_list",
        metadata: "beatFlat: [rows]",
        item: PLAIN,
        record: r#"{"id":1,"a":"kept","rows":[]}"#,
        results: &[("keep", r#""kept""#), ("drop", FILTERED)],
    },
];

/// One of each rule.
pub const CHECKS: [CheckExample; 6] = [
    CheckExample {
        rule: "expression",
        check: r#"{name: paid, expression: "{paid} <= {amount}"}"#,
        holds: r#"{"id":1,"paid":"9.50","amount":10}"#,
        fails: r#"{"id":1,"paid":"10.50","amount":10}"#,
    },
    CheckExample {
        rule: "required",
        check: "{name: buyer, required: [buyer_name, phone]}",
        holds: r#"{"id":1,"buyer_name":"张三","phone":"1"}"#,
        fails: r#"{"id":1,"buyer_name":"张三","phone":""}"#,
    },
    CheckExample {
        rule: "type",
        check: "{name: quantity, type: {field: num, is: int}}",
        holds: r#"{"id":1,"num":"12"}"#,
        fails: r#"{"id":1,"num":"1.5"}"#,
    },
    CheckExample {
        rule: "range",
        check: r#"{name: rate, range: {field: rate, min: 0, max: "99.99"}}"#,
        holds: r#"{"id":1,"rate":"99.99"}"#,
        fails: r#"{"id":1,"rate":100}"#,
    },
    CheckExample {
        rule: "one_of",
        check: "{name: state, one_of: {field: status, values: [5, 6]}}",
        holds: r#"{"id":1,"status":"5"}"#,
        fails: r#"{"id":1,"status":7}"#,
    },
    CheckExample {
        rule: "unique",
        check: "{name: lines, rows: details, unique: [rec_id]}",
        holds: r#"{"id":1,"details":[{"rec_id":1},{"rec_id":2}]}"#,
        fails: r#"{"id":1,"details":[{"rec_id":1},{"rec_id":1}]}"#,
    },
];
