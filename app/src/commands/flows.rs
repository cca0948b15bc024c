//! `weir flows`: how flows stand, and what all processes are told about them through `weir.control`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use weir_kafka::{Admin, TopicChange};
use weir_model::names::{FlowName, InstanceName};
use weir_runtime::control::Known;
use weir_schemas::{Control, FlowState, FlowText, Reload, RunState, Status};

use super::{
    control::{Desk, person, runners},
    status::condition,
    topics,
};
use crate::{
    cli::{Cli, FlowsApply, FlowsPause, FlowsResume, Language, Project as ProjectOption},
    exit::Failure,
    output::{self, say},
    project::{Flow, names},
    versions,
};

/// Lists the flows of the project.
pub async fn list(option: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(option, cli).await?;
    let (known, statuses) = (desk.known()?, desk.statuses()?);
    let now = Timestamp::now();
    let flows = desk.project.flows.iter().map(|flow| Standing::of(flow, &known, &statuses, now));
    let flows: Vec<Standing<'_>> = flows.collect();
    if cli.json {
        say!("{}", json!({"flows": flows.iter().map(Standing::json).collect::<Vec<_>>()}));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = flows.iter().map(|flow| flow.line(&desk)).collect();
    output::tell(&output::table(&["flow", "version", "file", "state", "why", "runs at"], &rows));
    Ok(())
}

/// How a flow stands.
struct Standing<'a> {
    flow: &'a Flow,
    newest: Option<&'a FlowText>,
    /// The newest version that is the file's text.
    own: Option<&'a FlowText>,
    state: Option<&'a FlowState>,
    runners: Vec<(&'a InstanceName, &'a weir_schemas::StageStatus)>,
}

impl<'a> Standing<'a> {
    fn of(
        flow: &'a Flow,
        known: &'a Known,
        statuses: &'a BTreeMap<InstanceName, Status>,
        now: Timestamp,
    ) -> Self {
        let name = &flow.spec.name;
        Self {
            flow,
            newest: known.newest(name),
            own: known.version_of(name, flow.spec.digest),
            state: known.state(name),
            runners: runners(statuses, name, now),
        }
    }

    fn state(&self) -> &'static str {
        match self.state.map(|state| state.state) {
            None | Some(RunState::Running) => "running",
            Some(RunState::Paused) => "paused",
            Some(RunState::Halted) => "halted",
        }
    }

    fn why(&self) -> String {
        let Some(state) = self.state.filter(|state| state.state != RunState::Running) else {
            return String::new();
        };
        let cause = state.cause.as_ref().map(ToString::to_string);
        let said = cause.unwrap_or_else(|| state.reason.clone());
        if said.is_empty() { state.by.clone() } else { format!("{}: {said}", state.by) }
    }

    fn line(&self, desk: &Desk) -> Vec<String> {
        let newest = self.newest.map_or(0, |text| text.version.ordinal);
        let file = match self.own.map(|text| text.version.ordinal) {
            Some(own) if own == newest => desk.say("相同", "same").to_owned(),
            Some(own) => format!("{} {own}", desk.say("旧版本", "older:")),
            None => desk.say("未发布", "not published").to_owned(),
        };
        let runs = |(instance, stage): &(&InstanceName, &weir_schemas::StageStatus)| {
            let (kind, version) = (stage.stage.as_str(), stage.flow_ordinal);
            format!("{instance} ({kind} {version}, {})", condition(stage.condition))
        };
        vec![
            self.flow.spec.name.to_string(),
            if newest == 0 { "-".to_owned() } else { newest.to_string() },
            file,
            self.state().to_owned(),
            self.why(),
            self.runners.iter().map(runs).collect::<Vec<_>>().join(", "),
        ]
    }

    fn json(&self) -> Value {
        let runs = |(instance, stage): &(&InstanceName, &weir_schemas::StageStatus)| {
            json!({
                "instance": instance.as_str(), "stage": stage.stage.as_str(), "version": stage.flow_ordinal,
                "condition": condition(stage.condition), "why": stage.why, "partitions": stage.partitions,
            })
        };
        json!({
            "flow": self.flow.spec.name.as_str(), "file": self.flow.file,
            "version": self.newest.map(|text| text.version.ordinal),
            "published_by": self.newest.map(|text| text.by.clone()),
            "published_at": self.newest.map(|text| text.at.to_string()),
            "file_version": self.own.map(|text| text.version.ordinal),
            "state": self.state(), "why": self.why(),
            "runs_at": self.runners.iter().map(runs).collect::<Vec<_>>(),
        })
    }
}

/// Tells all processes to let a flow stand still.
pub async fn pause(options: &FlowsPause, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    let flow = set_state(&desk, &options.flow, RunState::Paused, &options.reason)?;
    if cli.json {
        say!("{}", json!({"flow": flow.as_str(), "state": "paused"}));
        return Ok(());
    }
    match desk.language {
        Language::Zh => say!(
            "{flow}：已暂停。进行中的调用会完成，轮询继续，记录留在主题中；`weir flows resume {flow}` 继续"
        ),
        Language::En => say!(
            "{flow}: paused. Calls in flight finish, polling goes on and its records stay; `weir flows resume {flow}` goes on"
        ),
    }
    Ok(())
}

/// Tells all processes to run a flow again, with configuration read anew.
pub async fn resume(options: &FlowsResume, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::without_flows(&options.project, cli).await?;
    let flow = set_state(&desk, &options.flow, RunState::Running, "")?;
    if cli.json {
        say!("{}", json!({"flow": flow.as_str(), "state": "running"}));
        return Ok(());
    }
    match desk.language {
        Language::Zh => say!("{flow}：各进程重新读取连接并继续；`weir status` 查看结果"),
        Language::En => {
            say!("{flow}: every process reads its connections anew and goes on; `weir status` tells how");
        }
    }
    Ok(())
}

fn set_state(desk: &Desk, flow: &str, state: RunState, reason: &str) -> Result<FlowName, Failure> {
    let flow = FlowName::from(flow);
    let (by, at) = (person(), Timestamp::now());
    desk.change(|known| {
        if known.newest(&flow).is_none() {
            return Err(unknown(&flow, known.flows(), desk.language));
        }
        let (flow, reason, by) = (flow.clone(), reason.to_owned(), by.clone());
        Ok(vec![Control::FlowState(FlowState { flow, state, cause: None, reason, by, at })])
    })?;
    Ok(flow)
}

fn unknown<'a>(flow: &FlowName, known: impl Iterator<Item = &'a FlowName>, language: Language) -> Failure {
    let list = known.map(FlowName::as_str).collect::<Vec<_>>().join(", ");
    Failure::invalid(match language {
        Language::Zh => format!("没有名为 {flow} 的流程；有：{list}"),
        Language::En => format!("no flow is called {flow}; there are: {list}"),
    })
}

/// Publishes the texts of flow files as new versions, which all processes take over.
pub async fn apply(options: &FlowsApply, cli: &Cli) -> Result<(), Failure> {
    // The whole project is checked by this: when anything in it is wrong, nothing is published.
    let desk = Desk::open(&options.project, cli).await?;
    let chosen = chosen(&desk, &options.flows)?;
    let missing: Vec<String> = Admin::open(&desk.cluster)?
        .check(&topics::specs(&desk.project))?
        .iter()
        .filter(|change| matches!(change, TopicChange::Create { .. }))
        .map(topics::describe)
        .collect();
    if !missing.is_empty() {
        let (count, file) = (missing.len(), desk.project.file.display());
        return Err(Failure::missing(match desk.language {
            Language::Zh => format!("缺少 {count} 个主题；先执行 `weir topics apply -c {file}`"),
            Language::En => format!("{count} topics are missing; run `weir topics apply -c {file}` first"),
        }));
    }
    let (by, at) = (person(), Timestamp::now());
    let is_new = |flow: &Flow, known: &Known| {
        known.newest(&flow.spec.name).is_none_or(|newest| newest.version.digest != flow.spec.digest)
    };
    let mut published: Vec<FlowName> = Vec::new();
    let known = desk.change(|known| {
        let new = chosen.iter().filter(|flow| is_new(flow, known));
        let entries: Vec<Control> = new.map(|flow| versions::next_version(flow, known, &by, at)).collect();
        published =
            chosen.iter().filter(|flow| is_new(flow, known)).map(|flow| flow.spec.name.clone()).collect();
        Ok(entries)
    })?;
    tell_applied(&desk, &chosen, &published, &known, cli)
}

fn tell_applied(
    desk: &Desk,
    chosen: &[&Flow],
    published: &[FlowName],
    known: &Known,
    cli: &Cli,
) -> Result<(), Failure> {
    let (statuses, now) = (desk.statuses()?, Timestamp::now());
    let mut told = Vec::new();
    for flow in chosen {
        let name = &flow.spec.name;
        let version = known.newest(name).map_or(0, |text| text.version.ordinal);
        let is_new = published.contains(name);
        let stages = runners(&statuses, name, now).len();
        if cli.json {
            told.push(
                json!({"flow": name.as_str(), "version": version, "published": is_new, "stages": stages}),
            );
            continue;
        }
        match (desk.language, is_new) {
            (Language::Zh, true) => say!("{name}：已发布版本 {version}，{stages} 个运行中的阶段将采用"),
            (Language::Zh, false) => say!("{name}：版本 {version} 已是最新"),
            (Language::En, true) => {
                say!("{name}: version {version} published, {stages} running stages take it over");
            }
            (Language::En, false) => say!("{name}: version {version} is the newest already"),
        }
    }
    if cli.json {
        say!("{}", json!({"flows": told}));
    }
    Ok(())
}

/// The flows that are named; all when none is.
fn chosen<'d>(desk: &'d Desk, wanted: &[String]) -> Result<Vec<&'d Flow>, Failure> {
    let flows = &desk.project.flows;
    if wanted.is_empty() {
        return Ok(flows.iter().collect());
    }
    let find = |name: &String| {
        let found = flows.iter().find(|flow| flow.spec.name.as_str() == name);
        found.ok_or_else(|| unknown(&FlowName::from(name), names(flows).into_iter(), desk.language))
    };
    wanted.iter().map(find).collect()
}

/// Tells all processes to read their configuration anew.
pub async fn reload(option: &ProjectOption, cli: &Cli) -> Result<(), Failure> {
    let desk = Desk::open(option, cli).await?;
    let (by, at) = (person(), Timestamp::now());
    desk.change(|_| Ok(vec![Control::Reload(Reload { by: by.clone(), at })]))?;
    let now = Timestamp::now();
    let processes = desk.statuses()?;
    let processes = processes.values().filter(|status| !weir_runtime::status::is_gone(status, now)).count();
    if cli.json {
        say!("{}", json!({"processes": processes}));
        return Ok(());
    }
    match desk.language {
        Language::Zh => {
            say!(
                "{processes} 个进程将重新读取各自的 weir.yaml、密钥和流程；无法使用的配置会被拒绝，原配置继续运行，`weir status` 说明原因"
            );
        }
        Language::En => say!(
            "{processes} processes read their own weir.yaml, secrets and flows anew; what cannot be used is refused, the old \
             goes on, and `weir status` tells why"
        ),
    }
    Ok(())
}
