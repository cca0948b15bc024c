//! The project of a test: the repository's own flows, polled quickly, in a folder of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The flow into Kingdee and its source.
pub const CUSTOMERS: &str = "jushuitan-customer-to-kingdee";
pub const CUSTOMERS_SOURCE: &str = "jushuitan-customers";
/// The flow into MySQL and its source.
pub const MOVEMENTS: &str = "jushuitan-sku-sn-to-mysql";
pub const MOVEMENTS_SOURCE: &str = "jushuitan-sku-sn-movements";

/// The flows, each with its source.
pub const FLOWS: [(&str, &str); 2] = [(CUSTOMERS, CUSTOMERS_SOURCE), (MOVEMENTS, MOVEMENTS_SOURCE)];

const CUSTOMERS_FLOW: &str = include_str!("../../../flows/jushuitan-customer-to-kingdee.yaml");
const MOVEMENTS_FLOW: &str = include_str!("../../../flows/jushuitan-sku-sn-to-mysql.yaml");

/// What a test changes in a flow: it polls all the time and trusts the sandbox's clock, which is its own.
const CHANGES: [(&str, &str); 3] = [
    ("    every: 60s\n", "    every: 1s\n"),
    ("    settle_lag: 60s\n", "    settle_lag: 3s\n"),
    ("    look_back: 5m\n", "    look_back: 30s\n"),
];

/// A secret that is wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// None is.
    Nothing,
    /// The one that the customers' source signs with; the movements' source has a connection of its own.
    JushuitanSecret,
    /// The one that Kingdee is logged in to with.
    KingdeeSecret,
}

/// Where the salesperson comes from when it is looked up, instead of being the same for all customers.
const SELLER: [&str; 2] =
    ["value: GW000001_1,", "value: '_findCollection find seller from sellers where customer={drp_co_id}',"];

/// Where everything is.
pub struct Addresses<'a> {
    pub kafka: &'a str,
    pub prefix: &'a str,
    pub sandbox: &'a str,
    pub mysql: &'a str,
    pub state_schema: &'a str,
}

/// Writes the project into an empty folder; gives the path of its `weir.yaml`.
pub fn write(
    folder: &Path,
    addresses: &Addresses<'_>,
    flaw: Flaw,
    wait_max: Option<&'static str>,
) -> PathBuf {
    let flows = folder.join("flows");
    fs::create_dir(&flows).unwrap();
    let mut customers = adapted(CUSTOMERS_FLOW);
    if flaw == Flaw::JushuitanSecret {
        customers = customers
            .replace("  system: jushuitan\n", "  system: jushuitan\n  connection: jushuitan-wrong\n");
    }
    if let Some(wait_max) = wait_max {
        let [from, to] = SELLER;
        assert!(customers.contains(from), "{from:?} stands in the flow no more");
        customers = customers.replace(from, to);
        let lookups =
            format!("lookups: {{sellers: {{on_missing: wait, wait_max: {wait_max}}}}}\n\ntarget:\n");
        customers = customers.replace("target:\n", &lookups);
    }
    fs::write(flows.join(format!("{CUSTOMERS}.yaml")), customers).unwrap();
    fs::write(flows.join(format!("{MOVEMENTS}.yaml")), adapted(MOVEMENTS_FLOW)).unwrap();
    let file = folder.join("weir.yaml");
    fs::write(&file, text(addresses, flaw)).unwrap();
    file
}

fn adapted(flow: &str) -> String {
    CHANGES.iter().fold(flow.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from:?} stands in the flow no more");
        text.replace(from, to)
    })
}

fn text(addresses: &Addresses<'_>, flaw: Flaw) -> String {
    let Addresses { kafka, prefix, sandbox, mysql, state_schema } = addresses;
    let kingdee_secret = match flaw {
        Flaw::KingdeeSecret => "ffffffffffffffffffffffffffffffff",
        _ => "0123456789abcdef0123456789abcdef",
    };
    let wrong = match flaw {
        Flaw::JushuitanSecret => {
            jushuitan("jushuitan-wrong", sandbox, "not-the-secret", "token-of-another-account")
        }
        _ => String::new(),
    };
    let right = jushuitan("jushuitan", sandbox, "demo-secret", "demo-token");
    format!(
        "version: 1\n\
         kafka: {{brokers: '{kafka}', prefix: {prefix}}}\n\
         connections:\n\
         {right}{wrong}\
         \x20 kingdee-galaxy:\n\
         \x20   system: kingdee-galaxy\n\
         \x20   base_url: {sandbox}/k3cloud/\n\
         \x20   account_id: 65f0c0ffee0001\n\
         \x20   user_name: integration\n\
         \x20   app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz\n\
         \x20   app_secret: {kingdee_secret}\n\
         \x20 mysql: {{system: mysql, url: '{mysql}', state_schema: {state_schema}}}\n\
         collections: {{sellers: {{key: [customer]}}}}\n\
         flows: [flows]\n\
         state_dir: state\n"
    )
}

fn jushuitan(name: &str, sandbox: &str, secret: &str, token: &str) -> String {
    format!(
        "\x20 {name}:\n\
         \x20   system: jushuitan\n\
         \x20   base_url: {sandbox}\n\
         \x20   app_key: demo-key\n\
         \x20   app_secret: {secret}\n\
         \x20   access_token: {token}\n\
         \x20   calls_per_second: 40\n\
         \x20   calls_per_minute: 2000\n"
    )
}
