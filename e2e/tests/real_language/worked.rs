//! The expressions that the contract and the seeds print: the server gives what the page states, and so does Weir.

use serde_json::json;
use weir_model::lookup::MemoryRows;

use super::{
    server::Server,
    weir::{Answer, evaluate_with},
};

/// One shop and its e-mail address; another scheme's rows in the seed.
const SHOPS: &str = "f9720649-c4cb-3d51-8bb0-e633ee48e23c";
const REFUND: &str = "_function CASE '_findCollection find email from f9720649-c4cb-3d51-8bb0-e633ee48e23c \
                      where shop_no={shop_no} _endFind' WHEN '' THEN 'TK2402291737' ELSE '{refund_no}' END";
const MOVEMENT: &str = "_function CASE '{ioi_sn_id}' WHEN '' THEN CONCAT_WS('/', '{sku_sn}', '{io_id}', \
                        '{inout_type}', '{create_time}') ELSE '{ioi_sn_id}' END";

/// An expression, the record, the same as SQL with the lookup's answer in its place, and what it gives.
const WORKED: &[(&str, &str, &str, &str)] = &[
    ("_function {exchange_rate}/100", r#"{"exchange_rate":682.5}"#, "682.5/100", "6.825"),
    ("_function {{p.amount}}/{{p.count}}", r#"{"p":{"amount":50,"count":4}}"#, "50/4", "12.5"),
    ("_function {{p.amount}}/{{p.count}}", r#"{"p":{"amount":100,"count":3}}"#, "100/3", "33.3333"),
    (
        REFUND,
        r#"{"shop_no":"S01","refund_no":"TK1"}"#,
        "CASE 'a@example.com' WHEN '' THEN 'TK2402291737' ELSE 'TK1' END",
        "TK1",
    ),
    (
        REFUND,
        r#"{"shop_no":"S02","refund_no":"TK1"}"#,
        "CASE '' WHEN '' THEN 'TK2402291737' ELSE 'TK1' END",
        "TK2402291737",
    ),
    (
        MOVEMENT,
        r#"{"ioi_sn_id":"","sku_sn":"SN1","io_id":7,"inout_type":"销售出库","create_time":"2024-03-14 16:00:00"}"#,
        "CASE '' WHEN '' THEN CONCAT_WS('/', 'SN1', '7', '销售出库', '2024-03-14 16:00:00') ELSE '' END",
        "SN1/7/销售出库/2024-03-14 16:00:00",
    ),
    ("_function 0.13 * 100", "{}", "0.13 * 100", "13"),
    (
        "_function FROM_UNIXTIME({LAST_SYNC_TIME}-600, '%Y-%m-%d %H:%i:%s')",
        "{}",
        "FROM_UNIXTIME(1710403200-600, '%Y-%m-%d %H:%i:%s')",
        "2024-03-14 15:50:00",
    ),
    (
        "_function 'a%c' LIKE 'a\\%c' AND 'abc' NOT LIKE 'a\\%c'",
        "{}",
        "'a%c' LIKE 'a\\%c' AND 'abc' NOT LIKE 'a\\%c'",
        "1",
    ),
    // Net price and tax of a price with 13 % of tax: a quotient keeps more digits than it shows.
    ("_function {price}/1.13*0.13", r#"{"price":"100.00"}"#, "100.00/1.13*0.13", "11.50442478"),
    ("_function {total}/3*3", r#"{"total":100}"#, "100/3*3", "100"),
];

#[test]
fn what_the_pages_print_is_what_both_sides_give() {
    let mut rows = MemoryRows::new();
    rows.insert(SHOPS, vec![json!({"shop_no": "S01", "email": "a@example.com"})]);
    let mut server = Server::connect();
    for (expression, record, sql, expect) in WORKED {
        let own = evaluate_with(expression, record, &rows);
        let answer = server.evaluate(&[sql]).remove(0);
        let said = match &own {
            Answer::Number(text) | Answer::Text(text) => text,
            other => panic!("{expression} on {record}: {other:?}"),
        };
        assert_eq!(said, expect, "{expression} on {record}");
        assert!(own.is(&answer), "{sql}: Weir {own:?}, MariaDB {answer:?}");
    }
}
