//! The SQL target's suite on a real MariaDB or MySQL, and what only a server can show. WEIR_MYSQL names the server.

#[cfg(test)]
mod suite;

use std::sync::Arc;

use serde_json::json;
use suite::{
    Site, cases, deliver, document, documented, execute, existing_goods, goods, is_delivered, plain,
    read_back, refusal,
};
use weir_model::target::{Target, TargetError};
use weir_sinks::sql::codes;

macro_rules! cases {
    ($module:ident: $($case:ident,)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let name: String = stringify!($case).chars().take(30).collect();
                let site = Site::mysql(&name).await;
                $module::$case(&site).await;
                site.close().await;
            }
        )*
    };
}

cases! {
    cases:
    rows_and_offset_are_stored_together,
    a_second_claim_fences_the_first,
    one_poison_row_in_a_thousand_stands_alone,
    all_rows_of_a_document_or_none,
    outcomes_are_read_again_until_their_receipts_are_out,
    a_commit_without_an_answer_is_not_repeated,
    an_offset_that_was_set_back_halts,
    values_arrive_exactly,
    a_wide_table_never_fails_on_width,
    partitions_are_written_side_by_side,
    a_probe_tells_what_does_not_fit_and_creates_nothing,
    the_flows_own_statement_writes_and_lines_that_a_record_lost_are_deleted,
    rows_of_a_removed_record_are_deleted,
}

cases! {
    read_back:
    rows_of_a_day_come_back_with_their_figures,
    a_day_of_many_rows_comes_back_page_by_page,
}

cases! {
    execute:
    a_header_and_its_lines_are_written_under_the_generated_id,
    a_bad_line_takes_its_whole_document_back_and_no_other,
    a_crash_between_commit_and_receipt_writes_no_line_twice,
    a_thousand_documents_go_in_one_transaction,
    statements_that_the_server_refuses_halt_before_anything_is_written,
}

#[tokio::test]
async fn a_value_the_server_refuses_is_named_with_its_column() {
    let site = Site::mysql("named").await;
    let target = site.target(&goods());
    target.claim(0).await.unwrap();
    // Narrowed after the claim, so only the server can notice.
    site.execute("ALTER TABLE goods MODIFY name VARCHAR(8) NOT NULL").await;
    let outcomes = deliver(&target, &[plain(1), plain(123), plain(2)], 124).await.unwrap();
    assert!(is_delivered(&outcomes[0]) && is_delivered(&outcomes[2]));
    let refused = refusal(&outcomes[1]);
    assert_eq!((refused.code.clone(), refused.field.as_deref()), (codes::VALUE, Some("name")), "{refused}");
    assert!(refused.message.contains("22001") && refused.message.contains("\"goods 123\""), "{refused}");
    site.close().await;
}

#[tokio::test]
async fn a_table_without_transactions_is_refused() {
    let site = Site::mysql("engine").await;
    site.execute(
        "CREATE TABLE goods (id BIGINT PRIMARY KEY, name VARCHAR(40), price DECIMAL(12,2), at DATETIME(3), \
         UNIQUE (name)) ENGINE=MyISAM",
    )
    .await;
    let report = site.target(&existing_goods()).probe().await.unwrap();
    assert!(report.problems[0].contains("MyISAM"), "{report:?}");
    assert!(report.problems[1].contains("another unique key (name)"), "{report:?}");
    site.close().await;
}

#[tokio::test]
async fn a_wrong_password_halts_and_a_server_that_is_gone_is_away() {
    let site = Site::mysql("login").await;
    let mut wrong = site.connection.clone();
    wrong["password"] = json!("hunter2-wrong");
    let refused = site.target_with(&goods(), &wrong, "").claim(0).await.unwrap_err();
    assert!(matches!(&refused, TargetError::Halted(cause) if cause.code == codes::LOGIN), "{refused}");
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
    let unknown = json!({"url": format!("{}_none", site.connection["url"].as_str().unwrap())});
    let refused = site.target_with(&goods(), &unknown, "").probe().await.unwrap_err();
    assert!(matches!(&refused, TargetError::Halted(cause) if cause.code == codes::TABLE), "{refused}");
    let nobody = json!({"url": "mysql://u:p@127.0.0.1:1/d"});
    let gone = site.target_with(&goods(), &nobody, "").probe().await.unwrap_err();
    assert!(matches!(&gone, TargetError::Away(cause) if cause.code == codes::AWAY), "{gone}");
    site.close().await;
}

#[tokio::test]
async fn connections_that_the_server_killed_are_replaced() {
    let site = Site::mysql("killed").await;
    let target = site.target(&goods());
    target.claim(0).await.unwrap();
    deliver(&target, &[plain(0)], 1).await.unwrap();
    let ids = site
        .texts("SELECT CAST(id AS CHAR) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()")
        .await;
    assert!(!ids.is_empty());
    for id in ids.into_iter().flatten() {
        site.execute(&format!("KILL CONNECTION {id}")).await;
    }
    assert!(is_delivered(&deliver(&target, &[plain(1)], 2).await.unwrap()[0]));
    assert_eq!(site.count("goods").await, 2);
    site.close().await;
}

/// Orders whose header is written by a statement of the flow's own.
fn orders(site: &Site) -> Arc<dyn Target> {
    let param = |field: &str| json!({"field": field, "value": format!("{{{field}}}")});
    let request = json!([{"field": "main_params", "type": "object",
        "children": [param("order_no"), param("amount"), param("pieces"), param("day"), param("at")]}]);
    let sql = "INSERT INTO orders (order_no, amount, pieces, day, at) VALUES (:order_no, :amount, :pieces, :day, :at)";
    site.execute_target(&request, &[("main_sql", sql)])
}

#[tokio::test]
async fn what_the_server_would_round_off_in_silence_is_refused() {
    let site = Site::mysql("round").await;
    site.execute(
        "CREATE TABLE orders (order_no VARCHAR(9) PRIMARY KEY, amount DECIMAL(12,2), pieces INT UNSIGNED, day DATE, \
         at DATETIME)",
    )
    .await;
    let target = orders(&site);
    target.claim(0).await.unwrap();
    let order = |offset: i64, field: &str, value: &str| {
        document(offset, &json!({"main_params": {"order_no": offset, field: value}}))
    };
    let batch = [
        order(0, "amount", "12.50"),
        order(1, "amount", "12.505"),
        order(2, "pieces", "1.5"),
        order(3, "day", "2024-01-15 10:00:00"),
        order(4, "at", "2024-01-15 10:00:00.250"),
        order(5, "amount", "一"),
        order(6, "pieces", "-1"),
        order(7, "at", "2024-01-15 10:00:00.000"),
    ];
    let outcomes = deliver(&target, &batch, 8).await.unwrap();
    let fields = ["", "amount", "pieces", "day", "at", "amount", "pieces", ""];
    for (outcome, field) in outcomes.iter().zip(fields) {
        if field.is_empty() {
            assert!(is_delivered(outcome), "{outcome:?}");
            continue;
        }
        let refused = refusal(outcome);
        let named = format!("main_params.{field}");
        assert_eq!(
            (refused.code.clone(), refused.field.as_deref()),
            (codes::VALUE, Some(named.as_str())),
            "{refused}"
        );
    }
    assert_eq!(
        site.texts("SELECT CAST(amount AS CHAR) FROM orders WHERE order_no = '0'").await,
        [Some("12.50".into())]
    );
    site.close().await;
}

#[tokio::test]
async fn statements_take_the_id_of_a_number_without_a_sign_and_need_transactions() {
    let site = Site::mysql("returning").await;
    site.execute("CREATE TABLE orders (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, order_no INT) AUTO_INCREMENT=18446744073709551000")
        .await;
    let request = json!([{"field": "main_params", "type": "object",
        "children": [{"field": "order_no", "value": "{order_no}"}]}]);
    let plain = "INSERT INTO orders (order_no) VALUES (:order_no)";
    let returning = format!("{plain} RETURNING id");
    let update = ("extend_sql_1", "UPDATE orders SET order_no = order_no + 1 WHERE id = :lastInsertId");
    for (offset, sql) in [plain, returning.as_str()].into_iter().enumerate() {
        let target = site.execute_target(&request, &[("main_sql", sql), update]);
        target.claim(0).await.unwrap();
        let offset = i64::try_from(offset).unwrap();
        let order = document(offset, &json!({"main_params": {"order_no": 7}}));
        assert!(is_delivered(&deliver(&target, &[order], offset + 1).await.unwrap()[0]));
    }
    assert_eq!(site.count("orders WHERE order_no = 8").await, 2);
    site.execute("DROP TABLE orders").await;
    site.execute("CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, order_no INT) ENGINE=MyISAM")
        .await;
    let report = site.execute_target(&request, &[("main_sql", plain), update]).probe().await.unwrap();
    assert!(report.problems[0].contains("MyISAM"), "{report:?}");
    site.close().await;
}

/// The example of `execute` in the guide to the configuration, by language.
const GUIDES: [&str; 2] =
    [include_str!("../../docs/configuration.md"), include_str!("../../docs/configuration.zh-CN.md")];

#[tokio::test]
async fn the_documented_statements_write_an_order_with_its_lines() {
    let site = Site::mysql("documented").await;
    site.execute("CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, order_no VARCHAR(64) NOT NULL UNIQUE, amount DECIMAL(18,4))")
        .await;
    site.execute(
        "CREATE TABLE order_lines (order_id BIGINT NOT NULL, sku VARCHAR(64) NOT NULL, qty DECIMAL(18,4))",
    )
    .await;
    let [english, chinese] = GUIDES.map(documented);
    assert_eq!(english, chinese);
    let target = site.documented_target(&english);
    target.claim(0).await.unwrap();
    let order = |offset: i64, qty: &str| {
        let lines = json!([{"sku": "A-1", "qty": qty}]);
        document(
            offset,
            &json!({"main_params": {"order_no": "SO1", "amount": "12.5"}, "extend_params_2": lines}),
        )
    };
    for (offset, qty) in [(0, "1"), (1, "2")] {
        assert!(is_delivered(&deliver(&target, &[order(offset, qty)], offset + 1).await.unwrap()[0]));
    }
    let stored = "SELECT CONCAT(order_no, ' ', amount, ' ', sku, ' ', qty) FROM orders JOIN order_lines ON order_id = id";
    assert_eq!(site.texts(stored).await, [Some("SO1 12.5000 A-1 2.0000".into())]);
    site.close().await;
}
