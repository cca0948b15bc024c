//! The program `weir-sandbox`: the sandbox of the library on a port of its own, until it is told to stop.

use anyhow::Context as _;
use clap::Parser;
use tracing_subscriber::{EnvFilter, fmt};
use weir_sandbox::{Change, Knobs, Options, RefusedNumbers, Sandbox, Secret, jushuitan, k3wise};

const EXAMPLES: &str = "\
Examples:
  weir-sandbox
      600 customers and 6,000 movements on http://127.0.0.1:18080
  weir-sandbox --listen 127.0.0.1:0 --seed 7 --customers 2000 --change-rate 0.01
      other data on a free port, whose records change while they are paged
  weir-sandbox --knob lost_reply=every:10,on:BatchSave --knob http_5xx=probability:0.02,code:503
      every tenth BatchSave is stored without an answer, and two calls of a hundred meet status 503
  curl -d '{\"vendor_error\":{\"next\":3,\"on\":\"distributor\",\"code\":\"199\"}}' http://127.0.0.1:18080/_sandbox/knobs
      turns a knob of a running sandbox: the next three distributor calls are refused
  curl http://127.0.0.1:18080/_sandbox/state
      what was stored, and how often each call came

Credentials (those of the worked examples in the contracts):
  Jushuitan      app key demo-key, secret demo-secret, token demo-token, refresh token demo-refresh
  Kingdee Galaxy base URL http://127.0.0.1:18080/k3cloud/, AcctID 65f0c0ffee0001, user integration,
                 password demo-password, AppID 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz,
                 AppSec 0123456789abcdef0123456789abcdef
  K/3 WISE       base URL http://127.0.0.1:18080/K3API/,
                 authority code 4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920
  OKKI           client id demo-client, secret demo-secret, user demo@example.com, password demo-password
  Wangdiantong   Qimen at http://127.0.0.1:18080/router/qm, app key 12345678, secret topsecret
    enterprise   below /openapi2/, sid demo-sid, app key demo-app, secret demo-secret
    flagship     at /openapi, sid demo3, app key demo3-app, secret demosecret:demosalt";

/// Servers that behave, and misbehave, like the remote systems Weir talks to.
#[derive(Debug, Parser)]
#[command(name = "weir-sandbox", version, after_help = EXAMPLES)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:18080", env = "WEIR_SANDBOX_LISTEN")]
    listen: String,
    /// Decides every made-up value, change and chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Jushuitan distributors at the start.
    #[arg(long, default_value_t = 600)]
    customers: u32,
    /// Jushuitan unique-code movements at the start.
    #[arg(long, default_value_t = 6_000)]
    movements: u32,
    /// Wangdiantong refunds at the start, in each edition.
    #[arg(long, default_value_t = 400)]
    refunds: u32,
    /// How many days back the data reaches.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    span_days: u32,
    /// Probability per page request that a record of the paged window changes or a new one appears.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    change_rate: f64,
    /// Share of the changing records that leave instead: deleted, archived or removed.
    #[arg(long, default_value_t = 0.0, value_parser = probability)]
    leaving_share: f64,
    /// After so many changes the data comes to rest.
    #[arg(long, default_value_t = 500)]
    change_limit: u32,
    /// Seconds the sandbox's clock runs ahead of the machine's; negative for behind.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
    /// Calls per second, token and endpoint at Jushuitan.
    #[arg(long, default_value_t = 5)]
    per_second: u32,
    /// Calls per minute, token and endpoint at Jushuitan.
    #[arg(long, default_value_t = 100)]
    per_minute: u32,
    /// Calls per minute and seller account at Wangdiantong.
    #[arg(long, default_value_t = 60)]
    wangdiantong_per_minute: u32,
    /// Days after which a Wangdiantong refund is in the archive only.
    #[arg(long, default_value_t = 90)]
    archive_after_days: u32,
    /// Wangdiantong takes pages of any size.
    #[arg(long)]
    any_page_size: bool,
    /// Wangdiantong looks at no signature, and serves the path that the seed of its flagship edition calls.
    #[arg(long)]
    unsigned: bool,
    /// Lifts the limits of Jushuitan and Wangdiantong.
    #[arg(long, conflicts_with_all = ["per_second", "per_minute", "wangdiantong_per_minute"])]
    no_quota: bool,
    /// Seconds a Jushuitan token lives.
    #[arg(long, default_value_t = 2_592_000)]
    token_lifetime: u32,
    /// Seconds a Kingdee session lives after its last call.
    #[arg(long, default_value_t = 1_200)]
    session_lifetime: u32,
    /// OKKI sales orders at the start.
    #[arg(long, default_value_t = 300)]
    orders: u32,
    /// OKKI customers at the start and a little later.
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u32).range(1..=9_999))]
    companies: u32,
    /// Seconds until the OKKI customers are there that come later than their orders.
    #[arg(long, default_value_t = 20)]
    late_companies: u32,
    /// OKKI's list of orders carries their lines, as no real account does.
    #[arg(long)]
    okki_embed_lines: bool,
    /// Seconds an OKKI token lives.
    #[arg(long, default_value_t = 28_800)]
    okki_token_lifetime: u32,
    /// Seconds a K/3 token lives.
    #[arg(long, default_value_t = 3_600)]
    k3_token_lifetime: u32,
    /// Which fields K/3 wants filled.
    #[arg(long, value_enum, default_value_t)]
    k3_mandatory: k3wise::Mandatory,
    /// How K/3 tells that a document was written.
    #[arg(long, value_enum, default_value_t)]
    k3_success: k3wise::SuccessShape,
    /// The password Kingdee's ValidateUser takes.
    #[arg(
        long,
        default_value = "demo-password",
        env = "WEIR_SANDBOX_KINGDEE_PASSWORD",
        hide_env_values = true,
        value_parser = secret
    )]
    kingdee_password: Secret,
    /// Switches a fault on: NAME=WHEN:VALUE[,KEY:VALUE…]; WHEN is probability, next or every; KEY is on, code or millis.
    #[arg(long = "knob", value_name = "NAME=RULE", value_parser = knob)]
    knobs: Vec<String>,
    /// Kingdee refuses for good every document whose number this divides.
    #[arg(long, default_value_t = 0, value_name = "N")]
    refuse_every: u64,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

/// Lets a knob pass that can be read, so that a bad one is told like any other bad argument.
fn knob(text: &str) -> Result<String, String> {
    match Knobs::default().merge_shorthand(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(error) => {
            let causes =
                std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            Err(causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
        }
    }
}

impl Arguments {
    fn into_options(self) -> anyhow::Result<Options> {
        let mut options = Options {
            seed: self.seed,
            customers: self.customers,
            movements: self.movements,
            orders: self.orders,
            refunds: self.refunds,
            companies: self.companies,
            span_seconds: self.span_days * 86_400,
            clock_offset_seconds: self.clock_offset,
            change: Change { rate: self.change_rate, limit: self.change_limit, ..Change::default() },
            leaving_share: self.leaving_share,
            ..Options::default()
        };
        let quota = jushuitan::Quota { per_second: self.per_second, per_minute: self.per_minute };
        options.jushuitan.quota = (!self.no_quota).then_some(quota);
        options.jushuitan.token_lifetime_seconds = self.token_lifetime;
        options.wangdiantong.calls_per_minute = (!self.no_quota).then_some(self.wangdiantong_per_minute);
        options.wangdiantong.archive_after_days = self.archive_after_days;
        options.wangdiantong.strict_page_size = !self.any_page_size;
        options.wangdiantong.require_sign = !self.unsigned;
        options.kingdee.session_lifetime_seconds = self.session_lifetime;
        options.kingdee.password = self.kingdee_password;
        options.okki.late_company_seconds = self.late_companies;
        options.okki.embed_lines = self.okki_embed_lines;
        options.okki.token_lifetime_seconds = self.okki_token_lifetime;
        options.k3wise.token_lifetime_seconds = self.k3_token_lifetime;
        options.k3wise.mandatory = self.k3_mandatory;
        options.k3wise.success_shape = self.k3_success;
        for knob in &self.knobs {
            options.knobs.merge_shorthand(knob).with_context(|| format!("--knob {knob}"))?;
        }
        options.knobs.refuse_numbers(RefusedNumbers { every: self.refuse_every, numbers: Vec::new() });
        Ok(options)
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let listen = arguments.listen.clone();
    let options = arguments.into_options()?;
    let running =
        Sandbox::start(options, &listen).await.with_context(|| format!("cannot start on {listen}"))?;
    tracing::info!(address = %running.address(), "sandbox listens");
    println!("{}", running.base_url());
    told_to_stop().await?;
    tracing::info!("sandbox stops");
    running.shutdown().await;
    Ok(())
}
