//! Tokens that end in the middle of a batch: of several calls under way one renews, all succeed, nothing is read or
//! written twice. The token dies at the server, at a call that the client had no reason to fear for.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside the test functions")]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use weir_clients::error::CallError;
use weir_clients::governor::{Lane, Limit};
use weir_clients::jushuitan::endpoints::{DISTRIBUTOR_QUERY, REFRESH_TOKEN};
use weir_clients::jushuitan::{self, Endpoint, StoreError, Token, TokenStore};
use weir_clients::okki::{self, Grant, Login, endpoints};
use weir_clients::{http, k3wise};
use weir_model::secret::Secret;
use weir_sandbox::When::{Every, Next};
use weir_sandbox::{Fault, Handle, Options, Rule, Running, Sandbox};

/// Calls under way at once.
const TOGETHER: u32 = 6;

async fn start() -> Running {
    let mut options = Options { customers: 60, orders: 60, ..Options::default() };
    options.jushuitan.quota = None;
    Sandbox::start(options, "127.0.0.1:0").await.unwrap()
}

/// The token ends at a call whose name contains `on`; every answer takes its time, so that the calls overlap.
fn end_token_at(sandbox: &Handle, on: &str) {
    sandbox.set(Fault::ExpiredToken, Rule::new(Next(1)).on(on));
    sandbox.set(Fault::Slow, Rule::new(Every(1)).on(on).millis(30));
}

fn received(sandbox: &Handle, on: &str) -> u64 {
    let calls = sandbox.state().calls;
    calls.iter().filter(|(name, _)| name.contains(on)).map(|(_, count)| count.received).sum()
}

/// Makes a call per number at once; all must succeed.
async fn together<T: Send + 'static, F>(call: impl Fn(u32) -> F) -> Vec<T>
where
    F: Future<Output = Result<T, CallError>> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for number in 1..=TOGETHER {
        calls.spawn(call(number));
    }
    calls.join_all().await.into_iter().map(Result::unwrap).collect()
}

/// The texts, none of which may come twice.
fn distinct(rows: impl IntoIterator<Item = Vec<u8>>) -> BTreeSet<String> {
    let mut distinct = BTreeSet::new();
    for row in rows {
        let row = String::from_utf8(row).unwrap();
        assert!(distinct.insert(row.clone()), "came twice: {row}");
    }
    distinct
}

/// Keeps what was stored, in order.
#[derive(Default)]
struct Memory(Mutex<Vec<Token>>);

#[async_trait]
impl TokenStore for Memory {
    async fn load(&self, lineage: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.0.lock().unwrap().last().filter(|token| token.lineage == lineage).cloned())
    }

    async fn store(&self, token: &Token) -> Result<(), StoreError> {
        self.0.lock().unwrap().push(token.clone());
        Ok(())
    }
}

#[tokio::test]
async fn jushuitan_renews_once_and_reads_every_row_once() {
    let sandbox = start().await;
    let handle = sandbox.handle();
    let settings = jushuitan::Settings {
        connection: "jst".into(),
        base_url: sandbox.base_url().parse().unwrap(),
        credentials: jushuitan::Credentials {
            app_key: "demo-key".into(),
            app_secret: Secret::new("demo-secret"),
            access_token: Secret::new("demo-token"),
            refresh_token: Some(Secret::new("demo-refresh")),
        },
        http: http::Options::default(),
    };
    let memory = Arc::new(Memory::default());
    let client = Arc::new(jushuitan::Client::new(settings, Some(memory.clone())).unwrap());
    end_token_at(&handle, DISTRIBUTOR_QUERY.path);
    let pages = together(|page| {
        let client = client.clone();
        async move {
            let endpoint = Endpoint { limits: Vec::new(), ..Endpoint::from(&DISTRIBUTOR_QUERY) };
            let biz = json!({"page_index": page, "page_size": 10}).to_string();
            client.call(&endpoint, &biz, Lane::Live).await
        }
    })
    .await;
    let rows = distinct(pages.iter().flat_map(|page| &page.rows).map(|row| row.to_vec()));
    assert_eq!(rows, handle.distributors().into_iter().collect());
    assert_eq!(handle.state().jushuitan.tokens_issued, 1);
    assert_eq!(received(&handle, REFRESH_TOKEN.path), 1);
    // The old one before it is given up, then the new one before it is used.
    assert_eq!(memory.0.lock().unwrap().len(), 2);
}

fn okki_client(sandbox: &Running, grant: Grant) -> Arc<okki::Client> {
    let settings = okki::Settings {
        connection: "okki".into(),
        base_url: sandbox.base_url().parse().unwrap(),
        login: Login::OAuth2 {
            client_id: "demo-client".into(),
            client_secret: Secret::new("demo-secret"),
            scope: "invoices company".into(),
            grant,
        },
        limits: vec![Limit { calls: 1_000, seconds: 1 }],
        http: http::Options::default(),
    };
    Arc::new(okki::Client::new(settings).unwrap())
}

fn password_grant() -> Grant {
    Grant::Password { username: "demo@example.com".into(), password: Secret::new("demo-password") }
}

/// Reads all orders in as many calls at once, through a token that ends at one of them.
async fn read_orders(sandbox: &Running, client: &Arc<okki::Client>) {
    let handle = sandbox.handle();
    let page = |number: u32| {
        let client = client.clone();
        async move {
            let query = [("start_index", number.to_string()), ("count", "10".to_owned())];
            let query: Vec<_> = query.map(|(name, value)| (name.to_owned(), value)).into();
            let list = &endpoints::ORDER_LIST;
            client.list(list.path, &query, list.list_path, Lane::Live).await
        }
    };
    page(1).await.unwrap();
    assert_eq!(handle.state().okki.tokens_issued, 1);
    end_token_at(&handle, endpoints::ORDER_LIST.path);
    let pages = together(page).await;
    let rows = distinct(pages.iter().flat_map(|page| &page.rows).map(|row| row.to_vec()));
    assert_eq!(rows.len(), handle.orders().len());
    assert_eq!(handle.state().okki.tokens_issued, 2, "one renewal");
}

#[tokio::test]
async fn okki_asks_once_for_another_token_of_the_application() {
    let sandbox = start().await;
    read_orders(&sandbox, &okki_client(&sandbox, Grant::ClientCredentials)).await;
    let handle = sandbox.handle();
    let calls = [endpoints::ACCESS_TOKEN.path, endpoints::REFRESH_TOKEN.path];
    assert_eq!(calls.map(|path| received(&handle, path)), [2, 0]);
}

#[tokio::test]
async fn okki_renews_a_users_token_once() {
    let sandbox = start().await;
    read_orders(&sandbox, &okki_client(&sandbox, password_grant())).await;
    let handle = sandbox.handle();
    let calls = [endpoints::ACCESS_TOKEN.path, endpoints::REFRESH_TOKEN.path];
    assert_eq!(calls.map(|path| received(&handle, path)), [1, 1]);
}

#[tokio::test]
async fn okki_asks_for_a_full_grant_once_when_the_refresh_token_is_dead() {
    for error in ["invalid_grant", "invalid_request"] {
        let sandbox = start().await;
        let handle = sandbox.handle();
        let refresh = endpoints::REFRESH_TOKEN.path;
        handle.set(Fault::VendorError, Rule::new(Every(1)).on(refresh).code(error));
        read_orders(&sandbox, &okki_client(&sandbox, password_grant())).await;
        let calls = [endpoints::ACCESS_TOKEN.path, refresh];
        assert_eq!(calls.map(|path| received(&handle, path)), [2, 1], "{error}");
    }
}

fn order() -> Value {
    let reference = |number: &str| json!({"FNumber": number, "FName": ""});
    json!({
        "Page1": [{
            "FCancellation": "false", "Fdate": "2024-03-12", "FCustID": reference("C0032"),
            "FAreaPS": reference("1"), "FExchangeRate": "7.1825",
        }],
        "Page2": [{"FItemID": reference("5.B2-1116"), "FAuxQty": "3500", "FAuxTaxPrice": "11.0682"}],
    })
}

#[tokio::test]
async fn k3_wise_renews_once_and_writes_every_order_once() {
    let sandbox = start().await;
    let handle = sandbox.handle();
    let settings = k3wise::Settings {
        connection: "k3".into(),
        base_url: format!("{}/K3API/", sandbox.base_url()).parse().unwrap(),
        authority_code: Secret::new("4f1c0a6b8e2d4c7f9a3b5d6e7f8091a2b3c4d5e6f7081920"),
        limits: vec![Limit { calls: 1_000, seconds: 1 }],
        http: http::Options::default(),
    };
    let client = Arc::new(k3wise::Client::new(settings).unwrap());
    client.log_in(Lane::Live).await.unwrap();
    end_token_at(&handle, "SO/Save");
    let saved = together(|number| {
        let (client, mut order) = (client.clone(), order());
        order["Page1"][0]["FBillNo"] = json!(format!("XM{number}"));
        async move { client.save("SO", &order, Lane::Live.into()).await }
    })
    .await;
    let numbers = distinct(saved.into_iter().map(|saved| saved.number.unwrap().into_bytes()));
    assert_eq!(numbers.len(), TOGETHER as usize);
    let state = handle.state().k3wise;
    assert_eq!((state.tokens_issued, received(&handle, "Token/Create")), (2, 2));
    assert_eq!(state.store.orders().count(), TOGETHER as usize, "none is stored twice");
}
