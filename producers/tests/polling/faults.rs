//! The loop of one source against a feed that fails on purpose: what is repeated, what halts, what a person gets to read.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{Committed, no_jobs, services};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use weir_model::{
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    settings::Problems,
    target::ProbeReport,
    time::Clock,
    token::SealedToken,
};
use weir_producers::{
    Services,
    account::{Account, Remote},
    code,
    feed::{Answer, Ask, Feed, FeedError, Reaction},
    paging::Strategy,
    poll::{Settings, SourcePoller},
};
use weir_runtime::poll::{Inheritance, Poller as _, PollerHalt, Publisher, Takeover};

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.0.elapsed()).unwrap();
        Timestamp::from_second(1_705_284_000).unwrap() + elapsed
    }
}

/// Gives what was scripted, then the last of it for ever.
struct Scripted {
    script: Mutex<VecDeque<Result<Answer, Reaction>>>,
    calls: Mutex<Vec<Ask>>,
}

impl Scripted {
    fn new(script: impl IntoIterator<Item = Result<Answer, Reaction>>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), calls: Mutex::default() })
    }
}

#[async_trait]
impl Feed for Scripted {
    async fn page(&self, ask: &Ask) -> Result<Answer, FeedError> {
        self.calls.lock().unwrap().push(ask.clone());
        let mut script = self.script.lock().unwrap();
        let next = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        next.unwrap().map_err(|reaction| FeedError {
            at: ask.at.clone(),
            reaction,
            code: if reaction == Reaction::Halt { code::CREDENTIAL } else { code::UNCLEAR },
            rest: None,
            unreadable: (reaction == Reaction::Repeat).then(|| Bytes::from_static(b"<html>")),
            remedy: "ask somebody",
            source: "code 7: 不行".into(),
        })
    }
}

struct NoQuota;

#[async_trait]
impl Remote for NoQuota {
    async fn taken_over(&self, _: Takeover, _: &Publisher, _: Option<SealedToken>) {}

    async fn probe(&self) -> Result<ProbeReport, FeedError> {
        Ok(ProbeReport::default())
    }
}

fn rows(texts: &[&str]) -> Answer {
    let rows = texts.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
    Answer { rows, total: Some(texts.len() as u64), has_next: Some(false), ..Answer::default() }
}

fn spec(name: &str) -> SourceSpec {
    let text = format!(
        "version: 1\nflow: f\nsource:\n  name: {name}\n  system: x\n  modified: at\n  \
         poll: {{every: 60s, start_from: -1h, look_back: 5m}}\n  metadata: {{api: /x, id: id}}\n\
         target:\n  system: mysql\n  key: [id]\n  metadata: {{api: execute}}\n"
    );
    FlowSpec::parse(&text, &mut Problems::new("f.yaml")).unwrap().source
}

fn poller(name: &str, feed: Arc<Scripted>, services: &Services) -> SourcePoller {
    let settings = Settings {
        strategy: Strategy::LastPageFirst,
        page_size: 2,
        request_digest: Digest::default(),
        longest_window: None,
        reach_before: Duration::ZERO,
        row_cursor: None,
        zone: TimeZone::UTC,
        history: None,
    };
    SourcePoller::new(&spec(name), settings, feed, services).unwrap()
}

async fn run(
    sources: &[(&str, &Arc<Scripted>)],
    done: impl Fn(&Committed) -> bool,
) -> (Committed, Vec<PollerHalt>) {
    let services = services(Arc::new(TestClock(Instant::now())));
    let pollers = sources.iter().map(|(name, feed)| poller(name, (*feed).clone(), &services)).collect();
    let account = Arc::new(Account::new("shop".into(), Arc::new(NoQuota), pollers));
    let (publisher, requests) = Publisher::channel(1);
    let stop = CancellationToken::new();
    let mut committed = Committed::default();
    let polled = account.run(Inheritance::default(), publisher, Takeover::Alone, no_jobs(), stop.clone());
    let (halts, ()) = tokio::join!(polled, committed.serve(requests, None, &stop, done));
    (committed, halts)
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_is_repeated_with_growing_rests() {
    let begun = Instant::now();
    let mut script = vec![Err(Reaction::Repeat); 8];
    script.push(Ok(rows(&[r#"{"id":1}"#])));
    let feed = Scripted::new(script);
    let (committed, halts) = run(&[("s", &feed)], |committed| !committed.windows.is_empty()).await;
    assert!(halts.is_empty());
    assert_eq!(committed.records.len(), 1);
    assert!(begun.elapsed() >= Duration::from_secs(60), "no retry storm: {:?}", begun.elapsed());
    let letters: Vec<_> = committed.letters.iter().map(|letter| letter.refusal.code.as_str()).collect();
    assert_eq!(letters, ["P-ANSWER"; 3], "the first letters explain it all");
    assert_eq!(committed.letters[0].payload.as_ref(), b"<html>");
    assert!(committed.letters[0].refusal.message.contains("code 7: 不行; ask somebody"));
}

#[tokio::test(start_paused = true)]
async fn a_halted_source_makes_no_more_calls_and_its_siblings_go_on() {
    let halted = Scripted::new([Err(Reaction::Halt)]);
    let unclear = Scripted::new([Err(Reaction::RepeatBounded)]);
    let healthy = Scripted::new([Ok(rows(&[r#"{"id":1}"#]))]);
    let sources = [("halted", &halted), ("unclear", &unclear), ("healthy", &healthy)];
    let (committed, halts) = run(&sources, |committed| committed.windows.len() > 10).await;
    let codes: Vec<_> =
        halts.iter().map(|halt| (halt.source_name.as_str(), halt.refusal.code.as_str())).collect();
    assert_eq!(codes, [("halted", "P-CREDENTIAL"), ("unclear", "P-UNCLEAR")]);
    assert!(halts[0].refusal.message.contains("不行"), "{}", halts[0].refusal.message);
    assert_eq!(halted.calls.lock().unwrap().len(), 1);
    assert_eq!(unclear.calls.lock().unwrap().len(), 6);
    assert!(committed.windows.iter().all(|fact| fact.source.as_str() == "healthy"));
}

#[tokio::test(start_paused = true)]
async fn an_equal_row_of_the_overlap_is_not_published_again_and_a_late_one_is_counted() {
    // The clock begins at 02:00:00; the second window reaches back to 01:54:00.
    let (early, late) = (r#"{"id":1,"at":"2024-01-15 01:58:00"}"#, r#"{"id":2,"at":"2024-01-15 01:57:00"}"#);
    let feed = Scripted::new([Ok(rows(&[early])), Ok(rows(&[early])), Ok(rows(&[late, early]))]);
    let (committed, _) = run(&[("s", &feed)], |committed| committed.windows.len() == 4).await;
    assert_eq!(committed.records.len(), 2);
    let counted: Vec<_> = committed.windows.iter().map(|fact| (fact.published, fact.late)).collect();
    assert_eq!(counted, [(1, 0), (0, 0), (1, 1), (0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_never_has_an_id_is_lettered_once_and_its_page_is_whole() {
    let nameless = r#"{"name":"x"}"#;
    let feed = Scripted::new([Ok(rows(&[nameless, r#"{"id":1}"#]))]);
    let (committed, halts) = run(&[("s", &feed)], |committed| committed.windows.len() == 3).await;
    assert!(halts.is_empty());
    assert_eq!(committed.letters.len(), 1);
    let letter = &committed.letters[0];
    assert_eq!((letter.refusal.code.as_str(), letter.payload.as_ref()), ("P-NO-ID", nameless.as_bytes()));
    assert_eq!(feed.calls.lock().unwrap().len(), 4 + 1 + 1, "read again three times, once for all");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_ignores_the_page_number_halts_the_source() {
    let same = Answer { total: Some(4), has_next: None, ..rows(&[r#"{"id":1}"#, r#"{"id":2}"#]) };
    let (committed, halts) = run(&[("s", &Scripted::new([Ok(same)]))], |_| false).await;
    assert_eq!(halts[0].refusal.code.as_str(), "P-REPEATED-PAGE");
    assert!(committed.letters.iter().all(|letter| letter.refusal.code.as_str() == "P-REPEATED-PAGE"));
    assert!(committed.windows.is_empty(), "the window is not called read");
}
