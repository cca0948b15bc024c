//! 旺店通 over real HTTP, by both paths of both editions: a stand-in whose records change while they are paged, with the page
//! base, the total and the envelope of each.

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::{Timestamp, tz::TimeZone};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use weir_model::{
    Json,
    digest::Digest,
    flow::{FlowSpec, SourceSpec},
    settings::Problems,
    time::{Clock, local_text, parse_local},
};
use weir_producers::{Account, Connection, build};
use weir_runtime::poll::Inheritance;

use crate::{
    sandbox::poll_from,
    support::{Committed, services},
};

const SEEDS: u64 = 20;
const RECORDS: i64 = 95;
const PAGE_SIZE: usize = 10;
const CHANGES: u32 = 40;
const BEGIN: i64 = 1_705_284_000;

/// A way to be called.
#[derive(Clone, Copy)]
struct Way {
    system: &'static str,
    access: &'static str,
    api: &'static str,
    /// Number of the first page.
    first: usize,
    window: [&'static str; 2],
}

const WAYS: [Way; 4] = [
    way("wangdiantong-enterprise", "direct", "wdt.refund.query", 0, ["start_time", "end_time"]),
    way("wangdiantong-enterprise", "qimen", "wdt.refund.query", 0, ["start_time", "end_time"]),
    way(FLAGSHIP, "direct", "wdt.aftersales.refund.refund.search", 0, ["modified_from", "modified_to"]),
    way(FLAGSHIP, "qimen", "wdt.aftersales.refund.refund.search", 1, ["modified_from", "modified_to"]),
];
const FLAGSHIP: &str = "wangdiantong-flagship";

const fn way(
    system: &'static str,
    access: &'static str,
    api: &'static str,
    first: usize,
    window: [&'static str; 2],
) -> Way {
    Way { system, access, api, first, window }
}

/// A clock that goes on a second each time it is read.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.fetch_add(1, Ordering::SeqCst)).unwrap()
    }
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

#[derive(Clone)]
struct Record {
    id: usize,
    modified: i64,
    edition: u32,
}

impl Record {
    fn text(&self) -> String {
        let modified = local_text(Timestamp::from_second(self.modified).unwrap(), &zone());
        format!(r#"{{"refund_id":"{}","edition":{},"modified":"{modified}"}}"#, self.id, self.edition)
    }
}

struct Remote {
    way: Way,
    clock: Arc<Ticking>,
    records: Vec<Record>,
    dice: StdRng,
    changes: u32,
    quiet_since: i64,
}

impl Remote {
    fn new(way: Way, seed: u64, clock: Arc<Ticking>) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let records = (0..RECORDS).zip(1..);
        let records = records
            .map(|(_, id)| Record { id, modified: BEGIN - dice.random_range(200..50_000), edition: 0 })
            .collect();
        Self { way, clock, records, dice, changes: 0, quiet_since: BEGIN }
    }

    fn truth(&self) -> BTreeMap<String, Digest> {
        let state = |record: &Record| (record.id.to_string(), Digest::of(record.text().as_bytes()));
        self.records.iter().map(state).collect()
    }

    /// Answers a call; then records of its window change, now and then one appears.
    fn answer(&mut self, fields: &HashMap<String, String>) -> String {
        let at = |name: &str| parse_local(&fields[name], &zone()).unwrap().as_second();
        let [from, to] = self.way.window.map(at);
        let mut listed: Vec<&Record> =
            self.records.iter().filter(|record| (from..=to).contains(&record.modified)).collect();
        listed.sort_by_key(|record| (record.modified, record.id));
        let total = listed.len();
        let page = fields["page_no"].parse::<usize>().unwrap() - self.way.first;
        let size: usize = fields["page_size"].parse().unwrap();
        let rows: Vec<String> = listed.into_iter().skip(page * size).take(size).map(Record::text).collect();
        let counted = fields.get("calc_total").is_none_or(|wanted| wanted == "1") && page == 0;
        self.change(from, to);
        self.wrapped(&rows.join(","), counted.then_some(total))
    }

    fn change(&mut self, from: i64, to: i64) {
        let now = self.clock.0.load(Ordering::SeqCst);
        let mut strikes = || self.changes < CHANGES && self.dice.random_ratio(1, 20);
        for record in &mut self.records {
            if (from..=to).contains(&record.modified) && strikes() {
                (record.modified, record.edition) = (now, record.edition + 1);
                (self.changes, self.quiet_since) = (self.changes + 1, now);
                break;
            }
        }
        if self.changes < CHANGES && self.dice.random_ratio(1, 5) {
            let modified = now - self.dice.random_range(0..20);
            self.records.push(Record { id: self.records.len() + 1, modified, edition: 0 });
            (self.changes, self.quiet_since) = (self.changes + 1, now);
        }
    }

    /// The answer as this way gives it; an empty list is left out.
    fn wrapped(&self, rows: &str, total: Option<usize>) -> String {
        let list =
            |name: &str| if rows.is_empty() { String::new() } else { format!(r#","{name}":[{rows}]"#) };
        let total = |quote: &str| {
            total.map(|total| format!(r#","total_count":{quote}{total}{quote}"#)).unwrap_or_default()
        };
        match (self.way.system, self.way.access) {
            (FLAGSHIP, access) => {
                let data = format!(r#"{{"page":1{}{}}}"#, total(""), list("order"));
                let bare = format!(r#"{{"status":0,"data":{data}}}"#);
                if access == "direct" { bare } else { format!(r#"{{"response":{bare}}}"#) }
            }
            (_, "direct") => format!(r#"{{"code":0{}{}}}"#, total("\""), list("refunds")),
            _ => format!(r#"{{"response":{{"errorcode":0{}{}}}}}"#, total(""), list("refunds")),
        }
    }
}

/// Serves `remote`; tells its address. The thread ends with the test's process.
fn serve(remote: Arc<Mutex<Remote>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let fields = fields_of(&read(&mut stream));
            let body = remote.lock().unwrap().answer(&fields);
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    address
}

fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map(|(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut chunk = [0; 4_096];
        let count = stream.read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// Everything the request says, wherever it travels.
fn fields_of(request: &str) -> HashMap<String, String> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let mut fields = HashMap::new();
    let mut add = |text: &str| fields.extend(url::form_urlencoded::parse(text.as_bytes()).into_owned());
    add(target.split_once('?').map_or("", |(_, query)| query));
    add(if body.starts_with('[') { "" } else { body });
    let arguments = serde_json::from_str::<Vec<Json>>(body).unwrap_or_default();
    let texts =
        ["params", "pager"].map(|name| fields.get(name).map(|text| serde_json::from_str(text).unwrap()));
    for object in arguments.into_iter().chain(texts.into_iter().flatten()) {
        for (name, value) in object.as_object().unwrap() {
            fields.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
    }
    fields
}

fn source(way: Way) -> SourceSpec {
    let [begin, end] = way.window;
    let text = format!(
        r#"
version: 1
flow: f
source:
  name: s
  system: {}
  modified: modified
  poll: {{every: 1ms, start_from: -1d, look_back: 60s, settle_lag: 60s, max_window: 6h}}
  metadata:
    api: {}
    id: refund_id
    pagination: {{pageSize: {PAGE_SIZE}}}
    request:
      - {{field: {begin}, type: string, value: "{{{{LAST_SYNC_TIME|datetime}}}}"}}
      - {{field: {end}, type: string, value: "{{{{CURRENT_TIME|datetime}}}}"}}
target: {{system: mysql, key: [id], metadata: {{api: execute}}}}
"#,
        way.system, way.api
    );
    let mut problems = Problems::new("f.yaml");
    let flow = FlowSpec::parse(&text, &mut problems).unwrap();
    weir_producers::check(&flow.source, &mut problems);
    assert!(problems.list().is_empty(), "{:?}", problems.list());
    flow.source
}

fn account(way: Way, address: &str, clock: Arc<Ticking>) -> Account {
    let settings = serde_json::json!({
        "access": way.access, "base_url": address, "qimen_url": address, "sid": "demo", "app_key": "k",
        "app_secret": "secret:salt", "qimen_app_key": "q", "qimen_app_secret": "s", "calls_per_minute": 60_000,
    });
    let connection = Connection {
        name: "shop".into(),
        file: "weir.yaml".into(),
        path: "connections.shop".into(),
        zone: zone(),
        settings,
        seal_key: None,
    };
    build(way.system, &connection, &[source(way)], &services(clock)).unwrap()
}

#[tokio::test]
async fn no_id_is_missing_on_any_path_while_records_change() {
    for way in WAYS {
        for seed in 0..SEEDS {
            let clock = Arc::new(Ticking(AtomicI64::new(BEGIN)));
            let remote = Arc::new(Mutex::new(Remote::new(way, seed, clock.clone())));
            let address = serve(remote.clone());
            let done = |committed: &Committed| {
                let remote = remote.lock().unwrap();
                let read = |until: Timestamp| until.as_second() > remote.quiet_since;
                let cursors = committed.cursors();
                remote.changes >= CHANGES
                    && cursors.iter().all(|cursor| cursor.window.is_none() && read(cursor.settled_until))
            };
            let account = account(way, &address, clock);
            let (committed, halts) = poll_from(Inheritance::default(), account, done).await;
            assert!(halts.is_empty(), "{halts:?}");
            let newest = committed.newest("s");
            assert_eq!(newest, remote.lock().unwrap().truth(), "{} {} {seed}", way.system, way.access);
        }
    }
}
