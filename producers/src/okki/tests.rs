//! What `check` and `build` say about flows and connections, and how pages are asked for.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;
use weir_model::{Json, cursor::Lane};
use weir_runtime::telemetry::Metrics;

use super::*;
use crate::{feed::PageAt, record::tests::source as spec};

const ORDERS: &str = r#"  name: s
  system: xiaoman-okki
  modified: update_time
  metadata:
    api: /v1/invoices/order/list
    id: order_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: start_index, type: string, value: "1"}
      - {field: count, type: string, value: "10"}
      - {field: removed, type: string, value: "0"}
      - {field: status, type: string, value: ""}"#;

const COMPANIES: &str =
    "  name: c\n  system: xiaoman-okki\n  metadata: {api: /v1/company/list, id: company_id}";

fn connection(settings: Json) -> Connection {
    Connection {
        name: "crm".into(),
        file: "weir.yaml".into(),
        path: "connections.crm".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings,
        seal_key: None,
    }
}

fn said(problems: &Problems) -> Vec<String> {
    problems.list().iter().map(ToString::to_string).collect()
}

fn problems_of(source: &str) -> Vec<String> {
    let mut problems = Problems::new("f.yaml");
    check(&spec(source), &mut problems);
    said(&problems)
}

fn read(source: &str) -> SourceSettings {
    SourceSettings::read(&spec(source), &mut Problems::new("f.yaml")).unwrap()
}

#[test]
fn the_seeds_source_and_the_customers_are_fine() {
    assert_eq!(problems_of(ORDERS), Vec::<String>::new());
    assert_eq!(problems_of(COMPANIES), Vec::<String>::new());
}

#[test]
fn an_unknown_list_a_window_without_ends_and_a_setting_of_another_list_are_told() {
    let unknown = ORDERS.replace("order/list", "order/lsit");
    assert!(problems_of(&unknown)[0].contains("did you mean \"/v1/invoices/order/list\"?"));
    let endless = ORDERS.replace("{{CURRENT_TIME|datetime}}", "2024-01-01");
    assert!(problems_of(&endless)[0].contains("end_time must be made of CURRENT_TIME"));
    let settings = COMPANIES.replace("  metadata", "  settings: {expand: info}\n  metadata");
    assert!(problems_of(&settings)[0].contains("unknown key \"expand\""), "{:?}", problems_of(&settings));
}

#[test]
fn where_only_dates_count_windows_overlap_by_a_day() {
    let by_date = read(ORDERS);
    assert_eq!(by_date.overlapping(&spec(ORDERS)).poll.look_back, Duration::from_secs(86_400));
    assert_eq!(by_date.poll_settings(TimeZone::UTC).reach_before, Duration::from_secs(86_400));
    let exact = ORDERS.replace("  metadata", "  settings: {time_precision: datetime}\n  metadata");
    let settings = read(&exact);
    assert_eq!(settings.overlapping(&spec(&exact)).poll.look_back, spec(&exact).poll.look_back);
    assert_eq!(settings.poll_settings(TimeZone::UTC).reach_before, Duration::ZERO);
    assert_eq!(read(COMPANIES).poll_settings(TimeZone::UTC).longest_window, None);
}

#[test]
fn a_page_is_asked_for_in_full_times_and_without_empty_parameters() {
    let connection = connection(json!({"client_id": "c", "client_secret": "x"}));
    let settings = connection::read(&connection, &mut Problems::new("weir.yaml")).unwrap();
    let client = Arc::new(Client::new(settings).unwrap());
    let feed = Feed::new(client, read(ORDERS), &connection, Metrics::default());
    let second = |second| Timestamp::from_second(second).unwrap();
    let ask = Ask {
        from: second(1_705_284_000),
        to: second(1_705_287_600),
        at: PageAt::Number(3),
        page_size: 10,
        lane: Lane::Live,
        archived: false,
    };
    let query = feed.query(&ask).unwrap();
    let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        query,
        [
            ("start_time", "2024-01-15 10:00:00"),
            ("end_time", "2024-01-15 11:00:00"),
            ("start_index", "3"),
            ("count", "10"),
        ]
    );
}

#[test]
fn every_problem_of_a_connection_comes_at_once_and_no_secret_with_it() {
    let settings =
        json!({"grant": "password", "client_secret": "hush-hush", "password": "hush", "base_url": "crm"});
    let mut problems = Problems::new("weir.yaml");
    check_connection(&connection(settings), &mut problems);
    let told = said(&problems);
    for missing in ["username", "client_id", "base_url"] {
        assert!(
            told.iter().any(|problem| problem.contains(&format!("connections.crm.{missing}:"))),
            "{told:?}"
        );
    }
    assert_eq!(told.len(), 3);
    assert!(!format!("{problems:?}").contains("hush"));
    let mut problems = Problems::new("weir.yaml");
    assert!(connection::read(&connection(json!({"auth": "none"})), &mut problems).is_some());
}
