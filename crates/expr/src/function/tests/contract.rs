//! The examples of contract qeasy-metadata §3, §4 and §11, and every expression that the five seeds print.

use jiff::tz::TimeZone;

use super::{check, collections};
use crate::{Cell, Cells, Context, Dialect, Expression, Scope, World, elements};

const REFUND: &str = "_function CASE '_findCollection find email from f9720649-c4cb-3d51-8bb0-e633ee48e23c \
                      where shop_no={shop_no} _endFind' WHEN '' THEN 'TK2402291737' ELSE '{refund_no}' END";
const COUNT: &str = "{{product_list.product_list_count}}";
const PRICE: &str = "_function {{product_list.product_list_cost_amount}}/{{product_list.product_list_count}}";

#[test]
fn a_refund_into_a_sales_return() {
    check(REFUND, r#"{"shop_no":"S01","refund_no":"TK1"}"#, "TK1");
    check(REFUND, r#"{"shop_no":"S02","refund_no":"TK1"}"#, "TK2402291737");
    check("XSTHD01_SYS", "{}", "XSTHD01_SYS");
    check("SAL_RETURNSTOCK", "{}", "SAL_RETURNSTOCK");
    check("{{DAYS_AGO_2|datetime}}", "{}", "2024-03-12 16:00:00");
    assert_eq!(
        per_row(
            "refund_order_list",
            "{{refund_order_list.goods_no}}",
            r#"[{"goods_no":"P-1"},{"goods_no":"P-2"}]"#
        ),
        ["P-1", "P-2"]
    );
}

#[test]
fn a_distributor_into_a_customer() {
    let record = r#"{"drp_co_id":20011,"name":"华东分销商","co_id":901}"#;
    for (expression, expect) in [
        ("{drp_co_id}", "20011"),
        ("{name}", "华东分销商"),
        ("{co_id}", "901"),
        ("100", "100"),
        ("BD_Customer", "BD_Customer"),
        ("batchSave", "batchSave"),
        ("true", "true"),
        ("false", "false"),
    ] {
        check(expression, record, expect);
    }
}

#[test]
fn a_refund_into_a_table() {
    let record =
        r#"{"refund_id":"7","src_tids":"T1,T2","refund_no":"TK1","remark":null,"type":2,"stockin_status":3}"#;
    for (expression, expect) in [
        ("{refund_id}", "7"),
        ("{src_tids}", "T1,T2"),
        ("{refund_no}", "TK1"),
        ("{remark}", "null"),
        ("{type}", "2"),
        ("{stockin_status}", "3"),
    ] {
        check(expression, record, expect);
    }
}

#[test]
fn an_order_into_k3_wise() {
    let order = r#"{"account_date":"2024-05-18","exchange_rate":682.5,"new_customerid":10086001}"#;
    check("{account_date}", order, "2024-05-18");
    check("_function {exchange_rate}/100", order, "6.825");
    check("_function {exchange_rate}/100", r#"{"exchange_rate":"682.50"}"#, "6.825");
    let customer = "_findCollection find serial_id from customers where company_id={new_customerid}";
    check(customer, order, "C0017");
    check(customer, r#"{"new_customerid":1}"#, "");
    let products = r#"[{"count":4,"cost_amount":50,"product_no":"P-100"},{"count":3,"cost_amount":"100","product_no":"P-200"}]"#;
    let product = "{{product_list.product_list_product_no}}";
    assert_eq!(per_row("product_list", product, products), ["P-100", "P-200"]);
    assert_eq!(per_row("product_list", COUNT, products), ["4", "3"]);
    assert_eq!(per_row("product_list", PRICE, products), ["12.5", "33.3333"]);
}

#[test]
fn times_and_numbers_of_the_vendors_pages() {
    check("{{LAST_SYNC_TIME|datetime}}", "{}", "2024-03-14 16:00:00");
    check("{{CURRENT_TIME|datetime}}", "{}", "2024-03-14 16:00:00");
    check("_function FROM_UNIXTIME({LAST_SYNC_TIME}-600, '%Y-%m-%d %H:%i:%s')", "{}", "2024-03-14 15:50:00");
    check("_function {CURRENT_TIME}*1000", "{}", "1710403200000");
    check("_function 0.13 * 100", "{}", "13");
    check("_function 100/3", "{}", "33.3333");
    check("_function LAST_DAY(DATE_SUB(CURDATE(), INTERVAL 1 MONTH))", "{}", "2024-02-29");
}

/// Evaluates inside an item bound to `list`, once per row.
fn per_row(list: &str, expression: &str, rows: &str) -> Vec<String> {
    let mut scope = Scope::new(Dialect::default());
    let bound = scope.enter(list);
    let expression = Expression::compile(expression, &mut scope).unwrap();
    let row = scope.leave();
    let record = format!("{{\"{list}\":{rows}}}");
    let lookups = collections();
    let world =
        World { now: jiff::Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, lookups: &lookups, probe: None };
    let mut cells = Cells::new();
    scope.finish()[0].read(&record, &mut cells).unwrap();
    let mut context = Context::new(&world, vec![cells]);
    let Cell::Json(json) = bound.cell(&context) else { panic!("no list") };
    let value = |element| {
        let mut cells = Cells::new();
        row.read(element, &mut cells).unwrap();
        context.frames.push(cells);
        let value = expression.evaluate(&context).unwrap().into_text().into_owned();
        context.frames.pop();
        value
    };
    elements(json).unwrap().into_iter().map(value).collect()
}
