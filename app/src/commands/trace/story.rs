//! What a life is told with: names, times in the zone of the account, and what people said about jobs.

use jiff::{Timestamp, tz::TimeZone};
use weir_ledger::trace::{Event, Life, Place};
use weir_model::{flow::FlowSpec, names::SourceName, settings::Localized};
use weir_runtime::{control::Known, topics::Topics};

use super::{unmapped::Found, words};

/// What a life is told with.
pub struct Story<'s> {
    /// The flow as its file says now; none when the project has it no more.
    pub flow: Option<&'s FlowSpec>,
    /// The zone of the account that the record came from.
    pub zone: TimeZone,
    /// The names of topics.
    pub topics: &'s Topics,
    /// What `weir.control` says of jobs; nothing when Kafka is away.
    pub known: &'s Known,
}

/// One step of a life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// One word for programs.
    pub kind: &'static str,
    /// What happened.
    pub text: Localized,
    /// Topic and place where it stands.
    pub place: Option<(String, Place)>,
}

impl Story<'_> {
    /// A time in the account's zone.
    pub fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The zone's name.
    pub fn zone_name(&self) -> String {
        self.zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// The target, for people.
    pub fn target(&self, language: &str) -> String {
        let Some(flow) = self.flow else {
            return if language == "zh" { "目标系统" } else { "the target" }.to_owned();
        };
        let name = match (flow.target.system.as_str(), language) {
            ("kingdee-galaxy", "zh") => "金蝶云星空",
            ("kingdee-galaxy", _) => "Kingdee Galaxy",
            ("kingdee-k3wise", "zh") => "金蝶 K/3 WISE",
            ("kingdee-k3wise", _) => "Kingdee K/3 WISE",
            ("mysql", _) => "MySQL",
            ("sqlite", _) => "SQLite",
            ("collection", "zh") => "集合",
            ("collection", _) => "the collection",
            (other, _) => other,
        };
        name.to_owned()
    }

    /// The mapping, for people.
    pub fn mapping(&self, language: &str) -> String {
        if language == "zh" { "转换步骤" } else { "the mapping" }.to_owned()
    }

    /// The steps of a life, in order.
    pub fn steps(&self, life: &Life) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut polled = Vec::new();
        for (index, event) in life.events.iter().enumerate() {
            let later = life.events.get(index + 1..).unwrap_or_default();
            if matches!(event.kind.as_str(), "mapped" | "filtered" | "refused-by-mapping" | "parked") {
                self.add_arrival(life, event, &mut polled, &mut steps);
            }
            steps.push(self.step(life, event));
            let earlier = life.events.get(..index).unwrap_or_default();
            if is_settled_in_silence(life, event, earlier, later) {
                steps.push(settled(event));
            }
        }
        for letter in &life.letters {
            steps.extend(letter.actions.iter().map(|action| Step {
                at: action.at,
                kind: "action",
                text: words::said(&action.kind, &action.by, &action.reason),
                place: Some((self.topics.dead(&letter.owner), letter.place)),
            }));
        }
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// The only step of a record that was polled and not mapped yet.
    pub fn polled_only(&self, found: &Found) -> Step {
        let source = self.source("");
        Step {
            at: found.polled_at,
            kind: "polled",
            text: Localized::new(format!("从数据源 {source} 轮询到"), format!("polled from {source}")),
            place: Some((found.topic.clone(), found.place)),
        }
    }

    /// The source of a record; that of the flow, where the record has no document that names it.
    fn source(&self, named: &str) -> String {
        match self.flow {
            Some(flow) if named.is_empty() => flow.source.name.to_string(),
            _ => named.to_owned(),
        }
    }

    /// The topic that the records of a source stand in: the raw topic, or another flow's receipts.
    pub fn origin_topic(&self, source: &str) -> String {
        match self.flow.and_then(|flow| flow.source.receipts.as_ref()) {
            Some(read) => self.topics.receipt(read),
            None => self.topics.raw(&SourceName::from(self.source(source))),
        }
    }

    /// How the record came: a document tells where its raw record stands and when that was polled.
    fn add_arrival(&self, life: &Life, event: &Event, polled: &mut Vec<Place>, steps: &mut Vec<Step>) {
        let place = event.raw();
        let is_new = place.is_some_and(|place| !polled.contains(&place));
        polled.extend(place.filter(|_| is_new));
        let is_again = matches!(event.reason.as_str(), "replay" | "retry");
        if is_new && !is_again {
            let source = self.source(&life.record.source);
            let newest = life.record.polled_at.filter(|_| place == life.record.raw);
            let polled_at = event.time("polled_at_us").or(newest).unwrap_or(event.at);
            steps.push(Step {
                at: polled_at.min(event.at),
                kind: "polled",
                text: self.polled(&source, event),
                place: place.map(|place| (self.origin_topic(&source), place)),
            });
        } else if is_again && event.kind != "parked" {
            steps.push(Step { at: event.at, kind: "again", text: self.again(event), place: None });
        }
    }

    fn polled(&self, source: &str, event: &Event) -> Localized {
        let why = match event.reason.as_str() {
            "remedy" => Localized::new("（遗漏补读）", " by the omission remedy"),
            "backfill" => Localized::new("（补数任务）", " by a backfill"),
            "fix" => Localized::new("（对账修正）", " to fix a difference"),
            _ => Localized::default(),
        };
        let job = self.job(&event.job);
        let removed = if event.flag("deleted") {
            Localized::new("；来源已删除该记录", "; removed at the source")
        } else {
            Localized::default()
        };
        if let Some(read) = self.flow.and_then(|flow| flow.source.receipts.as_ref()) {
            return Localized::new(
                format!("取自流程 {read} 的回执{}", removed.zh),
                format!("taken from the receipts of {read}{}", removed.en),
            );
        }
        Localized::new(
            format!("从数据源 {source} 轮询到{}{}{}", why.zh, job.zh, removed.zh),
            format!("polled from {source}{}{}{}", why.en, job.en, removed.en),
        )
    }

    fn again(&self, event: &Event) -> Localized {
        let job = self.job(&event.job);
        let (zh, en) = match (event.reason.as_str(), event.flag("repaired")) {
            ("replay", _) => ("重放", "replayed"),
            (_, true) => ("修改后重发", "repaired and sent again"),
            (_, false) => ("重发", "sent again"),
        };
        Localized::new(format!("{zh}{}", job.zh), format!("{en}{}", job.en))
    }

    /// The job and who wanted it, in brackets.
    fn job(&self, id: &str) -> Localized {
        if id.is_empty() {
            return Localized::default();
        }
        match self.known.job(id) {
            Some(job) => Localized::new(
                format!("（任务 {id}，{} 发起）", job.by),
                format!(" (job {id} of {})", job.by),
            ),
            None => Localized::new(format!("（任务 {id}）"), format!(" (job {id})")),
        }
    }

    fn step(&self, life: &Life, event: &Event) -> Step {
        let (kind, text) = words::of(event, self);
        let flow = weir_model::names::FlowName::from(life.key.flow.clone());
        let topic = match event.stream.as_str() {
            "doc" => self.topics.doc(&flow),
            "receipt" => self.topics.receipt(&flow),
            "wait" => self.topics.wait(&flow),
            _ => self.topics.dead(flow.as_str()),
        };
        Step { at: event.at, kind, text, place: Some((topic, event.place)) }
    }
}

/// Whether the sink took a document without a word: it writes no receipt for a state that it has decided about before.
fn is_settled_in_silence(life: &Life, event: &Event, earlier: &[Event], later: &[Event]) -> bool {
    let is_next = |event: &&Event| event.stream == "doc" || event.stream == "wait";
    let answered = later.iter().take_while(|event| !is_next(event)).next().is_some();
    let is_last = !later.iter().any(|event| is_next(&event));
    let is_on_its_way = is_last && matches!(life.record.state.as_str(), "mapped" | "sending" | "waiting");
    let had_answer = earlier.iter().any(|event| event.stream == "receipt");
    event.stream == "doc" && event.kind != "filtered" && had_answer && !answered && !is_on_its_way
}

fn settled(event: &Event) -> Step {
    Step {
        at: event.at,
        kind: "unchanged",
        text: Localized::new(
            "与已处理过的状态相同或更旧，不再写入",
            "the same state as before, or an older one: nothing to write",
        ),
        place: None,
    }
}
