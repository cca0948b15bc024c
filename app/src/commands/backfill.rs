//! `weir backfill`: announces that a stretch of the past is to be read from a source, or the holes of its coverage. The
//! process that polls the account carries it on, beside the regular poll.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_model::{settings::Localized, time::local_text};
use weir_producers::poll::{Outline, Rate};
use weir_runtime::control::new_id;
use weir_schemas::{Job, JobKind, TimeRange};

use super::{
    control::{Desk, person},
    coverage::length,
    jobs, load,
    polled::Polled,
    times,
};
use crate::{
    cli::{Backfill, Cli, Language},
    exit::Failure,
    ledger,
    output::{self, say},
};

/// How long the ledger may take to come to the present before holes are looked for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Stretches of time that are listed for people; programs are given all.
const MOST_RANGES: usize = 20;

/// Announces a backfill and watches it, or only tells what it would read.
pub async fn run(options: &Backfill, cli: &Cli) -> Result<(), Failure> {
    let (project, language) = (load(&options.project, cli)?, output::language(cli.lang));
    // What is written wrong is told before anything is connected to.
    let within = within(options, &Polled::find(&project, &options.source, language)?, language)?;
    let desk = Desk::of(project, cli).await?;
    let polled = Polled::find(&desk.project, &options.source, language)?;
    let plan = Plan::make(within, options.holes, &desk, &polled).await?;
    if options.dry_run || plan.ranges.is_empty() {
        plan.tell(options.dry_run, &desk, cli);
        return Ok(());
    }
    if let Some(words) = plan.warning().filter(|_| !cli.json) {
        eprintln!("{}", output::pick(&words, desk.language));
    }
    let job = plan.job(options);
    jobs::start(&desk, &job, options.detach, cli).await
}

/// The stretch of time that is spoken of.
fn within(options: &Backfill, polled: &Polled<'_>, language: Language) -> Result<TimeRange, Failure> {
    let parse = |text: &String| times::parse(text, &polled.zone, language);
    let from = options.from.as_ref().map(parse).transpose()?.unwrap_or(Timestamp::MIN);
    // What is not settled yet is the regular poll's.
    let settled = polled.poller()?.settled();
    let until = options.until.as_ref().map(parse).transpose()?.map_or(settled, |until| until.min(settled));
    if from < until {
        return Ok(TimeRange { from, until });
    }
    let [from, until] = [from, until].map(|at| local_text(at, &polled.zone));
    Err(Failure::invalid(match language {
        Language::Zh => format!("起始时间 {from} 不早于结束时间 {until}"),
        Language::En => format!("the start {from} is not before the end {until}"),
    }))
}

/// What is to be read.
struct Plan<'a> {
    polled: &'a Polled<'a>,
    ranges: Vec<TimeRange>,
    outline: Outline,
    /// How many records came in the past, where the ledger knows.
    rate: Option<Rate>,
}

impl<'a> Plan<'a> {
    async fn make(
        within: TimeRange,
        holes: bool,
        desk: &Desk,
        polled: &'a Polled<'a>,
    ) -> Result<Self, Failure> {
        let kafka = (&desk.cluster, &desk.topics, &desk.codec);
        let (coverage, freshness) = polled.coverage(&desk.project, kafka, None, PATIENCE).await?;
        // A window that the ledger has not heard of would look like a hole.
        if let (true, Some(note)) = (holes, ledger::note(&freshness)) {
            return Err(Failure::missing(output::pick(&note, desk.language)));
        }
        let ranges = if holes { coverage.holes_within(within) } else { vec![within] };
        let outline = polled.poller()?.outline(&ranges);
        let rate = Rate { records: coverage.ids, span: coverage.span };
        Ok(Self { polled, ranges, outline, rate: (!rate.span.is_zero()).then_some(rate) })
    }

    fn job(&self, options: &Backfill) -> Job {
        let at = Timestamp::now();
        Job {
            id: new_id(JobKind::Backfill, at),
            kind: JobKind::Backfill,
            subject: self.polled.spec.name.to_string(),
            from: self.ranges.first().map(|range| range.from),
            until: self.ranges.last().map(|range| range.until),
            only: Vec::new(),
            ranges: self.ranges.clone(),
            letters: Vec::new(),
            edit: String::new(),
            note: options.note.clone(),
            by: person(),
            at,
            cancelled: None,
        }
    }

    /// What may go wrong beside the regular poll.
    fn warning(&self) -> Option<Localized> {
        self.polled.spec.modified.is_empty().then(|| {
            Localized::new(
                "该数据源没有 modified：补读与常规读取并行，记录的新旧只按到达顺序判断",
                "the source has no `modified`: beside the regular poll, states of a record are ordered by arrival alone",
            )
        })
    }

    fn tell(&self, dry_run: bool, desk: &Desk, cli: &Cli) {
        if cli.json {
            say!("{}", self.json(dry_run));
        } else {
            output::tell(&self.text(dry_run, desk.language));
        }
    }

    fn json(&self, dry_run: bool) -> Value {
        let range =
            |range: &TimeRange| json!({"from": range.from.to_string(), "until": range.until.to_string()});
        json!({
            "id": null, "source": self.polled.spec.name.as_str(), "dry_run": dry_run,
            "ranges": self.ranges.iter().map(range).collect::<Vec<_>>(),
            "windows": self.outline.windows.len(), "calls": self.outline.calls(self.rate),
            "warning": self.warning().map(|words| json!({"zh": words.zh, "en": words.en})),
        })
    }

    fn text(&self, dry_run: bool, language: Language) -> String {
        let source = &self.polled.spec.name;
        if self.ranges.is_empty() {
            return match language {
                Language::Zh => format!("{source}：没有空洞，没有公布作业\n"),
                Language::En => format!("{source}: there is no hole; nothing was announced\n"),
            };
        }
        let (windows, calls) = (self.outline.windows.len(), self.outline.calls(self.rate));
        let count = self.ranges.len();
        let mut text = match language {
            Language::Zh => format!("{source}：{count} 个时间段，{windows} 个窗口，约 {calls} 次调用\n"),
            Language::En => {
                format!("{source}: stretches of time: {count}, windows: {windows}, calls: about {calls}\n")
            }
        };
        for range in self.ranges.iter().take(MOST_RANGES) {
            let [from, until] = [range.from, range.until].map(|at| local_text(at, &self.polled.zone));
            let long = length(range.until.duration_since(range.from), language);
            text.push_str(&format!("  {from} … {until}  {long}\n"));
        }
        if count > MOST_RANGES {
            let more = count - MOST_RANGES;
            text.push_str(&match language {
                Language::Zh => format!("  另有 {more} 个\n"),
                Language::En => format!("  and {more} more\n"),
            });
        }
        if let Some(words) = self.warning() {
            text.push_str(&format!("{}\n", output::pick(&words, language)));
        }
        if dry_run {
            text.push_str(match language {
                Language::Zh => "仅试算，没有公布作业\n",
                Language::En => "this was a dry run; nothing was announced\n",
            });
        }
        text
    }
}
