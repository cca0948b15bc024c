//! A SQL flow: rows are deleted, changed and added past the program.

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};
use weir_sandbox::wangdiantong::{Access, Edition};

use crate::{
    answer::{options, reconcile},
    project::AFTERSALES,
    stand::Stand,
    waiting::eventually,
};

const TABLE: &str = "aftersales_refund_refund_search";

/// Runs statements on the test's database; gives the texts of the first column.
fn sql(stand: &Stand, statement: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = MySqlConnection::connect(&stand.database.url()).await.unwrap();
        let rows =
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    })
}

/// Waits until every order is in the table; gives how many there are, and the first and the last day.
fn arrived(stand: &Stand) -> (usize, (String, String)) {
    let orders = stand.sandbox.refunds(Edition::Flagship, Access::Direct).len();
    eventually("all orders are in the table", || {
        let is_there = !sql(stand, &format!("SHOW TABLES LIKE '{TABLE}'")).is_empty();
        let count = format!("SELECT CAST(COUNT(DISTINCT refund_id) AS CHAR) FROM {TABLE}");
        let there = if is_there { sql(stand, &count).remove(0).parse().unwrap() } else { 0 };
        if there == orders { Ok(()) } else { Err(format!("{there} of {orders}")) }
    });
    let days = sql(stand, &format!("SELECT DISTINCT CAST(DATE(created) AS CHAR) FROM {TABLE} ORDER BY 1"));
    (orders, (days.first().unwrap().clone(), days.last().unwrap().clone()))
}

/// Deletes one order's rows, changes an amount of another and adds a row; gives the numbers of the two.
fn by_hand(stand: &Stand, day: &str) -> [String; 2] {
    let orders = sql(
        stand,
        &format!(
            "SELECT CONCAT(refund_id, '/', refund_no) FROM {TABLE} WHERE detail_list_refund_amount > 0 \
             GROUP BY refund_id, refund_no ORDER BY 1 LIMIT 2"
        ),
    );
    let parts: Vec<(&str, &str)> = orders.iter().map(|one| one.split_once('/').unwrap()).collect();
    let [(gone, gone_number), (changed, changed_number)] = parts[..] else { panic!("{orders:?}") };
    for statement in [
        format!("DELETE FROM {TABLE} WHERE refund_id = '{gone}'"),
        format!(
            "UPDATE {TABLE} SET detail_list_refund_amount = detail_list_refund_amount + 0.01 \
             WHERE refund_id = '{changed}'"
        ),
        format!(
            "INSERT INTO {TABLE} (refund_id, detail_list_rec_id, created, detail_list_refund_num, \
             detail_list_refund_amount) VALUES ('HAND', '', '{day} 10:00:00', 1, 9.99)"
        ),
    ] {
        sql(stand, &statement);
    }
    [gone_number.to_owned(), changed_number.to_owned()]
}

#[test]
fn a_row_gone_an_amount_changed_and_a_row_too_many_are_named_and_the_first_two_mended() {
    let stand = Stand::new("reconcile_table", options());
    let mut weir = stand.start();
    let (orders, (first, last)) = arrived(&stand);
    let compare = |more: &[&str]| reconcile(&stand, AFTERSALES, (&first, &last), more);
    let equal = eventually("both sides are equal", || {
        let answer = compare(&[]);
        let differences = answer.differences(&[]);
        if differences.is_empty() { Ok(answer) } else { Err(format!("{differences:?} {}", answer.json)) }
    });
    assert_eq!(equal.code, 0);
    for side in ["source", "topic", "delivered", "target"] {
        assert_eq!(usize::try_from(equal.total(side)).unwrap(), orders, "{side}: {}", equal.json);
    }

    let [gone, changed] = by_hand(&stand, &first);
    let mut named = vec![format!("{gone} missing"), format!("{changed} differs"), "HAND too_many".to_owned()];
    named.sort();
    let answer = compare(&["--without-source"]);
    assert_eq!((answer.code, answer.differences(&[])), (1, named), "{}", answer.json);
    assert_eq!(answer.json["lines"][0]["source"], Value::Null);

    let answer = compare(&["--fix"]);
    let left = vec!["HAND too_many".to_owned()];
    assert_eq!((answer.code, answer.differences(&[])), (1, left), "{}", answer.json);
    let mut mended = vec![gone, changed];
    mended.sort();
    assert_eq!(answer.mended(), mended, "{}", answer.json);
    assert_eq!(answer.json["fix"]["not_mended"], json!([]));

    sql(&stand, &format!("DELETE FROM {TABLE} WHERE refund_id = 'HAND'"));
    let answer = compare(&[]);
    assert_eq!((answer.code, answer.differences(&[])), (0, Vec::new()), "{}", answer.json);
    assert_eq!(answer.json["lines"], equal.json["lines"]);
    weir.expect_running();
}
