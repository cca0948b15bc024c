//! `weir jobs`: the jobs of a project, listed, shown, watched and called off. They stand in `weir.control`.

mod view;
mod watch;

use jiff::Timestamp;
use serde_json::json;
use weir_runtime::control::{self, CancelError, is_over};
use weir_schemas::{Cancelled, Job, JobState};

pub use self::{
    view::{View, kind_word, state_text, state_word},
    watch::watch,
};
use super::control::{Desk, person};
use crate::{
    cli::{Cli, JobsCancel, JobsList, JobsOne, Language},
    exit::Failure,
    output::{self, say},
};

/// Lists jobs, the newest first.
pub async fn list(options: &JobsList, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    let known = desk.known()?;
    let of_subject = |view: &View<'_>| options.subject.as_ref().is_none_or(|name| *name == view.job.subject);
    let mut views: Vec<View<'_>> = known
        .jobs()
        .filter_map(|job| View::of(&known, &job.id))
        .filter(|view| of_subject(view) && !(options.open && is_over(view.state)))
        .collect();
    views.sort_by(|one, other| (other.job.at, &other.job.id).cmp(&(one.job.at, &one.job.id)));
    let total = views.len();
    views.truncate(options.limit);
    if cli.json {
        say!("{}", json!({"total": total, "jobs": views.iter().map(View::json).collect::<Vec<_>>()}));
        return Ok(());
    }
    let headings = match desk.language {
        Language::Zh => ["作业", "流程/来源", "状态", "进度", "结果", "公布人", "公布于", "原因"],
        Language::En => ["job", "flow/source", "state", "done", "records", "by", "at", "cause"],
    };
    let rows: Vec<Vec<String>> = views.iter().map(|view| view.row(desk.language)).collect();
    output::tell(&output::table(&headings, &rows));
    let shown = rows.len();
    match desk.language {
        Language::Zh => say!("共 {total} 个作业，显示 {shown} 个"),
        Language::En => say!("jobs: {total}, shown: {shown}"),
    }
    Ok(())
}

/// Announces a job, and watches it unless it is to be left alone.
pub async fn start(desk: &Desk, job: &Job, detach: bool, cli: &Cli) -> Result<(), Failure> {
    control::announce(&desk.cluster, &desk.topics, &desk.codec, job)?;
    let id = &job.id;
    if !detach {
        if !cli.json {
            eprintln!("{id}");
        }
        return watch(desk, id, cli).await;
    }
    if cli.json {
        let state = state_word(JobState::Announced);
        say!("{}", json!({"id": id, "kind": kind_word(job.kind), "subject": job.subject, "state": state}));
        return Ok(());
    }
    match desk.language {
        Language::Zh => say!("已公布作业 {id}；`weir jobs watch {id}` 查看进度"),
        Language::En => say!("announced as job {id}; `weir jobs watch {id}` tells how it goes"),
    }
    Ok(())
}

/// Shows one job.
pub async fn show(options: &JobsOne, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    let known = desk.known()?;
    let view = View::of(&known, &options.id).ok_or_else(|| no_such_job(&options.id, desk.language))?;
    if cli.json {
        say!("{}", view.json());
    } else {
        output::tell(&view.text(desk.language));
    }
    Ok(())
}

/// Watches one job until it is over.
pub async fn follow(options: &JobsOne, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    watch(&desk, &options.id, cli).await
}

/// Calls a job off.
pub async fn cancel(options: &JobsCancel, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    let JobsCancel { id, note, .. } = options;
    let cancelled = Cancelled { by: person(), note: note.clone(), at: Timestamp::now() };
    let known = match control::cancel(&desk.cluster, &desk.topics, &desk.codec, id, &cancelled) {
        Ok(known) => known,
        Err(CancelError::NoSuchJob { id }) => return Err(no_such_job(&id, desk.language)),
        Err(CancelError::Over { id, state }) => {
            let state = state_text(state, desk.language);
            return Err(Failure::invalid(match desk.language {
                Language::Zh => format!("作业 {id} 已经结束（{state}），没有可取消的"),
                Language::En => format!("job {id} is over already ({state}); there is nothing to call off"),
            }));
        }
        Err(CancelError::Stage(error)) => return Err(error.into()),
    };
    if cli.json {
        let view = View::of(&known, id).ok_or_else(|| no_such_job(id, desk.language))?;
        say!("{}", view.json());
        return Ok(());
    }
    match desk.language {
        Language::Zh => say!("{id}：已取消。已发出的记录照常处理，不再发新的"),
        Language::En => {
            say!("{id}: called off. What it has published is dealt with as usual; nothing more comes");
        }
    }
    Ok(())
}

/// There is no such job.
fn no_such_job(id: &str, language: Language) -> Failure {
    Failure::invalid(match language {
        Language::Zh => format!("没有作业 {id}；`weir jobs list` 列出所有作业"),
        Language::En => format!("there is no job {id}; `weir jobs list` lists them"),
    })
}
