//! The stage loops from end to end on the broker inside the process: what they make of every answer, what they leave
//! behind, and that a loop that was cut off anywhere goes on without a lost or a double write (invariants 1, 3, 4, 7).
//!
//! That broker keeps no offsets of transactions, so a restart reads everything again: the receipts alone must hold.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail them"
)]

mod support;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
};

use support::{Bench, CountingPoller, FakeTarget, Say, TRACEPARENT, document, documents, raw, wait_for};
use tokio_util::sync::CancellationToken;
use weir_kafka::{OutRecord, Publisher};
use weir_model::{
    document::Verdict,
    letter::Stage,
    outcome::{Code, Refusal},
    receipt::AttemptState,
    record::RawRecord,
};
use weir_runtime::{
    deliver::treatment::{Rules, Treatment, Treatments, Untreatable},
    health::Condition,
    stage::StageError,
    telemetry,
    topics::FLOW_PARTITIONS,
};
use weir_schemas::{REASON_HEADER, TRACEPARENT_HEADER};

#[test]
fn every_answer_of_a_target_leaves_what_it_should() {
    let bench = Bench::in_process();
    let target = Arc::new(FakeTarget::new(100));
    target.answer("reject", &[Say::Reject]);
    target.answer("retry", &[Say::Retry, Say::Retry]);
    target.answer("unknown", &[Say::UnknownButStored]);
    let mut sent: Vec<_> =
        ["plain", "reject", "retry", "unknown", "filtered"].map(|id| document(id, 1, "x")).into();
    sent[4].verdict = Verdict::Filtered("rule".to_owned());
    bench.send_documents(&sent);
    let stage = bench.deliver(&target);
    let counts = bench.wait_for_ended(5);
    stage.stop().unwrap();

    assert_eq!((counts.delivered, counts.dead, counts.filtered), (3, 1, 1));
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());
    assert_eq!(target.stored().into_keys().collect::<Vec<_>>(), ["plain", "retry", "unknown"]);
    let looked_up: Vec<_> = target.calls().into_iter().flatten().filter(|seen| seen.unresolved).collect();
    assert!(!looked_up.is_empty() && looked_up.iter().all(|seen| seen.id == "unknown"), "{looked_up:?}");
    let letters = bench.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].record_id.as_str(), letters[0].refusal.code.as_str()), ("reject", "T-TEST"));
    for id in ["plain", "retry", "unknown"] {
        let receipts = bench.receipts();
        let of_id: Vec<_> = receipts.iter().filter(|receipt| receipt.record_id.as_str() == id).collect();
        let [announced, delivered] = of_id.as_slice() else { panic!("{id}: {of_id:?}") };
        let attempt = announced.attempt.as_ref().unwrap();
        assert_eq!(attempt.state, AttemptState::Sending, "durable before the call");
        assert_eq!((&delivered.attempt, delivered.delivered.is_some()), (&None, true));
    }
}

#[test]
fn a_halt_keeps_what_ended_and_what_comes_next_waits() {
    let mut bench = Bench::in_process();
    bench.deployment.health = weir_runtime::health::Health::default();
    let target = Arc::new(FakeTarget::new(100));
    target.answer("halt", &[Say::Halt]);
    bench.send_documents(&[document("halt", 1, "x")]);
    let stage = bench.deliver(&target);
    let health = bench.deployment.health.clone();
    wait_for("the halt", || {
        let conditions = health.conditions();
        matches!(conditions.get("sink flow"), Some(Condition::Halted(_))).then_some(())
    });
    bench.send_documents(&documents(20));
    let calls = target.calls().len();
    stage.stop().unwrap();
    assert_eq!(target.calls().len(), calls, "nothing is sent after a halt");
    assert_eq!(bench.counted(Stage::Sink).accounted(), 0);

    // A person acted: the next start looks up what was left open, and delivers all.
    let stage = bench.deliver(&target);
    let counts = bench.wait_for_ended(21);
    stage.stop().unwrap();
    assert_eq!((counts.delivered, counts.accounted()), (21, 21));
    assert!(target.calls().concat().iter().any(|seen| seen.id == "halt" && seen.unresolved));
}

#[test]
fn states_of_a_record_are_written_in_order_and_an_older_one_never() {
    let bench = Bench::in_process();
    let target = Arc::new(FakeTarget::new(100));
    let states = [(1, "first"), (2, "second"), (3, "second"), (2, "late")];
    let mut sent = states.map(|(version, content)| document("r", version, content));
    sent[3].version.offset = 4;
    bench.send_documents(&sent);
    let stage = bench.deliver(&target);
    let counts = bench.wait_for_ended(4);
    stage.stop().unwrap();
    assert_eq!((counts.delivered, counts.unchanged, counts.superseded), (2, 1, 1));
    let calls = target.calls();
    assert!(calls.iter().all(|call| call.len() == 1), "one call never holds two states: {calls:?}");
    assert_eq!(target.stored()["r"], "r=second");
}

#[test]
fn a_stage_cut_off_after_the_target_stored_writes_nothing_twice() {
    let bench = Bench::in_process();
    let target = Arc::new(FakeTarget::new(7));
    let sent = documents(60);
    bench.send_documents(&sent);
    target.hang_after(0);
    let stage = bench.deliver(&target);
    wait_for("a call", || (target.calls().len() >= 3).then_some(()));
    stage.kill();
    let stored_before = target.stored().len();
    assert!(stored_before > 0 && bench.counted(Stage::Sink).accounted() == 0);

    target.hang_no_more();
    let stage = bench.deliver(&target);
    bench.wait_for_ended(60);
    stage.stop().unwrap();
    assert_eq!(target.writes().len(), 60);
    assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());

    // Everything is read once more, and nothing is even asked.
    let calls = target.calls().len();
    let stage = bench.deliver(&target);
    let counts = bench.wait_for_ended(120);
    stage.stop().unwrap();
    assert_eq!((counts.delivered, target.calls().len()), (120, calls));
}

#[test]
fn records_become_documents_with_their_verdict_in_their_partition() {
    let bench = Bench::in_process();
    let payloads = ["a1", "a2", "filtered", "refused"].map(str::to_owned);
    bench.send_raw(&payloads);
    let stage = bench.map();
    let found = wait_for("the documents", || {
        let found = bench.documents();
        (found.len() == 4).then_some(found)
    });
    stage.stop().unwrap();
    let verdict_of = |id: &str| {
        let found: Vec<_> = found.iter().filter(|document| document.record_id.as_str() == id).collect();
        assert_eq!(found.len(), 1);
        found[0].verdict.clone()
    };
    assert_eq!(verdict_of("a1"), Verdict::Mapped);
    assert!(matches!(verdict_of("filtered"), Verdict::Filtered(_)));
    assert!(matches!(verdict_of("refused"), Verdict::Refused(_)));
    let counts = bench.counted(Stage::Processor);
    assert_eq!((counts.polled, counts.mapped), (4, 2));
    let place = |topic: &str| {
        let messages = bench.messages(topic, FLOW_PARTITIONS).into_iter();
        let mut places: Vec<_> = messages.map(|message| (message.key.unwrap(), message.partition)).collect();
        places.sort();
        places
    };
    let topics = &bench.deployment.topics;
    assert_eq!(place(&topics.raw(&bench.source)), place(&topics.doc(&bench.flow)));
}

#[test]
fn a_record_that_cannot_be_read_holds_its_flow_and_is_named() {
    let bench = Bench::in_process();
    let topic = bench.deployment.topics.raw(&bench.source);
    let foreign = OutRecord::new(topic.as_str(), "k", "not ours").to_partition(2);
    Publisher::open(&bench.deployment.cluster).unwrap().publish(&[foreign]).unwrap();
    let stage = bench.map();
    let health = bench.deployment.health.clone();
    let why = wait_for("the halt", || match health.conditions().get("processor flow") {
        Some(Condition::Halted(why)) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains(&format!("{topic}/2 offset 0")), "{why}");
    assert!(matches!(stage.stop(), Err(StageError::Unreadable { .. })));
    assert!(bench.documents().is_empty());
}

#[test]
fn the_trace_of_a_page_reaches_document_receipt_and_letter() {
    let bench = Bench::in_process();
    let target = Arc::new(FakeTarget::new(10));
    target.answer("bad", &[Say::Reject]);
    bench.send_raw(&["good".to_owned(), "bad".to_owned()]);
    let (map, deliver) = (bench.map(), bench.deliver(&target));
    bench.wait_for_ended(2);
    map.stop().unwrap();
    deliver.stop().unwrap();
    let topics = &bench.deployment.topics;
    let places = [
        (topics.doc(&bench.flow), FLOW_PARTITIONS, 2),
        (topics.receipt(&bench.flow), FLOW_PARTITIONS, 4),
        (topics.dead(bench.flow.as_str()), 3, 1),
    ];
    for (topic, partitions, count) in places {
        let messages = bench.messages(&topic, partitions);
        assert_eq!(messages.len(), count, "{topic}");
        let header = |message: &weir_kafka::Message| message.header(TRACEPARENT_HEADER).cloned();
        assert!(messages.iter().all(|message| header(message).unwrap() == TRACEPARENT), "{topic}");
    }
}

#[test]
fn what_the_stages_do_is_counted_on_the_metrics_page() {
    let mut bench = Bench::in_process();
    let settings = telemetry::Settings {
        log_format: telemetry::Format::Text,
        log_filter: "off".to_owned(),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        otlp_endpoint: None,
        instance: "a".to_owned(),
        service: "weir-test".to_owned(),
    };
    let told = telemetry::start(&settings, bench.deployment.health.clone()).unwrap();
    bench.deployment.metrics = told.metrics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stop = CancellationToken::new();
    let address = runtime.block_on(told.serve(stop.clone())).unwrap().unwrap();

    let target = Arc::new(FakeTarget::new(10));
    target.answer("bad", &[Say::Reject]);
    target.answer("late", &[Say::Retry]);
    bench.send_raw(&["good", "bad", "late", "filtered"].map(str::to_owned));
    let (map, deliver) = (bench.map(), bench.deliver(&target));
    bench.wait_for_ended(4);
    let poll = bench.poll(&Arc::new(CountingPoller::new(&bench.source, 10)));
    let wanted = [
        (r#"weir_map_records_total{flow="flow",verdict="mapped""#, "3"),
        (r#"weir_map_records_total{flow="flow",verdict="filtered""#, "1"),
        (r#"weir_sink_documents_total{flow="flow",outcome="delivered""#, "2"),
        (r#"weir_sink_documents_total{flow="flow",outcome="dead""#, "1"),
        (r#"weir_sink_retries_total{code="T-TEST",flow="flow""#, "1"),
        (r#"weir_dead_letters_total{code="T-TEST",owner="flow""#, "1"),
        (r#"weir_stage_batch_duration_seconds_count{"#, ""),
        (r#"weir_kafka_transactions_total{outcome="committed""#, ""),
        (r#"weir_kafka_commit_duration_seconds_count{"#, ""),
        (r#"weir_kafka_consumer_lag_records{group="weir-sinks-flow""#, ""),
        (r#"weir_stage_condition{condition="ready""#, "1"),
    ];
    wait_for("every figure", || {
        let page = page(address);
        let shown = |(name, value): &(&str, &str)| {
            page.lines().any(|line| {
                line.starts_with(name) && line.ends_with(&format!(" {value}"))
                    || (value.is_empty() && line.starts_with(name))
            })
        };
        wanted.iter().all(shown).then_some(())
    });
    for stage in [map, deliver, poll] {
        stage.stop().unwrap();
    }
    let page = page(address);
    assert!(
        !page.contains("weir_kafka_consumer_lag_records{"),
        "a stage that ended measures nothing: {page}"
    );
    stop.cancel();
}

fn page(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn a_poller_goes_on_from_its_cursor_after_a_stop_and_after_a_failure() {
    let bench = Bench::in_process();
    let first = Arc::new(CountingPoller::new(&bench.source, 50));
    let stage = bench.poll(&first);
    wait_for("the first records", || (bench.raw_records().len() == 50).then_some(()));
    stage.stop().unwrap();

    let second = Arc::new(CountingPoller::new(&bench.source, 100));
    second.panic_once_at(70);
    let stage = bench.poll(&second);
    wait_for("the other records", || (bench.raw_records().len() == 100).then_some(()));
    stage.stop().unwrap();
    assert_eq!(first.starts(), [0]);
    assert_eq!(second.starts(), [50, 70], "from its cursor, and again from there after it failed");
    assert_eq!(first.tokens(), [None]);
    assert_eq!(second.tokens(), ["token 50", "token 70"].map(|text| Some(text.to_owned())));
    let mut ids: Vec<String> = bench.raw_records().iter().map(|record| record.id.to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
    assert_eq!(bench.counted(Stage::Producer).polled, 100);
    assert_eq!(bench.cursors().iter().map(|cursor| cursor.settled_until.as_second()).max(), Some(100));
    let messages = bench.messages(&bench.deployment.topics.raw(&bench.source), FLOW_PARTITIONS);
    let header = |name| messages.iter().all(|message| message.header(name).is_some());
    assert!(header(TRACEPARENT_HEADER) && header(REASON_HEADER));
    let known: RawRecord = raw(&bench.source, "7");
    assert!(bench.raw_records().iter().any(|record| record.payload == known.payload));
}

/// One target per version of the flow; versions beyond them cannot be used.
struct ByVersion(Vec<Arc<FakeTarget>>);

impl Treatments for ByVersion {
    fn of(&self, ordinal: u32) -> Result<Treatment, Untreatable> {
        let target = usize::try_from(ordinal).ok().and_then(|ordinal| self.0.get(ordinal - 1));
        let unknown = || Untreatable::Halted(Refusal::new(Code::new("T-TEST"), "nobody knows this version"));
        let target = Arc::clone(target.ok_or_else(unknown)?) as _;
        Ok(Treatment { target, rules: Rules::default() })
    }
}

#[test]
fn each_flow_version_has_its_own_target_and_no_batch_has_two() {
    let bench = Bench::in_process();
    let targets = [Arc::new(FakeTarget::new(5)), Arc::new(FakeTarget::new(100))];
    let mut sent = documents(120);
    for (place, document) in sent.iter_mut().enumerate() {
        document.flow_version.ordinal = if place / 10 % 2 == 0 { 1 } else { 2 };
    }
    bench.send_documents(&sent);
    let treatments = Arc::new(ByVersion(targets.to_vec()));
    let stage = bench.deliver_by(bench.deployment.clone(), treatments);
    let counts = bench.wait_for_ended(120);
    assert_eq!(counts.delivered, 120);
    for (target, ordinal) in targets.iter().zip(1..) {
        let of_version = sent.iter().filter(|document| document.flow_version.ordinal == ordinal);
        let mut expected: Vec<_> = of_version.map(|document| document.record_id.to_string()).collect();
        expected.sort();
        assert_eq!(target.stored().into_keys().collect::<Vec<_>>(), expected);
        assert!(target.writes().values().all(|writes| *writes == 1), "{:?}", target.writes());
    }
    assert!(targets[0].calls().iter().all(|call| call.len() <= 5), "each keeps its own limits");

    // A version that nobody knows holds its partition; what stands before it is delivered.
    let mut unknown = document("unknown", 999, "x");
    unknown.flow_version.ordinal = 3;
    bench.send_documents(&[unknown]);
    let health = bench.deployment.health.clone();
    wait_for("the halt", || {
        let halted = |condition: &Condition| matches!(condition, Condition::Halted(why) if why.contains("this version"));
        health.conditions().values().any(halted).then_some(())
    });
    stage.stop().unwrap();
    assert_eq!(bench.counted(Stage::Sink).accounted(), 120);
}
