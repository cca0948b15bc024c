//! The client against prepared answers: what it repeats, what it stores, what it says.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;

use super::*;
use crate::jushuitan::endpoints::{DISTRIBUTOR_QUERY, MY_CHANNEL_QUERY, SKU_SN_MOVEMENTS};
use crate::scripted::Scripted;
use crate::seal::{SealError, SealingKey};

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

#[tokio::test]
async fn each_list_is_read_by_its_description_and_has_a_quota_of_its_own() {
    let channels = r#"{"code":0,"msg":"","data":{"total":205,"channel_vos":[{"channel_co_id":1,"updated":"2024-01-14 10:00:00"}]}}"#;
    let movements = r#"{"code":"0","msg":null,"request_id":"r-1","data":[{"ioi_sn_id":9000001}]}"#;
    let server = Scripted::serve(&[ROWS, channels, movements]).await;
    let client = client(&server, false, None);
    let mut totals = Vec::new();
    for api in [&DISTRIBUTOR_QUERY, &MY_CHANNEL_QUERY, &SKU_SN_MOVEMENTS] {
        let answer = client.call(&Endpoint::from(api), "{}", Lane::Live).await.unwrap();
        assert_eq!(answer.rows.len(), 1, "{}", api.name);
        totals.push(answer.page.total);
    }
    assert_eq!(totals, [None, Some(205), None]);
    let seen = server.seen();
    assert!(seen[1].starts_with(&format!("POST {} HTTP/1.1", MY_CHANNEL_QUERY.path)), "{}", seen[1]);
    let left = client.governor().left();
    let paths = [DISTRIBUTOR_QUERY.path, MY_CHANNEL_QUERY.path, SKU_SN_MOVEMENTS.path];
    assert!(paths.iter().all(|path| left.contains_key(*path)), "{left:?}");
}

#[derive(Default)]
struct Memory {
    token: Mutex<Option<Token>>,
    /// It takes so many tokens and then no more.
    room: Option<usize>,
    taken: AtomicUsize,
}

#[async_trait]
impl TokenStore for Memory {
    async fn load(&self, lineage: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.token.lock().unwrap().clone().filter(|token| token.lineage == lineage))
    }

    async fn store(&self, token: &Token) -> Result<(), StoreError> {
        let taken = self.taken.fetch_add(1, Ordering::SeqCst);
        if self.room.is_some_and(|room| taken >= room) {
            return Err(StoreError::Unavailable("disk full".into()));
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
    // Who can store nothing learns so before the renewal; else the renewal was in vain, and its token is not used.
    for (room, calls) in [(0, 1), (1, 2)] {
        let server = Scripted::serve(&[EXPIRED, TOKEN]).await;
        let store = Arc::new(Memory { room: Some(room), ..Memory::default() });
        let error = call(&client(&server, true, Some(store))).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::TokenStore(_)), "{error}");
        assert_eq!((error.class(), server.seen().len()), (Class::Transient, calls));
    }
}

/// What another key sealed.
struct Closed;

#[async_trait]
impl TokenStore for Closed {
    async fn load(&self, _lineage: &str) -> Result<Option<Token>, StoreError> {
        Err(SealError::Foreign.into())
    }

    async fn store(&self, _token: &Token) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stored_token_that_does_not_open_halts_before_any_call() {
    let server = Scripted::serve(&[]).await;
    let error = call(&client(&server, true, Some(Arc::new(Closed)))).await.unwrap_err();
    assert_eq!((error.class(), server.seen().len()), (Class::Credential, 0));
}

#[test]
fn a_sealed_token_comes_back_whole_for_its_account_and_lineage_only() {
    let mut token = Token::configured(Secret::new("first-token"), Some(Secret::new("first-refresh")));
    token.expires_at = Some(Timestamp::from_second(1_800_000_000).unwrap());
    let key = SealingKey::derive(&Secret::new("key")).unwrap();
    let sealed = token.seal(&key, "shop").unwrap();
    assert_eq!(Token::open(&key, "shop", &token.lineage, &sealed).unwrap(), token);
    assert!(!String::from_utf8_lossy(&sealed).contains("first"));
    assert_eq!(Token::open(&key, "other", &token.lineage, &sealed), Err(SealError::Foreign));
    assert_eq!(Token::open(&key, "shop", "other", &sealed), Err(SealError::Foreign));
}

#[tokio::test]
async fn a_stored_token_survives_a_restart_and_another_configured_one_replaces_it() {
    let kept = Token::configured(Secret::new("first-token"), Some(Secret::new("first-refresh")));
    let stored = |lineage: String| {
        let token = Token { access_token: Secret::new("second-token"), lineage, ..kept.clone() };
        Arc::new(Memory { token: Mutex::new(Some(token)), ..Memory::default() })
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
    let memory = || Arc::new(Memory { token: Mutex::new(Some(token.clone())), ..Memory::default() });

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
