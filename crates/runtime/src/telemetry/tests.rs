//! What is told is told: on the pages, in the log, to a collector, in the headers.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, Uri},
    routing::post,
};
use opentelemetry::trace::TraceContextExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use weir_model::{cursor::Lane, outcome::Code, tally::Counts};

use super::*;
use crate::{
    health::{Condition, Part},
    tasks::{self, TaskKind},
};

const DEADLINE: Duration = Duration::from_secs(20);

fn settings(otlp_endpoint: Option<String>) -> Settings {
    Settings {
        log_format: Format::Json,
        log_filter: "info".to_owned(),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        otlp_endpoint,
        instance: "host-1".to_owned(),
        service: "weir-test".to_owned(),
    }
}

/// Takes log lines into memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs `work` as in a process that was started with `telemetry`, and gives what it logged.
fn observed<T>(telemetry: &Telemetry, format: Format, filter: &str, work: impl FnOnce() -> T) -> (T, String) {
    let lines = Lines::default();
    let writer = lines.clone();
    let layer = logs::layer(format, false, move || writer.clone(), logs::filter(filter).unwrap());
    let subscriber = telemetry.subscriber(layer);
    let result = tracing::subscriber::with_default(subscriber, work);
    (result, lines.text())
}

async fn served(telemetry: &Telemetry) -> (SocketAddr, CancellationToken) {
    let stop = CancellationToken::new();
    let address = telemetry.serve(stop.clone()).await.unwrap().unwrap();
    (address, stop)
}

/// Status line and body of a page.
async fn get(address: SocketAddr, path: &'static str) -> (u16, String) {
    let fetch = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    };
    tokio::task::spawn_blocking(fetch).await.unwrap()
}

#[tokio::test]
async fn the_metrics_page_shows_what_was_counted() {
    let health = Health::default();
    health.report(&Part::Sink("orders".into()), Condition::Halted("K-AUTH: wrong secret".to_owned()));
    let telemetry = Telemetry::build(&settings(None), health).unwrap();
    let metrics = telemetry.metrics();
    metrics.page_polled(&"distributors".into(), Lane::Live, 50, 48);
    metrics.page_polled(&"distributors".into(), Lane::Live, 50, 2);
    metrics.call_ended(
        &"jst".into(),
        "distributor/query",
        CallOutcome::Failed,
        "throttled",
        Duration::from_millis(30),
    );
    metrics.deliveries_put_off(&"orders".into(), &Code::new("K-LOCKED"), 2);
    metrics.documents_ended(&"orders".into(), &Counts { delivered: 7, ..Counts::default() });
    metrics.consumer_lag("weir-sink-orders", "weir.doc.orders", 3, Some(17));
    metrics.consumer_lag("weir-sink-orders", "weir.doc.orders", 4, Some(18));
    metrics.consumer_lag("weir-sink-orders", "weir.doc.orders", 4, None);
    metrics.settled_until(&"distributors".into(), Some(jiff::Timestamp::UNIX_EPOCH));
    metrics.checks_failed(&"orders".into(), "has-lines", "reject", 4);
    metrics.records_waiting(&"orders".into(), Some((5, Some(jiff::Timestamp::UNIX_EPOCH))));
    metrics.records_waiting(&"refunds".into(), Some((0, None)));

    let (address, stop) = served(&telemetry).await;
    let (status, page) = get(address, "/metrics").await;
    stop.cancel();
    assert_eq!(status, 200);
    let line = |name: &str, labels: &[&str]| {
        let of_name =
            |line: &&str| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "));
        let found = page.lines().filter(of_name).find(|line| labels.iter().all(|label| line.contains(label)));
        found.unwrap_or_else(|| panic!("{name} {labels:?} is not on the page:\n{page}")).to_owned()
    };
    let polled = line("weir_poll_records_read_total", &[r#"source="distributors""#, r#"lane="live""#]);
    assert!(polled.ends_with(" 100"), "{polled}");
    assert!(line("weir_poll_records_published_total", &[]).ends_with(" 50"));
    line("weir_api_calls_total", &[r#"outcome="failed""#, r#"class="throttled""#]);
    line("weir_api_call_duration_seconds_bucket", &[r#"le="0.05""#]);
    assert!(line("weir_sink_documents_total", &[r#"outcome="delivered""#]).ends_with(" 7"));
    assert!(!page.contains(r#"outcome="dead""#), "what did not happen is not listed");
    assert!(line("weir_sink_retries_total", &[r#"code="K-LOCKED""#]).ends_with(" 2"));
    assert!(line("weir_kafka_consumer_lag_records", &[r#"partition="3""#]).ends_with(" 17"));
    assert!(!page.contains(r#"partition="4""#), "a lost partition has no lag here");
    let failed = line("weir_checks_failed_total", &[r#"check="has-lines""#, r#"severity="reject""#]);
    assert!(failed.ends_with(" 4"));
    assert!(line("weir_records_waiting", &[r#"flow="orders""#]).ends_with(" 5"));
    assert!(line("weir_records_waiting", &[r#"flow="refunds""#]).ends_with(" 0"));
    line("weir_records_waiting_oldest_seconds", &[r#"flow="orders""#]);
    line("weir_stage_condition", &[r#"stage="sink orders""#, r#"condition="halted""#]);
    assert!(line("weir_stages_halted", &[]).ends_with(" 1"));
    line("weir_build_info", &[concat!("version=\"", env!("CARGO_PKG_VERSION"), "\"")]);
    line("weir_poll_window_lag_seconds", &[]);
}

#[tokio::test]
async fn the_metrics_page_shows_how_far_each_flow_is_behind() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    let unread = |topic: &str, since| {
        let (flow, horizon) = ("orders".into(), Duration::from_secs(60));
        Unread { flow, topic: topic.to_owned(), horizon, since }
    };
    let metrics = telemetry.metrics();
    metrics.unread(vec![unread("weir.raw.removed", None)]);
    let epoch = Some(jiff::Timestamp::UNIX_EPOCH);
    metrics.unread(vec![unread("weir.raw.shop", epoch), unread("weir.doc.orders", None)]);
    let (address, stop) = served(&telemetry).await;
    let (_, page) = get(address, "/metrics").await;
    stop.cancel();
    let value = |name: &str, topic: &str| {
        let found = page.lines().find(|line| line.starts_with(name) && line.contains(topic));
        found.and_then(|line| line.rsplit(' ').next()).unwrap_or_default().to_owned()
    };
    assert!(value("weir_topic_oldest_unread_seconds", "weir.raw.shop").len() > 8, "since 1970: {page}");
    assert_eq!(value("weir_topic_oldest_unread_seconds", "weir.doc.orders"), "0");
    assert_eq!(value("weir_topic_horizon_seconds", "weir.raw.shop"), "60");
    assert!(!page.contains("weir.raw.removed"), "a flow that is no more raises no alarm");
}

#[tokio::test]
async fn the_health_pages_answer_with_the_stages_conditions() {
    let health = Health::default();
    let telemetry = Telemetry::build(&settings(None), health.clone()).unwrap();
    let (address, stop) = served(&telemetry).await;
    assert_eq!(get(address, "/healthz").await.0, 200);
    assert_eq!(get(address, "/readyz").await.0, 503);

    health.report(&Part::Source("jst".into()), Condition::Ready);
    assert_eq!(get(address, "/readyz").await.0, 200);

    health.report(&Part::Sink("orders".into()), Condition::Waiting("MySQL is away".to_owned()));
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["ready"], false);
    assert_eq!(body["stages"]["sink orders"]["condition"], "waiting");
    assert_eq!(body["stages"]["sink orders"]["why"], "MySQL is away");
    assert_eq!(get(address, "/healthz").await.0, 200);
    stop.cancel();
}

#[tokio::test]
async fn a_taken_address_is_told() {
    let first = Telemetry::build(&settings(None), Health::default()).unwrap();
    let (taken, stop) = served(&first).await;
    let second = Settings { listen: Some(taken), ..settings(None) };
    let refused = Telemetry::build(&second, Health::default()).unwrap().serve(stop.clone()).await;
    assert!(matches!(refused, Err(Error::Listen { address, .. }) if address == taken));
    stop.cancel();
}

#[tokio::test]
async fn without_an_address_nothing_is_served() {
    let silent = Settings { listen: None, ..settings(None) };
    let telemetry = Telemetry::build(&silent, Health::default()).unwrap();
    assert_eq!(telemetry.serve(CancellationToken::new()).await.unwrap(), None);
}

#[test]
fn json_log_lines_parse() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    let ((), text) = observed(&telemetry, Format::Json, "info", || {
        let span = tracing::info_span!("page", source = "distributors");
        let _entered = span.enter();
        tracing::warn!(status = 429, text = "含\"引号\"\n", "throttled");
        tracing::debug!("not written");
    });
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "throttled");
    assert_eq!(line["status"], 429);
    assert_eq!(line["text"], "含\"引号\"\n");
    assert_eq!(line["span"]["source"], "distributors");
}

#[test]
fn text_log_lines_carry_their_fields() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    let ((), text) = observed(&telemetry, Format::Text, "info", || tracing::info!(pages = 3, "window read"));
    assert!(text.contains("INFO") && text.contains("window read pages=3"), "{text}");
}

#[test]
fn a_filter_that_is_none_is_told() {
    let refused =
        start(&Settings { log_filter: "weir=loud".to_owned(), ..settings(None) }, Health::default());
    let Err(error) = refused else { panic!("it must be refused") };
    assert!(error.to_string().contains("weir=loud"), "{error}");
}

#[test]
fn trace_context_goes_from_span_to_span_without_a_collector() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    let (header, log) = observed(&telemetry, Format::Json, "error", || {
        let page = tracing::info_span!(target: "weir_runtime::poll", "page");
        let header = inject(&page).unwrap();
        assert_eq!(inject(&page).as_ref(), Some(&header), "records of a page share one value");

        let document = tracing::info_span!(target: "weir_runtime::map", "document");
        continue_from(&document, &header);
        let child = inject(&document).unwrap();
        assert_eq!(child[..35], header[..35], "the trace goes on");
        assert_ne!(child[36..52], header[36..52], "in a span of its own");
        header
    });
    assert_eq!(log, "", "a quiet log does not cut the trace");
    assert_eq!(header.len(), 55);
    assert!(header.starts_with("00-"), "{header}");
    let context = extract(&header).span().span_context().clone();
    assert!(context.is_valid() && context.is_remote());
}

#[test]
fn a_header_that_is_none_starts_a_trace_of_its_own() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    observed(&telemetry, Format::Json, "info", || {
        for bad in ["", "00-0-0-0", "not a header", &"0".repeat(55)] {
            let span = tracing::info_span!(target: "weir_runtime::map", "document");
            continue_from(&span, bad);
            link(&span, bad);
            assert!(span.context().span().span_context().is_valid(), "{bad:?}");
        }
    });
    let outside = tracing::info_span!("nobody listens");
    assert_eq!(inject(&outside), None);
}

#[test]
fn a_batch_joins_the_one_trace_it_is_part_of_and_links_to_several() {
    let telemetry = Telemetry::build(&settings(None), Health::default()).unwrap();
    observed(&telemetry, Format::Json, "info", || {
        let page = || tracing::info_span!(target: "weir_runtime::poll", parent: None, "page");
        let (first, second) = (inject(&page()).unwrap(), inject(&page()).unwrap());
        let of_one = tracing::info_span!(target: "weir_runtime::deliver", "batch");
        join(&of_one, [first.as_bytes(), first.as_bytes()]);
        assert_eq!(inject(&of_one).unwrap()[..35], first[..35]);
        let of_two = tracing::info_span!(target: "weir_runtime::deliver", "batch");
        join(&of_two, [first.as_bytes(), second.as_bytes()]);
        let own = inject(&of_two).unwrap();
        assert!(own[..35] != first[..35] && own[..35] != second[..35], "a trace of its own");
    });
}

/// A collector that remembers path and size of what it is sent.
async fn collector() -> (String, mpsc::UnboundedReceiver<(String, String, usize)>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let take = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        sender.send((uri.path().to_owned(), kind, body.len())).unwrap();
    };
    let router = Router::new().route("/v1/{signal}", post(take));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    tasks::spawn("collector", TaskKind::Service, async move { axum::serve(listener, router).await });
    (base, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_is_sent_traces_and_metrics() {
    let (base, mut received) = collector().await;
    let telemetry = Telemetry::build(&settings(Some(base)), Health::default()).unwrap();
    observed(&telemetry, Format::Json, "info", || {
        tracing::info_span!(target: "weir_runtime::poll", "page").in_scope(|| ());
    });
    telemetry.metrics().page_polled(&"distributors".into(), Lane::Live, 1, 1);
    drop(telemetry);

    let mut paths = Vec::new();
    while paths.len() < 2 {
        let (path, kind, size) = tokio::time::timeout(DEADLINE, received.recv())
            .await
            .expect("the collector got too little")
            .unwrap();
        assert_eq!(kind, "application/x-protobuf");
        assert!(size > 0);
        paths.push(path);
    }
    paths.sort();
    assert_eq!(paths, ["/v1/metrics", "/v1/traces"]);
}

#[test]
fn an_endpoint_that_is_no_url_is_told() {
    for bad in ["", "localhost:4318", "/collector", "ftp://collector"] {
        let refused = Telemetry::build(&settings(Some(bad.to_owned())), Health::default());
        assert!(matches!(refused, Err(Error::Endpoint { endpoint }) if endpoint == bad), "{bad}");
    }
    let refused = Telemetry::build(&settings(Some("http://a b".to_owned())), Health::default());
    assert!(matches!(refused, Err(Error::Exporter { .. })));
}
