//! Watching a job until it is over: a bar on a terminal, plain lines elsewhere.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;
use weir_kafka::{Class, StartOffset, Tail, Tailed};
use weir_runtime::{
    control::{Known, is_over},
    stage::chain,
    topics::Topics,
};
use weir_schemas::{Codec, Control, JobState};

use super::{
    no_such_job,
    view::{View, state_text},
};
use crate::{
    cli::{Cli, Language},
    commands::control::Desk,
    exit::Failure,
    output::{self, say},
    signals,
};

const POLL: Duration = Duration::from_millis(200);
/// Pause between plain lines while nothing but the count changes.
const PLAIN: Duration = Duration::from_secs(5);
/// How long a job may stay without an owner before that is told.
const UNOWNED: Duration = Duration::from_secs(15);

/// Watches a job and tells how it ended. Ctrl-C leaves it running.
///
/// # Errors
/// A runtime failure when the job failed or was called off.
pub async fn watch(desk: &Desk, id: &str, cli: &Cli) -> Result<(), Failure> {
    let stop = signals::stop_on_signal()?;
    let watching = Watching {
        cluster: desk.cluster.clone(),
        topics: desk.topics.clone(),
        codec: desk.codec.clone(),
        id: id.to_owned(),
        language: desk.language,
        shown: Shown::start(cli.json, desk.language),
        stop,
    };
    let known = tokio::task::spawn_blocking(move || watching.run())
        .await
        .map_err(|error| Failure::environment("watch the job", &error))??;
    let view = View::of(&known, id).ok_or_else(|| no_such_job(id, desk.language))?;
    if cli.json {
        say!("{}", view.json());
    } else if is_over(view.state) {
        output::tell(&view.text(desk.language));
    } else {
        match desk.language {
            Language::Zh => {
                say!("作业 {id} 继续运行；`weir jobs watch {id}` 再看，`weir jobs cancel {id}` 取消");
            }
            Language::En => say!(
                "job {id} goes on; `weir jobs watch {id}` shows it again, `weir jobs cancel {id}` calls it off"
            ),
        }
    }
    match view.state {
        JobState::Failed | JobState::Cancelled => {
            let cause = view.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
            let state = state_text(view.state, desk.language);
            Err(Failure::runtime(match desk.language {
                Language::Zh => format!("作业 {id} {state}{cause}"),
                Language::En => format!("job {id} {state}{cause}"),
            }))
        }
        _ => Ok(()),
    }
}

struct Watching {
    cluster: weir_kafka::Cluster,
    topics: Topics,
    codec: Codec,
    id: String,
    language: Language,
    shown: Shown,
    stop: CancellationToken,
}

impl Watching {
    /// Follows `weir.control` until the job is over or a signal comes; what is known then.
    fn run(mut self) -> Result<Known, Failure> {
        let mut tail = Tail::open(&self.cluster, &self.topics.control(), StartOffset::Beginning)?;
        let mut known = Known::default();
        while !self.stop.is_cancelled() {
            match tail.next(POLL) {
                Ok(Tailed::Record(message)) => {
                    // What newer software wrote is of no concern here.
                    if let Some(Ok(entry)) = message.value.map(|value| self.codec.decode::<Control>(&value)) {
                        known.take(entry);
                    }
                }
                Ok(Tailed::End(_)) => {
                    let view = View::of(&known, &self.id);
                    let view = view.ok_or_else(|| no_such_job(&self.id, self.language))?;
                    self.shown.show(&view);
                    if is_over(view.state) {
                        break;
                    }
                }
                Ok(Tailed::Idle) => {
                    if let Some(view) = View::of(&known, &self.id) {
                        self.shown.show(&view);
                    }
                }
                Err(error) if error.class() == Class::Retriable => {
                    tracing::warn!(error = chain(&error), "Kafka is away, waiting");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.shown.finish();
        Ok(known)
    }
}

/// What is shown on standard error meanwhile.
struct Shown {
    way: Way,
    language: Language,
    started: Instant,
    told_unowned: bool,
}

enum Way {
    Bar(ProgressBar),
    /// Holds when the next line is due, and the last state.
    Plain(Instant, Option<JobState>),
    Silent,
}

impl Shown {
    fn start(json: bool, language: Language) -> Self {
        let way = if json {
            Way::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {bar:24} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            Way::Bar(bar)
        } else {
            Way::Plain(Instant::now(), None)
        };
        Self { way, language, started: Instant::now(), told_unowned: false }
    }

    fn show(&mut self, view: &View<'_>) {
        let language = self.language;
        match &mut self.way {
            Way::Bar(bar) => {
                let (done, total) = view.progress.map_or((0, 0), |p| (p.done, p.total.unwrap_or(0)));
                bar.set_length(total.max(done));
                bar.set_position(done);
                bar.set_message(line(view, language));
            }
            Way::Plain(due, last) if *last != Some(view.state) || Instant::now() >= *due => {
                (*due, *last) = (Instant::now() + PLAIN, Some(view.state));
                eprintln!("{} {} {}", view.job.id, view.share(), line(view, language));
            }
            Way::Plain(..) | Way::Silent => {}
        }
        let is_unowned = view.state == JobState::Announced && self.started.elapsed() > UNOWNED;
        if is_unowned && !self.told_unowned {
            self.told_unowned = true;
            self.tell_unowned();
        }
    }

    fn tell_unowned(&self) {
        let words = match self.language {
            Language::Zh => {
                "还没有进程接手；重放和重发由 `weir run processors` 或 `all` 执行，补数由 `producers` 或 `all` 执行"
            }
            Language::En => {
                "no process has taken it up; `weir run processors` or `all` carries replays and repairs on, `producers` or `all` the others"
            }
        };
        match &self.way {
            Way::Bar(bar) => bar.println(words),
            Way::Plain(..) => eprintln!("{words}"),
            Way::Silent => {}
        }
    }

    fn finish(&self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

/// How a job stands, on one line.
fn line(view: &View<'_>, language: Language) -> String {
    let mut parts = vec![state_text(view.state, language).to_owned(), view.told(language)];
    parts.extend(view.cause().map(ToString::to_string));
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}
