//! Every instrument of Weir, defined once: names are `weir_<area>_<thing>_<unit>[_total]`, spelt out so that a search
//! for what a dashboard shows ends here.
//!
//! Counters are added to once a batch or call, never once a record. Whatever must also be true while nothing happens
//! (lag, age, conditions) is read at the moment of looking instead of being set.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, MeterProvider as _},
};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use weir_model::{
    cursor::Lane,
    letter::Stage,
    names::{ConnectionName, FlowName, SourceName},
    outcome::Code,
    tally::Counts,
};
use weir_schemas::JobKind;

use crate::health::{Condition, Health};

/// Upper bounds of durations in seconds: from a commit of a few milliseconds to a call that runs into its time limit.
const SECONDS: [f64; 12] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How a call to a remote API ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It answered what was asked.
    Answered,
    /// It answered with an error.
    Failed,
    /// There was no answer: nobody knows whether it was carried out.
    Lost,
}

/// What a processor made of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A document with a body.
    Mapped,
    /// An empty document: a rule left the record out.
    Filtered,
    /// An empty document: the mapping refused the record.
    Refused,
    /// Parked until the row it refers to arrives.
    Parked,
}

/// How far a flow is behind in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The flow.
    pub flow: FlowName,
    /// A topic it reads.
    pub topic: String,
    /// How long the topic's records are kept at least.
    pub horizon: Duration,
    /// When the oldest record that the flow has not read was written; none when it has read all.
    pub since: Option<Timestamp>,
}

/// How a Kafka transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionEnd {
    /// Committed.
    Committed,
    /// Aborted; its batch is read again.
    Aborted,
}

/// The instruments. Cheap to clone; the default counts into nothing, for tests and commands.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    records_polled: Counter<u64>,
    records_published: Counter<u64>,
    calls: Counter<u64>,
    call_seconds: Histogram<f64>,
    records_mapped: Counter<u64>,
    records_redone: Counter<u64>,
    checks_failed: Counter<u64>,
    documents: Counter<u64>,
    documents_left: Counter<u64>,
    retries: Counter<u64>,
    letters: Counter<u64>,
    batch_seconds: Histogram<f64>,
    transactions: Counter<u64>,
    commit_seconds: Histogram<f64>,
    levels: Arc<Mutex<Levels>>,
}

/// What is read at the moment of looking.
#[derive(Default)]
struct Levels {
    settled_until: BTreeMap<SourceName, Timestamp>,
    quota_left: BTreeMap<(ConnectionName, String), u64>,
    consumer_lag: BTreeMap<(String, String, i32), u64>,
    /// How many wait, and since when the oldest does.
    waiting: BTreeMap<FlowName, (u64, Option<Timestamp>)>,
    unread: Vec<Unread>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(&SdkMeterProvider::builder().build(), Health::default())
    }
}

impl Metrics {
    /// Defines every instrument.
    pub(super) fn new(provider: &SdkMeterProvider, health: Health) -> Self {
        let meter = provider.meter("weir");
        let levels = Arc::default();
        observe_levels(&meter, &levels);
        observe_process(&meter, health);
        let counter =
            |name: &'static str, doc: &'static str| meter.u64_counter(name).with_description(doc).build();
        let seconds = |name: &'static str, doc: &'static str| {
            let histogram = meter.f64_histogram(name).with_description(doc).with_unit("s");
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        let shared = Shared {
            records_polled: counter("weir_poll_records_read_total", "Records read from remote APIs."),
            records_published: counter(
                "weir_poll_records_published_total",
                "Records published to raw topics; read minus published were known already.",
            ),
            calls: counter("weir_api_calls_total", "Calls to remote APIs by outcome and class of error."),
            call_seconds: seconds("weir_api_call_duration_seconds", "How long calls to remote APIs took."),
            records_mapped: counter("weir_map_records_total", "Records mapped, by verdict."),
            records_redone: counter(
                "weir_job_records_sent_total",
                "Records that replays and repairs sent into a flow once more.",
            ),
            checks_failed: counter(
                "weir_checks_failed_total",
                "Records that failed a check of the flow, by check and severity.",
            ),
            documents: counter("weir_sink_documents_total", "Documents that came to an end, by outcome."),
            documents_left: counter(
                "weir_sink_documents_left_total",
                "Documents that a rule leaves out now and that stay at the target (on_leave: keep).",
            ),
            retries: counter(
                "weir_sink_retries_total",
                "Documents that are sent again later, by code of the cause.",
            ),
            letters: counter("weir_dead_letters_total", "Dead letters written, by code."),
            batch_seconds: seconds(
                "weir_stage_batch_duration_seconds",
                "From taking a batch to its acknowledgement.",
            ),
            transactions: counter("weir_kafka_transactions_total", "Kafka transactions by how they ended."),
            commit_seconds: seconds("weir_kafka_commit_duration_seconds", "How long commits took."),
            levels,
        };
        Self { shared: Arc::new(shared) }
    }

    /// A page was read: `read` rows, of which `published` went to the raw topic.
    pub fn page_polled(&self, source: &SourceName, lane: Lane, read: u64, published: u64) {
        let labels = [label("source", source.as_str()), KeyValue::new("lane", lane.as_str())];
        self.shared.records_polled.add(read, &labels);
        self.shared.records_published.add(published, &labels);
    }

    /// A call to a remote API ended. `class` is the class of its error, empty when there was none.
    pub fn call_ended(
        &self,
        connection: &ConnectionName,
        endpoint: &str,
        outcome: CallOutcome,
        class: &str,
        took: Duration,
    ) {
        let place = [label("connection", connection.as_str()), label("endpoint", endpoint)];
        self.shared.call_seconds.record(took.as_secs_f64(), &place);
        let [connection, endpoint] = place;
        let outcome = KeyValue::new("outcome", outcome.as_str());
        self.shared.calls.add(1, &[connection, endpoint, outcome, label("class", class)]);
    }

    /// What is left of a quota, in calls.
    pub fn quota_left(&self, connection: &ConnectionName, scope: &str, calls: u64) {
        self.levels(|levels| levels.quota_left.insert((connection.clone(), scope.to_owned()), calls));
    }

    /// Everything of this source before `until` was read; `None` when this process polls it no more.
    pub fn settled_until(&self, source: &SourceName, until: Option<Timestamp>) {
        self.levels(|levels| match until {
            Some(until) => levels.settled_until.insert(source.clone(), until),
            None => levels.settled_until.remove(source),
        });
    }

    /// Records of a batch got this verdict.
    pub fn records_mapped(&self, flow: &FlowName, verdict: Verdict, records: u64) {
        let labels = [label("flow", flow.as_str()), KeyValue::new("verdict", verdict.as_str())];
        self.shared.records_mapped.add(records, &labels);
    }

    /// A job sent records into a flow once more.
    pub fn records_redone(&self, flow: &FlowName, kind: JobKind, records: u64) {
        let kind = if kind == JobKind::Repair { "repair" } else { "replay" };
        let labels = [label("flow", flow.as_str()), KeyValue::new("kind", kind)];
        self.shared.records_redone.add(records, &labels);
    }

    /// Records of a batch failed a check of the flow; `severity` says whether they were refused or only counted.
    pub fn checks_failed(&self, flow: &FlowName, check: &str, severity: &'static str, records: u64) {
        let labels =
            [label("flow", flow.as_str()), label("check", check), KeyValue::new("severity", severity)];
        self.shared.checks_failed.add(records, &labels);
    }

    /// How many records of a flow wait in this process, and since when the oldest does; `None` when this process maps
    /// the flow no more.
    pub fn records_waiting(&self, flow: &FlowName, waiting: Option<(u64, Option<Timestamp>)>) {
        self.levels(|levels| match waiting {
            Some(waiting) => levels.waiting.insert(flow.clone(), waiting),
            None => levels.waiting.remove(flow),
        });
    }

    /// How far every flow is behind that this process looks after; what was said before is forgotten.
    pub fn unread(&self, unread: Vec<Unread>) {
        self.levels(|levels| levels.unread = unread);
    }

    /// Documents of a batch ended, and their offset moved.
    pub fn documents_ended(&self, flow: &FlowName, counts: &Counts) {
        let ended = [
            ("delivered", counts.delivered),
            ("unchanged", counts.unchanged),
            ("superseded", counts.superseded),
            ("filtered", counts.filtered),
            ("dead", counts.dead),
        ];
        for (outcome, documents) in ended.into_iter().filter(|(_, documents)| *documents > 0) {
            let labels = [label("flow", flow.as_str()), KeyValue::new("outcome", outcome)];
            self.shared.documents.add(documents, &labels);
        }
    }

    /// Documents were delivered before, are left out now and stay at the target.
    pub fn documents_left(&self, flow: &FlowName, documents: u64) {
        if documents > 0 {
            self.shared.documents_left.add(documents, &[label("flow", flow.as_str())]);
        }
    }

    /// Documents wait and are sent again, or looked up; `code` is that of the cause.
    pub fn deliveries_put_off(&self, flow: &FlowName, code: &Code, documents: u64) {
        self.shared.retries.add(documents, &[label("flow", flow.as_str()), label("code", code.as_str())]);
    }

    /// A dead letter was written. `owner` is the flow or source it belongs to.
    pub fn letter_written(&self, stage: Stage, owner: &str, code: &Code) {
        let labels =
            [KeyValue::new("stage", stage.as_str()), label("owner", owner), label("code", code.as_str())];
        self.shared.letters.add(1, &labels);
    }

    /// A batch was acknowledged. `subject` is its flow or source.
    pub fn batch_ended(&self, stage: Stage, subject: &str, took: Duration) {
        let labels = [KeyValue::new("stage", stage.as_str()), label("subject", subject)];
        self.shared.batch_seconds.record(took.as_secs_f64(), &labels);
    }

    /// A Kafka transaction ended; `took` is the time of its commit or abort alone.
    pub fn transaction_ended(&self, stage: Stage, subject: &str, end: TransactionEnd, took: Duration) {
        let place = [KeyValue::new("stage", stage.as_str()), label("subject", subject)];
        if end == TransactionEnd::Committed {
            self.shared.commit_seconds.record(took.as_secs_f64(), &place);
        }
        let [stage, subject] = place;
        self.shared.transactions.add(1, &[stage, subject, KeyValue::new("outcome", end.as_str())]);
    }

    /// Records of a partition that a group has not acknowledged; `None` when this process lost the partition.
    pub fn consumer_lag(&self, group: &str, topic: &str, partition: i32, records: Option<u64>) {
        let place = (group.to_owned(), topic.to_owned(), partition);
        self.levels(|levels| match records {
            Some(records) => levels.consumer_lag.insert(place, records),
            None => levels.consumer_lag.remove(&place),
        });
    }

    fn levels<T>(&self, change: impl FnOnce(&mut Levels) -> T) {
        change(&mut self.shared.levels.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn observe_levels(meter: &Meter, levels: &Arc<Mutex<Levels>>) {
    let seen = Arc::clone(levels);
    meter
        .f64_observable_gauge("weir_poll_window_lag_seconds")
        .with_description("Age of the moment up to which a source was read; grows while it is not polled.")
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (source, until) in &levels.settled_until {
                let lag = Timestamp::now().duration_since(*until).as_secs_f64();
                gauge.observe(lag, &[label("source", source.as_str())]);
            }
        })
        .build();
    let seen = Arc::clone(levels);
    meter
        .u64_observable_gauge("weir_api_quota_left_calls")
        .with_description("Calls left of a quota.")
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for ((connection, scope), calls) in &levels.quota_left {
                gauge.observe(*calls, &[label("connection", connection.as_str()), label("scope", scope)]);
            }
        })
        .build();
    observe_waiting(meter, levels);
    observe_unread(meter, levels);
    let seen = Arc::clone(levels);
    meter
        .u64_observable_gauge("weir_kafka_consumer_lag_records")
        .with_description("Records that a group has not acknowledged; transaction markers count as records.")
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for ((group, topic, partition), records) in &levels.consumer_lag {
                let partition = KeyValue::new("partition", i64::from(*partition));
                gauge.observe(*records, &[label("group", group), label("topic", topic), partition]);
            }
        })
        .build();
}

fn observe_waiting(meter: &Meter, levels: &Arc<Mutex<Levels>>) {
    let seen = Arc::clone(levels);
    meter
        .u64_observable_gauge("weir_records_waiting")
        .with_description("Records parked until the row they refer to arrives.")
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (flow, (records, _)) in &levels.waiting {
                gauge.observe(*records, &[label("flow", flow.as_str())]);
            }
        })
        .build();
    let seen = Arc::clone(levels);
    meter
        .f64_observable_gauge("weir_records_waiting_oldest_seconds")
        .with_description("How long the oldest parked record has waited; absent while none does.")
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for (flow, (_, oldest)) in &levels.waiting {
                if let Some(oldest) = oldest {
                    let age = Timestamp::now().duration_since(*oldest).as_secs_f64();
                    gauge.observe(age, &[label("flow", flow.as_str())]);
                }
            }
        })
        .build();
}

fn observe_unread(meter: &Meter, levels: &Arc<Mutex<Levels>>) {
    let seen = Arc::clone(levels);
    meter
        .f64_observable_gauge("weir_topic_oldest_unread_seconds")
        .with_description(
            "Age of the oldest record of a topic that a flow has not read; 0 when it has read all.",
        )
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for Unread { flow, topic, since, .. } in &levels.unread {
                let age = since.map_or(0.0, |since| Timestamp::now().duration_since(since).as_secs_f64());
                gauge.observe(age, &[label("flow", flow.as_str()), label("topic", topic)]);
            }
        })
        .build();
    let seen = Arc::clone(levels);
    meter
        .f64_observable_gauge("weir_topic_horizon_seconds")
        .with_description(
            "How long records of a topic are kept at least; alert when unread ones reach half of it.",
        )
        .with_callback(move |gauge| {
            let levels = seen.lock().unwrap_or_else(PoisonError::into_inner);
            for Unread { flow, topic, horizon, .. } in &levels.unread {
                let labels = [label("flow", flow.as_str()), label("topic", topic)];
                gauge.observe(horizon.as_secs_f64(), &labels);
            }
        })
        .build();
}

fn observe_process(meter: &Meter, health: Health) {
    let stages = health.clone();
    meter
        .u64_observable_gauge("weir_stage_condition")
        .with_description("1 for the condition a stage is in: starting, ready, waiting, paused or halted.")
        .with_callback(move |gauge| {
            for (stage, condition) in stages.conditions() {
                let condition = KeyValue::new("condition", condition.name());
                gauge.observe(1, &[label("stage", &stage), condition]);
            }
        })
        .build();
    meter
        .u64_observable_gauge("weir_stages_halted")
        .with_description("Stages that stopped until a person acts.")
        .with_callback(move |gauge| {
            let conditions = health.conditions();
            let halted = conditions.values().filter(|condition| matches!(condition, Condition::Halted(_)));
            gauge.observe(halted.count() as u64, &[]);
        })
        .build();
    meter
        .u64_observable_gauge("weir_build_info")
        .with_description("1, with the version that runs.")
        .with_callback(|gauge| gauge.observe(1, &[KeyValue::new("version", env!("CARGO_PKG_VERSION"))]))
        .build();
}

fn label(key: &'static str, value: &str) -> KeyValue {
    KeyValue::new(key, value.to_owned())
}

impl CallOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Filtered => "filtered",
            Self::Refused => "refused",
            Self::Parked => "parked",
        }
    }
}

impl TransactionEnd {
    fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
        }
    }
}
