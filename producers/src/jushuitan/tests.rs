//! What `check` and `build` say about flows and connections that cannot work, and what is sent for those that can.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use weir_model::{Json, cursor::Lane, secret::Secret};
use weir_runtime::telemetry::Metrics;

use super::*;
use crate::{feed::PageAt, paging::Strategy, record::tests::source as spec};

const DISTRIBUTORS: &str = r#"  name: s
  system: jushuitan
  modified: modified
  poll: {look_back: 5m}
  metadata:
    api: /open/jushuitan/distributor/query
    id: drp_co_id
    request:
      - {field: page_index, type: string, value: "1"}
      - {field: page_size, type: string, value: "50"}
      - {field: modified_begin, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: modified_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

const MOVEMENTS: &str = r#"  name: s
  system: jushuitan
  modified: create_time
  settings: {biz_numbers: int}
  metadata:
    api: /open/webapi/wmsapi/skusn/queryinoutitemskusns
    id: ioi_sn_id
    pagination: {pageSize: 500}
    request:
      - {field: create_time_start, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: create_time_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

const MY_CHANNELS: &str = r#"  name: s
  system: jushuitan
  modified: updated
  metadata:
    api: /open/api/drp/inneropen/partner/supplier/querymychannel
    id: channel_co_id
    request:
      - {field: page_num, type: string, value: "1"}
      - {field: page_size, type: string, value: "100"}
      - {field: status, type: int, value: "2"}
      - {field: updated_start, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: updated_end, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

fn problems_of(source: &str) -> Vec<String> {
    let mut problems = Problems::new("f.yaml");
    check(&spec(source), &mut problems);
    problems.list().iter().map(ToString::to_string).collect()
}

fn connection(settings: Json) -> Connection {
    Connection {
        name: "shop".into(),
        file: "weir.yaml".into(),
        path: "connections.shop".into(),
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings,
        seal_key: None,
    }
}

#[test]
fn a_refresh_token_needs_a_key_to_keep_the_next_one() {
    let read = |seal_key| {
        let settings = serde_json::json!({
            "app_key": "k", "app_secret": "s", "access_token": "t", "refresh_token": "r"
        });
        let mut problems = Problems::new("weir.yaml");
        check_connection(&Connection { seal_key, ..connection(settings) }, &mut problems);
        problems.list().iter().map(|problem| problem.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(read(None), ["connections.shop.refresh_token"]);
    assert!(read(Some(Secret::new("a key that is long enough"))).is_empty());
}

fn biz(source: &str, at: PageAt) -> String {
    let source = SourceSettings::read(&spec(source), &mut Problems::new("f.yaml")).unwrap();
    let settings = serde_json::json!({"app_key": "k", "app_secret": "s", "access_token": "t"});
    let mut problems = Problems::new("weir.yaml");
    let connection = connection(settings);
    let settings = connection::read(&connection, &mut problems).unwrap();
    let client = Arc::new(Client::new(settings.client, None).unwrap());
    let from: Timestamp = "2024-01-07T16:00:00Z".parse().unwrap();
    let ask = Ask {
        from,
        to: from + SignedDuration::from_hours(1),
        at,
        page_size: 50,
        lane: Lane::Live,
        archived: false,
    };
    Feed::new(client, source, &connection, Metrics::default()).biz(&ask).unwrap()
}

#[test]
fn the_seeds_sources_and_the_successor_are_fine() {
    for source in [DISTRIBUTORS, MY_CHANNELS, MOVEMENTS] {
        assert_eq!(problems_of(source), Vec::<String>::new());
    }
}

#[test]
fn the_endpoint_decides_how_a_source_is_paged() {
    let read = |source| {
        let spec = spec(source);
        let settings = SourceSettings::read(&spec, &mut Problems::new("f.yaml")).unwrap();
        settings.poll_settings(TimeZone::UTC)
    };
    let (distributors, movements) = (read(DISTRIBUTORS), read(MOVEMENTS));
    let channels = read(MY_CHANNELS);
    assert_eq!((channels.strategy, channels.page_size), (Strategy::LastPageFirst, 100));
    assert_eq!(channels.longest_window.unwrap().as_secs(), 7 * 86_400);
    assert_eq!((distributors.strategy, distributors.page_size), (Strategy::LastPageFirst, 50));
    assert_eq!((movements.strategy, movements.page_size), (Strategy::RowCursor, 500));
    assert_eq!(movements.row_cursor, Some("ioi_sn_id"));
    assert_eq!(movements.longest_window.unwrap().as_secs(), 30 * 86_400);
    assert_ne!(distributors.request_digest, movements.request_digest);
    let narrower = DISTRIBUTORS.replace(
        "    request:\n",
        "    request:\n      - {field: drp_co_ids, type: array, value: \"[1]\"}\n",
    );
    assert_ne!(distributors.request_digest, read(&narrower).request_digest);
}

#[test]
fn biz_holds_the_window_and_the_page_as_the_source_is_set_to_write_them() {
    assert_eq!(
        biz(DISTRIBUTORS, PageAt::Number(7)),
        r#"{"page_index":"7","page_size":"50","modified_begin":"2024-01-08 00:00:00","modified_end":"2024-01-08 01:00:00"}"#
    );
    assert_eq!(
        biz(MOVEMENTS, PageAt::After(Some("1700000000000000000001".into()))),
        r#"{"create_time_start":"2024-01-08 00:00:00","create_time_end":"2024-01-08 01:00:00","page_index":1,"page_size":50,"last_ioi_sn_id":1700000000000000000001}"#
    );
}

#[test]
fn the_successor_and_the_seeds_object_filter_are_sent_as_they_are_named() {
    assert_eq!(
        biz(MY_CHANNELS, PageAt::Number(2)),
        r#"{"page_num":"2","page_size":"50","status":2,"updated_start":"2024-01-08 00:00:00","updated_end":"2024-01-08 01:00:00"}"#
    );
    let filter = r#"[{"drp_co_name": "示例分销商"}, 10099001]"#;
    let fixed = format!("      - {{field: drp_co_ids, type: array, value: '{filter}'}}");
    let nested = "      - field: drp_co_ids\n        type: array\n        children:\n          \
                  - {field: drp_co_name, type: string, value: 示例分销商}";
    for (item, expect) in [
        (fixed.as_str(), r#"[{"drp_co_name":"示例分销商"},10099001]"#),
        (nested, r#"[{"drp_co_name":"示例分销商"}]"#),
    ] {
        let source = format!("{DISTRIBUTORS}\n{item}");
        assert_eq!(problems_of(&source), Vec::<String>::new());
        let biz = biz(&source, PageAt::Number(1));
        assert!(biz.ends_with(&format!(r#""drp_co_ids":{expect}}}"#)), "{biz}");
    }
}

#[test]
fn the_cursor_goes_on_after_the_largest_row_and_begins_below_all() {
    let cursor = |after: Option<&str>| {
        let biz = biz(MOVEMENTS, PageAt::After(after.map(str::to_owned)));
        let biz: Json = serde_json::from_str(&biz).unwrap();
        (biz["page_index"].to_string(), biz["last_ioi_sn_id"].to_string())
    };
    assert_eq!(cursor(None), ("1".to_owned(), "0".to_owned()));
    assert_eq!(cursor(Some("9000001")), ("1".to_owned(), "9000001".to_owned()));
    let by_number: Json = serde_json::from_str(&biz(MOVEMENTS, PageAt::Number(3))).unwrap();
    assert_eq!(
        (by_number["page_index"].to_string(), by_number.get("last_ioi_sn_id")),
        ("3".to_owned(), None)
    );
}

#[test]
fn a_key_that_movements_share_is_told() {
    let seed = MOVEMENTS.replace("id: ioi_sn_id", "id: sku_sn");
    assert_eq!(
        problems_of(&seed),
        [
            "f.yaml: source.key: sku_sn does not tell records apart: those that share it overwrite each other (write \
          {key: [ioi_sn_id], key_fallback: [sku_sn, io_id, inout_type, create_time]} in the source)"
        ]
    );
    let keyed = seed.replace("  metadata:", "  key: [ioi_sn_id]\n  metadata:");
    assert_eq!(problems_of(&keyed), Vec::<String>::new());
}

#[test]
fn every_problem_of_a_source_comes_at_once() {
    let broken = DISTRIBUTORS
        .replace("modified: modified", "settings: {biz_number: int, window_max: 4m}")
        .replace("value: \"50\"", "value: \"51\"")
        .replace("{{CURRENT_TIME|datetime}}", "2024-01-01 00:00:00");
    assert_eq!(
        problems_of(&broken),
        [
            "f.yaml: source.settings.biz_number: unknown key \"biz_number\" (did you mean \"biz_numbers\"?)",
            "f.yaml: source.metadata.request: modified_end must be made of CURRENT_TIME: windows are planned (write \
             {field: modified_end, type: string, value: \"{{CURRENT_TIME|datetime}}\"})",
            "f.yaml: source.poll.look_back: look_back must be shorter than the longest window the API takes (write \
             less than 240s)",
            "f.yaml: source.modified: without modified, states of a record are ordered by arrival alone (name the \
             record's field of its modification time, such as modified: modified)",
            "f.yaml: source.metadata.request: a page of 51 rows; the API takes 1 to 50 (write 50 for page_size)",
        ]
    );
    let unknown = DISTRIBUTORS.replace("distributor/query", "distributor/qeury");
    assert_eq!(
        problems_of(&unknown),
        ["f.yaml: source.metadata.api: unknown value \"/open/jushuitan/distributor/qeury\" \
          (did you mean \"/open/jushuitan/distributor/query\"?)"]
    );
}

#[test]
fn every_problem_of_a_connection_comes_at_once_and_no_secret_with_it() {
    let settings =
        serde_json::json!({"base_url": "openapi", "app_secret": "hush-hush", "acces_token": "hush-too"});
    let mut problems = Problems::new("weir.yaml");
    check_connection(&connection(settings), &mut problems);
    let said: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "weir.yaml: connections.shop.app_key: is required (add app_key: …)",
            "weir.yaml: connections.shop.access_token: is required (add access_token: ${env:NAME})",
            "weir.yaml: connections.shop.acces_token: unknown key \"acces_token\" (did you mean \"access_token\"?)",
            "weir.yaml: connections.shop.base_url: \"openapi\" is no http address (such as https://openapi.jushuitan.com)",
        ]
    );
    assert!(!format!("{problems:?}").contains("hush"), "{problems:?}");
}

#[test]
fn a_row_keeps_its_bytes_through_the_source() {
    let maker = crate::record::RecordMaker::new(&spec(MOVEMENTS), Some("ioi_sn_id"), TimeZone::UTC);
    let bytes = Bytes::from_static(b"{\"ioi_sn_id\":9000001,\"cost_amount\":10.0}");
    let row = maker.read(bytes.clone());
    assert_eq!((row.bytes, row.row_cursor.as_deref()), (bytes, Some("9000001")));
}
