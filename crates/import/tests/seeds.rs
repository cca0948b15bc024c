//! The five articles, as they are printed: what becomes of them, and what their reports must name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail by panicking")]

use serde_json::Value;
use weir_import::{Imported, Kind, export, import};
use weir_model::{flow::FlowSpec, settings::Problems};

const SEEDS: [(&str, &str); 5] = [
    ("wdt-refund-to-kingdee", include_str!("seeds/wdt-refund-to-kingdee.txt")),
    ("jushuitan-customer-to-kingdee", include_str!("seeds/jushuitan-customer-to-kingdee.txt")),
    ("wdt-aftersales-to-mysql", include_str!("seeds/wdt-aftersales-to-mysql.txt")),
    ("okki-order-to-k3wise", include_str!("seeds/okki-order-to-k3wise.txt")),
    ("jushuitan-sku-sn-to-mysql", include_str!("seeds/jushuitan-sku-sn-to-mysql.txt")),
];

#[track_caller]
fn seed(name: &str) -> (Imported, FlowSpec) {
    let (_, text) = SEEDS.iter().find(|(known, _)| *known == name).unwrap();
    let imported = import(name, text).unwrap();
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&imported.yaml, &mut problems).unwrap();
    assert!(!problems.has_errors(), "{:?}\n{}", problems.list(), imported.yaml);
    (imported, flow)
}

/// The English entries of a kind must hold each of these texts.
#[track_caller]
fn names(imported: &Imported, kind: Kind, texts: &[&str]) {
    let said: Vec<&str> = imported.report.of(kind).map(|entry| entry.text.en.as_str()).collect();
    for text in texts {
        assert!(said.iter().any(|entry| entry.contains(text)), "{kind:?} lacks {text:?}: {said:#?}");
    }
}

#[test]
fn every_article_becomes_a_flow() {
    for (name, _) in SEEDS {
        let (imported, flow) = seed(name);
        assert_eq!(imported.only, None, "{name}");
        assert_eq!(flow.name.as_str(), name);
        assert!(!flow.title.zh.is_empty() && !flow.target.key.is_empty(), "{name}");
        let page = imported.report.page(name);
        assert!(page.contains("## 假设") && page.contains("## Assumed"), "{page}");
        assert!(imported.report.entries().iter().all(|entry| !entry.text.zh.is_empty()));
    }
}

#[test]
fn the_refund_without_a_shop_is_named() {
    let (imported, flow) = seed("wdt-refund-to-kingdee");
    assert_eq!(flow.source.system, "wangdiantong-enterprise");
    assert_eq!(flow.source.metadata.page_size, Some(40));
    assert_eq!(flow.source.metadata.condition_bk[0].len(), 2);
    assert_eq!(flow.source.metadata.omission_remedy.as_ref().unwrap().crontab.as_str(), "55 3 * * *");
    assert_eq!(flow.aliases["f9720649-c4cb-3d51-8bb0-e633ee48e23c"], "shops");
    assert_eq!(flow.target.key, ["FBillNo"]);
    assert_eq!(flow.target.metadata.other_request[0].value.as_deref(), Some("SAL_RETURNSTOCK"));
    let lines = &flow.target.metadata.request[2];
    assert_eq!((lines.field.as_str(), lines.value.as_deref()), ("FEntity", Some("refund_order_list")));
    names(
        &imported,
        Kind::Doubtful,
        &[
            "constant \"TK2402291737\"",
            "condition_bk is not applied",
            "condition_bk: apply",
            "below), 4 times",
        ],
    );
    names(
        &imported,
        Kind::Assumed,
        &["fixed time 2023-01-01 00:00:00", "pagination.pageSize is 40", "called shops"],
    );
}

#[test]
fn the_customer_lacks_organisations() {
    let (imported, flow) = seed("jushuitan-customer-to-kingdee");
    assert_eq!(flow.source.metadata.api, "/open/jushuitan/distributor/query");
    assert_eq!(flow.source.key, ["drp_co_id"]);
    assert_eq!((flow.target.metadata.request.len(), flow.target.metadata.other_request.len()), (6, 4));
    names(
        &imported,
        Kind::Doubtful,
        &[
            "operation.rows is 1",
            "FUseOrgId has no value",
            "FCreateOrgId has no value",
            "FSELLER has no value",
            "below), 2 times",
        ],
    );
    names(&imported, Kind::LeftOut, &["example_distributor"]);
}

#[test]
fn the_statement_of_77_columns_gets_its_items() {
    let (imported, flow) = seed("wdt-aftersales-to-mysql");
    assert_eq!(flow.source.system, "wangdiantong-flagship");
    assert_eq!(flow.source.metadata.beat_flat, ["detail_list"]);
    assert_eq!(flow.target.key, ["refund_id", "detail_list_rec_id"]);
    let request = &flow.target.metadata.request;
    assert_eq!((request.len(), request[6].value.as_deref()), (77, Some("{flag_name}")));
    assert_eq!(request[5].label, "入库状态");
    assert_eq!(flow.target.settings["columns"].as_array().unwrap().len(), 77);
    names(&imported, Kind::Doubtful, &["detail_listal_price", "77 columns and the request prints 6 items"]);
    names(&imported, Kind::Assumed, &["71 items are added", "taken from the text"]);
    names(&imported, Kind::Repaired, &["lost its line ends", "backticks"]);
    names(&imported, Kind::LeftOut, &["a program", "Content-Type"]);
}

#[test]
fn the_orders_pages_are_put_together() {
    let (imported, flow) = seed("okki-order-to-k3wise");
    assert_eq!(
        (flow.source.system.as_str(), flow.target.system.as_str()),
        ("xiaoman-okki", "kingdee-k3wise")
    );
    let [head, lines] = flow.target.metadata.request.as_slice() else { panic!("{}", imported.yaml) };
    let fields: Vec<&str> = head.children.iter().map(|item| item.field.as_str()).collect();
    assert_eq!(fields, ["FCancellation", "Fdate", "FCustID", "FAreaPS", "FExchangeRate", "FBillNo"]);
    assert_eq!((lines.value.as_deref(), lines.children.len()), (Some("product_list"), 3));
    names(
        &imported,
        Kind::Assumed,
        &["FExchangeRate belongs is not printed", "Page1 names no source list", "removed = 0"],
    );
    names(
        &imported,
        Kind::Doubtful,
        &["find serial_id from ... where", "Page1.FCustID has no value", "below), 12 times"],
    );
    assert!(imported.report.of(Kind::Repaired).all(|entry| entry.line.is_some()));
}

#[test]
fn the_id_that_repeats_is_no_key() {
    let (imported, flow) = seed("jushuitan-sku-sn-to-mysql");
    assert_eq!(flow.source.metadata.id, "sku_sn");
    assert_eq!(flow.source.key, ["ioi_sn_id"]);
    names(
        &imported,
        Kind::Doubtful,
        &["sku_sn repeats", "main_params is an object without children", "no statement"],
    );
    names(&imported, Kind::Repaired, &["cut off here"]);
}

#[test]
fn what_is_exported_is_imported_again() {
    for (name, _) in SEEDS {
        let (imported, _) = seed(name);
        let printed = export(&imported.yaml).unwrap().both();
        let again = import(name, &printed.to_string()).unwrap();
        assert_eq!(export(&again.yaml).unwrap().both().to_string(), printed.to_string(), "{name}");
        assert_eq!(again.report.of(Kind::Repaired).count(), 0, "{name}");
    }
}

/// Every key and value of a printed block stands in what was imported.
#[test]
fn nothing_that_was_printed_is_lost() {
    let (imported, _) = seed("jushuitan-sku-sn-to-mysql");
    let exported = export(&imported.yaml).unwrap();
    let text = SEEDS[4].1;
    let begin = text.find("{\n  \"api\"").unwrap();
    let mut blocks = serde_json::Deserializer::from_str(&text[begin..]).into_iter::<Value>();
    let printed = blocks.next().unwrap().unwrap();
    assert_eq!(exported.source.unwrap().to_string(), printed.to_string());
}

/// `execute` with its statements: nothing is filled in but the key, and nothing is lost.
#[test]
fn statements_with_named_values_are_carried_over() {
    let printed = r#"{"api": "execute", "effect": "EXECUTE", "method": "SQL", "id": "order_no", "request": [
        {"field": "main_params", "type": "object", "children": [
            {"field": "amount", "value": "{amount}"}, {"field": "order_no", "value": "{so_id}"}]},
        {"field": "extend_params_1", "type": "array", "value": "items", "children": [
            {"field": "sku", "value": "{{items.sku_id}}"}]}],
      "otherRequest": [
        {"field": "main_sql", "value": "INSERT INTO orders (order_no, amount) VALUES (:order_no, :amount)"},
        {"field": "extend_sql_1", "value": "INSERT INTO goods (order_id, sku) VALUES (:lastInsertId, :sku)"}]}"#;
    let source = r#"{"api": "/open/orders/single/query", "effect": "QUERY", "id": "o_id", "request": []}"#;
    let text = format!("```json\n{source}\n```\n\n```json\n{printed}\n```\n");
    let imported = import("orders-to-mysql", &text).unwrap();
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&imported.yaml, &mut problems).unwrap();
    assert!(!problems.has_errors(), "{:?}\n{}", problems.list(), imported.yaml);
    assert_eq!(flow.target.key, ["main_params.order_no"]);
    assert!(flow.target.settings.is_null() && flow.target.runs_statements(), "{}", imported.yaml);
    let exported = export(&imported.yaml).unwrap().target.unwrap();
    assert_eq!(exported, serde_json::from_str::<Value>(printed).unwrap());
}
