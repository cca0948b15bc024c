//! `weir dlq`: dead letters, from the ledger that knows how each stands, and from their topics, which hold their payloads.
//!
//! | Module | Holds |
//! | --- | --- |
//! | `select` | which letters are meant |
//! | `list`, `group`, `show`, `history` | looking |
//! | `edit`, `replay`, `drop` | doing something about them, each an entry in the book |
//! | `payload` | the letters themselves |
//! | `meaning` | what a code says and what to do |
//! | `trial` | what the flow would make of an edited payload |
//! | `ask`, `difference` | the question before something is done, and what a rule changes |

mod ask;
mod difference;
mod drop;
mod edit;
mod group;
mod history;
mod list;
mod meaning;
mod payload;
mod replay;
mod rule;
mod select;
mod show;
mod trial;
mod watch;

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use weir_kafka::{Admin, Cluster};
use weir_ledger::{
    Ledger,
    letters::{Decision, Head, Letter, State},
};
use weir_model::settings::Localized;
use weir_runtime::{
    control::{self, Known, is_over},
    stage::chain,
    topics::Topics,
};
use weir_schemas::{Codec, JobState};

pub use self::payload::read_letters;
use super::load;
use crate::{
    cli::{Cli, Dlq, Language, Project as ProjectOption},
    codec,
    exit::Failure,
    ledger::{self, failed as ledger_failed},
    masking::Masking,
    output,
    project::Project,
    receipts,
};

/// How long Kafka is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the ledger may take to come to what the topics hold: the first time it reads all of them.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Runs one of the commands.
pub async fn run(command: &Dlq, cli: &Cli) -> Result<(), Failure> {
    match command {
        Dlq::List(options) => list::run(options, cli).await,
        Dlq::Group(options) => group::run(options, cli).await,
        Dlq::Show(options) => show::run(options, cli).await,
        Dlq::Edit(options) => edit::run(options, cli).await,
        Dlq::Replay(options) => replay::run(options, cli).await,
        Dlq::Drop(options) => drop::run(options, cli).await,
        Dlq::History(options) => history::run(options, cli).await,
    }
}

/// What the commands work with.
struct Letterbox {
    project: Project,
    ledger: Ledger,
    topics: Topics,
    kafka: Result<Kafka, String>,
    /// What `weir.control` says; nothing while Kafka is away.
    known: Known,
    /// Why the ledger may be behind the topics; empty when it is not.
    note: Localized,
    masking: Masking,
    language: Language,
}

/// The way to the topics.
struct Kafka {
    cluster: Cluster,
    codec: Codec,
}

impl Letterbox {
    /// Loads the project, checks the flow or source that was named, and only then connects to anything.
    async fn open(
        option: &ProjectOption,
        owner: Option<&str>,
        mask: bool,
        cli: &Cli,
    ) -> Result<(Self, Vec<String>), Failure> {
        let project = load(option, cli)?;
        let language = output::language(cli.lang);
        let owners = select::owners(&project, owner, language)?;
        let topics = Topics::new(&project.config.prefix);
        let masking = Masking::of(&project.config.privacy, mask);
        let ledger = ledger::open(&project).await?;
        let mut letterbox = Self {
            ledger,
            known: Known::default(),
            note: Localized::default(),
            kafka: Err(String::new()),
            project,
            topics,
            masking,
            language,
        };
        letterbox.connect().await?;
        Ok((letterbox, owners))
    }

    /// Connects to Kafka and brings the ledger to what the topics hold. When Kafka is away, the ledger answers as of when
    /// it last read; only one that never read anything has nothing to say.
    async fn connect(&mut self) -> Result<(), Failure> {
        let cluster = Cluster::remote(self.project.config.kafka.clone())?;
        if let Err(error) = Admin::open(&cluster)?.wait_ready(PATIENCE) {
            let why = chain(&error);
            // Nothing is decoded, so the plain codec will do: it is only asked when the ledger last read.
            let codec = Codec::single_object();
            let follower = ledger::follower(&self.project, &self.ledger, &cluster, &self.topics, &codec);
            if ledger::catch_up(&follower, Duration::ZERO).await?.as_of.as_second() == 0 {
                return Err(Failure::missing(why));
            }
            self.note = Localized::new(
                format!("Kafka 不可用，按台账最后读到的情况回答：{why}"),
                format!("Kafka is away, so this is what the ledger read last: {why}"),
            );
            self.kafka = Err(why);
            return Ok(());
        }
        let codec = codec::of(&self.project.config).await?;
        self.known = control::read(&cluster, &self.topics, &codec)?;
        self.kafka = Ok(Kafka { cluster, codec });
        self.freshen().await
    }

    /// Brings the ledger to what the topics hold now.
    async fn freshen(&mut self) -> Result<(), Failure> {
        let Ok(Kafka { cluster, codec }) = &self.kafka else { return Ok(()) };
        let follower = ledger::follower(&self.project, &self.ledger, cluster, &self.topics, codec);
        let freshness = ledger::catch_up(&follower, CATCH_UP).await?;
        self.note = ledger::note(&freshness).unwrap_or_default();
        Ok(())
    }

    /// The way to the topics, for what cannot be done without.
    fn kafka(&self) -> Result<&Kafka, Failure> {
        self.kafka.as_ref().map_err(|why| Failure::missing(why.clone()))
    }

    /// Whether nothing more comes of a job though it was not finished. Without Kafka nobody can tell.
    fn ended_early(&self) -> impl Fn(&str) -> bool + Sync + use<'_> {
        |id| match (&self.kafka, self.known.job(id)) {
            (Err(_), _) => false,
            (Ok(_), None) => true,
            (Ok(_), Some(job)) => {
                let state = self.known.job_state(job);
                is_over(state) && state != JobState::Finished
            }
        }
    }

    /// The zone that the times of a flow or source are in.
    fn zone(&self, owner: &str) -> TimeZone {
        zone_of(&self.project, owner)
    }

    /// A time as it is shown.
    fn time(&self, owner: &str, at: Timestamp) -> String {
        at.to_zoned(self.zone(owner)).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// The text in the reader's language.
    fn say(&self, zh: impl Into<String>, en: impl Into<String>) -> String {
        match self.language {
            Language::Zh => zh.into(),
            Language::En => en.into(),
        }
    }

    /// Tells that the answer is older than now, if it is.
    fn tell_note(&self, cli: &Cli) {
        if !cli.json && !self.note.en.is_empty() {
            eprintln!("{}", output::pick(&self.note, self.language));
        }
    }

    /// The note for programs.
    fn note_json(&self) -> Value {
        if self.note.en.is_empty() { Value::Null } else { json!({"zh": self.note.zh, "en": self.note.en}) }
    }
}

fn zone_of(project: &Project, owner: &str) -> TimeZone {
    let mut flows = project.flows.iter().map(|flow| &flow.spec);
    let flow = flows.find(|flow| flow.name.as_str() == owner || flow.source.name.as_str() == owner);
    flow.map_or_else(receipts::default_zone, |flow| receipts::zone(flow, &project.config.connections))
}

/// How a letter stands, in words.
fn state_text(state: State, language: Language) -> &'static str {
    match (state, language) {
        (state, Language::En) => state.as_str(),
        (State::Open, Language::Zh) => "待处理",
        (State::Resent, Language::Zh) => "已重发",
        (State::Solved, Language::Zh) => "已解决",
        (State::GivenUp, Language::Zh) => "已放弃",
        (State::FailedAgain, Language::Zh) => "再次失败",
    }
}

/// What is known of a letter without its payload, for programs.
fn brief(letter: &Letter) -> Value {
    let Head { id, record_id, stage, code, cause_id, at, state, decision, is_edited } = &letter.head;
    json!({
        "owner": id.owner, "letter": id.place.to_string(), "at": at.to_string(), "stage": stage,
        "record": record_id, "key": letter.key, "number": letter.number, "code": code,
        "message": letter.message, "field": letter.field, "cause": letter.cause, "cause_id": cause_id,
        "state": state.as_str(), "edited": is_edited, "decision": decision.as_ref().map(decided),
    })
}

fn decided(decision: &Decision) -> Value {
    json!({
        "action": decision.action, "at": decision.at.to_string(),
        "job": (!decision.job.is_empty()).then_some(&decision.job),
    })
}
