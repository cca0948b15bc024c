//! The cases of the suite; each gets a database of its own.

use serde_json::json;
use weir_model::{
    Json,
    outcome::Outcome,
    target::{Batch, Delivery, Ownership, TargetError},
};
use weir_sinks::sql::codes;

use super::{Site, deliver, delivery, existing_goods, goods, is_delivered, plain, refusal};

pub async fn rows_and_offset_are_stored_together(site: &Site) {
    let target = site.target(&goods());
    assert_eq!(target.claim(0).await.unwrap().stored_next, None);
    let batch: Vec<Delivery> = (0..250).map(plain).collect();
    let outcomes = deliver(&target, &batch, 250).await.unwrap();
    assert_eq!(outcomes.len(), 250);
    assert!(outcomes.iter().all(is_delivered));
    assert_eq!(site.count("goods").await, 250);
    // A newer state of the same rows replaces them.
    let again =
        delivery(250, &json!([[7, "renamed", null, null], [1000, "new", "2", "2024-01-15 10:00:00.250"]]));
    assert!(is_delivered(&deliver(&target, &[again], 251).await.unwrap()[0]));
    assert_eq!(site.texts("SELECT name FROM goods WHERE id = 7").await, [Some("renamed".into())]);
    assert_eq!(site.count("goods").await, 251);
    let claim = site.target(&goods()).claim(0).await.unwrap();
    assert_eq!(claim.stored_next, Some(251));
    assert!(claim.outcomes.is_empty());
}

pub async fn a_second_claim_fences_the_first(site: &Site) {
    let old = site.target(&goods());
    old.claim(0).await.unwrap();
    deliver(&old, &[plain(0)], 1).await.unwrap();
    let new = site.target(&goods());
    assert_eq!(new.claim(0).await.unwrap().stored_next, Some(1));
    let late = deliver(&old, &[plain(1)], 2).await.unwrap_err();
    assert!(matches!(&late, TargetError::Fenced(cause) if cause.code == codes::FENCED), "{late}");
    assert_eq!(site.count("goods").await, 1, "the stale owner wrote nothing");
    assert!(is_delivered(&deliver(&new, &[plain(1)], 2).await.unwrap()[0]));
    new.release(0).await;
    let released = deliver(&new, &[plain(2)], 3).await.unwrap_err();
    assert!(matches!(released, TargetError::Fenced(_)), "{released}");
}

pub async fn one_poison_row_in_a_thousand_stands_alone(site: &Site) {
    let price = if site.is_mysql() { "DECIMAL(12,2)" } else { "TEXT" };
    let at = if site.is_mysql() { "DATETIME(3)" } else { "TEXT" };
    site.execute(&format!(
        "CREATE TABLE goods (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40) NOT NULL, price {price}, at {at}, \
         CHECK (id <> 611))"
    ))
    .await;
    let target = site.target(&existing_goods());
    target.claim(0).await.unwrap();
    let mut batch: Vec<Delivery> = (0..1000).map(plain).collect();
    batch[300] = delivery(300, &json!([[300, null, "1.50", null]]));
    let outcomes = deliver(&target, &batch, 1000).await.unwrap();
    for (offset, outcome) in outcomes.iter().enumerate() {
        assert_eq!(is_delivered(outcome), offset != 300 && offset != 611, "{offset}: {outcome:?}");
    }
    let null = refusal(&outcomes[300]);
    assert_eq!((null.code.clone(), null.field.as_deref()), (codes::CONSTRAINT, Some("name")), "{null}");
    assert!(null.message.contains("name = NULL"), "{null}");
    assert_eq!(refusal(&outcomes[611]).code, codes::CONSTRAINT);
    assert_eq!(site.count("goods").await, 998);
}

pub async fn all_rows_of_a_document_or_none(site: &Site) {
    let kinds = if site.is_mysql() { ("DECIMAL(12,2)", "DATETIME(3)") } else { ("TEXT", "TEXT") };
    site.execute(&format!(
        "CREATE TABLE goods (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(40), price {}, at {}, CHECK (id >= 0))",
        kinds.0, kinds.1
    ))
    .await;
    let target = site.target(&existing_goods());
    target.claim(0).await.unwrap();
    let rows = |ids: &mut dyn Iterator<Item = i64>| {
        json!(ids.map(|id| json!([id, "n", "1", null])).collect::<Vec<_>>())
    };
    let batch = [
        delivery(0, &rows(&mut (0..3))),
        delivery(1, &rows(&mut [10, 11, -1, 12].into_iter())),
        // More rows than one statement carries, the bad one last.
        delivery(2, &rows(&mut (100..2_600).chain([-1]))),
        delivery(3, &rows(&mut (10_000..12_500))),
        delivery(4, &json!([])),
    ];
    let outcomes = deliver(&target, &batch, 5).await.unwrap();
    let delivered: Vec<bool> = outcomes.iter().map(is_delivered).collect();
    assert_eq!(delivered, [true, false, false, true, true], "{outcomes:?}");
    assert_eq!(site.count("goods").await, 3 + 2_500);
    assert_eq!(site.count("goods WHERE id BETWEEN 10 AND 9999").await, 0);
}

pub async fn outcomes_are_read_again_until_their_receipts_are_out(site: &Site) {
    let first = site.target(&goods());
    first.claim(0).await.unwrap();
    let bad = delivery(11, &json!([[11, "x", "0.125", null]]));
    let settled = [(9, Outcome::Unchanged), (12, Outcome::Superseded)];
    let deliveries = [plain(10), bad];
    let batch = Batch {
        partition: 0,
        deliveries: &deliveries,
        settled: &settled,
        next_offset: 13,
        ownership: Ownership::sole(),
    };
    let outcomes = first.deliver(batch).await.unwrap();
    let refused = refusal(&outcomes[1]).clone();
    assert_eq!((refused.code.clone(), refused.field.as_deref()), (codes::VALUE, Some("price")), "{refused}");
    assert!(refused.message.contains("0.125"), "{refused}");
    // Killed before the receipts were out: a new process takes over.
    let second = site.target(&goods());
    let claim = second.claim(0).await.unwrap();
    assert_eq!(claim.stored_next, Some(13));
    let expected = [(9, Outcome::Unchanged), (11, Outcome::Reject(refused)), (12, Outcome::Superseded)];
    assert_eq!(claim.outcomes.into_iter().collect::<Vec<_>>(), expected);
    // The next batch says that they are out.
    deliver(&second, &[plain(13)], 14).await.unwrap();
    let claim = site.target(&goods()).claim(0).await.unwrap();
    assert_eq!((claim.stored_next, claim.outcomes.len()), (Some(14), 0));
    assert_eq!(site.count(&site.outcomes()).await, 0);
}

pub async fn a_commit_without_an_answer_is_not_repeated(site: &Site) {
    let target = site.target(&goods());
    target.claim(0).await.unwrap();
    deliver(&target, &[plain(0)], 1).await.unwrap();
    // As if the batch of offsets 1 to 3 had been committed and the answer lost.
    let (offsets, outcomes) = (site.offsets(), site.outcomes());
    site.execute(&format!("UPDATE {offsets} SET next_offset = 4")).await;
    site.execute(&format!(
        "INSERT INTO {outcomes} (flow, topic, partition_number, document_offset, outcome) VALUES \
         ('goods', '{}', 0, 2, '{{\"outcome\":\"superseded\"}}')",
        super::TOPIC
    ))
    .await;
    let batch: Vec<Delivery> = (1..4).map(plain).collect();
    let answered = deliver(&target, &batch, 4).await.unwrap();
    assert!(is_delivered(&answered[0]) && is_delivered(&answered[2]));
    assert_eq!(answered[1], Outcome::Superseded);
    assert_eq!(site.count("goods").await, 1, "nothing was written twice");
    // A batch that reaches further: only what is new is written, and what was stored stays known.
    let batch: Vec<Delivery> = (1..6).map(plain).collect();
    let answered = deliver(&target, &batch, 6).await.unwrap();
    assert_eq!(answered[1], Outcome::Superseded);
    assert_eq!(site.count("goods").await, 3);
    let claim = site.target(&goods()).claim(0).await.unwrap();
    assert_eq!(claim.outcomes.into_iter().collect::<Vec<_>>(), [(2, Outcome::Superseded)]);
}

pub async fn an_offset_that_was_set_back_halts(site: &Site) {
    let target = site.target(&goods());
    target.claim(0).await.unwrap();
    for offset in 0..3 {
        deliver(&target, &[plain(offset)], offset + 1).await.unwrap();
    }
    let back = deliver(&target, &[plain(0)], 1).await.unwrap_err();
    assert!(matches!(&back, TargetError::Halted(cause) if cause.code == codes::OFFSET), "{back}");
    let other = site.target_with(&goods(), &site.connection, "cluster-b").claim(0).await.unwrap_err();
    assert!(matches!(&other, TargetError::Halted(cause) if cause.code == codes::OFFSET), "{other}");
}

pub async fn values_arrive_exactly(site: &Site) {
    let settings = json!({
        "table": "things",
        "create_table": true,
        "columns": [
            {"name": "id", "type": "varchar(64)"},
            {"name": "单价", "type": "decimal(38,18)"},
            {"name": "说明", "type": "text"},
            {"name": "启用", "type": "bool"},
            {"name": "day", "type": "date"},
        ],
    });
    let target = site.target(&settings);
    target.claim(0).await.unwrap();
    let hostile = "'; DROP TABLE things; -- \"`\\ ? 😀 \u{1} 店铺";
    let exact = "12345678901234567890.123456789012345678";
    let text = format!(
        r#"[["a",{exact},{},true,"2024-02-29"],["A",0.10,"",false,null]]"#,
        serde_json::to_string(hostile).unwrap()
    );
    let rows = serde_json::from_str(&text).unwrap();
    assert!(is_delivered(&deliver(&target, &[delivery(0, &rows)], 1).await.unwrap()[0]));
    let read = async |column: &str, id: &str| {
        let quote = if site.is_mysql() { "`" } else { "\"" };
        let sql = format!("SELECT CAST({quote}{column}{quote} AS CHAR) FROM things WHERE id = '{id}'");
        site.texts(&sql).await.remove(0)
    };
    assert_eq!(read("单价", "a").await.as_deref(), Some(exact));
    assert_eq!(read("单价", "A").await.as_deref(), Some("0.100000000000000000"));
    assert_eq!(read("说明", "a").await.as_deref(), Some(hostile));
    assert_eq!(read("启用", "a").await.as_deref(), Some("1"));
    assert_eq!(read("day", "a").await.as_deref(), Some("2024-02-29"));
    assert_eq!(read("day", "A").await, None);
}

pub async fn a_wide_table_never_fails_on_width(site: &Site) {
    let mut columns = vec![json!({"name": "id", "type": "bigint"})];
    columns.extend((1..150).map(|i| json!({"name": format!("c{i}"), "type": "varchar(255)"})));
    let target = site.target(&json!({"table": "wide", "create_table": true, "columns": columns}));
    target.claim(0).await.unwrap();
    let row = |id: i64| {
        let cells = (1..150).map(|i| json!(format!("{id}/{i}")));
        json!([std::iter::once(json!(id)).chain(cells).collect::<Vec<_>>()])
    };
    let batch: Vec<Delivery> = (0..1000).map(|offset| delivery(offset, &row(offset))).collect();
    let outcomes = deliver(&target, &batch, 1000).await.unwrap();
    assert!(outcomes.iter().all(is_delivered));
    assert_eq!(site.count("wide").await, 1000);
    assert_eq!(site.texts("SELECT c149 FROM wide WHERE id = 999").await, [Some("999/149".into())]);
}

pub async fn partitions_are_written_side_by_side(site: &Site) {
    let target = site.target(&goods());
    let work = |partition: i32| {
        let target = &target;
        async move {
            target.claim(partition).await.unwrap();
            for round in 0..5 {
                let start = i64::from(partition) * 10_000 + round * 100;
                let deliveries: Vec<Delivery> = (start..start + 100).map(plain).collect();
                let batch = Batch {
                    partition,
                    deliveries: &deliveries,
                    settled: &[],
                    next_offset: start + 100,
                    ownership: Ownership::sole(),
                };
                assert!(target.deliver(batch).await.unwrap().iter().all(is_delivered));
            }
        }
    };
    tokio::join!(work(0), work(1), work(2), work(3), work(4), work(5));
    assert_eq!(site.count("goods").await, 3_000);
    assert_eq!(site.count(&site.offsets()).await, 6);
}

pub async fn a_probe_tells_what_does_not_fit_and_creates_nothing(site: &Site) {
    let missing = site.target(&existing_goods()).probe().await.unwrap();
    assert!(missing.problems[0].contains("no table goods"), "{missing:?}");
    let absent = site.target(&goods()).probe().await.unwrap();
    assert!(
        absent.problems.is_empty() && absent.facts.iter().any(|f| f.contains("will be created")),
        "{absent:?}"
    );
    let price = if site.is_mysql() { "DOUBLE" } else { "REAL" };
    site.execute(&format!(
        "CREATE TABLE goods (id BIGINT NOT NULL, name VARCHAR(40), price {price}, extra INT NOT NULL)"
    ))
    .await;
    let target = site.target(&existing_goods());
    let report = target.probe().await.unwrap();
    for part in ["column price", "no column at", "column extra", "no unique key on exactly (id)"] {
        assert!(report.problems.iter().any(|problem| problem.contains(part)), "{part}: {report:?}");
    }
    assert_eq!(report.problems.len(), 4, "{report:?}");
    let refused = target.claim(0).await.unwrap_err();
    assert!(matches!(&refused, TargetError::Halted(cause) if cause.code == codes::TABLE), "{refused}");
}

/// Lines of refunds, which their flow writes by a statement of its own.
fn lines(orphans: &str) -> Json {
    json!({
        "table": "lines",
        "create_table": true,
        "columns": [
            {"name": "refund_id", "type": "bigint"},
            {"name": "line", "type": "varchar(20)"},
            {"name": "qty", "type": "int"},
        ],
        "record_key": ["refund_id"],
        "orphans": orphans,
    })
}

const REPLACE: [(&str, &str); 2] =
    [("main_sql", "REPLACE INTO `lines` (refund_id, line,\n qty) VALUES"), ("limit", "2")];

async fn stored_lines(site: &Site) -> Vec<String> {
    let quote = if site.is_mysql() { "`" } else { "\"" };
    let joined = if site.is_mysql() { "CONCAT(refund_id, line, qty)" } else { "refund_id || line || qty" };
    let sql = format!("SELECT {joined} FROM {quote}lines{quote} ORDER BY refund_id, line");
    site.texts(&sql).await.into_iter().flatten().collect()
}

pub async fn the_flows_own_statement_writes_and_lines_that_a_record_lost_are_deleted(site: &Site) {
    let target = site.target_of(&["refund_id", "line"], &lines("delete"), &REPLACE);
    target.claim(0).await.unwrap();
    let first = [
        delivery(0, &json!([[1, "a", 1], [1, "b", 2], [1, "c", 3]])),
        delivery(1, &json!([[2, "a", 9], [2, "b", 9]])),
    ];
    assert!(deliver(&target, &first, 2).await.unwrap().iter().all(is_delivered));
    assert_eq!(stored_lines(site).await, ["1a1", "1b2", "1c3", "2a9", "2b9"]);
    // A refused document keeps its rows, one of two records is refused, and a third is new.
    site.execute(if site.is_mysql() {
        "ALTER TABLE `lines` ADD CHECK (qty <> 13)"
    } else {
        "CREATE TRIGGER t BEFORE INSERT ON lines WHEN new.qty = 13 BEGIN SELECT RAISE(ABORT, 'no 13'); END"
    })
    .await;
    let second = [
        delivery(2, &json!([[1, "b", 5]])),
        delivery(3, &json!([[2, "c", 13]])),
        delivery(4, &json!([[3, "", 1], [4, "", 1]])),
    ];
    let outcomes = deliver(&target, &second, 5).await.unwrap();
    assert!(is_delivered(&outcomes[0]));
    assert_eq!(refusal(&outcomes[1]).code, codes::CONSTRAINT);
    assert_eq!(refusal(&outcomes[2]).code, codes::BODY, "rows of two records in one document");
    assert_eq!(stored_lines(site).await, ["1b5", "2a9", "2b9"]);
    let kept = site.target_of(&["refund_id", "line"], &lines("keep"), &REPLACE);
    kept.claim(0).await.unwrap();
    assert!(is_delivered(&deliver(&kept, &[delivery(5, &json!([[2, "z", 7]]))], 6).await.unwrap()[0]));
    assert_eq!(stored_lines(site).await, ["1b5", "2a9", "2b9", "2z7"]);
}

pub async fn rows_of_a_removed_record_are_deleted(site: &Site) {
    let target = |settings: &Json| {
        let section = json!({
            "system": site.system,
            "key": ["refund_id", "line"],
            "on_delete": "delete",
            "settings": settings,
            "metadata": {"api": "batchexecute", "request": []},
        });
        site.built(&site.parsed(&section), &site.connection, "cluster-a")
    };
    let removed = |offset, rows: &Json| {
        let mut removed = delivery(offset, rows);
        removed.document.deleted = true;
        removed
    };
    let by_record = target(&lines("delete"));
    by_record.claim(0).await.unwrap();
    let first =
        [delivery(0, &json!([[1, "a", 1], [1, "b", 2]])), delivery(1, &json!([[2, "a", 9], [2, "b", 9]]))];
    assert!(deliver(&by_record, &first, 2).await.unwrap().iter().all(is_delivered));
    // The removed state tells one line of two; others are written in the same transaction.
    let second = [
        removed(2, &json!([[1, "a", 1]])),
        delivery(3, &json!([[3, "a", 3]])),
        removed(4, &json!([[7, "a", 1]])),
    ];
    assert!(deliver(&by_record, &second, 5).await.unwrap().iter().all(is_delivered));
    assert_eq!(stored_lines(site).await, ["2a9", "2b9", "3a3"]);
    assert_eq!(target(&lines("delete")).claim(0).await.unwrap().stored_next, Some(5));
    // Without a record key, the rows that the removed state tells.
    let mut settings = lines("keep");
    settings.as_object_mut().unwrap().remove("record_key");
    let by_row = target(&settings);
    by_row.claim(0).await.unwrap();
    let third = [removed(5, &json!([[2, "a", 0], [3, "a", 0]]))];
    assert!(deliver(&by_row, &third, 6).await.unwrap().iter().all(is_delivered));
    assert_eq!(stored_lines(site).await, ["2b9"]);
    // It comes back.
    assert!(is_delivered(&deliver(&by_row, &[delivery(6, &json!([[3, "a", 4]]))], 7).await.unwrap()[0]));
    assert_eq!(stored_lines(site).await, ["2b9", "3a4"]);
}
