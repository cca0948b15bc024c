//! Reading rows back: all of a day, or those under some keys, compared with what was delivered.

use std::sync::Arc;

use jiff::civil::date;
use serde_json::json;
use weir_model::{
    Json,
    figures::{Measure, Paths},
    target::{Holding, ReadBack},
};

use super::{Site, deliver, delivery, is_delivered};

fn paths() -> Paths {
    Paths {
        day: Some("at".into()),
        shop: Some("shop".into()),
        pieces: Measure::parse("qty", true),
        amount: Measure::parse("total", false),
    }
}

/// Lines of refunds; a refund is one holding where `record_key` says so.
fn refunds(record_key: &Json) -> Json {
    json!({
        "table": "refunds",
        "create_table": true,
        "record_key": record_key,
        "columns": [
            {"name": "id", "type": "bigint"},
            {"name": "line", "type": "varchar(20)"},
            {"name": "shop", "type": "varchar(20)"},
            {"name": "qty", "type": "decimal(12,4)"},
            {"name": "total", "type": "decimal(12,2)"},
            {"name": "at", "type": "datetime"},
        ],
    })
}

fn told(holdings: &[Holding]) -> Vec<String> {
    let number = |number: &Option<weir_model::decimal::Decimal>| {
        number.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    let line = |Holding { key, figures }: &Holding| {
        let day = figures.day.map(|day| day.to_string()).unwrap_or_default();
        format!("{key} {day} {} {} {}", figures.shop, number(&figures.pieces), number(&figures.amount))
    };
    holdings.iter().map(line).collect()
}

pub async fn rows_of_a_day_come_back_with_their_figures(site: &Site) {
    let settings = refunds(&json!(["id"]));
    let target = site.target_of(&["id", "line"], &settings, &[]);
    target.claim(0).await.unwrap();
    let deliveries = [
        delivery(
            0,
            &json!([
                [9_007_199_254_740_993_i64, "a|1", "S1", "1.5", "12.50", "2024-01-14 00:00:00"],
                [9_007_199_254_740_993_i64, "b", "S1", "2", "12.50", "2024-01-14 00:00:00"]
            ]),
        ),
        delivery(1, &json!([[2, "", "S2", null, "0.10", "2024-01-14 23:59:59"]])),
        delivery(2, &json!([[3, "", "S2", "1", "7", "2024-01-15 00:00:00"]])),
    ];
    assert!(deliver(&target, &deliveries, 3).await.unwrap().iter().all(is_delivered));
    let reading = site.read_back_of(&["id", "line"], &settings, &paths());
    let day = ["2 2024-01-14 S2 0 0.10", "9007199254740993 2024-01-14 S1 3.5000 12.50"];
    let list = |reading: Arc<dyn ReadBack>| async move {
        told(&reading.list(date(2024, 1, 14), date(2024, 1, 15)).await.unwrap().unwrap())
    };
    assert_eq!(list(Arc::clone(&reading)).await, day);
    let expected: Vec<Holding> =
        deliveries.iter().flat_map(|delivery| reading.expected(&delivery.document).unwrap()).collect();
    let keys: Vec<String> = expected.iter().map(|holding| holding.key.clone()).collect();
    assert_eq!(keys, ["9007199254740993", "2", "3"]);
    let mut found = reading.find(&keys).await.unwrap();
    found.sort_by_key(|holding| keys.iter().position(|key| *key == holding.key));
    assert_eq!(found, expected);
    assert_eq!(reading.holding_key("9007199254740993|a\\|1"), "9007199254740993");

    site.execute("UPDATE refunds SET total = 1.25 WHERE id = 2").await;
    site.execute("DELETE FROM refunds WHERE id = 3").await;
    let found = reading.find(&["2".into(), "3".into(), "'; --".into()]).await.unwrap();
    assert_eq!(told(&found), ["2 2024-01-14 S2 0 1.25"]);

    // Without a record key each row stands for itself.
    let rows = site.read_back_of(&["id", "line"], &refunds(&json!([])), &paths());
    let keys: Vec<String> =
        rows.expected(&deliveries[0].document).unwrap().into_iter().map(|holding| holding.key).collect();
    assert_eq!(keys, ["9007199254740993|a\\|1", "9007199254740993|b"]);
    assert_eq!(rows.find(&keys).await.unwrap().len(), 2);
}

pub async fn a_day_of_many_rows_comes_back_page_by_page(site: &Site) {
    let settings = refunds(&json!([]));
    let target = site.target_of(&["id", "line"], &settings, &[]);
    target.claim(0).await.unwrap();
    let rows: Vec<Json> = (0..12_345)
        .map(|id| json!([id / 3, format!("{}", id % 3), "S", "1", "1", "2024-01-14 12:00:00"]))
        .collect();
    assert!(is_delivered(&deliver(&target, &[delivery(0, &json!(rows))], 1).await.unwrap()[0]));
    let reading = site.read_back_of(&["id", "line"], &settings, &paths());
    let found = reading.list(date(2024, 1, 14), date(2024, 1, 15)).await.unwrap().unwrap();
    assert_eq!(found.len(), 12_345);
    let no_day = Paths { day: None, ..paths() };
    let reading = site.read_back_of(&["id", "line"], &settings, &no_day);
    assert_eq!(reading.list(date(2024, 1, 14), date(2024, 1, 15)).await.unwrap(), None);
}
