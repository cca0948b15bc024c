//! What `check` and `build` say about flows and connections of both editions, and how a source is called.

use jiff::tz::TimeZone;
use serde_json::json;
use weir_clients::wangdiantong::Access;
use weir_model::Json;

use super::*;
use crate::record::tests::source as spec;

const REFUNDS: &str = r#"  name: s
  system: wangdiantong-enterprise
  modified: modified
  metadata:
    api: wdt.refund.query
    id: refund_id
    request:
      - {field: start_time, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
      - {field: end_time, type: string, value: "{{CURRENT_TIME|datetime}}"}
      - {field: page_size, type: string, value: "40"}
      - {field: page_no, type: string, value: "0"}"#;

const AFTER_SALES: &str = r#"  name: s
  system: wangdiantong-flagship
  modified: modified_date
  metadata:
    api: wdt.aftersales.refund.refund.search
    id: refund_id
    request:
      - field: pager
        type: object
        children:
          - {field: page_size, type: string, value: "50"}
          - {field: page_no, type: string, value: "1"}
      - field: params
        type: object
        children:
          - {field: modified_from, type: string, value: "{{LAST_SYNC_TIME|datetime}}"}
          - {field: modified_to, type: string, value: "{{CURRENT_TIME|datetime}}"}"#;

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

fn both() -> Json {
    json!({
        "sid": "s", "app_key": "k", "app_secret": "secret:salt", "qimen_app_key": "q", "qimen_app_secret": "x"
    })
}

fn said(problems: &Problems) -> Vec<String> {
    problems.list().iter().map(ToString::to_string).collect()
}

fn problems_of(edition: Edition, source: &str) -> Vec<String> {
    let mut problems = Problems::new("f.yaml");
    check(edition, &spec(source), &mut problems);
    said(&problems)
}

/// Path, first page and page size.
fn called(edition: Edition, source: &str, settings: Json) -> Result<(String, u32, u32), Vec<String>> {
    let mut problems = Problems::new("f.yaml");
    let connection = connection::read(edition, &connection(settings), &mut problems);
    let source = SourceSettings::read(edition, &spec(source), &mut problems);
    match source.zip(connection).and_then(|(source, connection)| source.called_by(&connection, &mut problems))
    {
        Some(source) if !problems.has_errors() => {
            let size = source.poll_settings(TimeZone::UTC).page_size;
            Ok((source.list.endpoint.operation, source.list.page.first, size))
        }
        _ => Err(said(&problems)),
    }
}

#[test]
fn the_seeds_sources_are_fine() {
    assert_eq!(problems_of(Edition::Enterprise, REFUNDS), Vec::<String>::new());
    assert_eq!(problems_of(Edition::Flagship, AFTER_SALES), Vec::<String>::new());
}

#[test]
fn the_access_decides_the_path_and_the_first_page() {
    let with = |access: &str| {
        let mut settings = both();
        settings["access"] = access.into();
        settings
    };
    for (edition, source, access, expect) in [
        (Edition::Enterprise, REFUNDS, "direct", ("refund_query.php", 0, 40)),
        (Edition::Enterprise, REFUNDS, "qimen", ("wdt.refund.query", 0, 40)),
        (Edition::Flagship, AFTER_SALES, "direct", ("aftersales.refund.Refund.search", 0, 50)),
        (Edition::Flagship, AFTER_SALES, "qimen", ("wdt.aftersales.refund.refund.search", 1, 50)),
    ] {
        let (path, first, size) = called(edition, source, with(access)).unwrap();
        assert_eq!((path.as_str(), first, size), expect);
    }
    let chosen = REFUNDS.replace("  metadata:", "  settings: {access: qimen, page_no_base: 1}\n  metadata:");
    let called = called(Edition::Enterprise, &chosen, both()).unwrap();
    assert_eq!(called, ("wdt.refund.query".to_owned(), 1, 40));
}

#[test]
fn a_path_that_cannot_be_called_is_told() {
    let own = json!({"sid": "s", "app_key": "k", "app_secret": "x"});
    let chosen = REFUNDS.replace("  metadata:", "  settings: {access: qimen}\n  metadata:");
    assert_eq!(
        called(Edition::Enterprise, &chosen, own).unwrap_err(),
        [
            "f.yaml: source.settings.access: the source is called by qimen, and the connection has no credentials for it \
          (direct needs app_key and app_secret, qimen needs qimen_app_key and qimen_app_secret)"
        ]
    );
    let history = chosen.replace("wdt.refund.query", "his_refund_query.php");
    assert_eq!(
        called(Edition::Enterprise, &history, both()).unwrap_err(),
        ["f.yaml: source.settings.access: his_refund_query.php cannot be called by qimen \
          (write settings: {access: direct} in the source)"]
    );
    let history = REFUNDS.replace("wdt.refund.query", "his_refund_query.php");
    assert_eq!(called(Edition::Enterprise, &history, both()).unwrap().0, "his_refund_query.php");
}

/// Path and age of the archive, when there is one.
fn archive(edition: Edition, source: &str, settings: Json) -> Result<Option<(String, u64)>, Vec<String>> {
    let mut problems = Problems::new("f.yaml");
    let connection = connection::read(edition, &connection(settings), &mut problems).unwrap();
    let source = SourceSettings::read(edition, &spec(source), &mut problems).unwrap();
    let called = source.called_by(&connection, &mut problems);
    if problems.has_errors() {
        return Err(said(&problems));
    }
    let called = called.unwrap();
    let polled = called.poll_settings(TimeZone::UTC);
    assert_eq!(polled.history.is_some(), called.archive.is_some());
    assert!(polled.history.is_none_or(|history| history.request_digest != polled.request_digest));
    let days = |after: std::time::Duration| after.as_secs() / 86_400;
    Ok(called.archive.map(|(list, after)| (list.endpoint.operation, days(after))))
}

#[test]
fn older_windows_are_read_from_the_archive_too() {
    let with = |access: &str| {
        let mut settings = both();
        settings["access"] = access.into();
        settings
    };
    for (edition, source, access, expect) in [
        (Edition::Enterprise, REFUNDS, "direct", "his_refund_query.php"),
        // Qimen has no list of archived records: the direct gateway is called for them.
        (Edition::Enterprise, REFUNDS, "qimen", "his_refund_query.php"),
        (Edition::Flagship, AFTER_SALES, "direct", "aftersales.refund.Refund.searchHistory"),
        (Edition::Flagship, AFTER_SALES, "qimen", "wdt.aftersales.refund.refund.searchhistory"),
    ] {
        assert_eq!(archive(edition, source, with(access)), Ok(Some((expect.to_owned(), 90))));
    }
    let set = |value: &str| {
        REFUNDS.replace("  metadata:", &format!("  settings: {{history_after: {value}}}\n  metadata:"))
    };
    let direct = |source: &str| archive(Edition::Enterprise, source, with("direct")).unwrap();
    assert_eq!(direct(&set("45d")).unwrap().1, 45);
    assert_eq!(direct(&set("\"off\"")), None);
    let itself = REFUNDS.replace("wdt.refund.query", "his_refund_query.php");
    assert_eq!(direct(&itself), None, "the archive has no archive");
    assert_eq!(
        problems_of(Edition::Enterprise, &set("long")),
        [
            "f.yaml: source.settings.history_after: \"long\" is no length of time (such as 90d; off never reads the archive)"
        ]
    );
}

#[test]
fn an_archive_that_is_asked_for_and_out_of_reach_is_told() {
    let qimen = json!({"access": "qimen", "sid": "s", "qimen_app_key": "q", "qimen_app_secret": "x"});
    assert_eq!(archive(Edition::Enterprise, REFUNDS, qimen.clone()), Ok(None));
    let set = REFUNDS.replace("  metadata:", "  settings: {history_after: 90d}\n  metadata:");
    let told = archive(Edition::Enterprise, &set, qimen).unwrap_err();
    assert!(told[0].contains("Qimen has no archive of wdt.refund.query"), "{told:?}");
}

#[test]
fn a_page_beyond_the_limit_a_window_without_ends_and_an_unknown_api_are_told() {
    let wide = REFUNDS.replace("\"40\"", "\"100\"");
    assert_eq!(
        problems_of(Edition::Enterprise, &wide),
        [
            "f.yaml: source.metadata.request: a page of 100 rows; the API takes 1 to 40 (write 40 for page_size)"
        ]
    );
    let allowed = wide.replace("  metadata:", "  settings: {page_size_max: 100}\n  metadata:");
    assert_eq!(problems_of(Edition::Enterprise, &allowed), Vec::<String>::new());
    let endless = AFTER_SALES.replace("{{CURRENT_TIME|datetime}}", "2024-01-01 00:00:00");
    let said = problems_of(Edition::Flagship, &endless);
    assert!(said[0].contains("modified_to must be made of CURRENT_TIME"), "{said:?}");
    let unknown = REFUNDS.replace("wdt.refund.query", "wdt.refund.qeury");
    assert_eq!(
        problems_of(Edition::Enterprise, &unknown),
        [
            "f.yaml: source.metadata.api: unknown value \"wdt.refund.qeury\" (did you mean \"wdt.refund.query\"?)"
        ]
    );
}

#[test]
fn every_problem_of_a_connection_comes_at_once_and_no_secret_with_it() {
    let settings = json!({
        "access": "qimen", "app_key": "k", "app_secret": "hush-hush", "qimen_url": "router", "qimen_app_key": "q",
        "calls_per_minutes": 5
    });
    let mut problems = Problems::new("weir.yaml");
    check_connection(Edition::Flagship, &connection(settings), &mut problems);
    assert_eq!(
        said(&problems),
        [
            "weir.yaml: connections.shop.sid: is required (add sid: …)",
            "weir.yaml: connections.shop.qimen_url: \"router\" is no http address \
             (such as http://3ldsmu02o9.api.taobao.com/router/qm)",
            "weir.yaml: connections.shop.qimen_app_secret: is required (add qimen_app_secret: ${env:NAME})",
            "weir.yaml: connections.shop.app_secret: the flagship edition's app_secret has two parts, joined by a colon \
             (write it as issued, secret:salt)",
            "weir.yaml: connections.shop.calls_per_minutes: unknown key \"calls_per_minutes\" (did you mean \"calls_per_minute\"?)",
        ]
    );
    assert!(!format!("{problems:?}").contains("hush"));
}

#[test]
fn both_paths_of_one_connection_share_its_quota() {
    let mut problems = Problems::new("weir.yaml");
    let mut settings = both();
    settings["calls_per_minute"] = 57.into();
    let read = connection::read(Edition::Flagship, &connection(settings), &mut problems).unwrap();
    assert_eq!(read.limits, [weir_clients::governor::Limit { calls: 57, seconds: 60 }]);
    for access in [Access::Direct, Access::Qimen] {
        assert!(read.client.gateways.get(access).is_some());
    }
}
