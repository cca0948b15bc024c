//! The project of a test: all flows of the repository, polled quickly, in a folder of their own. Processes may have
//! project files of their own beside the same flows: they then come through doors of their own.

use std::{
    fs,
    path::{Path, PathBuf},
};

pub const CUSTOMERS: &str = "jushuitan-customer-to-kingdee";
pub const MOVEMENTS: &str = "jushuitan-sku-sn-to-mysql";
pub const COMPANIES: &str = "okki-companies";
pub const ORDERS: &str = "okki-order-to-k3wise";
pub const AFTERSALES: &str = "wdt-aftersales-to-mysql";
pub const RETURNS: &str = "wdt-refund-to-kingdee-return";

/// The flows, each with its source.
pub const FLOWS: [(&str, &str); 6] = [
    (CUSTOMERS, "jushuitan-customers"),
    (MOVEMENTS, "jushuitan-sku-sn-movements"),
    (COMPANIES, "okki-companies"),
    (ORDERS, "okki-orders"),
    (AFTERSALES, "wdt-aftersales"),
    (RETURNS, "wdt-refunds"),
];

const TEXTS: [(&str, &str); 6] = [
    (CUSTOMERS, include_str!("../../../../flows/jushuitan-customer-to-kingdee.yaml")),
    (MOVEMENTS, include_str!("../../../../flows/jushuitan-sku-sn-to-mysql.yaml")),
    (COMPANIES, include_str!("../../../../flows/okki-companies.yaml")),
    (ORDERS, include_str!("../../../../flows/okki-order-to-k3wise.yaml")),
    (AFTERSALES, include_str!("../../../../flows/wdt-aftersales-to-mysql.yaml")),
    (RETURNS, include_str!("../../../../flows/wdt-refund-to-kingdee-return.yaml")),
];

/// The merchant's shops.
pub const SHOPS: &str = include_str!("../../../../examples/data/shops.csv");

/// What a test changes in a flow: it polls all the time and trusts the sandbox's clock, which is its own.
const CHANGES: [(&str, &str); 4] = [
    ("    every: 60s\n", "    every: 1s\n"),
    ("  poll: {every: 5m,", "  poll: {every: 1s,"),
    ("    settle_lag: 60s\n", "    settle_lag: 3s\n"),
    ("    look_back: 5m\n", "    look_back: 30s\n"),
];

/// Where records change: an order that did is written again, so that its newest state can be looked for; and the first
/// start reaches back as far as the data does, for each day of OKKI's is a window whose calls may be lost.
const CHANGES_OF_CHANGING: [(&str, &str); 2] = [
    ("  key: [Page1.FBillNo]\n", "  key: [Page1.FBillNo]\n  settings: {on_change: update}\n"),
    ("    start_from: -30d\n", "    start_from: -5d\n"),
];

/// Where everything is.
pub struct Addresses<'a> {
    pub kafka: &'a str,
    pub prefix: &'a str,
    pub sandbox: &'a str,
    pub mysql: &'a str,
    pub state_schema: &'a str,
    /// The name that brokers know the process by.
    pub client: &'a str,
}

/// Writes the flows and the shops into an empty folder.
pub fn write_flows(folder: &Path, records_change: bool) {
    let more: &[(&str, &str)] = if records_change { &CHANGES_OF_CHANGING } else { &[] };
    let changes: Vec<_> = CHANGES.iter().chain(more).collect();
    for (from, _) in &changes {
        assert!(TEXTS.iter().any(|(_, text)| text.contains(*from)), "{from:?} stands in no flow any more");
    }
    let flows = folder.join("flows");
    fs::create_dir(&flows).unwrap();
    for (name, text) in TEXTS {
        let text = changes.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        fs::write(flows.join(format!("{name}.yaml")), text).unwrap();
    }
    fs::write(folder.join("shops.csv"), SHOPS).unwrap();
}

/// Writes a project file beside the flows; gives its path.
pub fn write_project(folder: &Path, name: &str, addresses: &Addresses<'_>) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text(addresses)).unwrap();
    file
}

fn text(addresses: &Addresses<'_>) -> String {
    let Addresses { kafka, prefix, sandbox, mysql, state_schema, client } = addresses;
    format!(
        "version: 1
kafka: {{brokers: '{kafka}', prefix: {prefix}, overrides: {{client.id: {client}}}}}
connections:
  jushuitan:
    {{system: jushuitan, base_url: '{sandbox}', app_key: demo-key, app_secret: demo-secret, access_token: demo-token,
      calls_per_second: 40, calls_per_minute: 2000}}
  wangdiantong-enterprise:
    {{system: wangdiantong-enterprise, base_url: '{sandbox}/openapi2/', sid: demo-sid, app_key: demo-app,
      app_secret: demo-secret, calls_per_minute: 2000}}
  wangdiantong-flagship:
    {{system: wangdiantong-flagship, base_url: '{sandbox}/openapi', sid: demo3, app_key: demo3-app,
      app_secret: 'demosecret:demosalt', calls_per_minute: 2000}}
  xiaoman-okki:
    {{system: xiaoman-okki, base_url: '{sandbox}', client_id: demo-client, client_secret: demo-secret,
      calls_per_second: 100}}
  kingdee-galaxy:
    {{system: kingdee-galaxy, base_url: '{sandbox}/k3cloud/', account_id: 65f0c0ffee0001, user_name: integration,
      app_id: 200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz, app_secret: 0123456789abcdef0123456789abcdef}}
  kingdee-k3wise:
    {{system: kingdee-k3wise, base_url: '{sandbox}/K3API/',
      authority_code: 4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920}}
  mysql: {{system: mysql, url: '{mysql}', state_schema: {state_schema}}}
collections:
  shops: {{key: [shop_no], file: shops.csv}}
  okki-companies: {{key: [company_id]}}
flows: [flows]
state_dir: state
"
    )
}
