//! Both clients against the sandbox over real HTTP: two readings of one contract must meet.

#![allow(clippy::unwrap_used, reason = "helpers of tests stand outside the test functions")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use weir_clients::class::Class;
use weir_clients::error::{CallError, Effect};
use weir_clients::governor::{Lane, Limit};
use weir_clients::http;
use weir_clients::jushuitan::endpoints::{DISTRIBUTOR_QUERY, SKU_SN_MOVEMENTS};
use weir_clients::jushuitan::{self, Answer, Endpoint, StoreError, Token, TokenStore};
use weir_clients::kingdee::{self, Selection, query};
use weir_model::secret::Secret;
use weir_sandbox::When::Next;
use weir_sandbox::{Fault, Options, Rule, Running, Sandbox};

async fn start(change: impl FnOnce(&mut Options)) -> Running {
    let mut options = Options { customers: 60, movements: 120, ..Options::default() };
    options.jushuitan.quota = None;
    change(&mut options);
    Sandbox::start(options, "127.0.0.1:0").await.unwrap()
}

#[derive(Default)]
struct Memory(Mutex<Option<Token>>);

#[async_trait]
impl TokenStore for Memory {
    async fn load(&self, lineage: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.0.lock().unwrap().clone().filter(|token| token.lineage == lineage))
    }

    async fn store(&self, token: &Token) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(token.clone());
        Ok(())
    }
}

fn jushuitan(sandbox: &Running, secret: &str, store: Option<Arc<dyn TokenStore>>) -> jushuitan::Client {
    let settings = jushuitan::Settings {
        connection: "jst".into(),
        base_url: sandbox.base_url().parse().unwrap(),
        credentials: jushuitan::Credentials {
            app_key: "demo-key".into(),
            app_secret: Secret::new(secret),
            access_token: Secret::new("demo-token"),
            refresh_token: Some(Secret::new("demo-refresh")),
        },
        http: http::Options::default(),
    };
    jushuitan::Client::new(settings, store).unwrap()
}

/// The endpoint without a limit of ours, for a sandbox without one.
fn unlimited(api: &weir_clients::describe::Api) -> Endpoint {
    Endpoint { limits: Vec::new(), ..Endpoint::from(api) }
}

async fn distributors(client: &jushuitan::Client, page: u32) -> Result<Answer, CallError> {
    let biz = json!({"page_index": page.to_string(), "page_size": "50"}).to_string();
    client.call(&unlimited(&DISTRIBUTOR_QUERY), &biz, Lane::Live).await
}

#[tokio::test]
async fn every_row_arrives_as_the_bytes_that_were_sent() {
    let sandbox = start(|_| {}).await;
    let client = jushuitan(&sandbox, "demo-secret", None);
    let first = distributors(&client, 1).await.unwrap();
    let second = distributors(&client, 2).await.unwrap();
    assert_eq!((first.rows.len(), first.page.has_next, first.page.total), (50, Some(true), Some(60)));
    assert_eq!((second.rows.len(), second.page.has_next), (10, Some(false)));
    let got: BTreeSet<String> =
        first.rows.iter().chain(&second.rows).map(|row| String::from_utf8(row.to_vec()).unwrap()).collect();
    assert_eq!(got, sandbox.handle().distributors().into_iter().collect());
}

#[tokio::test]
async fn movements_come_as_a_bare_list_also_with_a_code_as_text_and_a_null_message() {
    let sandbox = start(|_| {}).await;
    sandbox.handle().set(Fault::CodeAsText, Rule::new(Next(1)));
    sandbox.handle().set(Fault::NullMsg, Rule::new(Next(1)));
    let client = jushuitan(&sandbox, "demo-secret", None);
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    let time = |days: i64| {
        now.checked_sub(jiff::Span::new().days(days)).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let biz = json!({"page_index": 1, "page_size": 1000, "create_time_start": time(29), "create_time_end": time(0)});
    let answer = client.call(&unlimited(&SKU_SN_MOVEMENTS), &biz.to_string(), Lane::Live).await.unwrap();
    assert_eq!((answer.rows.len(), answer.page.total), (120, None));
}

#[tokio::test]
async fn a_wrong_secret_and_a_bad_page_size_are_told_apart() {
    let sandbox = start(|_| {}).await;
    let error = distributors(&jushuitan(&sandbox, "wrong", None), 1).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (Class::Credential, Effect::None));
    let client = jushuitan(&sandbox, "demo-secret", None);
    let biz = r#"{"page_index":1,"page_size":51}"#;
    let error = client.call(&unlimited(&DISTRIBUTOR_QUERY), biz, Lane::Live).await.unwrap_err();
    assert_eq!(error.class(), Class::Argument, "{error}");
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_another_client_of_the_account_takes_it_from_the_store() {
    let sandbox = start(|_| {}).await;
    let memory = Arc::new(Memory::default());
    let client = jushuitan(&sandbox, "demo-secret", Some(memory.clone()));
    sandbox.handle().expire_jushuitan_token();
    let (one, two) = tokio::join!(distributors(&client, 1), distributors(&client, 2));
    assert_eq!((one.unwrap().rows.len(), two.unwrap().rows.len()), (50, 10));
    assert_eq!(sandbox.handle().state().jushuitan.tokens_issued, 1);
    distributors(&jushuitan(&sandbox, "demo-secret", Some(memory)), 1).await.unwrap();
    assert_eq!(sandbox.handle().state().jushuitan.tokens_issued, 1);
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_from_the_answer() {
    let sandbox = start(|options| options.clock_offset_seconds = 3 * 3_600).await;
    distributors(&jushuitan(&sandbox, "demo-secret", None), 1).await.unwrap();
}

#[tokio::test]
async fn faults_lead_to_their_class() {
    let sandbox = start(|_| {}).await;
    for (fault, code, class) in [
        (Fault::VendorError, Some("199"), Class::Throttled),
        (Fault::Http429, None, Class::Throttled),
        (Fault::Http5xx, None, Class::Transient),
        (Fault::TruncatedJson, None, Class::Unreadable),
        (Fault::HtmlAnswer, None, Class::Unreadable),
        (Fault::LostReply, None, Class::Transient),
    ] {
        let rule = Rule::new(Next(1));
        sandbox.handle().set(fault, code.map_or(rule.clone(), |code| rule.code(code)));
        let error = distributors(&jushuitan(&sandbox, "demo-secret", None), 1).await.unwrap_err();
        assert_eq!(error.class(), class, "{fault:?}: {error}");
        assert_eq!(error.body().is_some(), class == Class::Unreadable, "{fault:?}");
    }
}

#[tokio::test]
async fn within_the_vendors_quota_no_call_is_refused() {
    let sandbox =
        start(|options| options.jushuitan.quota = Some(weir_sandbox::jushuitan::Quota::default())).await;
    let client = jushuitan(&sandbox, "demo-secret", None);
    let endpoint = Endpoint::from(&DISTRIBUTOR_QUERY);
    for _ in 0..12 {
        client.call(&endpoint, r#"{"page_index":1,"page_size":1}"#, Lane::Live).await.unwrap();
    }
    assert!(sandbox.handle().state().jushuitan.quota_refusals.values().all(|refused| *refused == 0));
}

fn kingdee(sandbox: &Running, secret: &str) -> kingdee::Client {
    kingdee_by(
        sandbox,
        kingdee::Proof::Signature(kingdee::Application {
            app_id: Secret::new("200001_c2FuZGJveC1hcHAtc2VlZC0yNGJ5dGVz"),
            app_secret: Secret::new(secret),
            organisation: "0".into(),
        }),
    )
}

fn kingdee_by(sandbox: &Running, proof: kingdee::Proof) -> kingdee::Client {
    kingdee::Client::new(kingdee::Settings {
        connection: "galaxy".into(),
        base_url: format!("{}/k3cloud/", sandbox.base_url()).parse().unwrap(),
        credentials: kingdee::Credentials {
            account_id: "65f0c0ffee0001".into(),
            user_name: "integration".into(),
            language: 2052,
            proof,
        },
        limits: vec![Limit { calls: 100, seconds: 1 }],
        http: http::Options::default(),
    })
    .unwrap()
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn customers(numbers: &[(&str, &str)]) -> Value {
    let model = |(number, name): &(&str, &str)| json!({"FNumber": number, "FName": name, "FCreateOrgId": {"FNumber": "100"}, "FUseOrgId": {"FNumber": "100"}});
    json!({"Model": numbers.iter().map(model).collect::<Vec<_>>()})
}

#[tokio::test]
async fn a_batch_is_answered_per_document_and_can_be_queried_viewed_and_stepped() {
    for by_session in [false, true] {
        let sandbox = start(|_| {}).await;
        let client = if by_session {
            kingdee_by(&sandbox, kingdee::Proof::Password(Secret::new("demo-password")))
        } else {
            kingdee(&sandbox, SECRET)
        };
        let status = client
            .batch_save("BD_Customer", &customers(&[("A", "甲"), ("B", "")]), Lane::Live.into())
            .await
            .unwrap();
        let documents = status.documents(2);
        assert!(documents[0].is_done());
        assert_eq!(documents[1].class(status.msg_code, true), Class::Mandatory, "{}", documents[1].text());

        let again =
            client.batch_save("BD_Customer", &customers(&[("A", "甲")]), Lane::Live.into()).await.unwrap();
        assert_eq!(again.documents(1)[0].class(again.msg_code, true), Class::Duplicate);

        let id = documents[0].entity.as_ref().unwrap().id.clone();
        let which = Selection::Ids(vec![id.clone()]);
        for answer in [
            client.submit("BD_Customer", &which, Lane::Live.into()).await,
            client.audit("BD_Customer", &Selection::Numbers(vec!["A".into()]), Lane::Live.into()).await,
        ] {
            assert!(answer.unwrap().documents(1)[0].is_done());
        }
        let wanted = kingdee::Query {
            form: "BD_Customer".into(),
            fields: vec!["FCUSTID".into(), "FDocumentStatus".into(), "FCreateOrgId.FNumber".into()],
            filter: query::in_list("FNumber", ["A", "none"]),
            order: "FCUSTID".into(),
        };
        let rows = client.execute_bill_query(&wanted, Lane::Live).await.unwrap();
        assert_eq!(rows, [[json!(id.parse::<i64>().unwrap()), json!("C"), json!("100")]]);
        assert_eq!(client.bill_query(&wanted, Lane::Live).await.unwrap()[0]["FDocumentStatus"], "C");
        assert!(
            client.un_audit("BD_Customer", &which, Lane::Live.into()).await.unwrap().documents(1)[0]
                .is_done()
        );
        assert!(client.view("BD_Customer", "A", Lane::Live).await.unwrap().is_some());
        assert_eq!(client.view("BD_Customer", "none", Lane::Live).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_ended_session_is_renewed_and_a_wrong_password_is_told() {
    let sandbox = start(|_| {}).await;
    let client = kingdee_by(&sandbox, kingdee::Proof::Password(Secret::new("demo-password")));
    assert_eq!(client.view("BD_Customer", "A", Lane::Live).await.unwrap(), None);
    sandbox.handle().expire_kingdee_sessions();
    assert_eq!(client.view("BD_Customer", "A", Lane::Live).await.unwrap(), None);
    let wrong = kingdee_by(&sandbox, kingdee::Proof::Password(Secret::new("wrong")));
    let error = wrong.view("BD_Customer", "A", Lane::Live).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (Class::Credential, Effect::None), "{error}");
}

#[tokio::test]
async fn wrong_credentials_unknown_form_and_field_are_told_apart() {
    let sandbox = start(|_| {}).await;
    let error = kingdee(&sandbox, "ffff").view("BD_Customer", "A", Lane::Live).await.unwrap_err();
    assert_eq!(error.class(), Class::Credential, "{error}");
    let client = kingdee(&sandbox, SECRET);
    let error =
        client.batch_save("BD_Nothing", &customers(&[("A", "甲")]), Lane::Live.into()).await.unwrap_err();
    assert_eq!(error.class(), Class::Argument, "{error}");
    let wrong = kingdee::Query {
        form: "BD_Customer".into(),
        fields: vec!["FNothing".into()],
        filter: String::new(),
        order: String::new(),
    };
    let error = client.execute_bill_query(&wrong, Lane::Live).await.unwrap_err();
    assert!(matches!(error.class(), Class::Validation | Class::Reference), "{error}");
}
