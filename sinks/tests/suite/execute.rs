//! The cases of `execute`: a header with its lines, written by the flow's own statements in one transaction.

use serde_json::json;
use weir_model::{
    Json,
    outcome::Outcome,
    target::{Delivery, TargetError},
};
use weir_sinks::sql::codes;

use super::{Site, deliver, document, is_delivered, refusal};

/// Makes the two tables.
async fn tables(site: &Site) {
    let statements = if site.is_mysql() {
        [
            "CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, order_no VARCHAR(40) NOT NULL UNIQUE, \
             amount DECIMAL(18,4), remark TEXT)",
            "CREATE TABLE order_lines (order_id BIGINT NOT NULL, sku VARCHAR(20) NOT NULL, qty DECIMAL(12,2), \
             CHECK (qty <> 13), PRIMARY KEY (order_id, sku), FOREIGN KEY (order_id) REFERENCES orders (id))",
        ]
    } else {
        [
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, order_no TEXT NOT NULL UNIQUE, amount TEXT, remark TEXT)",
            "CREATE TABLE order_lines (order_id INTEGER NOT NULL REFERENCES orders (id), sku TEXT NOT NULL, qty TEXT, \
             CHECK (qty <> '13'), PRIMARY KEY (order_id, sku))",
        ]
    };
    for statement in statements {
        site.execute(statement).await;
    }
}

/// Upserts the header, removes the lines it had, writes those it has now.
fn statements(site: &Site) -> [(&'static str, &'static str); 3] {
    let main = if site.is_mysql() {
        "INSERT INTO orders (order_no, amount, remark) VALUES (:order_no, :amount, :remark) \
         ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id), amount = VALUES(amount), remark = VALUES(remark)"
    } else {
        "INSERT INTO orders (order_no, amount, remark) VALUES (:order_no, :amount, :remark) \
         ON CONFLICT (order_no) DO UPDATE SET amount = excluded.amount, remark = excluded.remark RETURNING id"
    };
    [
        ("main_sql", main),
        ("extend_sql_1", "DELETE FROM order_lines WHERE order_id = :lastInsertId"),
        ("extend_sql_2", LINE),
    ]
}

const LINE: &str = "INSERT INTO order_lines (order_id, sku, qty) VALUES (:lastInsertId, :sku, :qty)";

fn request(lines: &str) -> Json {
    let param = |field: &str| json!({"field": field, "value": format!("{{{field}}}")});
    json!([
        {"field": "main_params", "type": "object",
         "children": [param("order_no"), param("amount"), param("remark")]},
        {"field": lines, "type": "array", "value": "lines", "children": [param("sku"), param("qty")]},
    ])
}

fn order(offset: i64, number: &str, lines: &Json) -> Delivery {
    let main =
        json!({"order_no": number, "amount": "1234567890.1200", "remark": "'); DROP TABLE orders; -- ?"});
    document(offset, &json!({"main_params": main, "extend_params_2": lines}))
}

async fn lines(site: &Site) -> Vec<String> {
    let said = match site.is_mysql() {
        true => "CONCAT(o.order_no, ' ', l.sku, ' ', l.qty)",
        false => "o.order_no || ' ' || l.sku || ' ' || l.qty",
    };
    let sql = format!("SELECT {said} FROM orders o JOIN order_lines l ON l.order_id = o.id ORDER BY 1");
    site.texts(&sql).await.into_iter().flatten().collect()
}

pub async fn a_header_and_its_lines_are_written_under_the_generated_id(site: &Site) {
    tables(site).await;
    let target = site.execute_target(&request("extend_params_2"), &statements(site));
    target.claim(0).await.unwrap();
    let first = [
        order(0, "S1", &json!([{"sku": "a", "qty": "1.50"}, {"sku": "b", "qty": "0.10"}])),
        order(1, "S2", &json!([{"sku": "a", "qty": "2.00"}])),
        order(2, "S3", &json!([])),
    ];
    let outcomes = deliver(&target, &first, 3).await.unwrap();
    assert!(outcomes.iter().all(is_delivered), "{outcomes:?}");
    assert_eq!(lines(site).await, ["S1 a 1.50", "S1 b 0.10", "S2 a 2.00"]);
    // Digits and hostile text come through unchanged.
    let exact = "SELECT CAST(amount AS CHAR) FROM orders WHERE remark = '''); DROP TABLE orders; -- ?'";
    assert_eq!(site.texts(exact).await, vec![Some("1234567890.1200".to_owned()); 3]);
    let id = |outcome: &Outcome| match outcome {
        Outcome::Delivered(written) => written.id.clone(),
        other => panic!("{other:?}"),
    };
    let stored = site.texts("SELECT CAST(id AS CHAR) FROM orders WHERE order_no = 'S2'").await;
    assert_eq!(stored, [Some(id(&outcomes[1]))]);
    // A changed order keeps its id and gets the lines it has now; one that is the same again does too.
    let again = [order(3, "S2", &json!([{"sku": "c", "qty": "7.00"}])), order(4, "S3", &json!([]))];
    let changed = deliver(&target, &again, 5).await.unwrap();
    assert_eq!([id(&changed[0]), id(&changed[1])], [id(&outcomes[1]), id(&outcomes[2])]);
    assert_eq!(lines(site).await, ["S1 a 1.50", "S1 b 0.10", "S2 c 7.00"]);
    // Killed before the receipts were out: a new process knows the ids.
    let claim = site.execute_target(&request("extend_params_2"), &statements(site)).claim(0).await.unwrap();
    assert_eq!(claim.stored_next, Some(5));
    assert_eq!(claim.outcomes.get(&3), Some(&changed[0]));
}

pub async fn a_bad_line_takes_its_whole_document_back_and_no_other(site: &Site) {
    tables(site).await;
    let target = site.execute_target(&request("extend_params_2"), &statements(site));
    target.claim(0).await.unwrap();
    let line = |sku: &str, qty: &str| json!({"sku": sku, "qty": qty});
    deliver(&target, &[order(0, "S1", &json!([line("a", "1.00")]))], 1).await.unwrap();
    let batch = [
        order(1, "S2", &json!([line("a", "1.00")])),
        order(2, "S1", &json!([line("b", "2.00"), line("c", "13")])),
        order(3, "S3", &json!([line("a", "1.00"), line("a", "2.00")])),
        document(4, &json!({"main_params": {"amount": "1"}, "extend_params_2": []})),
        document(5, &json!({"rows": [[1]]})),
        order(6, "S4", &json!([line("a", "4.00")])),
    ];
    let outcomes = deliver(&target, &batch, 7).await.unwrap();
    let delivered: Vec<bool> = outcomes.iter().map(is_delivered).collect();
    // A body without parameters writes no header: its order number is NULL.
    assert_eq!(delivered, [true, false, false, false, false, true], "{outcomes:?}");
    assert_eq!(lines(site).await, ["S1 a 1.00", "S2 a 1.00", "S4 a 4.00"]);
    assert_eq!(site.count("orders").await, 3);
    let checked = refusal(&outcomes[1]);
    assert_eq!(checked.code, codes::CONSTRAINT);
    assert!(checked.message.starts_with("extend_sql_2: "), "{checked}");
    assert!(
        checked.field.as_deref().is_some_and(|field| field.starts_with("extend_params_2[1]")),
        "{checked}"
    );
    let null = refusal(&outcomes[3]);
    let said = (null.code.clone(), null.field.as_deref());
    assert_eq!(said, (codes::CONSTRAINT, Some("main_params.order_no")), "{null}");
}

pub async fn a_crash_between_commit_and_receipt_writes_no_line_twice(site: &Site) {
    tables(site).await;
    let plain = [("main_sql", PLAIN), ("extend_sql_1", LINE)];
    let request = request("extend_params_1");
    let order = |offset: i64| {
        let main = json!({"order_no": format!("S{offset}"), "amount": "1", "remark": null});
        document(offset, &json!({"main_params": main, "extend_params_1": [{"sku": "a", "qty": "1.00"}]}))
    };
    let first = site.execute_target(&request, &plain);
    first.claim(0).await.unwrap();
    let batch: Vec<Delivery> = (0..3).map(order).collect();
    let written = deliver(&first, &batch, 3).await.unwrap();
    // The process is killed here: who takes over knows what was written, and begins after it.
    let second = site.execute_target(&request, &plain);
    let claim = second.claim(0).await.unwrap();
    assert_eq!(claim.stored_next, Some(3));
    assert_eq!(claim.outcomes.into_values().collect::<Vec<_>>(), written);
    deliver(&second, &[order(3), order(4)], 5).await.unwrap();
    // A commit whose answer was lost: the same batch comes again, and nothing is run.
    site.execute(&format!("UPDATE {} SET next_offset = 7", site.offsets())).await;
    assert!(deliver(&second, &[order(5), order(6)], 7).await.unwrap().iter().all(is_delivered));
    assert_eq!((site.count("orders").await, lines(site).await.len()), (5, 5));
    // The first one, late, is fenced before it runs anything.
    let late = deliver(&first, &[order(3)], 4).await.unwrap_err();
    assert!(matches!(&late, TargetError::Fenced(_)), "{late}");
    // A record that changed meets its own row: an INSERT alone refuses it, and says so.
    let mut changed = order(3);
    changed.offset = 7;
    let refused = deliver(&second, &[changed], 8).await.unwrap();
    assert_eq!(refusal(&refused[0]).code, codes::CONSTRAINT);
    assert_eq!((site.count("orders").await, lines(site).await.len()), (5, 5));
}

const PLAIN: &str = "INSERT INTO orders (order_no, amount, remark) VALUES (:order_no, :amount, :remark)";

pub async fn a_thousand_documents_go_in_one_transaction(site: &Site) {
    tables(site).await;
    let target = site.execute_target(&request("extend_params_2"), &statements(site));
    target.claim(0).await.unwrap();
    let one = |offset: i64| {
        let qty = if offset % 100 == 50 { "13" } else { "1.00" };
        order(offset, &format!("S{offset}"), &json!([{"sku": "a", "qty": "1.00"}, {"sku": "b", "qty": qty}]))
    };
    let batch: Vec<Delivery> = (0..1_000).map(one).collect();
    let outcomes = deliver(&target, &batch, 1_000).await.unwrap();
    for (offset, outcome) in outcomes.iter().enumerate() {
        assert_eq!(is_delivered(outcome), offset % 100 != 50, "{offset}: {outcome:?}");
    }
    assert_eq!((site.count("orders").await, site.count("order_lines").await), (990, 1_980));
}

pub async fn statements_that_the_server_refuses_halt_before_anything_is_written(site: &Site) {
    let build = || site.execute_target(&request("extend_params_2"), &statements(site));
    let missing = build().probe().await.unwrap();
    assert!(missing.problems[0].starts_with("the server refuses main_sql: "), "{missing:?}");
    let refused = build().claim(0).await.unwrap_err();
    assert!(matches!(&refused, TargetError::Halted(cause) if cause.code == codes::TABLE), "{refused}");
    tables(site).await;
    let report = build().probe().await.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(report.facts.iter().any(|fact| fact.contains("(order_lines, orders)")), "{report:?}");
}
