//! What one call does to token and quota, against prepared answers.

use super::*;
use crate::okki::{
    Grant,
    endpoints::{ORDER_INFO, ORDER_LIST},
};
use crate::scripted::Scripted;

const TOKEN: &str = r#"{"token_type":"Bearer","access_token":"first"}"#;
const SECOND: &str = r#"{"token_type":"Bearer","access_token":"second"}"#;
const EMPTY: &str = r#"{"code":200,"message":"success","data":{"count":0,"list":[]}}"#;
const REFUSED: &str = r#"{"code":401,"message":"access_denied"}"#;

async fn served(answers: &[&str], grant: Grant) -> (Scripted, Client) {
    let server = Scripted::serve(answers).await;
    let settings = Settings {
        connection: "okki".into(),
        base_url: server.base_url.clone(),
        login: Login::OAuth2 {
            client_id: "demo-client".into(),
            client_secret: Secret::new("hush-hush"),
            scope: "invoices".into(),
            grant,
        },
        limits: Vec::new(),
        http: http::Options::default(),
    };
    (server, Client::new(settings).unwrap())
}

fn user() -> Grant {
    Grant::Password { username: "me@example.com".into(), password: Secret::new("demo-password") }
}

async fn list(client: &Client) -> Result<List, CallError> {
    let query = [("start_time".to_owned(), "2024-01-14 00:00:00".to_owned())];
    client.list(ORDER_LIST.path, &query, ORDER_LIST.list_path, Lane::Live).await
}

fn first_lines(server: &Scripted) -> Vec<String> {
    server.seen().iter().map(|request| request.split(" HTTP").next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_token_is_bought_once_and_sent_with_each_call() {
    let (server, client) = served(&[TOKEN, EMPTY, EMPTY], Grant::ClientCredentials).await;
    assert_eq!(list(&client).await.unwrap(), List { rows: Vec::new(), total: Some(0) });
    list(&client).await.unwrap();
    let called = "GET /v1/invoices/order/list?start_time=2024-01-14+00%3A00%3A00";
    assert_eq!(first_lines(&server), ["POST /v1/oauth2/access_token", called, called]);
    assert!(server.seen()[2].contains("authorization: Bearer first"), "{:?}", server.seen());
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for refusal in [REFUSED, unauthorized] {
        let (server, client) = served(&[TOKEN, refusal, SECOND, EMPTY], Grant::ClientCredentials).await;
        list(&client).await.unwrap();
        assert!(server.seen()[3].contains("authorization: Bearer second"));
    }
    let (server, client) = served(&[TOKEN, REFUSED, SECOND, REFUSED], Grant::ClientCredentials).await;
    let error = list(&client).await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (Class::TokenExpired, 4));
}

#[tokio::test]
async fn a_users_token_is_renewed_and_a_dead_refresh_token_makes_way_for_the_grant() {
    let given = r#"{"access_token":"first","refresh_token":"again"}"#;
    let dead = r#"{"error":"invalid_request","message":"The refresh token is invalid."}"#;
    let dead = format!(
        "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{dead}",
        dead.len()
    );
    let (server, client) = served(&[given, REFUSED, &dead, SECOND, EMPTY], user()).await;
    list(&client).await.unwrap();
    let lines = first_lines(&server);
    assert_eq!(lines[2..4], ["POST /v1/oauth2/refresh_token", "POST /v1/oauth2/access_token"]);
    assert!(server.seen()[2].contains("refresh_token=again"));
    assert!(
        server.seen()[0]
            .ends_with("password=41bd876b085d6031cb0e04de35b88d77f83a4ba39f879fee40805ac19e356023")
    );
}

#[tokio::test]
async fn a_refused_login_halts_and_tells_no_secret() {
    let refusal = r#"{"error":"invalid_client","message":"Client authentication failed"}"#;
    let (_server, client) = served(&[refusal], Grant::ClientCredentials).await;
    let error = list(&client).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::Credential, Some("invalid_client")));
    let (_server, client) = served(&[r#"{"access":"hush-hush"}"#], Grant::ClientCredentials).await;
    let error = list(&client).await.unwrap_err();
    assert_eq!((error.class(), error.body()), (Class::Unreadable, None));
    assert!(!format!("{error:?} {client:?}").contains("hush-hush"));
}

#[tokio::test]
async fn an_object_is_its_bytes_and_a_missing_one_is_none() {
    let good = r#"{"code":200,"data":{ "order_id": 1, "amount": 0.10 }}"#;
    let gone = r#"{"code":404,"message":"Not Found Resource"}"#;
    let (_server, client) =
        served(&[TOKEN, good, gone, r#"{"code":200,"data":5}"#], Grant::ClientCredentials).await;
    let object = async || client.object(ORDER_INFO.path, &[], Lane::Live).await;
    assert_eq!(object().await.unwrap().unwrap(), r#"{ "order_id": 1, "amount": 0.10 }"#);
    assert_eq!(object().await.unwrap(), None);
    let error = object().await.unwrap_err();
    assert_eq!(error.class(), Class::Unreadable);
    assert_eq!(error.body().unwrap(), r#"{"code":200,"data":5}"#);
}

#[tokio::test]
async fn words_about_frequency_slow_the_account_down() {
    let busy = r#"{"code":429,"message":"request frequency limit"}"#;
    let gone = "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let (_server, client) = served(&[TOKEN, busy, gone], Grant::ClientCredentials).await;
    let error = list(&client).await.unwrap_err();
    assert_eq!((error.class(), error.rest()), (Class::Throttled, Some(REST.0)));
    assert_eq!(list(&client).await.unwrap_err().class(), Class::Transient);
}
