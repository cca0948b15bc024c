//! `weir demo`: the flows of the seeds against a sandbox, in one process: sandbox, broker, stages and SQLite.

use std::{
    fmt::Write as _,
    io::IsTerminal as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use weir_kafka::{Admin, Cluster};
use weir_ledger::trace::Example;
use weir_model::names::InstanceName;
use weir_runtime::{
    clock::SystemClock,
    control::{self, Known},
    health::{Condition, Health},
    stage::Deployment,
    tasks::{TaskKind, spawn},
    telemetry::{self, Telemetry},
    topics::Topics,
};
use weir_sandbox::{Change, Options, Running, Sandbox};
use weir_schemas::Codec;

use super::{collections, dlq, progress::Progress, topics};
use crate::{
    assembly::Workshop,
    cli::{Cli, Demo, Language, Stages},
    conductor::Conductor,
    exit::Failure,
    ledger,
    output::{self, say},
    project::Project,
    sandbox_project, signals,
    tallies::{COUNT_NAMES, FlowCounts, Tallies, summary},
    versions,
};

/// Records of each system that change or are added while they are paged.
const CHANGES: u32 = 60;
/// After so many seconds the customers are there that OKKI's orders came before.
const LATE_CUSTOMERS: u32 = 15;
/// A changed record is polled after the settle lag, a pause and the time a late one takes; then it goes through.
const QUIET: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(300);
const TICK: Duration = Duration::from_millis(500);
/// Letters shown below the table, per flow.
const LETTERS: usize = 3;

/// Runs the demo.
pub async fn run(options: &Demo, cli: &Cli) -> Result<(), Failure> {
    let language = output::language(cli.lang);
    let stop = signals::stop_on_signal()?;
    let sandbox = start_sandbox(options).await?;
    let cluster = Cluster::in_process(&[])?;
    let config = sandbox_project::write(&options.dir, &sandbox.base_url(), cluster.brokers())?;
    let project = load(&config)?;
    Admin::open(&cluster)?.apply(&topics::specs(&project), project.config.replication)?;
    let (telemetry, deployment) = deployment(&project, cluster)?;
    let project = Arc::new(project);
    let known = register(&project, &deployment).await?;
    if !cli.json {
        say!("{}", greeting(options, &sandbox, language));
    }
    collections::fill(&project, &deployment, sandbox_project::SHOPS, language)?;
    // The stages get a token of their own: the demo stops them itself, and reads the letters before the broker goes.
    let running = CancellationToken::new();
    let tallies = Tallies::follow(&deployment, running.clone())
        .map_err(|error| Failure::environment("start a thread", &error))?;
    let workshop =
        Workshop { deployment: deployment.clone(), cluster_id: "demo".into(), stages: Stages::All };
    // From another terminal flows are paused, and letters sent again.
    let following = CancellationToken::new();
    let (changes, control) = control::follow(&deployment, known, &following)
        .map_err(|error| Failure::environment("start a thread", &error))?;
    let conductor = Conductor::new(workshop, Arc::clone(&project), changes, &running);
    let conducting = spawn("conductor", TaskKind::Service, conductor.run());
    let finished = watch(&project, &tallies, &sandbox, &deployment.health, cli, &stop).await;
    let lines = lines(&project, &tallies);
    tell(&project, &deployment, &lines, options, cli, language)?;
    if !cli.json {
        say!("{}", to_trace(&project, &config, language).await?);
    }
    // Who pipes the answer somewhere waits for its end.
    let goes_on = !options.once && std::io::stdout().is_terminal();
    if goes_on && finished == End::Finished {
        say!("{}", farewell(language));
        stop.cancelled().await;
    }
    running.cancel();
    // A halt was told by the watch and in the log.
    let _ = conducting.await;
    following.cancel();
    // Why control could not be followed, if it could not, is in the log.
    let _ = control.ended().await;
    sandbox.shutdown().await;
    drop(telemetry);
    if finished == End::Finished && lines.iter().all(FlowCounts::is_balanced) {
        return Ok(());
    }
    Err(Failure::runtime(finished.complaint()))
}

async fn register(project: &Arc<Project>, deployment: &Deployment) -> Result<Known, Failure> {
    let (deployment, project) = (deployment.clone(), Arc::clone(project));
    tokio::task::spawn_blocking(move || versions::register(&deployment, &project.flows))
        .await
        .map_err(|error| Failure::environment("register the flows", &error))?
        .map_err(|error| Failure::environment("register the flows", &error))
}

/// Warnings are left to `weir check`: they tell what pasted metadata holds, and nothing of the demo.
fn load(config: &Path) -> Result<Project, Failure> {
    let (project, problems) = Project::load(config);
    project.ok_or_else(|| {
        let told = problems.list().iter().map(|problem| output::problem_text(problem, Language::En));
        let told = told.collect::<Vec<_>>().join("\n");
        Failure::invalid(format!("{} cannot be used:\n{told}", config.display()))
    })
}

async fn start_sandbox(options: &Demo) -> Result<Running, Failure> {
    let mut sandbox = Options {
        seed: options.seed,
        customers: options.customers,
        movements: options.movements,
        change: Change { rate: 0.3, limit: CHANGES, late_by_seconds: 1 },
        ..Options::default()
    };
    sandbox.jushuitan.quota = None;
    sandbox.wangdiantong.calls_per_minute = None;
    sandbox.okki.late_company_seconds = LATE_CUSTOMERS;
    Sandbox::start(sandbox, "127.0.0.1:0")
        .await
        .map_err(|error| Failure::environment("start the sandbox", &error))
}

fn deployment(project: &Project, cluster: Cluster) -> Result<(Telemetry, Deployment), Failure> {
    let settings = telemetry::Settings {
        log_format: telemetry::Format::Text,
        log_filter: std::env::var("WEIR_LOG").unwrap_or_else(|_| "error".to_owned()),
        listen: None,
        otlp_endpoint: None,
        instance: "demo".to_owned(),
        service: "weir-demo".to_owned(),
    };
    let health = Health::default();
    let telemetry = telemetry::start(&settings, health.clone())
        .map_err(|error| Failure::environment("start the log", &error))?;
    let state_dir = project.config.state_dir.clone();
    std::fs::create_dir_all(&state_dir)
        .map_err(|error| Failure::environment("make the state folder", &error))?;
    let deployment = Deployment {
        cluster,
        topics: Topics::new(&project.config.prefix),
        codec: Codec::single_object(),
        instance: InstanceName::from("demo"),
        state_dir,
        clock: Arc::new(SystemClock),
        health,
        metrics: telemetry.metrics(),
    };
    Ok((telemetry, deployment))
}

/// How the watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Finished,
    Interrupted,
    Halted,
    TimedOut,
}

impl End {
    fn complaint(self) -> &'static str {
        match self {
            Self::Finished => "a record is unaccounted for",
            Self::Interrupted => "interrupted before every record had come to its end",
            Self::Halted => "a stage was halted",
            Self::TimedOut => "not every record came to its end in time",
        }
    }
}

/// Shows progress until the sandbox has come to rest and every record has come to its end.
async fn watch(
    project: &Project,
    tallies: &Tallies,
    sandbox: &Running,
    health: &Health,
    cli: &Cli,
    stop: &CancellationToken,
) -> End {
    let mut progress = Progress::start(cli.json, output::language(cli.lang));
    let started = Instant::now();
    let (mut before, mut changed_at) = (Vec::new(), Instant::now());
    let end = loop {
        tokio::select! {
            () = stop.cancelled() => break End::Interrupted,
            () = tokio::time::sleep(TICK) => {}
        }
        let lines = lines(project, tallies);
        let state = (lines, changes(sandbox));
        progress.show(&state.0, started.elapsed());
        if let Some((stage, cause)) = halt(health) {
            eprintln!("{stage}: {cause}");
            break End::Halted;
        }
        if before.as_slice() != std::slice::from_ref(&state) {
            changed_at = Instant::now();
        }
        let settled = changed_at.elapsed() >= QUIET && state.0.iter().all(|line| line.counts.polled > 0);
        if settled && state.0.iter().all(|line| line.is_balanced() && line.counts.waiting == 0) {
            break End::Finished;
        }
        if started.elapsed() > LIMIT {
            break End::TimedOut;
        }
        before = vec![state];
    };
    progress.finish();
    end
}

/// Records of all systems that changed or were added so far.
fn changes(sandbox: &Running) -> u32 {
    let state = sandbox.handle().state();
    state.jushuitan.changes + state.wangdiantong.changes + state.okki.changes
}

fn halt(health: &Health) -> Option<(String, String)> {
    health.conditions().into_iter().find_map(|(stage, condition)| match condition {
        Condition::Halted(cause) => Some((stage, cause)),
        _ => None,
    })
}

fn lines(project: &Project, tallies: &Tallies) -> Vec<FlowCounts> {
    project.flows.iter().map(|flow| tallies.flow(&flow.spec.name, &flow.spec.source.name)).collect()
}

fn tell(
    project: &Project,
    deployment: &Deployment,
    lines: &[FlowCounts],
    options: &Demo,
    cli: &Cli,
    language: Language,
) -> Result<(), Failure> {
    if cli.json {
        say!("{}", summary(lines));
        return Ok(());
    }
    say!("\n{}", counts_table(lines, language));
    for flow in &project.flows {
        let letters = dlq::read_letters(
            &deployment.cluster,
            &deployment.codec,
            &deployment.topics,
            flow.spec.name.as_str(),
        )?;
        if !letters.is_empty() {
            say!("{}:", flow.spec.name);
        }
        for found in letters.iter().take(LETTERS) {
            say!("{}", found.line());
        }
        if letters.len() > LETTERS {
            let more = letters.len() - LETTERS;
            match language {
                Language::Zh => say!("  … 另有 {more} 条"),
                Language::En => say!("  … and {more} more"),
            }
        }
    }
    say!("\n{}", places(options, language));
    Ok(())
}

/// A row a flow with its name above the counts: beside them it would not fit into a terminal of 80 columns.
fn counts_table(flows: &[FlowCounts], language: Language) -> String {
    let names = COUNT_NAMES.map(|[en, zh]| match language {
        Language::Zh => zh,
        Language::En => en,
    });
    let headings: Vec<&str> = std::iter::once("").chain(names).collect();
    let row = |flow: &FlowCounts| {
        std::iter::once(String::new()).chain(flow.cells().iter().map(u64::to_string)).collect()
    };
    let table = output::table(&headings, &flows.iter().map(row).collect::<Vec<Vec<String>>>());
    let (heading, rows) = table.split_once('\n').unwrap_or_default();
    let rows = flows.iter().zip(rows.lines()).map(|(flow, row)| format!("{}\n{row}\n", flow.flow));
    format!("{heading}\n{}", rows.collect::<String>())
}

fn greeting(options: &Demo, sandbox: &Running, language: Language) -> String {
    let (customers, movements, url) = (options.customers, options.movements, sandbox.base_url());
    let Options { orders, refunds, .. } = Options::default();
    match language {
        Language::Zh => format!(
            "Weir 演示：沙箱 → 进程内 Kafka → 金蝶沙箱与 SQLite。\n\
             沙箱模拟聚水潭、旺店通企业版与旗舰版、小满 OKKI、金蝶云星空和 K/3 WISE：\n  {url}\n\
             {customers} 个客户、{movements} 条唯一码流水、{orders} 张订单、两版各 {refunds} 张退换单；\n\
             轮询期间各系统有 {CHANGES} 条记录变化，有些订单先于客户到达。\n\
             演示用的 Kafka 在内存中，进程结束后什么都不保留；台账（SQLite）留在文件夹中。"
        ),
        Language::En => format!(
            "Weir demo: sandbox → in-process Kafka → Kingdee's sandboxes and SQLite.\n\
             The sandbox plays Jushuitan, Wangdiantong Enterprise and Flagship, OKKI,\n\
             Kingdee Galaxy and K/3 WISE: {url}\n\
             {customers} customers, {movements} stock movements, {orders} orders, {refunds} refunds in each edition;\n\
             in each system {CHANGES} records change while they are polled, and some orders\n\
             come before their customers.\n\
             The demo's Kafka lives in memory: it keeps nothing once the process ends.\n\
             The ledger, in SQLite, stays in the folder."
        ),
    }
}

fn places(options: &Demo, language: Language) -> String {
    let folder = options.dir.display();
    match language {
        Language::Zh => format!(
            "SQLite 文件：{folder}/demo.sqlite\n\
             （表 jst_sku_sn_movement 与 aftersales_refund_refund_search）\n配置与流程：{folder}/weir.yaml，{folder}/flows/"
        ),
        Language::En => format!(
            "SQLite file: {folder}/demo.sqlite\n\
             (tables jst_sku_sn_movement and aftersales_refund_refund_search)\nconfiguration and flows: {folder}/weir.yaml, {folder}/flows/"
        ),
    }
}

/// Numbers whose lives are worth a look: one delivered, one refused, one that waited.
async fn to_trace(project: &Project, config: &Path, language: Language) -> Result<String, Failure> {
    const EXAMPLES: [(&str, Example, [&str; 2]); 3] = [
        ("wdt-refund-to-kingdee-return", Example::State("delivered"), ["delivered", "已写入"]),
        ("jushuitan-customer-to-kingdee", Example::State("refused"), ["refused", "被拒绝"]),
        ("okki-order-to-k3wise", Example::Event("released"), ["waited for its customer", "等过客户"]),
    ];
    let opened = ledger::open(project).await?;
    let mut text = match language {
        Language::Zh => "查看单据的经过：",
        Language::En => "See what became of a record:",
    }
    .to_owned();
    for (flow, example, [en, zh]) in EXAMPLES {
        let found = opened.example(flow, example).await.map_err(|error| ledger::failed(&error))?;
        let Some(number) = found else { continue };
        let what = if language == Language::Zh { zh } else { en };
        let _ = write!(text, "\n  weir trace {number} -c {}    # {what}", config.display());
    }
    Ok(text)
}

fn farewell(language: Language) -> &'static str {
    match language {
        Language::Zh => "继续轮询；按 Ctrl-C 结束。",
        Language::En => "Polling goes on; Ctrl-C ends it.",
    }
}
