//! The client against prepared answers: what it repeats, what it stores, what it says.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::jushuitan::endpoints::DISTRIBUTOR_QUERY;
use crate::jushuitan::token::StoreError;
use crate::scripted::Scripted;

const ROWS: &str = r#"{"code":0,"data":{"has_next":false,"datas":[{"a":1.10}]}}"#;
const EXPIRED: &str = r#"{"code":100,"msg":"token过期"}"#;
const TOKEN: &str = r#"{"code":0,"msg":"","data":{"access_token":"second-token","expires_in":2592000,"refresh_token":"second-refresh","scope":"all"}}"#;

fn client(server: &Scripted, refresh: bool, store: Option<Arc<dyn TokenStore>>) -> Client {
    let credentials = Credentials {
        app_key: "demo-key".into(),
        app_secret: Secret::new("demo-secret"),
        access_token: Secret::new("first-token"),
        refresh_token: refresh.then(|| Secret::new("first-refresh")),
    };
    let settings = Settings {
        connection: "jst-main".into(),
        base_url: server.base_url.clone(),
        credentials,
        http: http::Options::default(),
    };
    Client::new(settings, store).unwrap()
}

async fn call(client: &Client) -> Result<Answer, CallError> {
    client.call(&Endpoint::from(&DISTRIBUTOR_QUERY), r#"{"page_index":1}"#, Lane::Live).await
}

#[derive(Default)]
struct Memory {
    token: Mutex<Option<Token>>,
    broken: bool,
}

#[async_trait]
impl TokenStore for Memory {
    async fn load(&self) -> Result<Option<Token>, StoreError> {
        Ok(self.token.lock().unwrap().clone())
    }

    async fn store(&self, token: &Token) -> Result<(), StoreError> {
        if self.broken {
            return Err("disk full".into());
        }
        *self.token.lock().unwrap() = Some(token.clone());
        Ok(())
    }
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_stored_and_used() {
    let server = Scripted::serve(&[EXPIRED, TOKEN, ROWS]).await;
    let memory = Arc::new(Memory::default());
    let client = client(&server, true, Some(memory.clone()));
    let answer = call(&client).await.unwrap();
    assert_eq!(answer.rows, [Bytes::from_static(br#"{"a":1.10}"#)]);
    let seen = server.seen();
    assert!(
        seen[1].contains("refresh_token=first-refresh") && seen[1].contains("/openWeb/auth/refreshToken")
    );
    assert!(seen[2].contains("access_token=second-token"));
    let stored = memory.token.lock().unwrap().clone().unwrap();
    assert_eq!(stored.refresh_token.unwrap().expose(), "second-refresh");
    assert!(stored.expires_at.unwrap() > Timestamp::now());
}

#[tokio::test]
async fn a_token_that_cannot_be_stored_is_not_used() {
    let server = Scripted::serve(&[EXPIRED, TOKEN]).await;
    let client = client(&server, true, Some(Arc::new(Memory { broken: true, ..Memory::default() })));
    let error = call(&client).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::TokenStore(_)), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_stored_token_survives_a_restart_and_another_configured_one_replaces_it() {
    let kept = Token::configured(Secret::new("first-token"), Some(Secret::new("first-refresh")));
    let stored = |lineage: String| {
        let token = Token { access_token: Secret::new("second-token"), lineage, ..kept.clone() };
        Arc::new(Memory { token: Mutex::new(Some(token)), broken: false })
    };
    for (lineage, expect) in [(kept.lineage.clone(), "second-token"), ("other".to_owned(), "first-token")] {
        let server = Scripted::serve(&[ROWS]).await;
        call(&client(&server, true, Some(stored(lineage)))).await.unwrap();
        assert!(server.seen()[0].contains(&format!("access_token={expect}")));
    }
}

#[tokio::test]
async fn a_token_near_its_end_is_renewed_before_the_call_and_a_refusal_then_does_not_stop_it() {
    let soon = Timestamp::from_second(Timestamp::now().as_second() + 3_600).unwrap();
    let mut token = Token::configured(Secret::new("first-token"), Some(Secret::new("first-refresh")));
    token.expires_at = Some(soon);
    let memory = || Arc::new(Memory { token: Mutex::new(Some(token.clone())), broken: false });

    let server = Scripted::serve(&[TOKEN, ROWS]).await;
    call(&client(&server, true, Some(memory()))).await.unwrap();
    assert!(server.seen()[1].contains("access_token=second-token"));

    let server = Scripted::serve(&[r#"{"code":150,"msg":"不允许"}"#, ROWS, ROWS]).await;
    let client = client(&server, true, Some(memory()));
    call(&client).await.unwrap();
    call(&client).await.unwrap();
    assert!(
        server.seen()[2].contains("access_token=first-token"),
        "the failed renewal is not repeated at once"
    );
}

#[tokio::test]
async fn without_a_refresh_token_or_after_one_renewal_an_expired_token_is_an_error() {
    let server = Scripted::serve(&[EXPIRED]).await;
    let error = call(&client(&server, false, None)).await.unwrap_err();
    assert_eq!((error.class(), error.code()), (Class::TokenExpired, Some("100")));

    let server = Scripted::serve(&[EXPIRED, TOKEN, EXPIRED]).await;
    assert_eq!(call(&client(&server, true, None)).await.unwrap_err().class(), Class::TokenExpired);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_refused_time_takes_the_servers_clock_and_repeats_once() {
    let refused = "HTTP/1.1 200 OK\r\nDate: Mon, 15 Jan 2024 02:00:00 GMT\r\nConnection: close\r\n\r\n{\"code\":\"140\",\"msg\":\"无效的timestamp\"}";
    let server = Scripted::serve(&[refused, ROWS]).await;
    call(&client(&server, false, None)).await.unwrap();
    assert!(server.seen()[1].contains("timestamp=17052840"), "{}", server.seen()[1]);

    let server = Scripted::serve(&[refused, refused]).await;
    assert_eq!(call(&client(&server, false, None)).await.unwrap_err().class(), Class::ClockSkew);
}

#[tokio::test]
async fn throttle_answers_slow_the_scope_down() {
    let busy = "HTTP/1.1 429 x\r\nRetry-After: 9\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (answer, rest) in
        [(r#"{"code":199,"msg":"too fast"}"#, 1), (r#"{"code":"200","msg":"每分钟超限"}"#, 60), (busy, 9)]
    {
        let server = Scripted::serve(&[answer]).await;
        let client = client(&server, false, None);
        let error = call(&client).await.unwrap_err();
        assert_eq!((error.class(), error.rest()), (Class::Throttled, Some(Duration::from_secs(rest))));
        let left = client.governor().left();
        let scope = &left[DISTRIBUTOR_QUERY.path];
        assert_eq!(scope.rate_permille, 500);
        assert!(scope.rest > Duration::from_millis(rest * 1_000 - 900), "{:?}", scope.rest);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_carries_its_bytes_and_a_cut_one_is_transient() {
    let server = Scripted::serve(&[r#"{"code":0,"data":{"datas":[{"#]).await;
    let error = call(&client(&server, false, None)).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreadable);
    assert_eq!(error.body().unwrap().as_ref(), br#"{"code":0,"data":{"datas":[{"#);

    let server = Scripted::serve(&[""]).await;
    let error = call(&client(&server, false, None)).await.unwrap_err();
    assert_eq!((error.class(), error.effect()), (Class::Transient, Effect::Unknown));
}

#[tokio::test]
async fn no_text_shows_a_secret() {
    let bad_token = TOKEN.replace("\"data\"", "\"other\"");
    let server = Scripted::serve(&[EXPIRED, &bad_token]).await;
    let client = client(&server, true, None);
    let error = call(&client).await.unwrap_err();
    let shown = format!("{client:?} {error} {error:?}");
    for secret in ["demo-secret", "first-token", "first-refresh", "second-token", "second-refresh"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
