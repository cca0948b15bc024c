//! A SQL flow: rows are deleted, changed and added past the program.

use sqlx::{AssertSqlSafe, Connection as _, MySqlConnection, Row as _};

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

#[test]
fn a_row_gone_an_amount_changed_and_a_row_too_many_are_named_and_the_first_two_mended() {
    let stand = Stand::new("reconcile_table", options());
    let mut weir = stand.start();
    let count = |what: &str| -> usize {
        let counted = sql(&stand, &format!("SELECT CAST(COUNT(DISTINCT refund_id) AS CHAR) FROM {what}"));
        counted[0].parse().unwrap()
    };
    let truth = stand
        .sandbox
        .refunds(weir_sandbox::wangdiantong::Edition::Flagship, weir_sandbox::wangdiantong::Access::Direct);
    eventually("all orders are in the table", || {
        let tables = sql(&stand, &format!("SHOW TABLES LIKE '{TABLE}'"));
        let there = if tables.is_empty() { 0 } else { count(TABLE) };
        if there == truth.len() { Ok(()) } else { Err(format!("{there} of {}", truth.len())) }
    });
    let days = sql(&stand, &format!("SELECT DISTINCT CAST(DATE(created) AS CHAR) FROM {TABLE} ORDER BY 1"));
    let days = (days.first().unwrap().as_str(), days.last().unwrap().as_str());
    let compare = |more: &[&str]| reconcile(&stand, AFTERSALES, days, more);

    let equal = eventually("both sides are equal", || {
        let answer = compare(&[]);
        let differences = answer.differences(&[]);
        if differences.is_empty() { Ok(answer) } else { Err(format!("{differences:?} {}", answer.json)) }
    });
    assert_eq!(equal.code, 0);
    for side in ["source", "topic", "delivered", "target"] {
        assert_eq!(usize::try_from(equal.total(side)).unwrap(), truth.len(), "{side}: {}", equal.json);
    }

    let refunds = sql(
        &stand,
        &format!(
            "SELECT CONCAT(refund_id, '/', refund_no) FROM {TABLE} WHERE detail_list_refund_amount > 0 \
             GROUP BY refund_id, refund_no ORDER BY 1 LIMIT 2"
        ),
    );
    let parts: Vec<(&str, &str)> = refunds.iter().map(|one| one.split_once('/').unwrap()).collect();
    let [(gone, gone_number), (changed, changed_number)] = parts[..] else { panic!("{refunds:?}") };
    sql(&stand, &format!("DELETE FROM {TABLE} WHERE refund_id = '{gone}'"));
    sql(
        &stand,
        &format!(
            "UPDATE {TABLE} SET detail_list_refund_amount = detail_list_refund_amount + 0.01 WHERE refund_id = '{changed}'"
        ),
    );
    sql(
        &stand,
        &format!(
            "INSERT INTO {TABLE} (refund_id, detail_list_rec_id, created, detail_list_refund_num, detail_list_refund_amount) \
             VALUES ('HAND', '', '{} 10:00:00', 1, 9.99)",
            days.0
        ),
    );

    let mut named = vec![
        format!("{gone_number} missing"),
        format!("{changed_number} differs"),
        "HAND too_many".to_owned(),
    ];
    named.sort();
    let answer = compare(&["--without-source"]);
    assert_eq!((answer.code, answer.differences(&[])), (1, named.clone()), "{}", answer.json);
    assert_eq!(answer.json["lines"][0]["source"], serde_json::Value::Null);

    let answer = compare(&["--fix"]);
    assert_eq!(
        (answer.code, answer.differences(&[])),
        (1, vec!["HAND too_many".to_owned()]),
        "{}",
        answer.json
    );
    let mut mended = vec![gone_number.to_owned(), changed_number.to_owned()];
    mended.sort();
    assert_eq!(answer.mended(), mended, "{}", answer.json);
    assert_eq!(answer.json["fix"]["not_mended"], serde_json::json!([]));

    sql(&stand, &format!("DELETE FROM {TABLE} WHERE refund_id = 'HAND'"));
    let answer = compare(&[]);
    assert_eq!((answer.code, answer.differences(&[])), (0, Vec::new()), "{}", answer.json);
    assert_eq!(answer.json["lines"], equal.json["lines"]);
    weir.expect_running();
}
