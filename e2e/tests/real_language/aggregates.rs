//! Aggregates over generated lists: the rows of a record beside the rows of a derived table.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{server::Server, weir};

const LISTS: usize = 400;

/// A row: amount and count as written, and a colour.
#[derive(Clone, Debug)]
struct Row {
    amount: Option<String>,
    count: Option<i64>,
    colour: String,
}

/// Arguments over the list `d`, and the same over the columns of a table.
const ARGUMENTS: [(&str, &str); 12] = [
    ("SUM({{d.amount}})", "SUM(amount)"),
    ("AVG({{d.amount}})", "AVG(amount)"),
    ("MAX({{d.amount}})", "MAX(amount)"),
    ("MIN({{d.count}})", "MIN(count)"),
    ("COUNT({{d.amount}})", "COUNT(amount)"),
    ("SUM({{d.amount}}*{{d.count}})", "SUM(amount*count)"),
    ("SUM(DISTINCT {{d.count}})", "SUM(DISTINCT count)"),
    ("COUNT(DISTINCT '{{d.colour}}')", "COUNT(DISTINCT colour)"),
    ("MAX('{{d.colour}}')", "MAX(colour)"),
    (
        "SUM(CASE '{{d.colour}}' WHEN '红' THEN {{d.amount}} ELSE 0 END)",
        "SUM(CASE colour WHEN '红' THEN amount ELSE 0 END)",
    ),
    ("ROUND(SUM({{d.amount}}) / COUNT({{d.colour}}), 2)", "ROUND(SUM(amount) / COUNT(colour), 2)"),
    ("IFNULL(AVG({{d.count}}), 'none')", "IFNULL(AVG(count), 'none')"),
];

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let amount = proptest::option::weighted(0.85, "-?[0-9]{1,9}(\\.[0-9]{1,4})?");
    let count = proptest::option::weighted(0.85, -1_000_000..1_000_000_i64);
    let row = (amount, count, prop_oneof!["红", "蓝", "绿色", "red"].prop_map(String::from));
    proptest::collection::vec(row.prop_map(|(amount, count, colour)| Row { amount, count, colour }), 1..7)
}

fn record(rows: &[Row]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            // As text, so that leading zeros may stand.
            let amount = row.amount.as_ref().map_or("null".to_owned(), |amount| format!("\"{amount}\""));
            let count = row.count.map_or("null".to_owned(), |count| count.to_string());
            format!(r#"{{"amount":{amount},"count":{count},"colour":"{}"}}"#, row.colour)
        })
        .collect();
    format!(r#"{{"d":[{}]}}"#, rows.join(","))
}

fn table(rows: &[Row]) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let amount = row.amount.as_deref().map_or("NULL".to_owned(), |amount| {
                let (_, places) = amount.split_once('.').unwrap_or((amount, ""));
                format!("CAST('{amount}' AS DECIMAL(20,{}))", places.len())
            });
            let count = row.count.map_or("NULL".to_owned(), |count| count.to_string());
            format!("SELECT {amount} AS amount, {count} AS count, '{}' AS colour", row.colour)
        })
        .collect();
    format!("({}) AS d", rows.join(" UNION ALL "))
}

#[test]
fn lists_give_what_tables_give() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (strategy, mut server) = (rows(), Server::connect());
    let mut told = Vec::new();
    for _ in 0..LISTS {
        let rows = strategy.new_tree(&mut runner).unwrap().current();
        let (record, table) = (record(&rows), table(&rows));
        let queries = ARGUMENTS.map(|(_, sql)| format!("(SELECT {sql} FROM {table})"));
        let answers = server.evaluate(&queries.each_ref().map(String::as_str));
        for ((expression, _), answer) in ARGUMENTS.iter().zip(answers) {
            let own = weir::evaluate(&format!("_function {expression}"), &record);
            if !own.is(&answer) {
                told.push(format!("{expression} on {record}\n  Weir {own:?}\n  MariaDB {answer:?}"));
            }
        }
    }
    assert!(told.is_empty(), "{} differ\n{}", told.len(), told[..told.len().min(8)].join("\n"));
}
