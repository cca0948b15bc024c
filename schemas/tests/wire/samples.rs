//! Values of every topic, chosen so that each union branch and each enum symbol occurs.

use bytes::Bytes;
use jiff::Timestamp;
use weir_model::{
    cursor::{Cursor, Lane, OpenWindow, WindowFact},
    digest::Digest,
    document::{Document, FlowVersion, Verdict},
    letter::{DeadLetter, Stage},
    outcome::{Code, Refusal, Written},
    receipt::{Attempt, AttemptState, Delivered, Receipt, Standing},
    record::{Position, RawRecord, Reason, Version},
    tally::{Counts, Tally},
    token::SealedToken,
};
use weir_schemas::{
    Cancelled, CollectionRow, Condition, Control, FlowState, FlowText, Job, JobKind, JobLetter, JobProgress,
    JobState, ParkedRecord, RedoRecord, Reload, RunState, StageStatus, Status, TimeRange,
};

const STAGES: [Stage; 3] = [Stage::Producer, Stage::Processor, Stage::Sink];

fn at(second: i64) -> Timestamp {
    Timestamp::new(1_705_284_000 + second, 123_456_000).unwrap()
}

fn payload() -> Bytes {
    Bytes::from_static(r#"{"drp_co_id":10000001,"name":"杭州分销商","balance":0.10}"#.as_bytes())
}

fn version() -> Version {
    Version { modified_us: 1_705_284_000_000_000, appended_ms: 1_705_284_060_001, offset: 88_102 }
}

fn origin() -> Position {
    Position { topic: "weir.raw.jushuitan-distributors".to_owned(), partition: 5, offset: 88_102 }
}

fn flow_version() -> FlowVersion {
    FlowVersion { ordinal: 3, digest: Digest::of(b"flow") }
}

fn refusal() -> Refusal {
    Refusal::new(Code::new("K-FIELD-MISSING"), "字段“使用组织”是必填项").at("FUseOrgId")
}

pub fn raw() -> Vec<RawRecord> {
    let record = |reason: Reason| RawRecord {
        source: "jushuitan-distributors".into(),
        id: "10000001".into(),
        payload: payload(),
        digest: Digest::of(&payload()),
        modified: (reason != Reason::Fix).then(|| at(0)),
        polled_at: at(61),
        reason,
        deleted: reason == Reason::Remedy,
    };
    Reason::ALL.map(record).to_vec()
}

pub fn document() -> Vec<Document> {
    let body = Bytes::from_static(br#"{"FNumber":"10000001"}"#);
    let mapped = Document {
        flow: "jushuitan-customer-to-kingdee".into(),
        flow_version: flow_version(),
        record_id: "10000001".into(),
        key: "K10000001".to_owned(),
        number: "N10000001".to_owned(),
        verdict: Verdict::Mapped,
        digest: Digest::of(&body),
        body,
        payload: payload(),
        source_digest: Digest::of(&payload()),
        version: version(),
        origin: origin(),
        reason: Reason::Backfill,
        polled_at: at(61),
        deleted: true,
        part: 2,
        repaired: true,
        job: "job-1".to_owned(),
    };
    let empty = |verdict| Document {
        verdict,
        key: String::new(),
        body: Bytes::new(),
        digest: Digest::default(),
        ..mapped.clone()
    };
    let filtered = empty(Verdict::Filtered("status = 'disabled'".to_owned()));
    let refused = empty(Verdict::Refused(refusal()));
    vec![mapped, filtered, refused]
}

pub fn receipt() -> Vec<Receipt> {
    let delivered = Delivered {
        version: version(),
        source_digest: Digest::of(b"source"),
        document_digest: Digest::of(b"document"),
        key: "K10000001".to_owned(),
        written: Written { id: "100234".to_owned(), number: "N10000001".to_owned() },
        flow_ordinal: 2,
        at: at(70),
        standing: Standing::Lettered,
        repaired: true,
    };
    let attempt = |state| Attempt {
        state,
        version: Version { offset: 90_000, ..version() },
        source_digest: Digest::of(b"newer source"),
        document_digest: Digest::of(b"newer document"),
        key: "K10000002".to_owned(),
        flow_ordinal: 3,
        at: at(80),
    };
    let receipt =
        |delivered, attempt| Receipt { record_id: "10000001".into(), version: version(), delivered, attempt };
    let refused = AttemptState::Refused {
        code: "K-AUDITED".to_owned(),
        message: "单据已审核".to_owned(),
        unresolved: true,
    };
    vec![
        receipt(None, None),
        receipt(Some(delivered.clone()), None),
        receipt(None, Some(attempt(AttemptState::Sending))),
        receipt(Some(delivered), Some(attempt(refused))),
    ]
}

pub fn dead() -> Vec<DeadLetter> {
    let letter = |stage: Stage| DeadLetter {
        owner: "jushuitan-customer-to-kingdee".to_owned(),
        stage,
        record_id: "10000001".to_owned(),
        key: "K10000001".to_owned(),
        number: "N10000001".to_owned(),
        refusal: Refusal { field: None, ..refusal() },
        payload: payload(),
        body: Bytes::from_static(b"{}"),
        origin: (stage != Stage::Producer).then(origin),
        version: version(),
        source_digest: Digest::of(&payload()),
        flow_ordinal: 3,
        reason: Reason::Retry,
        at: at(90),
        part: 2,
        deleted: true,
        repaired: true,
        job: "job-1".to_owned(),
    };
    STAGES.map(letter).to_vec()
}

pub fn cursor() -> Vec<Cursor> {
    let window = OpenWindow {
        from: at(-600),
        to: at(-60),
        page_size: 50,
        request_digest: Digest::of(b"request"),
        pass: 2,
        total: Some(1_234),
        next_page: Some(7),
        continue_after: Some("eyJpZCI6MX0=".to_owned()),
        rows_read: 350,
        ids_read: 349,
    };
    let bare = OpenWindow { total: None, next_page: None, continue_after: None, ..window.clone() };
    let windows = [None, Some(window), Some(bare), None];
    let cursor = |(lane, window)| Cursor {
        source: "jushuitan-distributors".into(),
        lane,
        settled_until: at(-900),
        window,
        at: at(0),
        job: "job-1".to_owned(),
        lateness_ms: 61_000,
    };
    Lane::ALL.into_iter().zip(windows).map(cursor).collect()
}

pub fn token() -> Vec<SealedToken> {
    vec![SealedToken {
        account: "jushuitan".into(),
        system: "jushuitan".to_owned(),
        lineage: "4f8b0c6e".to_owned(),
        sealed: Bytes::from_static(b"sealed bytes"),
        at: at(0),
    }]
}

pub fn window() -> Vec<WindowFact> {
    let fact = |total| WindowFact {
        source: "jushuitan-distributors".into(),
        lane: Lane::CatchUp,
        from: at(-600),
        to: at(-60),
        pages: 26,
        passes: 2,
        total,
        distinct_ids: 1_233,
        published: 1_200,
        late: 4,
        at: at(0),
        job: "job-1".to_owned(),
        lateness_ms: 61_000,
    };
    vec![fact(Some(1_234)), fact(None)]
}

pub fn tally() -> Vec<Tally> {
    let tally = |stage| Tally {
        stage,
        subject: "jushuitan-customer-to-kingdee".to_owned(),
        instance: "host-1".to_owned(),
        at: at(100),
        counts: Counts {
            polled: 1,
            mapped: 2,
            filtered: 3,
            delivered: 400,
            unchanged: 5,
            superseded: 6,
            waiting: -7,
            dead: 8,
        },
    };
    STAGES.map(tally).to_vec()
}

pub fn wait() -> Vec<ParkedRecord> {
    let park = |record| ParkedRecord {
        record,
        version: version(),
        origin: origin(),
        collection: "customers".to_owned(),
        reference: "C-77".to_owned(),
        parked_since: at(5),
        repaired: true,
        job: "job-1".to_owned(),
    };
    raw().into_iter().take(1).map(park).collect()
}

pub fn redo() -> Vec<RedoRecord> {
    let again = |record| RedoRecord {
        record,
        version: version(),
        origin: origin(),
        repaired: true,
        job: "job-1".to_owned(),
    };
    raw().into_iter().take(1).map(again).collect()
}

pub fn collection() -> Vec<CollectionRow> {
    vec![CollectionRow {
        id: "C-77".to_owned(),
        row: payload(),
        digest: Digest::of(&payload()),
        version: version(),
    }]
}

fn by() -> String {
    "周敏".to_owned()
}

fn job(kind: JobKind, only: &[&str]) -> Control {
    let ranged = only.is_empty();
    Control::Job(Job {
        id: "job-1".to_owned(),
        kind,
        subject: "jushuitan-distributors".to_owned(),
        from: ranged.then(|| at(-86_400)),
        until: ranged.then(|| at(0)),
        only: only.iter().map(|id| (*id).into()).collect(),
        ranges: vec![TimeRange { from: at(-60), until: at(-30) }],
        letters: [None, Some(payload())]
            .map(|payload| JobLetter { place: "2:17".to_owned(), payload })
            .to_vec(),
        edit: r#"[{"path":"name","set":"x"}]"#.to_owned(),
        note: "月结".to_owned(),
        by: by(),
        at: at(2),
        cancelled: (!ranged).then(|| Cancelled { by: by(), note: String::new(), at: at(4) }),
    })
}

fn progress(state: JobState, cause: Option<Refusal>, total: Option<u64>) -> Control {
    Control::JobProgress(JobProgress {
        job: "job-1".to_owned(),
        state,
        cause,
        done: 17,
        total,
        position: r#"{"0":17}"#.to_owned(),
        instance: "host-1".to_owned(),
        at: at(5),
    })
}

pub fn control() -> Vec<Control> {
    let flow = || "jushuitan-customer-to-kingdee".into();
    let state = |state, cause, reason: &str| {
        let reason = reason.to_owned();
        Control::FlowState(FlowState { flow: flow(), state, cause, reason, by: by(), at: at(0) })
    };
    let text = FlowText {
        flow: flow(),
        version: flow_version(),
        text: "version: 1\n".to_owned(),
        by: by(),
        at: at(1),
    };
    vec![
        state(RunState::Running, None, ""),
        state(RunState::Paused, None, "月结"),
        state(RunState::Halted, Some(refusal()), ""),
        Control::FlowText(text),
        job(JobKind::Backfill, &[]),
        job(JobKind::Replay, &["10000001", "10000002"]),
        job(JobKind::Remedy, &[]),
        job(JobKind::Repair, &["10000001"]),
        job(JobKind::Fix, &["10000001"]),
        job(JobKind::Census, &[]),
        progress(JobState::Announced, None, None),
        progress(JobState::Running, None, Some(99)),
        progress(JobState::Held, Some(refusal()), Some(99)),
        progress(JobState::Finished, None, Some(17)),
        progress(JobState::Failed, Some(refusal()), None),
        progress(JobState::Cancelled, None, None),
        Control::Reload(Reload { by: by(), at: at(3) }),
    ]
}

pub fn status() -> Vec<Status> {
    let stage = |(stage, condition), why: &str| StageStatus {
        stage,
        subject: "jushuitan-customer-to-kingdee".to_owned(),
        condition,
        why: why.to_owned(),
        flow_ordinal: 3,
        partitions: vec![0, 2, 5],
    };
    vec![Status {
        instance: "host-1".into(),
        software: "0.1.0".to_owned(),
        started_at: at(0),
        at: at(10),
        stages: vec![
            stage((Stage::Producer, Condition::Starting), ""),
            stage((Stage::Processor, Condition::Ready), ""),
            stage((Stage::Sink, Condition::Waiting), "kafka"),
            stage((Stage::Sink, Condition::Paused), "周敏: 月结"),
            stage((Stage::Sink, Condition::Halted), "K-AUTH: 密钥错误"),
        ],
    }]
}
